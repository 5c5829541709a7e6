package authorizer_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/authorizer"
	"gatehouse/internal/identity"
	"gatehouse/internal/policy"
	"gatehouse/internal/sigv4"
	"gatehouse/internal/wire"
)

var signedAt = time.Date(2026, 5, 4, 12, 30, 0, 0, time.UTC)

const (
	keyID  = "AKIAEXAMPLE000000001"
	secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	ofAnn  = "arn:aws:iam::111122223333:user/ann"
)

// world is who there is: ann with a key and the given policy, and a role with
// a session whose credential is returned.
func registry(t *testing.T, document string) (*identity.Registry, sigv4.Key) {
	t.Helper()
	doc, err := policy.Parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	seal, err := identity.NewSeal(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	ann := &identity.Principal{
		Principal: policy.Principal{ARN: ofAnn, Account: "111122223333", Type: "User", UserID: "AIDAANN", UserName: "ann"}, ID: "AIDAANN", Name: "ann",
	}
	ann.Add(identity.Policy{Document: doc, Name: "p", Kind: "user"})
	role := &identity.Role{Principal: identity.Principal{
		Principal: policy.Principal{ARN: "arn:aws:iam::111122223333:role/web", Account: "111122223333"}, ID: "AROAWEB", Name: "web",
	}}
	role.Add(identity.Policy{Document: doc, Name: "p", Kind: "role"})
	reg := new(identity.Registry)
	reg.Publish(identity.NewDirectory(identity.Contents{
		Keys: []*identity.Credential{
			{AccessKey: keyID, Secret: secret, Principal: ann, Active: true},
			{AccessKey: "AKIAINACTIVE00000001", Secret: secret, Principal: ann},
		},
		Users: []*identity.Principal{ann}, Roles: []*identity.Role{role}, Seal: seal,
	}))
	session := sigv4.Key{AccessKey: "ASIAEXAMPLE000000001", SecretKey: secret}
	session.SessionToken, err = seal.Token(&identity.Session{
		AccessKey: session.AccessKey, Secret: secret, Role: "AROAWEB", Name: "s1",
		Issued: signedAt.Unix(), Expires: signedAt.Add(time.Hour).Unix(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return reg, session
}

const allowAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"*"}]}`

// signedExchange is a request as the gateway has it when the authorizer is asked.
func signedExchange(r *http.Request, body []byte) *gateway.Exchange {
	q := sigv4.FromHTTP(r)
	x := new(gateway.Exchange)
	x.Stage = &gateway.Stage{Account: "111122223333", Region: "us-east-1", API: "a1b2c3", Name: "prod"}
	x.Peer = new(wire.Peer)
	m := &x.MethodRequest
	m.Method, m.Path, m.Query, m.Host = q.Method, q.Path, q.Query, q.Host
	for _, f := range q.Header {
		m.Header.Add(f.Name, f.Value)
	}
	m.Body = wire.Body{Bytes: body, Length: int64(len(body))}
	x.Vars.HTTPMethod, x.Vars.Now = q.Method, signedAt
	x.Vars.Path = strings.TrimPrefix(q.Path, "/prod")
	x.Vars.Authorization = m.Header.Get("Authorization")
	return x
}

var (
	body   = []byte(`{"n":1}`)
	annKey = sigv4.Key{AccessKey: keyID, SecretKey: secret}
	toAPI  = sigv4.Target{Region: "us-east-1", Service: "execute-api"}
)

func request(t *testing.T) *http.Request {
	t.Helper()
	r, err := http.NewRequest("POST", "https://a1b2c3.execute-api.us-east-1.amazonaws.com/prod/pets/7?b=2&a=%201&a=0", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	return r
}

func headerSigned(t *testing.T, k sigv4.Key, to sigv4.Target, at time.Time) *http.Request {
	r := request(t)
	sigv4.Sign(r, body, k, to, at)
	return r
}

func presigned(t *testing.T, k sigv4.Key, at time.Time, expires time.Duration) *http.Request {
	r := request(t)
	r.URL = sigv4.Presign(r, body, k, toAPI, at, expires)
	return r
}

func iam(reg *identity.Registry) *authorizer.IAM {
	return &authorizer.IAM{Identities: reg, Region: "us-east-1", Account: "111122223333", Organization: "o-1"}
}

func TestIAMAccepts(t *testing.T) {
	reg, session := registry(t, allowAll)
	unsigned := request(t)
	unsigned.Header.Set("X-Amz-Content-Sha256", sigv4.UnsignedPayload)
	sigv4.Sign(unsigned, nil, annKey, toAPI, signedAt)
	tests := []struct {
		name string
		r    *http.Request
		want string // userArn
	}{
		{"header", headerSigned(t, annKey, toAPI, signedAt), ofAnn},
		{"header, five minutes late", headerSigned(t, annKey, toAPI, signedAt.Add(-5*time.Minute)), ofAnn},
		{"query", presigned(t, annKey, signedAt.Add(-time.Hour), 2*time.Hour), ofAnn},
		{"unsigned payload", unsigned, ofAnn},
		{"session, header", headerSigned(t, session, toAPI, signedAt), "arn:aws:sts::111122223333:assumed-role/web/s1"},
		{"session, query", presigned(t, session, signedAt, time.Minute), "arn:aws:sts::111122223333:assumed-role/web/s1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := signedExchange(tt.r, body)
			if err := iam(reg).Do(t.Context(), x); err != nil {
				t.Fatal(err)
			}
			for name, want := range map[string]string{"identity.userArn": tt.want, "identity.accountId": "111122223333", "identity.principalOrgId": "o-1",
				"authenticate.status": "200", "authorize.status": "200"} {
				if got := string(gateway.ContextVar(name)(nil, x)); got != want {
					t.Errorf("$context.%s = %q, want %q", name, got, want)
				}
			}
			for _, name := range []string{"authenticate.latency", "authorize.latency"} {
				if got := string(gateway.ContextVar(name)(nil, x)); got == "" {
					t.Errorf("$context.%s is empty", name)
				}
			}
			if x.MethodRequest.Header.Get("Authorization") != "" {
				t.Error("the backend would see the signature")
			}
		})
	}
}

// What is withheld from backends may be signed all the same, and must then be as it
// was signed.
func TestIAMOfWithheldHeader(t *testing.T) {
	reg, _ := registry(t, allowAll)
	for _, tt := range []struct {
		sent string
		want bool
	}{{"let-me-see", true}, {"other", false}} {
		r := request(t)
		r.Header.Set("X-Gatehouse-Trace", "let-me-see")
		sigv4.Sign(r, body, annKey, toAPI, signedAt)
		x := signedExchange(r, body)
		x.MethodRequest.Header.Del("X-Gatehouse-Trace")
		x.Withheld = []wire.Field{{Name: "X-Gatehouse-Trace", Value: tt.sent}}
		if err := iam(reg).Do(t.Context(), x); (err == nil) != tt.want {
			t.Errorf("%s: %v, let in: want %v", tt.sent, err, tt.want)
		}
	}
}

// Every way of not being let in is a refusal, with AWS's text.
func TestIAMRefuses(t *testing.T) {
	reg, session := registry(t, allowAll)
	nothing, _ := registry(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`)
	deny, _ := registry(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"},{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	other := "A"
	if session.SessionToken[40] == 'A' {
		other = "B"
	}
	old := session
	old.SessionToken = session.SessionToken[:40] + other + session.SessionToken[41:]
	noToken := session
	noToken.SessionToken = ""
	foreign := annKey
	foreign.SessionToken = session.SessionToken
	late := func(x *gateway.Exchange) { x.Vars.Now = signedAt.Add(2 * time.Hour) }
	const on = " is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:********3333:a1b2c3/prod/POST/pets/7"
	bearer := request(t)
	bearer.Header.Set("Authorization", "Bearer x")
	tests := []struct {
		name      string
		reg       *identity.Registry
		r         *http.Request
		alter     func(*gateway.Exchange)
		errorType string
		want      string // beginning of the message
	}{
		{"not signed", reg, request(t), nil, "MissingAuthenticationTokenException", "Missing Authentication Token"},
		{"not a signature", reg, bearer, nil, "IncompleteSignatureException", "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '"},
		{"unknown key", reg, headerSigned(t, sigv4.Key{AccessKey: "AKIANOBODY0000000001", SecretKey: secret}, toAPI, signedAt), nil,
			"UnrecognizedClientException", "The security token included in the request is invalid."},
		{"inactive key", reg, headerSigned(t, sigv4.Key{AccessKey: "AKIAINACTIVE00000001", SecretKey: secret}, toAPI, signedAt), nil,
			"UnrecognizedClientException", "The security token included in the request is invalid."},
		{"nobody is known", new(identity.Registry), headerSigned(t, annKey, toAPI, signedAt), nil,
			"UnrecognizedClientException", "The security token included in the request is invalid."},
		{"token altered", reg, headerSigned(t, old, toAPI, signedAt), nil, "UnrecognizedClientException", "The security token included in the request is invalid."},
		{"token left out", reg, headerSigned(t, noToken, toAPI, signedAt), nil, "UnrecognizedClientException", "The security token included in the request is invalid."},
		{"token of somebody else", reg, headerSigned(t, foreign, toAPI, signedAt), nil, "UnrecognizedClientException", "The security token included in the request is invalid."},
		{"token expired", reg, presigned(t, session, signedAt, 3*time.Hour), late, "ExpiredTokenException", "The security token included in the request is expired"},
		{"too old", reg, headerSigned(t, annKey, toAPI, signedAt.Add(-6*time.Minute)), nil,
			"InvalidSignatureException", "Signature expired: 20260504T122400Z is now earlier than 20260504T122500Z (20260504T123000Z - 5 min.)"},
		{"of the future", reg, headerSigned(t, annKey, toAPI, signedAt.Add(6*time.Minute)), nil,
			"InvalidSignatureException", "Signature not yet current: 20260504T123600Z is still later than 20260504T123500Z (20260504T123000Z + 5 min.)"},
		{"presigned, over", reg, presigned(t, annKey, signedAt.Add(-2*time.Minute), time.Minute), nil, "InvalidSignatureException", "Signature expired: "},
		{"another service", reg, headerSigned(t, annKey, sigv4.Target{Region: "us-east-1", Service: "lambda"}, signedAt), nil,
			"InvalidSignatureException", "Credential should be scoped to correct service: 'execute-api'."},
		{"another region", reg, headerSigned(t, annKey, sigv4.Target{Region: "us-east-2", Service: "execute-api"}, signedAt), nil,
			"InvalidSignatureException", "Credential should be scoped to a valid region."},
		{"wrong secret", reg, headerSigned(t, sigv4.Key{AccessKey: keyID, SecretKey: "x"}, toAPI, signedAt), nil, "InvalidSignatureException",
			"The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.\n\n" +
				"The Canonical String for this request should have been\n'POST\n/prod/pets/7\na=%201&a=0&b=2\n"},
		{"method overridden", reg, headerSigned(t, annKey, toAPI, signedAt), func(x *gateway.Exchange) { x.Vars.HTTPMethod = "DELETE" },
			"InvalidSignatureException", "'x-http-method-override' must be a 'SignedHeader'"},
		{"nothing allows", nothing, headerSigned(t, annKey, toAPI, signedAt), nil, "AccessDeniedException",
			"User: " + ofAnn + on + " because no identity-based policy allows the execute-api:Invoke action"},
		{"denied", deny, headerSigned(t, annKey, toAPI, signedAt), nil, "AccessDeniedException",
			"User: " + ofAnn + on + " with an explicit deny in an identity-based policy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := signedExchange(tt.r, body)
			if tt.alter != nil {
				tt.alter(x)
			}
			err := iam(tt.reg).Do(t.Context(), x)
			f, ok := err.(*gateway.Fault) //nolint:errorlint // steps return faults bare
			if !ok {
				t.Fatalf("Do = %v, want a fault", err)
			}
			denied := f.Type == gateway.AccessDenied
			if x.Vars.AuthenticateLatency <= 0 || (x.Vars.AuthorizeLatency > 0) != denied {
				t.Errorf("latencies %v and %v", x.Vars.AuthenticateLatency, x.Vars.AuthorizeLatency)
			}
			if f.StatusCode() != 403 || f.ErrorTypeHeader() != tt.errorType || !strings.HasPrefix(f.Text(), tt.want) {
				t.Errorf("Do = %d %s: %s\nwant 403 %s: %s…", f.StatusCode(), f.ErrorTypeHeader(), f.Text(), tt.errorType, tt.want)
			}
		})
	}
}

