package apigatewayv2

import (
	"context"
	"net/url"
	"strings"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// CreateAuthorizer adds an authorizer.
func (s *Service) CreateAuthorizer(ctx context.Context, in *api.CreateAuthorizerInput) (*api.CreateAuthorizerResponse, error) {
	a := api.Authorizer{}
	overlay(&a, in)
	err := s.edit(ctx, in.ApiId, func(e *apiEdit, _ *store.Change) error {
		if len(e.def.Authorizers) >= e.limits.Authorizers {
			return errAuthorizers()
		}
		if err := s.passRole(ctx, a.AuthorizerCredentialsArn); err != nil {
			return err
		}
		a.AuthorizerId = new(record.NewID(shortIDLen))
		return e.putAuthorizer(a)
	})
	return new(api.CreateAuthorizerResponse(a)), err
}

// putAuthorizer checks an authorizer and puts it into the definition.
func (e *apiEdit) putAuthorizer(a api.Authorizer) error {
	check := checkAuthorizer
	if isSocket(&e.rec.Api) {
		check = checkSocketAuthorizer
	}
	if err := check(&a); err != nil {
		return err
	}
	for id, other := range e.def.Authorizers {
		if id != str(a.AuthorizerId) && str(other.Name) == str(a.Name) {
			return api.ConflictException("Authorizer name must be unique. Authorizer " + str(a.Name) + " already exists in this API.")
		}
	}
	if e.def.Authorizers == nil {
		e.def.Authorizers = map[string]api.Authorizer{}
	}
	e.def.Authorizers[str(a.AuthorizerId)] = a
	return nil
}

// checkAuthorizer refuses an authorizer that AWS refuses, or a setting that
// would not act. The texts are ours.
//
// AWS: API reference, CreateAuthorizer; authorizers.md §2 and §4.
func checkAuthorizer(a *api.Authorizer) error {
	if str(a.Name) == "" || len(*a.Name) > 128 {
		return bad("Authorizer name must have between 1 and 128 characters")
	}
	for _, source := range a.IdentitySource {
		if !validSource(source) {
			return bad("Invalid mapping expression specified: " + source)
		}
	}
	if str(a.IdentityValidationExpression) != "" {
		return bad("identityValidationExpression is not supported for HTTP APIs")
	}
	if str(a.AuthorizerType) == api.AuthorizerTypeJwt {
		return checkJWT(a)
	}
	return checkRequest(a)
}

func validSource(source string) bool {
	for _, root := range []string{"$request.header.", "$request.querystring.", "$context.", "$stageVariables."} {
		if name, ok := strings.CutPrefix(source, root); ok && name != "" {
			return true
		}
	}
	return false
}

// checkJWT checks what only a JWT authorizer has.
func checkJWT(a *api.Authorizer) error {
	c := a.JwtConfiguration
	switch {
	case c == nil || str(c.Issuer) == "" || len(c.Audience) == 0:
		return bad("jwtConfiguration with an issuer and an audience is required for JWT authorizers")
	case len(c.Audience) > 50:
		return errLimit("audiences")
	case len(a.IdentitySource) != 1:
		return bad("JWT authorizers have one identity source")
	case !strings.HasPrefix(a.IdentitySource[0], "$request."):
		// AWS: API reference, CreateAuthorizer: headers and query parameters only.
		return bad("Invalid mapping expression specified: " + a.IdentitySource[0] + ". The identity source of a JWT authorizer is a header or a query parameter")
	case str(a.AuthorizerUri) != "" || str(a.AuthorizerCredentialsArn) != "" || a.AuthorizerPayloadFormatVersion != nil ||
		a.EnableSimpleResponses != nil || a.AuthorizerResultTtlInSeconds != nil && *a.AuthorizerResultTtlInSeconds != 0:
		return bad("JWT authorizers support no authorizerUri, authorizerCredentialsArn, authorizerPayloadFormatVersion, enableSimpleResponses and authorizerResultTtlInSeconds")
	}
	if strings.Contains(*c.Issuer, "${stageVariables.") {
		return nil
	}
	// AWS: HTTPS is demanded. Here a provider beside the gateway may do without.
	if u, err := url.Parse(*c.Issuer); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return bad("Caught exception when connecting to " + *c.Issuer + " for issuer " + *c.Issuer + ". Please try again later.")
	}
	return nil
}

// checkRequest checks what only a REQUEST authorizer has.
func checkRequest(a *api.Authorizer) error {
	version, ttl := str(a.AuthorizerPayloadFormatVersion), a.AuthorizerResultTtlInSeconds
	switch {
	case a.JwtConfiguration != nil:
		return bad("jwtConfiguration is supported only for JWT authorizers")
	case version != "1.0" && version != "2.0":
		return bad("AuthorizerPayloadFormatVersion is a required parameter for REQUEST authorizer")
	case is(a.EnableSimpleResponses) && version != "2.0":
		return bad("enableSimpleResponses needs the authorizerPayloadFormatVersion 2.0")
	case ttl != nil && (*ttl < 0 || *ttl > 3600):
		return bad("authorizerResultTtlInSeconds must be between 0 and 3600")
	case ttl != nil && *ttl > 0 && len(a.IdentitySource) == 0:
		return bad("Identity source is required when caching is enabled")
	}
	return checkAsked(a)
}

