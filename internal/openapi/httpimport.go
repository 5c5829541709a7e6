package openapi

import (
	"fmt"
	"slices"
	"strings"

	v2 "gatehouse/internal/awsapi/apigatewayv2"
)

const (
	extCORS         = "x-amazon-apigateway-cors"
	extTagValue     = "x-amazon-apigateway-tag-value"
	extIntegrations = "x-amazon-apigateway-integrations"
	extAnyMethod    = "x-amazon-apigateway-any-method"
)

// An HTTPAPI is what a document defines of an HTTP API. Everything in it is in
// the document's order.
type HTTPAPI struct {
	Settings     v2.Api // what the document says of the API itself
	Integrations []v2.Integration
	Authorizers  []v2.Authorizer // named
	Routes       []HTTPRoute

	// Warnings are in AWS's words. What they speak of is not in the API.
	Warnings []string
	// Info, too: what is valid in a document but not a thing of HTTP APIs. It is no
	// reason to refuse the document.
	Info []string
}

// An HTTPRoute is a route with what its ids stand for.
type HTTPRoute struct {
	v2.Route
	Integration int    // index in Integrations; -1: none
	Authorizer  string // its name; empty: none
}

// ImportHTTP reads a document of an HTTP API. The error is an *[Error].
//
// AWS: openapi.md §2.
func ImportHTTP(doc []byte, opt Options) (*HTTPAPI, error) {
	if opt.Partition == "" {
		opt.Partition = "aws"
	}
	root, err := read(doc, opt)
	if err != nil {
		return nil, err
	}
	im := &httpImporter{importer: newImporter(root, opt), schemes: map[string]httpScheme{}, shared: map[*node]int{}, out: &HTTPAPI{}}
	if err := im.version(); err != nil {
		return nil, err
	}
	if !im.v3 {
		return nil, invalid(fmt.Errorf("HTTP APIs are imported from OpenAPI 3.0 only"))
	}
	im.settings()
	im.readSchemes()
	im.readRoutes()
	im.out.Warnings, im.out.Info = im.warnings, im.info
	if err := im.check(); err != nil {
		return nil, invalid(err)
	}
	if len(im.errors) > 0 {
		return nil, Refusal(im.errors, im.warnings)
	}
	return im.out, nil
}

// Strict returns the error of an import that fails on warnings, or nil if there
// are none.
func (a *HTTPAPI) Strict() error { return (&API{Warnings: a.Warnings}).Strict() }

type httpImporter struct {
	*importer
	out     *HTTPAPI
	schemes map[string]httpScheme
	shared  map[*node]int // integrations of the components, by index
	info    []string
}

// An httpScheme is what a security scheme asks of a route.
type httpScheme struct {
	authorizer, authType string
	apiKey               bool // an API key, and nothing else
}

// settings reads what is said of the API itself.
func (im *httpImporter) settings() {
	im.ignored(im.root, "document", extCORS, extVersion)
	im.ignored(im.root.get("components"), "components", "securitySchemes", extIntegrations)
	info, set := im.member(im.root, "info", kindObject, ""), &im.out.Settings
	set.Name = nonEmpty(im.text(info, "title", "info"))
	set.Description = nonEmpty(im.text(info, "description", "info"))
	set.Version = nonEmpty(im.text(info, "version", "info"))
	if servers := im.member(im.root, "servers", kindList, ""); servers != nil {
		for _, s := range servers.items {
			if v := im.boolean(s.get(extEndpoint), "disableExecuteApiEndpoint", extEndpoint); v != nil {
				set.DisableExecuteApiEndpoint = v
			}
		}
	}
	if c := im.member(im.root, extCORS, kindObject, ""); c != nil {
		set.CorsConfiguration = &v2.Cors{
			AllowCredentials: im.boolean(c, "allowCredentials", extCORS), AllowHeaders: im.strings(c, "allowHeaders", extCORS),
			AllowMethods: im.strings(c, "allowMethods", extCORS), AllowOrigins: im.strings(c, "allowOrigins", extCORS),
			ExposeHeaders: im.strings(c, "exposeHeaders", extCORS), MaxAge: im.int32(c, "maxAge", extCORS),
		}
	}
	if tags := im.member(im.root, "tags", kindList, ""); tags != nil {
		for _, t := range tags.items {
			name, _ := t.get("name").scalar()
			value, ok := t.get(extTagValue).scalar()
			if !ok || name == "" {
				continue
			}
			if set.Tags == nil {
				set.Tags = map[string]string{}
			}
			set.Tags[name] = value
		}
	}
}

