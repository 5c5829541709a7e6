package sdk_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/event"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/identity"
	"gatehouse/internal/policy"
	"gatehouse/internal/wire"
)

// samples is the directory of the sample events that aws-lambda-go comes with.
func samples(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-lambda-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(strings.TrimSpace(string(out)), "events", "testdata")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the module comes without its samples: ", err)
	}
	return dir
}

// An exchange that a gateway has begun to serve, and the route's key.
func exchange(t *testing.T, http bool, key, request, body string, lines ...string) (*gateway.Route, *gateway.Exchange) {
	t.Helper()
	rt := &gateway.Route{ResourceID: "us4z18", Plan: new(gateway.Plan)}
	rt.Method, rt.ResourcePath, _ = strings.Cut(key, " ")
	st := &gateway.Stage{Account: "123456789012", API: "api1", Name: "$default", Deployment: "d1", Fallback: new(gateway.Plan)}
	api := &gateway.API{ID: "api1", HTTP: http}
	var err error
	if http {
		rt.Key = key
		st.Router, err = gateway.NewHTTPRouter([]*gateway.Route{rt})
		api.Default = st
	} else {
		st.Name = "prod"
		st.Router, err = gateway.NewRouter([]*gateway.Route{rt})
	}
	if err != nil {
		t.Fatal(err)
	}
	api.Stages = map[string]*gateway.Stage{st.Name: st}
	table, err := gateway.NewTable(1, []*gateway.API{api}, nil)
	if err != nil {
		t.Fatal(err)
	}
	gw := new(gateway.Gateway)
	gw.Publish(table)
	x := &gateway.Exchange{Peer: &wire.Peer{Addr: netip.MustParseAddrPort("192.0.2.1:999"), Local: netip.MustParseAddrPort("192.0.2.9:443"), TLS: true}}
	x.MethodRequest.Received = time.Now()
	method, target, _ := strings.Cut(request, " ")
	gatewaytest.Fill(x, method, target, body, append([]string{"Host: api1.execute-api.us-east-1.amazonaws.com", "User-Agent: test"}, lines...)...)
	if gw.Begin(x) == nil || x.Route == nil {
		t.Fatalf("%s is not served", request)
	}
	return rt, x
}

var variables = map[string]string{"k": "v"}

