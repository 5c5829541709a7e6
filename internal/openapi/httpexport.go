package openapi

import (
	"slices"
	"strings"

	v2 "gatehouse/internal/awsapi/apigatewayv2"
)

// ExportHTTP writes an HTTP API as an OpenAPI 3.0 document. What it writes with
// extensions, [ImportHTTP] reads as the same API. Of opt, V3 and Documentation
// do not matter.
//
// AWS: "Export HTTP APIs from API Gateway".
func ExportHTTP(a *HTTPAPI, opt ExportOptions) ([]byte, error) {
	ex := &httpExporter{api: a, opt: opt}
	root := object()
	root.put("openapi", textNode("3.0.1"))
	root.put("info", ex.info())
	root.put("servers", ex.servers())
	root.put("tags", ex.tags())
	root.put("paths", ex.paths())
	if schemes := ex.schemes().orNil(); schemes != nil {
		components := object()
		components.put("securitySchemes", schemes)
		root.put("components", components)
	}
	if opt.Extensions {
		root.put(extCORS, ex.cors())
		root.put(extVersion, textNode("1.0"))
	}
	if opt.YAML {
		return writeYAML(root)
	}
	var b strings.Builder
	writeJSON(&b, root, 0)
	return []byte(b.String()), nil
}

type httpExporter struct {
	api *HTTPAPI
	opt ExportOptions
}

func (ex *httpExporter) info() *node {
	set, n := &ex.api.Settings, object()
	n.put("title", optional(set.Name))
	n.put("description", optional(nonEmpty(set.Description)))
	version := ex.opt.Version
	if s := nonEmpty(set.Version); s != nil {
		version = *s
	}
	n.put("version", textNode(version))
	return n
}

func (ex *httpExporter) servers() *node {
	server := object()
	base, variables := object(), object()
	base.put("default", textNode(ex.opt.BasePath))
	variables.put("basePath", base)
	server.put("url", textNode("https://"+ex.opt.Host+"/{basePath}"))
	server.put("variables", variables)
	if d := ex.api.Settings.DisableExecuteApiEndpoint; ex.opt.Extensions && d != nil && *d {
		endpoint := object()
		endpoint.put("disableExecuteApiEndpoint", boolNode(true))
		server.put(extEndpoint, endpoint)
	}
	return listNode(server)
}

func (ex *httpExporter) tags() *node {
	if !ex.opt.Extensions || len(ex.api.Settings.Tags) == 0 {
		return nil
	}
	list := listNode()
	for _, name := range sortedNames(ex.api.Settings.Tags) {
		t := object()
		t.put("name", textNode(name))
		t.put(extTagValue, textNode(ex.api.Settings.Tags[name]))
		list.items = append(list.items, t)
	}
	return list
}

func (ex *httpExporter) cors() *node {
	c := ex.api.Settings.CorsConfiguration
	if c == nil {
		return nil
	}
	n := object()
	n.put("allowMethods", texts(c.AllowMethods))
	if c.MaxAge != nil {
		n.put("maxAge", intNode(*c.MaxAge))
	}
	n.put("exposeHeaders", texts(c.ExposeHeaders))
	if c.AllowCredentials != nil {
		n.put("allowCredentials", boolNode(*c.AllowCredentials))
	}
	n.put("allowOrigins", texts(c.AllowOrigins))
	n.put("allowHeaders", texts(c.AllowHeaders))
	return n
}

// paths writes the routes.
func (ex *httpExporter) paths() *node {
	paths := object()
	for i := range ex.api.Routes {
		rt := &ex.api.Routes[i]
		method, path, _ := strings.Cut(*rt.RouteKey, " ")
		switch method {
		case "$default":
			method, path = extAnyMethod, "/$default"
		case "ANY":
			method = extAnyMethod
		default:
			method = strings.ToLower(method)
		}
		item := paths.get(path)
		if item == nil {
			item = object()
			paths.put(path, item)
		}
		item.put(method, ex.operation(rt, path))
	}
	return paths
}

func (ex *httpExporter) operation(rt *HTTPRoute, path string) *node {
	op := object()
	op.put("operationId", optional(rt.OperationName))
	op.put("parameters", pathParameters(path))
	answer, responses := object(), object()
	answer.put("description", textNode("Default response for "+*rt.RouteKey))
	responses.put("default", answer)
	op.put("responses", responses)
	if requirement := ex.requirement(rt); len(requirement.keys) > 0 {
		op.put("security", listNode(requirement))
	}
	if path == "/$default" {
		op.put("isDefaultRoute", boolNode(true))
	}
	if ex.opt.Extensions && rt.Integration >= 0 {
		op.put(extIntegration, httpIntegration(&ex.api.Integrations[rt.Integration]))
	}
	return op
}

// pathParameters declares the variables of a path.
func pathParameters(path string) *node {
	list := listNode()
	for part := range strings.SplitSeq(path, "/") {
		name, ok := strings.CutPrefix(part, "{")
		if !ok {
			continue
		}
		p, schema := object(), object()
		schema.put("type", textNode("string"))
		p.put("name", textNode(strings.TrimSuffix(name, "}")))
		p.put("in", textNode("path"))
		p.put("description", textNode("Generated path parameter for "+strings.TrimSuffix(name, "}")))
		p.put("required", boolNode(true))
		p.put("schema", schema)
		list.items = append(list.items, p)
	}
	if len(list.items) == 0 {
		return nil
	}
	return list
}