// No request that differs in one place from the one that was signed is let in.
func TestIAMMutations(t *testing.T) {
	reg, session := registry(t, allowAll)
	for name, make := range map[string]func() *http.Request{
		"header":  func() *http.Request { return headerSigned(t, session, toAPI, signedAt) },
		"query":   func() *http.Request { return presigned(t, annKey, signedAt, time.Minute) },
		"session": func() *http.Request { return presigned(t, session, signedAt, time.Minute) },
	} {
		good := signedExchange(make(), body)
		n := 0
		check := func(what string, alter func(x *gateway.Exchange)) {
			x := signedExchange(make(), bytes.Clone(body))
			alter(x)
			x.Vars.Authorization = x.MethodRequest.Header.Get("Authorization")
			n++
			if err := iam(reg).Do(t.Context(), x); err == nil {
				t.Errorf("%s: let in after %s", name, what)
			}
		}
		texts := map[string]func(*gateway.Exchange) *string{
			"the path":  func(x *gateway.Exchange) *string { return &x.MethodRequest.Path },
			"the query": func(x *gateway.Exchange) *string { return &x.MethodRequest.Query },
			"the host":  func(x *gateway.Exchange) *string { return &x.MethodRequest.Host },
		}
		for i, f := range good.MethodRequest.Header.Fields {
			// What clients sign leaves these to proxies.
			if f.Name == "User-Agent" || name != "header" {
				continue
			}
			texts[f.Name] = func(x *gateway.Exchange) *string { return &x.MethodRequest.Header.Fields[i].Value }
		}
		for what, of := range texts {
			text := *of(good)
			for at := range len(text) {
				check(fmt.Sprintf("a change at %d of %s", at, what), func(x *gateway.Exchange) {
					b := []byte(text)
					b[at] ^= 1
					*of(x) = string(b)
				})
				if what == "Authorization" && text[at] == ' ' {
					continue // blanks behind commas mean nothing
				}
				check(fmt.Sprintf("%s without byte %d", what, at), func(x *gateway.Exchange) { *of(x) = text[:at] + text[at+1:] })
			}
		}
		for at := range len(body) {
			check(fmt.Sprintf("a change at %d of the body", at), func(x *gateway.Exchange) { x.MethodRequest.Body.Bytes[at] ^= 1 })
		}
		check("another method", func(x *gateway.Exchange) { x.MethodRequest.Method, x.Vars.HTTPMethod = "GET", "GET" })
		check("a doubled slash", func(x *gateway.Exchange) {
			x.MethodRequest.Path = strings.Replace(x.MethodRequest.Path, "/pets", "//pets", 1)
		})
		check("a dot segment", func(x *gateway.Exchange) {
			x.MethodRequest.Path = strings.Replace(x.MethodRequest.Path, "/pets", "/x/../pets", 1)
		})
		check("a parameter more", func(x *gateway.Exchange) { x.MethodRequest.Query += "&z=1" })
		check("an unsigned x-amz header", func(x *gateway.Exchange) { x.MethodRequest.Header.Add("X-Amz-Target", "y") })
		check("a body that is said to be unsigned", func(x *gateway.Exchange) {
			x.MethodRequest.Header.Add("X-Amz-Content-Sha256", sigv4.UnsignedPayload)
		})
		if n < 500 {
			t.Errorf("%s: only %d mutations", name, n)
		}
	}
}

