// Package gateway is the kernel of the data plane: what an exchange is, what
// it is served from, and how it walks through the plan of its route.
//
// The main types are [Exchange] (one request with its response), [Plan] (the
// steps of one route), [Table] (everything served, compiled, as of one
// revision) and [Gateway], which holds the current table and serves exchanges
// from it. The package does not know where tables come from, and cannot: only
// gateway/compile reads records.
package gateway

import (
	"time"

	"gatehouse/internal/clientcert"
	"gatehouse/internal/policy"
	"gatehouse/internal/vtl"
	"gatehouse/internal/wire"
)

// An Exchange is one request and its response on the way through the gateway.
// Drivers pool exchanges: nothing that belongs to one is kept after Finish.
type Exchange struct {
	Table *Table // what this exchange is served from, to its end
	Stage *Stage // nil: none was found
	Route *Route // nil: none was found
	Peer  *wire.Peer

	MethodRequest       wire.Request  // from the client
	IntegrationRequest  wire.Request  // to the backend
	IntegrationResponse wire.Response // from the backend
	MethodResponse      wire.Response // to the client

	// Withheld are lines of the client's header that are only for the gateway: they
	// are taken out of MethodRequest, but a signature may be of them too.
	Withheld []wire.Field

	// NoWait: x is served where others would wait with it, in an event loop. See
	// ErrWouldWait.
	NoWait bool

	// HTTP: it is one of an HTTP API, not of a REST API.
	HTTP bool

	// Socket is the connection that it is an event of; nil: it is none of a
	// WebSocket API.
	Socket *Socket

	Vars  Vars   // $context
	Fault *Fault // set once something went wrong

	// Cluster and Deadline are where and until when IntegrationRequest is to
	// be sent, once the integration has prepared it.
	Cluster  Cluster
	Deadline time.Time

	// Backend is the service that the integration calls; nil: an HTTP endpoint, or
	// none.
	Backend *Backend

	// Buf is memory for texts made on the way (targets, header values). Append
	// to it and take views with wire.String: they stay valid to the end of the
	// exchange, also when Buf grows.
	Buf []byte

	// MappedHeader, MappedQuery and MappedPath are what parameter mappings made
	// of the request, for the integration to put in its place. Query names and
	// values and path values are percent-encoded. A path value stands where its
	// name does among the variables of the integration's URI; an empty one had
	// no source.
	MappedHeader []wire.Field
	MappedQuery  []wire.Field
	MappedPath   []string

	// EventPath is the path that an event has in the place of the request's; empty:
	// that.
	EventPath string

	// Transformed: a step made the body of IntegrationRequest, and the client's
	// is not to be passed on.
	Transformed bool
	// Overrides are what mapping templates set of the request to the backend and
	// of the response; nil: nothing.
	Overrides *vtl.Overrides
	// Text is memory like Buf, for what templates print: while one does, Buf
	// grows by the values of variables.
	Text []byte

	// Authorization is what the route's authorizer found out; nil: it has none,
	// or has refused. Allowed is what the policy that it brought says of the
	// request.
	Authorization *Authorization
	Allowed       policy.Effect

	// FunctionError is the errorMessage in the answer of a Lambda function,
	// by which its integration response is chosen.
	FunctionError string

	Identity Identity     // who signed the request
	Endpoint *VPCEndpoint // that the request came in by; nil: by none
	Domain   *PrivateHost // the private custom domain that it came to; nil: to none

	// Client is the certificate that the client showed, where one is asked for;
	// nil: none. It is good, or else x is refused for it.
	Client *clientcert.Shown

	Log *ExecutionLog // nil: nobody reads it

	Recording *Recording // nil: it was not chosen to be recorded step by step
	// AskedRecording: its client has chosen it, and what comes on the connection that
	// it may open.
	AskedRecording bool

	Key    *Key    // the API key that came with the request, if it is known
	Member *Member // its membership in a usage plan of this stage

	plan          *Plan
	bodies        *Bodies // nil: MaxBody
	passed        int     // how many steps of plan.Request were done before one would wait
	segment       traceSegment
	cookies       []string // to be given with the answer
	asked         policy.Request
	body          []byte // memory for the request's body
	answer        []byte // memory for the backend's
	requestLimit  LimitedSource
	responseLimit LimitedSource
	stream        firstContent
	ids           ids
	random        random
}

// largestKept bounds the memory that an exchange keeps between requests. A
// client may make one request need more; its memory is dropped afterwards.
const largestKept = 64 << 10

// Reset makes x ready for the next request: nothing of this one is left but
// memory and the source of random numbers. The bytes of its ids stay, but
// nothing refers to them.
func (x *Exchange) Reset() {
	resetRequest(&x.MethodRequest)
	resetRequest(&x.IntegrationRequest)
	resetResponse(&x.IntegrationResponse)
	resetResponse(&x.MethodResponse)
	x.Vars.reset()
	x.Table, x.Stage, x.Route, x.Peer = nil, nil, nil, nil
	x.Fault, x.Cluster, x.Backend, x.plan, x.bodies = nil, nil, nil, nil, nil
	clear(x.Withheld)
	x.Withheld = x.Withheld[:0]
	x.NoWait, x.AskedRecording, x.passed = false, false, 0
	x.HTTP, x.Socket, x.segment = false, nil, traceSegment{}
	clear(x.cookies)
	x.cookies = x.cookies[:0]
	x.Key, x.Member, x.Log, x.Recording = nil, nil, nil, nil
	x.requestLimit, x.responseLimit, x.stream = LimitedSource{}, LimitedSource{}, firstContent{}
	x.Authorization, x.Allowed, x.FunctionError = nil, policy.NoMatch, ""
	clear(x.MappedHeader)
	clear(x.MappedQuery)
	clear(x.MappedPath)
	x.MappedHeader, x.MappedQuery, x.MappedPath = x.MappedHeader[:0], x.MappedQuery[:0], x.MappedPath[:0]
	x.Identity, x.Endpoint, x.Domain, x.Client, x.asked = Identity{}, nil, nil, nil, policy.Request{}
	x.Deadline, x.EventPath = time.Time{}, ""
	x.Buf = reuse(x.Buf)
	x.Transformed, x.Overrides = false, nil
	x.body, x.answer, x.Text = reuse(x.body), reuse(x.answer), reuse(x.Text)
}

// reuse empties memory and gives it up if it is large.
func reuse(b []byte) []byte {
	if cap(b) > largestKept {
		return nil
	}
	return b[:0]
}

// mostFieldsKept bounds the header memory that is kept, like largestKept.
const mostFieldsKept = 256

func resetRequest(r *wire.Request) {
	r.Reset()
	if cap(r.Header.Fields) > mostFieldsKept {
		r.Header.Fields = nil
	}
}

func resetResponse(r *wire.Response) {
	r.Reset()
	if cap(r.Header.Fields) > mostFieldsKept {
		r.Header.Fields = nil
	}
}