// readSchemes reads the security schemes and makes the authorizers.
func (im *httpImporter) readSchemes() {
	defs, at := im.component("securitySchemes", "")
	if defs == nil {
		return
	}
	for i, name := range defs.keys {
		at := join(at, name)
		def := im.expect(im.resolve(defs.items[i], at), kindObject, at)
		ext := im.member(def, extAuthorizer, kindObject, at)
		kind, _ := ext.get("type").scalar()
		a := v2.Authorizer{Name: &defs.keys[i]}
		switch authType, _ := def.get(extAuthType).scalar(); {
		case strings.EqualFold(authType, "awsSigv4"):
			im.schemes[name] = httpScheme{authType: v2.AuthorizationTypeAwsIam}
			continue
		case kind == "jwt":
			a.AuthorizerType = ptr(v2.AuthorizerTypeJwt)
			jwt := im.member(ext, "jwtConfiguration", kindObject, at)
			a.JwtConfiguration = &v2.JWTConfiguration{Issuer: im.text(jwt, "issuer", at), Audience: im.strings(jwt, "audience", at)}
			im.schemes[name] = httpScheme{authorizer: name, authType: v2.AuthorizationTypeJwt}
		case kind == "request":
			a.AuthorizerType = ptr(v2.AuthorizerTypeRequest)
			a.AuthorizerUri, a.AuthorizerCredentialsArn = im.text(ext, "authorizerUri", at), nonEmpty(im.text(ext, "authorizerCredentials", at))
			a.AuthorizerPayloadFormatVersion = im.format(ext, "authorizerPayloadFormatVersion", at)
			a.EnableSimpleResponses = im.boolean(ext, "enableSimpleResponses", at)
			a.AuthorizerResultTtlInSeconds = im.int32(ext, "authorizerResultTtlInSeconds", at)
			im.schemes[name] = httpScheme{authorizer: name, authType: v2.AuthorizationTypeCustom}
		case ext != nil:
			// Refused: a route that asks for it must not be left open.
			im.errorf("Unable to create authorizer '%s': unsupported type '%s'", cut(name), cut(kind))
			continue
		case im.opt.HTTPKeys && isAPIKey(def):
			im.schemes[name] = httpScheme{apiKey: true}
			continue
		default:
			kind, _ = def.get("type").scalar()
			im.warnf("Unsupported security definition type '%s' for '%s'. Ignoring.", cut(kind), name)
			continue
		}
		if source, ok := ext.get("identitySource").scalar(); ok && source != "" {
			for part := range strings.SplitSeq(source, ",") {
				a.IdentitySource = append(a.IdentitySource, strings.TrimSpace(part))
			}
		}
		im.out.Authorizers = append(im.out.Authorizers, a)
	}
}

// format returns a payload format version, which may be a number.
func (im *httpImporter) format(n *node, key, at string) *string {
	v := im.text(n, key, at)
	if v != nil && (*v == "1" || *v == "2") {
		v = ptr(*v + ".0")
	}
	return v
}

// httpVerbs are the keys of a path that stand for methods.
var httpVerbs = []string{"get", "head", "options", "patch", "post", "put", "delete"}

// readRoutes makes the routes and their integrations.
func (im *httpImporter) readRoutes() {
	paths := im.member(im.root, "paths", kindObject, "")
	if paths == nil {
		return
	}
	im.securityDefault()
	base := ""
	if segments := im.basePath(); len(segments) > 0 {
		base = "/" + strings.Join(segments, "/")
	}
	for i, path := range paths.keys {
		at := "paths.'" + cut(path) + "'"
		if !strings.HasPrefix(path, "/") || len(path) > maxPath {
			im.warnf("Parse issue: attribute paths. Resource %s should start with /", cut(path))
			continue
		}
		item := im.resolve(im.expect(paths.items[i], kindObject, at), at)
		if !item.is(kindObject) {
			continue
		}
		im.ignored(item, "paths."+cut(path), extAnyMethod)
		for j, verb := range item.keys {
			key := ""
			switch {
			case verb == extAnyMethod && path == "/$default":
				key = "$default"
			case verb == extAnyMethod:
				key = "ANY " + base + path
			case slices.Contains(httpVerbs, verb):
				key = strings.ToUpper(verb) + " " + base + path
			default:
				continue
			}
			if op := im.expect(item.items[j], kindObject, at+"."+verb); op != nil {
				im.ignored(op, "paths."+cut(path)+"."+verb, extIntegration, extAuth)
				im.readRoute(key, op, at+"."+verb)
			}
		}
		if im.exceeded() {
			return
		}
	}
}

// securityDefault reads the security of operations that have none of their own.
func (im *httpImporter) securityDefault() { im.security = im.securityOf(im.root, "") }

// readRoute makes one route.
func (im *httpImporter) readRoute(key string, op *node, at string) {
	rt := HTTPRoute{Integration: -1}
	rt.RouteKey, rt.OperationName = &key, nonEmpty(im.text(op, "operationId", at))
	rt.AuthorizationType, rt.ApiKeyRequired = ptr(v2.AuthorizationTypeNone), ptr(false)
	list := im.securityOf(op, at)
	if list == nil {
		list = im.security
		im.charge(list)
	}
	if list != nil {
		for _, requirement := range list.items {
			im.protect(&rt, requirement, at)
		}
	}
	im.ownAuthorization(&rt, op)
	if n := op.get(extIntegration); n.present() {
		rt.Integration = im.readHTTPIntegration(n, join(at, extIntegration))
	}
	im.out.Routes = append(im.out.Routes, rt)
}

