package function_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/awsclient"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/function"
	"gatehouse/internal/sigv4"
)

const remoteARN = "arn:aws:lambda:eu-west-1:123456789012:function:pay"

// remoteTo returns what calls functions through a server that speaks Lambda's API.
func remoteTo(t *testing.T, h http.HandlerFunc) *function.Remote {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c, err := awsclient.New(awsclient.Options{
		Endpoints: map[string]string{"lambda": server.URL}, Credentials: "root", Root: sigv4.Key{AccessKey: "AKIDEXAMPLE", SecretKey: "secret"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return function.NewRemote(c, "")
}

func TestRemote(t *testing.T) {
	var mu sync.Mutex // guards got and body
	var got *http.Request
	var body string
	r := remoteTo(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		b, _ := io.ReadAll(r.Body)
		got, body = r, string(b)
		w.Header().Set("X-Amz-Executed-Version", "7")
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		w.Header().Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString([]byte("END")))
		_, _ = io.WriteString(w, `{"errorMessage":"x"}`)
	})
	res, err := r.Invoke(t.Context(), &function.Invocation{Function: remoteARN + ":live", Payload: []byte(`{"a":1}`), Tail: true, TraceID: "Root=1", ClientContext: "e30="})
	if err != nil {
		t.Fatal(err)
	}
	want := &function.Result{Status: 200, Error: "Unhandled", Payload: []byte(`{"errorMessage":"x"}`), Version: "7", Log: []byte("END")}
	if diff := cmp.Diff(want, res); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	mu.Lock()
	defer mu.Unlock()
	if got.Method != "POST" || got.RequestURI != "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Apay/invocations?Qualifier=live" || body != `{"a":1}` {
		t.Errorf("request = %s %s %s", got.Method, got.RequestURI, body)
	}
	for name, want := range map[string]string{"X-Amz-Invocation-Type": "RequestResponse", "X-Amz-Log-Type": "Tail", "X-Amz-Client-Context": "e30=", "X-Amzn-Trace-Id": "Root=1"} {
		if v := got.Header.Get(name); v != want {
			t.Errorf("%s = %q, want %q", name, v, want)
		}
	}
	if sig, err := sigv4.Parse(new(sigv4.FromHTTP(got))); err != nil || sig.Scope.Service != "lambda" || sig.Scope.Region != "eu-west-1" {
		t.Errorf("signature = %+v, %v", sig, err)
	}
}

func TestRemoteRefusal(t *testing.T) {
	r := remoteTo(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-ErrorType", "TooManyRequestsException:http://x")
		w.WriteHeader(429)
		_, _ = io.WriteString(w, `{"Reason":"ConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}`)
	})
	_, err := r.Invoke(t.Context(), &function.Invocation{Function: remoteARN})
	var e *function.Error
	want := &function.Error{Name: "TooManyRequestsException", Status: 429, Message: "Rate Exceeded.", Type: "User", Reason: "ConcurrentInvocationLimitExceeded"}
	if !errors.As(err, &e) || !cmp.Equal(e, want) {
		t.Errorf("Invoke = %v, want %v", err, want)
	}
}

// Streams come through as they are sent, and end as the function ended.
func TestRemoteStream(t *testing.T) {
	chunk := func(text string) string {
		return string(awsrpc.AppendEvent(nil, awsrpc.Event{Type: "PayloadChunk", ContentType: "application/octet-stream", Payload: []byte(text)}))
	}
	complete := func(text string) string {
		return string(awsrpc.AppendEvent(nil, awsrpc.Event{Type: "InvokeComplete", ContentType: "application/json", Payload: []byte(text)}))
	}
	damaged := []byte(chunk("lost"))
	damaged[len(damaged)-5] ^= 1
	tests := []struct {
		name, sent, want string
		code             string // of the StreamError
		broken           bool   // another error
		log              string
	}{
		{"whole", chunk("one ") + chunk("two") + complete(`{"LogResult":"RU5E"}`), "one two", "", false, "END"},
		{"failed", chunk("one") + complete(`{"ErrorCode":"Unhandled","ErrorDetails":"x"}`), "one", "Unhandled", false, ""},
		{"cut off", chunk("one"), "one", "", true, ""},
		{"cut off in a message", chunk("one") + chunk("two")[:20], "one", "", true, ""},
		{"damaged", chunk("one") + string(damaged), "one", "", true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := remoteTo(t, func(w http.ResponseWriter, r *http.Request) {
				if !strings.HasSuffix(r.URL.Path, "/response-streaming-invocations") {
					t.Errorf("path = %s", r.URL.Path)
				}
				_, _ = io.WriteString(w, tt.sent)
			})
			res, err := r.Invoke(t.Context(), &function.Invocation{Function: remoteARN, Stream: true, Tail: true})
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(res.Body)
			var failed *function.StreamError
			code := ""
			if errors.As(err, &failed) {
				code = failed.Code
			}
			if string(b) != tt.want || code != tt.code || (err != nil && failed == nil) != tt.broken || string(res.Log) != tt.log {
				t.Errorf("stream = %q, %v, log %q; want %q, code %q, broken %v, log %q", b, err, res.Log, tt.want, tt.code, tt.broken, tt.log)
			}
			if err := res.Body.Close(); err != nil {
				t.Errorf("Close = %v", err)
			}
		})
	}
}

