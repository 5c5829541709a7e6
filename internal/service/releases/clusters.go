// Package releases answers Gatehouse's own API of clusters and releases: backends
// of several endpoints that are defined while the server runs, and how requests
// are parted between them.
//
// The [Service] checks and stores definitions. A [Follower] keeps an
// upstream.Registry in step with what is stored, and a [Pilot] takes releases
// with a canary from step to step, by what the registry has counted.
package releases

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/discovery"
	"gatehouse/internal/store"
	"gatehouse/internal/upstream"
)

// A Backend is what definitions are for: a registry of clusters, and what keeps
// their endpoints current.
type Backend interface {
	Check(def *discovery.Definition) error
	CheckRelease(def *upstream.Release) error
	Define(name string, def discovery.Definition) error
	Lead(name string, def upstream.Release) error
	Undefine(name string)
	ReleaseStatus(name string) (upstream.ReleaseStatus, bool)
	Tally(release, target string) (upstream.Tally, bool)
}

// A Service answers the API of clusters and releases.
type Service struct {
	st       store.Store
	backend  Backend
	account  string
	fixed    map[string]bool
	clusters store.Table[Cluster]
	changes  store.Table[discovery.Changes] // by hand, of package clusters; they go with their cluster
	releases store.Table[Release]
	steps    steps
}

// New returns the service, for the callers of one account. The names in fixed are those of the configuration
// file, which nobody else may define.
func New(st store.Store, account string, backend Backend, fixed map[string]bool) *Service {
	return &Service{
		st: st, account: account, backend: backend, fixed: fixed,
		steps: steps{from: make(map[string]start)}, clusters: store.NewTable[Cluster](st, clustersPrefix),
		changes: store.NewTable[discovery.Changes](st, store.Prefix(account, "-", "gatehouse", "cluster")), releases: store.NewTable[Release](st, releasesPrefix),
	}
}

// Where records are: they are of no account and of no Region.
var (
	prefix         = store.Prefix("-", "-", "gatehouse")
	clustersPrefix = store.Prefix("-", "-", "gatehouse", "cluster")
	releasesPrefix = store.Prefix("-", "-", "gatehouse", "release")
)

// A Cluster is a cluster as it is stored.
type Cluster struct {
	Text    string // the definition, in YAML
	Changed time.Time
}

const (
	// mostThings bounds the clusters, and the releases, that are defined by the
	// API.
	mostThings = 1000
	// mostText bounds a definition in bytes.
	mostText = 1 << 20
)

var validName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

func badRequest(format string, args ...any) error {
	return &awsrpc.Error{Code: "BadRequestException", Status: 400, Message: fmt.Sprintf(format, args...)}
}

func conflict(format string, args ...any) error {
	return &awsrpc.Error{Code: "ConflictException", Status: 409, Message: fmt.Sprintf(format, args...)}
}

func notFound(kind, name string) error {
	return &awsrpc.Error{Code: "NotFoundException", Status: 404, Message: "There is no " + kind + " " + name + "."}
}

