package sigv4_test

import (
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/sigv4"
)

const exampleSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

func at(t testing.TB, text string) time.Time {
	t.Helper()
	tm, err := time.Parse("20060102T150405Z", text)
	if err != nil {
		t.Fatal(err)
	}
	return tm
}

// verify parses and verifies as a server does.
func verify(q sigv4.Request, body []byte, secret string, now time.Time) (*sigv4.Signature, error) {
	s, err := sigv4.Parse(&q)
	if err != nil {
		return nil, err
	}
	return s, s.Verify(&q, body, secret, now)
}

// AWS: aws-sig-v4-test-suite (facts restated), and the ListUsers example of the
// Signature Version 4 pages of the General Reference.
func TestPublishedSignatures(t *testing.T) {
	tests := []struct {
		name, method, target, host, service, signed, want string
		header                                            []sigv4.Field
	}{
		{"get-vanilla", "GET", "/", "example.amazonaws.com", "service", "host;x-amz-date",
			"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31", nil},
		{"get-vanilla-query-order-key-case", "GET", "/?Param2=value2&Param1=value1", "example.amazonaws.com", "service", "host;x-amz-date",
			"b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500", nil},
		{"post-vanilla", "POST", "/", "example.amazonaws.com", "service", "host;x-amz-date",
			"5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b", nil},
		{"list users", "GET", "/?Action=ListUsers&Version=2010-05-08", "iam.amazonaws.com", "iam", "content-type;host;x-amz-date",
			"5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
			[]sigv4.Field{{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := sigv4.Request{Method: tt.method, Host: tt.host, Header: append(tt.header,
				sigv4.Field{"X-Amz-Date", "20150830T123600Z"},
				sigv4.Field{"Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/" + tt.service +
					"/aws4_request, SignedHeaders=" + tt.signed + ", Signature=" + tt.want})}
			q.Path, q.Query, _ = strings.Cut(tt.target, "?")
			s, err := verify(q, nil, exampleSecret, at(t, "20150830T123600Z"))
			if err != nil {
				t.Fatal(err)
			}
			if s.AccessKey != "AKIDEXAMPLE" || s.Scope.Region != "us-east-1" || s.Scope.Service != tt.service {
				t.Errorf("claim = %+v", s)
			}
		})
	}
}

// A vector is one request signed by botocore 1.43.11, in testdata/botocore.json.
type vector struct {
	Name, Method, Target, Host string
	Header                     map[string]string
	Body, Secret, Token        string
}

func (v vector) request() sigv4.Request {
	q := sigv4.Request{Method: v.Method, Host: v.Host}
	q.Path, q.Query, _ = strings.Cut(v.Target, "?")
	for _, k := range slices.Sorted(maps.Keys(v.Header)) {
		q.Header = append(q.Header, sigv4.Field{Name: k, Value: v.Header[k]})
	}
	return q
}

func vectors(t testing.TB, signer string) (time.Time, []vector) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + signer + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Time  string
		Cases []vector
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	return at(t, file.Time), file.Cases
}

func TestBotocoreVectors(t *testing.T) {
	now, cases := vectors(t, "botocore")
	if len(cases) != 23 {
		t.Fatalf("%d vectors, want 23", len(cases))
	}
	for _, v := range cases {
		t.Run(v.Name, func(t *testing.T) {
			s, err := verify(v.request(), []byte(v.Body), v.Secret, now)
			if err != nil {
				t.Fatalf("%s %s: %v", v.Method, v.Target, err)
			}
			if s.SessionToken != v.Token {
				t.Errorf("session token = %q, want %q", s.SessionToken, v.Token)
			}
			if _, err := verify(v.request(), []byte(v.Body), v.Secret+"x", now); err == nil {
				t.Error("verifies with another secret")
			}
			if _, err := verify(v.request(), append([]byte(v.Body), 0), v.Secret, now); err == nil {
				t.Error("verifies with another body")
			}
		})
	}
}

// same reports whether a mutation changed nothing.
func same(a, b sigv4.Request) bool {
	return a.Method == b.Method && a.Path == b.Path && a.Query == b.Query && a.Host == b.Host && slices.Equal(a.Header, b.Header)
}

// TestMutations changes one byte of signed requests in every part that is
// signed; none may verify.
func TestMutations(t *testing.T) {
	now, cases := vectors(t, "botocore")
	rnd := rand.New(rand.NewPCG(1, 2))
	tried := 0
	for _, v := range cases {
		for range 500 {
			q, body := v.request(), []byte(v.Body)
			if !mutate(rnd, &q, &body) || same(q, v.request()) && string(body) == v.Body {
				continue
			}
			tried++
			// The access key is covered by looking up its secret.
			if s, err := verify(q, body, v.Secret, now); err == nil && s.AccessKey == "AKIAEXAMPLEEXAMPLE00" {
				t.Errorf("%s: mutated request verifies:\n got %+v %q\nwant refusal; original %+v %q", v.Name, q, body, v.request(), v.Body)
			}
		}
	}
	if tried < 8000 {
		t.Errorf("only %d mutations were tried", tried)
	}
	t.Logf("%d mutated requests refused", tried)
}

