// Package app puts everything together: it opens the store, starts both
// planes and the admin server, and ends them in order. It is the only package
// that knows all parts.
//
// [Config] is what a server is told at start, [Run] is the server.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse/internal/awsclient"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/discovery"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/compile"
	"gatehouse/internal/gateway/ingress"
	"gatehouse/internal/gateway/integration"
	"gatehouse/internal/gateway/wsapi"
	"gatehouse/internal/handover"
	"gatehouse/internal/identity"
	"gatehouse/internal/rollup"
	"gatehouse/internal/seal"
	"gatehouse/internal/service/acm"
	"gatehouse/internal/service/cloudformation"
	"gatehouse/internal/service/cloudtrail"
	"gatehouse/internal/service/cloudwatch"
	"gatehouse/internal/service/clusters"
	"gatehouse/internal/service/iam"
	"gatehouse/internal/service/logs"
	"gatehouse/internal/service/s3"
	"gatehouse/internal/service/servicediscovery"
	"gatehouse/internal/service/xray"
	"gatehouse/internal/sigv4"
	"gatehouse/internal/store"
	"gatehouse/internal/store/boltstore"
	"gatehouse/internal/upstream"
	"gatehouse/internal/usage"
	"gatehouse/internal/websocket"
)

// Surroundings are what a server is given by its process.
type Surroundings struct {
	Out    io.Writer        // lines for people, at start
	Log    *slog.Logger     // the server's own log
	Reopen <-chan os.Signal // opens log files and certificates again

	// Upgrade puts Program, started with Args, into the place of this process.
	Upgrade <-chan os.Signal
	Program string
	Args    []string
	// Inherited is what the process was started with. Nil: nothing.
	Inherited *handover.Inheritance

	// FunctionInit is a program that calls function.Init first, so that instances
	// can have sandboxes. Empty: they have none.
	FunctionInit string
}

// Run serves until ctx ends, then lets running exchanges finish for as long as
// cfg.Drain. cfg must have passed [Config.Check]. Run returns nil when the end
// was asked for, whether or not all exchanges had finished.
func Run(ctx context.Context, cfg *Config, sur Surroundings) error {
	n := &node{cfg: cfg, sur: sur, log: sur.Log, late: newLate()}
	err := n.open()
	if err == nil {
		err = n.run(ctx)
	}
	return errors.Join(err, n.close())
}

// A node is a server with all its parts.
type node struct {
	cfg *Config
	sur Surroundings
	log *slog.Logger

	st          *boltstore.Store
	usage       *boltstore.Store // of meter
	meter       *usage.Meter
	blobs       *store.Blobs
	credential  awsrpc.Credential
	identities  *identity.Registry
	follower    *iam.Follower
	groups      *logs.Service // CloudWatch Logs
	logs        *accessLogs
	recordings  *recordings // nil: none are kept
	clusters    *upstream.Registry
	discovery   *discovery.Keeper
	releases    releases
	sources     discovery.Surroundings
	services    *serviceClusters
	changes     *clusters.Service
	plain       *servicediscovery.Plain
	registry    *servicediscovery.Follower
	dns         *dnsServer // nil: none
	cloudMap    *servicediscovery.Service
	certs       *acm.Service
	aws         *awsclient.Client
	caches      *integration.Caches
	metrics     *compile.Metrics
	rollups     *rollup.Store
	recorder    *recorder
	watch       *cloudwatch.Service
	trail       *cloudtrail.Service
	telemetry   telemetry // what OpenTelemetry gets
	traces      *xray.Service
	xrayTo      *xrayDaemon  // nil: there is none
	xrayHere    *xray.Daemon // nil: there is none
	gateway     *gateway.Gateway
	sockets     *wsapi.Hub
	connections *wsapi.Connections
	functions   *functions
	seal        *seal.Sealer
	buckets     *s3.Service
	compiler    *compile.Compiler
	stacks      *cloudformation.Service
	front       *front

	serving atomic.Bool // between start and drain
	closed  atomic.Bool // the stores are
	handed  atomic.Bool // another process has the data directory

	late     *lateLines
	partLine partLine // only who inherits touches it
	giveUp   func()   // ends all that keeps something in the data directory

	failedUpgrades int    // see Running
	whyNoUpgrade   string // the last one that failed
}

