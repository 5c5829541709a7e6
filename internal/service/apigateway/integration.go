package apigateway

import (
	"context"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/apigateway"
)

// The values of passthroughBehavior, which the model does not list.
var passthroughBehaviors = []string{"WHEN_NO_MATCH", "WHEN_NO_TEMPLATES", "NEVER"}

// PutIntegration sets the integration of a method. One that was there before
// is replaced whole, with its responses.
func (s *Service) PutIntegration(ctx context.Context, in *api.PutIntegrationInput) (*api.Integration, error) {
	var out api.Integration
	err := s.editMethod(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(me *methodEdit) error {
		out = api.Integration{
			Type: in.Type, HttpMethod: text(in.IntegrationHttpMethod), Uri: text(in.Uri),
			ConnectionType: in.ConnectionType, ConnectionId: text(in.ConnectionId), Credentials: text(in.Credentials),
			RequestParameters: in.RequestParameters, RequestTemplates: in.RequestTemplates,
			PassthroughBehavior: text(in.PassthroughBehavior), ContentHandling: in.ContentHandling,
			TimeoutInMillis: in.TimeoutInMillis, CacheNamespace: text(in.CacheNamespace), CacheKeyParameters: in.CacheKeyParameters,
			TlsConfig: in.TlsConfig, ResponseTransferMode: in.ResponseTransferMode, IntegrationTarget: text(in.IntegrationTarget),
		}
		if err := me.checkIntegration(&out); err != nil {
			return err
		}
		if err := s.passRole(ctx, &out); err != nil {
			return err
		}
		me.m.MethodIntegration = &out
		return nil
	})
	return &out, err
}

// checkIntegration fills in the defaults of an integration, and refuses what
// AWS refuses and what would not act.
//
// AWS: recorded (test_put_integration_validation), also that a mock
// integration keeps neither URI nor method, and that only the HTTP types show
// a connection type.
func (me *methodEdit) checkIntegration(in *api.Integration) error {
	if in.PassthroughBehavior == nil {
		in.PassthroughBehavior = new("WHEN_NO_MATCH")
	}
	if in.TimeoutInMillis == nil {
		in.TimeoutInMillis = new(int32(min(maxTimeoutMillis, me.maxTimeout)))
	}
	if in.CacheNamespace == nil {
		in.CacheNamespace = me.resource.Id
	}
	if in.CacheKeyParameters == nil {
		in.CacheKeyParameters = []string{}
	}
	if err := checkBackend(in); err != nil {
		return err
	}
	if err := me.checkCredentials(in); err != nil {
		return err
	}
	if err := me.checkTransfer(in); err != nil {
		return err
	}
	if !slices.Contains(passthroughBehaviors, *in.PassthroughBehavior) {
		return api.BadRequestException("Invalid passthrough behavior specified. Valid options are " + strings.Join(passthroughBehaviors, ",")) // AWS: undocumented text
	}
	if err := checkCacheKeys(in.CacheKeyParameters); err != nil {
		return err
	}
	if err := checkTarget(in); err != nil {
		return err
	}
	if err := checkContentHandling(in.ContentHandling); err != nil {
		return err
	}
	if err := checkTemplates(in.RequestTemplates); err != nil {
		return err
	}
	return me.checkRequestMappings(in.RequestParameters)
}

// checkTransfer checks how long the backend may take, and how its response is
// passed on.
//
// AWS: "Stream the integration response for your proxy integrations", also that
// only proxies stream; that text is ours.
func (me *methodEdit) checkTransfer(in *api.Integration) error {
	stream := str(in.ResponseTransferMode) == api.ResponseTransferModeStream
	if stream && str(in.Type) != api.IntegrationTypeHttpProxy && str(in.Type) != api.IntegrationTypeAwsProxy {
		return api.BadRequestException("Response transfer mode STREAM is only supported for HTTP_PROXY and AWS_PROXY integrations")
	}
	most := me.maxTimeout
	if stream {
		most = max(most, maxStreamMillis)
	}
	if *in.TimeoutInMillis < minTimeoutMillis || int(*in.TimeoutInMillis) > most {
		return errTimeout(most)
	}
	return nil
}

// errTimeout is the answer to a time-out that is too short or too long.
//
// AWS: aws-cdk issue 31063 and, for streams, terraform-provider-aws pull request
// 45482 show the text.
func errTimeout(most int) error {
	return api.BadRequestException("Timeout should be between 50 ms and " + strconv.Itoa(most) + " ms")
}

// maxTimeout is the longest time-out of an API's integrations, in milliseconds.
//
// AWS: the quota can be raised for Regional and private APIs only.
func (l *Limits) maxTimeout(a *api.RestApi) int {
	if e := a.EndpointConfiguration; e == nil || len(e.Types) == 0 || e.Types[0] == api.EndpointTypeEdge {
		return min(l.IntegrationMillis, maxTimeoutMillis)
	}
	return l.IntegrationMillis
}

