package clientcert

import (
	"crypto/x509"
	"encoding/pem"
	"sync"
	"time"
)

// A Shown is what the client of one connection has shown. It is safe for the
// requests of the connection, which may run at once.
type Shown struct {
	Chain []*x509.Certificate // the client's own first

	mu       sync.Mutex // guards the field below; held while a responder is asked, which the others need too
	verdicts []verdict

	once sync.Once
	text Text
}

// A verdict is what a store said.
type verdict struct {
	store *Store
	until time.Time
	err   error
}

// maxVerdicts bounds what a connection remembers: one for each domain that it
// has asked for, and one of the listener.
const maxVerdicts = 8

// Show returns what a client has shown; nil for nothing.
func Show(chain []*x509.Certificate) *Shown {
	if len(chain) == 0 {
		return nil
	}
	return &Shown{Chain: chain}
}

// Check returns nil if store trusts the certificate as of now. A nil Shown is a
// client that showed none. It may wait for a responder of OCSP, at most
// [responderTime]; what it says counts for all requests of the connection, so that
// none of them can give it up.
func (p *Shown) Check(store *Store, now time.Time) error {
	if p == nil {
		return ErrMissing
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	free := -1
	for i := range p.verdicts {
		v := &p.verdicts[i]
		if v.store == store && now.Before(v.until) {
			return v.err
		}
		if v.store == store || !now.Before(v.until) {
			free = i
		}
	}
	until, err := store.check(p.Chain, now)
	v := verdict{store, until, err}
	switch {
	case free >= 0:
		p.verdicts[free] = v
	case len(p.verdicts) < maxVerdicts:
		p.verdicts = append(p.verdicts, v)
	default:
		p.verdicts[0] = v
	}
	return err
}

// A Text is what a certificate says, as events and variables have it.
type Text struct {
	PEM, Subject, Issuer, Serial, NotBefore, NotAfter string
}

// validTime is the form of times.
//
// AWS: authorizers.md §8.
const validTime = "Jan _2 15:04:05 2006 GMT"

// Text returns what the client's certificate says.
func (p *Shown) Text() *Text {
	p.once.Do(func() {
		c := p.Chain[0]
		p.text = Text{
			PEM:     string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})),
			Subject: name(c.RawSubject), Issuer: name(c.RawIssuer), Serial: serial(c.SerialNumber.Bytes()),
			NotBefore: c.NotBefore.UTC().Format(validTime), NotAfter: c.NotAfter.UTC().Format(validTime),
		}
	})
	return &p.text
}

// serial writes a number in hex, a colon between bytes.
//
// AWS: authorizers.md §8; in published examples a small one is "1".
func serial(b []byte) string {
	const hex = "0123456789abcdef"
	switch {
	case len(b) == 0:
		return "0"
	case len(b) == 1 && b[0] < 16:
		return hex[b[0] : b[0]+1]
	}
	dst := make([]byte, 0, 3*len(b))
	for i, c := range b {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = append(dst, hex[c>>4], hex[c&15])
	}
	return string(dst)
}
