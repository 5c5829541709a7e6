package logs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse/internal/journal"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// A Group is a log group by its name, whether it exists or not.
type Group struct {
	s    *Service
	at   place
	make bool // it is made when a line comes for it

	live  atomic.Pointer[live]            // nil: it does not exist
	whole atomic.Pointer[journal.Journal] // what deliveries follow; nil: there are none

	mu      sync.Mutex // guards the fields below
	waiting []waitingLine
	bytes   int // of waiting
}

// A waitingLine waits for its group to be made.
type waitingLine struct {
	stream *Stream
	at     int64
	text   []byte
}

// maxWaiting bounds the bytes of lines that wait for their group to be made,
// which takes one commit; further ones are dropped.
const maxWaiting = 256 << 10

// A live is a group that exists: its journal and its streams. It is replaced
// whole when its record changes.
type live struct {
	at      place
	rec     groupRecord
	journal *journal.Journal
	streams *streams
}

// Group returns the group of a name, so that others can write to it. With make
// it is made when the first line comes, as AWS's services do with theirs.
func (s *Service) Group(scope record.Scope, name string, make bool) *Group {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.groupLocked(place{scope, name})
	g.make = g.make || make
	return g
}

func (s *Service) groupLocked(at place) *Group {
	g := s.groups[at]
	if g == nil {
		g = &Group{s: s, at: at}
		s.groups[at] = g
	}
	return g
}

// Exists reports whether the group exists.
func (g *Group) Exists() bool { return g.live.Load() != nil }

// Stream returns a stream of the group, which is made when the first line comes.
func (g *Group) Stream(name string) *Stream { return &Stream{group: g, name: name} }

// A Stream writes to one stream of a group.
type Stream struct {
	group *Group
	name  string
	made  atomic.Pointer[madeStream]
}

// A madeStream is a stream of a group that existed.
type madeStream struct {
	of     *journal.Journal
	stream *stream
}

// Write adds an event. It keeps nothing of text, and never waits for the disk.
// False: the event was dropped, and is counted.
func (w *Stream) Write(at int64, text []byte) bool { return w.write(at, 0, text) }

// WriteNow adds an event of this moment, which the caller knows, as Write does.
func (w *Stream) WriteNow(now int64, text []byte) bool {
	return w.write(now, now, text)
}

// write adds an event that is stored at a time; 0: now.
func (w *Stream) write(at, stored int64, text []byte) bool {
	if to := w.group.s.diverted.Load(); to != nil {
		return (*to)(w.group.at.Scope, w.group.at.name, w.name, at, text, nil)
	}
	l := w.group.live.Load()
	if l == nil {
		return w.group.wait(w, at, text)
	}
	m := w.made.Load()
	if m == nil || m.of != l.journal || m.stream.gone.Load() {
		st, err := l.streams.named(w.name, true)
		if err != nil {
			w.group.s.dropped.Add(1)
			return false
		}
		m = &madeStream{l.journal, st}
		w.made.Store(m)
	}
	if !l.journal.Append(journal.Entry{Time: at, Stored: stored, Source: m.stream.number, Text: text}) {
		return false
	}
	m.stream.saw(at, at)
	return true
}

// A Diversion takes an event for a stream elsewhere, of whose texts it keeps nothing.
// Whole is what deliveries of the group get; nil: the event is none of theirs.
type Diversion func(scope record.Scope, group, stream string, at int64, text, whole []byte) bool

// Divert has all events that are written from now on go elsewhere: for when
// another process has the groups.
func (s *Service) Divert(to Diversion) { s.diverted.Store(&to) }

// wait keeps a line until its group is made, or drops it.
func (g *Group) wait(w *Stream, at int64, text []byte) bool {
	g.mu.Lock()
	if !g.make || g.bytes+len(text) > maxWaiting {
		g.mu.Unlock()
		g.s.dropped.Add(1)
		return false
	}
	g.waiting = append(g.waiting, waitingLine{w, at, append([]byte(nil), text...)})
	g.bytes += len(text)
	first := len(g.waiting) == 1
	g.mu.Unlock()
	if first {
		g.s.want(g)
	}
	return true
}

