package apigatewayv2

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	api "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// CreateIntegration adds an integration.
func (s *Service) CreateIntegration(ctx context.Context, in *api.CreateIntegrationInput) (*api.CreateIntegrationResult, error) {
	i := api.Integration{}
	overlay(&i, in)
	i.TlsConfig = tlsConfig(in.TlsConfig)
	err := s.edit(ctx, in.ApiId, func(e *apiEdit, c *store.Change) error {
		if len(e.def.Integrations) >= e.limits.Integrations {
			return errLimit("integrations")
		}
		if err := s.passRole(ctx, i.CredentialsArn); err != nil {
			return err
		}
		finish := finishIntegration
		if isSocket(&e.rec.Api) {
			finish = finishSocketIntegration
		}
		if err := finish(&i); err != nil {
			return err
		}
		if err := e.checkTimeout(&i); err != nil {
			return err
		}
		var err error
		if isSocket(&e.rec.Api) {
			err = s.checkSocketLink(ctx, c, &i)
		} else {
			err = s.checkPrivate(ctx, c, i)
		}
		if err != nil {
			return err
		}
		i.IntegrationId = new(record.NewID(routeIDLen))
		e.putIntegration(i)
		return nil
	})
	return new(api.CreateIntegrationResult(i)), err
}

// tlsConfig is what an input says of TLS; without a name it is nothing.
func tlsConfig(in *api.TlsConfigInput) *api.TlsConfig {
	if in == nil || str(in.ServerNameToVerify) == "" {
		return nil
	}
	return new(api.TlsConfig(*in))
}

func (e *apiEdit) putIntegration(i api.Integration) {
	if e.def.Integrations == nil {
		e.def.Integrations = map[string]api.Integration{}
	}
	e.def.Integrations[str(i.IntegrationId)] = i
}

// Bounds of an integration's time-out, in milliseconds.
//
// AWS: API reference, CreateIntegration: 50 to 30,000, by default 30,000.
const (
	minTimeout = 50
	maxTimeout = 30_000
	// maxStreamTimeout is that of what is streamed, as for REST APIs.
	maxStreamTimeout = 900_000
)

// checkTimeout refuses a time-out that AWS refuses, or that the operator does.
func (e *apiEdit) checkTimeout(i *api.Integration) error {
	most := int32(maxTimeout)
	if isSocket(&e.rec.Api) {
		most = maxSocketTimeout
	}
	most = max(most, int32(e.limits.Millis))
	if more, err := record.ExtensionsOf(i.RequestParameters); err == nil && more.Stream { // else it was refused for it
		most = maxStreamTimeout
	}
	if t := i.TimeoutInMillis; t != nil && (*t < minTimeout || *t > most) {
		return bad("Timeout should be between 50 ms and " + strconv.Itoa(int(most)) + " ms")
	}
	return nil
}

// finishIntegration fills in what a new integration leaves open, and checks it.
func finishIntegration(i *api.Integration) error {
	if i.ConnectionType == nil {
		i.ConnectionType = new(api.ConnectionTypeInternet)
	}
	if i.TimeoutInMillis == nil {
		i.TimeoutInMillis = new(int32(maxTimeout))
	}
	if i.PayloadFormatVersion == nil {
		if str(i.IntegrationType) == api.IntegrationTypeAwsProxy && i.IntegrationSubtype == nil {
			// AWS: "Create AWS Lambda proxy integrations for HTTP APIs": it must be
			// given when the console is not used.
			return bad("PayloadFormatVersion is a required parameter for integration")
		}
		i.PayloadFormatVersion = new("1.0")
	}
	if i.IntegrationMethod == nil && isFunction(i) {
		i.IntegrationMethod = new("POST")
	}
	return checkIntegration(i)
}

// isFunction tells whether an integration calls a function.
func isFunction(i *api.Integration) bool {
	return str(i.IntegrationType) == api.IntegrationTypeAwsProxy && i.IntegrationSubtype == nil
}

