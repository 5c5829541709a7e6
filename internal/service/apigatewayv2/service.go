// Package apigatewayv2 is the control plane of HTTP APIs and WebSocket APIs: the operations of
// AWS's API Gateway, version 2, as methods of [Service].
//
// As in the service of REST APIs, an API's routes, integrations and authorizers
// are one value, its definition, which an edit decodes, alters and stores whole
// (edit.go). A deployment freezes one by its reference; a stage that deploys by
// itself is moved to a new deployment in the commit of the edit.
//
// What differs for WebSocket APIs stands in socket.go and routeresponse.go.
//
// What Gatehouse cannot act upon yet is never stored: unsupported.go lists it
// and refuses it by name.
package apigatewayv2

import (
	"context"
	"time"

	rest "gatehouse/internal/awsapi/apigateway"
	api "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// Limits are the quotas that edits are held to.
//
// AWS: "Quotas for configuring and running an HTTP API".
type Limits struct {
	Routes, Integrations, Stages, Authorizers, VPCLinks int
	Mappings                                            int // of a domain name
	Millis                                              int // of an integration's time-out; at least AWS's
}

// DefaultLimits are AWS's.
var defaultLimits = Limits{Routes: 300, Integrations: 300, Stages: 10, Authorizers: 10, VPCLinks: 10, Mappings: 10_000}

// A Service answers the operations of HTTP APIs. What is not implemented
// answers NotImplementedException, by the embedded type.
type Service struct {
	api.UnimplementedServer
	st     store.Store
	blobs  *store.Blobs
	limits quotas
	opt    Options
}

// quotas are what an edit is held to: the limits, and what goes beyond AWS.
type quotas struct {
	Limits
	keys, logs bool
}

// Options are what a service asks of others. All may be left out.
type Options struct {
	Limits Limits // 0: AWS's
	// Keys: routes of HTTP APIs may require API keys. This is beyond AWS.
	Keys bool
	// Logs: stages of HTTP APIs may have execution logs. This is beyond AWS.
	Logs   bool
	Caches Flusher
	Roles  RolePasser
	// Domains keeps the domain names; nil: there are none.
	Domains rest.Server
	// LoadBalancers says where the targets of private integrations are, by ARN.
	LoadBalancers map[string]string
}

// A Flusher drops what authorizers found out: the data plane.
type Flusher interface {
	// FlushStageAuthorizers drops all decisions that are kept for a stage.
	FlushStageAuthorizers(scope record.Scope, api, stage string)
}

var _ api.Server = (*Service)(nil)

// New returns a service over st. Definitions go into blobs.
func New(st store.Store, blobs *store.Blobs, opt Options) *Service {
	limits := opt.Limits
	for _, l := range []struct{ have, otherwise *int }{
		{&limits.Routes, &defaultLimits.Routes},
		{&limits.Integrations, &defaultLimits.Integrations},
		{&limits.Stages, &defaultLimits.Stages},
		{&limits.Authorizers, &defaultLimits.Authorizers},
		{&limits.VPCLinks, &defaultLimits.VPCLinks},
		{&limits.Mappings, &defaultLimits.Mappings},
	} {
		if *l.have == 0 {
			*l.have = *l.otherwise
		}
	}
	return &Service{st: st, blobs: blobs, limits: quotas{limits, opt.Keys, opt.Logs}, opt: opt}
}

// tables are the records of the caller's account and region.
func (s *Service) tables(ctx context.Context) record.Tables {
	c := awsrpc.CallerFrom(ctx)
	return record.In(s.st, s.blobs, record.Scope{Account: c.Account, Region: c.Region})
}

// Ids have AWS's lengths.
//
// AWS: the samples of the API reference; an API has 10 characters, routes and
// integrations 7, the others 6.
const (
	apiIDLen   = 10
	routeIDLen = 7
	shortIDLen = 6
)

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
