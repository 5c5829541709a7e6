// Package integration calls the backends of routes.
//
// [Proxy] passes requests and responses of HTTP_PROXY through, [HTTP] sends what
// was mapped, [Mock] calls nothing. Each is made by a constructor that refuses
// what it could not do, and never changes. A [URI] is the address of the first
// two, which the cluster they call must have been made for. What is mapped, and
// the choice of an integration response, are steps; this package knows neither.
package integration

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"gatehouse/internal/gateway"
	"gatehouse/internal/upstream"
	"gatehouse/internal/wire"
)

// A Config says how an HTTP integration, proxy or not, calls its backend.
type Config struct {
	API     string          // id of the API
	URI     *URI            // stage variables expanded
	Cluster gateway.Cluster // reaches URI's host
	// Method is the integrationHttpMethod; empty or ANY: the client's.
	Method  string
	Timeout time.Duration // 0: DefaultTimeout
	// Binary are the API's binary media types.
	Binary *BinaryTypes
	// AsIs: a proxy passes the request's body on whatever it is: it was made
	// binary (CONVERT_TO_BINARY).
	AsIs bool
	// Stream is the responseTransferMode STREAM: there is no limit to the
	// response and no conversion of it, and Timeout holds for all of it.
	Stream bool
	// Idle bounds how long a streamed response may make no progress; 0: Timeout
	// does.
	Idle time.Duration
}

// DefaultTimeout is how long a backend may take to begin its answer.
//
// AWS: integrations.md §1.
const DefaultTimeout = 29 * time.Second

// call is what both HTTP integrations share: one HTTP request, prepared as far
// as it can be.
type call struct {
	api      string
	uri      *URI
	cluster  gateway.Cluster
	method   string
	timeout  time.Duration
	binary   *BinaryTypes
	stream   bool
	idle     time.Duration
	target   string // if the URI has no variables
	constant bool
}

func newCall(c *Config) (call, error) {
	if c.URI == nil || c.Cluster == nil {
		return call{}, fmt.Errorf("%w: no address to call", ErrAddress)
	}
	k := call{api: c.API, uri: c.URI, cluster: c.Cluster, method: c.Method, timeout: c.Timeout, binary: c.Binary, stream: c.Stream}
	if c.Stream {
		k.idle = c.Idle
	}
	if k.method == "ANY" {
		k.method = ""
	}
	if k.timeout == 0 {
		k.timeout = DefaultTimeout
	}
	k.target, k.constant = c.URI.constant()
	return k, nil
}

// begin fills in all of the request but header and query.
func (k *call) begin(x *gateway.Exchange) {
	r := &x.IntegrationRequest
	r.Method = k.method
	if k.method == "" {
		r.Method = x.Vars.HTTPMethod
	}
	r.Host, r.AnswerIdle, r.Peer, r.Upgrade = k.uri.authority, k.idle, x.Peer, x.Vars.Upgrade
	x.Vars.IntegrationStart = x.Vars.Now
	x.Vars.Streamed = k.stream
	x.Deadline = x.Vars.IntegrationStart.Add(k.timeout)
	x.Cluster = k.cluster
}

// setTarget fills in the target: the URI, mapped query parameters, then the
// client's own query.
//
// AWS: integrations.md §5: recorded order is URI, then client.
func (k *call) setTarget(x *gateway.Exchange, query string) error {
	r := &x.IntegrationRequest
	if k.constant && query == "" && len(x.MappedQuery) == 0 {
		r.Target = k.target
		return nil
	}
	from := len(x.Buf)
	buf, ok := k.uri.appendTarget(x.Buf, x)
	if !ok {
		return unmapped
	}
	sep := byte('?')
	if k.uri.query {
		sep = '&'
	}
	for i := range x.MappedQuery {
		buf = append(buf, sep)
		buf = append(buf, x.MappedQuery[i].Name...)
		buf = append(buf, '=')
		buf = append(buf, x.MappedQuery[i].Value...)
		sep = '&'
	}
	if query != "" {
		buf = append(buf, sep)
		buf = append(buf, query...)
	}
	x.Buf = buf
	r.Target = wire.String(buf[from:])
	return nil
}

// AWS: integrations.md §4, §6.
var unmapped = gateway.NewFault(gateway.APIConfigurationError, fmt.Errorf("%w: a path variable has no value", ErrAddress))

// setMappedHeader puts mapped headers in place of those of the same name. Host
// is the one that may be mapped over the endpoint's.
func setMappedHeader(x *gateway.Exchange) {
	r := &x.IntegrationRequest
	for i := range x.MappedHeader {
		f := &x.MappedHeader[i]
		if f.ID == wire.HeaderHost {
			r.Host = f.Value
			continue
		}
		r.Header.Set(f.Name, f.Value)
	}
}

// send sends the prepared request and returns when the head of the answer is
// there.
func send(ctx context.Context, x *gateway.Exchange) error {
	if c, ok := x.Cluster.(*upstream.Cluster); ok {
		picked, err := c.Pick(x)
		if err != nil {
			return err
		}
		x.Cluster = picked
	}
	return x.Cluster.Do(ctx, &x.IntegrationRequest, &x.IntegrationResponse, x.Deadline)
}

// accept notes how the call went. An answer without a body has none for the
// client either, whatever length it named, unless the client's own response is
// one that names a length without having it.
func (k *call) accept(x *gateway.Exchange, err error, nameLength bool) error {
	x.Vars.Now = time.Now()
	x.Vars.IntegrationEnd = x.Vars.Now
	if err != nil {
		f := callFault(err)
		x.Vars.IntegrationError = f.log
		return f.fault
	}
	in := &x.IntegrationResponse
	x.Vars.IntegrationStatus = in.Status
	head := x.IntegrationRequest.Method == http.MethodHead
	switch {
	case head || in.Status == http.StatusNotModified:
		if !nameLength || head && x.MethodRequest.Method != http.MethodHead && in.Status != http.StatusNotModified {
			in.Body.Length = 0
		}
		return nil
	case k.stream:
		x.NoteFirstContent()
		return nil
	}
	return x.LimitResponse()
}

type failure struct {
	fault *gateway.Fault
	log   string // $context.integration.error
}

// callFault returns the fault for an error of the cluster.
//
// AWS: integrations.md §6; that a certificate's fault is one of configuration,
// and a malformed answer a 502, is undocumented.
func callFault(err error) failure {
	switch {
	case errors.Is(err, upstream.ErrRequestBody):
		return failure{gateway.BodyFault(err), ""}
	case errors.Is(err, upstream.ErrTimeout):
		return failure{gateway.NewFault(gateway.IntegrationTimeout, err), "Execution failed due to a timeout error"}
	case errors.Is(err, upstream.ErrUnknownCluster):
		return failure{gateway.NewFault(gateway.APIConfigurationError, err), ""}
	case errors.Is(err, upstream.ErrCertificate):
		return failure{gateway.NewFault(gateway.APIConfigurationError, err), "General SSLEngine problem"}
	case errors.Is(err, upstream.ErrBadResponse):
		return failure{&gateway.Fault{Type: gateway.IntegrationFailure, Status: http.StatusBadGateway, Message: "Internal server error", Cause: err},
			"Malformed response from endpoint"}
	default:
		return failure{gateway.NewFault(gateway.IntegrationFailure, err), "Network error communicating with endpoint"}
	}
}
