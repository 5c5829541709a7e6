package awsrpc_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/sigv4"
)

// The service of these tests has one operation that reads and one that writes.

type putInput struct {
	Id    *string             `json:"id,omitzero" aws:"uri=id,required"`
	Text  *string             `json:"text,omitzero" pattern:"[a-z]+"`
	Count *int32              `json:"count,omitzero"`
	Big   *int64              `json:"big,omitzero"`
	Rate  *float64            `json:"rate,omitzero"`
	On    *bool               `json:"on,omitzero"`
	At    *time.Time          `json:"at,omitzero"`
	Iso   *time.Time          `json:"iso,omitzero" aws:"time=date-time"`
	Blob  []byte              `json:"blob,omitzero"`
	List  []part              `json:"list,omitzero"`
	Map   map[string]part     `json:"map,omitzero"`
	Lists map[string][]string `json:"lists,omitzero"`
	Self  *part               `json:"self,omitzero"`
}

type part struct {
	Name *string `json:"name,omitzero" aws:"required"`
	Kind *string `json:"kind,omitzero" enum:"A,B"`
	Self *part   `json:"self,omitzero"` // shapes may contain themselves
}

type getInput struct {
	Id *string `json:"id,omitzero" aws:"uri=id,required"`
}

type server struct {
	mu     sync.Mutex // guards caller
	caller awsrpc.Caller
	fail   error
}

func (s *server) last() awsrpc.Caller {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.caller
}

func (s *server) note(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.caller = awsrpc.CallerFrom(ctx)
}

func mount(s *server) awsrpc.Mount {
	return awsrpc.Mount{Server: s, Service: awsrpc.Service{
		Name: "things", SigningName: "things", Protocol: awsrpc.RestJSON1, Version: "1",
		Operations: []awsrpc.Operation{
			{
				Name: "PutThing", Method: "PUT", URI: "/things/{id}", Code: 201,
				NewInput: func() any { return new(putInput) }, Output: (*putInput)(nil),
				Invoke: func(ctx context.Context, srv, in any) (any, error) {
					srv.(*server).note(ctx)
					return in, srv.(*server).fail
				},
			},
			{
				Name: "GetThing", Method: "GET", URI: "/things/{id}", Code: 200,
				NewInput: func() any { return new(getInput) }, Output: (*getInput)(nil),
				Invoke: func(ctx context.Context, srv, in any) (any, error) {
					srv.(*server).note(ctx)
					return in, nil
				},
			},
		},
	}}
}

