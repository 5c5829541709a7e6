// Package compile turns records into the table that the gateway serves.
//
// A [Compiler] keeps the records of all accounts and Regions that matter to
// the data plane in memory ([mirror]), follows the store's history, and after
// every commit recompiles the stages it touched, and only those. What it made
// is published as one immutable gateway.Table. A stage that does not compile
// keeps its last good version, and [Compiler.Status] says why.
//
// It is the only part of the data plane that sees records.
package compile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"gatehouse/internal/gateway"
	"gatehouse/internal/limit"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
	"gatehouse/internal/upstream"
)

// Options are what a compiler gives to the stages it makes.
type Options struct {
	Clusters *upstream.Registry // where integrations find their clusters
	Logs     AccessLogs         // nil: access logging is off
	Log      *slog.Logger       // nil: slog.Default()

	// AccountRate and AccountBurst limit the requests a second of each account
	// in each Region; 0: no limit.
	AccountRate, AccountBurst int
}

// AccessLogs finds the sink for an access log destination.
type AccessLogs interface {
	// Sink returns where the lines for the log group or delivery stream with
	// this ARN go. The same ARN always gets the same sink.
	Sink(destinationARN string) (gateway.Sink, error)
}

// A Compiler keeps a gateway's table in step with a store.
type Compiler struct {
	st    store.Store
	blobs *store.Blobs
	gw    *gateway.Gateway
	opt   Options

	// Of the goroutine of Run alone:
	mirror  *mirror
	stages  map[stageID]*built
	callers map[record.Scope]*callers
	buckets limit.Registry
	lastRef store.Ref // of the definition read last
	lastDef *record.Definition

	mu      sync.Mutex // guards the fields below
	applied store.Rev
	moved   chan struct{} // closed when applied rises
	refused map[stageID]Refusal
}

// New returns a compiler that publishes to gw what st holds.
func New(st store.Store, blobs *store.Blobs, gw *gateway.Gateway, opt Options) *Compiler {
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	return &Compiler{
		st: st, blobs: blobs, gw: gw, opt: opt,
		stages:  make(map[stageID]*built),
		callers: make(map[record.Scope]*callers),
		moved:   make(chan struct{}),
		refused: make(map[stageID]Refusal),
	}
}

// retryAfter is the pause before a store that failed is read again. The last
// table is served meanwhile.
const retryAfter = time.Second

// Run keeps the table in step with the store until ctx ends. A store that
// cannot be read leaves the last table serving.
func (c *Compiler) Run(ctx context.Context) error {
	for {
		err := c.follow(ctx)
		if ctx.Err() != nil || errors.Is(err, store.ErrClosed) {
			return nil
		}
		if errors.Is(err, store.ErrCompacted) {
			c.opt.Log.Info("history compacted, reading the store again")
			continue
		}
		c.opt.Log.Error("cannot follow the store, serving the last table", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(retryAfter):
		}
	}
}

// follow lists all records, then applies commit after commit.
func (c *Compiler) follow(ctx context.Context) error {
	m, from, to, err := c.load(ctx)
	if err != nil {
		return fmt.Errorf("list records: %w", err)
	}
	c.mirror = m
	dirty := m.everything()
	if from == to {
		c.publish(ctx, dirty, to)
	}
	for batch, err := range c.st.Watch(ctx, "", from) {
		if err != nil {
			return fmt.Errorf("watch: %w", err)
		}
		for _, op := range batch.Ops {
			c.apply(m, op, batch.Rev, dirty)
		}
		// Until the listing's own revision is reached, what is in memory is
		// partly older and partly newer than batch.Rev: not to be shown.
		if batch.Rev < to {
			continue
		}
		c.publish(ctx, dirty, batch.Rev)
		dirty = newTouched()
	}
	return ctx.Err()
}

// apply takes one operation into the mirror. A record that cannot be decoded
// leaves the one before it in force.
func (c *Compiler) apply(m *mirror, op store.Op, rev store.Rev, t *touched) {
	if err := m.apply(op, rev, t); err != nil {
		c.opt.Log.Error("record not understood, the one before stays in force", "key", op.Key, "revision", int64(rev), "error", err)
	}
}

// publish recompiles what t names and swaps the table.
func (c *Compiler) publish(ctx context.Context, t *touched, rev store.Rev) {
	if !t.empty() {
		for id := range t.stages {
			c.compileStage(ctx, id, rev)
		}
		for scope := range t.callers {
			c.compileCallers(scope)
		}
		c.lastRef, c.lastDef = "", nil
		table, err := c.table(rev)
		if err != nil {
			// Two records claim the same name; services do not let that happen.
			c.opt.Log.Error("table not published, serving the last one", "revision", int64(rev), "error", err)
		} else {
			c.gw.Publish(table)
			c.opt.Clusters.Retain(c.clustersInUse())
		}
	}
	c.mu.Lock()
	if rev > c.applied {
		c.applied = rev
		close(c.moved)
		c.moved = make(chan struct{})
	}
	c.mu.Unlock()
}

// Applied returns the revision up to which commits are served.
func (c *Compiler) Applied() store.Rev {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.applied
}

// Wait returns when revision rev is served, or when ctx ends.
func (c *Compiler) Wait(ctx context.Context, rev store.Rev) error {
	for {
		c.mu.Lock()
		applied, moved := c.applied, c.moved
		c.mu.Unlock()
		if applied >= rev {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-moved:
		}
	}
}

// A Refusal is a stage that is not served as it is stored.
type Refusal struct {
	Account  string    `json:"account"`
	Region   string    `json:"region"`
	API      string    `json:"api"`
	Stage    string    `json:"stage"`
	Revision store.Rev `json:"revision"` // of the commit that could not be compiled
	Serving  store.Rev `json:"serving"`  // of the version that is served instead; 0: none
	Reason   string    `json:"reason"`
}

// A Status is what a compiler has achieved.
type Status struct {
	Applied store.Rev `json:"applied"`
	Refused []Refusal `json:"refused"` // never nil
}

// Status returns the revision served and the stages that are not served as
// they are stored.
func (c *Compiler) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Status{Applied: c.applied, Refused: make([]Refusal, 0, len(c.refused))}
	for _, r := range c.refused {
		s.Refused = append(s.Refused, r)
	}
	return s
}

// A stageID names a stage everywhere.
type stageID struct {
	record.Scope
	api, name string
}
