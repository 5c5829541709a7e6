package logs

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"hash/fnv"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	api "gatehouse/internal/awsapi/logs"
	"gatehouse/internal/guard"
	"gatehouse/internal/journal"
)

// A delivery passes events on to metric filters and subscriptions. Each of these
// follows the journal of its group by itself, from a place that it writes down: a
// slow one delays nobody, and goes on where it was after a restart.
type delivery struct {
	client  *http.Client
	changed chan struct{} // groups may have other filters
	lost    *atomic.Uint64
}

func newDelivery() delivery {
	return delivery{client: &http.Client{}, changed: make(chan struct{}, 1), lost: new(atomic.Uint64)}
}

func (d *delivery) look() {
	select {
	case d.changed <- struct{}{}:
	default:
	}
}

// A feed is one follower of a journal.
type feed struct {
	name string // tells it from others of its group, and its filters from what they were
	l    *live
	take func(ctx context.Context, entries []journal.Entry) error

	version   string        // what it was made of, besides the group's record
	fromStart bool          // with no place written down it begins with the oldest event, not with what comes
	rest      time.Duration // between two looks; 0: pace
	most      int           // bytes of texts that take gets at once, if there are so many; 0: those of a block
}

// feeds are those that a group needs.
func (s *Service) feeds(l *live) []feed {
	var list []feed
	if len(l.rec.MetricFilters) > 0 && s.opt.Metrics != nil {
		counters := newCounters(l.rec.MetricFilters)
		list = append(list, feed{name: "metrics", l: l, take: func(_ context.Context, entries []journal.Entry) error {
			for _, c := range counters {
				c.count(s.opt.Metrics, l.at, entries)
			}
			return nil
		}})
	}
	for _, f := range l.rec.Subscriptions {
		p, err := ParsePattern(*f.FilterPattern)
		if err != nil {
			continue // it was parsed before it was stored
		}
		u := &subscriber{s: s, l: l, filter: f, pattern: p}
		list = append(list, feed{name: "to-" + *f.FilterName, l: l, take: func(ctx context.Context, entries []journal.Entry) error {
			for _, m := range u.messages(entries) {
				if err := u.send(ctx, m); err != nil {
					return err
				}
			}
			return nil
		}})
	}
	return list
}

// deliver runs the feeds of all groups until ctx ends.
func (s *Service) deliver(ctx context.Context) error {
	running := runningFeeds{}
	var all sync.WaitGroup
	defer all.Wait()
	for {
		wanted := map[string]feed{}
		s.eachLive(func(l *live) {
			for _, f := range s.feeds(l) {
				wanted[l.rec.ID+" "+f.name] = f
			}
		})
		vended, err := s.vendedFeeds(ctx)
		if err != nil && ctx.Err() == nil {
			s.opt.Log.Error("deliveries of logs not read: those that run go on", "error", err)
			vended = running.vended()
		}
		for _, f := range vended {
			wanted[f.l.rec.ID+" "+f.name] = f
		}
		for id, r := range running {
			if f, ok := wanted[id]; !ok || f.version != r.of.version || f.version == "" && !sameFilters(&f.l.rec, &r.of.l.rec) {
				r.cancel()
				<-r.done
				delete(running, id)
			}
		}
		for id, f := range wanted {
			if _, ok := running[id]; ok {
				continue
			}
			one, cancel := context.WithCancel(ctx)
			r := runningFeed{of: f, cancel: cancel, done: make(chan struct{})}
			running[id] = r
			all.Go(func() {
				defer close(r.done)
				if err := guard.Do(func() error { s.feed(one, &f); return nil }); err != nil { // goes on when the filter or the server is begun anew
					s.opt.Log.Error("a filter has stopped", "filter", id, "error", err)
				}
			})
		}
		select {
		case <-ctx.Done():
			for _, r := range running {
				r.cancel()
			}
			return nil
		case <-s.deli.changed:
		}
	}
}

type runningFeed struct {
	of     feed
	cancel context.CancelFunc
	done   chan struct{}
}

type runningFeeds map[string]runningFeed

// vended are those of deliveries.
func (r runningFeeds) vended() []feed {
	var list []feed
	for _, one := range r {
		if one.of.version != "" {
			list = append(list, one.of)
		}
	}
	return list
}

