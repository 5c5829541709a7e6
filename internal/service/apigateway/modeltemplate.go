package apigateway

import (
	"context"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/openapi"
	"gatehouse/internal/record"
)

// GetModelTemplate writes a sample mapping template that makes what a model
// describes.
func (s *Service) GetModelTemplate(ctx context.Context, in *api.GetModelTemplateInput) (*api.Template, error) {
	def, err := s.definition(ctx, in.RestApiId, errModelName(in.ModelName))
	if err != nil {
		return nil, err
	}
	if _, ok := def.Models[str(in.ModelName)]; !ok {
		return nil, errModelName(in.ModelName)
	}
	template, err := openapi.ModelTemplate(schemas(def), *in.ModelName)
	if err != nil {
		return nil, importError(err)
	}
	return &api.Template{Value: new(template)}, nil
}

// schemas are the schemas of all models, by name.
func schemas(def *record.Definition) map[string]string {
	all := make(map[string]string, len(def.Models))
	for name, m := range def.Models {
		all[name] = str(m.Schema)
	}
	return all
}
