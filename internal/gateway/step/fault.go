package step

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// Fault answers an exchange that went wrong, with the gateway responses that an
// API customised.
type Fault struct {
	responses map[gateway.FaultType]*gatewayResponse
}

// A GatewayResponse is a customised gateway response.
type GatewayResponse struct {
	Status     int               // 0: as the fault has it
	Parameters map[string]string // gatewayresponse.header.{name}
	Templates  map[string]string // by media type
}

type gatewayResponse struct {
	status    int
	header    []headerMapping
	typeFrom  *source
	types     mediaTypes // of templates
	templates []text
}

// NewFault makes the step of all that was customised. Its zero value knows the
// defaults only. Variables are the stage's.
//
// AWS: gateway-responses.md §2: a type's own customisation, else that of its
// family, else the default.
func NewFault(custom map[gateway.FaultType]GatewayResponse, variables map[string]string) (*Fault, error) {
	s := &Fault{responses: make(map[gateway.FaultType]*gatewayResponse, len(custom))}
	sc := &Scope{Variables: variables}
	for t, in := range custom {
		r, err := newGatewayResponse(&in, sc)
		if err != nil {
			return nil, fmt.Errorf("gateway response %s: %w", t, err)
		}
		s.responses[t] = r
	}
	return s, nil
}

func newGatewayResponse(in *GatewayResponse, sc *Scope) (*gatewayResponse, error) {
	r := &gatewayResponse{status: in.Status}
	for _, key := range slices.Sorted(maps.Keys(in.Parameters)) {
		name, ok := strings.CutPrefix(key, "gatewayresponse.header.")
		if !ok || name == "" {
			return nil, fmt.Errorf("parameter mapping to %q: no such target", key)
		}
		src, err := parseSource(in.Parameters[key], sc)
		if err != nil {
			return nil, fmt.Errorf("parameter mapping to %q: %w", key, err)
		}
		if src.ofRequestBody() || src.ofResponse() {
			return nil, fmt.Errorf("parameter mapping to %q: %s is no source of a gateway response", key, in.Parameters[key])
		}
		if id := wire.Identify(name); id == wire.HeaderContentType {
			r.typeFrom = &src
		} else {
			r.header = append(r.header, headerMapping{field: wire.Field{Name: name, ID: id}, from: src})
		}
	}
	for _, t := range slices.Sorted(maps.Keys(in.Templates)) {
		r.types.add(t)
		r.templates = append(r.templates, parseFaultText(in.Templates[t], sc))
	}
	return r, nil
}

// parseFaultText takes apart the body template of a gateway response.
//
// AWS: gateway-responses.md §3: variables are replaced, nothing is executed; an
// absent one is empty text.
func parseFaultText(s string, sc *Scope) text {
	return parseText(s, func(name string) (part, bool) {
		root, _, _ := strings.Cut(name, ".")
		if root != "context" && root != "stageVariables" && root != "method" {
			return part{}, false
		}
		src, err := parseSource(name, sc)
		if err != nil || src.ofRequestBody() {
			return part{}, false
		}
		return part{from: &src}, true
	})
}

// Do answers x.Fault.
func (s *Fault) Do(_ context.Context, x *gateway.Exchange) error {
	f := x.Fault
	r := s.choose(f.Type)
	if r == nil {
		x.AnswerFault(f)
		return nil
	}
	status := r.status
	if status == 0 {
		status = f.StatusCode()
	}
	contentType, body := typeJSON, []byte(nil)
	if len(r.templates) > 0 {
		i := r.types.asked(x.Vars.Accept)
		if i < 0 {
			i = r.types.json
		}
		contentType = r.types.types[i]
		body = r.templates[i].append(nil, x)
	} else {
		// AWS: recorded: one that was put without templates shows the default's.
		body = f.AppendBody(nil)
	}
	if r.typeFrom != nil {
		if v := r.typeFrom.value(x); v != "" && sendable(v) {
			contentType = v
		}
	}
	x.BeginAnswer(status, contentType, f.ErrorTypeHeader())
	for i := range r.header {
		m := &r.header[i]
		if v := m.from.value(x); v != "" && sendable(v) {
			x.MethodResponse.Header.Set(m.field.Name, v)
		}
	}
	x.SetAnswerBody(body)
	return nil
}

func (s *Fault) choose(t gateway.FaultType) *gatewayResponse {
	if len(s.responses) == 0 || !t.Customisable() {
		return nil
	}
	if r := s.responses[t]; r != nil {
		return r
	}
	return s.responses[t.Family()]
}

var _ gateway.Step = (*Fault)(nil)
