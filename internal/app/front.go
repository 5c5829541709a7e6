package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/gateway/ingress"
	"gatehouse/internal/gateway/wsapi"
	"gatehouse/internal/handover"
	"gatehouse/internal/service/acm"
	"gatehouse/internal/service/cloudformation"
	"gatehouse/internal/service/cloudwatch"
	"gatehouse/internal/service/iam"
	"gatehouse/internal/service/lambda"
	releasesapi "gatehouse/internal/service/releases"
	"gatehouse/internal/service/servicediscovery"
	"gatehouse/internal/service/sts"
	"gatehouse/internal/wire"
)

// Bounds of the server of the AWS APIs. Calls have small heads; bodies (6 MB)
// and answers must be through within callTime, sent by one who is slow or not.
const (
	apiHeadTime = 10 * time.Second
	apiHeadSize = 64 << 10 // a session token alone may have some KB
	apiIdleTime = 2 * time.Minute
	callTime    = time.Minute
	invokeTime  = 15*time.Minute + callTime // of a call that runs a function
)

// cutTime is what exchanges that were cut off at the end of the drain have to
// notice it.
const cutTime = 500 * time.Millisecond

// A front is everything that listens.
type front struct {
	api, listen, listenTLS, admin net.Listener // nil: not asked for

	server  *http.Server // of api
	calls   conns        // of server
	ingress *ingress.Ingress
	sockets *wsapi.Hub
	keys    *certificate // of listenTLS
	clients *clients     // of listenTLS; nil: they need no certificate
	proxies []netip.Prefix
	drain   time.Duration

	noCalls   chan struct{} // closed when no more calls of the AWS APIs are to be answered
	callsDone chan struct{} // closed when none is being answered
}

