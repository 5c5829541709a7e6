// Package servicediscovery is AWS Cloud Map as a registry of its own: the
// operations of the servicediscovery API, as methods of [Service].
//
// Services of users register instances with the AWS SDK, and need no other
// registry. A [Follower] reads the same records and tells clusters which
// instances there are. Every change is one commit, and done when the call
// returns: the operations that callers ask about (GetOperation) have ended.
//
// An instance may have a lease (lease.go), which AWS does not know.
//
// With [Options.DNS] there are namespaces of DNS too, and the Follower answers
// questions about them (answer.go). Else they are refused.
package servicediscovery

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/servicediscovery"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// A Service answers the operations of Cloud Map. What is not implemented
// answers NotImplementedException, by the embedded type.
type Service struct {
	api.UnimplementedServer
	opt    Options
	st     store.Store
	log    *slog.Logger
	locks  store.Locks // by service
	leases leases
}

var _ api.Server = (*Service)(nil)

// Options are what a service depends on besides its store.
type Options struct {
	DNS bool // this server answers questions of DNS about what is registered
}

// New returns a service over st. Its Run must be running for leases to end.
func New(st store.Store, opt Options, log *slog.Logger) *Service {
	return &Service{opt: opt, st: st, log: log, leases: leases{until: map[instanceKey]time.Time{}, woken: make(chan struct{}, 1)}}
}

// The records of the service. Ids of names lead to those of what they name.
type (
	namespace struct {
		api.Namespace
		Tags      map[string]string `json:",omitzero"`
		Operation string            // that made it
	}
	service struct {
		api.ServiceShape
		Tags map[string]string `json:",omitzero"`
		// Attributes are those of the service itself.
		Attributes map[string]string `json:",omitzero"`
		Revision   int64             // of its instances
	}
	instance struct {
		Attributes map[string]string
		Creator    string `json:",omitzero"`
		Health     string `json:",omitzero"` // custom: HEALTHY or UNHEALTHY
		Operation  string // that registered it
	}
)

// Tables are the records of one account and Region.
type tables struct {
	namespaces     store.Table[namespace] // by id
	namespaceNames store.Table[string]    // by name
	services       store.Table[service]   // by id
	serviceNames   store.Table[string]    // by namespace and name
	instances      store.Table[instance]  // by service and id
	operations     store.Table[api.Operation]
}

// The kinds of keys.
const (
	keyService       = "servicediscovery"
	kindNamespace    = "namespace"
	kindNamespaceAs  = "namespacename"
	kindService      = "service"
	kindServiceAs    = "servicename"
	kindInstance     = "instance"
	kindOperation    = "operation"
	typeHTTP         = "HTTP"
	healthy          = "HEALTHY"
	unhealthy        = "UNHEALTHY"
	unknownHealth    = "UNKNOWN"
	maxNamespaces    = 50     // AWS: the quota of namespaces in a Region
	maxServices      = 1000   // of a namespace; AWS: no quota of its own
	maxInstances     = 10_000 // of a service; AWS: 1,000
	maxOperationsOld = 1000   // operations that are kept
)

func tablesOf(st store.Store, s record.Scope) *tables {
	at := func(kind string) string { return store.Prefix(s.Account, s.Region, keyService, kind) }
	return &tables{
		namespaces:     store.NewTable[namespace](st, at(kindNamespace)),
		namespaceNames: store.NewTable[string](st, at(kindNamespaceAs)),
		services:       store.NewTable[service](st, at(kindService)),
		serviceNames:   store.NewTable[string](st, at(kindServiceAs)),
		instances:      store.NewTable[instance](st, at(kindInstance)),
		operations:     store.NewTable[api.Operation](st, at(kindOperation)),
	}
}

// scope is the account and Region of the caller.
func scope(ctx context.Context) record.Scope {
	c := awsrpc.CallerFrom(ctx)
	return record.Scope{Account: c.Account, Region: c.Region}
}

func (s *Service) tables(ctx context.Context) *tables { return tablesOf(s.st, scope(ctx)) }

// update runs prepare and commits what it asks for.
func (s *Service) update(ctx context.Context, prepare func(c *store.Change) error) error {
	err := store.Update(ctx, s.st, prepare)
	switch {
	case errors.Is(err, store.ErrConflict):
		return api.ResourceInUse("The resource is being changed by other requests. Try again.")
	case errors.Is(err, store.ErrTooLarge):
		return bad("The change is larger than what can be stored at once")
	}
	return err
}

// bad is a refusal whose text AWS does not document.
func bad(text string) error { return api.InvalidInput(text) }

// The answers for what is not there.
//
// AWS: "Namespace not found" is recorded in kubernetes-sigs/external-dns#5180;
// the others are worded alike.
func errNamespace() error { return api.NamespaceNotFound("Namespace not found") }
func errService() error   { return api.ServiceNotFound("Service not found") }
func errInstance() error  { return api.InstanceNotFound("Instance not found") }

// idOf takes the id out of an ARN of this kind in the caller's account and
// Region, or returns text, which is an id, as it is.
func idOf(ctx context.Context, kind string, text *string) string {
	id := str(text)
	if !strings.HasPrefix(id, "arn:") {
		return id
	}
	a, err := arn.Parse(id)
	here := scope(ctx)
	rest, ok := strings.CutPrefix(a.Resource, kind+"/")
	if err != nil || !ok || a.Service != keyService || a.Account != here.Account || a.Region != here.Region {
		return "" // of another account: nothing is shared here
	}
	return rest
}

// nameOf returns the ARN of a namespace or service.
func nameOf(s record.Scope, kind, id string) *string {
	return new(arn.ARN{Partition: arn.Partition(s.Region), Service: keyService, Region: s.Region, Account: s.Account, Resource: kind + "/" + id}.String())
}

// Ids have AWS's form: ns-, srv- and 16 letters and digits.
func newID(prefix string) string { return prefix + record.NewID(16) }

// now is the time as AWS shows it, to the millisecond.
func now() *time.Time { return new(time.Now().UTC().Truncate(time.Millisecond)) }

// str is what p points to, or "".
func str(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
