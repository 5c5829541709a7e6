package apigateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/awsrpc/awsrpctest"
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
	req, err := awsrpctest.Request("http://apigateway.local", op, in)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+testAccount+"/20261122/"+testRegion+
		"/apigateway/aws4_request, SignedHeaders=host;x-amz-date, Signature=00")
	req.Header.Set("X-Amz-Date", "20261122T000000Z")
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

// newMockMethod creates an API with a mock method on its root, and returns what
// names the method and its response 200.
func newMockMethod(c *client) (m, r doc) {
	id, root := c.newAPI()
	m = doc{"restApiId": id, "resourceId": root, "httpMethod": "GET"}
	c.must("PutMethod", with(m, "authorizationType", "NONE"))
	c.must("PutIntegration", with(m, "type", "MOCK", "requestTemplates", doc{"application/json": `{"statusCode": 200}`}))
	return m, with(m, "statusCode", "200")
}

func putHeaderResponse(c *client, r doc) {
	c.must("PutMethodResponse", with(r, "responseParameters", doc{"method.response.header.my-header": false},
		"responseModels", doc{"application/json": "Empty"}))
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

// with adds members to an input.
func with(in doc, more ...any) doc {
	out := doc{}
	for k, v := range in {
		out[k] = v
	}
	for i := 0; i < len(more); i += 2 {
		out[more[i].(string)] = more[i+1]
	}
	return out
}

func text2json(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
