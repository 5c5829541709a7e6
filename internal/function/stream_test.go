package function_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/function"
)

func stream(t *testing.T, h *function.Host, payload string) *function.Result {
	t.Helper()
	r, err := h.Invoke(t.Context(), &function.Invocation{Function: testARN, Payload: []byte(payload), Stream: true, Tail: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestStream(t *testing.T) {
	h := newHost(t, function.Options{})
	mustSet(t, h, latest(function.Version{Code: testCode(t)}))
	const n = 20_000 // more than all buffers hold
	r := stream(t, h, fmt.Sprintf(`{"Do":"stream","N":%d}`, n))
	b, err := io.ReadAll(r.Body)
	if err != nil || strings.Count(string(b), "piece") != n || r.ContentType != "text/event-stream" || r.Error != "" {
		t.Errorf("%d pieces, %v, %+v", strings.Count(string(b), "piece"), err, r)
	}
	if !strings.Contains(string(r.Log), "REPORT RequestId: "+r.RequestID) {
		t.Errorf("log:\n%s", r.Log)
	}
	_ = r.Body.Close()

	// Not streamed by the function; and streamed, but not asked for.
	r = stream(t, h, `{"Do":"echo"}`)
	if b, err := io.ReadAll(r.Body); string(b) != `{"Do":"echo"}` || err != nil {
		t.Errorf("%s, %v", b, err)
	}
	r = invoke(t, h, deed{Do: "stream", N: 2})
	if string(r.Payload) != "piece 0\npiece 1\n" || r.ContentType != "text/event-stream" {
		t.Errorf("%+v", r)
	}
	if r = invoke(t, h, deed{Do: "stream", N: 2, Text: "fail"}); r.Error != "Unhandled" || string(r.Payload) != `{"errorType":"Broken"}` {
		t.Errorf("%+v", r)
	}
}

// What comes of a stream that does not end well.
func TestStreamFails(t *testing.T) {
	h := newHost(t, function.Options{})
	code := testCode(t)
	for _, tt := range []struct{ text, code, details string }{
		{"fail", "Broken", `{"errorType":"Broken"}`},
		{"exit", "Runtime.TruncatedResponse", `{"errorType":"Runtime.TruncatedResponse","errorMessage":"RequestId: ID Error: HTTP request detected as truncated"}`},
		{"hang", "Sandbox.Timedout", `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ID Error: Task timed out after 3.00 seconds"}`},
	} {
		t.Run(tt.text, func(t *testing.T) {
			v := function.Version{Code: code}
			if tt.text == "hang" {
				v.Timeout = 3 * time.Second
			}
			mustSet(t, h, latest(v))
			r := stream(t, h, `{"Do":"stream","N":3,"Text":"`+tt.text+`"}`)
			b, err := io.ReadAll(r.Body)
			var e *function.StreamError
			if string(b) != "piece 0\npiece 1\npiece 2\n" || !errors.As(err, &e) {
				t.Fatalf("%q, %v", b, err)
			}
			if e.Code != tt.code || strings.ReplaceAll(e.Details, r.RequestID, "ID") != tt.details {
				t.Errorf("got %s %s", e.Code, e.Details)
			}
		})
	}
	// Before its first byte, it is an answer like any other.
	if r := stream(t, h, `{"Do":"error"}`); r.Error != "Unhandled" || r.Body != nil || string(r.Payload) != `{"errorMessage":"no","errorType":"TestError"}` {
		t.Errorf("got %+v", r)
	}
}

// A caller that does not want the rest leaves the instance usable.
func TestStreamGivenUp(t *testing.T) {
	h := newHost(t, function.Options{})
	var log logBook
	def := latest(function.Version{Code: testCode(t)})
	def.Log = log.add
	mustSet(t, h, def)
	pid := invoke(t, h, deed{Do: "pid"}).Payload
	r := stream(t, h, `{"Do":"stream","N":20000}`)
	if _, err := r.Body.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if err := r.Body.Close(); err != nil {
		t.Fatal(err)
	}
	// It comes back when it has written all.
	if !await(func() bool { return strings.Contains(log.text(), "REPORT RequestId: "+r.RequestID) }) ||
		!await(func() bool { return slices.Contains(pids(t, h), string(pid)) }) {
		t.Error("the instance did not come back")
	}
}

// pids makes as many calls at once as there are instances, and returns who has served
// them.
func pids(t *testing.T, h *function.Host) []string {
	var mu sync.Mutex // guards list
	var list []string
	var calls sync.WaitGroup
	for range h.Instances() {
		calls.Go(func() {
			r, err := h.Invoke(t.Context(), &function.Invocation{Function: testARN, Payload: []byte(`{"Do":"pid","N":20}`)})
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			list = append(list, string(r.Payload))
		})
	}
	calls.Wait()
	return list
}
