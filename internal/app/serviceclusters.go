package app

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/arn"
	"gatehouse/internal/discovery"
	"gatehouse/internal/record"
	"gatehouse/internal/upstream"
)

// A serviceClusters makes clusters of services of this server's Cloud Map, for
// integrations that name one, and forgets those that nobody calls any more.
type serviceClusters struct {
	clusters *upstream.Registry
	keeper   *discovery.Keeper
	sources  discovery.Surroundings

	mu    sync.Mutex           // guards the field below; held while a cluster is made or forgotten
	asked map[string]time.Time // when somebody last asked for each
}

// get returns the host name of the cluster of a service of this
// server's Cloud Map, making it if there is none. Its ARN may end in a query: the
// attributes that instances must have.
//
// AWS: http-api-develop-integrations-private, "You can use query parameters to
// target specific resources".
func (s *serviceClusters) get(scope record.Scope, text string) (host string, err error) {
	name, query, _ := strings.Cut(text, "?")
	a, err := arn.Parse(name)
	id, ok := strings.CutPrefix(a.Resource, "service/")
	if err != nil || !ok || a.Account != scope.Account || a.Region != scope.Region {
		return "", fmt.Errorf("%q is no service of Cloud Map in %s of %s", text, scope.Region, scope.Account)
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", fmt.Errorf("%q: %w", text, err)
	}
	attributes := map[string]string{}
	for k := range values {
		attributes[k] = values.Get(k)
	}
	cluster := strings.ToLower(id) + ".cloud-map"
	if query != "" {
		sum := sha256.Sum256([]byte(values.Encode()))
		cluster = fmt.Sprintf("%s-%x.cloud-map", strings.ToLower(id), sum[:4])
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[cluster] = time.Now()
	if s.keeper.Has(cluster) {
		return cluster + ".cluster", nil // to define it again would take its endpoints away
	}
	if err := s.clusters.Define(cluster, upstream.Definition{Discovered: true}); err != nil {
		return "", err
	}
	source := discovery.ServiceSource(discovery.ServiceName{Account: scope.Account, Region: scope.Region, ID: id}, attributes, s.sources)
	s.keeper.Add(cluster, discovery.Cluster{Source: source, MayEmpty: true})
	return cluster + ".cluster", nil
}

const (
	// idleServices is how long after it was asked for a cluster that nobody calls
	// stays: who asks calls it when the stage that it is for is served.
	idleServices = 10 * time.Minute
	// sweepServices is how often such clusters are looked for.
	sweepServices = time.Minute
)

// run forgets clusters until ctx ends.
func (s *serviceClusters) run(ctx context.Context) error {
	tick := time.NewTicker(sweepServices)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			s.sweep(now)
		}
	}
}

func (s *serviceClusters) sweep(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, asked := range s.asked {
		if now.Sub(asked) >= idleServices && !s.clusters.Called(name) {
			delete(s.asked, name)
			s.keeper.Forget(name)
			s.clusters.Undefine(name)
		}
	}
}
