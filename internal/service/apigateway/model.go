package apigateway

import (
	"context"
	"regexp"
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/jsonschema"
	"gatehouse/internal/openapi"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// Models are kept by name. All texts are recorded (test_model_validation,
// test_update_model, test_put_method_model) unless they say otherwise.

func errModelName(name *string) error {
	return api.NotFoundException("Invalid model name specified: " + str(name))
}

func errModelSchema() error {
	return api.BadRequestException("Model schema must have at least 1 property or array items defined")
}

var modelName = regexp.MustCompile(`^[a-zA-Z0-9]+$`)

// CreateModel adds a model to an API.
func (s *Service) CreateModel(ctx context.Context, in *api.CreateModelInput) (*api.Model, error) {
	out := api.Model{Name: in.Name, Description: text(in.Description), Schema: in.Schema, ContentType: in.ContentType}
	err := s.editAPI(ctx, in.RestApiId, errAPI(ctx, in.RestApiId), func(e *apiEdit, _ *store.Change) error {
		name := str(in.Name)
		switch {
		case name == "":
			return api.BadRequestException("Model name must be non-empty")
		case !modelName.MatchString(name):
			return api.BadRequestException("Model name must be alphanumeric: " + name) // AWS: seen in reports, not recorded
		case str(in.Schema) == "":
			return errModelSchema()
		case !validContentType(str(in.ContentType)):
			return api.BadRequestException("Invalid content type specified: " + str(in.ContentType)) // AWS: undocumented text
		}
		if _, ok := e.def.Models[name]; ok {
			return api.ConflictException("Model name already exists for this REST API")
		}
		if err := checkModel(e.def, &out); err != nil {
			return err
		}
		if len(e.def.Models) >= e.limits.ModelsPerAPI {
			return errLimitOfAPI("Models")
		}
		out.Id = new(newID(shortIDLen))
		e.def.Models = setEntry(e.def.Models, name, out)
		return nil
	})
	return &out, err
}

// checkModel refuses a model of JSON whose schema cannot be read. A model that
// it refers to may follow later; who deploys must have it.
//
// AWS: the beginning of the text is widely reported, the reason is ours.
func checkModel(def *record.Definition, m *api.Model) error {
	if str(m.ContentType) != "application/json" {
		return nil
	}
	_, err := jsonschema.Compile(str(m.Schema), func(address string) (string, error) {
		text, err := def.SchemaAt(address)
		if err != nil {
			return "{}", nil //nolint:nilerr // it may follow
		}
		return text, nil
	})
	if err != nil {
		return api.BadRequestException("Invalid model specified: Validation Result: warnings : [], errors : [Invalid model schema specified. " + strings.TrimPrefix(err.Error(), "schema: ") + "]")
	}
	return nil
}

// checkRequestModels refuses to deploy methods with validators whose models
// cannot be compiled.
//
// AWS: undocumented; it refuses such models earlier, at import and when a model
// that another refers to is deleted.
func checkRequestModels(def *record.Definition) error {
	wanted := map[string]bool{}
	for _, r := range def.Resources {
		for _, m := range r.ResourceMethods {
			if v := def.RequestValidators[str(m.RequestValidatorId)]; is(v.ValidateRequestBody) {
				for _, name := range m.RequestModels {
					wanted[name] = true
				}
			}
		}
	}
	for _, name := range sortedKeys(wanted) {
		if _, err := jsonschema.Compile(str(def.Models[name].Schema), def.SchemaAt); err != nil {
			return api.BadRequestException("Invalid model schema specified for model " + name + ": " + strings.TrimPrefix(err.Error(), "schema: "))
		}
	}
	return nil
}

// GetModel returns one model.
func (s *Service) GetModel(ctx context.Context, in *api.GetModelInput) (*api.Model, error) {
	def, err := s.definition(ctx, in.RestApiId, errModelName(in.ModelName))
	if err != nil {
		return nil, err
	}
	m, ok := def.Models[str(in.ModelName)]
	if !ok {
		return nil, errModelName(in.ModelName)
	}
	if is(in.Flatten) {
		m.Schema = new(openapi.FlattenModel(schemas(def), *in.ModelName))
	}
	return &m, nil
}

// GetModels lists the models of an API.
func (s *Service) GetModels(ctx context.Context, in *api.GetModelsInput) (*api.Models, error) {
	def, err := s.definition(ctx, in.RestApiId, errAPI(ctx, in.RestApiId))
	if err != nil {
		return nil, err
	}
	items, next, err := page(byKey(def.Models), func(m *api.Model) string { return str(m.Name) }, in.Position, in.Limit)
	if err != nil {
		return nil, err
	}
	return &api.Models{Items: items, Position: next}, nil
}

// byKey are the values of m in the order of its keys.
func byKey[V any](m map[string]V) []V {
	list := make([]V, 0, len(m))
	for _, key := range sortedKeys(m) {
		list = append(list, m[key])
	}
	return list
}

// UpdateModel changes a model.
func (s *Service) UpdateModel(ctx context.Context, in *api.UpdateModelInput) (*api.Model, error) {
	var out api.Model
	err := s.editAPI(ctx, in.RestApiId, errModelName(in.ModelName), func(e *apiEdit, _ *store.Change) error {
		m, ok := e.def.Models[str(in.ModelName)]
		if !ok {
			return errModelName(in.ModelName)
		}
		if err := modelPatches.apply(&m, in.PatchOperations); err != nil {
			return err
		}
		if err := checkModel(e.def, &m); err != nil {
			return err
		}
		e.def.Models[*in.ModelName] = m
		out = m
		return nil
	})
	return &out, err
}

// modelPatches is UpdateModel.
var modelPatches = patchTable[api.Model]{refuse: refuseListing[api.Model], rules: []patchRule[api.Model]{
	{path: "/description", replace: func(m *api.Model, o patchOp) error { patchString(&m.Description, o); return nil }},
	{path: "/schema", replace: func(m *api.Model, o patchOp) error {
		if o.value == "" {
			return errModelSchema()
		}
		m.Schema = new(o.value)
		return nil
	}},
}}

// DeleteModel removes a model that nothing refers to.
func (s *Service) DeleteModel(ctx context.Context, in *api.DeleteModelInput) error {
	return s.editAPI(ctx, in.RestApiId, errModelName(in.ModelName), func(e *apiEdit, _ *store.Change) error {
		name := str(in.ModelName)
		if _, ok := e.def.Models[name]; !ok {
			return errModelName(in.ModelName)
		}
		if err := checkModelUnused(e.def, name); err != nil {
			return err
		}
		delete(e.def.Models, name)
		return nil
	})
}

// checkModelUnused refuses to delete a model that a method names. The deepest
// resource is told.
func checkModelUnused(def *record.Definition, name string) error {
	var err error
	for _, r := range byPath(def) {
		for _, httpMethod := range sortedKeys(r.ResourceMethods) {
			if part := modelUse(r.ResourceMethods[httpMethod], name); part != "" {
				err = api.ConflictException("Cannot delete model '" + name + "', is referenced in method " + part + ": " + str(r.Path) + "/" + httpMethod)
			}
		}
	}
	return err
}

// modelUse is the part of a method that names a model, or "".
//
// AWS: the word for responses is not recorded.
func modelUse(m api.Method, name string) string {
	if containsValue(m.RequestModels, name) {
		return "request"
	}
	for _, response := range m.MethodResponses {
		if containsValue(response.ResponseModels, name) {
			return "response"
		}
	}
	return ""
}

func containsValue(m map[string]string, value string) bool {
	for _, v := range m {
		if v == value {
			return true
		}
	}
	return false
}