// open makes the parts, lowest first: data directory, store, credential,
// engines, addresses. What it opened before an error, close closes.
func (n *node) open() error {
	cfg := n.cfg
	if err := makeDataDir(cfg.Data, n.log); err != nil {
		return err
	}
	err := n.await()
	if err != nil {
		return err
	}
	if err = n.openTelemetry(); err != nil {
		return err
	}
	if n.st, err = openStore(cfg.storeFile()); err != nil {
		return err
	}
	if n.usage, err = openUsage(cfg.usageFile()); err != nil {
		return err
	}
	n.meter = usage.New(n.usage, n.log)
	// From here on the directory is ours; what a crash left there is not true.
	if err := os.Remove(cfg.runFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove what the last run left: %w", err)
	}
	if n.credential, err = awsrpc.RootCredential(cfg.Data, cfg.Account); err != nil {
		return err
	}
	n.credential.Keys = new(sigv4.KeyCache)
	n.identities = new(identity.Registry)
	n.follower = iam.NewFollower(n.st, n.identities, n.log)
	root := identity.Root(n.credential.AccountID, "aws")
	n.follower.Always = []*identity.Credential{{
		AccessKey: n.credential.AccessKey, Secret: identity.Secret(n.credential.SecretKey.Reveal()), Principal: &root, Active: true,
	}}
	n.blobs = store.NewBlobs(n.st, "/")
	if n.seal, err = n.openSeal(); err != nil {
		return err
	}
	if n.rollups, err = rollup.Open(cfg.metricsDir(), rollup.Options{MaxBytes: int64(cfg.MetricsSize), MaxSeries: cfg.MaxMetrics, Log: n.log}); err != nil {
		return err
	}
	n.buckets = s3.New(n.st, n.blobs, n.seal)
	n.buckets.Directory = iam.NewPrincipals(n.st)
	n.groups = n.openGroups()
	if n.trail, err = n.openTrail(); err != nil {
		return err
	}
	if err := n.openTraces(); err != nil {
		return err
	}
	if n.recordings, err = openRecordings(cfg, n.log); err != nil {
		return err
	}
	if n.logs, err = n.openAccessLogs(); err != nil {
		return err
	}
	n.clusters = upstream.NewRegistry(upstream.Options{MaxConnections: cfg.BackendConnections, Clusters: cfg.Clusters, Zone: cfg.Zone, Variables: contextVariable})
	if n.aws, err = n.openAWS(); err != nil {
		return err
	}
	if err := n.openDiscovery(); err != nil {
		return err
	}
	if err := errors.Join(n.openReleases(), n.openDNS()); err != nil {
		return err
	}
	if n.functions, err = n.openFunctions(); err != nil {
		return err
	}
	n.caches = new(integration.Caches)
	n.metrics = compile.NewMetrics()
	n.gateway = &gateway.Gateway{Recorder: n.recordings.recorder(cfg), Bodies: gateway.Bodies{Request: int64(cfg.MaxBody), Response: int64(cfg.MaxResponseBody)}}
	endpoints, err := cfg.vpcEndpoints()
	if err != nil {
		return err
	}
	opt := compile.Options{Identities: n.identities, Organization: cfg.Organization, Endpoints: endpoints, ClientOCSP: cfg.TruststoreOCSP,
		Clusters: n.clusters, CloudMap: n.services.get, AWS: n.aws, Functions: auditedFunctions{n.functions.router, n.trail}, LoadBalancers: cfg.LoadBalancers, UserPools: cfg.UserPools, TokenLeeway: cfg.TokenLeeway, Log: n.log, Quotas: n.meter, AccountRate: cfg.AccountRate, AccountBurst: cfg.AccountBurst,
		Caches: n.caches, Metrics: n.metrics, CacheMemory: int64(cfg.CacheMemory)}
	opt.Logs = n.logs
	opt.Segments, opt.SegmentsV2, opt.Samplers = n.segments(), n.segmentsV2(), n.traces.Sampler
	n.sockets = wsapi.New(n.gateway, wsapi.Options{Conns: cfg.MaxConnections, Deflate: cfg.WebSocketDeflate, Log: n.log, Limits: websocket.Limits{
		Message: int(cfg.WebSocketMessage), Frame: int(cfg.WebSocketFrame), Idle: cfg.WebSocketIdle, Life: cfg.WebSocketLife,
	}})
	n.connections = &wsapi.Connections{MaxMessage: int(cfg.WebSocketMessage)}
	opt.Sockets, opt.Connections = n.sockets, &gateway.Plan{Integration: n.connections}
	n.compiler = compile.New(n.st, n.blobs, n.gateway, opt)
	n.recorder = &recorder{to: n.rollups, names: n.compiler.APINames, log: n.log}
	n.front, err = n.openFront(ingress.Serve(n.gateway, n.log))
	return err
}

