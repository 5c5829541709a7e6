package sdk_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/function"
)

const functionARN = "arn:aws:lambda:eu-central-1:123456789012:function:go"

// startGoFunction builds a program that uses aws-lambda-go, unchanged, and runs
// one of its handlers.
func startGoFunction(t *testing.T, code, handler string) *function.Host {
	t.Helper()
	h := function.NewHost(function.Options{Dir: t.TempDir()})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	err := h.Set(&function.Definition{ARN: functionARN, Versions: map[string]function.Version{
		"$LATEST": {Runtime: "provided.al2023", Handler: handler, Code: code},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func buildGoFunction(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", filepath.Join(dir, "bootstrap"), "./gofunction")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

func TestGoFunction(t *testing.T) {
	code := buildGoFunction(t)
	tests := []struct {
		handler, event, want, log string
		failed                    bool
	}{
		{handler: "proxy", event: `{"httpMethod":"GET","path":"/pets"}`, want: `{"statusCode":201,"headers":{"X-A":"b"},"multiValueHeaders":null,"body":"GET /pets"}`},
		{handler: "context", want: `{"arn":"` + functionARN + `","custom":"1","deadline":true,"group":"/aws/lambda/go","id":"id-1","memory":128,"name":"go","trace":"Root=1-2-3","version":"$LATEST"}`},
		{handler: "error", want: `{"errorMessage":"no luck","errorType":"errorString"}`, failed: true},
		{handler: "log", want: `null`, log: "to the log\n"},
		{handler: "fatal", want: `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: id-1 Error: Runtime exited with error: exit status 1"}`, log: "the end\n", failed: true},
		{handler: "none", want: `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: id-1 Error: Runtime exited with error: exit status 1"}`, failed: true},
	}
	for _, tt := range tests {
		t.Run(tt.handler, func(t *testing.T) {
			h := startGoFunction(t, code, tt.handler)
			if tt.event == "" {
				tt.event = "{}"
			}
			r, err := h.Invoke(t.Context(), &function.Invocation{Function: functionARN, Payload: []byte(tt.event), RequestID: "id-1", Tail: true,
				TraceID: "Root=1-2-3", ClientContext: "eyJjdXN0b20iOnsiYSI6IjEifX0="})
			if err != nil {
				t.Fatal(err)
			}
			if string(r.Payload) != tt.want || (r.Error != "") != tt.failed || !strings.Contains(string(r.Log), tt.log) {
				t.Errorf("got %q\n%s\nwant\n%s\nlog:\n%s", r.Error, r.Payload, tt.want, r.Log)
			}
		})
	}
	t.Run("panic", func(t *testing.T) {
		h := startGoFunction(t, code, "panic")
		for range 2 { // each time in a new process
			r, err := h.Invoke(t.Context(), &function.Invocation{Function: functionARN})
			if err != nil {
				t.Fatal(err)
			}
			var doc struct {
				ErrorMessage, ErrorType string
				StackTrace              []any
			}
			if err := json.Unmarshal(r.Payload, &doc); err != nil || doc.ErrorMessage != "lost" || doc.ErrorType != "string" || len(doc.StackTrace) == 0 {
				t.Errorf("%v: %s", err, r.Payload)
			}
		}
	})
}

func TestGoFunctionStream(t *testing.T) {
	h := startGoFunction(t, buildGoFunction(t), "stream")
	for _, event := range []string{`{}`, `{"Fail":true}`} {
		r, err := h.Invoke(t.Context(), &function.Invocation{Function: functionARN, Payload: []byte(event), Stream: true})
		if err != nil || r.Error != "" {
			t.Fatalf("%+v, %v", r, err)
		}
		b, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		head, body, _ := strings.Cut(string(b), "\x00\x00\x00\x00\x00\x00\x00\x00")
		if diff := cmp.Diff([]string{`{"statusCode":202,"headers":{"X-A":"B"}}`, "piece 0\npiece 1\npiece 2\n"}, []string{head, body}); diff != "" {
			t.Error(diff)
		}
		if r.ContentType != "application/vnd.awslambda.http-integration-response" {
			t.Errorf("type %q", r.ContentType)
		}
		var torn *function.StreamError
		if failed := errors.As(err, &torn); failed != (event != `{}`) || failed && !strings.Contains(torn.Details, `"errorMessage":"torn"`) {
			t.Errorf("%s: %v", event, err)
		}
	}
}

// A cold start takes little more than the program's own start.
func BenchmarkGoFunctionCold(b *testing.B) {
	dir := b.TempDir()
	cmd := exec.Command("go", "build", "-o", filepath.Join(dir, "bootstrap"), "./gofunction")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	h := function.NewHost(function.Options{Dir: b.TempDir()})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	memory, least := 128, time.Hour
	for b.Loop() {
		began := time.Now()
		memory++ // another version: a new instance
		if err := h.Set(&function.Definition{ARN: functionARN, Versions: map[string]function.Version{
			"$LATEST": {Runtime: "provided.al2023", Handler: "log", Code: dir, Memory: memory, Timeout: time.Second},
		}}); err != nil {
			b.Fatal(err)
		}
		if _, err := h.Invoke(b.Context(), &function.Invocation{Function: functionARN}); err != nil {
			b.Fatal(err)
		}
		least = min(least, time.Since(began))
	}
	b.ReportMetric(float64(least.Microseconds())/1000, "least-ms")
	cancel()
	if err := <-done; err != nil {
		b.Error(err)
	}
}
