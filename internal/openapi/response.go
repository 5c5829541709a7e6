package openapi

import (
	"regexp"

	api "gatehouse/internal/awsapi/apigateway"
)

// statusCode is the pattern of the service model for status codes.
var statusCode = regexp.MustCompile(`^[1-5]\d\d$`)

// readResponses makes the method responses of an operation.
func (im *importer) readResponses(op *operation) {
	at := op.at + ".responses"
	all := im.expect(op.node.get("responses"), kindObject, at)
	if all == nil {
		return
	}
	for i, code := range all.keys {
		// AWS: "Default response not supported, skipping" (aws-apigateway-importer).
		if code == "default" {
			continue
		}
		at := at + "." + code
		r := im.expect(im.resolve(all.items[i], at), kindObject, at)
		if r == nil {
			continue
		}
		if !statusCode.MatchString(code) {
			if len(code) > 1 && code[:2] == "x-" {
				continue
			}
			// AWS: the service model's pattern; how an import words it is undocumented.
			im.refuse(op, "method response", "Invalid status code specified: "+cut(code))
			continue
		}
		if op.method.MethodResponses == nil {
			op.method.MethodResponses = map[string]api.MethodResponse{}
		}
		op.method.MethodResponses[code] = im.methodResponse(op, r, code, at)
	}
}

func (im *importer) methodResponse(op *operation, r *node, code, at string) api.MethodResponse {
	out := api.MethodResponse{StatusCode: &code}
	if headers := im.member(r, "headers", kindObject, at); headers != nil && len(headers.keys) > 0 {
		out.ResponseParameters = make(map[string]bool, len(headers.keys))
		for _, h := range headers.keys {
			// AWS: never required (recorded in all imports with headers).
			out.ResponseParameters["method.response.header."+h] = false
		}
	}
	add := func(mediaType string, schema *node, at string) {
		name := im.modelFor(schema, at)
		if name == "" {
			return
		}
		if out.ResponseModels == nil {
			out.ResponseModels = map[string]string{}
		}
		out.ResponseModels[mediaType] = name
	}
	if !im.v3 {
		add(op.produces, r.get("schema"), at+".schema")
		return out
	}
	if content := im.member(r, "content", kindObject, at); content != nil {
		for i, mediaType := range content.keys {
			add(mediaType, content.items[i].get("schema"), at+".content."+mediaType+".schema")
		}
	}
	return out
}
