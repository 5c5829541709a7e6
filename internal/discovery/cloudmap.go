package discovery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/awsclient"
	"gatehouse/internal/wire"
)

// A CloudMap finds endpoints among the instances of a service of AWS Cloud Map:
// of the registry that this server is, or of one elsewhere.
type CloudMap struct {
	Namespace string `yaml:"namespace"`
	Service   string `yaml:"service"`
	Account   string `yaml:"account"` // that of the root credential; of this server only
	Region    string `yaml:"region"`  // us-east-1
	// Elsewhere asks the service-endpoint of data-servicediscovery instead of
	// this server, every Interval.
	Elsewhere bool          `yaml:"elsewhere"`
	Interval  time.Duration `yaml:"interval"` // 5 s
	// Port is that of instances without AWS_INSTANCE_PORT.
	Port int `yaml:"port"`
	// Attributes are those that instances must have.
	Attributes map[string]string `yaml:"attributes"`
	// Health says which instances are taken: healthy, those that are not
	// UNHEALTHY, and if there is none all; or all.
	Health string `yaml:"health"`
}

func (c *CloudMap) check() error {
	switch {
	case c.Namespace == "" || c.Service == "":
		return errors.New("want a namespace and a service")
	case c.Health != "" && c.Health != "healthy" && c.Health != "all":
		return fmt.Errorf("health: %q is neither healthy nor all", c.Health)
	case c.Port < 0 || c.Port > 65535:
		return errors.New("port: want one between 1 and 65535")
	case c.Interval != 0 && c.Interval < time.Second:
		return errors.New("interval: shorter than 1s")
	case !c.Elsewhere && c.Interval != 0:
		return errors.New("interval: this server's own registry tells of changes by itself")
	case c.Elsewhere && c.Account != "":
		return errors.New("account: elsewhere it is that of the credentials")
	}
	return nil
}

// A ServiceName says which service of this server's Cloud Map is meant: by its
// names, or by its id.
type ServiceName struct {
	Account, Region    string
	Namespace, Service string
	ID                 string // in place of both
}

// String is the name for people.
func (n *ServiceName) String() string {
	if n.ID != "" {
		return n.ID
	}
	return n.Namespace + "/" + n.Service
}

// An Instance is one of a service of Cloud Map.
type Instance struct {
	ID       string
	Host     string // empty: it has no address
	Port     int    // 0: none said
	Health   string // HEALTHY, UNHEALTHY, UNKNOWN
	Weight   int    // 0: none said
	Zone     string
	Draining bool
	// Attributes must not be changed.
	Attributes map[string]string
}

// Attributes of instances that mean something to clusters.
const (
	AttrIPv4     = "AWS_INSTANCE_IPV4"
	AttrIPv6     = "AWS_INSTANCE_IPV6"
	AttrName     = "AWS_INSTANCE_CNAME"
	AttrPort     = "AWS_INSTANCE_PORT"
	AttrZone     = "AVAILABILITY_ZONE"  // as ECS calls it
	AttrWeight   = "GATEHOUSE_WEIGHT"   // 1 to 1000
	AttrDraining = "GATEHOUSE_DRAINING" // true: no new requests
)

// NewInstance returns the instance with these attributes.
func NewInstance(id, health string, attrs map[string]string) Instance {
	i := Instance{ID: id, Health: health, Zone: attrs[AttrZone], Draining: attrs[AttrDraining] == "true", Attributes: attrs}
	for _, name := range []string{AttrIPv4, AttrIPv6, AttrName} {
		if i.Host == "" {
			i.Host = strings.TrimSuffix(attrs[name], ".")
		}
	}
	i.Port, _ = strconv.Atoi(attrs[AttrPort])     // what is no number is none
	i.Weight, _ = strconv.Atoi(attrs[AttrWeight]) // as above
	return i
}

// A Registry is this server's own Cloud Map.
type Registry interface {
	// Watch calls set with the instances of a service and their revision, and
	// whether there is such a service, at once and after every change, until ctx
	// ends. Of changes in quick succession it may leave out all but the last.
	Watch(ctx context.Context, name ServiceName, set func(list []Instance, revision int64, there bool))
}

// settleTime is the pause after a change, so that many of them in a row are one.
// The first takes effect at once.
const settleTime = 100 * time.Millisecond

// settle is the pause after a change of a list: the longer it is, the more a
// change costs. That of 10,000 endpoints costs some 10 ms, and so at most 5 % of
// a core.
func settle(endpoints int) time.Duration {
	return settleTime + time.Duration(endpoints)*10*time.Microsecond
}

// A cloudMap is a CloudMap that is asked.
type cloudMap struct {
	CloudMap
	id  string // of the service, in place of its names
	sur Surroundings
}

func newCloudMap(c CloudMap, sur Surroundings) (Source, error) {
	if c.Region == "" {
		c.Region = "us-east-1"
	}
	if c.Account == "" {
		c.Account = sur.Account
	}
	if c.Interval == 0 {
		c.Interval = 5 * time.Second
	}
	if c.Elsewhere && sur.AWS == nil || !c.Elsewhere && sur.Registry == nil {
		return nil, errors.New("there is no Cloud Map")
	}
	return &cloudMap{CloudMap: c, sur: sur}, nil
}

