package apigatewayv2

import (
	"strings"
	"testing"
)

// Bad input is refused by name, and nothing of it is stored.
func TestRefusals(t *testing.T) {
	c := newClient(t, nil)
	id := c.quick()
	link := c.must("CreateVpcLink", doc{"Name": "l", "SubnetIds": []string{"s"}})["vpcLinkId"].(string)
	api := doc{"ApiId": id}
	proxy := with(api, "IntegrationType", "HTTP_PROXY", "IntegrationMethod", "GET", "IntegrationUri", "http://h/", "PayloadFormatVersion", "1.0")
	private := with(proxy, "IntegrationUri", listener, "ConnectionType", "VPC_LINK", "ConnectionId", link)
	function := with(api, "IntegrationType", "AWS_PROXY", "IntegrationUri", "arn:aws:lambda:eu-west-1:111111111111:function:f", "PayloadFormatVersion", "2.0")
	queue := with(api, "IntegrationType", "AWS_PROXY", "IntegrationSubtype", "SQS-SendMessage", "PayloadFormatVersion", "1.0",
		"CredentialsArn", "arn:aws:iam::111111111111:role/r", "RequestParameters", doc{"QueueUrl": "q", "MessageBody": "$request.body"})
	jwt := with(api, "Name", "j", "AuthorizerType", "JWT", "IdentitySource", []string{"$request.header.A"}, "JwtConfiguration", doc{"issuer": "https://i", "audience": []string{"x"}})
	asked := with(api, "Name", "r", "AuthorizerType", "REQUEST", "IdentitySource", []string{"$request.header.A"}, "AuthorizerPayloadFormatVersion", "2.0", "AuthorizerUri", "http://h/")
	logged := func(group, format string) doc {
		return with(api, "StageName", "logged", "AccessLogSettings", doc{"destinationArn": "arn:aws:logs:" + group, "format": format})
	}
	tests := []struct {
		name, op string
		in       doc
		want     string // part of the error
	}{
		{"no name", "CreateApi", doc{"Name": "", "ProtocolType": "HTTP"}, "name"},
		{"credentials with wildcard origin", "CreateApi", doc{"Name": "a", "ProtocolType": "HTTP", "CorsConfiguration": doc{"allowOrigins": []string{"*"}, "allowCredentials": true}}, "BadRequestException: "},
		{"origin with a wildcard", "CreateApi", doc{"Name": "a", "ProtocolType": "HTTP", "CorsConfiguration": doc{"allowOrigins": []string{"https://*.example"}}}, "Invalid format for origin https://*.example"},
		{"portal", "ListPortals", doc{}, "Gatehouse does not implement ListPortals yet"},
		{"portal product", "DeletePortalProduct", doc{"PortalProductId": "p"}, "Gatehouse does not implement DeletePortalProduct yet"},
		{"settings of no route", "CreateStage", with(api, "StageName", "s", "RouteSettings", doc{"GET /none": doc{"throttlingRateLimit": 1}}), "NotFoundException: Unable to find Route by key GET /none"},
		{"logs", "CreateStage", with(api, "StageName", "s", "DefaultRouteSettings", doc{"loggingLevel": "INFO"}), "Execution logs are not supported on protocolType HTTP"},
		{"reserved tag", "CreateApi", doc{"Name": "a", "ProtocolType": "HTTP", "Tags": doc{"aws:x": "y"}}, "BadRequestException: aws: prefixed tag key names are not allowed for external use."},
		{"role without target", "CreateApi", doc{"Name": "a", "ProtocolType": "HTTP", "CredentialsArn": "arn:aws:iam::1:role/r"}, "need a target"},
		{"route key", "CreateRoute", with(api, "RouteKey", "GET pets"), "BadRequestException: The provided route key is not formatted properly"},
		{"same route", "CreateRoute", with(api, "RouteKey", "$default"), "ConflictException: Route with key $default already exists for this API"},
		{"no such target", "CreateRoute", with(api, "RouteKey", "GET /a", "Target", "integrations/none"), "BadRequestException: Invalid target integrations/none"},
		{"no such authorizer", "CreateRoute", with(api, "RouteKey", "GET /a", "AuthorizationType", "JWT", "AuthorizerId", "none"), "BadRequestException: Invalid authorizer ID specified."},
		{"type of WebSocket APIs", "CreateIntegration", with(proxy, "IntegrationType", "MOCK"), "HTTP_PROXY and AWS_PROXY"},
		{"no URL", "CreateIntegration", with(proxy, "IntegrationUri", "ftp://h/"), "BadRequestException: Invalid HTTP endpoint specified for URI"},
		{"time-out", "CreateIntegration", with(proxy, "TimeoutInMillis", 49), "BadRequestException: Timeout should be between 50 ms and 30000 ms"},
		{"role for HTTP_PROXY", "CreateIntegration", with(proxy, "CredentialsArn", "arn:aws:iam::1:role/r"), "credentialsArn is supported only for"},
		{"TLS without link", "CreateIntegration", with(proxy, "TlsConfig", doc{"serverNameToVerify": "h"}), "tlsConfig is supported only for private integrations"},
		{"reserved header", "CreateIntegration", with(proxy, "RequestParameters", doc{"append:header.Via": "x"}), "Operations on header Via are restricted"},
		{"mapping to no header", "CreateIntegration", with(proxy, "RequestParameters", doc{"append:header.a b": "x"}), "Invalid mapping expression specified: append:header.a b"},
		{"mapping of nothing", "CreateIntegration", with(proxy, "RequestParameters", doc{"append:header.a": "$response.body"}), "Invalid mapping expression specified: $response.body"},
		{"mapping of an unknown part", "CreateIntegration", with(proxy, "RequestParameters", doc{"append:header.a": "$request.nothing"}), "$request.nothing cannot be referred to"},
		{"mapping without end", "CreateIntegration", with(proxy, "RequestParameters", doc{"append:header.a": "${request.path"}), "${ has no end"},
		{"status code of a reference", "CreateIntegration", with(proxy, "ResponseParameters", doc{"200": doc{"overwrite:statuscode": "$response.header.a"}}), "must be a status code"},
		{"unknown extension", "CreateIntegration", with(proxy, "RequestParameters", doc{"gatehouse:cache": "1"}), "there is no parameter gatehouse:cache"},
		{"extension without the other", "CreateIntegration", with(proxy, "RequestParameters", doc{"gatehouse:cacheDataEncrypted": "true"}), "needs gatehouse:cacheTtlInSeconds"},
		{"kept too long", "CreateIntegration", with(proxy, "RequestParameters", doc{"gatehouse:cacheTtlInSeconds": "3601"}), "between 0 and 3600"},
		{"kept and streamed", "CreateIntegration", with(proxy, "RequestParameters", doc{"gatehouse:cacheTtlInSeconds": "1", "gatehouse:responseTransferMode": "STREAM"}), "exclude one another"},
		{"kept by the body", "CreateIntegration", with(proxy, "RequestParameters", doc{"gatehouse:cacheTtlInSeconds": "1", "gatehouse:cacheKeyParameters": "$request.body"}), "must be a list of"},
		{"streamed subtype", "CreateIntegration", with(queue, "RequestParameters", doc{"QueueUrl": "q", "MessageBody": "b", "gatehouse:responseTransferMode": "STREAM"}), "not streamed"},
		{"status of a mapping", "CreateIntegration", with(proxy, "ResponseParameters", doc{"600": doc{"append:header.a": "b"}}), "Invalid response status code 600"},
		{"link without id", "CreateIntegration", with(private, "ConnectionId", ""), "VPC_LINK"},
		{"no such link", "CreateIntegration", with(private, "ConnectionId", "none"), "BadRequestException: Invalid VpcLink identifier specified none"},
		{"no Cloud Map service", "CreateIntegration", with(private, "IntegrationUri", "arn:aws:servicediscovery:eu-west-1:111111111111:namespace/ns-1"), "valid Cloud Map service ARN"},
		{"Cloud Map of others", "CreateIntegration", with(private, "IntegrationUri", "arn:aws:servicediscovery:eu-west-1:222222222222:service/srv-1"), "the API's own account and Region only"},
		{"listener of others", "CreateIntegration", with(private, "IntegrationUri", strings.Replace(listener, "111111111111", "222222222222", 1)), "is of the API's account, 111111111111"},
		{"unknown listener", "CreateIntegration", with(private, "IntegrationUri", strings.Replace(listener, "shop", "mail", 1)), "start it with --load-balancer"},
		{"no function", "CreateIntegration", with(function, "IntegrationUri", "arn:aws:sqs:eu-west-1:1:q"), "BadRequestException: Invalid Function ARN"},
		{"no format", "CreateIntegration", with(function, "PayloadFormatVersion", "3.0"), "Invalid payloadFormatVersion 3.0"},
		{"the caller's credentials", "CreateIntegration", with(function, "CredentialsArn", "arn:aws:iam::*:user/*"), "BadRequestException: Invalid credentials"},
		{"unknown subtype", "CreateIntegration", with(queue, "IntegrationSubtype", "SNS-Publish"), "BadRequestException: Invalid integration subtype SNS-Publish"},
		{"subtype without role", "CreateIntegration", with(queue, "CredentialsArn", ""), "Credentials must be specified"},
		{"subtype without parameter", "CreateIntegration", with(queue, "RequestParameters", doc{"QueueUrl": "q"}), "Parameter: MessageBody is required"},
		{"subtype with another's parameter", "CreateIntegration", with(queue, "RequestParameters", doc{"QueueUrl": "q", "MessageBody": "b", "Detail": "d"}), "Parameter: Detail does not fit schema"},
		{"Region of the request", "CreateIntegration", with(queue, "RequestParameters", doc{"QueueUrl": "q", "MessageBody": "b", "Region": "$request.header.r"}), "Region must be"},
		{"subtype of nothing", "CreateIntegration", with(queue, "RequestParameters", doc{"QueueUrl": "q", "MessageBody": "$response.body"}), "Invalid mapping expression"},
		{"subtype with URI", "CreateIntegration", with(queue, "IntegrationUri", "http://h/"), "integrationUri and integrationMethod are not supported"},
		{"JWT without audience", "CreateAuthorizer", with(jwt, "JwtConfiguration", doc{"issuer": "https://i"}), "jwtConfiguration"},
		{"JWT in a stage variable", "CreateAuthorizer", with(jwt, "IdentitySource", []string{"$stageVariables.token"}), "header or a query parameter"},
		{"JWT with role", "CreateAuthorizer", with(jwt, "AuthorizerCredentialsArn", "arn:aws:iam::1:role/r"), "JWT authorizers support no"},
		{"role for an endpoint", "CreateAuthorizer", with(asked, "AuthorizerCredentialsArn", "arn:aws:iam::1:role/r"), "for functions only"},
		{"cache without source", "CreateAuthorizer", with(asked, "IdentitySource", []string{}, "AuthorizerResultTtlInSeconds", 5), "Identity source is required when caching is enabled"},
		{"log group elsewhere", "CreateStage", logged("us-east-1:"+testAccount+":log-group:g", "$context.requestId"), "of a log group of account " + testAccount + " in " + testRegion},
		{"log group of others", "CreateStage", logged(testRegion+":222222222222:log-group:g", "$context.requestId"), "of a log group of account " + testAccount + " in " + testRegion},
		{"log group of others, later", "UpdateStage", with(logged(testRegion+":222222222222:log-group:g", "$context.requestId"), "StageName", "$default"), "of a log group of account " + testAccount + " in " + testRegion},
		{"log of two lines", "CreateStage", logged(testRegion+":"+testAccount+":log-group:g", "$context.requestId\nx"), "Access Log format must be single line"},
		{"log format of 3,073", "CreateStage", logged(testRegion+":"+testAccount+":log-group:g", "$context.requestId"+strings.Repeat("x", 3055)), "Access Log format must be at most 3072 characters long"},
		{"log format without id", "CreateStage", logged(testRegion+":"+testAccount+":log-group:g", "x"), "Access log format must contain $context.requestId"},
		{"stage name", "CreateStage", with(api, "StageName", "a/b"), "BadRequestException: Stage name only allows"},
		{"same stage", "CreateStage", with(api, "StageName", "$default"), "ConflictException: Stage already exists"},
		{"a deployment for who deploys by itself", "CreateStage", with(api, "StageName", "x", "AutoDeploy", true, "DeploymentId", "none"), "Deployment ID cannot be set on stages that have auto deploy enabled"},
		{"a deployment for a stage that deploys by itself", "UpdateStage", with(api, "StageName", "$default", "AutoDeploy", true, "DeploymentId", "none"), "Deployment ID cannot be set on stages that have auto deploy enabled"},
		{"no such deployment", "CreateStage", with(api, "StageName", "x", "DeploymentId", "none"), "BadRequestException: Deployment id does not exist"},
		{"link without subnets", "CreateVpcLink", doc{"Name": "l", "SubnetIds": []string{}}, "At least one subnet"},
		{"domain of nobody", "GetDomainName", doc{"DomainName": "x.example.com"}, "NotFoundException: Invalid domain name identifier specified"},
		{"edge domain", "CreateDomainName", doc{"DomainName": "x.example.com", "DomainNameConfigurations": []doc{{"endpointType": "EDGE"}}}, "Only REGIONAL"},
		{"page", "GetRoutes", with(api, "MaxResults", "x"), "BadRequestException: Invalid value for maxResults"},
		{"base path", "ImportApi", doc{"Body": "openapi: 3.0.1", "Basepath": "cut"}, "BadRequestException: Invalid basepath specified."},
		{"document", "ImportApi", doc{"Body": "swagger: '2.0'"}, "BadRequestException: "},
		{"tags of what is not", "GetTags", doc{"ResourceArn": "arn:aws:apigateway:eu-west-1::/vpclinks/none"}, "NotFoundException: Invalid Resource identifier specified"},
	}
	rev := revOf(t, c)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c.t = t
			got, _ := c.do(tt.op, tt.in)["Error"].(string)
			if !strings.Contains(got, tt.want) {
				t.Errorf("%s(%v) = %q, want %q in it", tt.op, tt.in, got, tt.want)
			}
		})
	}
	c.t = t
	if got := revOf(t, c); got != rev {
		t.Errorf("what was refused changed the store: revision %d, was %d", got, rev)
	}
}
