package openapi

import (
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
)

// verbs are the members of a path item that become methods.
//
// AWS: x-amazon-apigateway-any-method is the method ANY. There is no TRACE.
var verbs = map[string]string{
	"get": "GET", "put": "PUT", "post": "POST", "delete": "DELETE", "options": "OPTIONS", "head": "HEAD", "patch": "PATCH",
	"x-amazon-apigateway-any-method": "ANY",
}

// An operation is one method being made: what the document says of it, and
// where it goes.
type operation struct {
	node     *node
	item     *node // the path item, for what its operations share
	resource *Resource
	verb     string
	at       string // as the parser names places: paths.'/pets'(get)
	consumes string // media type of bodies in Swagger 2
	produces string
	method   Method
}

// readItem makes the methods of the path item that belongs to resource r.
func (im *importer) readItem(item *node, r int, at string) {
	for i, key := range item.keys {
		verb := verbs[key]
		if key == "trace" {
			// AWS: undocumented; a method it has no word for cannot be made.
			im.warnf("Unsupported method 'TRACE' for resource at path '%s'. Ignoring.", im.api.Resources[r].Path)
		}
		if verb == "" {
			continue
		}
		op := &operation{item: item, resource: &im.api.Resources[r], verb: verb, at: at + "(" + key + ")"}
		if op.node = im.expect(item.items[i], kindObject, op.at); op.node == nil {
			continue
		}
		if slices.ContainsFunc(op.resource.Methods, func(m Method) bool { return *m.HttpMethod == verb }) {
			// Two spellings of one path: "/a" and "/a/".
			im.errorf("Unable to put method '%s' on resource at path '%s': Method already exists for this resource",
				verb, op.resource.Path)
			continue
		}
		im.readOperation(op)
		op.resource.Methods = append(op.resource.Methods, op.method)
		if im.exceeded() {
			return
		}
	}
}

func (im *importer) readOperation(op *operation) {
	op.method.HttpMethod = &op.verb
	op.method.OperationName = im.text(op.node, "operationId", op.at)
	op.consumes = mediaType(op.node.get("consumes"), im.consumes)
	op.produces = mediaType(op.node.get("produces"), im.produces)
	im.readParameters(op)
	im.readRequestBody(op)
	im.readValidator(op)
	im.secure(op)
	im.readResponses(op)
	im.readIntegration(op)
}

// readParameters declares the parameters of an operation, those of its path
// item that it does not declare itself, and the path's variables.
func (im *importer) readParameters(op *operation) {
	params := map[string]bool{}
	for _, level := range []struct {
		n  *node
		at string
	}{{op.item, strings.TrimSuffix(op.at, op.at[strings.LastIndexByte(op.at, '('):])}, {op.node, op.at}} {
		list := im.member(level.n, "parameters", kindList, level.at)
		if list == nil {
			continue
		}
		if level.n == op.item {
			im.charge(list) // once for every operation
		}
		for _, p := range list.items {
			im.readParameter(op, p, params, level.at+".parameters")
		}
	}
	for _, part := range segmentsOf(op.resource.Path) {
		// AWS: variables nobody declared are required parameters, greedy ones
		// are not added (recorded in test_import_with_global_api_key_authorizer).
		if name, ok := strings.CutPrefix(part, "{"); ok && !strings.HasSuffix(name, "+}") {
			name = "method.request.path." + strings.TrimSuffix(name, "}")
			if _, ok := params[name]; !ok {
				params[name] = true
			}
		}
	}
	if len(params) > 0 {
		op.method.RequestParameters = params
	}
}

