package clientcert

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// Bounds of a trust store. AWS: custom-domains.md §4.3.
const (
	MaxStore        = 1 << 20 // bytes
	maxCertificates = 1000
)

// A Store is a trust store. It does not change; [Store.Revocations] and
// [Store.AskResponders] belong to its making.
type Store struct {
	all     []*x509.Certificate
	roots   *x509.CertPool // who needs nobody above
	between *x509.CertPool // who is trusted because of them
	lists   []*list
	revoked bool // lists must cover every issuer
	ocsp    *responders
}

// Nobody returns a store that trusts nobody.
func Nobody() *Store {
	return &Store{roots: x509.NewCertPool(), between: x509.NewCertPool()}
}

// ParseStore makes a store of certificates in PEM. Revocation lists may stand
// among them: see [Store.Revocations]. Warnings tell which certificates are of no
// use; an error is that none is, or that text is no list of certificates.
func ParseStore(text []byte) (s *Store, warnings []string, err error) {
	if len(text) > MaxStore {
		return nil, nil, fmt.Errorf("larger than %d bytes", MaxStore)
	}
	s = Nobody()
	var lists [][]byte
	for rest := text; ; {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil {
			if trailing := bytes.TrimSpace(rest); bytes.Contains(trailing, []byte("-----BEGIN")) {
				return nil, nil, fmt.Errorf("after %d certificates: not understood: want certificates in PEM", len(s.all))
			}
			break
		}
		if block.Type == listType {
			lists = append(lists, block.Bytes)
			continue
		}
		if block.Type != "CERTIFICATE" {
			return nil, nil, fmt.Errorf("a %s among the certificates: want certificates, and revocation lists", block.Type)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, nil, fmt.Errorf("certificate %d: %w", len(s.all)+1, err)
		}
		if s.all = append(s.all, c); len(s.all) > maxCertificates {
			return nil, nil, fmt.Errorf("more than %d certificates", maxCertificates)
		}
	}
	if len(s.all) == 0 {
		return nil, nil, errors.New("no certificates: want at least one of an authority, in PEM")
	}
	usable := 0
	for i, c := range s.all {
		if why := s.add(c); why != "" {
			warnings = append(warnings, fmt.Sprintf("Certificate %d (%s) %s", i+1, name(c.RawSubject), why))
			continue
		}
		usable++
	}
	if usable == 0 {
		return nil, nil, fmt.Errorf("no usable certificates: %s", warnings[0])
	}
	if len(lists) > 0 {
		if err := s.addLists(lists); err != nil {
			return nil, nil, err
		}
	}
	return s, warnings, nil
}

// add sorts a certificate in. It tells why it is of no use.
func (s *Store) add(c *x509.Certificate) (why string) {
	switch {
	case !c.BasicConstraintsValid || !c.IsCA:
		return "is not that of an authority"
	case checkKey(c) != nil:
		return "has a key that is not allowed: RSA of 2048 bits or more, ECDSA on P-256 or P-384"
	case time.Now().After(c.NotAfter):
		return "has expired"
	}
	if bytes.Equal(c.RawSubject, c.RawIssuer) {
		s.roots.AddCert(c)
		return ""
	}
	// AWS: custom-domains.md §4.3: the store has complete chains, to the root.
	issued := false
	for _, above := range s.all {
		issued = issued || bytes.Equal(above.RawSubject, c.RawIssuer) && c.CheckSignatureFrom(above) == nil
	}
	if !issued {
		return "has an issuer that is not in the store"
	}
	s.between.AddCert(c)
	return ""
}

// maxHint bounds the authorities that clients are told of, so that what the
// server says in the handshake stays small.
const maxHint = 100

// Hint are the authorities to tell clients of, so that they know which
// certificate to show; nil: too many.
func (s *Store) Hint() *x509.CertPool {
	if len(s.all) > maxHint {
		return nil
	}
	pool := x509.NewCertPool()
	for _, c := range s.all {
		pool.AddCert(c)
	}
	return pool
}

// How long a verdict holds at most, before it is asked for anew: what is good
// may be revoked, and what could not be found out may be known soon.
const (
	goodFor = 5 * time.Minute
	badFor  = 5 * time.Second
)

// check verifies what a client showed, and says until when the verdict holds.
func (s *Store) check(shown []*x509.Certificate, now time.Time) (until time.Time, err error) {
	chain, err := s.verify(shown, now)
	if err != nil {
		return now.Add(badFor), err
	}
	until = now.Add(goodFor)
	for _, c := range chain {
		until = earlier(until, c.NotAfter)
	}
	if s.revoked {
		listed, err := s.checkLists(chain, now)
		if err != nil {
			return now.Add(badFor), err
		}
		until = earlier(until, listed)
	}
	if s.ocsp != nil {
		answered, err := s.ocsp.ask(chain, now)
		if err != nil {
			return now.Add(badFor), err
		}
		until = earlier(until, answered)
	}
	return until, nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