// mutate changes one place of q or body to something that means another
// request. It avoids the few changes that the canonical form undoes.
func mutate(rnd *rand.Rand, q *sigv4.Request, body *[]byte) bool {
	letter := func(s string) (string, bool) {
		// Replaces a letter or digit by the next one: never a change of
		// blanks, escapes' case or slashes, which canonicalisation undoes.
		var at []int
		for i := range len(s) {
			c := s[i]
			escaped := i >= 1 && s[i-1] == '%' || i >= 2 && s[i-2] == '%'
			if !escaped && (c >= 'a' && c < 'z' || c >= 'A' && c < 'Z' || c >= '0' && c < '9') {
				at = append(at, i)
			}
		}
		if len(at) == 0 {
			return s, false
		}
		i := at[rnd.IntN(len(at))]
		return s[:i] + string(s[i]+1) + s[i+1:], true
	}
	ok := true
	switch rnd.IntN(8) {
	case 0:
		q.Method, ok = letter(q.Method)
	case 1:
		if strings.Contains(q.Path, "..") {
			return false // what a dot segment removes is not signed
		}
		q.Path, ok = letter(q.Path)
	case 2:
		q.Query, ok = letter(q.Query)
	case 3:
		q.Host, ok = letter(q.Host)
	case 4:
		i := rnd.IntN(max(1, len(q.Header)))
		if len(q.Header) == 0 {
			return false
		}
		if name := q.Header[i].Name; name == "Authorization" || strings.HasPrefix(name, "X-Amz-") {
			q.Header[i].Value, ok = letter(q.Header[i].Value)
		} else {
			return false
		}
	case 5:
		*body = append(*body, byte(rnd.IntN(256)))
	case 6:
		q.Header = append(q.Header, sigv4.Field{Name: "X-Amz-Injected", Value: "1"})
	case 7:
		if q.Query != "" {
			q.Query += "&"
		}
		q.Query += "injected=1"
	}
	return ok
}

func TestSignVerifies(t *testing.T) {
	now := at(t, "20261005T123045Z")
	target := sigv4.Target{Region: "eu-west-1", Service: "apigateway"}
	key := sigv4.Key{AccessKey: "AKIAEXAMPLEEXAMPLE00", SecretKey: exampleSecret, SessionToken: "tok/en=="}
	for _, path := range []string{"/", "/restapis?mode=import&a=b%20c", "/tags/arn%3Aaws%3A%2Fx", "/a//b/../c/"} {
		r := httptest.NewRequest("POST", "http://127.0.0.1:4566"+path, strings.NewReader("body"))
		r.Header.Set("Content-Type", "application/json")
		sigv4.Sign(r, []byte("body"), key, target, now)
		s, err := verify(sigv4.FromHTTP(r), []byte("body"), exampleSecret, now)
		if err != nil || s.SessionToken != key.SessionToken || s.Presigned {
			t.Errorf("Sign %s: %+v, %v", path, s, err)
		}

		r = httptest.NewRequest("GET", "http://127.0.0.1:4566"+path, nil)
		u := sigv4.Presign(r, nil, key, target, now, time.Minute)
		r = httptest.NewRequest("GET", u.String(), nil)
		s, err = verify(sigv4.FromHTTP(r), nil, exampleSecret, now.Add(time.Minute))
		if err != nil || s.SessionToken != key.SessionToken || !s.Presigned {
			t.Errorf("Presign %s: %+v, %v", path, s, err)
		}
	}
}

func TestUnsignedPayload(t *testing.T) {
	now := at(t, "20261005T123045Z")
	key := sigv4.Key{AccessKey: "AKIAEXAMPLEEXAMPLE00", SecretKey: exampleSecret}
	r := httptest.NewRequest("POST", "http://h/restapis", nil)
	r.Header.Set("X-Amz-Content-Sha256", sigv4.UnsignedPayload)
	sigv4.Sign(r, nil, key, sigv4.Target{Region: "eu-west-1", Service: "apigateway"}, now)
	if _, err := verify(sigv4.FromHTTP(r), []byte("anything"), exampleSecret, now); err != nil {
		t.Error(err)
	}
	// The client cannot be made to say so by others: the header is signed.
	r = httptest.NewRequest("POST", "http://h/restapis", nil)
	sigv4.Sign(r, nil, key, sigv4.Target{Region: "eu-west-1", Service: "apigateway"}, now)
	r.Header.Set("X-Amz-Content-Sha256", sigv4.UnsignedPayload)
	if _, err := verify(sigv4.FromHTTP(r), []byte("anything"), exampleSecret, now); err == nil {
		t.Error("an unsigned x-amz-content-sha256 is believed")
	}
	// A hash that is signed but is not the body's.
	r = httptest.NewRequest("POST", "http://h/restapis", nil)
	r.Header.Set("X-Amz-Content-Sha256", sigv4.HashPayload([]byte("one")))
	sigv4.Sign(r, []byte("one"), key, sigv4.Target{Region: "eu-west-1", Service: "apigateway"}, now)
	if _, err := verify(sigv4.FromHTTP(r), []byte("one"), exampleSecret, now); err != nil {
		t.Error(err)
	}
	if _, err := verify(sigv4.FromHTTP(r), []byte("two"), exampleSecret, now); err == nil {
		t.Error("another body than the hash's verifies")
	}
}

