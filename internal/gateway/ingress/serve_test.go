package ingress_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/ingress"
	"gatehouse/internal/wire"
)

type stepFunc func(ctx context.Context, x *gateway.Exchange) error

func (f stepFunc) Do(ctx context.Context, x *gateway.Exchange) error { return f(ctx, x) }

type finishFunc func(x *gateway.Exchange)

func (f finishFunc) Finish(x *gateway.Exchange) { f(x) }

// gatewayOf serves every method of /prod/x of the API "api" by one step.
func gatewayOf(t testing.TB, step gateway.Step, finish ...gateway.Finisher) *gateway.Gateway {
	t.Helper()
	fault := stepFunc(func(_ context.Context, x *gateway.Exchange) error {
		x.AnswerFault(x.Fault)
		return nil
	})
	plan := &gateway.Plan{Request: []gateway.Step{step}, Fault: fault, Finish: finish}
	router, err := gateway.NewRouter([]*gateway.Route{{ResourcePath: "/x", Method: "ANY", Plan: plan}})
	if err != nil {
		t.Fatal(err)
	}
	fallback := &gateway.Plan{Fault: fault, Finish: finish, Request: []gateway.Step{
		stepFunc(func(context.Context, *gateway.Exchange) error {
			return gateway.NewFault(gateway.MissingAuthenticationToken, nil)
		}),
	}}
	stage := &gateway.Stage{API: "api", Name: "prod", Router: router, Fallback: fallback}
	table, err := gateway.NewTable(1, []*gateway.API{{ID: "api", Stages: map[string]*gateway.Stage{"prod": stage}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	gw := new(gateway.Gateway)
	gw.Publish(table)
	return gw
}

// answered is a step that answers.
var answered = stepFunc(func(_ context.Context, x *gateway.Exchange) error {
	x.BeginAnswer(200, "text/plain", "")
	x.SetAnswerBody(okBody)
	return gateway.ErrAnswered
})

var okBody = []byte("ok")

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestServe(t *testing.T) {
	modes(t, func(t *testing.T, m mode) {
		s := start(t, m, ingress.Serve(gatewayOf(t, answered), quiet()), ingress.Limits{})
		tests := []struct {
			path, host string
			status     int
			body       string
		}{
			{"/prod/x", "api.execute-api.test", 200, "ok"},
			{"/_aws/execute-api/api/prod/x", "", 200, "ok"},
			{"/restapis/api/prod/_user_request_/x", "", 200, "ok"},
			{"/prod/y", "api.execute-api.test", 403, `{"message":"Missing Authentication Token"}`},
			{"/test/x", "api.execute-api.test", 403, `{"message":"Forbidden"}`},
		}
		for _, tt := range tests {
			resp, body, err := s.do(t, "GET", tt.path, nil, func(r *http.Request) { r.Host = tt.host })
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tt.status || body != tt.body || resp.Header.Get("x-amzn-RequestId") == "" {
				t.Errorf("%s: %d %q %v, want %d %q", tt.path, resp.StatusCode, body, resp.Header, tt.status, tt.body)
			}
		}
	})
}

// TestServeRefusals: what is refused before there is a plan is worded as AWS
// words it.
func TestServeRefusals(t *testing.T) {
	limits := ingress.Limits{Limits: wire.Limits{Body: 1000}}
	limits.Head.Target = 100
	tests := []struct {
		name, path, body string
		fields           int
		status           int
		want             string
	}{
		{"body", "/prod/x", strings.Repeat("x", 1001), 0, 413, `{"message":"Request Too Long"}`},
		{"target", "/prod/x?" + strings.Repeat("x", 100), "", 0, 414, `{"message":"Request URI too long"}`},
		{"fields", "/prod/x", "", 201, 431, `{"message": "Request Header Fields Too Large"}`},
	}
	modes(t, func(t *testing.T, m mode) {
		logged := make(chan *gateway.Fault, len(tests))
		gw := gatewayOf(t, answered, finishFunc(func(x *gateway.Exchange) {
			if x.Stage == nil || x.Vars.RequestID == "" {
				t.Errorf("finished without stage or id: %v", x.Fault)
			}
			logged <- x.Fault
		}))
		s := start(t, m, ingress.Serve(gw, quiet()), limits)
		for _, tt := range tests {
			resp, body, err := s.do(t, "POST", tt.path, strings.NewReader(tt.body), func(r *http.Request) {
				r.Host = "api.execute-api.test"
				for i := range tt.fields {
					r.Header.Set("X-"+strconv.Itoa(i), "v")
				}
			})
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
				continue
			}
			if resp.StatusCode != tt.status || body != tt.want || resp.Header.Get("Content-Type") != "application/json" || resp.Header.Get("x-amzn-ErrorType") == "" || resp.Header.Get("x-amzn-RequestId") == "" {
				t.Errorf("%s: %d %q %v, want %d %q", tt.name, resp.StatusCode, body, resp.Header, tt.status, tt.want)
			}
			if tt.name != "target" { // of that the host is not read, so the stage is not known
				if f := <-logged; f == nil || f.StatusCode() != tt.status {
					t.Errorf("%s: finished with %v", tt.name, f)
				}
			}
		}
	})
}

// TestPanic: a panic costs one request. It is answered, logged with its stack,
// and the finishers see the exchange.
func TestPanic(t *testing.T) {
	modes(t, func(t *testing.T, m mode) {
		finished := make(chan error, 2)
		var log bytes.Buffer
		broken := true
		gw := gatewayOf(t, stepFunc(func(ctx context.Context, x *gateway.Exchange) error {
			if broken {
				broken = false
				panic("step broke")
			}
			return answered(ctx, x)
		}), finishFunc(func(x *gateway.Exchange) {
			if x.Fault != nil {
				finished <- x.Fault.Cause
				return
			}
			finished <- nil
		}))
		s := start(t, m, ingress.Serve(gw, slog.New(slog.NewTextHandler(&log, nil))), ingress.Limits{})
		host := func(r *http.Request) { r.Host = "api.execute-api.test" }
		resp, body, err := s.do(t, "GET", "/prod/x", nil, host)
		if err != nil || resp.StatusCode != 500 || body != `{"message": "Internal server error"}` {
			t.Errorf("answer = %v %q, %v", resp, body, err)
		}
		if cause := <-finished; cause == nil || !strings.Contains(cause.Error(), "step broke") {
			t.Errorf("finished with %v", cause)
		}
		if resp, _, err := s.do(t, "GET", "/prod/x", nil, host); err != nil || resp.StatusCode != 200 {
			t.Errorf("next request: %v, %v", resp, err)
		}
		<-finished
		if !strings.Contains(log.String(), "step broke") || !strings.Contains(log.String(), "serve_test.go") {
			t.Errorf("log = %q, want the panic and its stack", log.String())
		}
	})
}

func TestOptions(t *testing.T) {
	if _, err := ingress.New(&fake{}, ingress.Options{HTTP1: "fast"}); err == nil || !strings.Contains(err.Error(), "fast") {
		t.Errorf("unknown engine: %v", err)
	}
	in, err := ingress.New(&fake{}, ingress.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ln := newPipeListener()
	if err := in.Run(t.Context(), nil, listeners(ln)); !errors.Is(err, ingress.ErrNoCertificate) {
		t.Errorf("TLS listener without certificate: %v", err)
	}
}