func newHandler(t testing.TB, s *server, opt awsrpc.Options) *awsrpc.Handler {
	t.Helper()
	h, err := awsrpc.NewHandler([]awsrpc.Mount{mount(s)}, opt)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// keys are the credentials of these tests.
type keys map[string]awsrpc.Credential

func (k keys) Lookup(accessKey, _ string) (awsrpc.Credential, bool) {
	c, ok := k[accessKey]
	return c, ok
}

const (
	rootKey, userKey, tempKey, oldKey = "AKIAROOTROOTROOTROOT", "AKIAUSERUSERUSERUSER", "ASIATEMPTEMPTEMPTEMP", "ASIAOLDXOLDXOLDXOLDX"
	secret                            = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

func testKeys() keys {
	root := awsrpc.Credential{AccessKey: rootKey, SecretKey: secret, AccountID: "123456789012", PrincipalARN: "arn:aws:iam::123456789012:root", Root: true}
	user, temp := root, root
	user.AccessKey, user.Root, user.PrincipalARN = userKey, false, "arn:aws:iam::123456789012:user/u"
	temp.AccessKey, temp.SessionToken, temp.Expires = tempKey, "token", time.Now().Add(time.Hour)
	old := temp
	old.AccessKey, old.Expires = oldKey, time.Now().Add(-time.Minute)
	return keys{rootKey: root, userKey: user, tempKey: temp, oldKey: old}
}

func TestFrontDoorStrict(t *testing.T) {
	type signing struct {
		key, secret, token, region, service string
		age                                 time.Duration
	}
	ok := signing{key: rootKey, secret: secret, region: "eu-west-1", service: "things"}
	with := func(change func(*signing)) *signing {
		s := ok
		change(&s)
		return &s
	}
	tests := []struct {
		name     string
		sign     *signing
		code     int
		want     string // x-amzn-ErrorType
		contains string // of the message
	}{
		{"root", &ok, 200, "", ""},
		{"unsigned", nil, 403, "MissingAuthenticationTokenException", "Missing Authentication Token"},
		{"unknown key", with(func(s *signing) { s.key = "AKIANOBODYNOBODYNOBO" }), 403, "UnrecognizedClientException", "The security token included in the request is invalid."},
		{"wrong secret", with(func(s *signing) { s.secret = "x" }), 403, "InvalidSignatureException", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."},
		{"late", with(func(s *signing) { s.age = 6 * time.Minute }), 403, "InvalidSignatureException", "Signature expired: "},
		{"early", with(func(s *signing) { s.age = -6 * time.Minute }), 403, "InvalidSignatureException", "Signature not yet current: "},
		{"other service", with(func(s *signing) { s.service = "s3" }), 403, "InvalidSignatureException", "Credential should be scoped to correct service: 'things'."},
		{"bad region", with(func(s *signing) { s.region = "EU!" }), 403, "InvalidSignatureException", "Credential should be scoped to a valid region."},
		{"token nobody gave", with(func(s *signing) { s.token = "token" }), 403, "UnrecognizedClientException", "The security token included in the request is invalid."},
		{"temporary", with(func(s *signing) { s.key, s.token = tempKey, "token" }), 200, "", ""},
		{"temporary without token", with(func(s *signing) { s.key = tempKey }), 403, "UnrecognizedClientException", ""},
		{"temporary with another token", with(func(s *signing) { s.key, s.token = tempKey, "other" }), 403, "UnrecognizedClientException", ""},
		{"temporary and expired", with(func(s *signing) { s.key, s.token = oldKey, "token" }), 403, "ExpiredTokenException", "The security token included in the request is expired"},
		{"not root", with(func(s *signing) { s.key = userKey }), 403, "AccessDeniedException", "User: arn:aws:iam::123456789012:user/u is not authorized to perform: things:GET on resource: arn:aws:things:eu-west-1::/things/t1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &server{}
			h := newHandler(t, s, awsrpc.Options{Credentials: testKeys()})
			r := httptest.NewRequest("GET", "http://h/things/t1", nil)
			if tt.sign != nil {
				sigv4.Sign(r, nil, sigv4.Key{AccessKey: tt.sign.key, SecretKey: tt.sign.secret, SessionToken: tt.sign.token},
					sigv4.Target{Region: tt.sign.region, Service: tt.sign.service}, time.Now().Add(-tt.sign.age))
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			got := strings.Join(w.Header()["x-amzn-ErrorType"], ",")
			if w.Code != tt.code || got != tt.want || !strings.Contains(w.Body.String(), tt.contains) {
				t.Errorf("got %d %s %s, want %d %s …%s…", w.Code, got, w.Body, tt.code, tt.want, tt.contains)
			}
			c := s.last()
			if called := c.Account != ""; called != (tt.code == 200) {
				t.Errorf("called = %v", called)
			}
			if tt.code == 200 && (c.Account != "123456789012" || c.Region != "eu-west-1" || c.AccessKey != tt.sign.key || c.SessionToken.Reveal() != tt.sign.token || c.RequestID != w.Header()["x-amzn-RequestId"][0]) {
				t.Errorf("caller = %+v", c)
			}
		})
	}
}

func TestFrontDoorDev(t *testing.T) {
	sign := func(key string) func(*http.Request) {
		return func(r *http.Request) {
			sigv4.Sign(r, nil, sigv4.Key{AccessKey: key, SecretKey: "anything"}, sigv4.Target{Region: "ap-south-1", Service: "things"}, time.Unix(0, 0))
		}
	}
	tests := []struct {
		name            string
		prepare         func(*http.Request)
		code            int
		account, region string
	}{
		{"unsigned", func(*http.Request) {}, 200, "111111111111", "us-east-1"},
		{"any key", sign("test"), 200, "111111111111", "ap-south-1"},
		{"account as key", sign("222222222222"), 200, "222222222222", "ap-south-1"},
		{"written by hand", func(r *http.Request) {
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/eu-north-1/things/aws4_request, SignedHeaders=host, Signature=x")
		}, 200, "111111111111", "eu-north-1"},
		{"presigned by hand", func(r *http.Request) {
			*r = *httptest.NewRequest("GET", "http://h/things/t1?X-Amz-Credential=222222222222/1/eu-north-1/things/aws4_request", nil)
		}, 200, "222222222222", "eu-north-1"},
		{"no credential", func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Signature=x") }, 403, "", ""},
		{"other service", func(r *http.Request) {
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/eu-north-1/s3/aws4_request")
		}, 403, "", ""},
		{"not a signature", func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, 403, "", ""},
		{"from a web page", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, 403, "", ""},
		{"from another site", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403, "", ""},
		{"typed into a browser", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "none") }, 200, "111111111111", "us-east-1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &server{}
			h := newHandler(t, s, awsrpc.Options{Dev: true, Account: "111111111111"})
			r := httptest.NewRequest("GET", "http://h/things/t1", nil)
			tt.prepare(r)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if c := s.last(); w.Code != tt.code || c.Account != tt.account || c.Region != tt.region {
				t.Errorf("got %d %s, caller %+v, want %d %s %s", w.Code, w.Body, c, tt.code, tt.account, tt.region)
			}
		})
	}
}

func TestBodyLimit(t *testing.T) {
	h := newHandler(t, &server{}, awsrpc.Options{Dev: true, MaxBody: 100})
	tests := []struct {
		name    string
		size    int
		chunked bool
		want    int
	}{
		{"largest", 100, false, 400}, // not JSON, but read
		{"larger", 101, false, 413},
		{"largest, length not told", 100, true, 400},
		{"larger, length not told", 101, true, 413},
	}
	for _, tt := range tests {
		r := httptest.NewRequest("PUT", "http://h/things/t1", strings.NewReader(strings.Repeat("x", tt.size)))
		if tt.chunked {
			r.ContentLength = -1
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%s: %d %s, want %d", tt.name, w.Code, w.Body, tt.want)
		}
	}
	r := httptest.NewRequest("PUT", "http://h/things/t1", io.MultiReader(strings.NewReader("{"), failingReader{}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 400 {
		t.Errorf("torn body: %d %s", w.Code, w.Body)
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

// A blockingBody does not come until it is let go.
type blockingBody struct{ release <-chan struct{} }

func (b blockingBody) Read([]byte) (int, error) {
	<-b.release
	return 0, io.EOF
}

// TestLargeBodies fills all places for large bodies with slow senders: others
// are told to come back, small requests pass, and places are given back.
func TestLargeBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandler(t, &server{}, awsrpc.Options{Dev: true})
		call := func(body io.Reader) *httptest.ResponseRecorder {
			r := httptest.NewRequest("PUT", "http://h/things/t1", body)
			r.ContentLength = 1 << 20
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w
		}
		release := make(chan struct{})
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if w := call(blockingBody{release}); w.Code != 201 {
					t.Errorf("slow sender: %d %s", w.Code, w.Body)
				}
			})
		}
		synctest.Wait()
		start := time.Now()
		if w := call(strings.NewReader("{}")); w.Code != 400 || !strings.Contains(w.Body.String(), "Rate exceeded") || time.Since(start) != 5*time.Second {
			t.Errorf("17th large body after %v: %d %s", time.Since(start), w.Code, w.Body)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("PUT", "http://h/things/t1", strings.NewReader("{}")))
		if w.Code != 201 {
			t.Errorf("small body: %d %s", w.Code, w.Body)
		}
		close(release)
		wg.Wait()
		if w := call(strings.NewReader("{}")); w.Code != 201 {
			t.Errorf("large body afterwards: %d %s", w.Code, w.Body)
		}
	})
}

