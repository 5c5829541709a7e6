package upstream

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/wire"
)

func idleConn() *conn { return &conn{ClientConn: new(wire.ClientConn)} }

func TestPoolOrder(t *testing.T) {
	p := pool{maxOpen: 10, maxIdle: 2}
	conns := []*conn{idleConn(), idleConn(), idleConn()}
	p.open = 3
	for i, c := range conns {
		if got, want := p.give(c, int64(i)), i < 2; got != want {
			t.Errorf("give %d = %v, want %v", i, got, want)
		}
	}
	c, err := p.take(context.Background(), time.Time{})
	if c != conns[1] || err != nil {
		t.Errorf("take = %p, %v, want the newest, %p", c, err, conns[1])
	}
	if st := p.stats(); st != (Stats{Open: 2, Idle: 1}) {
		t.Errorf("stats = %+v", st)
	}
}

func TestPoolExpire(t *testing.T) {
	p := pool{maxOpen: 10, maxIdle: 10, open: 4}
	conns := []*conn{idleConn(), idleConn(), idleConn(), idleConn()}
	for i, c := range conns {
		p.give(c, int64(i))
	}
	n := 0
	for c := p.expire(2); c != nil; c = c.below {
		if c != conns[1] && c != conns[0] {
			t.Errorf("a connection idle since %d expired", c.idleSince)
		}
		n++
	}
	if st := p.stats(); n != 2 || st != (Stats{Open: 2, Idle: 2}) {
		t.Errorf("expired %d, left %+v; want 2 of 4", n, st)
	}
}

// TestPoolQueue: who waits is served in order, by connections given back and
// by permissions given up, and leaves the queue by deadline and context.
func TestPoolQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool{maxOpen: 1, maxWaiting: 4}
		if c, err := p.take(context.Background(), time.Time{}); c != nil || err != nil {
			t.Fatalf("first take = %v, %v, want a permission", c, err)
		}
		type result struct {
			who int
			c   *conn
			err error
		}
		results := make(chan result, 4)
		wait := func(who int, ctx context.Context, d time.Duration) {
			go func() {
				c, err := p.take(ctx, time.Now().Add(d))
				results <- result{who, c, err}
			}()
			synctest.Wait()
		}
		ctx, cancel := context.WithCancel(context.Background())
		wait(0, context.Background(), time.Second)
		wait(1, ctx, time.Hour)
		wait(2, context.Background(), time.Hour)
		wait(3, context.Background(), time.Hour)
		if _, err := p.take(ctx, time.Now().Add(time.Hour)); !errors.Is(err, ErrOverload) {
			t.Errorf("fifth in a queue of four: %v, want %v", err, ErrOverload)
		}
		if r := <-results; r.who != 0 || !errors.Is(r.err, ErrTimeout) {
			t.Errorf("first to end = %+v, want 0 by its deadline", r)
		}
		cancel()
		if r := <-results; r.who != 1 || !errors.Is(r.err, context.Canceled) {
			t.Errorf("second to end = %+v, want 1 by its context", r)
		}
		back := idleConn()
		p.give(back, 0)
		if r := <-results; r.who != 2 || r.c != back || r.err != nil {
			t.Errorf("third to end = %+v, want 2 with the connection", r)
		}
		p.release()
		if r := <-results; r.who != 3 || r.c != nil || r.err != nil {
			t.Errorf("last to end = %+v, want 3 with a permission", r)
		}
		p.release()
		if st := p.stats(); st != (Stats{}) {
			t.Errorf("afterwards %+v, want nothing", st)
		}
	})
}

// TestPoolBound: a new bound holds for the connections that there are, and lets those in
// who wait.
func TestPoolBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var shared room
		p := pool{maxOpen: 4, maxIdle: 10, maxWaiting: 10, room: &shared, queue: new(room)}
		take := func() *conn {
			c, err := p.take(context.Background(), time.Now().Add(time.Hour))
			if err != nil {
				t.Error(err)
			}
			return c
		}
		for range 4 {
			take()
		}
		check := func(when string, want Stats) {
			t.Helper()
			synctest.Wait()
			if st := p.stats(); st != want || shared.n.Load() != int64(want.Open) {
				t.Fatalf("%s: %+v, %d in all; want %+v", when, st, shared.n.Load(), want)
			}
		}
		p.give(idleConn(), 1)
		p.give(idleConn(), 2)
		surplus := p.bound(1, 10)
		if surplus == nil || surplus.below == nil || surplus.below.below != nil {
			t.Error("want both idle ones to be closed")
		}
		check("one, with two in use", Stats{Open: 2})
		if p.give(idleConn(), 3) {
			t.Error("one too many is kept")
		}
		check("one in use", Stats{Open: 1})

		served := make(chan *conn, 3)
		for range 3 {
			go func() { served <- take() }()
		}
		check("three wait", Stats{Open: 1, Waiting: 3})
		if p.bound(2, 10) != nil {
			t.Error("there is none to close")
		}
		check("two", Stats{Open: 2, Waiting: 2})
		shared.max.Store(1)
		p.release()
		check("one for all pools", Stats{Open: 1, Waiting: 2})
		p.release() // the last one goes on to those who wait
		check("one for all pools, and one waits", Stats{Open: 1, Waiting: 1})
		if !p.give(idleConn(), 4) {
			t.Error("who waits does not get it")
		}
		check("nobody waits", Stats{Open: 1})
		for range 3 {
			<-served
		}
	})
}

// TestFullRoom: who finds no place in a room does not make it look too full.
func TestFullRoom(t *testing.T) {
	var r room
	r.max.Store(1)
	r.take()
	ended := make(chan bool)
	go func() {
		defer close(ended)
		for range 100_000 {
			if r.take() {
				t.Error("there was one place more")
				return
			}
		}
	}()
	for over := false; !over; over = r.over() {
		select {
		case <-ended:
			return
		default:
		}
	}
	t.Error("nobody has made the room smaller, and it is too full")
	<-ended
}

func TestPoolCloseWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool{maxOpen: 1, maxWaiting: 1, open: 1}
		ended := make(chan error)
		go func() {
			_, err := p.take(context.Background(), time.Now().Add(time.Hour))
			ended <- err
		}()
		synctest.Wait()
		p.close()
		if err := <-ended; !errors.Is(err, ErrClosed) {
			t.Errorf("waiting take = %v, want %v", err, ErrClosed)
		}
	})
}

func TestPoolAllocs(t *testing.T) {
	p := pool{maxOpen: 1, maxIdle: 1, open: 1}
	p.give(idleConn(), 0)
	ctx := context.Background()
	if n := testing.AllocsPerRun(1000, func() {
		c, _ := p.take(ctx, time.Time{})
		p.give(c, 0)
	}); n != 0 {
		t.Errorf("take and give allocate %v times, budget 0", n)
	}
}
