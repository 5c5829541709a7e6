package apigateway

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// Most texts about authorizers are not recorded; those that are say so.

func errAuthorizerID() error {
	return api.NotFoundException("Invalid Authorizer identifier specified") // AWS: terraform-provider-aws shows it
}

// errConcurrent is the answer of CreateAuthorizer for an unknown API.
//
// AWS: recorded (test_authorizer_crud_no_api).
func errConcurrent() error {
	return api.ConflictException("Unable to complete operation due to concurrent modification. Please try again later.")
}

// maxAuthorizerTTL is the longest time that a decision may be kept, in seconds.
const maxAuthorizerTTL = 3600

// CreateAuthorizer adds an authorizer to an API.
func (s *Service) CreateAuthorizer(ctx context.Context, in *api.CreateAuthorizerInput) (*api.Authorizer, error) {
	out := api.Authorizer{
		Name: in.Name, Type: in.Type, ProviderARNs: in.ProviderARNs, AuthType: text(in.AuthType), AuthorizerUri: text(in.AuthorizerUri),
		AuthorizerCredentials: text(in.AuthorizerCredentials), IdentitySource: text(in.IdentitySource),
		IdentityValidationExpression: text(in.IdentityValidationExpression), AuthorizerResultTtlInSeconds: in.AuthorizerResultTtlInSeconds,
	}
	err := s.editAPI(ctx, in.RestApiId, errConcurrent(), func(e *apiEdit, _ *store.Change) error {
		if len(e.def.Authorizers) >= e.limits.AuthorizersPerAPI {
			return errLimitOfAPI("Authorizers")
		}
		if err := checkAuthorizer(e.def, &out); err != nil {
			return err
		}
		if err := s.passAuthorizerRole(ctx, &out); err != nil {
			return err
		}
		id := freshID(shortIDLen, func(id string) bool { _, ok := e.def.Authorizers[id]; return ok })
		out.Id = new(id)
		e.def.Authorizers = setEntry(e.def.Authorizers, id, out)
		return nil
	})
	return &out, err
}

// checkAuthorizer fills in the defaults of an authorizer of an API, and refuses
// what AWS refuses.
func checkAuthorizer(def *record.Definition, a *api.Authorizer) error {
	if str(a.Name) == "" {
		return api.BadRequestException("Authorizer name cannot be blank")
	}
	for id, other := range def.Authorizers {
		if id != str(a.Id) && str(other.Name) == *a.Name {
			// AWS: aws-cdk issue 20170 shows the text.
			return api.BadRequestException("Authorizer name must be unique. Authorizer " + *a.Name + " already exists in this RestApi.")
		}
	}
	if ttl := a.AuthorizerResultTtlInSeconds; ttl != nil && (*ttl < 0 || *ttl > maxAuthorizerTTL) {
		return api.BadRequestException("Invalid authorizer result TTL specified. Must be between 0 and " + strconv.Itoa(maxAuthorizerTTL) + " seconds")
	}
	if _, err := regexp.Compile(str(a.IdentityValidationExpression)); err != nil {
		return api.BadRequestException("Invalid identity validation expression specified: " + *a.IdentityValidationExpression)
	}
	if str(a.Type) == api.AuthorizerTypeCognitoUserPools {
		return checkUserPools(a)
	}
	return checkFunctionAuthorizer(a)
}

// checkFunctionAuthorizer checks what is called, and with what.
//
// AWS: recorded in test_apigateway_with_custom_authorization_method: authType is
// "custom", a time to live that is not set is not shown.
func checkFunctionAuthorizer(a *api.Authorizer) error {
	if a.AuthType == nil {
		a.AuthType = new("custom")
	}
	if uri := str(a.AuthorizerUri); !isFunction(uri) && (!strings.HasPrefix(uri, "http") || !validEndpoint(uri)) {
		// AWS: terraform-provider-aws pull request 1757 shows the text. That an
		// HTTP endpoint may decide is ours.
		return api.BadRequestException("Invalid Authorizer URI: " + uri +
			". Authorizer URI should be a valid API Gateway ARN that represents a Lambda function invocation.")
	}
	if strings.HasSuffix(*a.AuthorizerUri, "/response-streaming-invocations") {
		return api.BadRequestException("Invalid Authorizer URI: " + *a.AuthorizerUri +
			". Authorizer URI should be a valid API Gateway ARN that represents a Lambda function invocation.")
	}
	if credentials := str(a.AuthorizerCredentials); credentials != "" {
		if !isFunction(*a.AuthorizerUri) {
			return api.BadRequestException("Authorizer credentials are only supported for Lambda functions")
		}
		if err := checkCredentials(credentials); err != nil {
			return err
		}
	}
	if len(a.ProviderARNs) > 0 {
		return api.BadRequestException("Provider ARNs are only supported for COGNITO_USER_POOLS authorizers")
	}
	sources := identitySources(a)
	for _, source := range sources {
		if !identitySource.MatchString(source) {
			return errIdentitySource(source)
		}
	}
	if str(a.Type) == api.AuthorizerTypeToken {
		if len(sources) != 1 || !strings.HasPrefix(sources[0], "method.request.header.") {
			return errIdentitySource(str(a.IdentitySource))
		}
		return nil
	}
	// AWS: "identitySource is required when authorizer caching is enabled" (API
	// reference of CreateAuthorizer); it is unless the time to live is 0.
	if len(sources) == 0 && (a.AuthorizerResultTtlInSeconds == nil || *a.AuthorizerResultTtlInSeconds > 0) {
		return api.BadRequestException("Identity source is required when authorizer caching is enabled")
	}
	return nil
}

