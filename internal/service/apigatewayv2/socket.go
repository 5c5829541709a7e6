package apigatewayv2

import (
	"net/url"
	"strings"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/record"
	"gatehouse/internal/vtl"
)

// What WebSocket APIs have that HTTP APIs have not, and the other way round.

// The routes of events.
const (
	connectRoute    = "$connect"
	disconnectRoute = "$disconnect"
)

// isSocket tells whether an API is a WebSocket API.
func isSocket(a *api.Api) bool { return str(a.ProtocolType) == api.ProtocolTypeWebsocket }

// checkSocketAPI refuses settings of a WebSocket API that AWS refuses, or that
// would not act.
//
// AWS: API reference, CreateApi; websocket-execution.md §2. The texts are ours.
func checkSocketAPI(a *api.Api) error {
	switch {
	case !selectsRoute(str(a.RouteSelectionExpression)):
		return bad("Invalid routeSelectionExpression. It is required for WebSocket APIs and is made of $request.body.{path}")
	case str(a.ApiKeySelectionExpression) != keySelection:
		return noKeySource.refuse(*a.ApiKeySelectionExpression)
	case a.CorsConfiguration != nil:
		return bad("corsConfiguration is supported only for HTTP APIs")
	case is(a.DisableSchemaValidation):
		return noDisabledValidation.refuse("true")
	}
	return nil
}

// selectsRoute tells whether an expression can find the key of a message: its
// variables are parts of the body.
func selectsRoute(expr string) bool {
	rest := strings.ReplaceAll(expr, `\$`, "")
	for {
		_, after, ok := strings.Cut(rest, "$")
		if !ok {
			return expr != ""
		}
		inner, braced := strings.CutPrefix(after, "{")
		n := len(inner) - len(strings.TrimLeft(inner, pathLetters))
		if braced {
			n = strings.IndexByte(inner, '}')
		}
		if n < 0 {
			return false
		}
		path, ok := strings.CutPrefix(inner[:n], "request.body.")
		if _, err := vtl.CompilePath(path); !ok || err != nil {
			return false
		}
		rest = inner[n:]
	}
}

// pathLetters are what a variable without braces is made of.
const pathLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-[]"

// checkSocketRoute refuses a route of a WebSocket API that AWS refuses, or a
// setting that would not act.
//
// AWS: websocket-execution.md §2 and §10. The texts are ours.
func checkSocketRoute(rt *api.Route) error {
	key := str(rt.RouteKey)
	switch {
	case key == "" || len(key) > 128:
		return bad("The provided route key must have between 1 and 128 characters")
	case strings.HasPrefix(key, "$") && key != connectRoute && key != disconnectRoute && key != defaultRoute:
		return bad("Route keys that begin with $ are reserved: only $connect, $disconnect and $default")
	case is(rt.ApiKeyRequired):
		return noRouteKeys.refuse("true")
	case len(rt.RequestModels) > 0 || len(rt.RequestParameters) > 0 || str(rt.ModelSelectionExpression) != "":
		return noRouteModels.refuse("")
	case str(rt.RouteResponseSelectionExpression) != "" && str(rt.RouteResponseSelectionExpression) != defaultRoute:
		return bad("The only routeResponseSelectionExpression is $default")
	}
	t := str(rt.AuthorizationType)
	switch {
	case t == api.AuthorizationTypeJwt:
		return bad("Only NONE, AWS_IAM and CUSTOM authorization types are supported for WebSocket protocol Apis")
	case t != api.AuthorizationTypeNone && key != connectRoute:
		return bad("Currently, authorization is restricted to the $connect route only")
	case t == api.AuthorizationTypeCustom:
		return noSocketAuthorizer.refuse(t)
	}
	return nil
}

// maxSocketTimeout bounds the time-out of a WebSocket API's integration.
//
// AWS: API reference, CreateIntegration.
const maxSocketTimeout = 29_000

// finishSocketIntegration fills in what a new integration of a WebSocket API
// leaves open, and checks it.
func finishSocketIntegration(i *api.Integration) error {
	if i.ConnectionType == nil {
		i.ConnectionType = new(api.ConnectionTypeInternet)
	}
	if i.TimeoutInMillis == nil {
		i.TimeoutInMillis = new(int32(maxSocketTimeout))
	}
	if i.PayloadFormatVersion == nil {
		i.PayloadFormatVersion = new("1.0")
	}
	if i.PassthroughBehavior == nil {
		i.PassthroughBehavior = new(api.PassthroughBehaviorWhenNoMatch)
	}
	if i.IntegrationMethod == nil && isFunction(i) {
		i.IntegrationMethod = new("POST")
	}
	return checkSocketIntegration(i)
}