// checkBackend checks what says where the integration goes.
func checkBackend(in *api.Integration) error {
	kind := str(in.Type)
	if kind == api.IntegrationTypeMock {
		in.HttpMethod, in.Uri, in.ConnectionType, in.ConnectionId = nil, nil, nil, nil
		return nil
	}
	if in.HttpMethod == nil {
		return api.BadRequestException("Enumeration value for HttpMethod must be non-empty")
	}
	if !slices.Contains(httpMethods, *in.HttpMethod) {
		return errHTTPMethod()
	}
	if kind == api.IntegrationTypeAws || kind == api.IntegrationTypeAwsProxy {
		if str(in.ConnectionType) == api.ConnectionTypeVpcLink {
			return errConnectionType()
		}
		in.ConnectionType, in.ConnectionId = nil, nil
		if err := checkServiceURI(kind, str(in.Uri)); err != nil {
			return err
		}
		if isFunction(str(in.Uri)) {
			if err := checkTransferMode(in); err != nil {
				return err
			}
			return nil
		}
		if kind == api.IntegrationTypeAwsProxy {
			return noIntegrationType.refuse(kind)
		}
		return nil
	}
	if err := checkConnection(in); err != nil {
		return err
	}
	if !validEndpoint(str(in.Uri)) {
		return api.BadRequestException("Invalid HTTP endpoint specified for URI")
	}
	return nil
}

// checkConnection checks by which way the backend is reached. An id has a
// meaning for VPC_LINK only.
//
// AWS: recorded is that the id may be a stage variable, and that no link need be
// there yet (test_create_integration_with_vpc_link); the text is ours.
func checkConnection(in *api.Integration) error {
	if in.ConnectionType == nil {
		in.ConnectionType = new(api.ConnectionTypeInternet)
	}
	if *in.ConnectionType != api.ConnectionTypeVpcLink {
		in.ConnectionId = nil
		return nil
	}
	if in.ConnectionId == nil {
		return api.BadRequestException("Connection id must be specified for connection type VPC_LINK")
	}
	return nil
}

// AWS: integrations.md §1: only HTTP and HTTP_PROXY; the text is ours.
func errConnectionType() error {
	return api.BadRequestException("Connection type VPC_LINK is only supported for HTTP and HTTP_PROXY integrations")
}

// checkServiceURI checks the URI of an integration with an AWS service.
//
// AWS: recorded (test_put_integration_aws_proxy_uri, test_put_integration_validation).
// An action of Firehose is refused like any other service's; what a stream is
// called by is undocumented, and refused by name.
func checkServiceURI(kind, uri string) error {
	name, err := arn.Parse(uri)
	if err != nil {
		return api.BadRequestException("Invalid ARN specified in the request")
	}
	target, _, _ := strings.Cut(name.Resource, "/")
	if name.Service != "apigateway" || target != "path" && target != "action" {
		return api.BadRequestException("AWS ARN for integration must contain path or action")
	}
	lambda := isFunction(uri)
	firehose := strings.HasSuffix(name.Account, "firehose") && target == "path"
	if kind == api.IntegrationTypeAwsProxy && !lambda && !firehose {
		return api.BadRequestException("Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose stream invocations.")
	}
	return nil
}

// callersOwn are the credentials of an integration that is called as whoever has
// signed the request.
const callersOwn = "arn:aws:iam::*:user/*"

// checkCredentials checks what an AWS integration is to be called with: a role,
// or the caller's own, if the method knows the caller.
//
// AWS: the caller's own need AWS_IAM (API reference of PutIntegration:
// "passed through from the request"); the text is ours.
func (me *methodEdit) checkCredentials(in *api.Integration) error {
	if str(in.Type) != api.IntegrationTypeAws && str(in.Type) != api.IntegrationTypeAwsProxy {
		return nil
	}
	if str(in.Credentials) != callersOwn {
		return checkCredentials(str(in.Credentials))
	}
	if str(me.m.AuthorizationType) != "AWS_IAM" {
		return api.BadRequestException("The credentials " + callersOwn + " need a method with the authorization type AWS_IAM")
	}
	return nil
}

// checkCredentials checks the ARN of a role.
//
// AWS: undocumented; the text is that of an ARN elsewhere.
func checkCredentials(credentials string) error {
	if credentials == "" {
		return nil
	}
	name, err := arn.Parse(stageVariable.ReplaceAllString(credentials, "x"))
	switch {
	case err != nil || name.Service != "iam":
		return api.BadRequestException("Invalid ARN specified in the request")
	case strings.HasPrefix(name.Resource, "user/"):
		return api.BadRequestException("Invalid ARN specified in the request")
	}
	return nil
}

