package upstreamtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"
)

// An Authority signs certificates for tests.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewAuthority makes an authority with a root of its own.
func NewAuthority(t testing.TB, name string) *Authority {
	a := &Authority{key: newKey(t)}
	a.cert = sign(t, &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}, nil, a.key, a.key)
	return a
}

// Pool returns a pool with the authority's root.
func (a *Authority) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// Root returns the authority's own certificate, in DER.
func (a *Authority) Root() []byte { return a.cert.Raw }

// A Leaf says what certificate is wanted.
type Leaf struct {
	Host       string // a name or an address
	Expired    bool
	SelfSigned bool // the authority has no part in it
	WithRoot   bool // the authority's root follows it
}

// Issue makes the certificate l.
func (a *Authority) Issue(t testing.TB, l Leaf) *tls.Certificate {
	key := newKey(t)
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "leaf of " + l.Host},
		NotBefore:   time.Now().Add(-time.Hour),
		NotAfter:    time.Now().Add(time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if ip := net.ParseIP(l.Host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{l.Host}
	}
	if l.Expired {
		template.NotAfter = time.Now().Add(-time.Minute)
	}
	var leaf *x509.Certificate
	if l.SelfSigned {
		leaf = sign(t, template, nil, key, key)
	} else {
		leaf = sign(t, template, a.cert, key, a.key)
	}
	c := &tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
	if l.WithRoot {
		c.Certificate = append(c.Certificate, a.cert.Raw)
	}
	return c
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sign signs template by parent, or by itself.
func sign(t testing.TB, template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = serial
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// OverTLS runs a script over TLS.
func OverTLS(cfg *tls.Config, script Script) Script {
	return func(c *Conn) {
		tc := tls.Server(c.Conn, cfg)
		if tc.Handshake() == nil {
			c.Conn = tc
			c.br.Reset(tc)
			script(c)
			_ = tc.Close()
		}
	}
}
