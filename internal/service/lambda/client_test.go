package lambda

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	api "gatehouse/internal/awsapi/lambda"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/function"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
	"gatehouse/internal/store/memstore"
)

const (
	testAccount = "111111111111"
	testRegion  = "eu-west-1"
	testPrefix  = "arn:aws:lambda:" + testRegion + ":" + testAccount + ":function:"
)

type doc = map[string]any

// A client calls a service as an SDK would: through the wire protocol.
type client struct {
	t      testing.TB
	st     store.Store
	svc    *Service
	h      *awsrpc.Handler
	host   *fakeHost
	syncer *Syncer
	dir    string // what is unpacked
	header http.Header
}

func newClient(t testing.TB) *client {
	t.Helper()
	st := memstore.New(memstore.Options{})
	t.Cleanup(func() { st.Close() })
	c := &client{t: t, st: st, host: &fakeHost{defs: map[string]*function.Definition{}}, dir: t.TempDir()}
	c.svc = New(st, store.NewBlobs(st, "/"), Options{Dir: c.dir, Unpack: unpack, Invoker: c.host})
	var err error
	c.h, err = awsrpc.NewHandler([]awsrpc.Mount{api.Mount(c.svc)}, awsrpc.Options{Dev: true, Account: testAccount, Wait: c.settle})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sync starts a syncer, so that calls return when the host has followed.
func (c *client) sync() {
	c.syncer = c.svc.NewSyncer(SyncOptions{Host: c.host, Invoker: c.host})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.syncer.Run(ctx) }()
	c.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			c.t.Errorf("Run = %v, want nil", err)
		}
	})
	c.settle(context.Background())
}

func (c *client) settle(ctx context.Context) {
	if c.syncer == nil {
		return
	}
	page, err := c.st.List(ctx, "", "", 1)
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		err = c.syncer.Wait(ctx, page.Rev)
	}
	if err != nil {
		c.t.Errorf("the syncer does not follow: %v", err)
	}
}

// do makes a call. The path's parts after the date are escaped.
func (c *client) do(method, path string, body any) (int, doc) {
	c.t.Helper()
	b, ok := body.([]byte)
	if !ok && body != nil {
		var err error
		if b, err = json.Marshal(body); err != nil {
			c.t.Fatal(err)
		}
	}
	r := httptest.NewRequest(method, "http://lambda.local"+path, bytes.NewReader(b))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+testAccount+"/20261122/"+testRegion+"/lambda/aws4_request, SignedHeaders=host;x-amz-date, Signature=00")
	r.Header.Set("X-Amz-Date", "20261122T000000Z")
	for name, values := range c.header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	c.h.ServeHTTP(w, r)
	c.header = w.Header()
	defer func() { c.header = nil }()
	out := doc{}
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			c.t.Fatalf("%s %s: answer %q: %v", method, path, w.Body, err)
		}
	}
	if w.Code >= 300 {
		message := out["message"]
		if message == nil {
			message = out["Message"]
		}
		out["error"] = fmt.Sprintf("%d %s: %v", w.Code, strings.Join(w.Header()["x-amzn-ErrorType"], ""), message)
	}
	return w.Code, out
}

// must makes a call that has to succeed.
func (c *client) must(method, path string, body any) doc {
	c.t.Helper()
	_, out := c.do(method, path, body)
	if out["error"] != nil {
		c.t.Fatalf("%s %s = %v", method, path, out["error"])
	}
	return out
}

// fail makes a call that has to fail.
func (c *client) fail(method, path string, body any, want string) {
	c.t.Helper()
	if _, out := c.do(method, path, body); out["error"] != want {
		c.t.Errorf("%s %s\n got %v\nwant %s", method, path, out["error"], want)
	}
}

const (
	functionsPath = "/2015-03-31/functions"
	helloPath     = functionsPath + "/hello"
)

// newFunction is the input of CreateFunction for a function called hello.
func newFunction(more doc) doc {
	in := doc{"FunctionName": "hello", "Runtime": "python3.12", "Handler": "main.handler", "Role": "arn:aws:iam::111111111111:role/r",
		"Code": doc{"ZipFile": zipOf("main.py", "one")}}
	for k, v := range more {
		in[k] = v
	}
	return in
}

// zipOf is a zip file of one file.
func zipOf(name, content string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create(name)
	if err == nil {
		_, err = io.WriteString(w, content)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		panic(err)
	}
	return b.Bytes()
}

// unpack is the simplest that there is: function.Unpack has tests of its own.
func unpack(r io.ReaderAt, size int64, dir string) (int64, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return 0, err
	}
	return size, os.CopyFS(dir, z)
}

// A fakeHost remembers what it is given, and answers calls by echo.
type fakeHost struct {
	mu    sync.Mutex
	defs  map[string]*function.Definition
	calls []*function.Invocation
	echo  func(in *function.Invocation) (*function.Result, error)
}

func (h *fakeHost) Set(def *function.Definition) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.defs[def.ARN] = def
	return nil
}

func (h *fakeHost) Remove(arn string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.defs, arn)
}

func (h *fakeHost) ARNs() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []string
	for arn := range h.defs {
		list = append(list, arn)
	}
	return list
}

func (h *fakeHost) def(arn string) *function.Definition {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.defs[arn]
}

func (h *fakeHost) Invoke(_ context.Context, in *function.Invocation) (*function.Result, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, in)
	return h.echo(in)
}

// code reads a file of the code of a version of hello as the host has it.
func (c *client) code(version, file string) string {
	c.t.Helper()
	def := c.host.def(testPrefix + "hello")
	if def == nil {
		return "no function"
	}
	b, err := os.ReadFile(filepath.Join(def.Versions[version].Code, file))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func escape(s string) string { return url.QueryEscape(s) }

var testScope = record.Scope{Account: testAccount, Region: testRegion}
