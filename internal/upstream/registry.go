package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"gatehouse/internal/wire"
)

// A Key tells clusters apart: requests whose keys are equal may share
// connections.
type Key struct {
	Scheme string // "http" or "https"
	Host   string // a name or an address, without brackets
	Port   uint16
	// Addresses are connected to in place of Host and Port, which then only say
	// what the backend is called: host:port, several with commas between.
	Addresses string
	TLS       TLS // of https only
}

// Options are the limits of a registry and of each cluster in it. Zero fields
// take the defaults named in their comments.
type Options struct {
	MaxClusters    int           // 10,000; one more is refused when the table is built
	MaxConnections int           // per cluster: 1,024; further requests wait
	MaxIdle        int           // per cluster: 256; more are closed when given back
	MaxWaiting     int           // per cluster: 4,096; further requests fail with ErrOverload
	ConnectTimeout time.Duration // 10 s for address look-up, TCP and TLS together
	IdleTimeout    time.Duration // 30 s; then a kept connection is closed
	Refresh        time.Duration // 5 s between look-ups of a host in use
	Client         wire.ClientLimits
	RootCAs        *x509.CertPool        // the system's
	Lookup         Lookup                // net.DefaultResolver
	Clusters       map[string]Definition // of several endpoints, by name, checked
	Zone           string                // where this node is; empty: nobody is nearer than others
	// Variables finds the $context variables that Selectors name; nil: none.
	Variables func(name string) Variable
}

func (o *Options) setDefaults() {
	setDefault(&o.MaxClusters, 10_000)
	setDefault(&o.MaxConnections, 1024)
	setDefault(&o.MaxIdle, 256)
	setDefault(&o.MaxWaiting, 4096)
	setDefault(&o.ConnectTimeout, 10*time.Second)
	setDefault(&o.IdleTimeout, 30*time.Second)
	setDefault(&o.Refresh, 5*time.Second)
	if o.Lookup == nil {
		o.Lookup = net.DefaultResolver.LookupNetIP
	}
}

func setDefault[T int | float64 | time.Duration | Share](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// A Registry owns the clusters. It outlives the tables that point at them.
type Registry struct {
	opt    Options
	groups *groups

	mu       sync.Mutex // guards the field below; never held while calling out
	clusters map[Key]*Cluster
}

// NewRegistry returns an empty registry. Its Run must be running for idle
// connections to be closed and addresses to be kept current.
func NewRegistry(opt Options) *Registry {
	opt.setDefaults()
	r := &Registry{opt: opt, clusters: make(map[Key]*Cluster)}
	r.groups = newGroups(&r.opt)
	return r
}

// What [Registry.Cluster] refuses.
var (
	ErrTooManyClusters = errors.New("too many different backends")
	ErrBadKey          = errors.New("impossible backend address")
)

// Cluster returns the cluster of k, making it if it does not exist. cert is
// the client certificate that k.TLS.ClientCertificate names, or nil.
func (r *Registry) Cluster(k Key, cert *tls.Certificate) (*Cluster, error) {
	if err := k.check(cert); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.clusters[k]; c != nil {
		return c, nil
	}
	if len(r.clusters) >= r.opt.MaxClusters {
		return nil, fmt.Errorf("%w: the limit is %d", ErrTooManyClusters, r.opt.MaxClusters)
	}
	c := r.newCluster(k, cert)
	r.clusters[k] = c
	return c, nil
}

// Temporary returns a new cluster that nobody else finds: whoever asks for it
// closes it.
func (r *Registry) Temporary(k Key, cert *tls.Certificate) (*Cluster, error) {
	if err := k.check(cert); err != nil {
		return nil, err
	}
	return r.newCluster(k, cert), nil
}

func (k *Key) check(cert *tls.Certificate) error {
	switch {
	case k.Scheme != "http" && k.Scheme != "https":
		return fmt.Errorf("%w: scheme %q", ErrBadKey, k.Scheme)
	case k.Host == "":
		return fmt.Errorf("%w: no host", ErrBadKey)
	case k.Port == 0:
		return fmt.Errorf("%w: no port", ErrBadKey)
	case !validAddresses(k.Addresses):
		return fmt.Errorf("%w: addresses %q", ErrBadKey, k.Addresses)
	case k.Scheme == "http" && k.TLS != TLS{}:
		return fmt.Errorf("%w: TLS settings without TLS", ErrBadKey)
	case (k.TLS.ClientCertificate != "") != (cert != nil):
		return fmt.Errorf("%w: client certificate and its name must come together", ErrBadKey)
	}
	return nil
}

// Retain forgets all clusters but those of keys. Exchanges that still point at
// a forgotten one are served, each over a connection of its own. It is called by
// whoever calls Cluster, once the table made with those is published.
func (r *Registry) Retain(keys map[Key]bool) {
	var gone []*Cluster
	r.mu.Lock()
	for k, c := range r.clusters {
		if !keys[k] {
			gone = append(gone, c)
			delete(r.clusters, k)
		}
	}
	r.mu.Unlock()
	for _, c := range gone {
		c.retire()
	}
	r.groups.tidy()
}

// Close closes all clusters. Requests under way end as they began, waiting
// and later ones fail with ErrClosed.
func (r *Registry) Close() {
	for _, c := range r.Clusters() {
		c.Close()
	}
}

// Clusters returns the clusters there are now.
func (r *Registry) Clusters() []*Cluster {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]*Cluster, 0, len(r.clusters))
	for _, c := range r.clusters {
		list = append(list, c)
	}
	return list
}

const (
	// sweepEvery is how often Run looks for idle connections and old addresses.
	sweepEvery = time.Second
	// lookupsAtOnce bounds the look-ups Run has under way.
	lookupsAtOnce = 8
)

// Run keeps the clusters until ctx ends: it closes connections that have been
// idle for too long, looks up again the hosts that are in use, and checks the
// health of endpoints.
func (r *Registry) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	var lookups sync.WaitGroup
	defer lookups.Wait()
	free := make(chan struct{}, lookupsAtOnce)
	watched := make(map[*group]context.CancelFunc)
	for {
		r.groups.watch(ctx, watched, &lookups)
		select {
		case <-ctx.Done():
			return nil
		case <-r.groups.news:
			continue
		case <-tick.C:
		}
		now := monotonic()
		for _, c := range r.Clusters() {
			c.expire(now - int64(r.opt.IdleTimeout))
			if !c.wantsLookup(now) {
				continue
			}
			select {
			case free <- struct{}{}:
			default:
				continue // at the next tick
			}
			lookups.Go(func() {
				defer func() { <-free }()
				ctx, cancel := context.WithTimeout(ctx, r.opt.ConnectTimeout)
				defer cancel()
				_ = c.addresses.refresh(ctx) // the last list stays in force
			})
		}
	}
}