// The events of REST and HTTP APIs as the gateway makes them.
var made = map[string]func(t *testing.T) []byte{
	"apigw-request.json": func(t *testing.T) []byte {
		rt, x := exchange(t, false, "ANY /{proxy+}", "POST /prod/hello/world?name=me", `{"a":1}`, "Accept: */*", "x-api-key: k")
		x.Vars.APIKeyID = "id"
		x.Authorization = &gateway.Authorization{Event: [2]string{`{"principalId":"admin","clientId":1,"clientName":"Exata"}`}}
		rt.OperationName = "HelloWorld"
		return event.NewForm(rt, variables).AppendProxy(nil, x, x.MethodRequest.Body.Bytes, false)
	},
	"apigw-custom-auth-request-type-request.json": func(t *testing.T) []byte {
		rt, x := exchange(t, false, "GET /request", "GET /prod/request?QueryString1=queryValue1", "", "x-api-key: k")
		x.Vars.APIKeyID = "id"
		return event.NewForm(rt, variables).AppendAuthorizer(nil, x, "arn:aws:execute-api:us-east-1:123456789012:api1/prod/GET/request")
	},
	"apigw-v2-request-no-authorizer.json": func(t *testing.T) []byte {
		rt, x := exchange(t, true, "$default", "POST /my/path?parameter1=value1&parameter1=value2", "eyJ0ZXN0IjoiYm9keSJ9", "Cookie: cookie1; cookie2", "Content-Type: application/octet-stream")
		return event.NewHTTPForm(rt, variables).AppendHTTP(nil, x, x.MethodRequest.Body.Bytes)
	},
	"apigw-v2-request-jwt-authorizer.json": func(t *testing.T) []byte {
		rt, x := exchange(t, true, "GET /my/{path}", "GET /my/path?parameter1=value1", "b", "Cookie: cookie1; cookie2")
		x.Authorization = &gateway.Authorization{Kind: "jwt", Event: [2]string{`{"claims":{"claim1":"value1"},"scopes":["scope1"]}`}}
		return event.NewHTTPForm(rt, variables).AppendHTTP(nil, x, x.MethodRequest.Body.Bytes)
	},
	"apigw-v2-request-lambda-authorizer.json": func(t *testing.T) []byte {
		rt, x := exchange(t, true, "GET /my/{path}", "GET /my/path?parameter1=value1", "b", "Cookie: cookie1; cookie2")
		x.Authorization = &gateway.Authorization{Kind: "lambda", Event: [2]string{`{"key":"value"}`}}
		return event.NewHTTPForm(rt, variables).AppendHTTP(nil, x, x.MethodRequest.Body.Bytes)
	},
	"apigw-v2-request-iam.json": func(t *testing.T) []byte {
		rt, x := exchange(t, true, "GET /my/{path}", "GET /my/path?parameter1=value1", "b", "Cookie: cookie1; cookie2")
		x.Identity = gateway.Identity{Principal: &identity.Principal{Principal: policy.Principal{Account: "1234567890", ARN: "arn:aws:iam::1234567890:user/u"}, ID: "AIDA"}, AccessKey: "AKIA", Organization: "o-1"}
		return event.NewHTTPForm(rt, variables).AppendHTTP(nil, x, x.MethodRequest.Body.Bytes)
	},
	"apigw-v2-custom-authorizer-v1-request.json": func(t *testing.T) []byte {
		rt, x := exchange(t, true, "GET /request", "GET /request?QueryString1=queryValue1", "")
		return event.NewHTTPForm(rt, variables).AppendHTTPAuthorizer1(nil, x, "arn:aws:execute-api:us-east-1:123456789012:api1/$default/GET/request", []string{"user1", "123"})
	},
	"apigw-v2-custom-authorizer-v2-request.json": func(t *testing.T) []byte {
		rt, x := exchange(t, true, "GET /my/{path}", "GET /my/path?parameter1=value1", "", "Cookie: cookie1; cookie2")
		return event.NewHTTPForm(rt, variables).AppendHTTPAuthorizer(nil, x, "arn:aws:execute-api:us-east-1:123456789012:api1/$default/GET/request", []string{"user1", "123"})
	},
	"apigw-websocket-request.json": func(t *testing.T) []byte {
		x := socketExchange(gateway.Socket{Event: gateway.SocketConnect})
		gatewaytest.Fill(x, "GET", "/prod?a=b", "", "Host: api1.execute-api.us-east-1.amazonaws.com", "User-Agent: test")
		return event.NewSocketForm("$connect", variables).Append(nil, x, nil)
	},
	"apigw-websocket-request-send-message.json": func(*testing.T) []byte {
		return event.NewSocketForm("send", nil).Append(nil, socketExchange(gateway.Socket{Event: gateway.SocketMessage, MessageID: "m"}), []byte("{}"))
	},
	"apigw-websocket-request-disconnect.json": func(*testing.T) []byte {
		return event.NewSocketForm("$disconnect", nil).Append(nil, socketExchange(gateway.Socket{Event: gateway.SocketDisconnect, CloseCode: 1005, CloseReason: "r"}), nil)
	},
}

func socketExchange(s gateway.Socket) *gateway.Exchange {
	x := new(gateway.Exchange)
	x.Stage = &gateway.Stage{API: "api1", Name: "prod"}
	x.Peer = &wire.Peer{Addr: netip.MustParseAddrPort("192.0.2.1:999"), TLS: true}
	x.Socket = &s
	x.Socket.ConnectionID, x.Socket.ConnectedAt = "c", time.Now()
	x.Vars.Start, x.Vars.UserAgent, x.Vars.Domain, x.Vars.RequestID, x.Vars.ExtendedRequestID = time.Now(), "test", "d.example", "r", "r"
	return x
}

// open are members whose own members are the client's or the user's.
var open = []string{"headers", "multiValueHeaders", "queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables",
	"requestContext.authorizer", "requestContext.authorizer.jwt.claims", "requestContext.authorizer.lambda"}

// members lists the paths of all members of a document.
func members(doc map[string]any, under string) []string {
	var list []string
	for name, v := range doc {
		path := under + name
		list = append(list, path)
		if sub, ok := v.(map[string]any); ok && (!slices.Contains(open, path) || strings.HasSuffix(path, "authorizer") && (sub["jwt"] != nil || sub["iam"] != nil)) {
			list = append(list, members(sub, path+".")...)
		}
	}
	return list
}

// TestEventSamples compares the members of events with those of the samples that
// aws-lambda-go comes with. Where they differ, the reason stands in differs.
func TestEventSamples(t *testing.T) {
	dir := samples(t)
	for _, name := range slices.Sorted(maps.Keys(made)) {
		t.Run(name, func(t *testing.T) {
			var want, got map[string]any
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			mine := made[name](t)
			if err := json.Unmarshal(b, &want); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(mine, &got); err != nil {
				t.Fatalf("%v: %s", err, mine)
			}
			wanted, have := members(want, ""), members(got, "")
			var diff []string
			for _, m := range wanted {
				if !slices.Contains(have, m) {
					diff = append(diff, "-"+m)
				}
			}
			for _, m := range have {
				if !slices.Contains(wanted, m) {
					diff = append(diff, "+"+m)
				}
			}
			slices.Sort(diff)
			var unknown []string
			for _, d := range diff {
				if !explained(name, d) {
					unknown = append(unknown, d)
				}
			}
			if len(unknown) > 0 {
				t.Errorf("members (- only in the sample, + only here): %s\n%s", strings.Join(unknown, " "), mine)
			}
		})
	}
}