// openFront opens all addresses and makes the servers behind them.
func (n *node) openFront(exchanges wire.Handler) (*front, error) {
	cfg := n.cfg
	proxies, err := cfg.proxies()
	if err != nil {
		return nil, err
	}
	f := &front{drain: cfg.Drain, proxies: proxies, noCalls: make(chan struct{}), callsDone: make(chan struct{})}
	for _, l := range []struct {
		name, addr string
		to         *net.Listener
	}{
		{"api", cfg.API, &f.api}, {"listen", cfg.Listen, &f.listen}, {"listen-tls", cfg.ListenTLS, &f.listenTLS}, {"admin", cfg.Admin, &f.admin},
	} {
		if l.addr == "" {
			continue
		}
		opened, err := n.listen(l.name, l.addr)
		if err != nil {
			f.close()
			return nil, err
		}
		*l.to = opened
	}
	err = n.openServers(f, exchanges)
	if err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

func (n *node) openServers(f *front, exchanges wire.Handler) error {
	cfg := n.cfg
	limits := cfg.limits()
	access := iam.NewAccess(n.credential, n.identities)
	open := &sockets{n.sockets, n.gateway}
	access.Stage = open.stage
	access.Buckets, n.buckets.Authorizer = n.buckets, access
	access.Resources = iam.NewResources(n.st)
	api := &late{}
	stored := objects{n.aws, n.buckets}
	n.watch = cloudwatch.New(n.st, n.rollups, cloudwatch.Options{Actions: newAlarmActions(cfg.AlarmActions, auditedFunctions{n.functions.router, n.trail}, n.aws), Log: n.log})
	n.stacks = cloudformation.New(n.st, cloudformation.Options{API: api, Inert: inertTypes(cfg.CloudFormationInert), Settled: n.settle, Templates: stored,
		Roles: stackRoles{access, sts.New(n.identities, nil)}, AnswersAt: n.answersAt(f), Seal: n.seal, Log: n.log})
	access.ChangeSets = n.stacks
	n.certs = acm.New(n.st, n.blobs, n.log)
	mounts := services(cfg, &parts{
		st:        n.st,
		blobs:     n.blobs,
		data:      n.compiler,
		meter:     n.meter,
		who:       n.identities,
		roles:     access,
		functions: n.functions.service,
		trust:     &truststores{dir: cfg.TruststoreDir, objects: stored},
		sockets:   open,
		stacks:    n.stacks,
		cloudMap:  n.cloudMap,
		certs:     n.certs,
		groups:    n.groups,
		buckets:   n.buckets,
		seal:      n.seal,
		changes:   n.changes,
		watch:     n.watch,
		trail:     n.trail,
		traces:    n.traces,
	})
	calls, err := awsrpc.NewHandler(append(mounts, releasesapi.Mount(n.releases.service)), awsrpc.Options{
		Credentials: access, Authorizer: access, Audit: n.trail, Dev: cfg.Dev, Account: cfg.Account, Wait: n.settle, Log: n.log,
	})
	if err != nil {
		return err
	}
	n.connections.Calls = calls
	f.sockets = n.sockets
	api.calls = calls
	opt := ingress.Options{HTTP1: ingress.Engine(cfg.HTTP1), Limits: limits, Log: n.log}
	if f.listenTLS != nil {
		if f.keys, err = readCertificate(cfg.TLSCert, cfg.TLSKey); err != nil {
			return err
		}
		if cfg.TLSClientCA != "" {
			if f.clients, err = readClients(cfg, n.log); err != nil {
				return err
			}
			n.gateway.Clients = &f.clients.rule
		}
		opt.TLS = f.keys.config(n.gateway)
	}
	f.server = &http.Server{
		Handler:           apiHandler(calls, prefixed{lambda.DownloadPath: n.functions.service, servicediscovery.PlainPath: n.plain, cloudformation.AnswerPath: n.stacks}, ingress.Std(exchanges, limits)),
		ReadHeaderTimeout: apiHeadTime,
		IdleTimeout:       apiIdleTime,
		MaxHeaderBytes:    apiHeadSize,
		ErrorLog:          slog.NewLogLogger(n.log.Handler(), slog.LevelDebug),
	}
	f.calls.watch(f.server)
	f.ingress, err = ingress.New(exchanges, opt)
	return err
}

// limits are what an API client may make the gateway hold.
func (c *Config) limits() ingress.Limits {
	return ingress.Limits{
		Limits: wire.Limits{
			Head: wire.HeadLimits{Header: int(c.MaxHead)},
			Body: int64(c.MaxBody), BufferedBody: int(c.BufferBody),
			Conns:     c.MaxConnections,
			Handshake: c.HeadTimeout, ReadHead: c.HeadTimeout,
			BodyIdle: c.BodyIdle, ReadBody: c.BodyTimeout,
			Idle:      c.IdleTimeout,
			WriteIdle: c.WriteIdle, Write: c.WriteTimeout,
		},
		Drain: c.Drain,
	}
}

// apiHandler serves the address of the AWS APIs, where the data plane can be
// called too.
func apiHandler(calls http.Handler, beside prefixed, exchanges http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ingress.IsDataPlane(r) {
			exchanges.ServeHTTP(w, r) // keeps times of its own
			return
		}
		ingress.EndUpgrade(w, r)
		rc := http.NewResponseController(w)
		end := time.Now().Add(timeOf(r))
		if err := errors.Join(rc.SetReadDeadline(end), rc.SetWriteDeadline(end)); err != nil {
			panic(fmt.Sprintf("the API server's connections have no deadlines: %v", err))
		}
		if h := beside.of(r.URL.Path); h != nil {
			h.ServeHTTP(w, r)
			return
		}
		calls.ServeHTTP(w, r)
	})
}

// A prefixed is what is served beside the AWS APIs, by the beginnings of its paths.
type prefixed map[string]http.Handler

func (p prefixed) of(path string) http.Handler {
	for prefix, h := range p {
		if strings.HasPrefix(path, prefix) {
			return h
		}
	}
	return nil
}

// answersAt is where functions reach this server.
func (n *node) answersAt(f *front) string {
	if n.cfg.CloudFormationAnswers != "" {
		return strings.TrimRight(n.cfg.CloudFormationAnswers, "/")
	}
	if f.api == nil {
		return ""
	}
	return "http://" + reachable(addrOf(f.api))
}

