package apigatewayv2

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	rest "gatehouse/internal/awsapi/apigateway"
	api "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/awsrpc/awsrpctest"
	"gatehouse/internal/store"
	"gatehouse/internal/store/memstore"
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

const (
	testAccount = "111111111111"
	testRegion  = "eu-west-1"
	listener    = "arn:aws:elasticloadbalancing:eu-west-1:111111111111:listener/app/shop/1/2"
)

func newClient(t testing.TB, st store.Store) *client {
	t.Helper()
	if st == nil {
		mem := memstore.New(memstore.Options{})
		t.Cleanup(func() { mem.Close() })
		st = mem
	}
	svc := New(st, store.NewBlobs(st, "/"), Options{LoadBalancers: map[string]string{listener: "127.0.0.1:1"}, Domains: noDomains{}})
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

// noDomains is a service of REST APIs without any.
type noDomains struct{ rest.UnimplementedServer }

func (noDomains) GetDomainName(context.Context, *rest.GetDomainNameInput) (*rest.DomainName, error) {
	return nil, rest.NotFoundException("Invalid domain name identifier specified")
}

// do calls an operation and returns what an SDK would, or the error as "Error".
func (c *client) do(name string, in doc) doc {
	c.t.Helper()
	op, ok := c.ops[name]
	if !ok {
		c.t.Fatalf("no operation %s", name)
	}
	// The members have the names of Go here, whatever place each has in a request.
	given := doc{}
	shape := reflect.TypeOf(op.NewInput()).Elem()
	for member, value := range in {
		f, ok := shape.FieldByName(member)
		if !ok {
			c.t.Fatalf("%s has no %s", name, member)
		}
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		given[tag] = value
	}
	req, err := awsrpctest.Request("http://apigateway.local", op, given)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+testAccount+"/20261122/"+testRegion+
		"/apigateway/aws4_request, SignedHeaders=host;x-amz-date, Signature=00")
	req.Header.Set("X-Amz-Date", "20261122T000000Z")
	w := httptest.NewRecorder()
	c.h.ServeHTTP(w, req)
	out := doc{}
	if w.Body.Len() > 0 && w.Header().Get("Content-Type") == "application/json" {
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			c.t.Fatalf("%s: answer %q: %v", name, w.Body, err)
		}
	}
	if w.Code >= 300 {
		code := w.Header().Get("X-Amzn-Errortype")
		if list := w.Header()["x-amzn-ErrorType"]; code == "" && len(list) > 0 {
			code = list[0]
		}
		return doc{"Error": fmt.Sprintf("%s: %v", code, out["message"])}
	}
	return out
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

// quick makes an API with a route, and a stage that deploys by itself.
func (c *client) quick() (id string) {
	c.t.Helper()
	return c.must("CreateApi", doc{"Name": "quick", "ProtocolType": "HTTP", "Target": "http://127.0.0.1:1"})["apiId"].(string)
}

// items are the ids of a list.
func (c *client) items(op, id, member string) []string {
	c.t.Helper()
	var ids []string
	for _, item := range c.must(op, doc{"ApiId": id, "MaxResults": "500"})["items"].([]any) {
		ids = append(ids, item.(doc)[member].(string))
	}
	return ids
}
