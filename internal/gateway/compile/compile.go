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
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/awsclient"
	"gatehouse/internal/cache"
	"gatehouse/internal/function"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/authorizer"
	"gatehouse/internal/gateway/integration"
	"gatehouse/internal/gateway/wsapi"
	"gatehouse/internal/identity"
	"gatehouse/internal/jwt"
	"gatehouse/internal/limit"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
	"gatehouse/internal/trace"
	"gatehouse/internal/upstream"
	"gatehouse/internal/usage"
)

// Options are what a compiler gives to the stages it makes.
type Options struct {
	Clusters *upstream.Registry  // where integrations find their clusters
	Caches   *integration.Caches // where stages find their caches; nil: a registry of its own
	Metrics  *Metrics            // where stages find their series; nil: they are nowhere to be seen
	Logs     Logs                // nil: nothing is logged
	Segments trace.Sink          // of requests to REST APIs that are traced; nil: none is
	// SegmentsV2 is Segments for HTTP and WebSocket APIs, which on AWS have none.
	SegmentsV2 trace.Sink
	// Samplers returns the sampling rules of a Region; nil: everywhere there is
	// only X-Ray's default rule.
	Samplers func(scope record.Scope) *trace.Sampler
	Log      *slog.Logger      // nil: slog.Default()
	AWS      *awsclient.Client // calls AWS services; nil: stages that need one are refused
	// Functions calls the Lambda functions of integrations and authorizers; nil:
	// there are none.
	Functions function.Invoker
	// Sockets holds the connections of WebSocket APIs; nil: their stages are
	// refused. Connections answers requests for @connections; nil: nobody does.
	Sockets     *wsapi.Hub
	Connections *gateway.Plan
	Quotas      *usage.Meter // what keys have used; nil: it is forgotten with the compiler

	// LoadBalancers says where load balancers are that VPC links name: by ARN,
	// host:port or host, several with commas between. Config.Check has seen it.
	LoadBalancers map[string]string

	// CloudMap returns the host name of the cluster of a service of Cloud Map, by
	// its ARN, for APIs of an account and Region; nil: there is none.
	CloudMap func(scope record.Scope, arn string) (host string, err error)

	// Identities are who may sign requests; nil: nobody. Organization is the
	// one that all accounts belong to; empty: none. Endpoints are where the
	// requests of private APIs come in.
	Identities   *identity.Registry
	Organization string
	// ClientOCSP: responders of OCSP are asked about clients of domains with a
	// trust store.
	ClientOCSP bool
	Endpoints  []gateway.VPCEndpoint

	// TokenLeeway is how far the clocks of identity providers may be from ours.
	TokenLeeway time.Duration

	// UserPools are the issuers that stand for Cognito user pools, by ARN. One
	// that is not here is Cognito's own.
	UserPools map[string]string

	// AccountRate and AccountBurst limit the requests a second of each account
	// in each Region; 0: no limit.
	AccountRate, AccountBurst int

	// CacheMemory bounds the cache of each stage, whatever its size is called;
	// 0: DefaultCacheMemory.
	CacheMemory int64
}

// Logs is where access logs and execution logs go.
type Logs interface {
	// Group returns what takes events for a log group, which is made when the
	// first comes.
	Group(scope record.Scope, name string) gateway.EventSink

	// Sink returns where the lines for the log group or delivery stream with
	// this ARN go; nil: nowhere. Stages are compiled side by side, so it is called
	// from several goroutines.
	Sink(destinationARN string) (gateway.Sink, error)
}

// A Compiler keeps a gateway's table in step with a store.
type Compiler struct {
	st    store.Store
	blobs *store.Blobs
	gw    *gateway.Gateway
	opt   Options
	seal  *integration.Seal

	sampling *trace.Sampler // where there are no others

	decisions cache.Registry[*authorizer.Decision]
	tokens    cache.Registry[*authorizer.Verified]
	issuers   jwt.Issuers
	http      httpDecisions

	// Of the goroutine of Run alone:
	mirror  *mirror
	stages  map[stageID]*built
	callers map[record.Scope]*callers
	// certificates are those of the custom domains, by what they were made of.
	certificates map[domainID]domainCertificate
	truststores  map[domainID]domainClients // likewise
	// domainPolicies are those of the private ones.
	domainPolicies map[domainID]domainPolicy
	again          map[stageID]bool // what they need could not be read: to be tried anew
	buckets        limit.Registry

	// backends are those of the mirror, for everybody.
	backends atomic.Pointer[backends]

	applied store.Progress

	mu      sync.Mutex // guards the fields below
	refused map[stageID]Refusal
	names   map[SeriesKey]NamedAPI // of all stages
}

// New returns a compiler that publishes to gw what st holds.
func New(st store.Store, blobs *store.Blobs, gw *gateway.Gateway, opt Options) *Compiler {
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	if opt.Quotas == nil {
		opt.Quotas = usage.New(nil, opt.Log)
	}
	if opt.Caches == nil {
		opt.Caches = new(integration.Caches)
	}
	if opt.Metrics == nil {
		opt.Metrics = NewMetrics()
	}
	if opt.Identities == nil {
		opt.Identities = new(identity.Registry)
	}
	if opt.CacheMemory == 0 {
		opt.CacheMemory = DefaultCacheMemory
	}
	return &Compiler{
		st: st, blobs: blobs, gw: gw, opt: opt, seal: integration.NewSeal(), sampling: trace.NewSampler(),
		stages:       make(map[stageID]*built),
		callers:      make(map[record.Scope]*callers),
		again:        make(map[stageID]bool),
		certificates: make(map[domainID]domainCertificate), domainPolicies: make(map[domainID]domainPolicy),
		truststores: make(map[domainID]domainClients),
		issuers:     jwt.Issuers{Leeway: opt.TokenLeeway},
		refused:     make(map[stageID]Refusal),
	}
}

