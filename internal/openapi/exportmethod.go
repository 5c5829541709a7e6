package openapi

import (
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
)

// paths writes the resources that have methods, and those that nothing else in
// the document would bring back.
func (ex *exporter) paths() *node {
	parents := map[string]bool{}
	for _, r := range ex.api.Resources {
		parents[r.Parent] = true
	}
	out := object()
	resources := slices.Clone(ex.api.Resources)
	slices.SortStableFunc(resources, func(a, b Resource) int { return strings.Compare(a.Path, b.Path) })
	for _, r := range resources {
		if len(r.Methods) == 0 && (r.Path == "/" || parents[r.Path]) {
			continue
		}
		item := object()
		for _, m := range r.Methods {
			item.put(memberOf(*m.HttpMethod), ex.operation(r.Path, m))
		}
		ex.docs.at(api.DocumentationPartTypeResource, r.Path, "", "", "").insert(item)
		out.put(r.Path, item)
	}
	return out
}

// memberOf is the member of a path item that stands for a method.
func memberOf(verb string) string {
	if verb == "ANY" {
		return "x-amazon-apigateway-any-method"
	}
	return strings.ToLower(verb)
}

// operation writes one method.
func (ex *exporter) operation(path string, m Method) *node {
	verb := *m.HttpMethod
	n := object()
	n.put("operationId", optional(nonEmpty(m.OperationName)))
	produces := ""
	if !ex.opt.V3 {
		produces = ex.mediaTypes(n, m)
	}
	n.put("parameters", ex.parameters(path, m))
	if ex.opt.V3 && len(m.RequestModels) > 0 {
		body := object()
		body.put("content", ex.content(m.RequestModels))
		body.put("required", boolNode(true))
		ex.docs.at(api.DocumentationPartTypeRequestBody, path, verb, "", "").insert(body, "description")
		n.put("requestBody", body)
	}
	responses := object()
	for _, status := range sortedNames(m.MethodResponses) {
		responses.put(status, ex.response(path, verb, m.MethodResponses[status], status, produces))
	}
	n.put("responses", responses)
	n.put("security", ex.security(m))
	if ex.opt.Extensions {
		if m.Validator != "" {
			n.put(extValidator, textNode(m.Validator))
		}
		if m.MethodIntegration != nil {
			n.put(extIntegration, ex.integration(m.MethodIntegration))
		}
	}
	ex.docs.at(api.DocumentationPartTypeMethod, path, verb, "", "").insert(n, "description", "summary", "tags", "deprecated", "externalDocs")
	return n
}

// mediaTypes writes what OpenAPI 2.0 says once for a method: the media types of
// its requests and of its responses. It returns the one under which response
// models are written.
//
// AWS: the media types of models and of templates (recorded). The one that an
// import takes for the models must be theirs, so JSON is left out where only a
// template has it.
func (ex *exporter) mediaTypes(n *node, m Method) string {
	request := map[string]bool{}
	for t := range m.RequestModels {
		request[t] = true
	}
	response, models := map[string]bool{}, map[string]bool{}
	for _, r := range m.MethodResponses {
		for t := range r.ResponseModels {
			response[t], models[t] = true, true
		}
	}
	if i := m.MethodIntegration; i != nil {
		for t := range i.RequestTemplates {
			request[t] = true
		}
		for _, r := range i.IntegrationResponses {
			for t := range r.ResponseTemplates {
				response[t] = true
			}
		}
	}
	n.put("consumes", mediaTypeList(request, preferred(m.RequestModels)))
	of := preferred(models)
	n.put("produces", mediaTypeList(response, of))
	return of
}

// preferred is the media type under which a document of OpenAPI 2.0 writes
// models, or "".
func preferred[V any](byType map[string]V) string {
	if _, ok := byType[mediaTypeJSON]; ok || len(byType) == 0 {
		if ok {
			return mediaTypeJSON
		}
		return ""
	}
	return sortedNames(byType)[0]
}

// mediaTypeList lists media types, the one of models first.
func mediaTypeList(types map[string]bool, models string) *node {
	list := sortedNames(types)
	if models != "" {
		list = slices.DeleteFunc(list, func(t string) bool { return t == models || t == mediaTypeJSON })
		list = append([]string{models}, list...)
	}
	return texts(list)
}

// places are the kinds of parameters, by what AWS calls their places.
var places = map[string]struct{ in, part string }{
	"path":        {"path", api.DocumentationPartTypePathParameter},
	"querystring": {"query", api.DocumentationPartTypeQueryParameter},
	"header":      {"header", api.DocumentationPartTypeRequestHeader},
}

