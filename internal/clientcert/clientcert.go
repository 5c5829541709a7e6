// Package clientcert tells whether the certificate that a client shows is to be
// trusted, and what it says.
//
// A [Store] is a trust store: the certificates of the authorities whose clients
// are let in, with what they have revoked. What a client showed is a [Shown],
// one for each connection, which remembers what stores said of it. A [Rule] is
// what one listener asks of its clients. The package knows nothing of requests:
// that a certificate is needed, and what follows when it is not good, is the
// business of others.
package clientcert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
)

// Why a certificate is not trusted.
//
// AWS: the words of the first four are those of its execution log ("troubleshoot
// HTTP 403 Forbidden errors from a custom domain name that requires mutual TLS");
// the others are ours.
var (
	//lint:ignore ST1005 Amazon's words
	ErrIssuer = errors.New("Could not find issuer for certificate")
	//lint:ignore ST1005 Amazon's words
	ErrAlgorithm = errors.New("Client cert using an insecure Signature Algorithm")
	ErrSelf      = errors.New("self signed certificate")
	ErrMissing   = errors.New("no client certificate was shown")
	ErrTime      = errors.New("the client certificate or its issuer's is not valid now")
	ErrLong      = errors.New("the chain of the client certificate has more than 4 certificates")
	ErrUse       = errors.New("the client certificate is not for authenticating clients")
	ErrRevoked   = errors.New("the client certificate or its issuer's was revoked")
	ErrUnknown   = errors.New("whether the client certificate was revoked could not be found out")
)

// maxChain bounds a chain, from the client's certificate to the root.
//
// AWS: authorizers.md §8.
const maxChain = 4

// verify looks for a chain from what a client showed, its own certificate
// first, to an authority of s.
func (s *Store) verify(shown []*x509.Certificate, now time.Time) ([]*x509.Certificate, error) {
	if len(shown) == 0 {
		return nil, ErrMissing
	}
	leaf := shown[0]
	if len(shown) > maxChain {
		return nil, ErrLong
	}
	sent := s.between
	if len(shown) > 1 {
		sent = s.between.Clone()
		for _, c := range shown[1:] {
			sent.AddCert(c)
		}
	}
	chains, err := leaf.Verify(x509.VerifyOptions{
		Roots: s.roots, Intermediates: sent, CurrentTime: now,
		// AWS: undocumented whether a certificate for servers is taken; a
		// certificate that names no use is for all.
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return nil, reason(leaf, err)
	}
	err = ErrLong
	for _, chain := range chains {
		if len(chain) > maxChain {
			continue
		}
		if err = checkChain(chain); err == nil {
			return chain, nil
		}
	}
	return nil, err
}

// reason words why x509 refused a certificate.
func reason(leaf *x509.Certificate, err error) error {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var weak x509.InsecureAlgorithmError
	why := ErrIssuer
	switch {
	case errors.As(err, &weak) || insecure(leaf.SignatureAlgorithm):
		why = ErrAlgorithm
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		why = ErrTime
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		why = ErrUse
	case errors.As(err, &unknown) && string(leaf.RawSubject) == string(leaf.RawIssuer):
		why = ErrSelf
	}
	return fmt.Errorf("%w (%s)", why, strings.TrimPrefix(err.Error(), "x509: "))
}

// checkChain refuses what is too weak.
//
// AWS: authorizers.md §8: SHA-256 or stronger, RSA from 2048 bits, ECDSA on P-256
// and P-384. How a root signed itself says nothing about its clients.
func checkChain(chain []*x509.Certificate) error {
	for i, c := range chain {
		if i+1 < len(chain) && insecure(c.SignatureAlgorithm) {
			return ErrAlgorithm
		}
		if err := checkKey(c); err != nil {
			return err
		}
	}
	return nil
}

func insecure(a x509.SignatureAlgorithm) bool {
	switch a {
	case x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA, x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS,
		x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512:
		return false
	}
	return true
}

func checkKey(c *x509.Certificate) error {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() >= 2048 {
			return nil
		}
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() || key.Curve == elliptic.P384() {
			return nil
		}
	}
	return fmt.Errorf("%w (a key that is neither RSA of 2048 bits or more nor ECDSA on P-256 or P-384)", ErrAlgorithm)
}

// A Rule is what a listener asks of all its clients.
type Rule struct {
	// Required: a client without a certificate is refused. Else it is one
	// client among many, but a certificate that is shown must be good.
	Required bool
	store    atomic.Pointer[Store]
}

// Set makes s the trust store of r.
func (r *Rule) Set(s *Store) { r.store.Store(s) }

// Store is the trust store of r.
func (r *Rule) Store() *Store { return r.store.Load() }
