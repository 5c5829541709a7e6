package compile

import (
	"fmt"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/gateway/step"
	"gatehouse/internal/jsonschema"
)

// validateBody makes the step that checks a method's body, or nil if no
// validator asks for it.
//
// AWS: rest-execution.md §7: a type without a model is not checked.
func (p *planner) validateBody(m *api.Method) (*step.ValidateBody, error) {
	v := p.def.RequestValidators[str(m.RequestValidatorId)]
	if !isTrue(v.ValidateRequestBody) || len(m.RequestModels) == 0 {
		return nil, nil
	}
	models := make(map[string]*jsonschema.Schema, len(m.RequestModels))
	for contentType, name := range m.RequestModels {
		schema, err := p.model(name)
		if err != nil {
			return nil, fmt.Errorf("model %s: %w", name, err)
		}
		models[contentType] = schema
	}
	return step.NewValidateBody(models), nil
}

// model compiles a model, once for all methods of a deployment.
func (p *planner) model(name string) (*jsonschema.Schema, error) {
	if schema := p.models[name]; schema != nil {
		return schema, nil
	}
	m, ok := p.def.Models[name]
	if !ok {
		return nil, fmt.Errorf("there is no such model")
	}
	schema, err := jsonschema.Compile(str(m.Schema), p.def.SchemaAt)
	if err != nil {
		return nil, err
	}
	if p.models == nil {
		p.models = make(map[string]*jsonschema.Schema)
	}
	p.models[name] = schema
	return schema, nil
}