// Tables A and B of the developer guide, with a resource policy.
func TestIAMWithResourcePolicy(t *testing.T) {
	const (
		allow  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + ofAnn + `"},"Action":"execute-api:Invoke","Resource":"*"}]}`
		silent = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + ofAnn + `"},"Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:*:*:other/*"}]}`
		deny   = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"*"}]}`

		identityAllow  = allowAll
		identitySilent = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`
		identityDeny   = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"execute-api:*","Resource":"*"}]}`
	)
	tests := []struct {
		identity, resource string
		same, cross        bool
	}{
		{identityAllow, allow, true, true},
		{identityAllow, silent, true, false},
		{identityAllow, deny, false, false},
		{identitySilent, allow, true, false},
		{identitySilent, silent, false, false},
		{identitySilent, deny, false, false},
		{identityDeny, allow, false, false},
		{identityDeny, silent, false, false},
		{identityDeny, deny, false, false},
	}
	for _, tt := range tests {
		reg, _ := registry(t, tt.identity)
		resource, err := policy.Parse([]byte(tt.resource))
		if err != nil {
			t.Fatal(err)
		}
		for account, want := range map[string]bool{"111122223333": tt.same, "999988887777": tt.cross} {
			a := iam(reg)
			a.Resource, a.Account = resource, account
			err := a.Do(t.Context(), signedExchange(headerSigned(t, annKey, toAPI, signedAt), body))
			if (err == nil) != want {
				t.Errorf("caller %s\nAPI of %s: %s\nlet in: %v, want %v", tt.identity, account, tt.resource, err == nil, want)
			}
		}
	}
}

// A private API without a policy lets nobody in.
func TestIAMPrivateWithoutPolicy(t *testing.T) {
	reg, _ := registry(t, allowAll)
	a := iam(reg)
	a.Private = true
	if err := a.Do(t.Context(), signedExchange(headerSigned(t, annKey, toAPI, signedAt), body)); err == nil {
		t.Error("let in")
	}
}

func BenchmarkIAM(b *testing.B) {
	var t testing.T
	reg, _ := registry(&t, allowAll)
	a := iam(reg)
	r := request(&t)
	sigv4.Sign(r, body, annKey, toAPI, signedAt)
	x := signedExchange(r, body)
	header := append([]wire.Field(nil), x.MethodRequest.Header.Fields...)
	b.ReportAllocs()
	for b.Loop() {
		x.Buf = x.Buf[:0]
		x.MethodRequest.Header.Fields = append(x.MethodRequest.Header.Fields[:0], header...)
		x.Vars.Authorization = "AWS4"
		if err := a.Do(b.Context(), x); err != nil {
			b.Fatal(err)
		}
	}
}

// A body in chunks is verified, and backends see what the chunks hold; other
// APIs than REST APIs do not take version 4A.
func TestIAMStreams(t *testing.T) {
	reg, _ := registry(t, allowAll)
	const form = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	r := request(t)
	r.Header.Set("X-Amz-Date", sigv4.Date(signedAt))
	r.Header.Set("X-Amz-Content-Sha256", form)
	r.Header.Set("X-Amz-Decoded-Content-Length", "7")
	r.Header.Set("Content-Encoding", "gzip,aws-chunked")
	q := sigv4.FromHTTP(r)
	r.Header.Set("Authorization", q.Authorization(annKey, toAPI, form, signedAt))
	x := signedExchange(r, []byte("4\r\n{\"n\"\r\n3\r\n:1}\r\n0\r\n\r\n"))
	if err := iam(reg).Do(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	m := &x.MethodRequest
	if string(m.Body.Bytes) != string(body) || m.Body.Length != 7 || m.Header.Get("Content-Encoding") != "gzip" || m.Header.Get("X-Amz-Decoded-Content-Length") != "" {
		t.Errorf("the backend would see %q with %v", m.Body.Bytes, m.Header.Fields)
	}
	for _, bad := range []string{"", "7\r\n{\"n\":1}", "4\r\n{\"n\"\r\n0\r\n\r\n", `{"n":1}`, "8\r\n{\"n\":1} \r\n0\r\n\r\n"} {
		x := signedExchange(r, []byte(bad))
		err := iam(reg).Do(t.Context(), x)
		var f *gateway.Fault
		if !errors.As(err, &f) || f.StatusCode() != 403 {
			t.Errorf("%q: %v, want a refusal", bad, err)
		}
	}

	r = request(t)
	r.Header.Set("X-Amz-Date", sigv4.Date(signedAt))
	r.Header.Set("X-Amz-Region-Set", "*")
	r.Header.Set("Authorization", "AWS4-ECDSA-P256-SHA256 Credential="+keyID+"/20260504/execute-api/aws4_request, SignedHeaders=host;x-amz-date;x-amz-region-set, Signature=3044")
	for asymmetric, want := range map[bool]string{false: "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'.", true: "The request signature we calculated does not match"} {
		a := iam(reg)
		a.Asymmetric = asymmetric
		var f *gateway.Fault
		if err := a.Do(t.Context(), signedExchange(r, body)); !errors.As(err, &f) || !strings.HasPrefix(f.Text(), want) {
			t.Errorf("version 4A, taken %v: %v", asymmetric, err)
		}
	}
}