// retryAfter is the pause before a store that failed is read again. The last
// table is served meanwhile.
const retryAfter = time.Second

// Run keeps the table in step with the store until ctx ends. A store that
// cannot be read leaves the last table serving.
func (c *Compiler) Run(ctx context.Context) error {
	for {
		err := c.followSafely(ctx)
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

// followSafely is follow; a panic becomes an error, so that the last table goes
// on being served while everything is read again.
func (c *Compiler) followSafely(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return c.follow(ctx)
}

// follow lists all records, then applies commit after commit.
func (c *Compiler) follow(ctx context.Context) error {
	m, from, to, err := c.load(ctx)
	if err != nil {
		return fmt.Errorf("list records: %w", err)
	}
	c.mirror = m
	c.backends.Store(m.backends)
	dirty := m.everything()
	c.addServed(dirty)
	if from == to {
		if !c.publish(ctx, dirty, to) {
			return ctx.Err()
		}
		dirty = newTouched()
		// Compiling everything took many times the memory of what came of it.
		debug.FreeOSMemory()
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
		if !c.publish(ctx, dirty, batch.Rev) {
			break
		}
		dirty = newTouched()
	}
	return ctx.Err()
}

// addServed adds to t what is served: after a new listing, some of it may be
// gone from the store without a trace.
func (c *Compiler) addServed(t *touched) {
	for id := range c.stages {
		t.stages[id] = true
	}
	for scope := range c.callers {
		t.callers[scope] = true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.refused {
		t.stages[id] = true
	}
}

// apply takes one operation into the mirror. A record that cannot be decoded
// leaves the one before it in force.
func (c *Compiler) apply(m *mirror, op store.Op, rev store.Rev, t *touched) {
	c.note(store.KV{Key: op.Key, Rev: rev}, c.safely(func() error { return m.apply(op, rev, t) }))
}

// note tells the log of a record that could not be taken in.
func (c *Compiler) note(kv store.KV, err error) {
	if err != nil {
		c.opt.Log.Error("record not understood, the one before stays in force", "key", kv.Key, "revision", int64(kv.Rev), "error", err)
	}
}

// publish recompiles what t names and swaps the table. It reports false if ctx
// ended before that.
func (c *Compiler) publish(ctx context.Context, t *touched, rev store.Rev) bool {
	c.touchLinked(t)
	if !t.empty() {
		maps.Copy(t.stages, c.again)
		clear(c.again)
		c.compileStages(ctx, t.stages, rev)
		if ctx.Err() != nil {
			return false
		}
		for scope := range t.callers {
			c.compileCallers(ctx, scope)
		}
		table, err := c.table(rev)
		if err != nil {
			// Names are made unique before, so this cannot be.
			c.opt.Log.Error("table not published, serving the last one", "revision", int64(rev), "error", err)
			return true
		}
		c.gw.Publish(table)
		c.opt.Clusters.Retain(c.clustersInUse())
		c.opt.Caches.Retain(c.cachesInUse())
		c.retainSeries()
		inUse := c.decisionsInUse()
		c.decisions.Retain(inUse)
		c.tokens.Retain(inUse)
		c.http.decisions.Retain(inUse)
		c.http.tokens.Retain(inUse)
		c.issuers.Retain(c.issuersInUse())
		c.retainSockets(t)
	}
	if !t.empty() {
		names := c.apiNames()
		c.mu.Lock()
		c.names = names
		c.mu.Unlock()
	}
	c.applied.Reach(rev)
	return true
}

// touchLinked adds to t the stages that call through VPC links of t.
func (c *Compiler) touchLinked(t *touched) {
	for id, b := range c.stages {
		for link := range t.links {
			if b.links[link] {
				t.stages[id] = true
			}
		}
	}
}

// Applied returns the revision up to which commits are served; 0: none are yet.
func (c *Compiler) Applied() store.Rev { return max(0, c.applied.Reached()) }

// Wait returns when revision rev is served, or when ctx ends.
func (c *Compiler) Wait(ctx context.Context, rev store.Rev) error { return c.applied.Wait(ctx, rev) }

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
	Refused []Refusal `json:"refused"` // never nil; in a fixed order
}

// Status returns the revision served and the stages that are not served as
// they are stored.
func (c *Compiler) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Status{Applied: c.Applied(), Refused: make([]Refusal, 0, len(c.refused))}
	for _, id := range slices.SortedFunc(maps.Keys(c.refused), compareStages) {
		s.Refused = append(s.Refused, c.refused[id])
	}
	return s
}

// A stageID names a stage everywhere.
type stageID struct {
	record.Scope
	api, name string
}

// compareStages orders stages; those of one API stand together.
func compareStages(a, b stageID) int {
	return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.api, b.api), cmp.Compare(a.name, b.name))
}