// checkSocketIntegration refuses an integration of a WebSocket API that AWS
// refuses, or settings that would not act.
//
// AWS: websocket-execution.md §4; API reference, CreateIntegration. The texts
// that HTTP APIs have not are ours.
func checkSocketIntegration(i *api.Integration) error {
	switch str(i.IntegrationType) {
	case api.IntegrationTypeHttpProxy:
		if err := checkSocketProxy(i); err != nil {
			return err
		}
	case api.IntegrationTypeAwsProxy:
		if !functionURI(str(i.IntegrationUri)) {
			return bad("Invalid Function ARN")
		}
	case api.IntegrationTypeMock:
	default:
		return noTemplates.refuse(str(i.IntegrationType))
	}
	switch {
	case i.IntegrationSubtype != nil:
		return bad("integrationSubtype is supported only for HTTP APIs")
	case str(i.PayloadFormatVersion) != "1.0":
		return bad("Invalid payloadFormatVersion " + *i.PayloadFormatVersion + ". WebSocket APIs support 1.0")
	case str(i.ConnectionType) == api.ConnectionTypeVpcLink || i.ConnectionId != nil:
		return noSocketLink.refuse(api.ConnectionTypeVpcLink)
	case i.TlsConfig != nil:
		return bad("tlsConfig is supported only for private integrations")
	case str(i.CredentialsArn) != "":
		return noSocketCredentials.refuse("")
	case i.ContentHandlingStrategy != nil || len(i.RequestTemplates) > 0 || str(i.TemplateSelectionExpression) != "" ||
		str(i.IntegrationResponseSelectionExpression) != "" || str(i.PassthroughBehavior) != api.PassthroughBehaviorWhenNoMatch:
		return noSocketTemplates.refuse("")
	case len(i.ResponseParameters) > 0:
		return bad("responseParameters of an integration are supported only for HTTP APIs")
	case len(i.RequestParameters) > 0 && str(i.IntegrationType) != api.IntegrationTypeHttpProxy:
		return bad("requestParameters are supported only for integrations with HTTP endpoints")
	case *i.TimeoutInMillis < minTimeout || *i.TimeoutInMillis > maxSocketTimeout:
		return bad("Timeout should be between 50 ms and 29000 ms")
	}
	return checkSocketMappings(i.RequestParameters)
}

// checkSocketProxy checks what only HTTP_PROXY has.
func checkSocketProxy(i *api.Integration) error {
	if m := str(i.IntegrationMethod); m != "ANY" && !validMethod(m) {
		return bad("IntegrationMethod must be an HTTP method or ANY")
	}
	raw := str(i.IntegrationUri)
	u, err := url.Parse(strings.NewReplacer("${", "", "{", "", "}", "").Replace(raw))
	if (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") && !strings.Contains(raw, "${stageVariables.") {
		return bad("Invalid HTTP endpoint specified for URI")
	}
	return nil
}

// checkSocketMappings refuses mappings that could not be followed.
//
// AWS: websocket-execution.md §4.
func checkSocketMappings(params map[string]string) error {
	for _, to := range sortedKeys(params) {
		from := params[to]
		place, ok := strings.CutPrefix(to, "integration.request.")
		kind, name, _ := strings.Cut(place, ".")
		if !ok || name == "" || kind != "header" && kind != "querystring" && kind != "path" {
			return bad("Invalid mapping expression specified: " + to)
		}
		constant := len(from) >= 2 && from[0] == '\'' && from[len(from)-1] == '\''
		known := constant
		for _, root := range []string{"route.request.header.", "route.request.querystring.", "route.request.multivalueheader.",
			"route.request.multivaluequerystring.", "route.request.body", "context.", "stageVariables."} {
			known = known || strings.HasPrefix(from, root)
		}
		if !known {
			return bad("Invalid mapping expression specified: " + from)
		}
	}
	return nil
}

// functionURI tells whether a text names a function.
func functionURI(name string) bool {
	a, err := arn.Parse(name)
	return err == nil && (a.Service == "lambda" && strings.HasPrefix(a.Resource, "function:") ||
		a.Service == "apigateway" && strings.Contains(a.Resource, "path/2015-03-31/functions/"))
}

// checkSocketStage refuses what only the stages of HTTP APIs may have.
func checkSocketStage(rec *record.API, st *record.APIStage) error {
	if str(st.StageName) == defaultStage && isSocket(&rec.Api) {
		return bad("Stage name only allows a-zA-Z0-9_-")
	}
	return nil
}