func TestClock(t *testing.T) {
	signedAt := at(t, "20261005T123000Z")
	key := sigv4.Key{AccessKey: "AKIAEXAMPLEEXAMPLE00", SecretKey: exampleSecret}
	target := sigv4.Target{Region: "eu-west-1", Service: "apigateway"}
	header := httptest.NewRequest("GET", "http://h/restapis", nil)
	sigv4.Sign(header, nil, key, target, signedAt)
	presigned := httptest.NewRequest("GET", sigv4.Presign(httptest.NewRequest("GET", "http://h/restapis", nil), nil, key, target, signedAt, time.Hour).String(), nil)
	tests := []struct {
		name string
		r    *http.Request
		skew time.Duration
		want string
	}{
		{"on time", header, 0, ""},
		{"five minutes old", header, 5 * time.Minute, ""},
		{"older", header, 5*time.Minute + time.Second, "Signature expired: 20261005T123000Z is now earlier than 20261005T123001Z (20261005T123501Z - 5 min.)"},
		{"five minutes early", header, -5 * time.Minute, ""},
		{"earlier", header, -5*time.Minute - time.Second, "Signature not yet current: 20261005T123000Z is still later than 20261005T122959Z (20261005T122459Z + 5 min.)"},
		{"presigned in its hour", presigned, time.Hour, ""},
		{"presigned after its hour", presigned, time.Hour + time.Second, "Signature expired: 20261005T123000Z is now earlier than 20261005T123001Z (20261005T133001Z - 3600 sec.)"},
		{"presigned too early", presigned, -time.Hour, "Signature not yet current: 20261005T123000Z is still later than 20261005T113500Z (20261005T113000Z + 5 min.)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := verify(sigv4.FromHTTP(tt.r), nil, exampleSecret, signedAt.Add(tt.skew))
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("Verify = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	const cred = "AKIAEXAMPLEEXAMPLE00/20261005/eu-west-1/apigateway/aws4_request"
	const sig = "Signature=0000000000000000000000000000000000000000000000000000000000000000"
	tests := []struct {
		name, auth, query string
		want              string // start of the message
		reason            sigv4.Reason
	}{
		{"nothing", "", "", "Missing Authentication Token", sigv4.Missing},
		{"bearer", "Bearer x", "", "Unsupported AWS 'algorithm': 'Bearer'.", sigv4.Incomplete},
		{"no parameters", "AWS4-HMAC-SHA256", "", "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization=AWS4-HMAC-SHA256", sigv4.Incomplete},
		{"no equal sign", "AWS4-HMAC-SHA256 Credential", "", "'Credential' not a valid key=value pair (missing equal-sign) in Authorization header: 'AWS4-HMAC-SHA256 Credential'.", sigv4.Incomplete},
		{"no signature", "AWS4-HMAC-SHA256 Credential=" + cred + ", SignedHeaders=host;x-amz-date", "", "Authorization header requires 'Signature' parameter. Authorization=", sigv4.Incomplete},
		{"twice", "AWS4-HMAC-SHA256 Credential=a, Credential=b", "", "Authorization header has 'Credential' twice.", sigv4.Incomplete},
		{"short credential", "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host;x-amz-date, " + sig, "", "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'a/b'", sigv4.Incomplete},
		{"terminator", "AWS4-HMAC-SHA256 Credential=a/20261005/c/d/aws5, SignedHeaders=host;x-amz-date, " + sig, "", "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5'.", sigv4.Invalid},
		{"another day", "AWS4-HMAC-SHA256 Credential=a/20261006/c/d/aws4_request, SignedHeaders=host;x-amz-date, " + sig, "", "Date in Credential scope does not match YYYYMMDD", sigv4.Invalid},
		{"host not signed", "AWS4-HMAC-SHA256 Credential=" + cred + ", SignedHeaders=x-amz-date, " + sig, "", "'Host' or ':authority' must be a 'SignedHeader'", sigv4.Invalid},
		{"date not signed", "AWS4-HMAC-SHA256 Credential=" + cred + ", SignedHeaders=host, " + sig, "", "'x-amz-date' must be a 'SignedHeader'", sigv4.Invalid},
		{"unordered", "AWS4-HMAC-SHA256 Credential=" + cred + ", SignedHeaders=x-amz-date;host, " + sig, "", "SignedHeaders must be lower-case header names in order", sigv4.Incomplete},
		{"both forms", "AWS4-HMAC-SHA256 Credential=" + cred, "X-Amz-Signature=1", "The request must be signed once", sigv4.Incomplete},
		{"bad escape", "", "a=%zz", "The query string is malformed.", sigv4.Incomplete},
		{"presigned without all", "", "X-Amz-Algorithm=AWS4-HMAC-SHA256", "AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string parameters must include 'X-Amz-Signature'.", sigv4.Incomplete},
		{"presigned twice", "", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=1&X-Amz-Date=2", "AWS query-string parameters must not be repeated: 'X-Amz-Date'.", sigv4.Incomplete},
		{"presigned too long", "", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" + cred + "&X-Amz-Signature=1&X-Amz-SignedHeaders=host&X-Amz-Date=20261005T000000Z&X-Amz-Expires=604801", "X-Amz-Expires must be a number between 1 and 604800.", sigv4.Incomplete},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := sigv4.Request{Method: "GET", Path: "/", Query: tt.query, Host: "h", Header: []sigv4.Field{{"X-Amz-Date", "20261005T123045Z"}}}
			if strings.HasPrefix(tt.query, "X-Amz") {
				q.Header = nil
			}
			if tt.auth != "" {
				q.Header = append(q.Header, sigv4.Field{"Authorization", tt.auth})
			}
			_, err := sigv4.Parse(&q)
			var e *sigv4.Error
			if !errors.As(err, &e) || e.Reason != tt.reason || !strings.HasPrefix(e.Message, tt.want) {
				t.Errorf("Parse = %v, want reason %d and %q", err, tt.reason, tt.want)
			}
		})
	}
	q := sigv4.Request{Method: "GET", Path: "/", Host: "h", Header: []sigv4.Field{{"Authorization", "AWS4-HMAC-SHA256 x=1"}, {"authorization", "AWS4-HMAC-SHA256 x=1"}}}
	if _, err := sigv4.Parse(&q); err == nil {
		t.Error("two Authorization headers are accepted")
	}
}

// FuzzParse feeds requests to the parser. Whatever it accepts must not verify
// with a key that did not sign it, and nothing may panic.
func FuzzParse(f *testing.F) {
	_, cases := vectors(f, "botocore")
	for _, v := range cases {
		f.Add(v.Target, v.Header["Authorization"], v.Header["X-Amz-Date"], v.Host)
	}
	_, cases = vectors(f, "asymmetric")
	for _, v := range cases {
		f.Add(v.Target, v.Header["Authorization"], v.Header["X-Amz-Date"], v.Host)
	}
	f.Add("/?%", "AWS4-HMAC-SHA256 ,,=,=", "", "")
	f.Fuzz(func(t *testing.T, target, auth, date, host string) {
		q := sigv4.Request{Method: "GET", Host: host}
		q.Path, q.Query, _ = strings.Cut(target, "?")
		if auth != "" {
			q.Header = append(q.Header, sigv4.Field{Name: "Authorization", Value: auth})
		}
		if date != "" {
			q.Header = append(q.Header, sigv4.Field{Name: "X-Amz-Date", Value: date})
		}
		if strings.HasPrefix(auth, "AWS4-ECDSA") {
			q.Header = append(q.Header, sigv4.Field{Name: "X-Amz-Region-Set", Value: "*"})
		}
		s, err := sigv4.ParseAny(&q)
		if err != nil {
			var e *sigv4.Error
			if !errors.As(err, &e) || e.Message == "" || len(e.Message) > 4096 {
				t.Fatalf("Parse = %#v", err)
			}
			return
		}
		if s.AccessKey == "" || s.Scope.Service == "" || s.Time.IsZero() {
			t.Fatalf("accepted half a claim: %+v", s)
		}
		if _, err := sigv4.Parse(&q); err == nil && s.Scope.Region == "" {
			t.Fatalf("Parse accepted a claim without a Region: %+v", s)
		}
		if s.Verify(&q, nil, "a key that signed nothing", s.Time) == nil {
			t.Fatal("verifies with a key that signed nothing")
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	now, cases := vectors(b, "botocore")
	q := cases[6].request()
	body := []byte(cases[6].Body)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := verify(q, body, exampleSecret, now); err != nil {
			b.Fatal(err)
		}
	}
}