// timeOf is how long a call may take.
func timeOf(r *http.Request) time.Duration {
	if strings.HasSuffix(r.URL.Path, "/invocations") || strings.HasSuffix(r.URL.Path, "/response-streaming-invocations") {
		return invokeTime
	}
	return callTime
}

// serve serves the AWS APIs and the data plane until ctx ends, then lets what
// runs finish.
func (f *front) serve(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return f.serveCalls(ctx) })
	g.Go(func() error { return f.sockets.Run(ctx) })
	g.Go(func() error { return f.ingress.Run(ctx, f.introduced(f.listen), f.introduced(f.listenTLS)) })
	ended := make(chan error, 1)
	go func() { ended <- g.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(f.drain + cutTime):
		// An exchange that waits for its backend ends no sooner than its
		// integration's time-out. The end of the process cuts it off.
		return nil
	}
}

// serveCalls serves the AWS APIs until ctx ends, or no more calls are to be
// answered.
func (f *front) serveCalls(ctx context.Context) error {
	defer close(f.callsDone)
	l := ingress.Strict(f.api, apiHeadSize, apiHeadTime)
	ended := make(chan error, 1)
	go func() { ended <- f.server.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-f.noCalls:
	case <-ctx.Done():
	}
	_ = l.Close() // closing twice is the only error
	<-ended       //nolint:errcheck // it says that the listener is closed
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), f.drain)
	defer stop()
	f.calls.end(ctx, f.server)
	return nil
}

// stopCalls returns when no call of the AWS APIs is being answered. New ones wait
// in the kernel for whoever else has the socket.
func (f *front) stopCalls() {
	close(f.noCalls)
	<-f.callsDone
}

// copies are the listening sockets, for a successor.
func (f *front) copies(cfg *Config) (list []handover.Socket, err error) {
	for _, l := range []struct {
		name, addr string
		of         net.Listener
	}{{"api", cfg.API, f.api}, {"listen", cfg.Listen, f.listen}, {"listen-tls", cfg.ListenTLS, f.listenTLS}, {"admin", cfg.Admin, f.admin}} {
		if l.of == nil {
			continue
		}
		s, err := handover.Copy(l.name, l.addr, l.of)
		if err != nil {
			closeCopies(list)
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

func closeCopies(list []handover.Socket) {
	for _, s := range list {
		s.Close()
	}
}

// introduced is a list of l, or of none, which believes proxies who their clients
// are.
func (f *front) introduced(l net.Listener) []net.Listener {
	switch {
	case l == nil:
		return nil
	case len(f.proxies) > 0:
		return []net.Listener{ingress.Introduced(l, f.proxies)}
	}
	return []net.Listener{l}
}

// serveHTTP serves l until ctx ends.
func serveHTTP(ctx context.Context, s *http.Server, l net.Listener) error {
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	_ = s.Close() // what runs is cut off
	<-ended       //nolint:errcheck // it says that the server is closed
	return nil
}

// close closes the addresses. Those that were served are closed already.
func (f *front) close() {
	for _, l := range []net.Listener{f.api, f.listen, f.listenTLS, f.admin} {
		if l != nil {
			_ = l.Close() // closing twice is the only error
		}
	}
}

// serveAdmin serves the admin address from before the doors open to after
// they closed.
func (n *node) serveAdmin(ctx context.Context) error {
	if n.front.admin == nil {
		return nil
	}
	a := &admin{
		status: n.compiler.Status, rev: n.revision, backup: n.st.Backup, serving: n.serving.Load, log: n.log,
		caches: n.caches.Stats, clusters: n.clusterStatus, metrics: n.metricsHandler(), traffic: n.metrics, names: n.compiler.APINames, recorded: n.recordings,
	}
	s := &http.Server{
		Handler:           a.handler(n.cfg.PProf),
		ReadHeaderTimeout: adminHeaderTime,
		IdleTimeout:       adminIdleTime,
		MaxHeaderBytes:    adminHeaderSize,
		ErrorLog:          slog.NewLogLogger(n.log.Handler(), slog.LevelDebug),
	}
	return serveHTTP(ctx, s, n.front.admin)
}
