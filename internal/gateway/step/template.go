package step

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/gateway"
	"gatehouse/internal/vtl"
	"gatehouse/internal/wire"
)

// A template is a mapping template, compiled once. One without "#" and "$" is
// what it prints.
type template struct {
	constant []byte
	vtl      *vtl.Template // nil: constant
}

func newTemplate(text string) (template, error) {
	if !strings.ContainsAny(text, "#$") {
		return template{constant: []byte(text)}, nil
	}
	t, err := vtl.Compile(text)
	return template{vtl: t}, err
}

// maxRender bounds the time of one rendering, besides vtl's own limit of steps:
// a large body and a template with nested loops can reach it.
const maxRender = 5 * time.Second

// render appends what the template prints to x.Text and returns it. It lives as
// long as x. Body is what $input sees.
func (t *template) render(x *gateway.Exchange, body string, variables map[string]string) ([]byte, error) {
	if t.vtl == nil {
		return t.constant, nil
	}
	r := renderings.Get().(*rendering)
	r.context.x, r.params.x = x, x
	r.env = vtl.Env{Body: body, Params: &r.params, Context: &r.context, StageVariables: stageVariables(variables),
		Overrides: x.Overrides, Deadline: x.Vars.Now.Add(maxRender)}
	from := len(x.Text)
	out, err := t.vtl.Append(x.Text, &r.env)
	x.Text, x.Overrides = out, r.env.Overrides
	*r = rendering{}
	renderings.Put(r)
	return out[from:], err
}

// A rendering is what one rendering sees.
type rendering struct {
	env     vtl.Env
	context contextScope
	params  requestParams
}

var renderings = sync.Pool{New: func() any { return new(rendering) }}

// requestFault returns the fault for a request template that failed.
//
// AWS: mapping-templates.md §2.1 and the end of §1. The type of the 400 is not
// recorded.
func requestFault(err error) error {
	var p *vtl.PayloadError
	if errors.As(err, &p) {
		return &gateway.Fault{Type: gateway.BadRequestBody, Message: p.Error()}
	}
	if errors.As(err, new(*gateway.Fault)) {
		return err
	}
	return gateway.NewFault(gateway.APIConfigurationError, fmt.Errorf("unable to transform request: %w", err))
}

// responseFault is requestFault for a response template: there the payload is
// the backend's, and so is the blame.
func responseFault(err error) error {
	if errors.As(err, new(*gateway.Fault)) {
		return err
	}
	return gateway.NewFault(gateway.APIConfigurationError, fmt.Errorf("unable to transform response: %w", err))
}

// stageVariables are $stageVariables.
type stageVariables map[string]string

// Lookup returns a variable.
func (s stageVariables) Lookup(name string) vtl.Value {
	if v, ok := s[name]; ok {
		return vtl.NewString(v)
	}
	return vtl.Value{}
}

// Names lists the variables.
func (s stageVariables) Names(path string) []string {
	if path != "" {
		return nil
	}
	return sortedNames(s)
}

// requestParams are $input.params: those of the method request, whose hidden
// headers are not seen.
//
// AWS: mapping-templates.md §2. That names of headers are compared with their
// case is not confirmed; validators and mappings do.
type requestParams struct{ x *gateway.Exchange }

// Param returns a parameter; of several values the last.
func (p *requestParams) Param(in vtl.Place, name string) (value string, ok bool) {
	x := p.x
	switch in {
	case vtl.InPath:
		if i := x.Route.Param(name); i >= 0 {
			return decoded(x, x.Vars.Params[i], false), true
		}
	case vtl.InQuery:
		for n, v := range queryPairs(x) {
			if gateway.EqualDecoded(n, name) {
				value, ok = v, true
			}
		}
		value = decoded(x, value, true)
	case vtl.InHeader:
		fields := x.MethodRequest.Header.Fields
		for i := len(fields) - 1; i >= 0; i-- {
			if fields[i].Name == name && !hidden[fields[i].ID] {
				return fields[i].Value, true
			}
		}
	}
	return value, ok
}

// Each lists the parameters of one place.
func (p *requestParams) Each(in vtl.Place, yield func(name, value string) bool) {
	x := p.x
	switch in {
	case vtl.InPath:
		for i, name := range x.Route.ParamNames {
			if !yield(name, decoded(x, x.Vars.Params[i], false)) {
				return
			}
		}
	case vtl.InQuery:
		for n, v := range queryPairs(x) {
			if !yield(decoded(x, n, true), decoded(x, v, true)) {
				return
			}
		}
	case vtl.InHeader:
		for i := range x.MethodRequest.Header.Fields {
			f := &x.MethodRequest.Header.Fields[i]
			if !hidden[f.ID] && !yield(f.Name, f.Value) {
				return
			}
		}
	}
}

// queryPairs yields the client's query parameters as they came.
func queryPairs(x *gateway.Exchange) func(yield func(name, value string) bool) {
	return func(yield func(name, value string) bool) {
		for q := x.MethodRequest.Query; q != ""; {
			n, v, rest, ok := gateway.NextPair(q)
			if !ok || !yield(n, v) {
				return
			}
			q = rest
		}
	}
}

// contextScope is $context.
type contextScope struct{ x *gateway.Exchange }

