package clientcert

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ocsp"
)

// Bounds of asking a responder.
const (
	responderTime = 5 * time.Second
	maxAnswer     = 64 << 10 // bytes
	maxAnswers    = 10_000   // certificates whose answers are remembered
	// maxClock is how much a responder's clock may be ahead of ours.
	maxClock = 5 * time.Minute
)

// responders remembers what responders of OCSP said of clients' certificates.
type responders struct {
	client *http.Client

	mu      sync.Mutex // guards the field below; never held while asking
	answers map[string]answer
}

type answer struct {
	until time.Time
	err   error
}

// AskResponders makes s ask, for each client's certificate, the responder of
// OCSP that it names. A certificate that names none, and one whose responder
// does not answer, is not trusted.
func (s *Store) AskResponders() {
	s.ocsp = &responders{
		client: &http.Client{
			Timeout: responderTime,
			// The certificate says whom to ask; nobody else does.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		answers: make(map[string]answer),
	}
}

// ask returns nil if the responder of a verified chain's first certificate says
// that it is good, and until when that may be believed.
func (r *responders) ask(chain []*x509.Certificate, now time.Time) (time.Time, error) {
	if len(chain) < 2 {
		return now.Add(goodFor), nil // an authority of the store itself
	}
	leaf, issuer := chain[0], chain[1]
	key := string(leaf.Raw)
	r.mu.Lock()
	known, ok := r.answers[key]
	r.mu.Unlock()
	if ok && now.Before(known.until) {
		return known.until, known.err
	}
	until, err := r.fetch(leaf, issuer, now)
	if err != nil && !errors.Is(err, ErrRevoked) {
		return now.Add(badFor), err // asked again soon
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.answers) >= maxAnswers {
		clear(r.answers)
	}
	r.answers[key] = answer{until, err}
	return until, err
}

func (r *responders) fetch(leaf, issuer *x509.Certificate, now time.Time) (time.Time, error) {
	if len(leaf.OCSPServer) == 0 {
		return now, fmt.Errorf("%w: it names no responder of OCSP", ErrUnknown)
	}
	question, err := ocsp.CreateRequest(leaf, issuer, nil)
	if err != nil {
		return now, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	address := leaf.OCSPServer[0]
	if !strings.HasPrefix(address, "http://") && !strings.HasPrefix(address, "https://") {
		return now, fmt.Errorf("%w: the address of its responder is no URL of HTTP", ErrUnknown)
	}
	text, err := r.post(address, question)
	if err != nil {
		return now, fmt.Errorf("%w: its responder: %w", ErrUnknown, err)
	}
	resp, err := ocsp.ParseResponseForCert(text, leaf, issuer)
	if err != nil {
		return now, fmt.Errorf("%w: its responder's answer: %w", ErrUnknown, err)
	}
	return judge(resp, issuer, now)
}

func (r *responders) post(address string, question []byte) ([]byte, error) {
	req, err := http.NewRequest(http.MethodPost, address, bytes.NewReader(question))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/ocsp-request")
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // the body was read, or its error is returned
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(text) > maxAnswer {
		err = fmt.Errorf("more than %d bytes", maxAnswer)
	}
	return text, err
}

// judge decides on an answer whose signature was verified.
//
// RFC 6960 §4.2.2.2: who signs in the name of the issuer must be certified for
// it, which the parser does not check; else everybody with a certificate of the
// issuer could say that it is good.
func judge(resp *ocsp.Response, issuer *x509.Certificate, now time.Time) (time.Time, error) {
	if c := resp.Certificate; c != nil && !bytes.Equal(c.Raw, issuer.Raw) {
		if !slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning) || now.Before(c.NotBefore) || now.After(c.NotAfter) {
			return now, fmt.Errorf("%w: its responder's answer: signed by who may not sign it", ErrUnknown)
		}
	}
	until := resp.NextUpdate
	if until.IsZero() {
		until = resp.ThisUpdate.Add(time.Hour)
	}
	if now.Add(maxClock).Before(resp.ThisUpdate) || !now.Before(until) {
		return now, fmt.Errorf("%w: its responder's answer is not of this time", ErrUnknown)
	}
	switch resp.Status {
	case ocsp.Good:
		return until, nil
	case ocsp.Revoked:
		return until, ErrRevoked
	}
	return now, fmt.Errorf("%w: its responder does not know it", ErrUnknown)
}
