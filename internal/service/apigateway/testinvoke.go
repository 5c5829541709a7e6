package apigateway

import (
	"context"
	"slices"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
)

// A MethodInvoker runs one request through a method of a definition that need
// not be deployed.
type MethodInvoker interface {
	// TestInvoke returns what the client would get, and the execution log. The
	// method that in names is there and has an integration.
	TestInvoke(ctx context.Context, scope record.Scope, def *record.Definition, in *api.TestInvokeMethodInput) (*api.TestInvokeMethodResponse, error)
	// TestAuthorizer returns what an authorizer says of a request. The
	// authorizer that in names is there.
	TestAuthorizer(ctx context.Context, scope record.Scope, def *record.Definition, in *api.TestInvokeAuthorizerInput) (*api.TestInvokeAuthorizerResponse, error)
}

// Bounds of what a test invocation may hold, besides the size of the call.
const (
	maxTestTarget  = 10_240 // characters of pathWithQueryString, as for clients
	maxTestHeaders = 10_240 // bytes of all headers
)

// TestInvokeMethod calls a method as it is defined now.
//
// AWS: texts recorded (test_invoke_test_method). Undocumented: a method without
// integration is not found.
func (s *Service) TestInvokeMethod(ctx context.Context, in *api.TestInvokeMethodInput) (*api.TestInvokeMethodResponse, error) {
	def, err := s.definition(ctx, in.RestApiId, errResource())
	if err != nil {
		return nil, err
	}
	me, err := method(def, in.ResourceId, in.HttpMethod)
	if err != nil {
		return nil, err
	}
	if _, err := me.integration(); err != nil {
		return nil, err
	}
	if err := checkTest(in); err != nil {
		return nil, err
	}
	if err := findCertificate(ctx, s.tables(ctx), in.ClientCertificateId); err != nil {
		return nil, err
	}
	if s.opt.Methods == nil {
		return s.UnimplementedServer.TestInvokeMethod(ctx, in)
	}
	return s.opt.Methods.TestInvoke(ctx, s.tables(ctx).Scope, def, in)
}

// TestInvokeAuthorizer asks an authorizer as it is defined now.
func (s *Service) TestInvokeAuthorizer(ctx context.Context, in *api.TestInvokeAuthorizerInput) (*api.TestInvokeAuthorizerResponse, error) {
	def, err := s.definition(ctx, in.RestApiId, errAPI(ctx, in.RestApiId))
	if err != nil {
		return nil, err
	}
	if _, ok := def.Authorizers[str(in.AuthorizerId)]; !ok {
		return nil, errAuthorizerID()
	}
	if err := checkTest(&api.TestInvokeMethodInput{Headers: in.Headers, MultiValueHeaders: in.MultiValueHeaders,
		PathWithQueryString: in.PathWithQueryString, StageVariables: in.StageVariables}); err != nil {
		return nil, err
	}
	if s.opt.Methods == nil {
		return s.UnimplementedServer.TestInvokeAuthorizer(ctx, in)
	}
	return s.opt.Methods.TestAuthorizer(ctx, s.tables(ctx).Scope, def, in)
}

// checkTest refuses what no client could send.
func checkTest(in *api.TestInvokeMethodInput) error {
	for _, name := range sortedKeys(in.StageVariables) {
		if err := checkVariable(name, in.StageVariables[name]); err != nil {
			return err
		}
	}
	if path := str(in.PathWithQueryString); len(path) > maxTestTarget || !printable(path) {
		return api.BadRequestException("Invalid pathWithQueryString specified") // AWS: undocumented text
	}
	size := 0
	for name, value := range in.Headers {
		size += len(name) + len(value)
		if !headerLine(name, value) {
			return errTestHeader(name)
		}
	}
	for name, values := range in.MultiValueHeaders {
		for _, value := range values {
			size += len(name) + len(value)
		}
		if i := slices.IndexFunc(values, func(v string) bool { return !headerLine(name, v) }); i >= 0 {
			return errTestHeader(name)
		}
	}
	if size > maxTestHeaders {
		return api.BadRequestException("The headers specified are too large") // AWS: undocumented text
	}
	return nil
}

func errTestHeader(name string) error {
	return api.BadRequestException("Invalid header specified: " + name) // AWS: undocumented text
}

// printable tells whether s can be the target of a request.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == '#' {
			return false
		}
	}
	return true
}

// headerLine tells whether name and value can be a header.
func headerLine(name, value string) bool {
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	for i := range len(name) {
		if name[i] <= ' ' || name[i] >= 0x7f || name[i] == ':' {
			return false
		}
	}
	return name != ""
}