// want asks Run to make a group.
func (s *Service) want(g *Group) {
	s.mu.Lock()
	s.wanted[g] = true
	s.mu.Unlock()
	s.look()
}

func (s *Service) look() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// release writes the lines that have waited.
func (g *Group) release() {
	g.mu.Lock()
	list := g.waiting
	g.waiting, g.bytes = nil, 0
	g.mu.Unlock()
	for _, l := range list {
		l.stream.Write(l.at, l.text)
	}
}

// put makes a record what runs.
func (s *Service) put(scope record.Scope, rec groupRecord) (*live, error) {
	at := place{scope, rec.Name}
	s.mu.Lock()
	g := s.groupLocked(at)
	old := g.live.Load()
	next := &live{at: at, rec: rec}
	if old != nil && old.rec.ID == rec.ID {
		next.journal, next.streams = old.journal, old.streams
	} else if err := next.open(s); err != nil {
		s.mu.Unlock()
		return nil, err
	}
	next.journal.SetMaxAge(time.Duration(rec.Retention) * 24 * time.Hour)
	g.live.Store(next)
	s.mu.Unlock()
	s.look()
	g.release()
	return next, nil
}

func (l *live) open(s *Service) (err error) {
	name := journalName(l.at.Scope, l.rec.ID)
	if l.journal, err = s.set.Open(name); err != nil {
		return err
	}
	if l.streams, err = openStreams(filepath.Join(s.opt.Dir, name), l.journal); err != nil {
		return err
	}
	// What a crash has kept from being written down of streams: their newest events.
	r, err := l.journal.Select(context.Background(), journal.Query{Backward: true, Limit: newest})
	for i := range r.Entries {
		if st := l.streams.numbered(r.Entries[i].Source); st != nil {
			st.saw(r.Entries[i].Time, r.Entries[i].Stored)
		}
	}
	return err
}

// newest is how many of a group's events are looked at when it is opened.
const newest = 1000

// drop takes a group that was deleted away, with its events.
func (s *Service) drop(at place) error {
	s.mu.Lock()
	g := s.groups[at]
	var old *live
	if g != nil {
		old = g.live.Swap(nil)
	}
	s.mu.Unlock()
	if old == nil {
		return nil
	}
	s.look()
	old.streams.close()
	g.whole.Store(nil)
	return errors.Join(s.set.Remove(wholeName(old)), s.set.Remove(journalName(at.Scope, old.rec.ID)))
}

// retryTime is the pause before a store that failed is read again.
const retryTime = time.Second

// Run writes events, keeps groups in step with the store, and passes events on to
// metric filters and subscriptions, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	writing, stop := context.WithCancel(context.WithoutCancel(ctx))
	g.Go(func() error { return s.set.Run(writing) })
	g.Go(func() error {
		defer stop() // what was appended until now is written
		inner, ctx := errgroup.WithContext(ctx)
		inner.Go(func() error { return s.keep(ctx) })
		inner.Go(func() error { return s.deliver(ctx) })
		inner.Go(func() error { return s.mind(ctx) })
		err := inner.Wait()
		s.eachLive(func(l *live) { l.streams.save() })
		return err
	})
	return g.Wait()
}

// keep follows the store until ctx ends.
func (s *Service) keep(ctx context.Context) error {
	for {
		err := s.follow(ctx)
		if ctx.Err() != nil || errors.Is(err, store.ErrClosed) {
			return nil
		}
		if errors.Is(err, store.ErrCompacted) {
			continue
		}
		s.opt.Log.Error("log groups are not kept current, next try in a second", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(retryTime):
		}
	}
}

