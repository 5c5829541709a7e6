package corpus

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/awsrpc/awsrpctest"
	"gatehouse/internal/sigv4"
	"gatehouse/test/gatehousetest"

	api "gatehouse/internal/awsapi/apigateway"
)

type doc = map[string]any

const (
	testRegion = "eu-west-1"
	callTime   = 2 * time.Minute
)

// stopped is what a replay panics with that cannot go on.
type stopped string

// Error is the reason.
func (s stopped) Error() string { return string(s) }

// A client calls a server as an SDK would, for an account of its own.
type client struct {
	t       testing.TB
	server  *gatehousetest.Server
	account string
	http    *http.Client
	ops     map[string]awsrpc.Operation
	rec     recording            // that is replayed
	recs    map[string]recording // all, by file and name
	objects *objects             // what is in S3
}

// recorded reports whether there is an answer with this key.
func (c *client) recorded(key string) bool { return c.rec.Content[key] != nil }

func newClient(t testing.TB, server *gatehousetest.Server, account string) *client {
	c := &client{t: t, server: server, account: account, ops: map[string]awsrpc.Operation{},
		http: &http.Client{Timeout: callTime, Transport: &http.Transport{DisableCompression: true}}}
	t.Cleanup(c.http.CloseIdleConnections)
	for _, op := range api.Service().Operations {
		c.ops[op.Name] = op
	}
	return c
}

// stop ends the replay.
func (c *client) stop(format string, args ...any) {
	panic(stopped(fmt.Sprintf(format, args...)))
}

// send calls an operation.
func (c *client) send(name string, in doc, accept string) (*http.Response, []byte) {
	op, ok := c.ops[name]
	if !ok {
		c.stop("no operation %s", name)
	}
	req, err := awsrpctest.Request(c.server.Endpoint(), op, in)
	if err != nil {
		c.stop("%v", err)
	}
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	sigv4.Sign(req, nil, sigv4.Key{AccessKey: c.account, SecretKey: "any"}, sigv4.Target{Region: testRegion, Service: "apigateway"}, time.Now())
	resp, err := c.http.Do(req)
	if err != nil {
		c.stop("%s: %v", name, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.stop("%s: %v", name, err)
	}
	return resp, body
}

// do calls an operation and returns what an SDK would: the output with
// "$" as the status, or the error document.
func (c *client) do(name string, in doc) doc {
	resp, body := c.send(name, in, "")
	out := doc{}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &out); err != nil {
			c.stop("%s: answer %q: %v", name, body, err)
		}
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return doc{"$": float64(resp.StatusCode), "Error": fmt.Sprintf("%s: %v", resp.Header.Get("X-Amzn-Errortype"), out["message"])}
	}
	if items, ok := out["item"]; ok && name != "GetStages" {
		delete(out, "item")
		out["items"] = items
	}
	out["$"] = float64(resp.StatusCode)
	return out
}

// must calls an operation that has to succeed.
func (c *client) must(name string, in doc) doc {
	out := c.do(name, in)
	if out["Error"] != nil {
		c.stop("%s(%v) = %v", name, in, out["Error"])
	}
	return out
}

// newAPI creates an API and returns its id and that of its root resource.
func (c *client) newAPI() (id, root string) {
	out := c.must("CreateRestApi", doc{"name": "test"})
	return out["id"].(string), out["rootResourceId"].(string)
}

// newDeployableAPI creates an API with a mock method on its root.
func (c *client) newDeployableAPI() (id, root string) {
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
