package clientcert

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"time"
)

// MaxLists bounds a file of revocation lists, in bytes: some million entries.
const MaxLists = 64 << 20

// A list is what one authority has revoked.
type list struct {
	issuer  *x509.Certificate
	until   time.Time
	serials map[string]bool
}

// Revocations gives s the revocation lists in text, in PEM or one in DER. From
// then on every certificate of a chain but the root must have been issued by an
// authority with a list that is in force, and must not be on it.
func (s *Store) Revocations(text []byte) error {
	if len(text) > MaxLists {
		return fmt.Errorf("larger than %d bytes", MaxLists)
	}
	var ders [][]byte
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != listType {
			return fmt.Errorf("a %s among the revocation lists", block.Type)
		}
		ders = append(ders, block.Bytes)
	}
	if len(ders) == 0 {
		ders = [][]byte{text}
	}
	return s.addLists(ders)
}

// listType is what PEM calls a revocation list.
const listType = "X509 CRL"

func (s *Store) addLists(ders [][]byte) error {
	for i, der := range ders {
		if err := s.addList(der); err != nil {
			return fmt.Errorf("revocation list %d: %w", i+1, err)
		}
	}
	s.revoked = true
	return nil
}

// partial are extensions of lists: with one of these a list is only a part of what
// its authority has revoked, or not of one authority alone.
var partial = []asn1.ObjectIdentifier{{2, 5, 29, 27}, {2, 5, 29, 28}, {2, 5, 29, 29}}

func (s *Store) addList(der []byte) error {
	crl, err := x509.ParseRevocationList(der)
	if err != nil {
		return fmt.Errorf("not understood: want lists of version 2 in PEM, or one in DER: %w", err)
	}
	for _, e := range crl.Extensions {
		for _, id := range partial {
			if e.Id.Equal(id) && e.Critical {
				return fmt.Errorf("of %s: it is a partial list; want whole ones", name(crl.RawIssuer))
			}
		}
	}
	if crl.NextUpdate.IsZero() {
		return fmt.Errorf("of %s: it does not say until when it is in force", name(crl.RawIssuer))
	}
	l := &list{until: crl.NextUpdate, serials: make(map[string]bool, len(crl.RevokedCertificateEntries))}
	for _, c := range s.all {
		if bytes.Equal(c.RawSubject, crl.RawIssuer) && crl.CheckSignatureFrom(c) == nil {
			l.issuer = c
			break
		}
	}
	if l.issuer == nil {
		return fmt.Errorf("of %s: no authority of the trust store has signed it", name(crl.RawIssuer))
	}
	for i := range crl.RevokedCertificateEntries {
		l.serials[string(crl.RevokedCertificateEntries[i].SerialNumber.Bytes())] = true
	}
	s.lists = append(s.lists, l)
	return nil
}

// checkLists looks up a verified chain in the lists. Of an authority's lists
// those that have lapsed do not count, but what they revoked stays revoked.
func (s *Store) checkLists(chain []*x509.Certificate, now time.Time) (until time.Time, err error) {
	until = now.Add(goodFor)
	for i := range len(chain) - 1 {
		covered := false
		for _, l := range s.lists {
			// The issuer of a list is who has its name and its key.
			if !bytes.Equal(l.issuer.RawSubject, chain[i+1].RawSubject) || !bytes.Equal(l.issuer.RawSubjectPublicKeyInfo, chain[i+1].RawSubjectPublicKeyInfo) {
				continue
			}
			if l.serials[string(chain[i].SerialNumber.Bytes())] {
				return until, ErrRevoked
			}
			if now.Before(l.until) {
				covered = true
				until = earlier(until, l.until)
			}
		}
		if !covered {
			return until, fmt.Errorf("%w: no revocation list in force of %s", ErrUnknown, name(chain[i+1].RawSubject))
		}
	}
	return until, nil
}
