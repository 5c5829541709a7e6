package awsclient

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"gatehouse/internal/sigv4"
)

// Credentials are what requests are signed with.
type Credentials struct {
	Key     sigv4.Key
	Expires time.Time // zero: never

	keys *sigv4.KeyCache // of Key; nil: nothing is remembered
}

// A Source gives credentials.
type Source interface {
	// Credentials returns credentials that are valid now. It is called for every
	// request, from any number of goroutines, and waits only where there are
	// none yet. The error is an [ErrCredentials].
	Credentials(ctx context.Context) (Credentials, error)
}

// ErrCredentials is why nothing could be signed.
var ErrCredentials = errors.New("no credentials")

// fixed are credentials that never change.
type fixed Credentials

// Credentials implements Source.
func (f fixed) Credentials(context.Context) (Credentials, error) { return Credentials(f), nil }

// none is the source of a server that must not sign anything.
type none struct{}

// Credentials implements Source.
func (none) Credentials(context.Context) (Credentials, error) {
	return Credentials{}, fmt.Errorf("%w: the configuration says aws-credentials: none", ErrCredentials)
}

const (
	// earlyBy is how long before their end credentials are renewed. Those of a
	// role live for an hour, those of an instance change some five minutes
	// before.
	earlyBy = 5 * time.Minute
	// lookAgain is how long credentials without an end are used before their
	// source is read again: a file may have been changed.
	lookAgain = 5 * time.Minute
	// failedFor is how long a failure is the answer to all who ask.
	failedFor = time.Second
	// fetchTime bounds one fetch: whoever waits for it has a client that waits.
	fetchTime = 10 * time.Second
	// unusedFor is how long a source may go unused before it is not renewed any
	// more.
	unusedFor = 2 * time.Hour
)

// A kept source fetches credentials when they are asked for first, and holds
// them. Its owner renews them; should that fail, they serve to their end.
type kept struct {
	name  string // for errors
	fetch func(context.Context) (Credentials, error)
	// failed is told why a fetch failed. Whoever waits for it only tells a
	// client that something did.
	failed func(error)

	now  atomic.Pointer[held]
	used atomic.Int64  // Unix time, in seconds
	turn chan struct{} // holds a value while a fetch is under way: one at a time
}

// held is the outcome of the last fetch that said something new.
type held struct {
	Credentials
	at  time.Time
	err error
}

func (h *held) usable(now time.Time) bool {
	return h != nil && h.err == nil && (h.Expires.IsZero() || now.Before(h.Expires))
}

func newKept(name string, fetch func(context.Context) (Credentials, error), failed func(error)) *kept {
	k := &kept{name: name, fetch: fetch, failed: failed, turn: make(chan struct{}, 1)}
	k.used.Store(time.Now().Unix())
	return k
}

// Credentials implements Source.
func (k *kept) Credentials(ctx context.Context) (Credentials, error) {
	now := time.Now()
	if sec := now.Unix(); k.used.Load() != sec {
		k.used.Store(sec)
	}
	if h := k.now.Load(); h.usable(now) {
		return h.Credentials, nil
	}
	return k.refresh(ctx, func(h *held, now time.Time) bool {
		return h.usable(now) || h != nil && h.err != nil && now.Sub(h.at) < failedFor
	})
}

// renew fetches credentials that are about to end, if they are used at all.
// Should that fail, those there are stay in use until they end.
func (k *kept) renew(ctx context.Context, now time.Time) {
	if h := k.now.Load(); h != nil && h.err == nil && !h.fresh(now) {
		_, _ = k.refresh(ctx, (*held).fresh) // it was told what failed
	}
}

func (h *held) fresh(now time.Time) bool {
	if h == nil || h.err != nil {
		return false
	}
	if h.Expires.IsZero() {
		return now.Sub(h.at) < lookAgain
	}
	return now.Before(h.Expires.Add(-earlyBy))
}

// forgotten tells whether nobody asked for a long time.
func (k *kept) forgotten(now time.Time) bool {
	return now.Unix()-k.used.Load() > int64(unusedFor/time.Second)
}

// refresh fetches anew, unless another fetch has left behind what is good
// enough meanwhile.
func (k *kept) refresh(ctx context.Context, enough func(*held, time.Time) bool) (Credentials, error) {
	select {
	case k.turn <- struct{}{}:
	case <-ctx.Done():
		return Credentials{}, fmt.Errorf("%w of %s: %w", ErrCredentials, k.name, ctx.Err())
	}
	defer func() { <-k.turn }()
	if h := k.now.Load(); enough(h, time.Now()) {
		return h.Credentials, h.err
	}
	// Others wait for this fetch too: that the client it is made for has left
	// must not end it.
	fetching, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTime)
	defer cancel()
	cred, err := k.fetch(fetching)
	now := time.Now()
	if err == nil && !cred.Expires.IsZero() && !now.Before(cred.Expires) {
		err = errors.New("they have ended already")
	}
	if err != nil {
		err = fmt.Errorf("%w of %s: %w", ErrCredentials, k.name, err)
		k.failed(err)
		if !k.now.Load().usable(now) {
			k.now.Store(&held{at: now, err: err})
		}
		return Credentials{}, err
	}
	cred.keys = new(sigv4.KeyCache)
	k.now.Store(&held{Credentials: cred, at: now})
	return cred, nil
}
