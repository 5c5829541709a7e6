package awsrpc_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/internal/awsrpc"
)

// A diary is an auditor that may have no more room.
type diary struct {
	full  error
	began []string
	ended []string // operation and what came of it
	last  awsrpc.Outcome
	asked map[string]any
}

func (d *diary) Begin(_ context.Context, c *awsrpc.Call) error {
	d.began = append(d.began, c.Operation)
	return d.full
}

func (d *diary) End(_ context.Context, c *awsrpc.Call, o *awsrpc.Outcome) {
	d.ended, d.last, d.asked = append(d.ended, c.Operation), *o, c.Parameters()
}

func ask(h http.Handler, method, body string) int {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, "/things/a", strings.NewReader(body))
	h.ServeHTTP(w, r)
	return w.Code
}

// What cannot be recorded does not happen; what is only read does.
func TestAuditBlocksChanges(t *testing.T) {
	s, d := &server{}, &diary{full: &awsrpc.Error{Code: "ServiceUnavailableException", Status: 503, Message: "no room"}}
	h := newHandler(t, s, awsrpc.Options{Dev: true, Audit: d})
	if code := ask(h, "PUT", `{"text":"x"}`); code != 503 || s.last().Account != "" {
		t.Errorf("a change without a record: status %d, made by %q", code, s.last().Account)
	}
	if len(d.ended) != 1 || !d.last.Refused || d.last.Err == nil {
		t.Errorf("the refusal is recorded as %v %+v", d.ended, d.last)
	}
	if code := ask(h, "GET", ""); code != 200 || s.last().Account == "" || len(d.began) != 1 {
		t.Errorf("a call that reads: status %d, began %v", code, d.began)
	}
}

func TestAuditOutcomes(t *testing.T) {
	s, d := &server{}, &diary{}
	h := newHandler(t, s, awsrpc.Options{Dev: true, Audit: d})
	if code := ask(h, "PUT", `{"text":"x","blob":"AAAA","map":{"K":{"name":"n"}}}`); code != 201 {
		t.Fatalf("status %d", code)
	}
	if d.asked["text"] != "x" || d.asked["blob"] != nil || d.asked["map"] == nil || d.last.Output["text"] != "x" || d.last.Refused {
		t.Errorf("recorded as %v and %+v", d.asked, d.last)
	}
	s.fail = errors.New("the disk burns")
	if code := ask(h, "PUT", `{"text":"x"}`); code != 500 || d.last.Err == nil || d.last.Refused || d.last.Output != nil {
		t.Errorf("a failure: status %d, recorded as %+v", code, d.last)
	}
	if code := ask(h, "PUT", `{"text":"X"}`); code != 400 || !d.last.Refused || len(d.began) != 2 {
		t.Errorf("a bad input: status %d, recorded as %+v, began %d", code, d.last, len(d.began))
	}
}

type outOfPaper struct{}

func (outOfPaper) Error() string       { return "secret details" }
func (outOfPaper) Unavailable() string { return "its paper has run out" }

// What whoever runs the server can mend is told, other failures are not.
func TestUnavailable(t *testing.T) {
	s := &server{fail: fmt.Errorf("print: %w", outOfPaper{})}
	w := httptest.NewRecorder()
	newHandler(t, s, awsrpc.Options{Dev: true}).ServeHTTP(w, httptest.NewRequest(http.MethodPut, "/things/a", strings.NewReader(`{"text":"x"}`)))
	if body := w.Body.String(); w.Code != 503 || !strings.Contains(body, "its paper has run out") || strings.Contains(body, "secret") {
		t.Errorf("the answer is %d %s", w.Code, body)
	}
}
