package jwt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// An Issuer verifies the tokens of one identity provider. It is safe for any
// number of goroutines.
type Issuer struct {
	url    string
	fetch  Fetcher
	leeway time.Duration

	keys  atomic.Pointer[keySet]      // nil: never fetched
	known atomic.Pointer[knownHeader] // of the last token that was verified; nil: none was

	mu      sync.Mutex    // guards the fields below; never held while calling out
	running chan struct{} // closed when the fetch under way has ended; nil: none is
	tried   time.Time     // when the last fetch began
	err     error         // of the last fetch; nil: it succeeded
}

// How often keys are fetched. An issuer is asked at most once in retryAfter,
// whatever tokens say.
//
// AWS: authorizers.md §4: keys are kept for two hours.
const (
	keysLast   = 2 * time.Hour
	retryAfter = 30 * time.Second
)

// ErrWouldFetch is that a token is not to be verified by the keys that are there.
var ErrWouldFetch = errors.New("the issuer's keys would have to be fetched")

// Verify checks a token: its form, its signature by a key of the issuer, the
// algorithm against those allowed, iss, exp, nbf and iat. All other claims are
// for the caller to check. Errors are those of this package.
func (is *Issuer) Verify(ctx context.Context, token string, allowed []string, now time.Time) (*Token, error) {
	h, p, err := is.read(token, allowed)
	if err != nil {
		return nil, err
	}
	set, key, err := is.find(ctx, &h, now)
	if err != nil {
		return nil, err
	}
	return is.verify(set, key, &h, &p, now)
}

// VerifyPromptly is Verify by the keys that are there. It never waits: where
// Verify would ask the issuer, the error is ErrWouldFetch.
func (is *Issuer) VerifyPromptly(token string, allowed []string, now time.Time) (*Token, error) {
	h, p, err := is.read(token, allowed)
	if err != nil {
		return nil, err
	}
	set, key := is.kept(&h, now)
	if key == nil {
		return nil, ErrWouldFetch
	}
	return is.verify(set, key, &h, &p, now)
}

// read takes a token apart whose algorithm is allowed, and which names a key.
func (is *Issuer) read(token string, allowed []string) (header, parts, error) {
	h, p, err := parse(token, is.known.Load())
	if err != nil {
		return h, p, err
	}
	if _, known := algorithms[h.Algorithm]; !known || !slices.Contains(allowed, h.Algorithm) {
		return h, p, ErrAlgorithm
	}
	if h.KeyID == "" || len(h.KeyID) > maxKeyID {
		return h, p, ErrKey
	}
	return h, p, nil
}

// verify checks a token that claims to be signed by a key of a set.
func (is *Issuer) verify(set *keySet, key any, h *header, p *parts, now time.Time) (*Token, error) {
	if !verifies(key, h.Algorithm, p.signed, p.signature) {
		return nil, ErrSignature
	}
	if p.header != "" {
		is.known.Store(&knownHeader{strings.Clone(p.header), *h})
	}
	t := &Token{set: set, issuer: is}
	var err error
	if t.Claims, err = parseClaims(p.payload); err != nil {
		return nil, err
	}
	return t, t.check(now)
}

// check checks the claims that every token has.
//
// AWS: authorizers.md §4: iat and nbf must not be in the future.
func (t *Token) check(now time.Time) (err error) {
	if iss, ok := t.Text("iss"); !ok || iss != t.issuer.url {
		return ErrIssuer
	}
	if t.Expires, err = t.seconds("exp"); err != nil {
		return err
	}
	notBefore, err := t.seconds("nbf")
	if err != nil {
		return err
	}
	issued, err := t.seconds("iat")
	soon := now.Add(t.issuer.leeway)
	switch {
	case err != nil:
		return err
	case t.Expires.IsZero(): // a token for ever is none
		return fmt.Errorf("%w: it has no exp", ErrMalformed)
	case !t.unexpired(now):
		return ErrExpired
	case soon.Before(notBefore) || soon.Before(issued):
		return ErrNotYet
	}
	return nil
}

