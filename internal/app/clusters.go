package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"gatehouse/internal/discovery"
	"gatehouse/internal/gateway"
	"gatehouse/internal/record"
	"gatehouse/internal/service/clusters"
	"gatehouse/internal/service/servicediscovery"
	"gatehouse/internal/upstream"
	"gatehouse/internal/wire"
)

// clustersKey is the key of the clusters of several endpoints in the
// configuration file.
const clustersKey = "clusters"

// maxClusters bounds the clusters of several endpoints.
const maxClusters = 1000

// readClusters reads the map of clusters.
func (c *Config) readClusters(node *yaml.Node) error {
	text, err := yaml.Marshal(node)
	if err != nil {
		return err
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	var all map[string]discovery.Definition
	if err := dec.Decode(&all); err != nil {
		return fmt.Errorf("clusters: want a map, each name with endpoints: %w", err)
	}
	var given map[string]map[string]any
	if err := node.Decode(&given); err != nil {
		return fmt.Errorf("clusters: %w", err)
	}
	c.Clusters, c.Discover = map[string]upstream.Definition{}, map[string]*discovery.Config{}
	for name, one := range all {
		one.Discovered = one.Discover != nil
		c.Clusters[name] = one.Definition
		if err := upstream.CheckZeros(given[name]); err != nil {
			return fmt.Errorf("clusters: %s: %s", name, strings.ReplaceAll(err.Error(), "\n", "; "))
		}
		if one.Discovered {
			c.Discover[name] = one.Discover
		}
	}
	return nil
}

// clusterName is what clusters and releases may be called.
var clusterName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// checkClusters reports clusters that cannot be.
func (c *Config) checkClusters() error {
	if len(c.Clusters) > maxClusters {
		return fmt.Errorf("clusters: %d are more than %d", len(c.Clusters), maxClusters)
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(c.Clusters)) {
		def := c.Clusters[name]
		if !clusterName.MatchString(name) {
			errs = append(errs, fmt.Errorf("clusters: %q is not a name: write small letters, digits and dashes", name))
		}
		if err := errors.Join(def.Check(), def.CheckSelectors(contextVariable)); err != nil {
			errs = append(errs, fmt.Errorf("clusters: %s: %s", name, strings.ReplaceAll(err.Error(), "\n", "; ")))
		}
		if d := c.Discover[name]; d != nil {
			if err := d.Check(); err != nil {
				errs = append(errs, fmt.Errorf("clusters: %s: %s", name, strings.ReplaceAll(err.Error(), "\n", "; ")))
			}
		}
	}
	for _, arn := range slices.Sorted(maps.Keys(c.LoadBalancers)) {
		errs = append(errs, c.checkBalancer(arn))
	}
	return errors.Join(errs...)
}

// contextVariable finds a $context variable for the choice of endpoints: those of
// REST and HTTP APIs.
func contextVariable(name string) upstream.Variable {
	get := gateway.HTTPContextVar(name)
	if rest := gateway.ContextVar(name); get == nil {
		get = rest
	}
	if get == nil {
		return nil
	}
	return func(s upstream.Subject) string {
		x, ok := s.(*gateway.Exchange)
		if !ok {
			return ""
		}
		from := len(x.Buf)
		x.Buf = get(x.Buf, x)
		return wire.String(x.Buf[from:])
	}
}

// checkBalancer reports a load balancer that is a cluster whose name cannot be, or
// more than that. The cluster, or release, may be put while the server runs.
func (c *Config) checkBalancer(arn string) error {
	addrs := strings.Split(c.LoadBalancers[arn], ",")
	for _, addr := range addrs {
		host, _, _ := strings.Cut(addr, ":")
		name, ok := strings.CutSuffix(host, ".cluster")
		switch {
		case !ok:
		case !clusterName.MatchString(name):
			return fmt.Errorf("load-balancer: %q is not the name of a cluster: write small letters, digits and dashes", name)
		case len(addrs) > 1:
			return fmt.Errorf("load-balancer: %s is a cluster: give no other address beside it", addr)
		}
	}
	return nil
}

// openDiscovery makes what keeps the endpoints of all clusters current.
func (n *node) openDiscovery() error {
	n.cloudMap = servicediscovery.New(n.st, servicediscovery.Options{DNS: n.cfg.DNS != ""}, n.log)
	n.registry = servicediscovery.NewFollower(n.st, n.log)
	sur := discovery.Surroundings{Account: n.credential.AccountID, Registry: n.registry, AWS: n.aws}
	all := make(map[string]discovery.Cluster, len(n.cfg.Clusters))
	for name, def := range n.cfg.Clusters {
		c := discovery.Cluster{Fixed: def.Endpoints}
		if d := n.cfg.Discover[name]; d != nil {
			var err error
			if c.Source, err = d.Source(sur); err != nil {
				return fmt.Errorf("clusters: %s: %w", name, err)
			}
			c.MayEmpty = d.MayEmpty()
		}
		all[name] = c
	}
	n.sources = sur
	n.discovery = discovery.NewKeeper(all, n.clusters, n.log)
	n.services = &serviceClusters{clusters: n.clusters, keeper: n.discovery, sources: sur, asked: map[string]time.Time{}}
	n.changes = clusters.New(n.st, n.credential.AccountID, n.discovery, n.log)
	n.plain = servicediscovery.NewPlain(n.cloudMap, record.Scope{Account: n.credential.AccountID, Region: registrationRegion}, n.settle)
	return n.readTokens()
}

// registrationRegion is where plain registration registers.
const registrationRegion = "us-east-1"

// maxTokensFile bounds the file of tokens.
const maxTokensFile = 4 << 20

// readTokens reads who may register by plain HTTP.
func (n *node) readTokens() error {
	name := n.cfg.RegistrationTokens
	if name == "" {
		return nil
	}
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("registration-tokens: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(io.LimitReader(f, maxTokensFile+1))
	if err == nil && len(text) > maxTokensFile {
		err = errors.New("larger than 4 MiB")
	}
	if err != nil {
		return fmt.Errorf("registration-tokens: %w", err)
	}
	tokens, err := servicediscovery.ParseTokens(text)
	if err != nil {
		return fmt.Errorf("registration-tokens: %s: %w", name, err)
	}
	n.plain.SetTokens(tokens)
	return nil
}

// A ClusterStatus is how a cluster does, and the source of its endpoints.
type ClusterStatus struct {
	upstream.Status
	Discovery *discovery.Status `json:"discovery,omitempty"`
}

// clusterStatus tells how the clusters of several endpoints do.
func (n *node) clusterStatus() []ClusterStatus {
	list := []ClusterStatus{}
	for _, s := range n.clusters.Status() {
		list = append(list, ClusterStatus{s, n.discovery.Status(s.Name)})
	}
	return list
}

// showClusters tells how the clusters of several endpoints do, or the one that
// the path names.
func (a *admin) showClusters(w http.ResponseWriter, r *http.Request) {
	list := a.clusters()
	name := r.PathValue("name")
	if name == "" {
		writeJSON(w, http.StatusOK, map[string]any{"clusters": list})
		return
	}
	for i := range list {
		if list[i].Name == name {
			writeJSON(w, http.StatusOK, list[i])
			return
		}
	}
	writeJSON(w, http.StatusNotFound, map[string]string{"message": fmt.Sprintf("there is no cluster %q", name)})
}