// ServiceSource is the source of a service of this server's own Cloud Map, of the
// instances that have these attributes.
func ServiceSource(name ServiceName, attributes map[string]string, sur Surroundings) Source {
	return &cloudMap{CloudMap: CloudMap{Namespace: name.Namespace, Service: name.Service, Account: name.Account, Region: name.Region, Attributes: attributes}, id: name.ID, sur: sur}
}

// String names the service.
func (c *cloudMap) String() string {
	if c.id != "" {
		return "cloud-map " + c.id
	}
	return "cloud-map " + c.Namespace + "/" + c.Service
}

// Run watches the service, or asks for it again and again.
func (c *cloudMap) Run(ctx context.Context, set func(Found)) error {
	if !c.Elsewhere {
		name := ServiceName{c.Account, c.Region, c.Namespace, c.Service, c.id}
		c.sur.Registry.Watch(ctx, name, func(list []Instance, revision int64, there bool) {
			f := c.found(list, revision)
			if !there {
				f.Skipped = "there is no service " + name.String()
			}
			set(f)
			pause(ctx, settle(len(list)))
		})
		return nil
	}
	for {
		list, revision, err := c.ask(ctx)
		if err != nil {
			return err
		}
		set(c.found(list, revision))
		if !pause(ctx, c.Interval) {
			return nil
		}
	}
}

// pause returns false if ctx ended meanwhile.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// found makes endpoints of instances. Those that are UNHEALTHY are left out as
// long as others are not.
func (c *cloudMap) found(list []Instance, revision int64) Found {
	f := Found{Revision: strconv.FormatInt(revision, 10)}
	for _, all := range []bool{c.Health == "all", true} {
		for i := range list {
			in := &list[i]
			if !all && in.Health == "UNHEALTHY" || !in.has(c.Attributes) {
				continue
			}
			port := in.Port
			if port == 0 {
				port = c.Port
			}
			if in.Host == "" || port == 0 {
				f.Skipped = "the instance " + in.ID + " has no address with a port"
				continue
			}
			f.Endpoints = append(f.Endpoints, Endpoint{Address: address(in.Host, port), Weight: in.Weight, Zone: in.Zone, Draining: in.Draining})
		}
		if len(f.Endpoints) > 0 {
			break
		}
	}
	return f
}

// has tells whether an instance has these attributes.
func (i *Instance) has(want map[string]string) bool {
	for k, v := range want {
		if got, ok := i.Attributes[k]; !ok || got != v {
			return false
		}
	}
	return true
}

// Bounds of an answer from elsewhere.
const (
	maxDiscovered     = 1000     // AWS: of MaxResults
	maxDiscoveredSize = 16 << 20 // a thousand instances with 5,000 characters of attributes
	discoverTime      = 10 * time.Second
)

// discovered is the answer of DiscoverInstances.
type discovered struct {
	Instances []struct {
		InstanceID   string `json:"InstanceId"`
		HealthStatus string
		Attributes   map[string]string
	}
	InstancesRevision int64
}

// ask calls DiscoverInstances.
//
// AWS: the operations of discovery have a host of their own, with data- in
// front (API_DiscoverInstances).
func (c *cloudMap) ask(ctx context.Context) ([]Instance, int64, error) {
	body, err := json.Marshal(map[string]any{
		"NamespaceName": c.Namespace, "ServiceName": c.Service, "MaxResults": maxDiscovered, "HealthStatus": "ALL", "QueryParameters": c.Attributes,
	})
	if err != nil {
		return nil, 0, err
	}
	reply, err := c.sur.AWS.Do(ctx, &awsclient.Call{
		Name: awsclient.Name{Service: "data-servicediscovery", Region: c.Region}, Method: http.MethodPost, Body: body, Timeout: discoverTime,
		Header: []wire.Field{{Name: "Content-Type", Value: "application/x-amz-json-1.1"}, {Name: "X-Amz-Target", Value: "Route53AutoNaming_v20170314.DiscoverInstances"}},
	})
	if err != nil {
		return nil, 0, err
	}
	defer reply.Body.Close() //nolint:errcheck // the body was read, or its error is returned
	text, err := io.ReadAll(io.LimitReader(reply.Body, maxDiscoveredSize+1))
	if err != nil {
		return nil, 0, err
	}
	var answer discovered
	switch {
	case reply.Status != http.StatusOK:
		return nil, 0, fmt.Errorf("DiscoverInstances answered %d: %s", reply.Status, brief(text))
	case len(text) > maxDiscoveredSize:
		return nil, 0, errors.New("the answer of DiscoverInstances is too large")
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, 0, fmt.Errorf("answer of DiscoverInstances: %w", err)
	}
	if answer.Instances == nil {
		return nil, 0, errors.New("the answer of DiscoverInstances has no instances")
	}
	list := make([]Instance, len(answer.Instances))
	for i, in := range answer.Instances {
		list[i] = NewInstance(in.InstanceID, in.HealthStatus, in.Attributes)
	}
	return list, answer.InstancesRevision, nil
}

// brief is the beginning of a text from elsewhere, for errors.
func brief(text []byte) string {
	return strings.ToValidUTF8(string(text[:min(len(text), 200)]), "")
}