// makeDataDir makes the data directory, for its owner only.
func makeDataDir(dir string, log *slog.Logger) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		log.Warn("others can look into the data directory: make it private with chmod 700", "directory", dir, "mode", fmt.Sprintf("%04o", perm))
	}
	return nil
}

// openUsage opens the store of usage counts. Nobody watches it, so it needs no
// history.
func openUsage(file string) (*boltstore.Store, error) {
	st, err := boltstore.Open(file, boltstore.Options{History: 1, HistoryBytes: 1})
	if errors.Is(err, boltstore.ErrDamaged) {
		return nil, fmt.Errorf("%w: move %s away, and all quotas begin anew", err, file)
	}
	return st, err
}

func openStore(file string) (*boltstore.Store, error) {
	st, err := boltstore.Open(file, boltstore.Options{})
	switch {
	case errors.Is(err, boltstore.ErrLocked):
		return nil, fmt.Errorf("another server uses this data directory: stop it, or choose another directory with --data (%w)", err)
	case errors.Is(err, boltstore.ErrDamaged):
		return nil, fmt.Errorf("%w: put back a backup of %s, and keep this file for analysis", err, file)
	}
	return st, err
}

// run starts the parts and serves until ctx ends or a part fails. What requests
// need ends after the front, which needs it to drain; so does what keeps something
// in the data directory, unless that is given up before.
func (n *node) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	parts, endParts := context.WithCancel(context.WithoutCancel(ctx))
	defer endParts()
	keepers, endKeepers := context.WithCancel(parts)
	defer endKeepers()
	var kept sync.WaitGroup
	n.giveUp = func() {
		endKeepers()
		kept.Wait()
		if err := n.closeStores(); err != nil {
			n.log.Error("store not closed cleanly", "error", err)
		}
	}
	for _, run := range n.parts() {
		g.Go(func() error { return unlessEnded(parts, run(parts)) })
	}
	for _, run := range n.keepers() {
		kept.Add(1)
		g.Go(func() error {
			defer kept.Done()
			return unlessEnded(keepers, run(keepers))
		})
	}
	g.Go(func() error {
		defer endParts()
		return unlessEnded(ctx, n.serve(ctx))
	})
	return g.Wait()
}

// unlessEnded returns err, or nil if err only says that ctx has ended: whoever was
// asked to end has not failed.
func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// parts are what requests are served with.
func (n *node) parts() []func(context.Context) error {
	return []func(context.Context) error{
		n.functions.host.Run, n.xrayTo.run, n.sendTelemetry, n.clusters.Run, n.discovery.Run, n.services.run, n.aws.Run, n.caches.Run, n.logs.Run, n.tellLate,
	}
}

