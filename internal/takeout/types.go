package takeout

// propertiesOf are the properties of the types of resources that templates of a
// [Takeout] have.
//
// AWS: the template reference of AWS::ApiGateway and AWS::ApiGatewayV2.
func propertiesOf() map[string]string {
	return map[string]string{
		"AWS::ApiGateway::ApiKey": "CustomerId Description Enabled Name StageKeys Tags Value",
		"AWS::ApiGateway::Authorizer": "AuthType AuthorizerCredentials AuthorizerResultTtlInSeconds AuthorizerUri IdentitySource IdentityValidationExpression Name " +
			"ProviderARNs RestApiId Type",
		"AWS::ApiGateway::BasePathMappingV2":    "BasePath DomainNameArn RestApiId Stage",
		"AWS::ApiGateway::ClientCertificate":    "Description Tags",
		"AWS::ApiGateway::Deployment":           "Description RestApiId",
		"AWS::ApiGateway::DocumentationVersion": "Description DocumentationVersion RestApiId",
		"AWS::ApiGateway::DomainName": "CertificateArn DomainName EndpointAccessMode EndpointConfiguration MutualTlsAuthentication " +
			"OwnershipVerificationCertificateArn RegionalCertificateArn RoutingMode SecurityPolicy Tags",
		"AWS::ApiGateway::DomainNameAccessAssociation": "AccessAssociationSource AccessAssociationSourceType DomainNameArn Tags",
		"AWS::ApiGateway::DomainNameV2":                "CertificateArn DomainName EndpointAccessMode EndpointConfiguration Policy RoutingMode SecurityPolicy Tags",
		"AWS::ApiGateway::DocumentationPart":           "Location Properties RestApiId",
		"AWS::ApiGateway::GatewayResponse":             "ResponseParameters ResponseTemplates ResponseType RestApiId StatusCode",
		"AWS::ApiGateway::Method": "ApiKeyRequired AuthorizationScopes AuthorizationType AuthorizerId HttpMethod Integration MethodResponses OperationName RequestModels " +
			"RequestParameters RequestValidatorId ResourceId RestApiId",
		"AWS::ApiGateway::Method.Integration": "CacheKeyParameters CacheNamespace ConnectionId ConnectionType ContentHandling Credentials IntegrationHttpMethod " +
			"IntegrationResponses IntegrationTarget PassthroughBehavior RequestParameters RequestTemplates ResponseTransferMode TimeoutInMillis Type Uri",
		"AWS::ApiGateway::Method.IntegrationResponse": "ContentHandling ResponseParameters ResponseTemplates SelectionPattern StatusCode",
		"AWS::ApiGateway::Method.MethodResponse":      "ResponseModels ResponseParameters StatusCode",
		"AWS::ApiGateway::Model":                      "ContentType Description Name RestApiId Schema",
		"AWS::ApiGateway::RequestValidator":           "Name RestApiId ValidateRequestBody ValidateRequestParameters",
		"AWS::ApiGateway::Resource":                   "ParentId PathPart RestApiId",
		"AWS::ApiGateway::RestApi": "ApiKeySourceType BinaryMediaTypes Body Description DisableExecuteApiEndpoint EndpointAccessMode EndpointConfiguration " +
			"MinimumCompressionSize Mode Name Policy SecurityPolicy Tags",
		"AWS::ApiGateway::Stage": "AccessLogSetting CacheClusterEnabled CacheClusterSize CanarySetting ClientCertificateId DeploymentId Description " +
			"DocumentationVersion MethodSettings RestApiId StageName Tags TracingEnabled Variables",
		"AWS::ApiGateway::Stage.MethodSetting": "CacheDataEncrypted CacheTtlInSeconds CachingEnabled DataTraceEnabled HttpMethod LoggingLevel MetricsEnabled " +
			"ResourcePath ThrottlingBurstLimit ThrottlingRateLimit",
		"AWS::ApiGateway::UsagePlan": "ApiStages Description Quota Tags Throttle UsagePlanName",
		"AWS::ApiGateway::VpcLink":   "Description Name Tags TargetArns",

		"AWS::ApiGatewayV2::Api": "ApiKeySelectionExpression Body CorsConfiguration Description DisableExecuteApiEndpoint DisableSchemaValidation IpAddressType Name " +
			"ProtocolType RouteSelectionExpression Tags Version",
		"AWS::ApiGatewayV2::ApiMapping": "ApiId ApiMappingKey DomainName Stage",
		"AWS::ApiGatewayV2::Authorizer": "ApiId AuthorizerCredentialsArn AuthorizerPayloadFormatVersion AuthorizerResultTtlInSeconds AuthorizerType AuthorizerUri " +
			"EnableSimpleResponses IdentitySource IdentityValidationExpression JwtConfiguration Name",
		"AWS::ApiGatewayV2::Deployment": "ApiId Description",
		"AWS::ApiGatewayV2::Integration": "ApiId ConnectionId ConnectionType ContentHandlingStrategy CredentialsArn Description IntegrationMethod IntegrationSubtype " +
			"IntegrationType IntegrationUri PassthroughBehavior PayloadFormatVersion RequestParameters RequestTemplates ResponseParameters " +
			"TemplateSelectionExpression TimeoutInMillis TlsConfig",
		"AWS::ApiGatewayV2::IntegrationResponse": "ApiId ContentHandlingStrategy IntegrationId IntegrationResponseKey ResponseParameters ResponseTemplates TemplateSelectionExpression",
		"AWS::ApiGatewayV2::Model":               "ApiId ContentType Description Name Schema",
		"AWS::ApiGatewayV2::Route": "ApiId ApiKeyRequired AuthorizationScopes AuthorizationType AuthorizerId ModelSelectionExpression OperationName RequestModels " +
			"RequestParameters RouteKey RouteResponseSelectionExpression Target",
		"AWS::ApiGatewayV2::RouteResponse": "ApiId ModelSelectionExpression ResponseModels ResponseParameters RouteId RouteResponseKey",
		"AWS::ApiGatewayV2::RoutingRule":   "Actions Conditions DomainNameArn Priority",
		"AWS::ApiGatewayV2::Stage": "AccessLogSettings ApiId AutoDeploy ClientCertificateId DefaultRouteSettings DeploymentId Description RouteSettings StageName " +
			"StageVariables Tags",
		"AWS::ApiGatewayV2::VpcLink": "Name SecurityGroupIds SubnetIds Tags",
	}
}
