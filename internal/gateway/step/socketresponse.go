package step

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// SocketResponse makes of the backend's answer what a client of a WebSocket API
// gets: by one of the integration responses, chosen by its key.
type SocketResponse struct {
	by        *Selection
	responses []socketResponse
	from      Backend
	twoWay    bool // the route has a route response
	connect   bool // it is that of $connect
	variables map[string]string
}

// A SocketAnswer is an integration response of a WebSocket API, as it is
// configured.
type SocketAnswer struct {
	Key        string            // $default, text, or /pattern/
	Parameters map[string]string // responseParameters
	Templates  map[string]string // responseTemplates
	Selection  string            // templateSelectionExpression
	Handling   ContentHandling   // contentHandlingStrategy
}

type socketResponse struct {
	key       string
	pattern   *regexp.Regexp // nil: key is the text itself
	header    []headerMapping
	needsBody bool
	templates keyed[template]
	handling  ContentHandling
}

// answerSelection is the expression that chooses where none is set.
//
// AWS: websocket-execution.md §4.
const answerSelection = "${integration.response.statuscode}"

// NewSocketResponse makes the step of a route, whose backend is of a kind.
func NewSocketResponse(expr string, answers []SocketAnswer, from Backend, rt *gateway.Route, sc *Scope) (*SocketResponse, error) {
	if expr == "" || expr == "${response.statuscode}" { // AWS: what the management API shows
		expr = answerSelection
	}
	s := &SocketResponse{from: from, twoWay: rt.Reply, connect: rt.Key == "$connect", variables: sc.Variables}
	var err error
	if s.by, err = ParseAnswerSelection(expr); err != nil {
		return nil, fmt.Errorf("integrationResponseSelectionExpression: %w", err)
	}
	for i := range answers {
		r, err := newSocketResponse(&answers[i], sc)
		if err != nil {
			return nil, fmt.Errorf("integration response %s: %w", answers[i].Key, err)
		}
		s.responses = append(s.responses, *r)
	}
	return s, nil
}

func newSocketResponse(in *SocketAnswer, sc *Scope) (*socketResponse, error) {
	r := &socketResponse{key: in.Key, handling: in.Handling}
	if err := in.Handling.check(); err != nil {
		return nil, err
	}
	if n := len(in.Key); n > 2 && in.Key[0] == '/' && in.Key[n-1] == '/' {
		p, err := regexp.Compile(`\A(?:` + in.Key[1:n-1] + `)\z`)
		if err != nil {
			return nil, err
		}
		r.pattern = p
	}
	for _, key := range sortedNames(in.Parameters) {
		name, ok := strings.CutPrefix(key, "method.response.header.")
		if !ok || !wire.ValidToken(name) {
			return nil, fmt.Errorf("parameter mapping to %q: no such target", key)
		}
		src, err := parseSource(in.Parameters[key], sc)
		if err != nil {
			return nil, fmt.Errorf("parameter mapping to %q: %w", key, err)
		}
		r.header = append(r.header, headerMapping{field: wire.Field{Name: name, ID: wire.Identify(name)}, from: src})
		r.needsBody = r.needsBody || src.ofResponseBody()
	}
	var err error
	r.templates, err = keyedTemplates(in.Templates, in.Selection, true)
	r.needsBody = r.needsBody || r.templates.by != nil && r.templates.by.needsAnswer()
	return r, err
}

// find returns the response for what the backend answered, or nil.
//
// AWS: websocket-execution.md §4: patterns are matched with the status, those of
// a function with its error message. Which of several wins is undocumented: the
// first by key, $default last.
func (s *SocketResponse) find(x *gateway.Exchange) *socketResponse {
	text := s.by.key(x)
	if s.from == BackendLambda && x.FunctionError != "" && s.by.onlyStatus() {
		text = x.FunctionError
	}
	var other *socketResponse
	for i := range s.responses {
		r := &s.responses[i]
		switch {
		case r.pattern != nil && r.pattern.MatchString(text), r.pattern == nil && r.key == text:
			return r
		case r.key == defaultKey:
			other = r
		}
	}
	return other
}

// Do fills in x.MethodResponse.
//
// AWS: websocket-execution.md §5: on a one-way route nobody looks at the answer.
// Undocumented: a function that has raised an error which no integration
// response takes up is a failure, and refuses at $connect; and what the backend
// answers where there are no integration responses is the reply as it is.
func (s *SocketResponse) Do(_ context.Context, x *gateway.Exchange) error {
	if s.by.needsAnswer() {
		if err := x.ReadResponse(); err != nil {
			return err
		}
	}
	r := s.find(x)
	if x.FunctionError != "" && (r == nil || r.key == defaultKey && s.connect) {
		return errorOfFunction
	}
	if r == nil && len(s.responses) > 0 && (s.twoWay || s.connect) {
		return noResponse
	}
	out := &x.MethodResponse
	out.Status, out.Close, out.Ready = x.IntegrationResponse.Status, false, x.Vars.Now
	out.Header.Fields = out.Header.Fields[:0]
	refused := s.connect && (out.Status < 200 || out.Status > 299)
	if !s.twoWay && !refused && (!s.connect || r == nil || len(r.header) == 0) {
		x.SetAnswerBody(nil)
		return nil
	}
	if err := x.ReadResponse(); err != nil {
		return err
	}
	if r == nil {
		x.SetAnswerBody(x.IntegrationResponse.Body.Bytes)
		return nil
	}
	return r.answer(x, s.variables)
}

var (
	errorOfFunction = gateway.NewFault(gateway.IntegrationFailure, errors.New("the function has raised an error that no integration response is for"))
	noResponse      = gateway.NewFault(gateway.APIConfigurationError, errors.New("no match for output mapping and no default output mapping configured"))
)

// answer makes the response by r.
func (r *socketResponse) answer(x *gateway.Exchange, variables map[string]string) error {
	c := unchanged
	switch r.handling {
	case ConvertToText:
		c = binaryText
	case ConvertToBinary:
		c = textBinary
	}
	t, ok := r.templates.choose(x)
	use := &t
	if !ok {
		use = nil
	}
	body, err := transform(x, use, c, false, x.IntegrationResponse.Body.Bytes, variables)
	if err != nil {
		return responseFault(err)
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
	x.SetAnswerBody(body)
	return nil
}

var _ gateway.Step = (*SocketResponse)(nil)
