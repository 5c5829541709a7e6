package corpus

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
)

// dataReplays are the recordings of requests to deployed APIs.
func dataReplays() []replay {
	return slices.Concat(mockReplays, httpReplays, templateReplays, validatorReplays, routeReplays, remapReplays, s3Replays, lambdaReplays, testInvokeReplays)
}

// An answer is what a request to a deployed API got.
type answer struct {
	status int
	header http.Header
	body   string
}

// json is the body as a document.
func (a answer) json() (v any) {
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		panic(stopped(fmt.Sprintf("body %q: %v", a.body, err)))
	}
	return v
}

// doc is the body as an object.
func (a answer) doc() doc {
	d, ok := a.json().(doc)
	if !ok {
		panic(stopped(fmt.Sprintf("body %q is no object", a.body)))
	}
	return d
}

// headers are the headers as the recordings have them: one value for each
// name, in lower case.
func (a answer) headers() doc {
	d := doc{}
	for name, values := range a.header {
		d[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	return d
}

// invoke sends a request to a deployed API: target is its id, stage and path.
// Each line is a header.
func (c *client) invoke(method, target, body string, lines ...string) answer {
	id, path, _ := strings.Cut(target, "/")
	return c.request(id+".execute-api.localhost", method, "/"+path, body, lines...)
}

// request sends a request to the data plane.
func (c *client) request(host, method, path, body string, lines ...string) answer {
	req, err := http.NewRequestWithContext(context.Background(), method, c.server.DataPlane(), bytes.NewReader([]byte(body)))
	if err != nil {
		c.stop("%v", err)
	}
	req.URL.Opaque = path
	if strings.HasPrefix(path, "//") { // which would be read as a host
		req.URL.Opaque = "//" + host + path
	}
	req.Host = host
	req.Header["User-Agent"] = []string{"test/integration"}
	req.Close = slices.Contains(lines, "Connection: close")
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		req.Header[name] = []string{value} // as it is written: names of parameters have a case
	}
	resp, err := c.http.Do(req)
	if err != nil {
		c.stop("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		c.stop("%s %s: %v", method, path, err)
	}
	if resp.Close { // net/http has taken the header away
		resp.Header.Set("Connection", "close")
	}
	return answer{resp.StatusCode, resp.Header, string(got)}
}

// A route is one method of an API to be made.
type route struct {
	part        string // below the root; empty is the root itself
	verb        string // GET if empty
	method      doc    // of PutMethod
	integration doc    // of PutIntegration
	responses   map[string]doc
	status      map[string]doc // of PutMethodResponse; those of responses if nil
}

// put adds a route to an API and returns what names its method.
func (c *client) put(id, root string, r route) doc {
	resource := root
	for part := range strings.SplitSeq(r.part, "/") {
		if part != "" {
			resource = c.must("CreateResource", doc{"restApiId": id, "parentId": resource, "pathPart": part})["id"].(string)
		}
	}
	if r.verb == "" {
		r.verb = "GET"
	}
	m := doc{"restApiId": id, "resourceId": resource, "httpMethod": r.verb}
	method := doc{"authorizationType": "NONE"}
	maps.Copy(method, r.method)
	c.must("PutMethod", merge(m, method))
	c.must("PutIntegration", merge(m, r.integration))
	for status, response := range r.responses {
		c.must("PutMethodResponse", merge(m, doc{"statusCode": status}, r.status[status]))
		c.must("PutIntegrationResponse", merge(m, doc{"statusCode": status}, response))
	}
	return m
}

// serve creates an API of one route, deploys it and returns its id.
func (c *client) serve(stage string, r route) string {
	id, root := c.newAPI()
	c.put(id, root, r)
	c.deploy(id, stage)
	return id
}

// deploy puts an API as it is on a stage.
func (c *client) deploy(id, stage string) {
	c.must("CreateDeployment", doc{"restApiId": id, "stageName": stage})
}

func merge(docs ...doc) doc {
	out := doc{}
	for _, d := range docs {
		maps.Copy(out, d)
	}
	return out
}

// backend starts a server for the time of the replay and returns its URL.
func (c *client) backend(h http.HandlerFunc) string {
	s := httptest.NewServer(h)
	c.t.Cleanup(s.Close)
	return s.URL
}

// echo answers with what it got, as the function behind a URL did to which the
// recorded integrations went. Such a URL adds headers of its own.
func (c *client) echo(trim bool) string {
	return c.backend(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client went away
		}
		headers, args := doc{"host": r.Host}, doc{}
		for name, values := range r.Header {
			if name = strings.ToLower(name); !trim || !strings.HasPrefix(name, "x-") {
				headers[name] = strings.Join(values, ",")
			}
		}
		for name, values := range r.URL.Query() {
			args[name] = strings.Join(values, ",")
		}
		peer, _, _ := net.SplitHostPort(r.RemoteAddr)
		if !trim {
			maps.Copy(headers, doc{"x-amzn-tls-cipher-suite": "c", "x-amzn-tls-version": "v", "x-forwarded-port": "443", "x-forwarded-proto": "https"})
			if headers["x-forwarded-for"] == nil {
				headers["x-forwarded-for"] = peer
			}
		}
		if len(body) > 0 {
			headers["content-length"] = fmt.Sprint(len(body))
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Connection", "keep-alive")
		w.Header().Set("X-Amzn-RequestId", "11111111-2222-3333-4444-555555555555")
		w.Header().Set("X-Amzn-Trace-Id", "Root=1-11111111-222222222222222222222222")
		_ = json.NewEncoder(w).Encode(doc{"args": args, "data": string(body), "domain": r.Host, "headers": headers,
			"method": r.Method, "origin": peer, "path": r.URL.Path}) // the client may have gone away
	})
}

// matchText compares a text with one that was recorded alone.
func (c *client) matchText(match func(string, doc), key, got string) { match(key, doc{"": got}) }