// unexpired tells whether the token has not expired.
func (t *Token) unexpired(now time.Time) bool { return now.Before(t.Expires.Add(t.issuer.leeway)) }

// keeps tells whether the keys of a set are still those of the issuer, as far
// as is known.
func (is *Issuer) keeps(set *keySet, now time.Time) bool {
	current := is.keys.Load()
	return current != nil && (current == set || current.same == set.same) && now.Before(current.until)
}

// find finds the key of a token. It fetches the keys if they are old, or if
// none of them fits and the issuer was not asked just now.
func (is *Issuer) find(ctx context.Context, h *header, now time.Time) (*keySet, any, error) {
	set, key := is.kept(h, now)
	if key != nil {
		return set, key, nil
	}
	err := is.refresh(ctx, now)
	if set = is.keys.Load(); set != nil {
		if key := set.find(h); key != nil {
			return set, key, nil // an issuer that is down: what it said last counts
		}
	}
	if set == nil || err != nil {
		if err == nil {
			err = ErrUnavailable
		}
		return nil, nil, err
	}
	return nil, nil, ErrKey
}

// kept finds the key of a token among those that are there and not old.
func (is *Issuer) kept(h *header, now time.Time) (*keySet, any) {
	set := is.keys.Load()
	if set == nil || !now.Before(set.until) {
		return nil, nil
	}
	return set, set.find(h)
}

// refresh fetches the keys, unless they were fetched just now: one fetch for all
// who want one. It returns how the last one went.
func (is *Issuer) refresh(ctx context.Context, now time.Time) error {
	is.mu.Lock()
	if running := is.running; running != nil {
		is.mu.Unlock()
		select {
		case <-running:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
		}
		is.mu.Lock()
		defer is.mu.Unlock()
		return is.err
	}
	if !is.tried.IsZero() && now.Sub(is.tried) < retryAfter {
		defer is.mu.Unlock()
		return is.err
	}
	done := make(chan struct{})
	is.running, is.tried = done, now
	is.mu.Unlock()

	set, err := is.fetchKeys(context.WithoutCancel(ctx), now)
	is.mu.Lock()
	defer is.mu.Unlock()
	is.running, is.err = nil, err
	if err == nil {
		if old := is.keys.Load(); old != nil && old.text == set.text {
			set.same = old.same
		}
		is.keys.Store(set)
	} else if old := is.keys.Load(); old != nil {
		// What is known counts on, and tokens verified by it, until the next try.
		longer := *old
		longer.until = now.Add(retryAfter)
		is.keys.Store(&longer)
	}
	close(done)
	return err
}

// Issuers keeps issuers by URL. Its zero value has none, and fetches by
// [NewFetcher].
type Issuers struct {
	Fetch Fetcher // nil: NewFetcher's
	// Leeway is how far the clocks of issuers may be from ours.
	Leeway time.Duration

	mu  sync.Mutex // guards all
	all map[string]*Issuer
}

// Issuer returns the issuer with a URL, which is what its tokens name in iss.
func (is *Issuers) Issuer(url string) *Issuer {
	is.mu.Lock()
	defer is.mu.Unlock()
	if found := is.all[url]; found != nil {
		return found
	}
	if is.all == nil {
		is.all = make(map[string]*Issuer)
	}
	if is.Fetch == nil {
		is.Fetch = NewFetcher()
	}
	made := &Issuer{url: url, fetch: is.Fetch, leeway: is.Leeway}
	is.all[url] = made
	return made
}

// Retain forgets all issuers but those in use.
func (is *Issuers) Retain(inUse map[string]bool) {
	is.mu.Lock()
	defer is.mu.Unlock()
	for url := range is.all {
		if !inUse[url] {
			delete(is.all, url)
		}
	}
}
