package discovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"gatehouse/internal/guard"
)

// A Keeper keeps the endpoints of all clusters current.
type Keeper struct {
	to    Target
	log   *slog.Logger
	added chan *kept // not yet run by Run

	mu       sync.Mutex // guards the fields below; never held while calling out
	clusters map[string]*kept
	changes  map[string]Changes // of clusters that are not there yet
}

// maxAdded bounds the clusters that are added.
const maxAdded = 1000

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
	// MayEmpty: an answer without endpoints is taken at its word. Else the last
	// endpoints stay in force.
	MayEmpty bool
}

// A kept is one cluster and what is known of its endpoints.
type kept struct {
	name     string
	source   Source
	mayEmpty bool

	mu      sync.Mutex // guards the fields below; held while Target is called, so that calls keep their order
	found   []Endpoint
	changes Changes
	given   []Endpoint // to the target
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
	k := &Keeper{to: to, log: log, clusters: make(map[string]*kept, len(clusters)), added: make(chan *kept, maxAdded), changes: map[string]Changes{}}
	for name, c := range clusters {
		k.clusters[name] = newKept(name, &c)
	}
	return k
}

func newKept(name string, c *Cluster) *kept {
	fixed, _ := (&Found{Endpoints: c.Fixed}).tidy()
	kc := &kept{name: name, source: c.Source, mayEmpty: c.MayEmpty, found: fixed, given: fixed}
	kc.status = Status{Source: "configuration", State: Fixed, Found: len(fixed)}
	if c.Source != nil {
		kc.status.Source, kc.status.State, kc.status.Found = c.Source.String(), Waiting, 0
	}
	return kc
}

// Add adds a cluster with a source, which the target knows. One that is there
// already stays as it is.
func (k *Keeper) Add(name string, c Cluster) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.clusters[name] != nil {
		return nil
	}
	kc := newKept(name, &c)
	kc.change(k.changes[name])
	select {
	case k.added <- kc:
	default:
		return errors.New("too many clusters begin at once")
	}
	k.clusters[name] = kc
	delete(k.changes, name)
	return nil
}

// Replace says that the target has given a cluster without a source these
// endpoints, in the place of those before; a cluster that is new comes by it.
// What operators changed is laid over them.
func (k *Keeper) Replace(name string, fixed []Endpoint) {
	fresh := newKept(name, &Cluster{Fixed: fixed})
	k.mu.Lock()
	c := k.clusters[name]
	if c == nil {
		fresh.change(k.changes[name])
		delete(k.changes, name)
		c = fresh
		k.clusters[name] = c
	}
	k.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.found, c.given, c.status.Found = fresh.found, fresh.given, len(fresh.found)
	k.giveLocked(c)
}

// Forget forgets a cluster that came by Replace. What operators changed is kept,
// for it may come again.
func (k *Keeper) Forget(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if c := k.clusters[name]; c != nil && c.source == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		k.changes[name] = c.changes
		delete(k.clusters, name)
	}
}

// cluster returns the cluster of this name; nil: there is none.
func (k *Keeper) cluster(name string) *kept {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.clusters[name]
}

func (k *Keeper) all() []*kept {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Collect(maps.Values(k.clusters))
}

// Run runs all sources until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	running := map[*kept]bool{}
	run := func(c *kept) {
		if c.source != nil && !running[c] {
			running[c] = true
			wg.Go(func() { k.keep(ctx, c) })
		}
	}
	for _, c := range k.all() {
		run(c)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case c := <-k.added:
			run(c)
		}
	}
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
	if slices.Equal(list, c.given) {
		return
	}
	if err := k.to.SetEndpoints(c.name, list); err != nil {
		c.status.LastError, c.status.LastFailure, c.status.State = err.Error(), time.Now().UTC(), Stale
		k.log.Error("endpoints refused", "cluster", c.name, "error", err)
		return
	}
	c.given = list
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
	k.mu.Lock()
	c := k.clusters[cluster]
	if c == nil { // it may come yet
		k.changes[cluster] = ch
	}
	k.mu.Unlock()
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.change(ch)
	k.giveLocked(c)
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
