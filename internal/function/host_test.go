package function_test

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/function"
)

func TestInvoke(t *testing.T) {
	h := newHost(t, function.Options{})
	var log logBook
	def := latest(function.Version{Code: testCode(t)})
	def.Log = log.add
	mustSet(t, h, def)
	r := invoke(t, h, deed{Do: "print", N: 1, Text: "hello"})
	if r.Status != 200 || r.Error != "" || string(r.Payload) != `{"Do":"print","N":1,"Text":"hello"}` || r.Version != "$LATEST" {
		t.Errorf("got %+v", r)
	}
	first := invoke(t, h, deed{Do: "pid"})
	if again := invoke(t, h, deed{Do: "pid"}); string(again.Payload) != string(first.Payload) {
		t.Errorf("second call ran in %s, first in %s", again.Payload, first.Payload)
	}
	if n := h.Instances(); n != 1 {
		t.Errorf("%d instances, want 1", n)
	}
}

// The lines and their order are those of AWS's examples
// (lambda-runtime-environment, monitoring-cloudwatchlogs).
func TestLog(t *testing.T) {
	h := newHost(t, function.Options{})
	mustSet(t, h, latest(function.Version{Code: testCode(t)}))
	in := &function.Invocation{Function: testARN, Payload: []byte(`{"Do":"print","N":2,"Text":"hello"}`), Tail: true, RequestID: "id-1"}
	for i, want := range []string{
		`^START RequestId: id-1 Version: \$LATEST\nhello\nhello\nEND RequestId: id-1\nREPORT RequestId: id-1\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: 512 MB\tMax Memory Used: [1-9]\d* MB\tInit Duration: \d+\.\d\d ms\t\n$`,
		`^START RequestId: id-1 Version: \$LATEST\nhello\nhello\nEND RequestId: id-1\nREPORT RequestId: id-1\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: 512 MB\tMax Memory Used: [1-9]\d* MB\t\n$`,
	} {
		r, err := h.Invoke(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(want).Match(r.Log) {
			t.Errorf("call %d logged\n%s", i, r.Log)
		}
	}
}

func TestEventHeaders(t *testing.T) {
	h := newHost(t, function.Options{})
	def := latest(function.Version{Code: testCode(t)})
	def.Versions["7"] = def.Versions["$LATEST"]
	def.Aliases = map[string]function.Alias{"prod": {Version: "7"}}
	mustSet(t, h, def)
	before := time.Now()
	r, err := h.Invoke(t.Context(), &function.Invocation{Function: testARN + ":prod", Payload: []byte(`{"Do":"headers"}`),
		TraceID: "Root=1-5759e988-bd862e3fe1be46a994272793", ClientContext: "eyJjdXN0b20iOiB7ImEiOiAxfX0="})
	if err != nil || r.Version != "7" {
		t.Fatalf("%+v, %v", r, err)
	}
	var got map[string][]string
	if err := json.Unmarshal(r.Payload, &got); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Lambda-Runtime-Invoked-Function-Arn": testARN + ":prod",
		"Lambda-Runtime-Aws-Request-Id":       r.RequestID,
		"Lambda-Runtime-Trace-Id":             "Root=1-5759e988-bd862e3fe1be46a994272793",
		"Lambda-Runtime-Client-Context":       `{"custom":{"a":1}}`,
		"Content-Type":                        "application/json",
	} {
		if strings.Join(got[name], ",") != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
	ms := got["Lambda-Runtime-Deadline-Ms"]
	if len(ms) != 1 || len(ms[0]) != 13 || ms[0] < before.Add(3*time.Second).Format("") {
		t.Errorf("deadline %q", ms)
	}
}

func TestFailures(t *testing.T) {
	h := newHost(t, function.Options{})
	mustSet(t, h, latest(function.Version{Code: testCode(t)}))
	tests := []struct {
		name string
		deed deed
		want string // ID is the request's id
	}{
		{"reported", deed{Do: "error"}, `{"errorMessage":"no","errorType":"TestError"}`},
		{"exit 0", deed{Do: "exit"}, `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited without providing a reason"}`},
		{"exit 7", deed{Do: "exit", N: 7}, `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 7"}`},
		{"signal", deed{Do: "kill", N: 9}, `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: signal: killed"}`},
		{"torn", deed{Do: "tear"}, `{"errorType":"Runtime.TruncatedResponse","errorMessage":"RequestId: ID Error: HTTP request detected as truncated"}`},
		{"torn by exit", deed{Do: "tear and exit"}, `{"errorType":"Runtime.TruncatedResponse","errorMessage":"RequestId: ID Error: HTTP request detected as truncated"}`},
		{"too large", deed{Do: "large", N: function.MaxResponse + 1}, `{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).","errorType":"Function.ResponseSizeTooLarge"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := invoke(t, h, tt.deed)
			if got := strings.ReplaceAll(string(r.Payload), r.RequestID, "ID"); r.Error != "Unhandled" || r.Status != 200 || got != tt.want {
				t.Errorf("got %d %q\n%s\nwant\n%s", r.Status, r.Error, got, tt.want)
			}
			if r := invoke(t, h, deed{Do: "echo"}); r.Error != "" {
				t.Errorf("next call: %s", r.Payload)
			}
		})
	}
	if r := invoke(t, h, deed{Do: "large", N: function.MaxResponse}); r.Error != "" || len(r.Payload) != function.MaxResponse {
		t.Errorf("largest answer: %q, %d bytes", r.Error, len(r.Payload))
	}
}

// A function that takes too long ends with all that it has started, whether it
// minds signals or not.
func TestTimeout(t *testing.T) {
	h := newHost(t, function.Options{})
	mustSet(t, h, latest(function.Version{Code: testCode(t), Timeout: 500 * time.Millisecond}))
	r, err := h.Invoke(t.Context(), &function.Invocation{Function: testARN, Payload: []byte(`{"Do":"hang"}`), Tail: true})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ` + r.RequestID + ` Error: Task timed out after 0.50 seconds"}`
	if r.Error != "Unhandled" || string(r.Payload) != want {
		t.Errorf("got %q\n%s\nwant\n%s", r.Error, r.Payload, want)
	}
	log := `^START RequestId: ID Version: \$LATEST\n\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ID Task timed out after 0\.50 seconds\n\n` +
		`END RequestId: ID\nREPORT RequestId: ID\tDuration: 500\.00 ms\tBilled Duration: \d+ ms\t.*\tStatus: timeout\n$`
	if got := strings.ReplaceAll(string(r.Log), r.RequestID, "ID"); !regexp.MustCompile(log).MatchString(got) {
		t.Errorf("log:\n%s", got)
	}
}

func TestOutOfMemory(t *testing.T) {
	h := newHost(t, function.Options{})
	mustSet(t, h, latest(function.Version{Code: testCode(t), Timeout: 20 * time.Second, Memory: 128}))
	b := []byte(`{"Do":"memory","N":400}`)
	r, err := h.Invoke(t.Context(), &function.Invocation{Function: testARN, Payload: b, Tail: true})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"errorType":"Runtime.OutOfMemory","errorMessage":"RequestId: ` + r.RequestID + ` Error: Runtime exited with error: signal: killed"}`
	if string(r.Payload) != want {
		t.Errorf("got %s", r.Payload)
	}
	if !strings.Contains(string(r.Log), "\tStatus: error\tError Type: Runtime.OutOfMemory\n") {
		t.Errorf("log:\n%s", r.Log)
	}
}

func TestInitFailures(t *testing.T) {
	for _, tt := range []struct{ name, init, want string }{
		{"reported", "error", `{"errorMessage":"no database","errorType":"Runtime.Unready"}`},
		{"exit", "exit", `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 3"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, function.Options{})
			var log logBook
			def := latest(function.Version{Code: testCode(t), Env: map[string]string{"INIT": tt.init}})
			def.Log = log.add
			mustSet(t, h, def)
			r := invoke(t, h, deed{})
			if got := strings.ReplaceAll(string(r.Payload), r.RequestID, "ID"); r.Error != "Unhandled" || got != tt.want {
				t.Errorf("got %q %s", r.Error, got)
			}
			for _, phase := range []string{"init", "invoke"} {
				if !strings.Contains(log.text(), "Phase: "+phase+"\tStatus: error\tError Type: Runtime.") {
					t.Errorf("no INIT_REPORT of phase %s:\n%s", phase, log.text())
				}
			}
			// Calls that follow each other closely do not start a process each.
			began := strings.Count(log.text(), "INIT_START")
			for range 30 {
				if again := invoke(t, h, deed{}); again.Error != "Unhandled" {
					t.Errorf("got %+v", again)
				}
			}
			if n := strings.Count(log.text(), "INIT_START") - began; n > 20 {
				t.Errorf("30 more calls made %d starts", n)
			}
		})
	}
}

