package sigv4_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/sigv4"
)

// verifyAny is verify of a server that takes version 4A as well.
func verifyAny(q sigv4.Request, body []byte, secret string, now time.Time) (*sigv4.Signature, error) {
	s, err := sigv4.ParseAny(&q)
	if err != nil {
		return nil, err
	}
	return s, s.Verify(&q, body, secret, now)
}

// Requests signed by awscrt 1.29, the signer of boto3.
func TestAsymmetricVectors(t *testing.T) {
	now, cases := vectors(t, "asymmetric")
	if len(cases) != 13 {
		t.Fatalf("%d vectors, want 13", len(cases))
	}
	for _, v := range cases {
		t.Run(v.Name, func(t *testing.T) {
			s, err := verifyAny(v.request(), []byte(v.Body), v.Secret, now)
			if err != nil {
				t.Fatalf("%s %s: %v", v.Method, v.Target, err)
			}
			if s.SessionToken != v.Token {
				t.Errorf("session token = %q, want %q", s.SessionToken, v.Token)
			}
			if !s.InRegion("eu-west-1") {
				t.Error("it is not for eu-west-1")
			}
			if wide := strings.Contains(v.Name, "all") || strings.Contains(v.Name, "session") || strings.Contains(v.Name, "other") || strings.Contains(v.Name, "unsigned"); s.InRegion("ap-south-1") != wide {
				t.Errorf("InRegion(ap-south-1) = %v", !wide)
			}
			if _, err := verify(v.request(), []byte(v.Body), v.Secret, now); err == nil {
				t.Error("Parse takes version 4A")
			}
			if _, err := verifyAny(v.request(), []byte(v.Body), v.Secret+"x", now); err == nil {
				t.Error("verifies with another secret")
			}
			if _, err := verifyAny(v.request(), append([]byte(v.Body), 0), v.Secret, now); err == nil && !strings.Contains(v.Name, "unsigned") {
				t.Error("verifies with another body")
			}
			if _, err := verifyAny(v.request(), []byte(v.Body), v.Secret, now.Add(6*time.Minute)); err == nil {
				t.Error("verifies six minutes later")
			}
		})
	}
}

func TestAsymmetricMutations(t *testing.T) {
	now, cases := vectors(t, "asymmetric")
	rnd := rand.New(rand.NewPCG(3, 4))
	tried := 0
	for _, v := range cases {
		keys := new(sigv4.KeyCache)
		for range 200 {
			q, body := v.request(), []byte(v.Body)
			unsigned := strings.Contains(v.Name, "unsigned") && len(body) > 0
			if !mutate(rnd, &q, &body) || same(q, v.request()) && (string(body) == v.Body || unsigned) {
				continue
			}
			tried++
			s, err := sigv4.ParseAny(&q)
			if err != nil {
				continue
			}
			if _, of := v.claim(t); s.AccessKey != of {
				continue // looking up the secret covers it
			}
			if err := s.VerifyCached(&q, body, v.Secret, now, keys); err == nil {
				t.Errorf("%s: mutated request verifies:\n got %+v %q\nwant refusal", v.Name, q, body)
			}
		}
	}
	if tried < 1500 {
		t.Errorf("only %d mutations were tried", tried)
	}
	t.Logf("%d mutated requests refused", tried)
}

// claim returns the signature and access key of a vector as it is.
func (v vector) claim(t *testing.T) (*sigv4.Signature, string) {
	t.Helper()
	q := v.request()
	s, err := sigv4.ParseAny(&q)
	if err != nil {
		t.Fatal(err)
	}
	return s, s.AccessKey
}

func TestAsymmetricRefused(t *testing.T) {
	now, cases := vectors(t, "asymmetric")
	v := cases[0]
	header := func(change func(name, value string) (string, bool)) sigv4.Request {
		q := v.request()
		q.Header = slices.DeleteFunc(q.Header, func(f sigv4.Field) bool { _, keep := change(f.Name, f.Value); return !keep })
		for i := range q.Header {
			q.Header[i].Value, _ = change(q.Header[i].Name, q.Header[i].Value)
		}
		return q
	}
	auth := func(old, new string) sigv4.Request {
		return header(func(name, value string) (string, bool) {
			if name == "Authorization" {
				value = strings.Replace(value, old, new, 1)
			}
			return value, true
		})
	}
	upper := header(func(name, value string) (string, bool) {
		if head, mac, ok := strings.Cut(value, "Signature="); ok {
			value = head + "Signature=" + strings.ToUpper(mac)
		}
		return value, true
	})
	for _, tt := range []struct {
		name string
		q    sigv4.Request
	}{
		{"without a region set", header(func(name, value string) (string, bool) { return value, !strings.EqualFold(name, "x-amz-region-set") })},
		{"another region set", header(func(name, value string) (string, bool) {
			if strings.EqualFold(name, "x-amz-region-set") {
				value = "eu-west-1"
			}
			return value, true
		})},
		{"region set not signed", auth("x-amz-region-set", "x-amz-region-sett")},
		{"a Region in the scope", auth("/execute-api/", "/eu-west-1/execute-api/")},
		{"said to be of version 4", auth("AWS4-ECDSA-P256-SHA256", "AWS4-HMAC-SHA256")},
		{"the signature in upper case", upper},
		{"the signature empty", auth("Signature=30", "Signature=")},
		{"bytes behind the signature", header(func(name, value string) (string, bool) {
			if name == "Authorization" {
				value += "00"
			}
			return value, true
		})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := verifyAny(tt.q, []byte(v.Body), v.Secret, now); err == nil {
				t.Error("it verifies")
			}
		})
	}
}
