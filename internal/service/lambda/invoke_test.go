package lambda

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/function"
)

// raw makes a call and returns the whole answer.
func (c *client) raw(method, path string, header http.Header, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://lambda.local"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+testAccount+"/20261122/"+testRegion+"/lambda/aws4_request, SignedHeaders=host;x-amz-date, Signature=00")
	r.Header.Set("X-Amz-Date", "20261122T000000Z")
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	c.h.ServeHTTP(w, r)
	return w
}

func TestInvoke(t *testing.T) {
	c := newClient(t)
	c.host.echo = func(in *function.Invocation) (*function.Result, error) {
		switch in.Kind {
		case function.Event:
			return &function.Result{Status: 202}, nil
		case function.DryRun:
			return &function.Result{Status: 204}, nil
		}
		return &function.Result{Status: 200, Payload: in.Payload, Error: "Unhandled", Version: "7", Log: []byte("END")}, nil
	}
	w := c.raw("POST", functionsPath+"/hello:live/invocations", http.Header{"X-Amz-Log-Type": {"Tail"}, "X-Amz-Client-Context": {"e30="}}, `{"a": 1}`)
	if w.Code != 200 || w.Body.String() != `{"a": 1}` {
		t.Errorf("answer = %d %s", w.Code, w.Body)
	}
	for name, want := range map[string]string{"X-Amz-Function-Error": "Unhandled", "X-Amz-Executed-Version": "7", "X-Amz-Log-Result": "RU5E"} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	want := &function.Invocation{Function: testPrefix + "hello:live", Payload: []byte(`{"a": 1}`), Tail: true, ClientContext: "e30=", RequestID: w.Header()["x-amzn-RequestId"][0]}
	if diff := cmp.Diff(want, c.host.calls[0]); diff != "" {
		t.Errorf("invocation (-want +got):\n%s", diff)
	}
	for kind, code := range map[string]int{"Event": 202, "DryRun": 204} {
		if w := c.raw("POST", helloPath+"/invocations", http.Header{"X-Amz-Invocation-Type": {kind}}, "1"); w.Code != code || w.Body.Len() != 0 {
			t.Errorf("%s answers %d %q, want %d and nothing", kind, w.Code, w.Body, code)
		}
	}
	if w := c.raw("POST", "/2014-11-13/functions/hello/invoke-async", nil, "{}"); w.Code != 202 {
		t.Errorf("InvokeAsync answers %d %s, want 202", w.Code, w.Body)
	}
}

func TestInvokeRefusals(t *testing.T) {
	c := newClient(t)
	c.host.echo = func(*function.Invocation) (*function.Result, error) {
		e := function.TooMany(function.ReasonReserved)
		e.RetryAfter = time.Second
		return nil, e
	}
	w := c.raw("POST", helloPath+"/invocations", nil, "{}")
	if want := `{"message":"Rate Exceeded.","Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User"}`; w.Code != 429 || w.Body.String() != want || w.Header().Get("Retry-After") != "1" {
		t.Errorf("answer = %d %s, retry %s; want 429 %s", w.Code, w.Body, w.Header().Get("Retry-After"), want)
	}
	large := strings.Repeat(" ", maxPayload+1)
	w = c.raw("POST", helloPath+"/invocations", nil, large)
	if want := `{"message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation","Type":"User"}`; w.Code != 413 || w.Body.String() != want {
		t.Errorf("answer to a large payload = %d %.200s", w.Code, w.Body)
	}
	w = c.raw("POST", helloPath+"/invocations", http.Header{"X-Amz-Invocation-Type": {"Event"}}, large[:maxEventPayload+1])
	if w.Code != 413 || !strings.Contains(w.Body.String(), "smaller than 1048576 bytes") {
		t.Errorf("answer to a large event = %d %.200s", w.Code, w.Body)
	}
	w = c.raw("POST", helloPath+"/invocations", http.Header{"X-Amz-Invocation-Type": {"Maybe"}}, "{}")
	if w.Code != 400 || !strings.Contains(w.Body.String(), "Member must satisfy enum value set: [Event, RequestResponse, DryRun]") {
		t.Errorf("answer to an unknown type = %d %s", w.Code, w.Body)
	}
}

// A body of what errors, as Read returns them.
type failing struct {
	io.Reader
	err error
}

func (f failing) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = f.err
	}
	return n, err
}

func (failing) Close() error { return nil }

func TestInvokeWithResponseStream(t *testing.T) {
	c := newClient(t)
	chunk := func(text string) awsrpc.Event {
		return awsrpc.Event{Type: "PayloadChunk", ContentType: "application/octet-stream", Payload: []byte(text)}
	}
	complete := func(text string) awsrpc.Event {
		return awsrpc.Event{Type: "InvokeComplete", ContentType: "application/json", Payload: []byte(text)}
	}
	long := strings.Repeat("x", chunkSize+1)
	tests := []struct {
		name string
		res  function.Result
		want []awsrpc.Event
	}{
		{"stream", function.Result{Body: failing{strings.NewReader(long), io.EOF}}, []awsrpc.Event{chunk(long[1:]), chunk("x"), complete("{}")}},
		{"function failed", function.Result{Body: failing{strings.NewReader("a"), &function.StreamError{Code: "Error", Details: "d"}}}, []awsrpc.Event{chunk("a"), complete(`{"ErrorCode":"Error","ErrorDetails":"d"}`)}},
		{"log", function.Result{Body: failing{strings.NewReader(""), io.EOF}, Log: []byte("END")}, []awsrpc.Event{complete(`{"LogResult":"RU5E"}`)}},
		{"no stream", function.Result{Payload: []byte("{}"), Error: "Unhandled"}, []awsrpc.Event{chunk("{}"), complete(`{"ErrorCode":"Unhandled"}`)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c.host.echo = func(in *function.Invocation) (*function.Result, error) {
				if !in.Stream {
					t.Error("the invocation wants no stream")
				}
				tt.res.Status = 200
				return &tt.res, nil
			}
			header := http.Header{}
			if tt.name == "log" {
				header.Set("X-Amz-Log-Type", "Tail")
			}
			w := c.raw("POST", "/2021-11-15/functions/hello/response-streaming-invocations", header, "{}")
			var want []byte
			for _, e := range tt.want {
				want = awsrpc.AppendEvent(want, e)
			}
			if w.Code != 200 || !bytes.Equal(w.Body.Bytes(), want) {
				t.Errorf("answer = %d %.300q\nwant %.300q", w.Code, w.Body, want)
			}
		})
	}
	// What fails on our side must not look whole.
	c.host.echo = func(*function.Invocation) (*function.Result, error) {
		return &function.Result{Status: 200, Body: failing{strings.NewReader("a"), errors.New("lost")}}, nil
	}
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("a lost answer ended with %v, want http.ErrAbortHandler", p)
		}
	}()
	c.raw("POST", "/2021-11-15/functions/hello/response-streaming-invocations", nil, "{}")
}

// A zip file of 50 MB fits into a call; nothing larger is read.
func TestLargeUpload(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some memory")
	}
	c := newClient(t)
	in := newFunction(doc{"Code": doc{"ZipFile": append(zipOf("main.py", "x"), make([]byte, maxZip)...)}})
	c.fail("POST", functionsPath, in, "413 RequestEntityTooLargeException: Zipped size must be smaller than 52428800 bytes")
	in["Description"] = strings.Repeat("x", 400_000)
	c.fail("POST", functionsPath, in, "413 RequestEntityTooLargeException: Request body is larger than 70167211 bytes")
}