func TestPlain(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if string(b) == `"fail"` {
			w.WriteHeader(500)
			_, _ = io.WriteString(w, "oh \"no\"")
			return
		}
		_, _ = io.WriteString(w, r.Header.Get("Lambda-Runtime-Invoked-Function-Arn")+" "+string(b))
	}))
	defer server.Close()
	p := function.NewPlain(server.URL)
	tests := []struct {
		name string
		in   function.Invocation
		want function.Result
	}{
		{"answer", function.Invocation{Function: remoteARN, Payload: []byte("1"), RequestID: "r"}, function.Result{Status: 200, Payload: []byte(remoteARN + " 1"), RequestID: "r", Version: "$LATEST"}},
		{"nothing is an object", function.Invocation{Function: "a"}, function.Result{Status: 200, Payload: []byte("a {}"), Version: "$LATEST"}},
		{"error", function.Invocation{Payload: []byte(`"fail"`)}, function.Result{Status: 200, Error: "Unhandled", Payload: []byte(`{"errorMessage":"oh \"no\"","errorType":"HTTP500"}`), Version: "$LATEST"}},
		{"event", function.Invocation{Kind: function.Event}, function.Result{Status: 202}},
		{"dry run", function.Invocation{Kind: function.DryRun}, function.Result{Status: 204}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := p.Invoke(t.Context(), &tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}

type namedInvoker string

func (n namedInvoker) Invoke(context.Context, *function.Invocation) (*function.Result, error) {
	if n == "nowhere" {
		return nil, awsclient.ErrNoEndpoint
	}
	return &function.Result{Version: string(n)}, nil
}

func TestRouter(t *testing.T) {
	rules := []function.Rule{
		{Functions: "us-*:*:pay-*-eu", Invoker: namedInvoker("region")}, {Functions: "123456789012:*", Invoker: namedInvoker("account")}, {Functions: "pay-*", Invoker: namedInvoker("name")},
	}
	arn := func(region, account, name string) string {
		return "arn:aws:lambda:" + region + ":" + account + ":function:" + name
	}
	tests := []struct{ name, function, elsewhere, want string }{
		{"by Region", arn("us-east-1", "1", "pay-1-eu"), "elsewhere", "region"},
		{"by account", arn("eu-west-1", "123456789012", "x"), "elsewhere", "account"},
		{"by name, with qualifier", arn("eu-west-1", "1", "pay-1:live"), "elsewhere", "name"},
		{"no rule", arn("eu-west-1", "1", "repay-1"), "elsewhere", "elsewhere"},
		{"nowhere", arn("eu-west-1", "1", "x"), "nowhere", "ResourceNotFoundException: Function not found: " + arn("eu-west-1", "1", "x")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := function.NewRouter(rules, function.NewHost(function.Options{Dir: t.TempDir()}), namedInvoker(tt.elsewhere))
			if err != nil {
				t.Fatal(err)
			}
			res, err := r.Invoke(t.Context(), &function.Invocation{Function: tt.function})
			got := ""
			if err != nil {
				got = err.Error()
			} else {
				got = res.Version
			}
			if got != tt.want {
				t.Errorf("Invoke = %q, want %q", got, tt.want)
			}
		})
	}
	for _, bad := range []string{"", "a:b:c:d", "a:"} {
		if _, err := function.NewRouter([]function.Rule{{Functions: bad}}, nil, nil); !errors.Is(err, function.ErrRule) {
			t.Errorf("NewRouter(%q) = %v, want ErrRule", bad, err)
		}
	}
}
