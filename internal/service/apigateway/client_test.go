package apigateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/store"
	"gatehouse/internal/store/memstore"
	"gatehouse/internal/usage"

	api "gatehouse/internal/awsapi/apigateway"
)

// A client calls a service as an SDK would: through the wire protocol, from a
// map with the model's member names to one.
type client struct {
	t   testing.TB
	svc *Service
	st  store.Store
	h   *awsrpc.Handler
	ops map[string]awsrpc.Operation
}

type doc = map[string]any

func newClient(t testing.TB) *client {
	t.Helper()
	st := memstore.New(memstore.Options{})
	t.Cleanup(func() { st.Close() })
	svc := New(st, store.NewBlobs(st, "/"), Options{Usage: usage.New(nil, nil)})
	mount := api.Mount(svc)
	h, err := awsrpc.NewHandler([]awsrpc.Mount{mount}, awsrpc.Options{Dev: true, Account: testAccount})
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, svc: svc, st: st, h: h, ops: map[string]awsrpc.Operation{}}
	for _, op := range mount.Service.Operations {
		c.ops[op.Name] = op
	}
	return c
}

const (
	testAccount = "111111111111"
	testRegion  = "eu-west-1"
)

// do calls an operation and returns what an SDK would: the output with
// "$" as the status, or the error document.
func (c *client) do(name string, in doc) doc {
	c.t.Helper()
	op, ok := c.ops[name]
	if !ok {
		c.t.Fatalf("no operation %s", name)
	}
	req := c.request(op, in)
	w := httptest.NewRecorder()
	c.h.ServeHTTP(w, req)
	out := doc{}
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			c.t.Fatalf("%s: answer %q: %v", name, w.Body, err)
		}
	}
	if w.Code >= 300 {
		code := w.Header().Get("X-Amzn-Errortype")
		if code == "" {
			code = strings.Join(w.Header()["x-amzn-ErrorType"], "")
		}
		return doc{"$": float64(w.Code), "Error": fmt.Sprintf("%s: %v", code, out["message"])}
	}
	if items, ok := out["item"]; ok && name != "GetStages" {
		delete(out, "item")
		out["items"] = items
	}
	out["$"] = float64(w.Code)
	return out
}

// request puts the members of in where the operation's input type says.
func (c *client) request(op awsrpc.Operation, in doc) *http.Request {
	c.t.Helper()
	path, literal, _ := strings.Cut(op.URI, "?")
	query := url.Values{}
	body := doc{}
	var payload []byte
	shape := reflect.TypeOf(op.NewInput()).Elem()
	seen := 0
	for i := range shape.NumField() {
		f := shape.Field(i)
		member, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		// The SDKs call it integrationHttpMethod beside the path's httpMethod.
		name := member
		if op.Name == "PutIntegration" {
			switch f.Name {
			case "HttpMethod":
				name = "httpMethod"
			case "IntegrationHttpMethod":
				name = "integrationHttpMethod"
			}
		}
		v, ok := in[name]
		if !ok {
			continue
		}
		seen++
		bound := ""
		for part := range strings.SplitSeq(f.Tag.Get("aws"), ",") {
			kind, arg, _ := strings.Cut(part, "=")
			switch kind {
			case "uri":
				bound = kind
				if arg == "" {
					arg = member
				}
				path = strings.ReplaceAll(path, "{"+arg+"}", url.PathEscape(fmt.Sprint(v)))
			case "query":
				bound = kind
				if list, ok := v.([]string); ok {
					query[arg] = list
				} else {
					query.Set(arg, fmt.Sprint(v))
				}
			case "queryparams":
				bound = kind
				for k, v := range v.(map[string]string) {
					query.Set(k, v)
				}
			case "payload":
				bound = kind
				payload = []byte(v.(string))
			}
		}
		if bound == "" {
			body[member] = v
		}
	}
	if seen != len(in) {
		c.t.Fatalf("%s: input %v has members that the operation lacks", op.Name, in)
	}
	if payload == nil && len(body) > 0 {
		var err error
		if payload, err = json.Marshal(body); err != nil {
			c.t.Fatal(err)
		}
	}
	target := path + "?" + literal
	if len(query) > 0 {
		target += "&" + query.Encode()
	}
	req := httptest.NewRequest(op.Method, "http://apigateway.local"+strings.TrimSuffix(target, "?"), bytes.NewReader(payload))
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+testAccount+"/20261122/"+testRegion+
		"/apigateway/aws4_request, SignedHeaders=host;x-amz-date, Signature=00")
	req.Header.Set("X-Amz-Date", "20261122T000000Z")
	if len(payload) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	return req
}

// must calls an operation that has to succeed.
func (c *client) must(name string, in doc) doc {
	c.t.Helper()
	out := c.do(name, in)
	if out["Error"] != nil {
		c.t.Fatalf("%s(%v) = %v", name, in, out["Error"])
	}
	return out
}

// fail calls an operation that has to fail, with "Code: message".
func (c *client) fail(name string, in doc, want string) {
	c.t.Helper()
	if got := c.do(name, in)["Error"]; got != want {
		c.t.Errorf("%s(%v) = %v, want %v", name, in, got, want)
	}
}

// newAPI creates an API and returns its id and that of its root resource.
func (c *client) newAPI() (id, root string) {
	c.t.Helper()
	out := c.must("CreateRestApi", doc{"name": "test"})
	return out["id"].(string), out["rootResourceId"].(string)
}

// newDeployableAPI creates an API with a mock method on its root.
func (c *client) newDeployableAPI() (id, root string) {
	c.t.Helper()
	id, root = c.newAPI()
	c.must("PutMethod", doc{"restApiId": id, "resourceId": root, "httpMethod": "GET", "authorizationType": "NONE"})
	c.must("PutMethodResponse", doc{"restApiId": id, "resourceId": root, "httpMethod": "GET", "statusCode": "200"})
	c.must("PutIntegration", doc{"restApiId": id, "resourceId": root, "httpMethod": "GET", "type": "MOCK",
		"requestTemplates": doc{"application/json": `{"statusCode": 200}`}})
	c.must("PutIntegrationResponse", doc{"restApiId": id, "resourceId": root, "httpMethod": "GET", "statusCode": "200",
		"selectionPattern": "", "responseTemplates": doc{"application/json": `{"message": "default deployment"}`}})
	return id, root
}

// patch is a list of patch operations: op, path and value of each. A value of
// nil is left out.
func patch(ops ...any) []doc {
	var list []doc
	for i := 0; i < len(ops); i += 3 {
		o := doc{"op": ops[i], "path": ops[i+1]}
		if ops[i+2] != nil {
			o["value"] = ops[i+2]
		}
		list = append(list, o)
	}
	return list
}