// decode reads a definition, YAML or JSON, strictly.
func decode(text []byte, v any) error {
	if len(text) > mostText {
		return badRequest("The definition is longer than %d bytes.", mostText)
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(v); err != nil {
		if errors.Is(err, io.EOF) {
			return badRequest("The definition is empty.")
		}
		return badRequest("%s", oneLine(err))
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return badRequest("There is something after the definition: put one at a time.")
	}
	return nil
}

// checkZeros has check look at a definition as it is written.
func checkZeros(text []byte, check func(map[string]any) error) error {
	var given map[string]any
	if err := yaml.Unmarshal(text, &given); err != nil {
		return badRequest("%s", oneLine(err))
	}
	if err := check(given); err != nil {
		return badRequest("%s", oneLine(err))
	}
	return nil
}

// clusterOf reads the definition of a cluster.
func clusterOf(text []byte) (def discovery.Definition, err error) {
	err = decode(text, &def)
	def.Discovered = def.Discover != nil
	return def, err
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

func answer(v any) (*document, error) {
	b, err := json.Marshal(v)
	return &document{Data: b}, err
}

// A shownCluster is what is told of a cluster.
type shownCluster struct {
	Name       string    `json:"name"`
	Definition string    `json:"definition,omitempty"`
	Changed    time.Time `json:"changed"`
}

func (s *Service) listClusters(ctx context.Context, _ *listing) (*document, error) {
	rows, err := s.clusters.All(ctx)
	if err != nil {
		return nil, err
	}
	list := []shownCluster{}
	for _, row := range rows {
		list = append(list, shownCluster{Name: nameOf(row.ID), Changed: row.Value.Changed})
	}
	return answer(map[string]any{"clusters": list})
}

// nameOf is the name in the id of a record.
func nameOf(id string) string { return store.Parts(id)[0] }

func (s *Service) getCluster(ctx context.Context, in *named) (*document, error) {
	rec, _, err := s.clusters.Find(ctx, notFound("cluster", *in.Name), *in.Name)
	if err != nil {
		return nil, err
	}
	return answer(shownCluster{*in.Name, rec.Text, rec.Changed})
}

// mayPut tells whether a thing may have this name: it is none of the file's.
func (s *Service) mayPut(name string) error {
	switch {
	case !validName.MatchString(name):
		return badRequest("%q is not a name: write small letters, digits and dashes.", name)
	case s.fixed[name]:
		return conflict("The configuration file defines the cluster %s.", name)
	}
	return nil
}

func (s *Service) putCluster(ctx context.Context, in *put) (*document, error) {
	name := *in.Name
	if err := s.mayPut(name); err != nil {
		return nil, err
	}
	def, err := clusterOf(in.Data)
	if err != nil {
		return nil, err
	}
	if err := checkZeros(in.Data, upstream.CheckZeros); err != nil {
		return nil, err
	}
	if err := s.backend.Check(&def); err != nil {
		return nil, badRequest("%s", oneLine(err))
	}
	err = store.Update(ctx, s.st, func(c *store.Change) error {
		c.Require(s.releases.Absent(store.ID(name)))
		if _, _, err := s.releases.Get(ctx, store.ID(name)); !errors.Is(err, store.ErrNotFound) {
			return errors.Join(err, conflict("%s is a release.", name))
		}
		rows, err := s.clusters.All(ctx)
		if err != nil {
			return err
		}
		if len(rows) >= mostThings && !slices.ContainsFunc(rows, func(r store.Row[Cluster]) bool { return nameOf(r.ID) == name }) {
			return badRequest("There are %d clusters already.", mostThings)
		}
		store.Add(c, s.clusters, store.ID(name), Cluster{Text: string(in.Data), Changed: time.Now().UTC()})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.getCluster(ctx, &named{in.Name})
}

func (s *Service) deleteCluster(ctx context.Context, in *named) (*document, error) {
	name := *in.Name
	err := store.Update(ctx, s.st, func(c *store.Change) error {
		_, rev, err := s.clusters.Find(ctx, notFound("cluster", name), name)
		if err != nil {
			return err
		}
		rows, err := s.releases.All(ctx)
		if err != nil {
			return err
		}
		for _, row := range rows {
			def, err := row.Value.definition()
			if err == nil {
				for _, used := range def.Clusters() {
					if used == name {
						return conflict("The release %s uses the cluster %s.", nameOf(row.ID), name)
					}
				}
			}
			c.Require(s.releases.Is(row.ID, row.Rev))
		}
		c.Require(s.clusters.Is(store.ID(name), rev))
		c.Do(s.clusters.Delete(store.ID(name)), s.changes.Delete(store.ID(name)))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return answer(shownCluster{Name: name, Changed: time.Now().UTC()})
}
