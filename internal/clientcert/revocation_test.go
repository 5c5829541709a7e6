package clientcert_test

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"gatehouse/internal/clientcert"
)

func crl(t *testing.T, by *party, next time.Time, revoked ...*party) []byte {
	t.Helper()
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: now.Add(-time.Hour), NextUpdate: next}
	for _, p := range revoked {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: p.cert.SerialNumber, RevocationTime: now})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, by.cert, by.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func crlPEM(ders ...[]byte) []byte {
	var b []byte
	for _, der := range ders {
		b = append(b, pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})...)
	}
	return b
}

func TestRevocationLists(t *testing.T) {
	root := issue(t, "root", nil, key256(t), authority)
	middle := issue(t, "middle", root, key256(t), authority)
	foreign := issue(t, "root", nil, key256(t), authority)
	good, bad, below := issue(t, "good", root, key256(t)), issue(t, "bad", root, key256(t)), issue(t, "below", middle, key256(t))
	later, past := now.Add(time.Hour), now.Add(-time.Minute)
	for _, tt := range []struct {
		name  string
		lists []byte
		shown *clientcert.Shown
		want  error
	}{
		{"not on it", crlPEM(crl(t, root, later, bad)), show(good), nil},
		{"in DER", crl(t, root, later, bad), show(good), nil},
		{"on it", crlPEM(crl(t, root, later, bad)), show(bad), clientcert.ErrRevoked},
		{"on one of two", crlPEM(crl(t, root, later), crl(t, root, later, bad)), show(bad), clientcert.ErrRevoked},
		{"lapsed", crlPEM(crl(t, root, past)), show(good), clientcert.ErrUnknown},
		{"on one that has lapsed", crlPEM(crl(t, root, past, bad)), show(bad), clientcert.ErrRevoked},
		{"all issuers have one", crlPEM(crl(t, root, later), crl(t, middle, later)), show(below), nil},
		{"an issuer has none", crlPEM(crl(t, root, later)), show(below), clientcert.ErrUnknown},
		{"the issuer is revoked", crlPEM(crl(t, root, later, middle), crl(t, middle, later)), show(below), clientcert.ErrRevoked},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := storeOf(t, root, middle)
			if err := s.Revocations(tt.lists); err != nil {
				t.Fatal(err)
			}
			if err := tt.shown.Check(s, now); !errors.Is(err, tt.want) {
				t.Errorf("Check = %v, want %v", err, tt.want)
			}
			if !bytes.Contains(tt.lists, []byte("-----BEGIN")) {
				return
			}
			s, _, err := clientcert.ParseStore(slices.Concat(pemOf(root), tt.lists, pemOf(middle)))
			if err != nil {
				t.Fatal(err)
			}
			if err := tt.shown.Check(s, now); !errors.Is(err, tt.want) {
				t.Errorf("Check by a trust store with lists = %v, want %v", err, tt.want)
			}
		})
	}
	for name, text := range map[string][]byte{
		"not understood":           []byte("hello"),
		"no authority of the":      crlPEM(crl(t, foreign, later)),
		"a CERTIFICATE among":      pemOf(root),
		"revocation list 2: not u": append(crlPEM(crl(t, root, later)), crlPEM([]byte("x"))...),
	} {
		if err := storeOf(t, root).Revocations(text); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("Revocations = %v, want %q", err, name)
		}
	}
}

// A responder answers questions of OCSP by a function.
type responder struct {
	*httptest.Server
	asked  atomic.Int32
	answer func(w http.ResponseWriter, q *ocsp.Request)
}

func newResponder(t *testing.T) *responder {
	r := new(responder)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.asked.Add(1)
		body, _ := io.ReadAll(req.Body)
		q, err := ocsp.ParseRequest(body)
		if err != nil {
			t.Error(err)
			return
		}
		r.answer(w, q)
	}))
	t.Cleanup(r.Close)
	return r
}