// keepers are what keeps something in the data directory, or follows what is
// stored there.
func (n *node) keepers() []func(context.Context) error {
	sweep := &sweeper{st: n.st, blobs: n.blobs, functions: n.functions.service, buckets: n.buckets, log: n.log}
	return []func(context.Context) error{
		n.functions.syncer.Run, n.trail.Run, n.compiler.Run, n.follower.Run, n.meter.Run,
		n.registry.Run, n.serveDNS, n.cloudMap.Run, n.certs.Run, n.changes.Run, n.releases.follower.Run, n.releases.pilot.Run,
		n.countStages, n.countRoutes, n.countFunctions, n.countClusters, n.rollups.Run, n.watch.Run,
		n.groups.Run, n.traces.Run, n.serveXRay, n.recordings.Run, sweep.Run, n.workOnStacks, n.reopen, n.serveAdmin,
	}
}

// serve opens the doors once everything stored is compiled, and closes them
// when ctx ends.
func (n *node) serve(ctx context.Context) error {
	if err := n.configureFunctions(ctx); err != nil {
		return err
	}
	rev, err := n.revision(ctx)
	if err != nil {
		return fmt.Errorf("read the store: %w", err)
	}
	if err := errors.Join(n.compiler.Wait(ctx, rev), n.follower.Wait(ctx, rev), n.functions.syncer.Wait(ctx, rev), n.registry.Wait(ctx, rev), n.changes.Wait(ctx, rev), n.releases.follower.Wait(ctx, rev), n.groups.Wait(ctx, rev), n.traces.Wait(ctx, rev)); err != nil {
		return nil // the end was asked for before the start was done
	}
	// From here on all is well: the addresses are open, and who calls before
	// serve accepts waits in the kernel.
	if err := n.receive(); err != nil {
		return err
	}
	n.serving.Store(true)
	stop := context.AfterFunc(ctx, func() { n.serving.Store(false) })
	defer stop()
	if err := n.announce(); err != nil {
		return err
	}
	if err := n.takeOver(); err != nil {
		return err
	}
	forgetStart()
	defer n.retract()
	g, ctx := errgroup.WithContext(ctx)
	ctx, end := context.WithCancel(ctx)
	defer end()
	alone := make(chan struct{})
	g.Go(func() error {
		defer close(alone)
		n.aftermath(ctx)
		return nil
	})
	g.Go(func() error { return n.upgrades(ctx, alone, end) })
	g.Go(func() error { return n.front.serve(ctx) })
	return g.Wait()
}

// revision is the newest revision of the store.
func (n *node) revision(ctx context.Context) (store.Rev, error) {
	page, err := n.st.List(ctx, "", "", 1)
	return page.Rev, err
}

// replyWait bounds how long the reply to a change waits for the data plane.
const replyWait = 250 * time.Millisecond

// settle returns when requests are served from all that was committed before,
// so that a script may deploy and call at once; or after replyWait.
func (n *node) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, replyWait)
	defer cancel()
	if rev, err := n.revision(ctx); err == nil {
		// Late is not wrong: the change is durable.
		_ = n.follower.Wait(ctx, rev)
		_ = n.compiler.Wait(ctx, rev)
		_ = n.functions.syncer.Wait(ctx, rev)
		_ = n.releases.follower.Wait(ctx, rev)
		_ = n.registry.Wait(ctx, rev)
		_ = n.changes.Wait(ctx, rev)
		_ = n.groups.Wait(ctx, rev)
		_ = n.traces.Wait(ctx, rev)
	}
}

// close closes what is open, in reverse.
func (n *node) close() error {
	if n.front != nil {
		n.front.close()
	}
	closeXRay(n.xrayHere)
	n.dns.close()
	if n.clusters != nil {
		n.clusters.Close()
	}
	if n.aws != nil {
		n.aws.Close()
	}
	n.telemetry.close()
	return n.closeStores()
}

// closeStores closes what the data directory holds, once.
func (n *node) closeStores() error {
	if n.closed.Swap(true) {
		return nil
	}
	var errs []error
	if n.rollups != nil {
		errs = append(errs, n.rollups.Close())
	}
	if n.usage != nil {
		errs = append(errs, n.usage.Close())
	}
	if n.st != nil {
		errs = append(errs, n.st.Close())
	}
	return errors.Join(errs...)
}
