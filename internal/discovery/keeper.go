package discovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"time"

	"gatehouse/internal/guard"
)

// A Keeper keeps the endpoints of all clusters current.
type Keeper struct {
	to  Target
	log *slog.Logger

	mu       sync.Mutex // guards the fields below; never held while calling out
	clusters map[string]*kept
	changes  map[string]Changes // of clusters that are not there yet
	run      func(*kept)        // starts the source of one; nil while Run is not running
}

// A Target is told the endpoints of a cluster. It is called by one goroutine at
// a time for one cluster, and only if something changed.
type Target interface {
	SetEndpoints(cluster string, list []Endpoint) error
}

// A Cluster is what a Keeper has to know of one.
type Cluster struct {
	// Fixed are the endpoints of a cluster without a source; of one with a
	// source they are in force until it answers for the first time.
	Fixed  []Endpoint
	Source Source // nil: none
	// Given is what Source was made of; nil: nobody will ask. A cluster that is put
	// again with the same goes on with the source that it has.
	Given *Config
	// MayEmpty: an answer without endpoints is taken at its word. Else the last
	// endpoints stay in force.
	MayEmpty bool
}

// A kept is one cluster and what is known of its endpoints.
type kept struct {
	name     string
	source   Source
	given    *Config
	mayEmpty bool
	stop     context.CancelFunc // ends its source; guarded by Keeper.mu; nil: it does not run

	mu      sync.Mutex // guards the fields below; held while Target is called, so that calls keep their order
	gone    bool       // it was replaced or forgotten: the target is told nothing more
	fixed   []Endpoint // see Cluster
	found   []Endpoint
	changes Changes
	told    []Endpoint // the target
	status  Status
}

// A Status is how a source does.
type Status struct {
	Source string `json:"source"`
	// State is waiting until the first answer, current while the source answers,
	// stale after it failed: then the last endpoints are in force.
	State       string    `json:"state"`
	LastSuccess time.Time `json:"lastSuccess,omitzero"`
	LastError   string    `json:"lastError,omitempty"`
	LastFailure time.Time `json:"lastFailure,omitzero"`
	Failures    int       `json:"failures"` // in a row
	Revision    string    `json:"revision,omitempty"`
	Found       int       `json:"found"` // endpoints
	Skipped     string    `json:"skipped,omitempty"`
	Changed     int64     `json:"changed"` // how often the list changed
	Changes     *Changes  `json:"changes,omitempty"`
}

// The states of a source.
const (
	Waiting = "waiting"
	Current = "current"
	Stale   = "stale"
	Fixed   = "fixed" // there is no source
)

// NewKeeper returns a keeper of clusters by name. Its Run must be running.
func NewKeeper(clusters map[string]Cluster, to Target, log *slog.Logger) *Keeper {
	k := &Keeper{to: to, log: log, clusters: make(map[string]*kept, len(clusters)), changes: map[string]Changes{}}
	for name, c := range clusters {
		k.clusters[name] = newKept(name, &c)
	}
	return k
}

func newKept(name string, c *Cluster) *kept {
	fixed := inOrder(c.Fixed)
	kc := &kept{name: name, source: c.Source, given: c.Given, mayEmpty: c.MayEmpty, fixed: fixed, found: fixed, told: fixed}
	kc.status = Status{Source: "configuration", State: Fixed, Found: len(fixed)}
	if c.Source != nil {
		kc.status.Source, kc.status.State, kc.status.Found = c.Source.String(), Waiting, 0
	}
	return kc
}

// Add adds a cluster with a source, which the target knows. One that is there
// already stays as it is.
func (k *Keeper) Add(name string, c Cluster) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.clusters[name] == nil {
		k.beginLocked(newKept(name, &c))
	}
}

// beginLocked takes in a cluster that was not there, or not so.
func (k *Keeper) beginLocked(c *kept) {
	if ch, ok := k.changes[c.name]; ok {
		c.change(ch)
		delete(k.changes, c.name)
	}
	k.clusters[c.name] = c
	if k.run != nil && c.source != nil {
		k.run(c)
	}
}

// Replace says that the target knows a cluster anew, in the place of what it was
// before if it was there, with these fixed endpoints. One whose source is what it
// was goes on with it, and with the fixed endpoints until it answers. Of one whose
// source is new the target has the endpoints of before, if there were some, until
// the source answers. What operators changed is laid over them.
func (k *Keeper) Replace(name string, next Cluster) {
	fresh := newKept(name, &next)
	k.mu.Lock()
	old := k.clusters[name]
	if old != nil && old.source != nil && next.Source != nil && reflect.DeepEqual(old.given, next.Given) {
		k.mu.Unlock()
		k.fix(old, fresh.fixed)
		return
	}
	if old != nil {
		old.mu.Lock()
		if fresh.change(old.changes); fresh.source != nil && len(old.told) > 0 {
			fresh.found, fresh.told = old.found, old.told
		} else if old.source != nil {
			fresh.told = nil // it may just have told others
		}
		old.gone = true
		old.mu.Unlock()
		old.end()
	}
	k.beginLocked(fresh)
	k.mu.Unlock()
	fresh.mu.Lock()
	defer fresh.mu.Unlock()
	k.giveLocked(fresh)
}