func TestOCSP(t *testing.T) {
	root := issue(t, "root", nil, key256(t), authority)
	r := newResponder(t)
	named := func(c *x509.Certificate) { c.OCSPServer = []string{r.URL} }
	signer := issue(t, "signer", root, key256(t), func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning} })
	anyone := issue(t, "anyone", root, key256(t))
	stranger := issue(t, "root", nil, key256(t), authority)
	say := func(status int, next time.Time, by, cert *party) func(http.ResponseWriter, *ocsp.Request) {
		return func(w http.ResponseWriter, q *ocsp.Request) {
			a := ocsp.Response{Status: status, SerialNumber: q.SerialNumber, ThisUpdate: now.Add(-time.Hour), NextUpdate: next, RevokedAt: now}
			if cert != nil {
				a.Certificate = cert.cert
			}
			der, err := ocsp.CreateResponse(root.cert, by.cert, a, by.key)
			if err != nil {
				t.Error(err)
			}
			_, _ = w.Write(der)
		}
	}
	later := now.Add(time.Hour)
	raw := func(code int, text string) func(http.ResponseWriter, *ocsp.Request) {
		return func(w http.ResponseWriter, _ *ocsp.Request) { w.WriteHeader(code); _, _ = io.WriteString(w, text) }
	}
	for _, tt := range []struct {
		name   string
		answer func(http.ResponseWriter, *ocsp.Request)
		want   error
		asked  int32 // of two connections
	}{
		{"good", say(ocsp.Good, later, root, nil), nil, 1},
		{"good, by who may sign", say(ocsp.Good, later, signer, signer), nil, 1},
		{"revoked", say(ocsp.Revoked, later, root, nil), clientcert.ErrRevoked, 1},
		{"unknown", say(ocsp.Unknown, later, root, nil), clientcert.ErrUnknown, 2},
		{"lapsed", say(ocsp.Good, now.Add(-time.Minute), root, nil), clientcert.ErrUnknown, 2},
		{"by any client of the authority", say(ocsp.Good, later, anyone, anyone), clientcert.ErrUnknown, 2},
		{"by a stranger", say(ocsp.Good, later, stranger, nil), clientcert.ErrUnknown, 2},
		{"of another certificate", func(w http.ResponseWriter, q *ocsp.Request) {
			q.SerialNumber = big.NewInt(7)
			say(ocsp.Good, later, root, nil)(w, q)
		}, clientcert.ErrUnknown, 2},
		{"status 500", raw(500, ""), clientcert.ErrUnknown, 2},
		{"garbage", raw(200, "yes"), clientcert.ErrUnknown, 2},
		{"endless", raw(200, strings.Repeat("x", 1<<17)), clientcert.ErrUnknown, 2},
		{"try later", raw(200, string(ocsp.TryLaterErrorResponse)), clientcert.ErrUnknown, 2},
		{"elsewhere", func(w http.ResponseWriter, _ *ocsp.Request) {
			w.Header().Set("Location", r.URL)
			w.WriteHeader(307)
		}, clientcert.ErrUnknown, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r.answer = tt.answer
			r.asked.Store(0)
			s := storeOf(t, root)
			s.AskResponders()
			c := issue(t, "c", root, key256(t), named)
			for range 2 {
				if err := show(c).Check(s, now); !errors.Is(err, tt.want) {
					t.Errorf("Check = %v, want %v", err, tt.want)
				}
			}
			if got := r.asked.Load(); got != tt.asked {
				t.Errorf("asked %d times, want %d", got, tt.asked)
			}
		})
	}
	s := storeOf(t, root)
	s.AskResponders()
	r.Close()
	for name, c := range map[string]*party{
		"down":     issue(t, "c", root, key256(t), named),
		"none":     issue(t, "c", root, key256(t)),
		"not HTTP": issue(t, "c", root, key256(t), func(c *x509.Certificate) { c.OCSPServer = []string{"ldap://x"} }),
	} {
		if err := show(c).Check(s, now); !errors.Is(err, clientcert.ErrUnknown) {
			t.Errorf("%s: Check = %v, want %v", name, err, clientcert.ErrUnknown)
		}
	}
}
