package gateway

import (
	"net/http"
	"strconv"
	"strings"

	"gatehouse/internal/wire"
)

// What differs for HTTP APIs from the REST APIs that the rest of this package
// speaks of: one request id, routing by the decoded path, preflight requests,
// and the answers to what goes wrong.

// HeaderHTTPRequestID is the only header that an HTTP API adds.
//
// AWS: http-api-execution.md §2: lower-case on the gateway's own answers.
const (
	HeaderHTTPRequestID  = "apigw-requestid"
	HeaderHTTPRequestID2 = "Apigw-Requestid" // on those of integrations
)

// nameHTTP makes x one of an HTTP API, with its id.
//
// AWS: logging-metrics.md §1.2: both ids are the same; a client has no say.
func (x *Exchange) nameHTTP() {
	x.HTTP = true
	x.Vars.RequestID, x.Vars.ReplacedRequestID = x.Vars.ExtendedRequestID, false
}

// beginHTTP finds the plan of an HTTP API's exchange.
func (x *Exchange) beginHTTP(w *where) *Plan {
	x.nameHTTP()
	v := &x.Vars
	v.HTTPMethod = x.MethodRequest.Method
	if w.stage == nil {
		x.Fault = notFound
		x.AnswerFault(notFound)
		return nil
	}
	st := w.stage
	x.Stage = st
	v.Path = x.decodedPath(w.path)
	if st.Preflight != nil && x.preflight() {
		x.plan = st.Preflight
		return x.plan
	}
	rt, params := st.Router.Match(v.HTTPMethod, v.Path, v.Params[:0])
	v.Params = params
	x.plan = st.Fallback
	if rt != nil {
		x.Route, x.plan = rt, rt.Plan
	}
	return x.plan
}

var notFound = &Fault{Type: ResourceNotFound, Status: http.StatusNotFound, Message: "Not Found"}

// decodedPath is a path without its percent encoding.
//
// AWS: http-api-execution.md §1 and §3.1: an encoded slash acts as a slash, and
// an encoded question mark ends the path.
func (x *Exchange) decodedPath(path string) string {
	if path == "" {
		return "/"
	}
	if !Encoded(path, false) {
		return path
	}
	from := len(x.Buf)
	x.Buf = AppendDecoded(x.Buf, path, false)
	text := wire.String(x.Buf[from:])
	if i := strings.IndexByte(text, '?'); i >= 0 {
		text = text[:i]
	}
	return text
}

// preflight tells whether a request asks whether another would be allowed.
//
// AWS: http-api-execution.md §8.
func (x *Exchange) preflight() bool {
	h := &x.MethodRequest.Header
	return x.MethodRequest.Method == http.MethodOptions && h.Has(wire.HeaderOrigin) && h.Has(wire.HeaderAccessControlRequestMethod)
}

// answerHTTPFault answers f as HTTP APIs do: nothing of it can be customised.
func (x *Exchange) answerHTTPFault(f *Fault) {
	status, text := f.http()
	r := &x.MethodResponse
	fields := append(r.Header.Fields[:0], wire.Field{Name: headerType, Value: typeJSON, ID: wire.HeaderContentType})
	if f.Challenge != "" {
		fields = append(fields, wire.Field{Name: "www-authenticate", Value: f.Challenge, ID: wire.HeaderWWWAuthenticate})
	}
	fields = append(fields, wire.Field{Name: HeaderHTTPRequestID, Value: x.Vars.RequestID})
	r.Status, r.Close, r.Ready = status, false, x.Vars.Now
	r.Header.Fields, r.Body = fields, wire.Body{}
	from := len(x.Buf)
	x.Buf = append(AppendJSONString(append(x.Buf, `{"message":`...), text), '}')
	x.SetAnswerBody(x.Buf[from:])
}

// http returns the status and the message of a fault at an HTTP API.
//
// AWS: http-api-execution.md §2.
func (f *Fault) http() (status int, text string) {
	status = f.StatusCode()
	switch f.Type {
	case IntegrationTimeout:
		status = http.StatusServiceUnavailable
	case IntegrationFailure:
		if status == http.StatusGatewayTimeout {
			status = http.StatusServiceUnavailable // the backend could not be reached
		} else {
			status = http.StatusInternalServerError
		}
	case ResourceNotFound:
		status = http.StatusNotFound
	case RequestTooLarge:
		status = http.StatusRequestEntityTooLarge
	}
	switch {
	case status >= 500 && status != http.StatusServiceUnavailable:
		return http.StatusInternalServerError, "Internal Server Error"
	default:
		return status, http.StatusText(status)
	}
}

// HTTPContextVar is ContextVar for HTTP APIs.
//
// AWS: logging-metrics.md §1.2, column H.
func HTTPContextVar(name string) Getter {
	switch name {
	case "routeKey":
		return ofRoute(func(rt *Route) string { return rt.Key })
	case "integrationErrorMessage":
		name = "integration.error"
	case "requestTimeEpoch":
		return func(dst []byte, x *Exchange) []byte { return strconv.AppendInt(dst, x.Vars.Start.Unix(), 10) }
	case "dataProcessed":
		return func(dst []byte, x *Exchange) []byte {
			return strconv.AppendInt(dst, x.Vars.Sent.Body+max(0, x.MethodRequest.Body.Length), 10)
		}
	case "awsEndpointRequestId2":
		return func(dst []byte, x *Exchange) []byte {
			return append(dst, x.IntegrationResponse.Header.Get("x-amz-id-2")...)
		}
	case "deploymentId", "endpointType", "resourceId", "resourcePath", "operationName", "isCanaryRequest", "cipherSuite", "tlsVersion", "xrayTraceId":
		return nil
	}
	return ContextVar(name)
}
