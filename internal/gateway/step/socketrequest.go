package step

import (
	"context"
	"fmt"

	"gatehouse/internal/gateway"
	"gatehouse/internal/jsonschema"
)

// SocketTemplate makes the body of the integration request of a WebSocket API's
// route by a mapping template, or lets the message pass.
type SocketTemplate struct {
	templates keyed[template]
	refuse    bool // a message without template is refused
	handling  ContentHandling
	variables map[string]string // of the stage
}

// A SocketTransform says what becomes of the messages of an integration.
type SocketTransform struct {
	Templates   map[string]string // requestTemplates
	Selection   string            // templateSelectionExpression
	Passthrough string            // passthroughBehavior
	Handling    ContentHandling   // contentHandlingStrategy
}

// NewSocketTemplate makes the step; nil if all messages pass.
//
// AWS: websocket-execution.md §4: passthroughBehavior is that of REST APIs.
func NewSocketTemplate(in *SocketTransform, sc *Scope) (*SocketTemplate, error) {
	if err := in.Handling.check(); err != nil {
		return nil, err
	}
	s := &SocketTemplate{handling: in.Handling, variables: sc.Variables}
	switch in.Passthrough {
	case "", "WHEN_NO_MATCH":
	case "WHEN_NO_TEMPLATES":
		s.refuse = len(in.Templates) > 0
	case "NEVER":
		s.refuse = true
	default:
		return nil, fmt.Errorf("passthroughBehavior %q is none of WHEN_NO_MATCH, WHEN_NO_TEMPLATES, NEVER", in.Passthrough)
	}
	var err error
	if s.templates, err = keyedTemplates(in.Templates, in.Selection, false); err != nil {
		return nil, fmt.Errorf("request templates: %w", err)
	}
	if len(in.Templates) == 0 && !s.refuse && in.Handling != ConvertToBinary {
		return nil, nil
	}
	return s, nil
}

func keyedTemplates(texts map[string]string, expr string, answered bool) (keyed[template], error) {
	k, err := newKeyed[template](expr, answered, len(texts))
	if err != nil {
		return k, err
	}
	for _, key := range sortedNames(texts) {
		t, err := newTemplate(texts[key])
		if err != nil {
			return k, fmt.Errorf("template for %s: %w", key, err)
		}
		k.known[key] = t
	}
	return k, nil
}

// Do makes the body.
//
// AWS: "Binary media types for WebSocket APIs": messages are text;
// CONVERT_TO_BINARY takes Base64 off what is sent to the backend.
func (s *SocketTemplate) Do(_ context.Context, x *gateway.Exchange) error {
	t, ok := s.templates.choose(x)
	if !ok && s.refuse {
		return unsupported
	}
	c := unchanged
	if s.handling == ConvertToBinary {
		c = textBinary
	}
	if !ok && c == unchanged {
		return nil
	}
	if err := x.ReadBody(); err != nil {
		return err
	}
	use := &t
	if !ok {
		use = nil
	}
	out, err := transform(x, use, c, false, x.MethodRequest.Body.Bytes, s.variables)
	if err != nil {
		return requestFault(err)
	}
	x.IntegrationRequest.Body = setBody(out)
	x.Transformed = true
	return nil
}

// SocketModel refuses messages that are not what the model chosen for them asks
// for.
type SocketModel struct{ models keyed[*jsonschema.Schema] }

// NewSocketModel makes the step. The models are those of a route, by key.
func NewSocketModel(models map[string]*jsonschema.Schema, selection string) (*SocketModel, error) {
	k, err := newKeyed[*jsonschema.Schema](selection, false, len(models))
	if err != nil {
		return nil, err
	}
	for key, schema := range models {
		k.known[key] = schema
	}
	return &SocketModel{k}, nil
}

// Do validates the message. One without a model passes.
//
// AWS: websocket-execution.md §6: Invalid request body.
func (s *SocketModel) Do(_ context.Context, x *gateway.Exchange) error {
	schema, ok := s.models.choose(x)
	if !ok {
		return nil
	}
	if err := x.ReadBody(); err != nil {
		return err
	}
	r := schema.Validate(x.MethodRequest.Body.Bytes)
	if r.Valid {
		return nil
	}
	return &gateway.Fault{Type: gateway.BadRequestBody, Validation: r.String()}
}

var (
	_ gateway.Step = (*SocketTemplate)(nil)
	_ gateway.Step = (*SocketModel)(nil)
)
