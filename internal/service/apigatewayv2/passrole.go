package apigatewayv2

import (
	"context"
	"strings"

	"gatehouse/internal/arn"
	"gatehouse/internal/openapi"
)

// A RolePasser decides whether the caller may hand a role to a service: who
// sets the credentials of an integration acts through it as the role.
type RolePasser interface {
	PassRole(ctx context.Context, role, service string) error
}

// passRole demands that the caller may let API Gateway act as a role; nil and
// the empty text are none.
func (s *Service) passRole(ctx context.Context, role *string) error {
	if s.opt.Roles == nil || str(role) == "" {
		return nil
	}
	return s.opt.Roles.PassRole(ctx, *role, "apigateway.amazonaws.com")
}

// passRoles is passRole for all integrations and authorizers of a document.
func (s *Service) passRoles(ctx context.Context, doc *openapi.HTTPAPI) error {
	for i := range doc.Authorizers {
		if err := s.passRole(ctx, doc.Authorizers[i].AuthorizerCredentialsArn); err != nil {
			return err
		}
	}
	for i := range doc.Integrations {
		if err := s.passRole(ctx, doc.Integrations[i].CredentialsArn); err != nil {
			return err
		}
	}
	return nil
}

// checkRole refuses what is not the ARN of a role. "" is none.
//
// AWS: http-api-execution.md §9: the caller's own credentials,
// arn:aws:iam::*:user/*, are refused; the text is ours.
func checkRole(role string) error {
	if role == "" || strings.Contains(role, "${stageVariables.") {
		return nil
	}
	if a, err := arn.Parse(role); err != nil || a.Service != "iam" || !strings.HasPrefix(a.Resource, "role/") {
		return bad("Invalid credentials: " + role + " is not the ARN of a role")
	}
	return nil
}