// checkIntegration refuses an integration that AWS refuses, or settings that
// would not act.
func checkIntegration(i *api.Integration) error {
	switch str(i.IntegrationType) {
	case api.IntegrationTypeHttpProxy:
		if err := checkHTTPProxy(i); err != nil {
			return err
		}
	case api.IntegrationTypeAwsProxy:
		if i.IntegrationSubtype != nil {
			return checkSubtype(i)
		}
		if err := checkFunction(i); err != nil {
			return err
		}
	default:
		// AWS: API reference, CreateIntegration: the other types are for WebSocket
		// APIs.
		return bad("HTTP APIs support only the integration types HTTP_PROXY and AWS_PROXY")
	}
	if err := checkCommon(i); err != nil {
		return err
	}
	return checkMappings(i)
}

// checkCommon checks what integrations of all types have.
func checkCommon(i *api.Integration) error {
	private := str(i.ConnectionType) == api.ConnectionTypeVpcLink
	switch {
	case private && (str(i.ConnectionId) == "" || str(i.IntegrationType) != api.IntegrationTypeHttpProxy):
		return bad("Integrations with connectionType VPC_LINK have the type HTTP_PROXY and a connectionId")
	case !private && str(i.ConnectionId) != "":
		return bad("connectionId is supported only for connectionType VPC_LINK")
	case !private && i.TlsConfig != nil:
		return bad("tlsConfig is supported only for private integrations")
	case str(i.CredentialsArn) != "" && str(i.IntegrationType) != api.IntegrationTypeAwsProxy:
		return bad("credentialsArn is supported only for integrations of type AWS_PROXY")
	case i.ContentHandlingStrategy != nil || i.PassthroughBehavior != nil || len(i.RequestTemplates) > 0 || str(i.TemplateSelectionExpression) != "":
		return bad("contentHandlingStrategy, passthroughBehavior and templates are supported only for WebSocket APIs")
	}
	return checkRole(str(i.CredentialsArn))
}

// checkHTTPProxy checks what only HTTP_PROXY has.
func checkHTTPProxy(i *api.Integration) error {
	if v := str(i.PayloadFormatVersion); v != "1.0" {
		return bad("Invalid payloadFormatVersion " + v + ". HTTP_PROXY supports 1.0")
	}
	if m := str(i.IntegrationMethod); m != "ANY" && !validMethod(m) {
		return bad("IntegrationMethod must be an HTTP method or ANY")
	}
	raw := str(i.IntegrationUri)
	if str(i.ConnectionType) == api.ConnectionTypeVpcLink {
		return checkListener(raw)
	}
	// What stage variables stand for is not known yet: any text will do.
	u, err := url.Parse(strings.NewReplacer("${", "", "{", "", "}", "").Replace(raw))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		if !strings.Contains(raw, "${stageVariables.") {
			return bad("Invalid HTTP endpoint specified for URI")
		}
	}
	return nil
}

// checkFunction checks what only integrations with functions have.
func checkFunction(i *api.Integration) error {
	if v := str(i.PayloadFormatVersion); v != "1.0" && v != "2.0" {
		return bad("Invalid payloadFormatVersion " + v + ". Supported values are 1.0 and 2.0")
	}
	if m := str(i.IntegrationMethod); m != "POST" {
		return bad("IntegrationMethod must be POST for functions")
	}
	if !functionURI(str(i.IntegrationUri)) {
		return bad("Invalid Function ARN")
	}
	return nil
}

// inUse names a route that an integration is the target of, or "".
func (e *apiEdit) inUse(id string) string {
	for _, rt := range sorted(e.def.Routes) {
		if str(rt.Target) == "integrations/"+id {
			return str(rt.RouteKey)
		}
	}
	return ""
}

// GetIntegration returns one integration.
func (s *Service) GetIntegration(ctx context.Context, in *api.GetIntegrationInput) (*api.GetIntegrationResult, error) {
	def, err := s.definition(ctx, in.ApiId)
	if err != nil {
		return nil, err
	}
	i, ok := def.Integrations[str(in.IntegrationId)]
	if !ok {
		return nil, errIntegration(in.IntegrationId)
	}
	return new(api.GetIntegrationResult(i)), nil
}