// fix gives a cluster other fixed endpoints, in the place of those before if they are
// in force.
func (k *Keeper) fix(c *kept, fixed []Endpoint) {
	c.mu.Lock()
	defer c.mu.Unlock()
	inForce := c.status.State == Waiting && slices.Equal(c.found, c.fixed)
	if c.fixed = fixed; inForce && !c.gone {
		c.found = fixed
		k.giveLocked(c)
	}
}

// end ends the source of a cluster. Keeper.mu is held.
func (c *kept) end() {
	if c.stop != nil {
		c.stop()
	}
}

// Forget forgets a cluster that came by Replace. What operators changed is kept,
// for it may come again.
func (k *Keeper) Forget(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.clusters[name]
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = true
	c.end()
	if !c.changes.Empty() {
		k.changes[name] = c.changes
	}
	delete(k.clusters, name)
}

// cluster returns the cluster of this name; nil: there is none.
func (k *Keeper) cluster(name string) *kept {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.clusters[name]
}

// Run runs all sources until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	k.mu.Lock()
	k.run = func(c *kept) {
		ctx, stop := context.WithCancel(ctx)
		c.stop = stop
		wg.Go(func() {
			defer stop()
			k.keep(ctx, c)
		})
	}
	for _, c := range k.clusters {
		if c.source != nil {
			k.run(c)
		}
	}
	k.mu.Unlock()
	<-ctx.Done()
	k.mu.Lock()
	k.run = nil
	k.mu.Unlock()
	return nil
}

// The pauses after failures in a row: half of a second to half a minute, each
// twice the one before, give or take a quarter, so that those who lost the same
// registry do not come back in the same moment.
const (
	firstPause = 500 * time.Millisecond
	lastPause  = 30 * time.Second
)

func pauseAfter(failures int) time.Duration {
	d := min(firstPause<<min(failures-1, 10), lastPause)
	return d - d/4 + rand.N(d/2)
}

// keep runs one source again and again.
func (k *Keeper) keep(ctx context.Context, c *kept) {
	for {
		err := guard.Do(func() error { return c.source.Run(ctx, func(f Found) { k.found(c, &f) }) })
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = errors.New("the source ended")
		}
		failures := c.failed(err)
		level := slog.LevelDebug
		if failures == 1 {
			level = slog.LevelWarn
		}
		k.log.Log(ctx, level, "discovery failed, the last endpoints stay in force", "cluster", c.name, "source", c.source.String(), "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pauseAfter(failures)):
		}
	}
}

// failed notes a failure and tells how many there were in a row.
func (c *kept) failed(err error) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &c.status
	s.Failures++
	s.LastError, s.LastFailure = err.Error(), time.Now().UTC()
	if s.State == Current {
		s.State = Stale
	}
	return s.Failures
}

// found takes an answer in.
func (k *Keeper) found(c *kept, f *Found) {
	list, skipped := f.tidy()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return
	}
	s := &c.status
	if s.Failures > 0 {
		k.log.Info("discovery works again", "cluster", c.name, "source", s.Source)
	}
	s.State, s.Failures, s.LastSuccess, s.Revision, s.Skipped = Current, 0, time.Now().UTC(), f.Revision, skipped
	unusable := len(f.Endpoints) > 0 || f.Skipped != ""
	if len(list) == 0 && (unusable || !c.mayEmpty) {
		if len(c.found) > 0 {
			s.State = Stale
			if skipped == "" {
				s.Skipped = fmt.Sprintf("the source has no endpoint: the last %d stay in force", len(c.found))
			}
		}
		return
	}
	s.Found = len(list)
	c.found = list
	k.giveLocked(c)
}

// giveLocked tells the target what changed.
func (k *Keeper) giveLocked(c *kept) {
	list := c.changes.over(c.found)
	if slices.Equal(list, c.told) {
		return
	}
	if err := k.to.SetEndpoints(c.name, list); err != nil {
		c.status.LastError, c.status.LastFailure, c.status.State = err.Error(), time.Now().UTC(), Stale
		k.log.Error("endpoints refused", "cluster", c.name, "error", err)
		return
	}
	c.told = list
	c.status.Changed++
}

// Has tells whether there is a cluster of this name.
func (k *Keeper) Has(cluster string) bool { return k.cluster(cluster) != nil }

// Knows tells whether a cluster has an endpoint, drained or not.
func (k *Keeper) Knows(cluster, address string) bool {
	c := k.cluster(cluster)
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.found, func(e Endpoint) bool { return e.Address == address }) ||
		slices.ContainsFunc(c.changes.Endpoints, func(e Change) bool { return e.Address == address && e.Added })
}

// Change puts what operators decided about a cluster in place of what they
// decided before.
func (k *Keeper) Change(cluster string, ch Changes) {
	for !k.changeOnce(cluster, ch) { // again if the cluster was replaced meanwhile
	}
}

func (k *Keeper) changeOnce(cluster string, ch Changes) (done bool) {
	k.mu.Lock()
	c := k.clusters[cluster]
	switch {
	case c == nil && ch.Empty():
		delete(k.changes, cluster)
	case c == nil: // it may come yet
		k.changes[cluster] = ch
	}
	k.mu.Unlock()
	if c == nil {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return false
	}
	c.change(ch)
	k.giveLocked(c)
	return true
}

func (c *kept) change(ch Changes) {
	c.changes = ch
	c.status.Changes = nil
	if !ch.Empty() {
		c.status.Changes = &ch
	}
}

// Status tells how the source of a cluster does.
func (k *Keeper) Status(cluster string) *Status {
	c := k.cluster(cluster)
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.status
	return &s
}