// contextNames are the variables of $context that templates see, and
// identityNames those of $context.identity.
//
// AWS: mapping-templates.md §4; order as recorded (LS
// sqs::test_sqs_amz_json_protocol).
var (
	contextNames = []string{"resourceId", "resourcePath", "httpMethod", "extendedRequestId", "requestTime", "path", "accountId", "protocol", "stage",
		"domainPrefix", requestTimeEpoch, "requestId", identity, "domainName", "deploymentId", "apiId"}
	identityNames = []string{"cognitoIdentityPoolId", "accountId", "cognitoIdentityId", "caller", "sourceIp", "principalOrgId", "accessKey",
		"cognitoAuthenticationType", "cognitoAuthenticationProvider", "userArn", "userAgent", "user"}
	// AWS: websocket-execution.md §11.
	socketNames = []string{"apiId", "connectedAt", "connectionId", "domainName", "eventType", "extendedRequestId", identity, "messageId",
		"requestId", "requestTime", requestTimeEpoch, "routeKey", "stage"}
	clientNames   = []string{"clientCertPem", "subjectDN", "issuerDN", "serialNumber", "validity"}
	validityNames = []string{"notBefore", "notAfter"}
)

const (
	authorizer       = "authorizer"
	authorizerClaims = "authorizer.claims"
	identity         = "identity"
	clientCert       = "identity.clientCert"
	clientValidity   = "identity.clientCert.validity"
	requestTimeEpoch = "requestTimeEpoch"
)

// contextGetters are the getters of all variables that templates see.
var contextGetters = func() map[string]gateway.Getter {
	m := make(map[string]gateway.Getter)
	for _, name := range contextNames {
		m[name] = gateway.ContextVar(name)
	}
	for _, name := range append(identityNames, "apiKey", "apiKeyId", "vpcId", "vpceId") {
		m[identity+"."+name] = gateway.ContextVar(identity + "." + name)
	}
	for _, name := range []string{"clientCertPem", "subjectDN", "issuerDN", "serialNumber", "validity.notBefore", "validity.notAfter"} {
		m[clientCert+"."+name] = gateway.ContextVar(clientCert + "." + name)
	}
	m["isCanaryRequest"] = gateway.ContextVar("isCanaryRequest")
	return m
}()

// socketGetters are those that are WebSocket APIs' own.
var socketGetters = map[string]gateway.Getter{
	"connectedAt":  gateway.SocketVar("connectedAt"),
	"connectionId": gateway.SocketVar("connectionId"),
	"eventType":    gateway.SocketVar("eventType"),
	"messageId":    gateway.SocketVar("messageId"),
	"routeKey":     gateway.SocketVar("routeKey"),
}

// Lookup returns a variable. One without a value is null, which prints nothing.
func (c *contextScope) Lookup(path string) vtl.Value {
	x := c.x
	switch path {
	case identity:
		return vtl.NewGroup()
	case clientCert, clientValidity:
		if x.Client != nil {
			return vtl.NewGroup()
		}
	case requestTimeEpoch:
		return vtl.NewInt(x.Vars.Start.UnixMilli())
	case authorizer:
		if x.Authorization != nil {
			return vtl.NewGroup()
		}
	case authorizerClaims:
		if x.Authorization != nil && x.Authorization.Claims != nil {
			return vtl.NewGroup()
		}
	}
	if rest, ok := strings.CutPrefix(path, authorizer+"."); ok {
		return authorizerValue(x, rest)
	}
	get := contextGetters[path]
	if x.Socket != nil && socketGetters[path] != nil {
		get = socketGetters[path]
	}
	if get == nil {
		return vtl.Value{}
	}
	from := len(x.Buf)
	if x.Buf = get(x.Buf, x); len(x.Buf) == from {
		return vtl.Value{}
	}
	return vtl.NewString(wire.String(x.Buf[from:]))
}

// Names lists the variables that there are always, and those that have a value.
func (c *contextScope) Names(path string) []string {
	switch path {
	case "":
		names := contextNames[:len(contextNames):len(contextNames)]
		if c.x.Socket != nil {
			names = socketNames[:len(socketNames):len(socketNames)]
		}
		if c.x.Vars.HasCanary {
			names = append(names, "isCanaryRequest")
		}
		if c.x.Authorization != nil {
			names = slices.Insert(names, 1, authorizer)
		}
		return names
	case authorizer:
		return authorizerNames(c.x.Authorization)
	case authorizerClaims:
		if c.x.Authorization != nil {
			return valueNames(c.x.Authorization.Claims)
		}
	case identity:
		names := identityNames[:len(identityNames):len(identityNames)]
		if c.x.Client != nil {
			names = append(names, "clientCert")
		}
		if c.x.Vars.APIKeyID != "" {
			names = append(names, "apiKey", "apiKeyId")
		}
		return names
	case clientCert:
		return clientNames
	case clientValidity:
		return validityNames
	}
	return nil
}

// authorizerValue returns $context.authorizer.{name}.
func authorizerValue(x *gateway.Exchange, name string) vtl.Value {
	value, ok := x.Authorization.Value(name)
	if claim, isClaim := strings.CutPrefix(name, "claims."); isClaim {
		value, ok = x.Authorization.Claim(claim)
	}
	if !ok {
		return vtl.Value{}
	}
	return vtl.NewString(value)
}

func authorizerNames(a *gateway.Authorization) []string {
	if a == nil {
		return nil
	}
	names := valueNames(a.Values)
	if a.Claims != nil {
		names = append(names, "claims")
	}
	return names
}

func valueNames(list []gateway.AuthorizerValue) []string {
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].Name
	}
	return names
}

var (
	_ vtl.Scope  = (*contextScope)(nil)
	_ vtl.Scope  = stageVariables(nil)
	_ vtl.Params = (*requestParams)(nil)
)
