package step

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// IntegrationResponse chooses one of a method's integration responses by the
// status of the backend, and makes the method response of it.
type IntegrationResponse struct {
	responses []response
	from      Backend
	variables map[string]string // of the stage
	binary    func(contentType string) bool
}

// A Response is an integration response as it is configured.
type Response struct {
	Status     int    // of the method response
	Pattern    string // selectionPattern; empty: the default
	Parameters map[string]string
	Templates  map[string]string // by media type
	Handling   ContentHandling
}

type response struct {
	status    int
	def       bool           // it has no pattern
	literal   string         // the pattern, if it matches only itself
	pattern   *regexp.Regexp // otherwise
	header    []headerMapping
	typeFrom  *source // of Content-Type
	needsBody bool    // a mapping takes it of the backend's
	handling  ContentHandling
	types     mediaTypes
	templates []template // of types
}

// NewIntegrationResponse makes the step. The order of responses decides when
// several patterns match.
func NewIntegrationResponse(responses []Response, from Backend, sc *Scope) (*IntegrationResponse, error) {
	s := &IntegrationResponse{from: from, variables: sc.Variables, binary: sc.Binary}
	for i := range responses {
		r, err := newResponse(&responses[i], sc)
		if err != nil {
			return nil, fmt.Errorf("integration response %d: %w", responses[i].Status, err)
		}
		s.responses = append(s.responses, *r)
	}
	return s, nil
}

func newResponse(in *Response, sc *Scope) (*response, error) {
	r := &response{status: in.Status, handling: in.Handling}
	if err := in.Handling.check(); err != nil {
		return nil, err
	}
	if err := r.setPattern(in.Pattern); err != nil {
		return nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(in.Parameters)) {
		name, ok := strings.CutPrefix(key, "method.response.header.")
		if !ok || name == "" {
			return nil, fmt.Errorf("parameter mapping to %q: no such target", key)
		}
		src, err := parseSource(in.Parameters[key], sc)
		if err != nil {
			return nil, fmt.Errorf("parameter mapping to %q: %w", key, err)
		}
		if src.kind != constant && src.kind != contextVar && !src.ofResponse() {
			return nil, fmt.Errorf("parameter mapping to %q: the request is no source of a response", key)
		}
		r.mapHeader(name, src)
		r.needsBody = r.needsBody || src.ofResponseBody()
	}
	for _, kind := range sortedNames(in.Templates) {
		t, err := newTemplate(in.Templates[kind])
		if err != nil {
			return nil, fmt.Errorf("response template for %s: %w", kind, err)
		}
		r.types.add(kind)
		r.templates = append(r.templates, t)
	}
	return r, nil
}

// AWS: integrations.md §8.1: a Java pattern that matches the whole text; an
// empty one is that of the default.
func (r *response) setPattern(pattern string) error {
	switch {
	case pattern == "":
		r.def = true
	case regexp.QuoteMeta(pattern) == pattern:
		r.literal = pattern
	default:
		p, err := regexp.Compile(`\A(?:` + pattern + `)\z`)
		if err != nil {
			return fmt.Errorf("selectionPattern: %w", err)
		}
		r.pattern = p
	}
	return nil
}

func (r *response) matches(text string) bool {
	if r.pattern != nil {
		return r.pattern.MatchString(text)
	}
	return !r.def && r.literal == text
}

// remapped are the headers that a response of HTTP may not set itself.
//
// AWS: rest-execution.md §4.2, the response remap sets and the recorded column.
var remapped = headerSet{
	wire.HeaderAuthorization:     true,
	wire.HeaderConnection:        true,
	wire.HeaderContentLength:     true,
	wire.HeaderContentMD5:        true,
	wire.HeaderDate:              true,
	wire.HeaderExpect:            true,
	wire.HeaderHost:              true,
	wire.HeaderMaxForwards:       true,
	wire.HeaderProxyAuthenticate: true,
	wire.HeaderServer:            true,
	wire.HeaderTrailer:           true,
	wire.HeaderUpgrade:           true,
	wire.HeaderUserAgent:         true,
	wire.HeaderWWWAuthenticate:   true,
	wire.HeaderXAmzApigwID:       true,
	wire.HeaderXAmznRequestID:    true,
}

func (r *response) mapHeader(name string, src source) {
	if id := wire.Identify(name); id == wire.HeaderContentType {
		r.typeFrom = &src
	} else if name, ok := responseHeader(name, id); ok {
		r.header = append(r.header, headerMapping{field: wire.Field{Name: name, ID: wire.Identify(name)}, from: src})
	}
}