// functionURI is a URI that calls a Lambda function. Stage variables may stand
// in the function's name.
//
// AWS: integrations.md §7.1, rest-execution.md §13.
var functionURI = regexp.MustCompile(`^arn:[a-z-]+:apigateway:[^:]+:([^:]*\.)?lambda:path/+` +
	`(2015-03-31/functions/arn:[^/]+/invocations|2021-11-15/functions/arn:[^/]+/response-streaming-invocations)$`)

// isFunction reports whether a URI calls a Lambda function.
func isFunction(uri string) bool { return functionURI.MatchString(uri) }

// checkTransferMode refuses a response transfer mode that does not fit the
// operation of Lambda that the URI names.
//
// AWS: rest-execution.md §13; the texts are undocumented.
func checkTransferMode(in *api.Integration) error {
	stream := str(in.ResponseTransferMode) == api.ResponseTransferModeStream
	if str(in.Type) == api.IntegrationTypeAwsProxy && stream != strings.HasSuffix(*in.Uri, "/response-streaming-invocations") {
		return api.BadRequestException("Response transfer mode STREAM and the URI of a response-streaming invocation require each other")
	}
	return nil
}

var stageVariable = regexp.MustCompile(`\$\{stageVariables\.[A-Za-z0-9_]+\}`)

// validEndpoint reports whether s can be the URI of an HTTP integration. Stage
// variables may stand for anything behind the scheme. A name and password would
// go nowhere.
func validEndpoint(s string) bool {
	u, err := url.Parse(strings.NewReplacer("{", "", "}", "").Replace(stageVariable.ReplaceAllString(s, "x")))
	if err != nil {
		// A variable may stand for the port, which must be a number.
		u, err = url.Parse(strings.NewReplacer("{", "", "}", "").Replace(stageVariable.ReplaceAllString(s, "1")))
	}
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return false
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	return u.Port() == "" || err == nil && port > 0
}

// checkTarget refuses a target that is no load balancer behind a VPC link.
//
// AWS: "Set up a private integration": with a VPC link of version 2 the target
// is the ARN of a load balancer. The texts are ours.
func checkTarget(in *api.Integration) error {
	if str(in.IntegrationTarget) == "" {
		return nil
	}
	if str(in.ConnectionType) != api.ConnectionTypeVpcLink {
		return api.BadRequestException("integrationTarget is only supported for integrations with the connection type VPC_LINK")
	}
	target, err := arn.Parse(*in.IntegrationTarget)
	if err != nil || target.Service != "elasticloadbalancing" || !strings.HasPrefix(target.Resource, "loadbalancer/") && !strings.HasPrefix(target.Resource, "listener/") {
		return api.BadRequestException("Invalid integrationTarget specified: it must be the ARN of an Application or Network Load Balancer")
	}
	return nil
}

// checkContentHandling refuses a contentHandling of an integration, or of one
// of its responses, that is none.
func checkContentHandling(value *string) error {
	switch str(value) {
	case "":
		return nil
	case api.ContentHandlingStrategyConvertToBinary, api.ContentHandlingStrategyConvertToText:
	default:
		return api.BadRequestException("Invalid content handling strategy specified: " + *value) // AWS: undocumented text
	}
	return nil
}

// integration is the integration of a method.
func (me *methodEdit) integration() (*api.Integration, error) {
	if me.m.MethodIntegration == nil {
		return nil, errIntegration()
	}
	return me.m.MethodIntegration, nil
}

// GetIntegration returns the integration of a method.
func (s *Service) GetIntegration(ctx context.Context, in *api.GetIntegrationInput) (*api.Integration, error) {
	me, err := s.readMethod(ctx, in.RestApiId, in.ResourceId, in.HttpMethod)
	if err != nil {
		return nil, err
	}
	return me.integration()
}

// UpdateIntegration changes the integration of a method.
func (s *Service) UpdateIntegration(ctx context.Context, in *api.UpdateIntegrationInput) (*api.Integration, error) {
	var out *api.Integration
	err := s.editMethod(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(me *methodEdit) (err error) {
		if out, err = me.integration(); err != nil {
			return err
		}
		if err := integrationPatches.apply(out, in.PatchOperations); err != nil {
			return err
		}
		if err := me.checkIntegration(out); err != nil {
			return err
		}
		return s.passRole(ctx, out) // whatever changes is done as the role
	})
	return out, err
}

