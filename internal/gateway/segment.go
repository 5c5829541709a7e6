package gateway

import (
	"context"
	"strings"
	"time"

	"gatehouse/internal/trace"
)

// A Tracing is what a stage does with its exchanges for the sake of tracing: it
// chooses some, and tells of them in segments. It stands first among the steps of
// each plan of the stage, and among their finishers.
type Tracing struct {
	Name     string // {API name}/{stage}
	Origin   string // as in AWS::ApiGateway::Stage
	Resource string // ARN of the stage
	// Choose chooses where the caller has not decided; nil: such exchanges are not
	// traced.
	//
	// AWS: apigateway-enabling-xray: a stage without tracingEnabled is traced if an
	// upstream service is.
	Choose *trace.Chooser
	Sink   trace.Sink
}

// A traceSegment is the gateway's part of a trace.
type traceSegment struct {
	asked      trace.Header // what the client has sent
	id         string       // empty: the exchange was not chosen
	root       string
	backend    string // id of the subsegment of the integration: the parent of what the backend tells
	authorizer string // likewise
	rule       string // that has chosen; empty: the client has
	w3c, state string // traceparent and tracestate for the backend
}

// Sampled says whether x was chosen to be traced.
func (x *Exchange) Sampled() bool { return x.segment.id != "" }

var (
	_ Prompt   = (*Tracing)(nil)
	_ Finisher = (*Tracing)(nil)
)

// Prompt says that Do never waits.
func (t *Tracing) Prompt() {}

// Do chooses x or not. What a client has decided in X-Amzn-Trace-Id or, where the
// stage enables tracing, in traceparent stands.
func (t *Tracing) Do(_ context.Context, x *Exchange) error {
	s := &x.segment
	if t.Choose != nil {
		x.adoptParent()
	}
	switch s.asked.Sampled {
	case "0":
		return nil
	case "1":
	default:
		if t.Choose == nil {
			return nil
		}
		r := &x.MethodRequest
		rule, chosen := t.Choose.Choose(&trace.Subject{
			Host: r.Host, Method: x.Vars.HTTPMethod, Path: r.Path, Header: &r.Header, Now: x.Vars.Start, Draw: x.draw() / 100,
		})
		if !chosen {
			return nil
		}
		s.rule = rule
	}
	s.root = strings.Clone(traceRoot(x.Vars.Trace)) // the ids' memory is used again
	s.id, s.backend, s.authorizer = x.segmentID(), x.segmentID(), x.segmentID()
	x.Vars.Trace = trace.Header{Root: s.root, Parent: s.backend, Sampled: "1"}.String()
	if t.Choose != nil && !x.signsParent() { // else it goes on as it came
		x.passParent()
	}
	return nil
}

// TraceRoot is the trace that x belongs to.
func (x *Exchange) TraceRoot() string { return traceRoot(x.Vars.Trace) }

func (x *Exchange) segmentID() string {
	id := make([]byte, 16)
	putHex(id, x.random.uint64())
	return string(id)
}

// AuthorizerTrace is the trace header for the authorizer: what it tells is its
// own part of the trace, not the backend's.
func (x *Exchange) AuthorizerTrace() string {
	if !x.Sampled() {
		return x.Vars.Trace
	}
	return trace.Header{Root: x.segment.root, Parent: x.segment.authorizer, Sampled: "1"}.String()
}

// Finish tells of x, if it was chosen.
//
// AWS: "X-Ray segment documents"; logging-metrics.md §4 for what API Gateway
// writes. The cause of a failure is ours.
func (t *Tracing) Finish(x *Exchange) {
	s := &x.segment
	if s.id == "" {
		return
	}
	v := &x.Vars
	end := v.Sent.At
	if end.IsZero() {
		end = time.Now()
	}
	d := trace.Segment{
		Account: x.Stage.Account, Region: x.Stage.Region,
		Name: t.Name, ID: s.id, TraceID: s.root, ParentID: s.asked.Parent, Start: trace.Seconds(v.Start), End: trace.Seconds(end),
		Origin: t.Origin, Resource: t.Resource, Route: routeName(x), State: s.state,
		HTTP: &trace.HTTP{
			Request: &trace.Request{
				URL: scheme(x) + x.MethodRequest.Host + ShownURL(x.MethodRequest.Target), Method: v.HTTPMethod,
				ClientIP: string(appendSourceIP(nil, x)), ForwardedFor: true,
			},
			Response: &trace.Response{Status: x.MethodResponse.Status, Length: trace.Number(v.Sent.Body)},
		},
		AWS:         map[string]any{"api_gateway": servedBy(x)},
		Annotations: map[string]any{"aws:api_id": x.Stage.API, "aws:api_stage": x.Stage.Name},
		Metadata:    map[string]any{"default": map[string]string{"extended_request_id": v.ExtendedRequestID, "request_id": v.RequestID}},
	}
	if s.rule != "" {
		d.AWS["xray"] = map[string]string{"sampling_rule_name": s.rule}
	}
	d.Fail(x.MethodResponse.Status)
	if f := x.Fault; f != nil {
		d.Cause = &trace.Cause{Exceptions: []trace.Exception{{ID: x.segmentID(), Type: f.Type.String(), Message: f.Text()}}}
	}
	if !v.AuthorizerStart.IsZero() {
		d.Subsegments = append(d.Subsegments, authorizerSegment(x))
	}
	if !v.IntegrationStart.IsZero() {
		d.Subsegments = append(d.Subsegments, integrationSegment(x, end))
	}
	t.Sink.Write(&d)
}

