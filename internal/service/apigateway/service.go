// Package apigateway is the control plane of REST APIs: the operations of AWS's
// API Gateway, version 1, as methods of [Service].
//
// Every change has one shape. What it is about is read from the store, checked
// against AWS's rules, and committed on the condition that nothing of it has
// changed meanwhile; if it has, the change begins again (edit.go). Definitions
// are values: an edit decodes one of its own, alters it, and stores it whole.
//
// PATCH is done by tables (patch.go): each kind of thing lists the paths AWS
// documents, the operations each takes, and what they do. What Gatehouse cannot
// act upon yet is never stored; unsupported.go lists all of it, and refuses it
// by name.
//
// The package knows nothing of wire protocols, and nothing of the data plane.
package apigateway

import (
	"context"
	"time"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// Options are what a [Service] may be told. The zero Options are the defaults.
type Options struct {
	Limits Limits
	// HTTPKeys: usage plans may have stages of HTTP APIs, too. This is beyond AWS.
	HTTPKeys bool

	// AccountRate and AccountBurst are the throttle that the data plane holds
	// each account to in each Region; 0: none. They are only reported here.
	AccountRate, AccountBurst int

	// LoadBalancers are the load balancers that VPC links may name, by ARN, with
	// their addresses.
	LoadBalancers map[string]string

	// Caches are the data plane's; nil: there are none.
	Caches CacheFlusher

	Methods MethodInvoker // nil: there is no TestInvokeMethod

	Roles RolePasser // nil: everybody may pass every role

	Directory Directory // nil: policies may name everybody

	// DeliveryStreams tells whether access logs may go to a delivery stream, by
	// the resource of its ARN; nil: to none.
	DeliveryStreams func(resource string) bool

	Truststores TruststoreReader // nil: there is no mutual TLS

	Usage Meter // nil: there is no GetUsage and no UpdateUsage
}

// A Service answers the operations of REST APIs. What is not implemented
// answers NotImplementedException, by the embedded type.
type Service struct {
	api.UnimplementedServer
	st    store.Store
	blobs *store.Blobs
	opt   Options
	defs  definitionCache
	locks store.Locks
}

var _ api.Server = (*Service)(nil)

// New returns a service over st. Definitions go into blobs.
func New(st store.Store, blobs *store.Blobs, opt Options) *Service {
	opt.Limits = opt.Limits.orDefaults()
	return &Service{st: st, blobs: blobs, opt: opt}
}

// tables are the records of the caller's account and region.
func (s *Service) tables(ctx context.Context) record.Tables {
	c := awsrpc.CallerFrom(ctx)
	return record.In(s.st, s.blobs, record.Scope{Account: c.Account, Region: c.Region})
}

// now is the time as AWS shows it: in whole seconds.
func now() *time.Time {
	return new(time.Now().UTC().Truncate(time.Second))
}

// str is what p points to, or "".
func str(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// is reports whether p points to true.
func is(p *bool) bool { return p != nil && *p }

// text is a pointer to s, or nil if s is empty: AWS does not keep empty texts
// in most places.
func text(p *string) *string {
	if str(p) == "" {
		return nil
	}
	return p
}
