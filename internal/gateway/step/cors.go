package step

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// A CORSConfig is the CORS configuration of an HTTP API.
type CORSConfig struct {
	Origins, Methods, Headers, Expose []string
	MaxAge                            int // seconds; negative: none
	Credentials                       bool
}

// CORS is what an HTTP API says to browsers: it adds the headers of its
// configuration to responses, in place of the backend's. A nil CORS does
// nothing.
//
// AWS: http-api-execution.md §8.
type CORS struct {
	any, anyHTTP, anyHTTPS bool
	origins                map[string]bool

	always    []wire.Field // on every response to an allowed origin
	preflight []wire.Field // also on those to preflight requests
}

// NewCORS makes a CORS.
func NewCORS(c *CORSConfig) *CORS {
	s := &CORS{origins: make(map[string]bool, len(c.Origins))}
	for _, o := range c.Origins {
		switch o {
		case "*":
			s.any = true
		case "http://*":
			s.anyHTTP = true
		case "https://*":
			s.anyHTTPS = true
		default:
			s.origins[o] = true
		}
	}
	if c.Credentials {
		s.always = append(s.always, wire.Field{Name: "access-control-allow-credentials", Value: "true"})
	}
	if len(c.Expose) > 0 {
		s.always = append(s.always, wire.Field{Name: "access-control-expose-headers", Value: strings.Join(c.Expose, ",")})
	}
	if len(c.Methods) > 0 {
		s.preflight = append(s.preflight, wire.Field{Name: "access-control-allow-methods", Value: strings.Join(c.Methods, ",")})
	}
	if len(c.Headers) > 0 {
		s.preflight = append(s.preflight, wire.Field{Name: "access-control-allow-headers", Value: strings.Join(c.Headers, ",")})
	}
	if c.MaxAge >= 0 {
		s.preflight = append(s.preflight, wire.Field{Name: "access-control-max-age", Value: strconv.Itoa(c.MaxAge)})
	}
	return s
}

// allows returns what access-control-allow-origin says to an origin; empty:
// nothing.
func (s *CORS) allows(origin string) string {
	switch {
	case origin == "":
		return ""
	case s.any:
		return "*"
	case s.origins[origin],
		s.anyHTTP && strings.HasPrefix(origin, "http://"),
		s.anyHTTPS && strings.HasPrefix(origin, "https://"):
		return origin
	}
	return ""
}

// add takes the backend's CORS headers away and adds those of s.
func (s *CORS) add(x *gateway.Exchange, preflight bool) {
	h := &x.MethodResponse.Header
	kept := h.Fields[:0]
	for i := range h.Fields {
		if name := h.Fields[i].Name; len(name) < len(accessControl) || !strings.EqualFold(name[:len(accessControl)], accessControl) {
			kept = append(kept, h.Fields[i])
		}
	}
	h.Fields = kept
	origin := s.allows(x.MethodRequest.Header.GetID(wire.HeaderOrigin))
	if origin == "" {
		return
	}
	h.Fields = append(h.Fields, wire.Field{Name: "access-control-allow-origin", Value: origin})
	h.Fields = append(h.Fields, s.always...)
	if preflight {
		h.Fields = append(h.Fields, s.preflight...)
	}
}

const accessControl = "access-control-"

// A Preflight answers preflight requests.
type Preflight struct{ CORS *CORS }

// Do answers 204.
func (s *Preflight) Do(_ context.Context, x *gateway.Exchange) error {
	r := &x.MethodResponse
	r.Status, r.Close, r.Ready = http.StatusNoContent, false, x.Vars.Now
	r.Header.Fields, r.Body = r.Header.Fields[:0], wire.Body{}
	s.CORS.add(x, true)
	r.Header.Fields = append(r.Header.Fields, wire.Field{Name: gateway.HeaderHTTPRequestID, Value: x.Vars.RequestID})
	return gateway.ErrAnswered
}

// HTTPResponse ends the response of an HTTP API's integration: with the CORS
// headers, if there is a configuration, and the request id.
type HTTPResponse struct{ CORS *CORS }

// Do adds the headers.
func (s *HTTPResponse) Do(_ context.Context, x *gateway.Exchange) error {
	h := &x.MethodResponse.Header
	if s.CORS != nil {
		s.CORS.add(x, false)
	}
	h.Del(gateway.HeaderHTTPRequestID)
	h.Fields = append(h.Fields, wire.Field{Name: gateway.HeaderHTTPRequestID2, Value: x.Vars.RequestID})
	return nil
}

// HTTPFault answers faults of an HTTP API with a CORS configuration.
type HTTPFault struct{ CORS *CORS }

// Do answers x.Fault.
func (s *HTTPFault) Do(_ context.Context, x *gateway.Exchange) error {
	x.AnswerFault(x.Fault)
	s.CORS.add(x, false)
	return nil
}

// NoHTTPRoute is what an HTTP API without $default does with a request that
// matches no route.
type NoHTTPRoute struct{}

var notFound = &gateway.Fault{Type: gateway.ResourceNotFound, Status: http.StatusNotFound, Message: "Not Found"}

// Do refuses.
func (NoHTTPRoute) Do(context.Context, *gateway.Exchange) error { return notFound }

var (
	_ gateway.Step   = (*Preflight)(nil)
	_ gateway.Prompt = (*HTTPResponse)(nil)
	_ gateway.Step   = (*HTTPFault)(nil)
	_ gateway.Step   = NoHTTPRoute{}
)

// Prompt implements gateway.Prompt.
func (*HTTPResponse) Prompt() {}
