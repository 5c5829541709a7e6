package step

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// RequestTemplate makes the body of the integration request by the mapping
// template for the client's Content-Type and the integration's contentHandling,
// or lets the client's pass.
type RequestTemplate struct {
	types     []string
	templates []template // of types
	other     *template  // of the key $default
	refuse    bool       // a body without template is refused
	handling  ContentHandling

	binary    func(contentType string) bool
	to        Backend
	variables []string          // of the integration's URI
	stage     map[string]string // stage variables
}

// A RequestTransform says what becomes of the bodies of an integration's
// requests.
type RequestTransform struct {
	Templates   map[string]string // requestTemplates, by media type
	Passthrough string            // passthroughBehavior
	Handling    ContentHandling
	// Backend and Variables are those of NewIntegrationRequest.
	Backend   Backend
	Variables []string
}

// NewRequestTemplate makes the step; nil if all bodies pass.
//
// AWS: integrations.md §2.2.
func NewRequestTemplate(in *RequestTransform, sc *Scope) (*RequestTemplate, error) {
	if err := in.Handling.check(); err != nil {
		return nil, err
	}
	s := &RequestTemplate{handling: in.Handling, binary: sc.Binary, to: in.Backend, variables: in.Variables, stage: sc.Variables}
	switch in.Passthrough {
	case "", "WHEN_NO_MATCH":
	case "WHEN_NO_TEMPLATES":
		s.refuse = len(in.Templates) > 0
	case "NEVER":
		s.refuse = true
	default:
		return nil, fmt.Errorf("passthroughBehavior %q is none of WHEN_NO_MATCH, WHEN_NO_TEMPLATES, NEVER", in.Passthrough)
	}
	for _, kind := range slices.Sorted(maps.Keys(in.Templates)) {
		t, err := newTemplate(in.Templates[kind])
		if err != nil {
			return nil, fmt.Errorf("request template for %s: %w", kind, err)
		}
		if kind == "$default" {
			s.other = &t
			continue
		}
		s.types = append(s.types, kind)
		s.templates = append(s.templates, t)
	}
	if len(in.Templates) == 0 && !s.refuse && in.Handling == Passthrough {
		return nil, nil
	}
	return s, nil
}

// Do makes the body.
//
// AWS: integrations.md §2.1.
func (s *RequestTemplate) Do(_ context.Context, x *gateway.Exchange) error {
	t := s.choose(x.Vars.ContentType)
	if t == nil && s.refuse {
		return unsupported
	}
	binary := s.binary != nil && s.binary(x.Vars.ContentType)
	c := s.handling.requestConversion(binary)
	if t == nil && c == unchanged {
		return nil
	}
	if t == nil || t.vtl != nil {
		if err := x.ReadBody(); err != nil {
			return err
		}
	}
	out, err := transform(x, t, c, binary, x.MethodRequest.Body.Bytes, s.stage)
	if err != nil {
		return requestFault(err)
	}
	x.IntegrationRequest.Body = setBody(out)
	x.Transformed = true
	return s.overrideRequest(x)
}

// choose returns the template for a Content-Type, or nil.
//
// AWS: whether the case of a type counts is not documented; here it does not.
func (s *RequestTemplate) choose(contentType string) *template {
	kind := mediaType(contentType)
	for i, t := range s.types {
		if strings.EqualFold(t, kind) {
			return &s.templates[i]
		}
	}
	return s.other
}

var unsupported = gateway.NewFault(gateway.UnsupportedMediaType, nil)

// validText returns b as text: what is not UTF-8 becomes U+FFFD, byte for byte.
func validText(b []byte) string {
	if utf8.Valid(b) {
		return wire.String(b)
	}
	var text strings.Builder
	text.Grow(len(b) + len(b)/2)
	for _, r := range wire.String(b) { // yields U+FFFD for each such byte
		text.WriteRune(r)
	}
	return text.String()
}

var _ gateway.Step = (*RequestTemplate)(nil)
