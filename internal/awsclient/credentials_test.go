package awsclient

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/sigv4"
)

// A clock of credentials: each fetch gives others that live an hour.
type mint struct {
	mu      sync.Mutex
	fetches int
	err     error
	slow    time.Duration
	told    []error
}

func (m *mint) failed(err error) { m.told = append(m.told, err) }

func (m *mint) fetch(ctx context.Context) (Credentials, error) {
	time.Sleep(m.slow)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fetches++
	if m.err != nil {
		return Credentials{}, m.err
	}
	return Credentials{Key: sigv4.Key{AccessKey: string(rune('A' + m.fetches - 1))}, Expires: time.Now().Add(time.Hour)}, nil
}

func (m *mint) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

func TestKeptRenewsEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mint{slow: time.Second}
		k := newKept("test", m.fetch, m.failed)
		expect := func(key string, fetches int) {
			t.Helper()
			cred, err := k.Credentials(t.Context())
			if err != nil || cred.Key.AccessKey != key || m.fetches != fetches {
				t.Errorf("after %d fetches: %v, %v; want %s after %d", m.fetches, cred, err, key, fetches)
			}
		}
		var all sync.WaitGroup
		for range 50 { // all wait for the one fetch
			all.Go(func() { _, _ = k.Credentials(t.Context()) })
		}
		all.Wait()
		expect("A", 1)
		time.Sleep(50 * time.Minute)
		k.renew(t.Context(), time.Now())
		expect("A", 1)
		time.Sleep(6 * time.Minute) // less than five minutes are left
		m.fail(errors.New("down"))
		k.renew(t.Context(), time.Now())
		if len(m.told) != 1 || !errors.Is(m.told[0], ErrCredentials) {
			t.Errorf("told of %v", m.told)
		}
		expect("A", 2) // they serve to their end
		m.fail(nil)
		k.renew(t.Context(), time.Now())
		expect("C", 3)
		time.Sleep(61 * time.Minute) // nobody renewed: who asks waits
		expect("D", 4)
		time.Sleep(3 * time.Hour)
		if !k.forgotten(time.Now()) {
			t.Error("not forgotten")
		}
	})
}

// Whoever leaves does not take the fetch away from those who stay.
func TestKeptFetchOutlivesItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mint{slow: time.Second}
		k := newKept("test", m.fetch, m.failed)
		ctx, leave := context.WithCancel(t.Context())
		go func() { _, _ = k.Credentials(ctx) }()
		synctest.Wait()
		leave()
		if cred, err := k.Credentials(t.Context()); err != nil || cred.Key.AccessKey != "A" {
			t.Errorf("got %v, %v", cred, err)
		}
	})
}

func TestKeptAllocs(t *testing.T) {
	k := newKept("test", new(mint).fetch, nil)
	if _, err := k.Credentials(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(1000, func() { _, _ = k.Credentials(t.Context()) }); n != 0 {
		t.Errorf("taking credentials allocates %v times, budget 0", n)
	}
}