// responseHeader returns the name under which a response of HTTP gets a header;
// ok is false if it does not.
func responseHeader(name string, id wire.HeaderID) (as string, ok bool) {
	switch {
	case id == wire.HeaderTransferEncoding, id == wire.HeaderKeepAlive, id == wire.HeaderProxyConnection:
		return "", false
	case remapped[id]:
		return gateway.RemapPrefix + name, true
	}
	return name, true
}

// find returns the response for what the backend answered, or nil.
//
// AWS: integrations.md §8.1: patterns are matched with the status, those of a
// function with its errorMessage: no status there. For MOCK the response of the same status wins of
// several that match; otherwise the first. Without a match, the default.
func (s *IntegrationResponse) find(x *gateway.Exchange) *response {
	status := x.IntegrationResponse.Status
	text := x.FunctionError
	if s.from != BackendLambda {
		text = statusText(status)
	}
	var first, def *response
	for i := range s.responses {
		r := &s.responses[i]
		switch {
		case r.def:
			if def == nil {
				def = r
			}
		case first != nil && !(s.from == BackendMock && r.status == status):
		case r.matches(text):
			if s.from == BackendMock && r.status == status {
				return r
			}
			first = r
		}
	}
	if first != nil {
		return first
	}
	return def
}

// statusTexts holds the statuses from 100 to 599 as text, one after another.
var statusTexts = func() string {
	var b strings.Builder
	for status := 100; status < 600; status++ {
		b.WriteString(strconv.Itoa(status))
	}
	return b.String()
}()

func statusText(status int) string {
	if status < 100 || status > 599 {
		return strconv.Itoa(status)
	}
	return statusTexts[3*(status-100) : 3*(status-99)]
}

// Do fills in x.MethodResponse.
//
// AWS: integrations.md §8.2; X-Amzn-Trace-Id by rest-execution.md §4.1.
func (s *IntegrationResponse) Do(_ context.Context, x *gateway.Exchange) error {
	status := x.IntegrationResponse.Status
	r := s.find(x)
	if r == nil {
		return gateway.NewFault(gateway.APIConfigurationError, errors.New(
			"no match for output mapping and no default output mapping configured. Endpoint Response Status Code: "+strconv.Itoa(status)))
	}
	if r.needsBody {
		if err := x.ReadResponse(); err != nil {
			return err
		}
	}
	place, contentType := r.types.choose(x.Vars.Accept)
	var t *template
	if place >= 0 {
		t = &r.templates[place]
	}
	body, made, err := s.body(x, r, t)
	if err != nil {
		return err
	}
	if r.typeFrom != nil {
		v, err := r.typeFrom.eval(x)
		if err != nil {
			return err
		}
		if v != "" && sendable(v) {
			contentType = v
		}
	}
	x.BeginAnswer(r.status, contentType, "")
	if s.from != BackendMock {
		x.MethodResponse.Header.AddID(wire.HeaderXAmznTraceID, x.Vars.Trace)
	}
	for i := range r.header {
		m := &r.header[i]
		v, err := m.from.eval(x)
		if err != nil {
			return err
		}
		if v != "" && sendable(v) {
			f := m.field
			f.Value = v
			x.MethodResponse.Header.Fields = append(x.MethodResponse.Header.Fields, f)
		}
	}
	if err := overrideResponse(x); err != nil {
		return err
	}
	if made || r.needsBody {
		x.SetAnswerBody(body) // the backend's body is given up at the end: its header is in use
		return nil
	}
	x.MethodResponse.Body = x.IntegrationResponse.Body
	x.IntegrationResponse.Body = wire.Body{}
	return nil
}

// body makes the body of the response by a template, nil for none, and its
// contentHandling. The backend's is read only if it is needed; made is false if
// it may pass.
//
// AWS: undocumented is what a MOCK's payload is: here it is text, which is made
// binary only if contentHandling says so.
func (s *IntegrationResponse) body(x *gateway.Exchange, r *response, t *template) (body []byte, made bool, err error) {
	binary, wanted := false, false
	if s.binary != nil && s.from != BackendMock {
		binary = s.binary(x.IntegrationResponse.Header.GetID(wire.HeaderContentType))
		wanted = wantsBinary(x.Vars.Accept, s.binary)
	}
	c := r.handling.responseConversion(binary, wanted)
	if t == nil && c == unchanged {
		return x.IntegrationResponse.Body.Bytes, false, nil
	}
	if t == nil || t.vtl != nil {
		if err := x.ReadResponse(); err != nil {
			return nil, false, err
		}
	}
	body, err = transform(x, t, c, binary, x.IntegrationResponse.Body.Bytes, s.variables)
	if err != nil {
		return nil, false, responseFault(err)
	}
	return body, true, nil
}

var _ gateway.Step = (*IntegrationResponse)(nil)