// follow reads all groups and then watches, until the history breaks off.
func (s *Service) follow(ctx context.Context) error {
	page, err := s.st.List(ctx, "", "", 1)
	if err != nil {
		return err
	}
	if err := s.load(ctx); err != nil {
		return err
	}
	if _, err := s.vendedFeeds(ctx); err != nil { // from here on they miss nothing
		return err
	}
	s.progress.Reach(page.Rev)
	for batch, err := range s.st.Watch(ctx, "", page.Rev) {
		if err != nil {
			return err
		}
		for _, op := range batch.Ops {
			parts := store.Parts(op.Key)
			if len(parts) == 5 && parts[2] == keyService && (parts[3] == keySource || parts[3] == keyDestination || parts[3] == keyDelivery) {
				s.deli.look()
			}
			if len(parts) != 5 || parts[2] != keyService || parts[3] != keyGroup {
				continue
			}
			if err := s.refresh(ctx, place{record.Scope{Account: parts[0], Region: parts[1]}, parts[4]}); err != nil {
				return err
			}
		}
		s.progress.Reach(batch.Rev)
	}
	return ctx.Err()
}

// refresh brings one group in step with its record, whatever it is by now.
func (s *Service) refresh(ctx context.Context, at place) error {
	rec, _, err := s.table(at.Scope).Get(ctx, store.ID(at.name))
	switch {
	case errors.Is(err, store.ErrNotFound):
		err = s.drop(at)
	case err == nil:
		_, err = s.put(at.Scope, rec)
	}
	if err != nil {
		return fmt.Errorf("log group %s: %w", at.name, err)
	}
	return nil
}

// load opens all groups there are, and removes what is left of others.
func (s *Service) load(ctx context.Context) error {
	scopes, err := record.Scopes(ctx, s.st)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	there := map[place]bool{}
	for _, scope := range scopes {
		rows, err := s.table(scope).All(ctx)
		if err != nil {
			return err
		}
		for i := range rows {
			rec := rows[i].Value
			if _, err := s.put(scope, rec); err != nil {
				return err
			}
			known[filepath.Join(s.opt.Dir, journalName(scope, rec.ID))] = true
			there[place{scope, rec.Name}] = true
		}
	}
	s.eachLive(func(l *live) {
		if !there[l.at] {
			err = errors.Join(err, s.drop(l.at))
		}
	})
	return errors.Join(err, s.sweep(known))
}

// sweep removes the journals of groups that a crash kept from being removed.
func (s *Service) sweep(known map[string]bool) error {
	dirs, err := filepath.Glob(filepath.Join(s.opt.Dir, "*", "*", "*"))
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		if known[dir] {
			continue
		}
		if err := os.RemoveAll(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// eachLive calls do for every group that exists.
func (s *Service) eachLive(do func(*live)) {
	s.mu.Lock()
	list := make([]*Group, 0, len(s.groups))
	for _, g := range s.groups {
		list = append(list, g)
	}
	s.mu.Unlock()
	for _, g := range list {
		if l := g.live.Load(); l != nil {
			do(l)
		}
	}
}

// Wait returns when groups are as of a revision.
func (s *Service) Wait(ctx context.Context, rev store.Rev) error {
	if err := s.progress.Wait(ctx, rev); err != nil {
		return fmt.Errorf("log groups are %w", err)
	}
	return nil
}

// How often what is known of streams is written down, and forgotten.
const mindTime = 10 * time.Second

// mind makes groups that lines came for, and writes down what is known of streams.
func (s *Service) mind(ctx context.Context) error {
	tick := time.NewTicker(mindTime)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.changed:
			s.makeWanted(ctx)
			s.deli.look()
		case <-tick.C:
			s.makeWanted(ctx)
			s.eachLive(func(l *live) { l.streams.save() })
		}
	}
}

// makeWanted makes the groups that lines wait for. One that cannot be made is
// tried again later.
func (s *Service) makeWanted(ctx context.Context) {
	s.mu.Lock()
	wanted := s.wanted
	s.wanted = map[*Group]bool{}
	s.mu.Unlock()
	for g := range wanted {
		err := s.create(ctx, g.at.Scope, groupRecord{Name: g.at.name})
		if err != nil && !isExists(err) {
			s.opt.Log.Warn("log group not made", "group", g.at.name, "error", err)
			s.mu.Lock()
			s.wanted[g] = true
			s.mu.Unlock()
			continue
		}
		if err := s.refresh(ctx, g.at); err != nil {
			s.opt.Log.Warn("log group not opened", "group", g.at.name, "error", err)
		}
	}
}
