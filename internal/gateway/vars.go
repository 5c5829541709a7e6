package gateway

import (
	"net/http"
	"strings"
	"time"

	"gatehouse/internal/metrics"
	"gatehouse/internal/trace"
	"gatehouse/internal/wire"
)

// Vars are the $context variables of an exchange, as far as they are not
// fields of its stage, route, peer or messages. The texts live as long as the
// exchange.
type Vars struct {
	Start      time.Time // when the request was received
	Now        time.Time // as of the last thing that waited, which renews it
	HTTPMethod string    // what was routed by: X-HTTP-Method-Override counts

	RequestID         string
	ReplacedRequestID bool // the client sent one that is no UUID
	ExtendedRequestID string
	Trace             string // X-Amzn-Trace-Id for the backend

	Domain   string // the host that was addressed, without port
	BasePath string // $context.customDomain.basePathMatched
	Rule     string // $context.customDomain.routingRuleIdMatched
	Custom   bool   // the host is a custom domain
	// Endpoint is the VPC endpoint that the host names; empty: it names none.
	Endpoint string
	// PathHead and PathTail together are $context.path: with the stage on the
	// default host, with the base path on a custom domain.
	PathHead, PathTail string
	// Path is the rest that was routed: without stage and base path.
	Path string
	// Params are the path parameters, percent-encoded as they came, in the
	// order of the route's ParamNames.
	Params []string

	UserAgent     string
	APIKey        string // the value
	APIKeyID      string
	Authorization string // the request's header; never logged
	ContentType   string // the request's header
	Accept        string // the request's header
	Upgrade       string // the protocol that the client asks to change to

	// How the authorizer's call went; zero where none was made.
	AuthorizerStart     time.Time
	AuthorizerLatency   time.Duration
	AuthorizerBackend   *Backend // nil: none of AWS's was called
	AuthorizerStatus    int      // of the call
	AuthorizerRequestID string   // of the call
	AuthorizerError     string   // $context.authorizer.error

	// How long it took to verify the signature, and to ask the policies whether its
	// caller may: zero unless the caller has to sign.
	AuthenticateLatency time.Duration
	AuthorizeLatency    time.Duration

	TestInvoke bool // nobody sent the request: the owner of the API tests it

	HasCanary bool // the stage has a canary
	Canary    bool // and this exchange is served by it

	// IntegrationStart and IntegrationEnd are zero when no backend was called.
	IntegrationStart, IntegrationEnd time.Time
	FirstContent                     time.Time // of a streamed response; zero: there was none yet
	IntegrationStatus                int       // 0: none
	IntegrationError                 string    // $context.integration.error
	IntegrationRequestID             string    // of the service that was called; empty: it gave none
	FunctionStatus                   int       // the statusCode that a Lambda proxy function returned; 0: none
	FunctionFailed                   bool      // IntegrationError tells of an error that a Lambda proxy function raised
	Streamed                         bool      // responseTransferMode

	Cache metrics.Lookup // whether the response came from the stage's cache

	Sent wire.Sent // how the response was sent
}

// reset clears v and keeps the memory of its list.
func (v *Vars) reset() {
	clear(v.Params)
	*v = Vars{Params: v.Params[:0]}
}

// begin fills in what the request alone tells, in one pass over its header.
func (x *Exchange) begin() {
	v := &x.Vars
	if v.Start.IsZero() {
		v.Start = x.MethodRequest.Received
	}
	if v.Start.IsZero() {
		v.Start = time.Now()
	}
	v.Now = v.Start
	v.HTTPMethod = x.MethodRequest.Method
	var traced, id string
	if c := x.MethodRequest.Header.GetID(wire.HeaderConnection); c != "" && !PlainConnection(c) {
		// RFC 9110, 7.8: HTTP/1.0 has no Upgrade; RFC 6455, 4.1: WebSocket begins with a GET.
		if r := &x.MethodRequest; r.Method == http.MethodGet && !r.HTTP10 && hasToken(c, "upgrade") {
			v.Upgrade = x.MethodRequest.Header.GetID(wire.HeaderUpgrade)
		}
		wire.StripHopByHop(&x.MethodRequest.Header)
	}
	fields := x.MethodRequest.Header.Fields
	for i := range fields {
		f := &fields[i]
		switch f.ID {
		case wire.HeaderUserAgent:
			v.UserAgent = f.Value
		case wire.HeaderXAPIKey:
			v.APIKey = f.Value
		case wire.HeaderAuthorization:
			v.Authorization = f.Value
		case wire.HeaderContentType:
			v.ContentType = f.Value
		case wire.HeaderAccept:
			v.Accept = f.Value
		case wire.HeaderXAmznTraceID:
			traced = f.Value
		case wire.HeaderXAmznRequestID:
			id = f.Value
		case wire.HeaderXHTTPMethodOverride:
			v.HTTPMethod = f.Value
		}
	}
	// AWS: rest-execution.md §4.1: a client's x-amzn-RequestId in UUID form
	// replaces the request id.
	if isUUID(id) {
		v.RequestID = id
	} else {
		v.RequestID = x.ids.newRequestID(&x.random)
		v.ReplacedRequestID = id != ""
	}
	v.ExtendedRequestID = x.ids.newExtendedID(&x.random)
	if traced != "" {
		x.segment.asked = trace.ParseHeader(traced)
	}
	v.Trace = x.ids.newTrace(&x.random, v.Start.Unix(), &x.segment.asked)
}

// hasToken tells whether a list in a header has a token, which is in lower case.
func hasToken(list, token string) bool {
	for list != "" {
		var one string
		one, list, _ = strings.Cut(list, ",")
		if strings.EqualFold(strings.TrimSpace(one), token) {
			return true
		}
	}
	return false
}

// PlainConnection tells whether a Connection header names no other header.
func PlainConnection(value string) bool {
	return value == "keep-alive" || value == "close" || value == "Keep-Alive"
}

// setPlace notes where the request went.
func (v *Vars) setPlace(host string, w *where) {
	v.Domain = hostName(host)
	v.Path = w.path
	v.PathHead, v.PathTail = w.head, w.tail
	v.BasePath, v.Rule, v.Custom, v.Endpoint = w.basePath, w.rule, w.custom, w.endpoint
}

// IntegrationLatency returns how long the backend took; ok is false when none
// was called.
func (v *Vars) IntegrationLatency() (d time.Duration, ok bool) {
	if v.IntegrationStart.IsZero() {
		return 0, false
	}
	end := v.IntegrationEnd
	if end.IsZero() {
		end = v.IntegrationStart
	}
	return end.Sub(v.IntegrationStart), true
}