func TestMissingPrograms(t *testing.T) {
	h := newHost(t, function.Options{})
	mustSet(t, h, latest(function.Version{Code: t.TempDir()}))
	r := invoke(t, h, deed{})
	want := `{"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: ` + r.RequestID + ` Error: Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"}`
	if string(r.Payload) != want {
		t.Errorf("got %s", r.Payload)
	}
	mustSet(t, h, latest(function.Version{Code: files(t, map[string]string{"bootstrap": "\x7fELF nonsense"}, "bootstrap")}))
	r = invoke(t, h, deed{})
	want = `{"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: ` + r.RequestID + ` Error: fork/exec /var/task/bootstrap: exec format error"}`
	if string(r.Payload) != want {
		t.Errorf("got %s", r.Payload)
	}
	t.Setenv("PATH", t.TempDir())
	mustSet(t, h, latest(function.Version{Runtime: "nodejs22.x", Handler: "index.handler", Code: t.TempDir()}))
	r = invoke(t, h, deed{})
	if !strings.Contains(string(r.Payload), "runtime nodejs22.x needs the program node, which is not installed") {
		t.Errorf("got %s", r.Payload)
	}
	if err := h.Set(latest(function.Version{Runtime: "java21"})); err == nil || !strings.Contains(err.Error(), `runtime "java21" cannot run here`) {
		t.Errorf("java21: %v", err)
	}
}