func TestWait(t *testing.T) {
	waits := 0
	s := &server{}
	h := newHandler(t, s, awsrpc.Options{Dev: true, Wait: func(ctx context.Context) {
		waits++
		if awsrpc.CallerFrom(ctx).Account == "" {
			t.Error("no caller while waiting")
		}
	}})
	call := func(method string) {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, "http://h/things/t1", nil))
	}
	call("GET")
	if waits != 0 {
		t.Error("a read waited")
	}
	call("PUT")
	if waits != 1 {
		t.Errorf("%d waits after a change, want 1", waits)
	}
	s.fail = &awsrpc.Error{Code: "X", Status: 400}
	call("PUT")
	if waits != 1 {
		t.Error("a refused change waited")
	}
}

// TestFailuresAreLogged: the client learns nothing, the operator everything.
func TestFailuresAreLogged(t *testing.T) {
	var log bytes.Buffer
	s := &server{fail: errors.New("the disk is on fire")}
	h := newHandler(t, s, awsrpc.Options{Dev: true, Log: slog.New(slog.NewTextHandler(&log, nil))})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("PUT", "http://h/things/t1", nil))
	if strings.Contains(w.Body.String(), "fire") || w.Code != 500 {
		t.Errorf("client got %d %s", w.Code, w.Body)
	}
	for _, want := range []string{"level=ERROR", "operation=PutThing", "the disk is on fire", w.Header()["x-amzn-RequestId"][0]} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log lacks %q: %s", want, log.String())
		}
	}
}