// identitySource is one place that tells who a caller is.
//
// AWS: authorizers.md §1.2.
var identitySource = regexp.MustCompile(`^(method\.request\.(header|querystring)\.[^ ,]+|context\.[A-Za-z0-9_.]+|stageVariables\.[A-Za-z0-9_]+)$`)

func errIdentitySource(source string) error {
	return api.BadRequestException("Invalid identity source specified: " + source)
}

// identitySources are the parts of an authorizer's identitySource.
func identitySources(a *api.Authorizer) []string {
	var list []string
	for part := range strings.SplitSeq(str(a.IdentitySource), ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

// userPoolID is the id of a user pool.
//
// AWS: UserPoolId of Cognito's API reference, which has an underscore, too. Pools
// that another issuer stands for may have plain names here.
var userPoolID = regexp.MustCompile(`^userpool/[A-Za-z0-9_-]{1,55}$`)

// isUserPool reports whether a text is the ARN of a user pool, or may become one
// by stage variables.
func isUserPool(text string) bool {
	name, err := arn.Parse(stageVariable.ReplaceAllString(text, "x"))
	if err != nil || name.Service != "cognito-idp" {
		return false
	}
	return strings.Contains(text, "${stageVariables.") || name.Region != "" && arn.ValidAccount(name.Account) && userPoolID.MatchString(name.Resource)
}

// checkUserPools checks an authorizer whose tokens come from Cognito.
func checkUserPools(a *api.Authorizer) error {
	if a.AuthType == nil {
		a.AuthType = new("cognito_user_pools")
	}
	if len(a.ProviderARNs) == 0 {
		return api.BadRequestException("At least one provider ARN is required for COGNITO_USER_POOLS authorizers")
	}
	for _, pool := range a.ProviderARNs {
		if !isUserPool(pool) {
			return api.BadRequestException("Invalid Cognito User Pool ARN specified: " + pool)
		}
	}
	sources := identitySources(a)
	if len(sources) != 1 || !identitySource.MatchString(sources[0]) || !strings.HasPrefix(sources[0], "method.request.header.") {
		return errIdentitySource(str(a.IdentitySource))
	}
	return nil
}

// GetAuthorizer returns one authorizer.
func (s *Service) GetAuthorizer(ctx context.Context, in *api.GetAuthorizerInput) (*api.Authorizer, error) {
	def, err := s.definition(ctx, in.RestApiId, errAPI(ctx, in.RestApiId))
	if err != nil {
		return nil, err
	}
	a, ok := def.Authorizers[str(in.AuthorizerId)]
	if !ok {
		return nil, errAuthorizerID()
	}
	return &a, nil
}

// GetAuthorizers lists the authorizers of an API by name.
//
// AWS: the text for an unknown API is recorded (test_authorizer_crud_no_api). The
// order is undocumented; that of test_import_swagger_api is this.
func (s *Service) GetAuthorizers(ctx context.Context, in *api.GetAuthorizersInput) (*api.Authorizers, error) {
	def, err := s.definition(ctx, in.RestApiId, errAPI(ctx, in.RestApiId))
	if err != nil {
		return nil, err
	}
	all := byKey(def.Authorizers)
	slices.SortStableFunc(all, func(a, b api.Authorizer) int { return strings.Compare(str(a.Name), str(b.Name)) })
	items, next, err := page(all, func(a *api.Authorizer) string { return str(a.Id) }, in.Position, in.Limit)
	if err != nil {
		return nil, err
	}
	return &api.Authorizers{Items: items, Position: next}, nil
}

// UpdateAuthorizer changes an authorizer.
func (s *Service) UpdateAuthorizer(ctx context.Context, in *api.UpdateAuthorizerInput) (*api.Authorizer, error) {
	var out api.Authorizer
	err := s.editAPI(ctx, in.RestApiId, errAPI(ctx, in.RestApiId), func(e *apiEdit, _ *store.Change) error {
		a, ok := e.def.Authorizers[str(in.AuthorizerId)]
		if !ok {
			return errAuthorizerID()
		}
		a.ProviderARNs = slices.Clone(a.ProviderARNs)
		if err := authorizerPatches.apply(&a, in.PatchOperations); err != nil {
			return err
		}
		if err := checkAuthorizer(e.def, &a); err != nil {
			return err
		}
		if err := s.passAuthorizerRole(ctx, &a); err != nil {
			return err
		}
		e.def.Authorizers[*in.AuthorizerId] = a
		out = a
		return nil
	})
	return &out, err
}

// authorizerPatches is UpdateAuthorizer.
var authorizerPatches = patchTable[api.Authorizer]{refuse: refuseListing[api.Authorizer], rules: []patchRule[api.Authorizer]{
	{path: "/authorizerUri", replace: func(a *api.Authorizer, o patchOp) error { patchString(&a.AuthorizerUri, o); return nil }},
	{path: "/authorizerCredentials", replace: func(a *api.Authorizer, o patchOp) error { patchString(&a.AuthorizerCredentials, o); return nil }},
	{path: "/authorizerResultTtlInSeconds", replace: func(a *api.Authorizer, o patchOp) error {
		n, err := strconv.ParseInt(o.value, 10, 32)
		if err != nil {
			return api.BadRequestException("Invalid authorizer result TTL specified: " + o.value)
		}
		a.AuthorizerResultTtlInSeconds = new(int32(n))
		return nil
	}},
	{path: "/authType", replace: func(a *api.Authorizer, o patchOp) error { patchString(&a.AuthType, o); return nil }},
	{path: "/identitySource", replace: func(a *api.Authorizer, o patchOp) error { patchString(&a.IdentitySource, o); return nil },
		add: func(a *api.Authorizer, o patchOp) error {
			list := append(identitySources(a), o.value)
			a.IdentitySource = new(strings.Join(list, ","))
			return nil
		},
		remove: func(a *api.Authorizer, o patchOp) error {
			a.IdentitySource = text(new(strings.Join(dropValue(identitySources(a), o.value), ",")))
			return nil
		}},
	{path: "/identityValidationExpression", replace: func(a *api.Authorizer, o patchOp) error {
		patchString(&a.IdentityValidationExpression, o)
		return nil
	}},
	{path: "/name", replace: func(a *api.Authorizer, o patchOp) error { patchString(&a.Name, o); return nil }},
	{path: "/providerARNs", add: func(a *api.Authorizer, o patchOp) error {
		a.ProviderARNs = append(dropValue(a.ProviderARNs, o.value), o.value)
		return nil
	}, remove: func(a *api.Authorizer, o patchOp) error {
		a.ProviderARNs = dropValue(a.ProviderARNs, o.value)
		return nil
	}},
	{path: "/type", replace: func(a *api.Authorizer, o patchOp) error {
		if !slices.Contains([]string{api.AuthorizerTypeToken, api.AuthorizerTypeRequest, api.AuthorizerTypeCognitoUserPools}, o.value) {
			return api.BadRequestException("Invalid authorizer type specified: " + o.value)
		}
		a.Type = new(o.value)
		return nil
	}},
}}

// DeleteAuthorizer removes an authorizer that no method names.
func (s *Service) DeleteAuthorizer(ctx context.Context, in *api.DeleteAuthorizerInput) error {
	return s.editAPI(ctx, in.RestApiId, errAPI(ctx, in.RestApiId), func(e *apiEdit, _ *store.Change) error {
		id := str(in.AuthorizerId)
		if _, ok := e.def.Authorizers[id]; !ok {
			return errAuthorizerID()
		}
		for _, r := range byPath(e.def) {
			for _, httpMethod := range sortedKeys(r.ResourceMethods) {
				if str(r.ResourceMethods[httpMethod].AuthorizerId) == id {
					// AWS: undocumented text, after that of models.
					return api.ConflictException("Cannot delete authorizer '" + id + "', is referenced in method: " + str(r.Path) + "/" + httpMethod)
				}
			}
		}
		delete(e.def.Authorizers, id)
		return nil
	})
}

// checkAuthorization checks who may call a method.
//
// AWS: the text is recorded (test_put_method_validation,
// test_update_method_validation).
func (me *methodEdit) checkAuthorization() error {
	m := &me.m
	a, ok := me.def.Authorizers[str(m.AuthorizerId)]
	pools := str(a.Type) == api.AuthorizerTypeCognitoUserPools
	if !ok || pools != (*m.AuthorizationType == authCognito) {
		return errAuthorizer()
	}
	if len(m.AuthorizationScopes) > 0 && !pools {
		return noAuthorizationScopes.refuse("")
	}
	return nil
}
