package apigateway

import (
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
)

// undocumented are the places of an API that nothing was written about.
//
// AWS: "UNDOCUMENTED for retrieving DocumentationPart resources without
// content" (API reference of GetDocumentationParts); that they come without id
// and properties is our reading of it.
func undocumented(def *record.Definition, d *record.Documentation) []api.DocumentationPart {
	written := make(map[string]bool, len(d.Parts))
	for _, p := range d.Parts {
		written[locationText(p.Location)] = true
	}
	var out []api.DocumentationPart
	for _, loc := range places(def) {
		if key := locationText(&loc); !written[key] {
			written[key] = true // two media types may name one place
			out = append(out, api.DocumentationPart{Location: &loc})
		}
	}
	return out
}

// places are all places of an API that documentation can be about.
func places(def *record.Definition) []api.DocumentationPartLocation {
	list := []api.DocumentationPartLocation{{Type: new(api.DocumentationPartTypeApi)}}
	for _, name := range sortedKeys(def.Models) {
		list = append(list, api.DocumentationPartLocation{Type: new(api.DocumentationPartTypeModel), Name: new(name)})
	}
	for _, r := range byPath(def) {
		list = append(list, api.DocumentationPartLocation{Type: new(api.DocumentationPartTypeResource), Path: r.Path})
		for _, name := range sortedKeys(r.ResourceMethods) {
			list = append(list, placesOfMethod(*r.Path, name, r.ResourceMethods[name])...)
		}
	}
	return list
}

// parameterParts are the kinds of places of a method's parameters, by where
// they stand in a request.
var parameterParts = map[string]string{
	"path": api.DocumentationPartTypePathParameter, "querystring": api.DocumentationPartTypeQueryParameter,
	"header": api.DocumentationPartTypeRequestHeader,
}

func placesOfMethod(path, httpMethod string, m api.Method) []api.DocumentationPartLocation {
	of := func(kind string) api.DocumentationPartLocation {
		return api.DocumentationPartLocation{Type: new(kind), Path: new(path), Method: new(httpMethod)}
	}
	list := []api.DocumentationPartLocation{of(api.DocumentationPartTypeMethod)}
	for _, p := range sortedKeys(m.RequestParameters) {
		where, name, _ := strings.Cut(strings.TrimPrefix(p, "method.request."), ".")
		if kind := parameterParts[where]; kind != "" {
			loc := of(kind)
			loc.Name = new(name)
			list = append(list, loc)
		}
	}
	if len(m.RequestModels) > 0 {
		list = append(list, of(api.DocumentationPartTypeRequestBody))
	}
	for _, status := range sortedKeys(m.MethodResponses) {
		response := of(api.DocumentationPartTypeResponse)
		response.StatusCode = new(status)
		list = append(list, response)
		for _, p := range sortedKeys(m.MethodResponses[status].ResponseParameters) {
			header := of(api.DocumentationPartTypeResponseHeader)
			header.StatusCode, header.Name = new(status), new(strings.TrimPrefix(p, "method.response.header."))
			list = append(list, header)
		}
		if len(m.MethodResponses[status].ResponseModels) > 0 {
			body := of(api.DocumentationPartTypeResponseBody)
			body.StatusCode = new(status)
			list = append(list, body)
		}
	}
	return list
}