// What the machine cannot do is not the function's failure.
func TestMachineFails(t *testing.T) {
	h := newHost(t, function.Options{Credentials: func(context.Context, string) (function.Credentials, error) {
		return function.Credentials{}, errors.New("secret reason")
	}})
	mustSet(t, h, latest(function.Version{Code: testCode(t), Role: "role"}))
	_, err := h.Invoke(t.Context(), &function.Invocation{Function: testARN, Tail: true})
	var e *function.Error
	if !errors.As(err, &e) || e.Name != "ServiceException" || e.Status != 500 || strings.Contains(e.Message, "secret") {
		t.Errorf("got %v", err)
	}
}

func TestRefusals(t *testing.T) {
	h := newHost(t, function.Options{Concurrency: 3})
	def := latest(function.Version{Code: testCode(t)})
	def.Permit = func(src function.Source, qualifier string) bool { return src.ARN == "good" && qualifier == "" }
	mustSet(t, h, def)
	gateway := function.Source{Service: "apigateway.amazonaws.com", ARN: "good"}
	tests := []struct {
		name string
		in   function.Invocation
		want string // name of the exception; empty: let in
	}{
		{"owner", function.Invocation{Function: testARN}, ""},
		{"permitted", function.Invocation{Function: testARN, Source: gateway}, ""},
		{"not permitted", function.Invocation{Function: testARN, Source: function.Source{ARN: "bad"}}, "AccessDeniedException"},
		{"other qualifier", function.Invocation{Function: testARN + ":$LATEST", Source: gateway}, "AccessDeniedException"},
		{"no such function", function.Invocation{Function: testARN + "x"}, "ResourceNotFoundException"},
		{"no such alias", function.Invocation{Function: testARN + ":prod"}, "ResourceNotFoundException"},
		{"not JSON", function.Invocation{Function: testARN, Payload: []byte("{")}, "InvalidRequestContentException"},
		{"too large", function.Invocation{Function: testARN, Source: gateway, Payload: make([]byte, function.MaxPayload+1)}, "RequestEntityTooLargeException"},
		{"too large event", function.Invocation{Function: testARN, Source: gateway, Kind: function.Event, Payload: make([]byte, function.MaxEvent+1)}, "RequestEntityTooLargeException"},
		{"client context", function.Invocation{Function: testARN, ClientContext: "%"}, "InvalidRequestContentException"},
		{"dry run", function.Invocation{Function: testARN, Kind: function.DryRun}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := h.Invoke(t.Context(), &tt.in)
			var e *function.Error
			errors.As(err, &e)
			if (e == nil) != (tt.want == "") || e != nil && e.Name != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestConcurrency(t *testing.T) {
	h := newHost(t, function.Options{Concurrency: 3})
	code := testCode(t)
	two := 2
	def := latest(function.Version{Code: code})
	def.Reserved = &two
	mustSet(t, h, def)
	other := latest(function.Version{Code: code})
	other.ARN += "-other"
	mustSet(t, h, other)

	ctx, leave := context.WithCancel(t.Context())
	busy := func(arn string) {
		for {
			_, err := h.Invoke(ctx, &function.Invocation{Function: arn, Payload: []byte(`{"Do":"hang"}`)})
			var refused *function.Error
			if !errors.As(err, &refused) { // else a call of awaitTooMany has the place
				return
			}
		}
	}
	var wg sync.WaitGroup
	for _, arn := range []string{def.ARN, def.ARN, other.ARN} {
		wg.Go(func() { busy(arn) })
	}
	defer func() { leave(); wg.Wait() }()
	for arn, want := range map[string]string{
		def.ARN:   "ReservedFunctionConcurrentInvocationLimitExceeded",
		other.ARN: "ConcurrentInvocationLimitExceeded", // three in all, two of them reserved
	} {
		awaitTooMany(t, h, arn, want)
	}
}

// awaitTooMany calls until the limit is met: the calls that meet it may not
// have begun yet.
func awaitTooMany(t *testing.T, h *function.Host, arn, want string) {
	t.Helper()
	var e *function.Error
	if !await(func() bool {
		_, err := h.Invoke(t.Context(), &function.Invocation{Function: arn, Payload: []byte(`{}`)})
		return errors.As(err, &e)
	}) {
		t.Fatalf("%s was never refused", arn)
	}
	if diff := cmp.Diff(&function.Error{Name: "TooManyRequestsException", Status: 429, Type: "User", Message: "Rate Exceeded.", Reason: want}, e); diff != "" {
		t.Errorf("%s: %s", arn, diff)
	}
}

func TestNoneReserved(t *testing.T) {
	h := newHost(t, function.Options{})
	def := latest(function.Version{Code: testCode(t)})
	def.Reserved = new(int)
	mustSet(t, h, def)
	_, err := h.Invoke(t.Context(), &function.Invocation{Function: testARN})
	var e *function.Error
	if !errors.As(err, &e) || e.Reason != function.ReasonReserved {
		t.Errorf("got %v", err)
	}
}

// One after the other, calls need one instance, however soon they follow.
func TestOneAfterTheOther(t *testing.T) {
	h := newHost(t, function.Options{})
	mustSet(t, h, latest(function.Version{Code: testCode(t)}))
	for range 500 {
		invoke(t, h, deed{Do: "echo"})
	}
	if n := h.Instances(); n != 1 {
		t.Errorf("%d instances for calls one after the other", n)
	}
}

// A caller that leaves does not end the function.
func TestCallerLeaves(t *testing.T) {
	h := newHost(t, function.Options{})
	var log logBook
	def := latest(function.Version{Code: testCode(t)})
	def.Log = log.add
	mustSet(t, h, def)
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("client is gone")
	cancel(cause)
	if _, err := h.Invoke(ctx, &function.Invocation{Function: testARN, Payload: []byte(`{"Do":"print","N":1,"Text":"ran"}`)}); err != cause {
		t.Errorf("got %v", err)
	}
	for !strings.Contains(log.text(), "REPORT") {
		<-time.After(time.Millisecond)
	}
	if !strings.Contains(log.text(), "\nran\n") {
		t.Errorf("log:\n%s", log.text())
	}
}

// A function that reports an error and ends, as programs of aws-lambda-go do
// after a panic, has answered with its own words; the log has both.
func TestErrorAndExit(t *testing.T) {
	h := newHost(t, function.Options{})
	mustSet(t, h, latest(function.Version{Code: testCode(t)}))
	r, err := h.Invoke(t.Context(), &function.Invocation{Function: testARN, Payload: []byte(`{"Do":"error and exit"}`), Tail: true})
	if err != nil || string(r.Payload) != `{"errorMessage":"no","errorType":"TestError"}` {
		t.Errorf("%+v, %v", r, err)
	}
	if log := string(r.Log); !strings.Contains(log, "Error: Runtime exited with error: exit status 2\nRuntime.ExitError\nEND ") ||
		!strings.Contains(log, "\tStatus: error\tError Type: Runtime.ExitError\n") {
		t.Errorf("log:\n%s", log)
	}
}
