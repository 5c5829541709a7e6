package apigateway

import (
	"context"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/openapi"
)

// A RolePasser decides whether the caller may hand a role to a service: who
// sets the credentials of an integration acts through it as the role.
type RolePasser interface {
	PassRole(ctx context.Context, role, service string) error
}

// passRole demands that the caller may let API Gateway act as the role of an
// integration.
func (s *Service) passRole(ctx context.Context, in *api.Integration) error {
	if s.opt.Roles == nil || in == nil || str(in.Credentials) == "" || *in.Credentials == callersOwn {
		return nil
	}
	return s.opt.Roles.PassRole(ctx, *in.Credentials, "apigateway.amazonaws.com")
}

// passAuthorizerRole is passRole for an authorizer.
func (s *Service) passAuthorizerRole(ctx context.Context, a *api.Authorizer) error {
	if s.opt.Roles == nil || str(a.AuthorizerCredentials) == "" {
		return nil
	}
	return s.opt.Roles.PassRole(ctx, *a.AuthorizerCredentials, "apigateway.amazonaws.com")
}

// passRoles is passRole for all integrations and authorizers of a document.
func (s *Service) passRoles(ctx context.Context, doc *openapi.API) error {
	for i := range doc.Authorizers {
		if err := s.passAuthorizerRole(ctx, &doc.Authorizers[i]); err != nil {
			return err
		}
	}
	for i := range doc.Resources {
		for j := range doc.Resources[i].Methods {
			if err := s.passRole(ctx, doc.Resources[i].Methods[j].Method.MethodIntegration); err != nil {
				return err
			}
		}
	}
	return nil
}
