package apigateway

import (
	"context"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/openapi"
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
	schemas := make(map[string]string, len(def.Models))
	for name, m := range def.Models {
		schemas[name] = str(m.Schema)
	}
	template, err := openapi.ModelTemplate(schemas, *in.ModelName)
	if err != nil {
		return nil, importError(err)
	}
	return &api.Template{Value: new(template)}, nil
}
