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
	case str(a.ApiKeySelectionExpression) != keySelection && str(a.ApiKeySelectionExpression) != authorizerKeySelection:
		return bad("Invalid apiKeySelectionExpression. It must be " + keySelection + " or " + authorizerKeySelection)
	case a.CorsConfiguration != nil:
		return bad("corsConfiguration is supported only for HTTP APIs")
	}
	return nil
}

// authorizerKeySelection takes the API key from what the authorizer says.
//
// AWS: websocket-execution.md §10.
const authorizerKeySelection = "$context.authorizer.usageIdentifierKey"

// selectsRoute tells whether an expression can find the key of a message: its
// variables are parts of the body.
func selectsRoute(expr string) bool { return selects(expr, false) }

// selects tells whether a selection expression can be followed. Its variables
// are parts of the message's body or, if there is one, of the backend's answer.
//
// AWS: websocket-api-data-transformations.
func selects(expr string, answered bool) bool {
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
		if n < 0 || !selectable(inner[:n], answered) {
			return false
		}
		rest = inner[n:]
	}
}

func selectable(name string, answered bool) bool {
	if path, ok := strings.CutPrefix(name, "request.body."); ok {
		_, err := vtl.CompilePath(path)
		return err == nil
	}
	part, ok := strings.CutPrefix(name, "integration.response.")
	if !ok || !answered {
		return false
	}
	kind, of, _ := strings.Cut(part, ".")
	switch kind {
	case "header", "multivalueheader":
		return of != ""
	case "body":
		_, err := vtl.CompilePath(of)
		return of == "" || err == nil
	}
	return part == "statuscode"
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
	case key == disconnectRoute && is(rt.ApiKeyRequired):
		return bad("apiKeyRequired is not supported for the $disconnect route")
	case str(rt.ModelSelectionExpression) != "" && !selects(*rt.ModelSelectionExpression, false):
		return bad("Invalid modelSelectionExpression " + *rt.ModelSelectionExpression)
	case str(rt.RouteResponseSelectionExpression) != "" && str(rt.RouteResponseSelectionExpression) != defaultRoute:
		return bad("The only routeResponseSelectionExpression is $default")
	}
	t := str(rt.AuthorizationType)
	switch {
	case t == api.AuthorizationTypeJwt:
		return bad("Only NONE, AWS_IAM and CUSTOM authorization types are supported for WebSocket protocol Apis")
	case t != api.AuthorizationTypeNone && key != connectRoute:
		return bad("Currently, authorization is restricted to the $connect route only")
	}
	return checkParameters(rt)
}