// scheme is how the URL of x begins.
func scheme(x *Exchange) string {
	if x.Stage.Socket != nil {
		return "wss://"
	}
	return "https://"
}

// servedBy is what of API Gateway has served x.
//
// AWS: logging-metrics.md §4, of REST APIs. Others have no segments on AWS: what
// is told of them is ours.
func servedBy(x *Exchange) map[string]string {
	by := map[string]string{"account_id": x.Stage.Account, "stage": x.Stage.Name, "request_id": x.Vars.RequestID}
	if !x.HTTP && x.Stage.Socket == nil {
		by["rest_api_id"] = x.Stage.API
		return by
	}
	by["api_id"] = x.Stage.API
	if s := x.Socket; s != nil {
		by["connection_id"], by["event_type"] = s.ConnectionID, string(s.Event)
		if s.MessageID != "" {
			by["message_id"] = s.MessageID
		}
	}
	return by
}

// routeName is the route of x, as in GET /pets/{id}; empty: none was found.
func routeName(x *Exchange) string {
	switch rt := x.Route; {
	case rt == nil:
		return ""
	case rt.Key != "":
		return rt.Key
	default:
		return rt.Method + " " + rt.ResourcePath
	}
}

// authorizerSegment is the call of the authorizer.
//
// AWS: undocumented; it is told as the call of a backend is.
func authorizerSegment(x *Exchange) trace.Segment {
	v := &x.Vars
	sub := trace.Segment{
		Name: "Authorizer", ID: x.segment.authorizer, Start: trace.Seconds(v.AuthorizerStart), End: trace.Seconds(v.AuthorizerStart.Add(v.AuthorizerLatency)),
		Namespace: "remote", HTTP: &trace.HTTP{Response: &trace.Response{Status: v.AuthorizerStatus}},
	}
	if b := v.AuthorizerBackend; b != nil {
		sub.Namespace, sub.AWS = "aws", b.AWS
		sub.HTTP.Request = &trace.Request{Method: b.Method, URL: b.URL}
	}
	sub.Fail(v.AuthorizerStatus)
	if v.AuthorizerError != "" {
		sub.Fault = true
		sub.Cause = &trace.Cause{Exceptions: []trace.Exception{{ID: x.segmentID(), Message: v.AuthorizerError}}}
	}
	return sub
}

// integrationSegment is the call of the backend. It ends when the exchange does
// if it never came to an end.
//
// AWS: xray-services-apigateway: an HTTP integration is called as its endpoint,
// with the path.
func integrationSegment(x *Exchange, end time.Time) trace.Segment {
	v := &x.Vars
	if !v.IntegrationEnd.IsZero() {
		end = v.IntegrationEnd
	}
	sub := trace.Segment{
		ID: x.segment.backend, Start: trace.Seconds(v.IntegrationStart), End: trace.Seconds(end),
		HTTP: &trace.HTTP{Request: &trace.Request{}, Response: &trace.Response{Status: v.IntegrationStatus, Length: trace.Number(max(0, x.IntegrationResponse.Body.Length))}},
	}
	if b := x.Backend; b != nil {
		sub.Name, sub.Namespace, sub.AWS = b.Name, "aws", b.AWS
		sub.HTTP.Request.Method, sub.HTTP.Request.URL = b.Method, b.URL
	} else {
		r := &x.IntegrationRequest
		path, _, _ := strings.Cut(r.Target, "?")
		sub.Name, sub.Namespace = r.Host+path, "remote"
		sub.HTTP.Request.Method, sub.HTTP.Request.URL = r.Method, ShownURL(x.EndpointURI())
	}
	sub.Fail(v.IntegrationStatus)
	if v.IntegrationError != "" {
		sub.Fault = true
		sub.Cause = &trace.Cause{Exceptions: []trace.Exception{{ID: x.segmentID(), Message: v.IntegrationError, Remote: true}}}
	}
	return sub
}
