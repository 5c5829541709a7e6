package apigateway

import (
	"context"

	api "gatehouse/internal/awsapi/apigateway"
)

// Gatehouse generates no SDKs: there are no types of them, and asking for one
// says so.

// GetSdkTypes lists the types of SDKs: none.
func (s *Service) GetSdkTypes(_ context.Context, _ *api.GetSdkTypesInput) (*api.SdkTypes, error) {
	return &api.SdkTypes{Items: []api.SdkType{}}, nil
}

// GetSdkType finds none.
func (s *Service) GetSdkType(_ context.Context, in *api.GetSdkTypeInput) (*api.SdkType, error) {
	return nil, api.NotFoundException("Invalid SDK type identifier specified: " + str(in.Id)) // AWS: undocumented text
}

// GetSdk refuses.
func (s *Service) GetSdk(_ context.Context, in *api.GetSdkInput) (*api.SdkResponse, error) {
	return nil, api.BadRequestException("Gatehouse does not generate SDKs: there is no '" + str(in.SdkType) +
		"'. Generate one from the OpenAPI document that GetExport gives")
}