// parameters writes the parameters of a method, with OpenAPI 2.0 also its body.
func (ex *exporter) parameters(path string, m Method) *node {
	list := listNode()
	for _, key := range sortedNames(m.RequestParameters) {
		where, name, _ := strings.Cut(strings.TrimPrefix(key, "method.request."), ".")
		place, ok := places[where]
		if !ok {
			continue
		}
		required := m.RequestParameters[key] || where == "path"
		p := object()
		p.put("name", textNode(name))
		p.put("in", textNode(place.in))
		if required || !ex.opt.V3 { // AWS: recorded so
			p.put("required", boolNode(required))
		}
		ex.typed(p)
		ex.docs.at(place.part, path, *m.HttpMethod, "", name).insert(p, "description")
		list.items = append(list.items, p)
	}
	if t := preferred(m.RequestModels); t != "" && !ex.opt.V3 {
		p := object()
		p.put("in", textNode("body"))
		p.put("name", textNode(m.RequestModels[t]))
		p.put("required", boolNode(true))
		p.put("schema", ex.reference(m.RequestModels[t]))
		ex.docs.at(api.DocumentationPartTypeRequestBody, path, *m.HttpMethod, "", "").insert(p, "description")
		list.items = append(list.items, p)
	}
	return list.orNil()
}

// typed says that a parameter or header is a text, for nothing else is known.
func (ex *exporter) typed(n *node) {
	if !ex.opt.V3 {
		n.put("type", textNode("string"))
		return
	}
	schema := object()
	schema.put("type", textNode("string"))
	n.put("schema", schema)
}

func (ex *exporter) reference(model string) *node {
	n := object()
	n.put("$ref", textNode(ex.refTo(model)))
	return n
}

// content writes models by their media types.
func (ex *exporter) content(models map[string]string) *node {
	n := object()
	for _, t := range sortedNames(models) {
		media := object()
		media.put("schema", ex.reference(models[t]))
		n.put(t, media)
	}
	return n
}

// response writes one method response. AWS: the description is recorded, and
// that there is always a content.
func (ex *exporter) response(path, verb string, r api.MethodResponse, status, produces string) *node {
	n := object()
	// What the documentation says of the description goes before ours.
	ex.docs.at(api.DocumentationPartTypeResponse, path, verb, status, "").insert(n, "description")
	n.put("description", textNode(status+" response"))
	if model := r.ResponseModels[produces]; model != "" && !ex.opt.V3 {
		n.put("schema", ex.reference(model))
	}
	headers := object()
	for _, key := range sortedNames(r.ResponseParameters) {
		name := strings.TrimPrefix(key, "method.response.header.")
		h := object()
		ex.typed(h)
		ex.docs.at(api.DocumentationPartTypeResponseHeader, path, verb, status, name).insert(h, "description")
		headers.put(name, h)
	}
	n.put("headers", headers.orNil())
	if ex.opt.V3 {
		n.put("content", ex.content(r.ResponseModels))
	}
	return n
}

// integration writes the extension that holds an integration. What is as by
// default is left out, as in the recorded exports.
func (ex *exporter) integration(in *api.Integration) *node {
	n := object()
	n.put("type", lower(in.Type))
	if *in.Type != api.IntegrationTypeMock {
		n.put("httpMethod", optional(nonEmpty(in.HttpMethod)))
	}
	n.put("uri", optional(nonEmpty(in.Uri)))
	n.put("credentials", optional(nonEmpty(in.Credentials)))
	if orEmpty(in.ConnectionType) != api.ConnectionTypeInternet {
		n.put("connectionType", optional(nonEmpty(in.ConnectionType)))
	}
	n.put("connectionId", optional(nonEmpty(in.ConnectionId)))
	n.put("integrationTarget", optional(nonEmpty(in.IntegrationTarget)))
	responses := object()
	for _, status := range sortedNames(in.IntegrationResponses) {
		r := in.IntegrationResponses[status]
		key := orEmpty(r.SelectionPattern)
		if key == "" {
			key = "default"
		}
		// A document has one response for a pattern: the first, which is the
		// one that answers.
		response := object()
		response.put("statusCode", textNode(status))
		response.put("responseParameters", textMap(r.ResponseParameters))
		response.put("responseTemplates", textMap(r.ResponseTemplates))
		response.put("contentHandling", optional(nonEmpty(r.ContentHandling)))
		responses.put(key, response)
	}
	n.put("responses", responses.orNil())
	n.put("requestParameters", textMap(in.RequestParameters))
	n.put("requestTemplates", textMap(in.RequestTemplates))
	n.put("passthroughBehavior", lower(in.PassthroughBehavior))
	n.put("contentHandling", optional(nonEmpty(in.ContentHandling)))
	if in.TimeoutInMillis != nil && *in.TimeoutInMillis != defaultTimeout {
		n.put("timeoutInMillis", intNode(*in.TimeoutInMillis))
	}
	n.put("cacheNamespace", optional(nonEmpty(in.CacheNamespace)))
	n.put("cacheKeyParameters", texts(in.CacheKeyParameters))
	n.put("responseTransferMode", optional(nonEmpty(in.ResponseTransferMode)))
	if in.TlsConfig != nil {
		tls := object()
		if skip := in.TlsConfig.InsecureSkipVerification; skip != nil {
			tls.put("insecureSkipVerification", boolNode(*skip))
		}
		n.put("tlsConfig", tls)
	}
	return n
}

// lower is a word as exports write it: in lower case.
func lower(p *string) *node {
	if p == nil {
		return nil
	}
	return textNode(strings.ToLower(*p))
}