// explained tells whether a difference has its reason.
func explained(sample, member string) bool {
	for i := range differs {
		d := &differs[i]
		if strings.HasPrefix(sample, d.sample) && slices.ContainsFunc(strings.Fields(d.members), func(m string) bool {
			return m == member || strings.HasSuffix(m, "*") && strings.HasPrefix(member, m[:len(m)-1])
		}) {
			return true
		}
	}
	return false
}

// differs says why an event has a member that the sample has not (+), or has not
// one that it has (-).
var differs = []struct{ sample, members, why string }{
	{"apigw", "-requestContext.authentication* -requestContext.identity.clientCert*", "the client showed no certificate"},
	{"apigw-request.json", "+isBase64Encoded +requestContext.deploymentId +requestContext.identity.principalOrgId", "later than the sample: recorded events have them"},
	{"apigw-request.json", "+requestContext.operationName", "the sample's method has none"},
	{"apigw-custom-auth-request-type-request.json", "+requestContext.*", "the sample is the guide's, which is shortened; recorded events have them"},
	{"apigw-v2-custom-authorizer-v1-request.json", "+multiValueHeaders +multiValueQueryStringParameters +requestContext.* -requestContext.identity.apiKey",
		"the sample is that of a REST API with a version; published events of HTTP APIs look otherwise"},
	{"apigw-v2-request-iam.json", "-requestContext.authorizer.iam.cognitoIdentity.*", "the caller is no role of an identity pool"},
	{"apigw-v2-request-no-authorizer.json", "+body +cookies +queryStringParameters +stageVariables", "the sample's request and stage have none"},
	{"apigw-websocket-request.json", "-body -httpMethod -path -pathParameters -resource -requestContext.*",
		"the sample has null, and a REST API's members, where recorded events have nothing"},
}

// TestEventTypes decodes events into the types that Go functions use, and wants
// nothing of them lost.
func TestEventTypes(t *testing.T) {
	types := map[string]func() any{
		"apigw-request.json":                          func() any { return new(events.APIGatewayProxyRequest) },
		"apigw-custom-auth-request-type-request.json": func() any { return new(events.APIGatewayCustomAuthorizerRequestTypeRequest) },
		"apigw-v2-request-no-authorizer.json":         func() any { return new(events.APIGatewayV2HTTPRequest) },
		"apigw-v2-request-jwt-authorizer.json":        func() any { return new(events.APIGatewayV2HTTPRequest) },
		"apigw-v2-request-lambda-authorizer.json":     func() any { return new(events.APIGatewayV2HTTPRequest) },
		"apigw-v2-request-iam.json":                   func() any { return new(events.APIGatewayV2HTTPRequest) },
		"apigw-v2-custom-authorizer-v1-request.json":  func() any { return new(events.APIGatewayV2CustomAuthorizerV1Request) },
		"apigw-v2-custom-authorizer-v2-request.json":  func() any { return new(events.APIGatewayV2CustomAuthorizerV2Request) },
		"apigw-websocket-request.json":                func() any { return new(events.APIGatewayWebsocketProxyRequest) },
		"apigw-websocket-request-send-message.json":   func() any { return new(events.APIGatewayWebsocketProxyRequest) },
		"apigw-websocket-request-disconnect.json":     func() any { return new(events.APIGatewayWebsocketProxyRequest) },
	}
	for _, name := range slices.Sorted(maps.Keys(made)) {
		t.Run(name, func(t *testing.T) {
			mine := made[name](t)
			v := types[name]()
			if err := json.Unmarshal(mine, v); err != nil {
				t.Fatalf("%v: %s", err, mine)
			}
			again, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			var before, after map[string]any
			if err := json.NewDecoder(bytes.NewReader(mine)).Decode(&before); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(again, &after); err != nil {
				t.Fatal(err)
			}
			keep(before, after)
			if d := cmp.Diff(before, after); d != "" {
				t.Errorf("decoded and encoded again (-before +after):\n%s", d)
			}
		})
	}
}

// keep takes from both documents what only one of them has: types have members
// that events lack, and lack some that they have.
func keep(a, b map[string]any) {
	for name, v := range a {
		w, ok := b[name]
		sub, isMap := v.(map[string]any)
		other, otherMap := w.(map[string]any)
		switch {
		case !ok || v == nil:
			delete(a, name)
			delete(b, name)
		case isMap && otherMap:
			keep(sub, other)
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			delete(b, name)
		}
	}
}
