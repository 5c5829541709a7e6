package sdk_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"

	"gatehouse/test/gatehousetest"
)

func newV2Client(t *testing.T, s *gatehousetest.Server) *apigatewayv2.Client {
	access, secret, err := s.Credential()
	if err != nil {
		t.Fatal(err)
	}
	return apigatewayv2.New(apigatewayv2.Options{
		Region: region, BaseEndpoint: aws.String(s.Endpoint()), Credentials: credentials.NewStaticCredentialsProvider(access, secret, ""), RetryMaxAttempts: 1,
	})
}

const (
	listener   = "arn:aws:elasticloadbalancing:" + region + ":000000000000:listener/app/n/0123456789abcdef/0123456789abcdef"
	v2Document = `{\"openapi\": \"3.0.1\", \"info\": {\"title\": \"t\", \"version\": \"1\"}, \"paths\": {\"/a\": {\"get\": {\"x-amazon-apigateway-integration\": ` +
		`{\"type\": \"http_proxy\", \"httpMethod\": \"GET\", \"uri\": \"http://127.0.0.1:1/\", \"payloadFormatVersion\": \"1.0\"}}}}}`
)

// v2Calls exercise every operation of apigatewayv2 at least once. What is made
// is deleted in the end.
var v2Calls = []step{
	{op: "CreateApi", in: `{"Name": "calls", "ProtocolType": "HTTP", "Description": "d", "Tags": {"a": "b"}, "CorsConfiguration": {"AllowOrigins": ["https://a"], "MaxAge": 5}}`, keep: "api=ApiId"},
	{op: "GetApi", in: `{"ApiId": "$api"}`},
	{op: "GetApis", in: `{"MaxResults": "10"}`},
	{op: "UpdateApi", in: `{"ApiId": "$api", "Name": "changed"}`},
	{op: "DeleteCorsConfiguration", in: `{"ApiId": "$api"}`},
	{op: "ImportApi", in: `{"Body": "` + v2Document + `", "FailOnWarnings": true}`, keep: "imported=ApiId"},
	{op: "DeleteApi", in: `{"ApiId": "$imported"}`},
	{op: "GetApi", in: `{"ApiId": "$imported"}`, refused: "NotFoundException"},
	{op: "ReimportApi", in: `{"ApiId": "$api", "Body": "` + v2Document + `"}`},
	{op: "TagResource", in: `{"ResourceArn": "arn:aws:apigateway:` + region + `::/apis/$api", "Tags": {"c": "d"}}`},
	{op: "GetTags", in: `{"ResourceArn": "arn:aws:apigateway:` + region + `::/apis/$api"}`},
	{op: "UntagResource", in: `{"ResourceArn": "arn:aws:apigateway:` + region + `::/apis/$api", "TagKeys": ["a", "c"]}`},

	{op: "CreateVpcLink", in: `{"Name": "link", "SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}`, keep: "link=VpcLinkId"},
	{op: "GetVpcLink", in: `{"VpcLinkId": "$link"}`},
	{op: "GetVpcLinks", in: `{}`},
	{op: "UpdateVpcLink", in: `{"VpcLinkId": "$link", "Name": "changed"}`},

	{op: "CreateIntegration", in: `{"ApiId": "$api", "IntegrationType": "HTTP_PROXY", "IntegrationMethod": "ANY", "IntegrationUri": "` + listener +
		`", "PayloadFormatVersion": "1.0", "ConnectionType": "VPC_LINK", "ConnectionId": "$link", "TlsConfig": {"ServerNameToVerify": "n.example.com"}}`, keep: "integration=IntegrationId"},
	{op: "GetIntegration", in: `{"ApiId": "$api", "IntegrationId": "$integration"}`},
	{op: "GetIntegrations", in: `{"ApiId": "$api"}`},
	{op: "UpdateIntegration", in: `{"ApiId": "$api", "IntegrationId": "$integration", "ResponseParameters": {"404": {"overwrite:statuscode": "410"}}}`},
	{op: "DeleteVpcLink", in: `{"VpcLinkId": "$link"}`, refused: "BadRequestException"},

	{op: "CreateAuthorizer", in: `{"ApiId": "$api", "Name": "a", "AuthorizerType": "JWT", "IdentitySource": ["$request.header.Authorization"], "JwtConfiguration": {"Issuer": "https://i.example.com", "Audience": ["x"]}}`, keep: "authorizer=AuthorizerId"},
	{op: "GetAuthorizer", in: `{"ApiId": "$api", "AuthorizerId": "$authorizer"}`},
	{op: "GetAuthorizers", in: `{"ApiId": "$api"}`},
	{op: "UpdateAuthorizer", in: `{"ApiId": "$api", "AuthorizerId": "$authorizer", "Name": "changed"}`},

	{op: "CreateRoute", in: `{"ApiId": "$api", "RouteKey": "GET /b/{id}", "Target": "integrations/$integration", "AuthorizationType": "JWT", "AuthorizerId": "$authorizer", "AuthorizationScopes": ["s"]}`, keep: "route=RouteId"},
	{op: "GetRoute", in: `{"ApiId": "$api", "RouteId": "$route"}`},
	{op: "GetRoutes", in: `{"ApiId": "$api"}`},
	{op: "UpdateRoute", in: `{"ApiId": "$api", "RouteId": "$route", "RouteKey": "GET /c/{id}"}`},

	{op: "CreateDeployment", in: `{"ApiId": "$api", "Description": "one"}`, keep: "deployment=DeploymentId"},
	{op: "GetDeployment", in: `{"ApiId": "$api", "DeploymentId": "$deployment"}`},
	{op: "GetDeployments", in: `{"ApiId": "$api"}`},
	{op: "UpdateDeployment", in: `{"ApiId": "$api", "DeploymentId": "$deployment", "Description": "changed"}`},
	{op: "CreateStage", in: `{"ApiId": "$api", "StageName": "dev", "DeploymentId": "$deployment", "StageVariables": {"v": "1"}, "RouteSettings": {"GET /c/{id}": {"ThrottlingRateLimit": 1.5, "ThrottlingBurstLimit": 2}}, ` +
		`"AccessLogSettings": {"DestinationArn": "arn:aws:logs:` + region + `:000000000000:log-group:g", "Format": "$context.requestId"}}`},
	{op: "GetStage", in: `{"ApiId": "$api", "StageName": "dev"}`},
	{op: "GetStages", in: `{"ApiId": "$api"}`},
	{op: "UpdateStage", in: `{"ApiId": "$api", "StageName": "dev", "Description": "changed"}`},
	{op: "DeleteAccessLogSettings", in: `{"ApiId": "$api", "StageName": "dev"}`},
	{op: "DeleteRouteSettings", in: `{"ApiId": "$api", "StageName": "dev", "RouteKey": "GET /c/{id}"}`},
	{op: "ResetAuthorizersCache", in: `{"ApiId": "$api", "StageName": "dev"}`},
	{op: "ExportApi", in: `{"ApiId": "$api", "Specification": "OAS30", "OutputType": "JSON", "StageName": "dev"}`},

	{op: "CreateDomainName", in: `{"DomainName": "v2.example.com", "DomainNameConfigurations": [{"EndpointType": "REGIONAL", "SecurityPolicy": "TLS_1_2"}]}`},
	{op: "GetDomainName", in: `{"DomainName": "v2.example.com"}`},
	{op: "GetDomainNames", in: `{}`},
	{op: "UpdateDomainName", in: `{"DomainName": "v2.example.com", "DomainNameConfigurations": [{"SecurityPolicy": "TLS_1_2"}]}`},
	{op: "CreateApiMapping", in: `{"DomainName": "v2.example.com", "ApiId": "$api", "Stage": "dev", "ApiMappingKey": "x/y"}`, keep: "mapping=ApiMappingId"},
	{op: "GetApiMapping", in: `{"DomainName": "v2.example.com", "ApiMappingId": "$mapping"}`},
	{op: "GetApiMappings", in: `{"DomainName": "v2.example.com"}`},
	{op: "UpdateApiMapping", in: `{"DomainName": "v2.example.com", "ApiId": "$api", "ApiMappingId": "$mapping", "ApiMappingKey": "z"}`},
	{op: "DeleteApiMapping", in: `{"DomainName": "v2.example.com", "ApiMappingId": "$mapping"}`},
	{op: "DeleteDomainName", in: `{"DomainName": "v2.example.com"}`},
	{op: "CreateDomainName", in: `{"DomainName": "ruled.example.com", "DomainNameConfigurations": [{"EndpointType": "REGIONAL"}]}`},
	{op: "CreateRoutingRule", in: `{"DomainName": "ruled.example.com", "Priority": 1, "Conditions": [], "Actions": [{"InvokeApi": {"ApiId": "none", "Stage": "dev"}}]}`, refused: "BadRequestException"},
	{op: "ListRoutingRules", in: `{"DomainName": "ruled.example.com"}`},
	{op: "GetRoutingRule", in: `{"DomainName": "ruled.example.com", "RoutingRuleId": "none"}`, refused: "NotFoundException"},
	{op: "PutRoutingRule", in: `{"DomainName": "ruled.example.com", "RoutingRuleId": "none", "Priority": 1, "Conditions": [], "Actions": [{"InvokeApi": {"ApiId": "none", "Stage": "dev"}}]}`, refused: "BadRequestException"},
	{op: "DeleteRoutingRule", in: `{"DomainName": "ruled.example.com", "RoutingRuleId": "none"}`, refused: "NotFoundException"},
	{op: "DeleteDomainName", in: `{"DomainName": "ruled.example.com"}`},

	{op: "CreateApi", in: `{"Name": "socket", "ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.body.action"}`, keep: "socket=ApiId"},
	{op: "CreateRoute", in: `{"ApiId": "$socket", "RouteKey": "$default"}`, keep: "talk=RouteId"},
	{op: "CreateRouteResponse", in: `{"ApiId": "$socket", "RouteId": "$talk", "RouteResponseKey": "$default"}`, keep: "response=RouteResponseId"},
	{op: "GetRouteResponse", in: `{"ApiId": "$socket", "RouteId": "$talk", "RouteResponseId": "$response"}`},
	{op: "GetRouteResponses", in: `{"ApiId": "$socket", "RouteId": "$talk"}`},
	{op: "UpdateRouteResponse", in: `{"ApiId": "$socket", "RouteId": "$talk", "RouteResponseId": "$response", "RouteResponseKey": "$default"}`},
	{op: "DeleteRouteResponse", in: `{"ApiId": "$socket", "RouteId": "$talk", "RouteResponseId": "$response"}`},
	{op: "CreateModel", in: `{"ApiId": "$socket", "Name": "Thing", "ContentType": "application/json", "Schema": "{\"type\": \"object\"}"}`, keep: "model=ModelId"},
	{op: "GetModel", in: `{"ApiId": "$socket", "ModelId": "$model"}`},
	{op: "GetModels", in: `{"ApiId": "$socket"}`},
	{op: "GetModelTemplate", in: `{"ApiId": "$socket", "ModelId": "$model"}`},
	{op: "UpdateModel", in: `{"ApiId": "$socket", "ModelId": "$model", "Description": "d"}`},
	{op: "CreateModel", in: `{"ApiId": "$api", "Name": "Thing", "Schema": "{}"}`, refused: "BadRequestException"},
	{op: "CreateIntegration", in: `{"ApiId": "$socket", "IntegrationType": "MOCK", "TemplateSelectionExpression": "\\$default", "RequestTemplates": {"$default": "{}"}}`, keep: "mock=IntegrationId"},
	{op: "CreateIntegrationResponse", in: `{"ApiId": "$socket", "IntegrationId": "$mock", "IntegrationResponseKey": "$default", "ResponseTemplates": {"$default": "hello"}}`, keep: "answer=IntegrationResponseId"},
	{op: "GetIntegrationResponse", in: `{"ApiId": "$socket", "IntegrationId": "$mock", "IntegrationResponseId": "$answer"}`},
	{op: "GetIntegrationResponses", in: `{"ApiId": "$socket", "IntegrationId": "$mock"}`},
	{op: "UpdateIntegrationResponse", in: `{"ApiId": "$socket", "IntegrationId": "$mock", "IntegrationResponseId": "$answer", "IntegrationResponseKey": "/2../"}`},
	{op: "DeleteIntegrationResponse", in: `{"ApiId": "$socket", "IntegrationId": "$mock", "IntegrationResponseId": "$answer"}`},
	{op: "CreateRoute", in: `{"ApiId": "$socket", "RouteKey": "$connect", "RequestParameters": {"route.request.querystring.a": {"Required": true}}}`, keep: "connect=RouteId"},
	{op: "DeleteRouteRequestParameter", in: `{"ApiId": "$socket", "RouteId": "$connect", "RequestParameterKey": "route.request.querystring.a"}`},
	{op: "DeleteModel", in: `{"ApiId": "$socket", "ModelId": "$model"}`},
	{op: "DeleteApi", in: `{"ApiId": "$socket"}`},

	{op: "DeleteStage", in: `{"ApiId": "$api", "StageName": "dev"}`},
	{op: "DeleteDeployment", in: `{"ApiId": "$api", "DeploymentId": "$deployment"}`},
	{op: "DeleteRoute", in: `{"ApiId": "$api", "RouteId": "$route"}`},
	{op: "DeleteAuthorizer", in: `{"ApiId": "$api", "AuthorizerId": "$authorizer"}`},
	{op: "DeleteIntegration", in: `{"ApiId": "$api", "IntegrationId": "$integration"}`},
	{op: "DeleteVpcLink", in: `{"VpcLinkId": "$link"}`},
	{op: "DeleteApi", in: `{"ApiId": "$api"}`},
}
