package upstream

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// TLS says how a backend proves who it is, and who it is shown. It is part of
// a [Key]: clusters that differ in it share no connection.
type TLS struct {
	// ServerName is verified in the backend's certificate and sent as SNI;
	// empty: the host.
	ServerName string
	// InsecureSkipVerification accepts certificates of unknown authorities.
	InsecureSkipVerification bool
	// ClientCertificate names the certificate shown to the backend, so that a
	// new one makes a new cluster; empty: none.
	ClientCertificate string
}

// sessionsKept is how many TLS sessions a cluster keeps to resume.
const sessionsKept = 32

func newTLSConfig(k Key, cert *tls.Certificate, roots *x509.CertPool) *tls.Config {
	name := k.TLS.ServerName
	if name == "" {
		name = k.Host
	}
	cfg := &tls.Config{
		ServerName: name,
		RootCAs:    roots,
		NextProtos: []string{"http/1.1"},
		MinVersion: tls.VersionTLS12,
		// A resumed session was verified when it was made, and is forgotten
		// with its cluster.
		ClientSessionCache: tls.NewLRUClientSessionCache(sessionsKept),
	}
	if cert != nil {
		cfg.Certificates = []tls.Certificate{*cert}
	}
	if k.TLS.InsecureSkipVerification {
		cfg.InsecureSkipVerify = true
		cfg.VerifyConnection = func(cs tls.ConnectionState) error {
			return verifyWithoutAuthority(cs, name, roots)
		}
	}
	return cfg
}

var (
	errNoCertificate = errors.New("backend sent no certificate")
	errNoRoot        = errors.New("no certificate authority's root among the certificates")
	errBrokenChain   = errors.New("certificate is not signed by those sent with it")
)

// verifyWithoutAuthority checks what insecureSkipVerification leaves in force.
//
// AWS: "API Gateway still performs basic certificate validation, which
// includes checking the certificate's expiration date, hostname, and presence
// of a root certificate authority" (x-amazon-apigateway-integration.tlsConfig
// object). We take a root for present if it is known here or was sent.
func verifyWithoutAuthority(cs tls.ConnectionState, name string, roots *x509.CertPool) error {
	if len(cs.PeerCertificates) == 0 {
		return errNoCertificate
	}
	leaf, rest := cs.PeerCertificates[0], cs.PeerCertificates[1:]
	if err := leaf.VerifyHostname(name); err != nil {
		return err
	}
	now := time.Now()
	if now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
		return x509.CertificateInvalidError{Cert: leaf, Reason: x509.Expired, Detail: "outside its validity period"}
	}
	sent, own := x509.NewCertPool(), x509.NewCertPool()
	selfSigned := false
	for _, c := range cs.PeerCertificates {
		if bytes.Equal(c.RawSubject, c.RawIssuer) {
			own.AddCert(c)
			selfSigned = true
		}
	}
	for _, c := range rest {
		sent.AddCert(c)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: sent}); err == nil {
		return nil
	}
	if !selfSigned {
		return errNoRoot
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: own, Intermediates: sent}); err != nil {
		return fmt.Errorf("%w: %w", errBrokenChain, err)
	}
	return nil
}

// handshake makes c a TLS connection to a verified backend.
func handshake(ctx context.Context, c net.Conn, cfg *tls.Config) (net.Conn, error) {
	tc := tls.Client(c, cfg)
	err := tc.HandshakeContext(ctx)
	if err == nil {
		return tc, nil
	}
	_ = c.Close()
	if isCertificateError(err) {
		return nil, failure(ErrCertificate, err)
	}
	return nil, err
}

func isCertificateError(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		invalid      x509.CertificateInvalidError
		hostname     x509.HostnameError
		authority    x509.UnknownAuthorityError
	)
	return errors.As(err, &verification) || errors.As(err, &invalid) || errors.As(err, &hostname) ||
		errors.As(err, &authority) || errors.Is(err, errNoRoot) || errors.Is(err, errBrokenChain) ||
		errors.Is(err, errNoCertificate)
}

// config reads the files that t names; nil without t.
func (t *EndpointTLS) config() (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	var roots *x509.CertPool
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
		if roots = x509.NewCertPool(); !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca: %s has no certificate", t.CA)
		}
	}
	k := Key{TLS: TLS{ServerName: t.ServerName, InsecureSkipVerification: t.Insecure}}
	var cert *tls.Certificate
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("cert: %w", err)
		}
		cert = &pair
	}
	return newTLSConfig(k, cert, roots), nil
}

// named returns cfg for a backend of this name, if cfg has none of its own.
func named(cfg *tls.Config, k *Key, opt *EndpointTLS, roots *x509.CertPool) *tls.Config {
	if cfg.ServerName != "" {
		return cfg
	}
	name := k.Host
	cfg = cfg.Clone()
	cfg.ServerName = name
	if opt.Insecure {
		if cfg.RootCAs != nil {
			roots = cfg.RootCAs
		}
		cfg.VerifyConnection = func(cs tls.ConnectionState) error { return verifyWithoutAuthority(cs, name, roots) }
	}
	return cfg
}