// The names of schemes that are no authorizers.
const (
	sigV4Scheme  = "sigv4"
	apiKeyScheme = "api_key"
)

// free is the name, or one like it that no authorizer has.
func (ex *httpExporter) free(name string) string {
	for slices.ContainsFunc(ex.api.Authorizers, func(a v2.Authorizer) bool { return *a.Name == name }) {
		name += "_"
	}
	return name
}

// requirement is what a caller of a route needs, all of it.
func (ex *httpExporter) requirement(rt *HTTPRoute) *node {
	n, scopes := object(), listNode()
	for _, s := range rt.AuthorizationScopes {
		scopes.items = append(scopes.items, textNode(s))
	}
	switch {
	case isIAM(rt):
		n.set(ex.free(sigV4Scheme), scopes)
	case rt.Authorizer != "":
		n.set(rt.Authorizer, scopes)
	}
	if needsKey(rt) {
		n.set(ex.free(apiKeyScheme), listNode())
	}
	return n
}

func isIAM(rt *HTTPRoute) bool {
	return rt.AuthorizationType != nil && *rt.AuthorizationType == v2.AuthorizationTypeAwsIam
}

func needsKey(rt *HTTPRoute) bool { return rt.ApiKeyRequired != nil && *rt.ApiKeyRequired }

func (ex *httpExporter) schemes() *node {
	n := object()
	for i := range ex.api.Authorizers {
		n.set(*ex.api.Authorizers[i].Name, ex.scheme(&ex.api.Authorizers[i]))
	}
	some := func(has func(*HTTPRoute) bool) bool {
		return slices.ContainsFunc(ex.api.Routes, func(rt HTTPRoute) bool { return has(&rt) })
	}
	if some(isIAM) {
		s := headerScheme("Authorization")
		s.put(extAuthType, textNode("awsSigv4"))
		n.set(ex.free(sigV4Scheme), s)
	}
	if some(needsKey) {
		n.set(ex.free(apiKeyScheme), headerScheme("x-api-key"))
	}
	return n
}

func (ex *httpExporter) scheme(a *v2.Authorizer) *node {
	s, ext := object(), object()
	if *a.AuthorizerType == v2.AuthorizerTypeJwt {
		s.put("type", textNode("oauth2"))
		s.put("flows", object())
		jwt := object()
		jwt.put("audience", texts(a.JwtConfiguration.Audience))
		jwt.put("issuer", optional(a.JwtConfiguration.Issuer))
		ext.put("type", textNode("jwt"))
		ext.put("jwtConfiguration", jwt)
	} else {
		s = headerScheme("Unused")
		ext.put("type", textNode("request"))
		ext.put("authorizerPayloadFormatVersion", optional(a.AuthorizerPayloadFormatVersion))
		ext.put("authorizerUri", optional(a.AuthorizerUri))
		ext.put("authorizerCredentials", optional(nonEmpty(a.AuthorizerCredentialsArn)))
		if a.EnableSimpleResponses != nil {
			ext.put("enableSimpleResponses", boolNode(*a.EnableSimpleResponses))
		}
		if a.AuthorizerResultTtlInSeconds != nil {
			ext.put("authorizerResultTtlInSeconds", intNode(*a.AuthorizerResultTtlInSeconds))
		}
	}
	if len(a.IdentitySource) > 0 {
		ext.put("identitySource", textNode(strings.Join(a.IdentitySource, ",")))
	}
	if ex.opt.Extensions {
		s.put(extAuthorizer, ext)
	}
	return s
}

func httpIntegration(in *v2.Integration) *node {
	n := object()
	n.put("payloadFormatVersion", optional(in.PayloadFormatVersion))
	n.put("type", lower(in.IntegrationType))
	n.put("integrationSubtype", optional(in.IntegrationSubtype))
	n.put("httpMethod", optional(in.IntegrationMethod))
	n.put("uri", optional(in.IntegrationUri))
	n.put("description", optional(in.Description))
	n.put("requestParameters", textMap(in.RequestParameters))
	if len(in.ResponseParameters) > 0 {
		all := object()
		for _, code := range sortedNames(in.ResponseParameters) {
			all.put(code, textMap(in.ResponseParameters[code]))
		}
		n.put("responseParameters", all)
	}
	n.put("credentials", optional(nonEmpty(in.CredentialsArn)))
	n.put("connectionType", optional(in.ConnectionType))
	n.put("connectionId", optional(nonEmpty(in.ConnectionId)))
	if in.TlsConfig != nil {
		tls := object()
		tls.put("serverNameToVerify", optional(in.TlsConfig.ServerNameToVerify))
		n.put("tlsConfig", tls)
	}
	if in.TimeoutInMillis != nil {
		n.put("timeoutInMillis", intNode(*in.TimeoutInMillis))
	}
	return n
}