// integrationPatches is UpdateIntegration.
var integrationPatches = patchTable[api.Integration]{refuse: refusePlain[api.Integration], rules: []patchRule[api.Integration]{
	{path: "/cacheKeyParameters/{name}", add: func(in *api.Integration, o patchOp) error {
		in.CacheKeyParameters = append(dropValue(in.CacheKeyParameters, o.keys[0]), o.keys[0])
		return nil
	}, replace: func(in *api.Integration, o patchOp) error {
		in.CacheKeyParameters = append(dropValue(in.CacheKeyParameters, o.keys[0]), o.value)
		return nil
	}, remove: func(in *api.Integration, o patchOp) error {
		in.CacheKeyParameters = dropValue(in.CacheKeyParameters, o.keys[0])
		return nil
	}},
	{path: "/cacheNamespace", replace: func(in *api.Integration, o patchOp) error { patchString(&in.CacheNamespace, o); return nil }},
	{path: "/connectionId", replace: func(in *api.Integration, o patchOp) error { patchString(&in.ConnectionId, o); return nil }},
	{path: "/connectionType", replace: func(in *api.Integration, o patchOp) error {
		if o.value != api.ConnectionTypeInternet && o.value != api.ConnectionTypeVpcLink {
			return api.BadRequestException("Invalid connection type specified. Valid options are INTERNET,VPC_LINK") // AWS: undocumented text
		}
		in.ConnectionType = new(o.value)
		return nil
	}},
	{path: "/contentHandling", replace: func(in *api.Integration, o patchOp) error { patchString(&in.ContentHandling, o); return nil }},
	{path: "/httpMethod", replace: func(in *api.Integration, o patchOp) error {
		if str(in.Type) == api.IntegrationTypeMock {
			return errPatchPath(o)
		}
		patchString(&in.HttpMethod, o)
		return nil
	}},
	{path: "/integrationTarget", replace: func(in *api.Integration, o patchOp) error { patchString(&in.IntegrationTarget, o); return nil }},
	{path: "/passthroughBehavior", replace: func(in *api.Integration, o patchOp) error { patchString(&in.PassthroughBehavior, o); return nil }},
	{path: "/requestParameters/{name}", add: setRequestMapping, replace: setRequestMapping, remove: func(in *api.Integration, o patchOp) error {
		if _, ok := in.RequestParameters[o.keys[0]]; !ok {
			return errParameter()
		}
		in.RequestParameters = dropEntry(in.RequestParameters, o.keys[0])
		return nil
	}},
	{path: "/requestTemplates/{type}", add: setRequestTemplate, replace: setRequestTemplate, remove: func(in *api.Integration, o patchOp) error {
		if _, ok := in.RequestTemplates[o.keys[0]]; !ok {
			return errContentType()
		}
		in.RequestTemplates = dropEntry(in.RequestTemplates, o.keys[0])
		return nil
	}},
	{path: "/responseTransferMode", replace: func(in *api.Integration, o patchOp) error {
		if o.value != api.ResponseTransferModeBuffered && o.value != api.ResponseTransferModeStream {
			return api.BadRequestException("Invalid response transfer mode specified. Valid options are BUFFERED,STREAM") // AWS: undocumented text
		}
		in.ResponseTransferMode = new(o.value)
		return nil
	}},
	{path: "/timeoutInMillis", replace: func(in *api.Integration, o patchOp) error {
		n, err := strconv.ParseInt(o.value, 10, 32)
		if err != nil {
			n = 0 // refused with the other impossible values
		}
		in.TimeoutInMillis = new(int32(n))
		return nil
	}},
	{path: "/tlsConfig/insecureSkipVerification", replace: func(in *api.Integration, o patchOp) error {
		in.TlsConfig = &api.TlsConfig{}
		return patchSwitch(&in.TlsConfig.InsecureSkipVerification, o)
	}},
	{path: "/uri", replace: func(in *api.Integration, o patchOp) error {
		if str(in.Type) == api.IntegrationTypeMock {
			return errPatchPath(o)
		}
		patchString(&in.Uri, o)
		return nil
	}},
}}

func setRequestMapping(in *api.Integration, o patchOp) error {
	if _, ok := in.RequestParameters[o.keys[0]]; !ok && o.op == "replace" {
		return errParameter()
	}
	in.RequestParameters = setEntry(in.RequestParameters, o.keys[0], o.value)
	return nil
}

func setRequestTemplate(in *api.Integration, o patchOp) error {
	if _, ok := in.RequestTemplates[o.keys[0]]; !ok && o.op == "replace" {
		return errContentType()
	}
	in.RequestTemplates = setEntry(in.RequestTemplates, o.keys[0], o.value)
	return nil
}

// DeleteIntegration removes the integration of a method, with its responses.
func (s *Service) DeleteIntegration(ctx context.Context, in *api.DeleteIntegrationInput) error {
	return s.editMethod(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(me *methodEdit) error {
		if _, err := me.integration(); err != nil {
			return err
		}
		me.m.MethodIntegration = nil
		return nil
	})
}