// checkParameters refuses request parameters that no handshake can have.
//
// AWS: API reference, Route, requestParameters. The texts are ours.
func checkParameters(rt *api.Route) error {
	for _, name := range sortedKeys(rt.RequestParameters) {
		place, ok := strings.CutPrefix(name, "route.request.")
		kind, of, _ := strings.Cut(place, ".")
		switch {
		case !ok || of == "" || kind != "header" && kind != "querystring":
			return bad("Invalid request parameter " + name)
		case str(rt.RouteKey) != connectRoute:
			return bad("Request parameters are supported only for the $connect route")
		}
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
	if i.IntegrationResponseSelectionExpression == nil && (str(i.IntegrationType) != api.IntegrationTypeAwsProxy && str(i.IntegrationType) != api.IntegrationTypeHttpProxy) {
		i.IntegrationResponseSelectionExpression = new(shownSelection) // AWS: websocket-execution.md §4
	}
	return checkSocketIntegration(i)
}

// checkSocketIntegration refuses an integration of a WebSocket API that AWS
// refuses, or settings that would not act.
//
// AWS: websocket-execution.md §4; API reference, CreateIntegration. The texts
// that HTTP APIs have not are ours.
func checkSocketIntegration(i *api.Integration) error {
	if err := checkSocketType(i); err != nil {
		return err
	}
	t := str(i.IntegrationType)
	overHTTP := t == api.IntegrationTypeHttp || t == api.IntegrationTypeHttpProxy
	proxy := t == api.IntegrationTypeAwsProxy || t == api.IntegrationTypeHttpProxy
	private := str(i.ConnectionType) == api.ConnectionTypeVpcLink
	switch {
	case i.IntegrationSubtype != nil:
		return bad("integrationSubtype is supported only for HTTP APIs")
	case str(i.PayloadFormatVersion) != "1.0":
		return bad("Invalid payloadFormatVersion " + *i.PayloadFormatVersion + ". WebSocket APIs support 1.0")
	case private != (i.ConnectionId != nil) || private && !overHTTP:
		return bad("Integrations with connectionType VPC_LINK have the type HTTP or HTTP_PROXY and a connectionId")
	case i.TlsConfig != nil:
		return bad("tlsConfig is supported only for HTTP APIs")
	case str(i.CredentialsArn) != "" && overHTTP:
		return bad("credentialsArn is supported only for integrations of the types AWS and AWS_PROXY")
	case strings.Contains(str(i.CredentialsArn), ":user/"):
		return noCallersOwn.refuse(*i.CredentialsArn)
	case i.ContentHandlingStrategy != nil && t == api.IntegrationTypeAwsProxy:
		return bad("contentHandlingStrategy is not supported for integrations of the type AWS_PROXY")
	case proxy && (len(i.RequestTemplates) > 0 || str(i.TemplateSelectionExpression) != "" ||
		str(i.IntegrationResponseSelectionExpression) != "" || str(i.PassthroughBehavior) != api.PassthroughBehaviorWhenNoMatch):
		return bad("Templates, passthroughBehavior and integration responses are supported only for integrations of the types AWS, HTTP and MOCK")
	case len(i.ResponseParameters) > 0:
		return bad("responseParameters of an integration are supported only for HTTP APIs")
	case len(i.RequestParameters) > 0 && t == api.IntegrationTypeAwsProxy:
		return bad("requestParameters are not supported for integrations of the type AWS_PROXY")
	}
	if err := checkSocketTemplates(i); err != nil {
		return err
	}
	if err := checkRole(str(i.CredentialsArn)); err != nil {
		return err
	}
	return checkSocketMappings(i.RequestParameters)
}

// checkSocketType checks what an integration calls.
func checkSocketType(i *api.Integration) error {
	uri := str(i.IntegrationUri)
	switch str(i.IntegrationType) {
	case api.IntegrationTypeHttp, api.IntegrationTypeHttpProxy:
		return checkSocketHTTP(i)
	case api.IntegrationTypeAwsProxy:
		if !functionURI(uri) {
			return bad("Invalid Function ARN")
		}
	case api.IntegrationTypeAws:
		if name, err := arn.Parse(uri); !functionURI(uri) && (err != nil || name.Service != "apigateway") {
			return bad("Invalid ARN specified in the request")
		}
		if m := str(i.IntegrationMethod); !validMethod(m) {
			return bad("IntegrationMethod must be an HTTP method")
		}
	}
	return nil
}

// checkSocketTemplates refuses templates and expressions that could not be
// followed.
func checkSocketTemplates(i *api.Integration) error {
	if expr := str(i.TemplateSelectionExpression); expr != "" && !selects(expr, false) {
		return bad("Invalid templateSelectionExpression " + expr)
	}
	expr := str(i.IntegrationResponseSelectionExpression)
	if expr != "" && expr != shownSelection && !selects(expr, true) {
		return bad("Invalid integrationResponseSelectionExpression " + expr)
	}
	return checkTemplates(i.RequestTemplates)
}

// shownSelection is how the default is written, too.
//
// AWS: websocket-execution.md §4.
const shownSelection = "${response.statuscode}"

// checkSocketHTTP checks what only HTTP and HTTP_PROXY have.
func checkSocketHTTP(i *api.Integration) error {
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
		known := constantText(from)
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