func sameFilters(a, b *groupRecord) bool {
	if len(a.MetricFilters) != len(b.MetricFilters) || len(a.Subscriptions) != len(b.Subscriptions) {
		return false
	}
	for i := range a.MetricFilters {
		if !sameFilter(&a.MetricFilters[i], &b.MetricFilters[i]) {
			return false
		}
	}
	for i := range a.Subscriptions {
		x, y := &a.Subscriptions[i], &b.Subscriptions[i]
		if *x.FilterName != *y.FilterName || *x.FilterPattern != *y.FilterPattern || *x.DestinationArn != *y.DestinationArn {
			return false
		}
	}
	return true
}

func sameFilter(a, b *api.MetricFilter) bool {
	x, y := &a.MetricTransformations[0], &b.MetricTransformations[0]
	if *a.FilterName != *b.FilterName || *a.FilterPattern != *b.FilterPattern || *x.MetricName != *y.MetricName ||
		*x.MetricNamespace != *y.MetricNamespace || *x.MetricValue != *y.MetricValue || str(x.Unit) != str(y.Unit) ||
		(x.DefaultValue == nil) != (y.DefaultValue == nil) || x.DefaultValue != nil && *x.DefaultValue != *y.DefaultValue ||
		len(x.Dimensions) != len(y.Dimensions) {
		return false
	}
	for k, v := range x.Dimensions {
		if y.Dimensions[k] != v {
			return false
		}
	}
	return true
}

// pace is how long a feed rests between two looks, so that it takes many events
// at once when they come fast.
const pace = 200 * time.Millisecond

// feed passes the events of a group on until ctx ends or the group is removed.
func (s *Service) feed(ctx context.Context, f *feed) {
	cursor := s.cursor(f)
	at, err := cursor.read()
	if err != nil {
		if at = f.l.journal.Last(); f.fromStart {
			at = 0
		}
		if err := cursor.write(at); err != nil {
			s.opt.Log.Warn("place of a log filter not written: after a crash it begins with new events", "group", f.l.rec.Name, "error", err)
		}
	}
	for failures := 0; ; {
		wait := cmp.Or(f.rest, pace)
		entries, err := f.follow(ctx, min(at, f.l.journal.Last()))
		if err == nil {
			err = f.take(ctx, entries)
		}
		if ctx.Err() != nil || errors.Is(err, journal.ErrRemoved) {
			return
		}
		if err != nil {
			if failures == 0 {
				s.opt.Log.Warn("events are not passed on, they are tried again", "group", f.l.rec.Name, "to", f.name, "error", err)
			}
			failures++
			wait = min(pace<<min(failures, 16), mostWait)
		} else {
			failures = 0
			at = entries[len(entries)-1].Seq
			_ = cursor.write(at) // then some are passed on again after a crash
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// follow waits for events, and returns as many as the feed takes at once.
func (f *feed) follow(ctx context.Context, after uint64) ([]journal.Entry, error) {
	entries, err := f.l.journal.Follow(ctx, after)
	size := 0
	for i := range entries {
		size += len(entries[i].Text)
	}
	for err == nil && size < f.most {
		var more []journal.Entry
		if more, err = f.l.journal.Next(ctx, entries[len(entries)-1].Seq); len(more) == 0 {
			break
		}
		for i := range more {
			size += len(more[i].Text)
		}
		entries = append(entries, more...)
	}
	return entries, err
}

// A cursor is a file with the number of the last event that a feed has passed on.
type cursor string

func (s *Service) cursor(f *feed) cursor {
	h := fnv.New64a()
	_, _ = h.Write([]byte(f.name)) // never fails
	return cursor(filepath.Join(s.opt.Dir, journalName(f.l.at.Scope, f.l.rec.ID), "cursor-"+hex.EncodeToString(h.Sum(nil))))
}

func (c cursor) read() (uint64, error) {
	b, err := os.ReadFile(string(c))
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
}

func (c cursor) write(at uint64) error {
	if err := os.MkdirAll(filepath.Dir(string(c)), 0o700); err != nil {
		return err
	}
	// Of one length, so that it is never half old and half new.
	return os.WriteFile(string(c), []byte(strings.Repeat("0", 20-len(strconv.FormatUint(at, 10)))+strconv.FormatUint(at, 10)+"\n"), 0o600)
}

// remove takes the file away. That of a feed which has ended is small, and goes with
// its group.
func (c cursor) remove() { _ = os.Remove(string(c)) }
