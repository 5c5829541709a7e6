package openapi

import (
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
)

const extIntegration = "x-amazon-apigateway-integration"

// AWS: what an integration waits without being told, in milliseconds.
const defaultTimeout = 29000

// readIntegration makes the integration of an operation, if it has one. A
// method without is complete; only its deployment will fail.
func (im *importer) readIntegration(op *operation) {
	n := op.node.get(extIntegration)
	if !n.present() {
		return
	}
	kind, _ := n.get("type").scalar()
	kind, ok := oneOf(kind, api.IntegrationTypeHttp, api.IntegrationTypeHttpProxy, api.IntegrationTypeAws,
		api.IntegrationTypeAwsProxy, api.IntegrationTypeMock)
	if n.kind != kindObject || !ok {
		im.errorf("Unable to parse API definition because of a malformed integration at path %s", op.resource.Path)
		return
	}
	at := op.at + "." + extIntegration
	out := &api.Integration{
		Type:                &kind,
		Uri:                 im.text(n, "uri", at),
		Credentials:         nonEmpty(im.text(n, "credentials", at)),
		ConnectionId:        nonEmpty(im.text(n, "connectionId", at)),
		IntegrationTarget:   nonEmpty(im.text(n, "integrationTarget", at)),
		CacheNamespace:      nonEmpty(im.text(n, "cacheNamespace", at)),
		CacheKeyParameters:  im.strings(n, "cacheKeyParameters", at),
		RequestParameters:   im.mapping(op, n, "requestParameters"),
		RequestTemplates:    im.templates(n, "requestTemplates", at),
		TimeoutInMillis:     im.int32(n, "timeoutInMillis", at),
		PassthroughBehavior: ptr("WHEN_NO_MATCH"),
	}
	if out.CacheKeyParameters == nil {
		out.CacheKeyParameters = []string{}
	}
	if out.TimeoutInMillis == nil {
		out.TimeoutInMillis = ptr(int32(defaultTimeout))
	}
	im.integrationChoices(op, n, out, at)
	if *out.Type == api.IntegrationTypeMock {
		// AWS: a mock keeps neither verb nor URI (recorded in
		// test_import_with_http_method_integration).
		out.Uri = nil
	} else if verb := nonEmpty(im.text(n, "httpMethod", at)); verb != nil {
		out.HttpMethod = ptr(strings.ToUpper(*verb))
	}
	if tls := im.member(n, "tlsConfig", kindObject, at); tls != nil {
		out.TlsConfig = &api.TlsConfig{InsecureSkipVerification: im.boolean(tls, "insecureSkipVerification", at+".tlsConfig")}
	}
	im.readIntegrationResponses(op, n, out)
	op.method.MethodIntegration = out
}

// refuse reports why a part of a method cannot be put.
func (im *importer) refuse(op *operation, part, why string) {
	im.errorf("%s", Unable(part, op.verb, op.resource.Path, why))
}

// integrationChoices reads the members of an integration that have a fixed set
// of values. They may be in lower case.
func (im *importer) integrationChoices(op *operation, n *node, out *api.Integration, at string) {
	choice := func(key string, to **string, values ...string) {
		s := nonEmpty(im.text(n, key, at))
		if s == nil {
			return
		}
		v, ok := oneOf(*s, values...)
		if !ok {
			// AWS: undocumented for imports; worded as the model's constraint.
			im.refuse(op, "integration", "1 validation error detected: Value '"+cut(*s)+"' at 'putIntegrationInput."+key+
				"' failed to satisfy constraint: Member must satisfy enum value set: ["+strings.Join(values, ", ")+"]")
			return
		}
		*to = &v
	}
	choice("passthroughBehavior", &out.PassthroughBehavior, "WHEN_NO_MATCH", "WHEN_NO_TEMPLATES", "NEVER")
	choice("contentHandling", &out.ContentHandling, api.ContentHandlingStrategyConvertToBinary, api.ContentHandlingStrategyConvertToText)
	choice("connectionType", &out.ConnectionType, api.ConnectionTypeInternet, api.ConnectionTypeVpcLink)
	choice("responseTransferMode", &out.ResponseTransferMode, api.ResponseTransferModeBuffered, api.ResponseTransferModeStream)
	if out.ConnectionType == nil && strings.HasPrefix(*out.Type, api.IntegrationTypeHttp) {
		out.ConnectionType = ptr(api.ConnectionTypeInternet)
	}
}

// mapping returns the parameter mappings n has as key. Values that are not
// strings are dropped with a warning.
func (im *importer) mapping(op *operation, n *node, key string) map[string]string {
	m := im.member(n, key, kindObject, op.at+"."+extIntegration)
	if m == nil {
		return nil
	}
	var out map[string]string
	for i, name := range m.keys {
		v := m.items[i]
		if v.kind == kindText {
			if out == nil {
				out = make(map[string]string, len(m.keys))
			}
			out[name] = v.text
			continue
		}
		// AWS: recorded in test_import_rest_api_with_base_path_oas30.
		im.warnf("Invalid format for '%s'. Expected type string for property '%s' of resource '%s' and method '%s' but got '%s'",
			key, name, op.resource.Path, op.verb, cut(compact(v)))
	}
	return out
}

// templates returns the templates n has as key, by media type. A template may
// be written as the JSON it produces.
func (im *importer) templates(n *node, key, at string) map[string]string {
	m := im.member(n, key, kindObject, at)
	if m == nil || len(m.keys) == 0 {
		return nil
	}
	out := make(map[string]string, len(m.keys))
	for i, mediaType := range m.keys {
		switch v := m.items[i]; v.kind {
		case kindNull:
			out[mediaType] = ""
		case kindList, kindObject:
			im.charge(v)
			out[mediaType] = compact(v)
		default:
			out[mediaType] = v.text
		}
	}
	return out
}

// readIntegrationResponses makes the integration responses, by status code.
func (im *importer) readIntegrationResponses(op *operation, n *node, out *api.Integration) {
	at := op.at + "." + extIntegration + ".responses"
	all := im.expect(n.get("responses"), kindObject, at)
	if all == nil || len(all.keys) == 0 {
		return
	}
	out.IntegrationResponses = make(map[string]api.IntegrationResponse, len(all.keys))
	for i, pattern := range all.keys {
		at := at + "." + cut(pattern)
		r := im.expect(all.items[i], kindObject, at)
		if r == nil {
			continue
		}
		code, _ := r.get("statusCode").scalar()
		if !statusCode.MatchString(code) {
			im.refuse(op, "integration response", "Invalid status code specified: "+cut(code))
			continue
		}
		res := api.IntegrationResponse{
			StatusCode:         &code,
			ResponseParameters: im.mapping(op, r, "responseParameters"),
			ResponseTemplates:  im.templates(r, "responseTemplates", at),
		}
		if s := nonEmpty(im.text(r, "contentHandling", at)); s != nil {
			v, ok := oneOf(*s, api.ContentHandlingStrategyConvertToBinary, api.ContentHandlingStrategyConvertToText)
			if !ok {
				im.refuse(op, "integration response", "Invalid contentHandling specified: "+cut(*s))
			}
			res.ContentHandling = &v
		}
		// AWS: "default" is the response without a pattern.
		if pattern != "default" {
			res.SelectionPattern = &all.keys[i]
		}
		if _, twice := out.IntegrationResponses[code]; twice {
			// AWS: an integration has one response for a status code; the text
			// is undocumented.
			im.warnf("More than one integration response with status code '%s' of resource '%s' and method '%s'. "+
				"Ignoring all but the last.", code, op.resource.Path, op.verb)
		}
		out.IntegrationResponses[code] = res
	}
}
