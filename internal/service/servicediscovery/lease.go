package servicediscovery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// An instance with the attribute GATEHOUSE_LEASE is deregistered when there was
// no sign of life for so long: no RegisterInstance with what is there already,
// no UpdateInstanceCustomHealthStatus, no heartbeat. When leases end is kept in
// memory, so that a sign of life writes nothing; after a start all leases begin
// anew.

// leases say when those of instances end.
type leases struct {
	mu    sync.Mutex // guards the field below
	until map[instanceKey]time.Time
	woken chan struct{} // holds a value after the first lease came
}

// renew begins a lease anew; 0: there is none any more.
func (l *leases) renew(k instanceKey, lease time.Duration) {
	if lease == 0 {
		l.end(k)
		return
	}
	l.mu.Lock()
	l.until[k] = time.Now().Add(lease)
	l.mu.Unlock()
	select {
	case l.woken <- struct{}{}:
	default:
	}
}

func (l *leases) end(k instanceKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.until, k)
}

// over tells whether a lease has ended.
func (l *leases) over(k instanceKey, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, ok := l.until[k]
	return ok && !now.Before(t)
}

// due are the instances whose leases have ended, by service, and how many
// leases there are.
func (l *leases) due(now time.Time) (list map[instanceKey][]string, all int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	list = map[instanceKey][]string{}
	for k, t := range l.until {
		if !now.Before(t) {
			srv := instanceKey{scope: k.scope, service: k.service}
			list[srv] = append(list[srv], k.instance)
		}
	}
	return list, len(l.until)
}

// shift makes all leases longer.
func (l *leases) shift(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for k, t := range l.until {
		l.until[k] = t.Add(d)
	}
}

const (
	// leaseTick is how often ends of leases are looked for.
	leaseTick = 250 * time.Millisecond
	// leaseLate is a pause of the whole process, in which signs of life could
	// not be heard: leases do not run on meanwhile.
	leaseLate = 2 * time.Second
	// removedAtOnce bounds the instances that one commit removes.
	removedAtOnce = 25
	// pruneEvery is how often old operations are looked for.
	pruneEvery = time.Minute
)

// Run ends leases and removes old operations until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	for s.beginLeases(ctx) != nil {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
	prune := time.NewTicker(pruneEvery)
	defer prune.Stop()
	last := time.Now()
	var tick <-chan time.Time // nil while there is no lease
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.leases.woken:
			if tick == nil {
				last, tick = time.Now(), time.After(leaseTick)
			}
		case <-tick:
			now := time.Now()
			if late := now.Sub(last) - leaseTick; late > leaseLate {
				s.leases.shift(late)
			}
			last, tick = now, nil
			if s.endLeases(ctx, now) > 0 {
				tick = time.After(leaseTick)
			}
		case <-prune.C:
			s.prune(ctx)
		}
	}
}

// beginLeases begins the leases of all instances that are stored.
func (s *Service) beginLeases(ctx context.Context) error {
	err := eachScope(ctx, s.st, func(sc record.Scope) error {
		rows, err := tablesOf(s.st, sc).instances.All(ctx)
		for i := range rows {
			if d := rows[i].Value.lease(); d > 0 {
				parts := store.Parts(rows[i].ID)
				s.leases.renew(instanceKey{sc, parts[0], parts[1]}, d)
			}
		}
		return err
	})
	if err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrClosed) {
		s.log.Error("cannot read leases", "error", err)
	}
	return err
}

// endLeases deregisters the instances whose leases have ended, and returns how
// many leases there were.
func (s *Service) endLeases(ctx context.Context, now time.Time) int {
	due, all := s.leases.due(now)
	for srv, ids := range due {
		slices.Sort(ids)
		for part := range slices.Chunk(ids, removedAtOnce) {
			if err := s.endLeasesOf(ctx, srv, part, now); err != nil && ctx.Err() == nil {
				s.log.Error("cannot deregister instances whose leases have ended", "service", srv.service, "error", err)
			}
		}
	}
	return all
}

// endLeasesOf deregisters instances of one service.
func (s *Service) endLeasesOf(ctx context.Context, srv instanceKey, ids []string, now time.Time) error {
	ctx = awsrpc.WithCaller(ctx, awsrpc.Caller{Account: srv.scope.Account, Region: srv.scope.Region})
	var gone []string
	done := func() {
		if len(gone) > 0 {
			s.log.Info("leases ended", "service", srv.service, "instances", gone)
		}
		for _, id := range gone {
			s.leases.end(instanceKey{srv.scope, srv.service, id})
		}
	}
	err := s.locked(ctx, srv.service, func(t *tables, c *store.Change, at *service) (func(), error) {
		gone = gone[:0]
		for _, id := range ids {
			if s.leases.over(instanceKey{srv.scope, srv.service, id}, now) { // no sign of life meanwhile
				gone = append(gone, id)
			}
		}
		_, err := removeInstances(ctx, t, c, at, gone)
		return done, err
	})
	if e := (*awsrpc.Error)(nil); errors.As(err, &e) && e.Code == "ServiceNotFound" {
		gone = ids
		done()
		return nil
	}
	return err
}

// prune removes old operations.
func (s *Service) prune(ctx context.Context) {
	err := eachScope(ctx, s.st, func(sc record.Scope) error { return s.pruneOperations(ctx, sc) })
	if err != nil && ctx.Err() == nil {
		s.log.Error("cannot remove old operations", "error", err)
	}
}

// eachScope calls do with each account and Region that has anything.
func eachScope(ctx context.Context, st store.Store, do func(record.Scope) error) error {
	for from := ""; ; {
		page, err := st.List(ctx, "", from, 1)
		if err != nil || len(page.KVs) == 0 {
			return wrap(err)
		}
		sc, after, ok := record.ScopeOf(page.KVs[0].Key)
		if ok {
			if err := do(sc); err != nil {
				return err
			}
		}
		from = after
	}
}

func wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("list accounts: %w", err)
}