// GetIntegrations lists the integrations of an API.
func (s *Service) GetIntegrations(ctx context.Context, in *api.GetIntegrationsInput) (*api.GetIntegrationsResponse, error) {
	def, err := s.definition(ctx, in.ApiId)
	if err != nil {
		return nil, err
	}
	items, next, err := page(sorted(def.Integrations), func(i *api.Integration) string { return *i.IntegrationId }, in.NextToken, in.MaxResults)
	return &api.GetIntegrationsResponse{Items: items, NextToken: next}, err
}

// UpdateIntegration changes an integration.
func (s *Service) UpdateIntegration(ctx context.Context, in *api.UpdateIntegrationInput) (*api.UpdateIntegrationResult, error) {
	var out api.Integration
	err := s.edit(ctx, in.ApiId, func(e *apiEdit, c *store.Change) error {
		i, ok := e.def.Integrations[str(in.IntegrationId)]
		if !ok {
			return errIntegration(in.IntegrationId)
		}
		parameters := i.RequestParameters
		overlay(&i, in)
		if in.TlsConfig != nil {
			i.TlsConfig = tlsConfig(in.TlsConfig)
		}
		if in.RequestParameters != nil {
			i.RequestParameters = merged(parameters, in.RequestParameters)
		}
		if in.ResponseParameters != nil {
			i.ResponseParameters = dropEmpty(i.ResponseParameters)
		}
		out = i
		e.putIntegration(i)
		if err := e.checkTimeout(&i); err != nil {
			return err
		}
		if err := s.passRole(ctx, i.CredentialsArn); err != nil {
			return err
		}
		if isSocket(&e.rec.Api) {
			if err := checkSocketIntegration(&i); err != nil {
				return err
			}
			return s.checkSocketLink(ctx, c, &i)
		}
		if err := checkIntegration(&i); err != nil {
			return err
		}
		return s.checkPrivate(ctx, c, i)
	})
	return new(api.UpdateIntegrationResult(out)), err
}

// merged is old with the entries of next added; an entry without a value goes,
// unless that is how it says that something be removed.
//
// AWS: API reference, UpdateIntegration, and the CLI's help: a parameter is
// removed by mapping it to the empty string.
func merged(old, next map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range old {
		out[k] = v
	}
	for k, v := range next {
		if v == "" && !strings.HasPrefix(k, "remove:") {
			delete(out, k)
			continue
		}
		out[k] = v
	}
	return out
}

// dropEmpty leaves out the status codes without mappings.
func dropEmpty(m map[string]map[string]string) map[string]map[string]string {
	out := map[string]map[string]string{}
	for code, mappings := range m {
		if len(mappings) > 0 {
			out[code] = mappings
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// DeleteIntegration removes an integration that no route calls.
func (s *Service) DeleteIntegration(ctx context.Context, in *api.DeleteIntegrationInput) error {
	return s.edit(ctx, in.ApiId, func(e *apiEdit, _ *store.Change) error {
		id := str(in.IntegrationId)
		i, ok := e.def.Integrations[id]
		if !ok {
			return errIntegration(in.IntegrationId)
		}
		if key := e.inUse(id); key != "" {
			// AWS: the Terraform provider's issue tracker shows the beginning.
			return api.ConflictException("Cannot delete Integration '" + id + "'. Remove all references to it first: Route '" + key + "'")
		}
		if is(i.ApiGatewayManaged) {
			// AWS: API reference, Integration, apiGatewayManaged; the text is ours.
			return bad("Managed integrations cannot be deleted")
		}
		delete(e.def.Integrations, id)
		delete(e.def.IntegrationResponses, id)
		return nil
	})
}

// reserved are the headers that mappings may not name.
//
// AWS: http-api-execution.md §6.
var reserved = []string{
	"authorization", "connection", "content-encoding", "content-length", "content-location", "forwarded", "keep-alive", "origin",
	"proxy-authenticate", "proxy-authorization", "te", "trailers", "transfer-encoding", "upgrade",
	"x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "via",
}

func reservedHeader(name string) bool {
	name = strings.ToLower(name)
	for _, prefix := range []string{"access-control-", "apigw-", "x-amz-", "x-amzn-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return slices.Contains(reserved, name)
}