// readParameter puts one parameter in params. Of a parameter only the name,
// the place and "required" mean anything.
func (im *importer) readParameter(op *operation, p *node, params map[string]bool, at string) {
	if p = im.expect(im.resolve(p, at), kindObject, at); p == nil {
		return
	}
	name, in := im.text(p, "name", at), im.text(p, "in", at)
	if in == nil || (name == nil && *in != "body") {
		im.warnf("Parse issue: attribute %s.name or in is missing", at)
		return
	}
	place := *in
	switch place {
	case "query":
		place = "querystring"
	case "header", "path":
	case "body":
		if !im.v3 {
			im.bodyModel(op, op.consumes, p.get("schema"), at+".schema")
		}
		return
	case "formData":
		return // AWS: the body of a form is not declared anywhere in an API.
	default:
		im.warnf("Parameter type '%s' of parameter '%s' not supported. Ignoring.", cut(place), cut(*name))
		return
	}
	required := im.boolean(p, "required", at)
	// OpenAPI: a path parameter is always required.
	params["method.request."+place+"."+*name] = place == "path" || (required != nil && *required)
}

const mediaTypeJSON = "application/json"

// mediaType returns the media type for bodies by a list of consumes or
// produces, and otherwise if there is no list.
//
// AWS: application/json if it is among those of the operation, or else of the
// document; otherwise the first of them (aws-apigateway-importer).
func mediaType(list *node, otherwise string) string {
	if !list.is(kindList) || len(list.items) == 0 {
		return otherwise
	}
	for _, v := range list.items {
		if t, ok := v.scalar(); ok && strings.EqualFold(t, mediaTypeJSON) {
			return mediaTypeJSON
		}
	}
	if t, ok := list.items[0].scalar(); ok {
		return t
	}
	return otherwise
}

// readRequestBody declares the models of an OpenAPI 3 request body.
func (im *importer) readRequestBody(op *operation) {
	at := op.at + ".requestBody"
	if !im.v3 || !op.node.get("requestBody").present() {
		return
	}
	body := im.expect(im.resolve(op.node.get("requestBody"), at), kindObject, at)
	content := im.member(body, "content", kindObject, at)
	if content == nil {
		return
	}
	for i, mediaType := range content.keys {
		im.bodyModel(op, mediaType, content.items[i].get("schema"), at+".content."+mediaType+".schema")
	}
}

// bodyModel declares the model of one media type of the request's body.
func (im *importer) bodyModel(op *operation, mediaType string, schema *node, at string) {
	name := im.modelFor(schema, at)
	if name == "" {
		return
	}
	if op.method.RequestModels == nil {
		op.method.RequestModels = map[string]string{}
	}
	op.method.RequestModels[mediaType] = name
}

const (
	extValidators = "x-amazon-apigateway-request-validators"
	extValidator  = "x-amazon-apigateway-request-validator"
)

// readValidators makes the request validators of the document.
func (im *importer) readValidators() {
	im.validator = nonEmpty(im.text(im.root, extValidator, ""))
	all := im.member(im.root, extValidators, kindObject, "")
	if all == nil {
		return
	}
	for i, name := range all.keys {
		at := extValidators + "." + name
		v := im.expect(all.items[i], kindObject, at)
		if v == nil {
			continue
		}
		out := api.RequestValidator{Name: &all.keys[i], ValidateRequestBody: ptr(false), ValidateRequestParameters: ptr(false)}
		if b := im.boolean(v, "validateRequestBody", at); b != nil {
			out.ValidateRequestBody = b
		}
		if b := im.boolean(v, "validateRequestParameters", at); b != nil {
			out.ValidateRequestParameters = b
		}
		im.validators[name] = true
		im.api.Validators = append(im.api.Validators, out)
	}
}

// readValidator gives a method its validator: the operation's, or the document's.
func (im *importer) readValidator(op *operation) {
	name := nonEmpty(im.text(op.node, extValidator, op.at))
	if name == nil {
		name = im.validator
	}
	if name == nil {
		return
	}
	if !im.validators[*name] {
		// AWS: wording undocumented; that of a put method with a wrong validator.
		im.errorf("Unable to put method '%s' on resource at path '%s': Invalid Request Validator identifier specified",
			op.verb, op.resource.Path)
		return
	}
	op.method.Validator = *name
}