// ownAuthorization reads the authorization that an operation names itself, which
// wins over its security.
//
// AWS: "x-amazon-apigateway-auth object", which knows no kinds of APIs. Were it
// passed over, the route would be open.
func (im *httpImporter) ownAuthorization(rt *HTTPRoute, op *node) {
	auth := op.get(extAuth)
	if !auth.present() {
		return
	}
	kind, _ := auth.get("type").scalar()
	kind, ok := oneOf(kind, v2.AuthorizationTypeNone, v2.AuthorizationTypeAwsIam)
	if !ok {
		im.errorf("Unable to create route '%s': Invalid authorization type specified. Valid options are NONE,AWS_IAM", *rt.RouteKey)
	}
	rt.AuthorizationType, rt.Authorizer, rt.AuthorizationScopes = &kind, "", nil
}

// protect adds one entry of a security list to a route. The first that names an
// authorization decides.
func (im *httpImporter) protect(rt *HTTPRoute, requirement *node, at string) {
	for i, name := range requirement.keys {
		s, ok := im.schemes[name]
		if !ok {
			// Refused, for a slip of the pen must not leave the route open.
			defs, _ := im.component("securitySchemes", "")
			if name == openMark && !defs.get(name).present() {
				continue
			}
			if !defs.get(name).is(kindObject) {
				im.errorf("Unable to create route '%s': Security scheme '%s' not found", *rt.RouteKey, cut(name))
			}
			continue
		}
		if s.apiKey {
			rt.ApiKeyRequired = ptr(true)
			continue
		}
		if *rt.AuthorizationType != v2.AuthorizationTypeNone {
			continue
		}
		rt.AuthorizationType, rt.Authorizer = &s.authType, s.authorizer
		if scopes := requirement.items[i]; scopes.is(kindList) && len(scopes.items) > 0 && s.authType == v2.AuthorizationTypeJwt {
			rt.AuthorizationScopes = im.strings(requirement, name, at+".security")
		}
	}
}

// readHTTPIntegration makes an integration, or finds the one that another route
// shares, and returns its place.
func (im *httpImporter) readHTTPIntegration(n *node, at string) int {
	def := im.resolve(n, at)
	if i, ok := im.shared[def]; ok {
		return i
	}
	if !def.is(kindObject) {
		im.errorf("Unable to parse API definition because of a malformed integration at %s", at)
		return -1
	}
	kind, _ := def.get("type").scalar()
	kind, ok := oneOf(kind, v2.IntegrationTypeHttpProxy, v2.IntegrationTypeAwsProxy, v2.IntegrationTypeHttp, v2.IntegrationTypeAws, v2.IntegrationTypeMock)
	if !ok {
		im.errorf("Unable to parse API definition because of a malformed integration at %s", at)
		return -1
	}
	if kind != v2.IntegrationTypeHttpProxy && kind != v2.IntegrationTypeAwsProxy {
		im.warnf("Integration type %s at %s is not supported for HTTP APIs. Ignoring.", kind, at)
		return -1
	}
	in := v2.Integration{
		IntegrationType: &kind, IntegrationUri: im.text(def, "uri", at), PayloadFormatVersion: im.format(def, "payloadFormatVersion", at),
		IntegrationSubtype: nonEmpty(im.text(def, "integrationSubtype", at)), CredentialsArn: nonEmpty(im.text(def, "credentials", at)),
		ConnectionId: nonEmpty(im.text(def, "connectionId", at)), Description: nonEmpty(im.text(def, "description", at)),
		TimeoutInMillis: im.int32(def, "timeoutInMillis", at), RequestParameters: im.texts(def, "requestParameters", at),
	}
	if verb := nonEmpty(im.text(def, "httpMethod", at)); verb != nil {
		in.IntegrationMethod = ptr(strings.ToUpper(*verb))
		if *in.IntegrationMethod == "X-AMAZON-APIGATEWAY-ANY-METHOD" {
			in.IntegrationMethod = ptr("ANY")
		}
	}
	if c := nonEmpty(im.text(def, "connectionType", at)); c != nil {
		in.ConnectionType = ptr(strings.ToUpper(*c))
	}
	if tls := im.member(def, "tlsConfig", kindObject, at); tls != nil {
		in.TlsConfig = &v2.TlsConfig{ServerNameToVerify: im.text(tls, "serverNameToVerify", at)}
	}
	if responses := im.member(def, "responseParameters", kindObject, at); responses != nil {
		in.ResponseParameters = map[string]map[string]string{}
		for _, code := range responses.keys {
			in.ResponseParameters[code] = im.texts(responses, code, at+".responseParameters")
		}
	}
	im.out.Integrations = append(im.out.Integrations, in)
	im.shared[def] = len(im.out.Integrations) - 1
	return im.shared[def]
}

// texts returns the scalars of the object n has as key.
func (im *httpImporter) texts(n *node, key, at string) map[string]string {
	m := im.member(n, key, kindObject, at)
	if m == nil {
		return nil
	}
	out := make(map[string]string, len(m.keys))
	for i, name := range m.keys {
		if v, ok := m.items[i].scalar(); ok {
			out[name] = v
		}
	}
	return out
}