func TestNewHandlerRefuses(t *testing.T) {
	type badTag struct {
		A *string `json:"a" aws:"nonsense"`
	}
	type badType struct {
		A chan int `json:"a"`
	}
	op := func(in any, uri string) awsrpc.Mount {
		return awsrpc.Mount{Service: awsrpc.Service{Name: "x", Protocol: awsrpc.RestJSON1, Operations: []awsrpc.Operation{
			{Name: "X", Method: "GET", URI: uri, NewInput: func() any { return in }},
		}}}
	}
	dev := awsrpc.Options{Dev: true}
	tests := []struct {
		name  string
		mount awsrpc.Mount
		opt   awsrpc.Options
		want  string
	}{
		{"no credentials", op(new(getInput), "/"), awsrpc.Options{}, "no credentials"},
		{"account", op(new(getInput), "/"), awsrpc.Options{Dev: true, Account: "12"}, "not twelve digits"},
		{"tag", op(new(badTag), "/"), dev, `unknown option "nonsense"`},
		{"type", op(new(badType), "/"), dev, "has no wire form"},
		{"greedy label", op(new(getInput), "/{id+}"), dev, "greedy"},
		{"protocol", awsrpc.Mount{Service: awsrpc.Service{Name: "x", Protocol: "soap"}}, dev, `unknown protocol "soap"`},
	}
	for _, tt := range tests {
		if _, err := awsrpc.NewHandler([]awsrpc.Mount{tt.mount}, tt.opt); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
}

func BenchmarkCall(b *testing.B) {
	h := newHandler(b, &server{}, awsrpc.Options{Credentials: testKeys()})
	body := `{"text":"abc","count":1,"list":[{"name":"a","kind":"A"},{"name":"b"}],"map":{"k":{"name":"n"}}}`
	r := httptest.NewRequest("PUT", "http://h/things/t1", nil)
	sigv4.Sign(r, []byte(body), sigv4.Key{AccessKey: rootKey, SecretKey: secret}, sigv4.Target{Region: "eu-west-1", Service: "things"}, time.Now())
	b.ReportAllocs()
	for b.Loop() {
		r.Body = io.NopCloser(strings.NewReader(body))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 201 {
			b.Fatal(w.Code, w.Body)
		}
	}
}
