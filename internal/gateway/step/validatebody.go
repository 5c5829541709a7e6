package step

import (
	"context"
	"strings"

	"gatehouse/internal/gateway"
	"gatehouse/internal/jsonschema"
	"gatehouse/internal/wire"
)

// ValidateBody refuses requests whose body is not what the model for its media
// type asks for.
type ValidateBody struct {
	types   []string
	schemas []*jsonschema.Schema
	other   *jsonschema.Schema // for types without a model of their own; nil: anything
}

// defaultModel is the media type of the model for all others.
const defaultModel = "$default"

// NewValidateBody makes the step for a method's request models, by media type.
func NewValidateBody(models map[string]*jsonschema.Schema) *ValidateBody {
	s := new(ValidateBody)
	for mediaType, schema := range models {
		if mediaType == defaultModel {
			s.other = schema
			continue
		}
		s.types = append(s.types, mediaType)
		s.schemas = append(s.schemas, schema)
	}
	return s
}

// Do validates the body. One for whose type there is no model passes unread.
//
// AWS: rest-execution.md §7.
func (s *ValidateBody) Do(_ context.Context, x *gateway.Exchange) error {
	schema := s.model(x.MethodRequest.Header.GetID(wire.HeaderContentType))
	if schema == nil {
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

// model chooses by Content-Type without its parameters. A request without one
// has JSON.
//
// AWS: whether the case of a type counts is not documented; here it does not.
func (s *ValidateBody) model(contentType string) *jsonschema.Schema {
	kind := mediaType(contentType)
	for i, t := range s.types {
		if strings.EqualFold(t, kind) {
			return s.schemas[i]
		}
	}
	return s.other
}

var _ gateway.Step = (*ValidateBody)(nil)
