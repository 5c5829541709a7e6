package apigatewayv2

import (
	"context"
	"errors"
	"mime"
	"regexp"
	"strings"

	api "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/jsonschema"
	"gatehouse/internal/openapi"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// A model of a WebSocket API says what messages look like: routes name it as
// what their messages must be.

// errModel is the answer for an unknown model.
func errModel(id *string) error { return errUnknown("Model", str(id)) }

var modelName = regexp.MustCompile(`^[a-zA-Z0-9]{1,128}$`)

// maxSchema bounds a model's schema.
//
// AWS: API reference, Model: 32,768 characters.
const maxSchema = 32768

// putModel checks a model and puts it into the definition.
//
// AWS: API reference, CreateModel: only for WebSocket APIs. The texts are ours.
func (e *apiEdit) putModel(m api.Model) error {
	switch {
	case !isSocket(&e.rec.Api):
		return bad("Models are supported only for WebSocket APIs")
	case !modelName.MatchString(str(m.Name)):
		return bad("Model name must be alphanumeric: " + str(m.Name))
	case str(m.Schema) == "" || len(*m.Schema) > maxSchema:
		return bad("The schema of a model must have between 1 and 32768 characters")
	}
	if t := str(m.ContentType); t != "" {
		if _, _, err := mime.ParseMediaType(t); err != nil || !strings.Contains(t, "/") {
			return bad("Invalid content type specified: " + t)
		}
	}
	for id, other := range e.def.Models {
		if id != str(m.ModelId) && str(other.Name) == str(m.Name) {
			return api.ConflictException("Model name " + str(m.Name) + " already exists for this API")
		}
	}
	if e.def.Models == nil {
		e.def.Models = map[string]api.Model{}
	}
	e.def.Models[str(m.ModelId)] = m
	if is(e.rec.DisableSchemaValidation) {
		return nil
	}
	return compileModel(e.def, &m, true)
}

// compileModel refuses a model whose schema cannot be read. One that it refers
// to may follow later, if it may.
func compileModel(def *record.APIDefinition, m *api.Model, later bool) error {
	_, err := jsonschema.Compile(str(m.Schema), func(address string) (string, error) {
		text, err := def.SchemaAt(address)
		if err != nil && later {
			return "{}", nil
		}
		return text, err
	})
	if err != nil {
		return bad("Invalid model schema specified for " + str(m.Name) + ": " + strings.TrimPrefix(err.Error(), "schema: "))
	}
	return nil
}

// checkRouteModels refuses routes whose models are not there or cannot be read.
//
// AWS: API reference, Api, disableSchemaValidation: models are validated when a
// deployment is made. Here those that messages are held to are good always.
func checkRouteModels(def *record.APIDefinition) error {
	for _, rt := range sorted(def.Routes) {
		for _, key := range sortedKeys(rt.RequestModels) {
			m, ok := def.Model(rt.RequestModels[key])
			if !ok {
				return bad("Route " + str(rt.RouteKey) + ": there is no model " + rt.RequestModels[key])
			}
			if err := compileModel(def, &m, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// CreateModel adds a model.
func (s *Service) CreateModel(ctx context.Context, in *api.CreateModelInput) (*api.CreateModelResponse, error) {
	m := api.Model{}
	overlay(&m, in)
	err := s.edit(ctx, in.ApiId, func(e *apiEdit, _ *store.Change) error {
		if len(e.def.Models) >= maxModels {
			return errLimit("models")
		}
		m.ModelId = new(record.NewID(shortIDLen))
		return e.putModel(m)
	})
	return new(api.CreateModelResponse(m)), err
}

// maxModels bounds the models of an API; AWS names no number for WebSocket APIs:
// that of REST APIs.
const maxModels = 400

// GetModel returns one model.
func (s *Service) GetModel(ctx context.Context, in *api.GetModelInput) (*api.GetModelResponse, error) {
	def, err := s.definition(ctx, in.ApiId)
	if err != nil {
		return nil, err
	}
	m, ok := def.Models[str(in.ModelId)]
	if !ok {
		return nil, errModel(in.ModelId)
	}
	return new(api.GetModelResponse(m)), nil
}

// GetModels lists the models of an API.
func (s *Service) GetModels(ctx context.Context, in *api.GetModelsInput) (*api.GetModelsResponse, error) {
	def, err := s.definition(ctx, in.ApiId)
	if err != nil {
		return nil, err
	}
	items, next, err := page(sorted(def.Models), func(m *api.Model) string { return *m.ModelId }, in.NextToken, in.MaxResults)
	return &api.GetModelsResponse{Items: items, NextToken: next}, err
}

// GetModelTemplate writes a sample mapping template that makes what a model
// describes.
func (s *Service) GetModelTemplate(ctx context.Context, in *api.GetModelTemplateInput) (*api.GetModelTemplateResponse, error) {
	def, err := s.definition(ctx, in.ApiId)
	if err != nil {
		return nil, err
	}
	m, ok := def.Models[str(in.ModelId)]
	if !ok {
		return nil, errModel(in.ModelId)
	}
	schemas := make(map[string]string, len(def.Models))
	for _, m := range def.Models {
		schemas[str(m.Name)] = str(m.Schema)
	}
	text, err := openapi.ModelTemplate(schemas, str(m.Name))
	if e := (*openapi.Error)(nil); errors.As(err, &e) {
		return nil, bad(e.Message)
	}
	return &api.GetModelTemplateResponse{Value: new(text)}, err
}

// UpdateModel changes a model.
func (s *Service) UpdateModel(ctx context.Context, in *api.UpdateModelInput) (*api.UpdateModelResponse, error) {
	var out api.Model
	err := s.edit(ctx, in.ApiId, func(e *apiEdit, _ *store.Change) error {
		m, ok := e.def.Models[str(in.ModelId)]
		if !ok {
			return errModel(in.ModelId)
		}
		name := str(m.Name)
		overlay(&m, in)
		if str(m.Name) != name && e.modelUser(name) != "" {
			return api.ConflictException("Cannot rename model '" + name + "', is referenced by route: " + e.modelUser(name))
		}
		out = m
		return e.putModel(m)
	})
	return new(api.UpdateModelResponse(out)), err
}

// modelUser names a route that holds messages to a model, or "".
func (e *apiEdit) modelUser(name string) string {
	for _, rt := range sorted(e.def.Routes) {
		for _, used := range rt.RequestModels {
			if used == name {
				return str(rt.RouteKey)
			}
		}
	}
	return ""
}

// DeleteModel removes a model that no route names.
func (s *Service) DeleteModel(ctx context.Context, in *api.DeleteModelInput) error {
	return s.edit(ctx, in.ApiId, func(e *apiEdit, _ *store.Change) error {
		m, ok := e.def.Models[str(in.ModelId)]
		if !ok {
			return errModel(in.ModelId)
		}
		if key := e.modelUser(str(m.Name)); key != "" {
			return api.ConflictException("Cannot delete model '" + str(m.Name) + "', is referenced by route: " + key)
		}
		delete(e.def.Models, str(in.ModelId))
		return nil
	})
}