// checkSocketAuthorizer is checkAuthorizer for WebSocket APIs. An
// identityValidationExpression is kept and not looked at, as on AWS.
//
// AWS: websocket-execution.md §10. The texts are ours.
func checkSocketAuthorizer(a *api.Authorizer) error {
	switch {
	case str(a.Name) == "" || len(*a.Name) > 128:
		return bad("Authorizer name must have between 1 and 128 characters")
	case str(a.AuthorizerType) != api.AuthorizerTypeRequest || a.JwtConfiguration != nil:
		return bad("Only the REQUEST authorizer type is supported for WebSocket protocol Apis")
	case a.AuthorizerPayloadFormatVersion != nil || is(a.EnableSimpleResponses):
		return bad("authorizerPayloadFormatVersion and enableSimpleResponses are supported only for HTTP APIs")
	case a.AuthorizerResultTtlInSeconds != nil && *a.AuthorizerResultTtlInSeconds != 0:
		return bad("authorizerResultTtlInSeconds is supported only for HTTP APIs")
	}
	for _, source := range a.IdentitySource {
		if !validSocketSource(source) {
			return bad("Invalid mapping expression specified: " + source)
		}
	}
	return checkAsked(a)
}

func validSocketSource(source string) bool {
	for _, root := range []string{"route.request.header.", "route.request.querystring.", "context.", "stageVariables."} {
		if name, ok := strings.CutPrefix(source, root); ok && name != "" {
			return true
		}
	}
	return false
}

// checkAsked checks what a REQUEST authorizer asks.
func checkAsked(a *api.Authorizer) error {
	if err := checkRole(str(a.AuthorizerCredentialsArn)); err != nil {
		return err
	}
	uri := str(a.AuthorizerUri)
	if name, err := arn.Parse(uri); err == nil && name.Service == "apigateway" && strings.Contains(name.Resource, "functions/") {
		return nil
	}
	if u, err := url.Parse(uri); err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" {
		if str(a.AuthorizerCredentialsArn) != "" {
			return bad("authorizerCredentialsArn is for functions only")
		}
		return nil // beyond AWS
	}
	return bad("Invalid Authorizer URI: " + uri)
}

// GetAuthorizer returns one authorizer.
func (s *Service) GetAuthorizer(ctx context.Context, in *api.GetAuthorizerInput) (*api.GetAuthorizerResponse, error) {
	def, err := s.definition(ctx, in.ApiId)
	if err != nil {
		return nil, err
	}
	a, ok := def.Authorizers[str(in.AuthorizerId)]
	if !ok {
		return nil, errAuthorizer(in.AuthorizerId)
	}
	return new(api.GetAuthorizerResponse(a)), nil
}

// GetAuthorizers lists the authorizers of an API.
func (s *Service) GetAuthorizers(ctx context.Context, in *api.GetAuthorizersInput) (*api.GetAuthorizersResponse, error) {
	def, err := s.definition(ctx, in.ApiId)
	if err != nil {
		return nil, err
	}
	items, next, err := page(sorted(def.Authorizers), func(a *api.Authorizer) string { return *a.AuthorizerId }, in.NextToken, in.MaxResults)
	return &api.GetAuthorizersResponse{Items: items, NextToken: next}, err
}

// UpdateAuthorizer changes an authorizer.
func (s *Service) UpdateAuthorizer(ctx context.Context, in *api.UpdateAuthorizerInput) (*api.UpdateAuthorizerResponse, error) {
	var out api.Authorizer
	err := s.edit(ctx, in.ApiId, func(e *apiEdit, _ *store.Change) error {
		a, ok := e.def.Authorizers[str(in.AuthorizerId)]
		if !ok {
			return errAuthorizer(in.AuthorizerId)
		}
		was := str(a.AuthorizerType)
		overlay(&a, in)
		if str(a.AuthorizerType) != was {
			return bad("The type of an authorizer cannot be changed")
		}
		out = a
		if err := s.passRole(ctx, a.AuthorizerCredentialsArn); err != nil {
			return err
		}
		return e.putAuthorizer(a)
	})
	return new(api.UpdateAuthorizerResponse(out)), err
}

// DeleteAuthorizer removes an authorizer that no route asks.
func (s *Service) DeleteAuthorizer(ctx context.Context, in *api.DeleteAuthorizerInput) error {
	return s.edit(ctx, in.ApiId, func(e *apiEdit, _ *store.Change) error {
		id := str(in.AuthorizerId)
		if _, ok := e.def.Authorizers[id]; !ok {
			return errAuthorizer(in.AuthorizerId)
		}
		for _, rt := range sorted(e.def.Routes) {
			if str(rt.AuthorizerId) == id {
				return api.ConflictException("Cannot delete authorizer '" + id + "', is referenced by route: " + str(rt.RouteKey))
			}
		}
		delete(e.def.Authorizers, id)
		return nil
	})
}

// ResetAuthorizersCache drops the decisions of a stage's authorizers.
func (s *Service) ResetAuthorizersCache(ctx context.Context, in *api.ResetAuthorizersCacheInput) error {
	t := s.tables(ctx)
	if _, _, err := t.APIStages.Find(ctx, errStage(), str(in.ApiId), str(in.StageName)); err != nil {
		return err
	}
	if s.opt.Caches != nil {
		s.opt.Caches.FlushStageAuthorizers(t.Scope, str(in.ApiId), str(in.StageName))
	}
	return nil
}
