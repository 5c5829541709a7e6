package cloudformation

import "context"

// kinds are the types of resources there are: one row each. COVERAGE.md lists
// them.
//
// AWS: properties, what replaces, Ref and Fn::GetAtt from the template
// reference.
func kinds() map[string]*kind {
	all := map[string]*kind{}
	for _, list := range [][]*kind{restKinds(), restPlanKinds(), httpKinds(), lambdaKinds(), iamKinds(), alarmKinds(), storageKinds(), logsKinds(), trailKinds(), logDeliveryKinds(), cloudMapKinds(), domainKinds(), certificateKinds(), xrayKinds(), {overridesKind()}, ownKinds()} {
		for _, k := range list {
			all[k.Type] = k
		}
	}
	return all
}

// ownKinds are those of CloudFormation itself.
func ownKinds() []*kind {
	named := func(_ context.Context, w *worker) error { w.id = w.physicalName(255); return nil }
	return []*kind{
		nestedKind(), customKind(),
		{Type: "AWS::CloudFormation::WaitConditionHandle", makes: named, turns: nothing, ends: nothing},
		// AWS: the CDK's note of which constructs an app uses; it does nothing.
		{Type: "AWS::CDK::Metadata", props: "Analytics", makes: named, turns: nothing, ends: nothing},
	}
}

// restKinds are the parts of REST APIs.
func restKinds() []*kind {
	const service = "apigateway"
	return []*kind{
		{
			Type: "AWS::ApiGateway::RestApi", service: service, create: "CreateRestApi", update: "UpdateRestApi", remove: "DeleteRestApi",
			props: "ApiKeySourceType BinaryMediaTypes Body# BodyS3Location CloneFrom Description DisableExecuteApiEndpoint EndpointAccessMode EndpointConfiguration " +
				"FailOnWarnings MinimumCompressionSize Mode Name Parameters Policy# SecurityPolicy Tags@ Version",
			ref: "id", key: "restApiId", attrs: "RestApiId RootResourceId=rootResourceId",
			makes: makeRestAPI, turns: turnRestAPI,
			patches: append(patchTexts("Name Description Policy DisableExecuteApiEndpoint MinimumCompressionSize ApiKeySourceType=apiKeySource SecurityPolicy EndpointAccessMode"),
				patch{"BinaryMediaTypes", "/binaryMediaTypes", asList}, patch{"EndpointConfiguration", "/endpointConfiguration", asTypes}),
			rename: map[string]string{"ApiKeySourceType": "apiKeySource"},
		},
		{
			Type: "AWS::ApiGateway::Resource", service: service, create: "CreateResource", remove: "DeleteResource",
			props: "RestApiId! ParentId! PathPart!", ref: "id", under: "RestApiId", key: "resourceId", attrs: "ResourceId",
		},
		{
			Type: "AWS::ApiGateway::Method", service: service,
			props: "ApiKeyRequired AuthorizationScopes AuthorizationType AuthorizerId HttpMethod! Integration MethodResponses OperationName " +
				"RequestModels RequestParameters RequestValidatorId ResourceId! RestApiId!",
			makes: makeMethod, turns: turnMethod, ends: endMethod,
		},
		{
			Type: "AWS::ApiGateway::Deployment", service: service, create: "CreateDeployment", update: "UpdateDeployment", remove: "DeleteDeployment",
			props: "RestApiId! Description StageName! StageDescription DeploymentCanarySettings!", rename: map[string]string{"DeploymentCanarySettings": "canarySettings"},
			ref: "id", under: "RestApiId", key: "deploymentId", attrs: "DeploymentId", patches: patchTexts("Description"),
			makes: makeDeployment, turns: turnDeployment, ends: endDeployment,
		},
		{
			Type: "AWS::ApiGateway::Stage", service: service, create: "CreateStage", update: "UpdateStage", remove: "DeleteStage",
			props: "AccessLogSetting CacheClusterEnabled CacheClusterSize CanarySetting ClientCertificateId DeploymentId Description DocumentationVersion " +
				"MethodSettings RestApiId! StageName! Tags@ TracingEnabled Variables",
			prop: "StageName", under: "RestApiId", key: "stageName", makes: makeStage, patches: stagePatches(),
		},
		{
			Type: "AWS::ApiGateway::Model", service: service, create: "CreateModel", update: "UpdateModel", remove: "DeleteModel",
			props: "RestApiId! Name! ContentType! Description Schema#", ref: "name", under: "RestApiId", key: "modelName", named: "Name", alnum: true,
			patches: patchTexts("Description Schema"),
		},
		{
			Type: "AWS::ApiGateway::RequestValidator", service: service, create: "CreateRequestValidator", update: "UpdateRequestValidator", remove: "DeleteRequestValidator",
			props: "RestApiId! Name! ValidateRequestBody ValidateRequestParameters", ref: "id", under: "RestApiId", key: "requestValidatorId", attrs: "RequestValidatorId",
			patches: patchTexts("ValidateRequestBody ValidateRequestParameters"),
		},
		{
			Type: "AWS::ApiGateway::Authorizer", service: service, create: "CreateAuthorizer", update: "UpdateAuthorizer", remove: "DeleteAuthorizer",
			props: "RestApiId! Name Type AuthType AuthorizerCredentials AuthorizerResultTtlInSeconds AuthorizerUri IdentitySource IdentityValidationExpression ProviderARNs",
			ref:   "id", under: "RestApiId", key: "authorizerId", attrs: "AuthorizerId",
			patches: append(patchTexts("Name Type AuthType AuthorizerCredentials AuthorizerResultTtlInSeconds AuthorizerUri IdentitySource IdentityValidationExpression"),
				patch{"ProviderARNs", "/providerARNs", asList}),
		},
		{
			Type: "AWS::ApiGateway::GatewayResponse", service: service, create: "PutGatewayResponse", update: "PutGatewayResponse", remove: "DeleteGatewayResponse",
			props: "RestApiId! ResponseType! StatusCode ResponseParameters ResponseTemplates", prop: "ResponseType", under: "RestApiId ResponseType", attrs: "Id",
			turns: func(ctx context.Context, w *worker) error {
				_, err := w.kind.make(ctx, w) // AWS: a put replaces it whole
				return err
			},
		},
		{
			Type: "AWS::ApiGateway::DocumentationPart", service: service, create: "CreateDocumentationPart", update: "UpdateDocumentationPart", remove: "DeleteDocumentationPart",
			props: "RestApiId! Location! Properties#", ref: "id", under: "RestApiId", key: "documentationPartId", attrs: "DocumentationPartId", patches: patchTexts("Properties"),
		},
		{
			Type: "AWS::ApiGateway::DocumentationVersion", service: service, create: "CreateDocumentationVersion", update: "UpdateDocumentationVersion", remove: "DeleteDocumentationVersion",
			props: "RestApiId! DocumentationVersion! Description", rename: map[string]string{"DocumentationVersion": "documentationVersion"},
			prop: "DocumentationVersion", under: "RestApiId", key: "documentationVersion", patches: patchTexts("Description"),
		},
	}
}

// restPlanKinds are what stands beside REST APIs: keys, plans, domain names.
func restPlanKinds() []*kind {
	const service = "apigateway"
	return []*kind{
		{
			Type: "AWS::ApiGateway::ApiKey", service: service, create: "CreateApiKey", update: "UpdateApiKey", remove: "DeleteApiKey",
			props: "CustomerId Description Enabled GenerateDistinctId! Name! StageKeys Tags@ Value!", ref: "id", key: "apiKey", attrs: "APIKeyId", named: "Name",
			patches: append(patchTexts("CustomerId Description Enabled"), patch{"StageKeys", "/stages", asStages}),
		},
		{
			Type: "AWS::ApiGateway::UsagePlan", service: service, create: "CreateUsagePlan", update: "UpdateUsagePlan", remove: "DeleteUsagePlan",
			props: "ApiStages Description Quota Tags@ Throttle UsagePlanName", rename: map[string]string{"UsagePlanName": "name"}, named: "UsagePlanName",
			ref: "id", key: "usagePlanId", attrs: "Id", ends: endUsagePlan,
			patches: append(patchTexts("Description UsagePlanName=name"), patch{"Quota", "/quota", asObject}, patch{"Throttle", "/throttle", asObject}, patch{"ApiStages", "/apiStages", asStages}),
		},
		{
			Type: "AWS::ApiGateway::UsagePlanKey", service: service, create: "CreateUsagePlanKey", remove: "DeleteUsagePlanKey",
			props: "KeyId! KeyType! UsagePlanId!", under: "UsagePlanId KeyId",
			made: func(_ context.Context, w *worker, _ map[string]any) error {
				w.id = w.text("KeyId") + ":" + w.text("UsagePlanId")
				w.attributes["Id"] = w.id
				return nil
			},
		},
		{
			Type: "AWS::ApiGateway::ClientCertificate", service: service, create: "GenerateClientCertificate", update: "UpdateClientCertificate", remove: "DeleteClientCertificate",
			props: "Description Tags@", ref: "clientCertificateId", key: "clientCertificateId", attrs: "ClientCertificateId", patches: patchTexts("Description"),
		},
		{
			Type: "AWS::ApiGateway::DomainName", service: service, create: "CreateDomainName", update: "UpdateDomainName", remove: "DeleteDomainName",
			props: "CertificateArn DomainName! EndpointAccessMode EndpointConfiguration MutualTlsAuthentication OwnershipVerificationCertificateArn " +
				"RegionalCertificateArn RoutingMode SecurityPolicy Tags@",
			prop: "DomainName", key: "domainName", attrs: "DistributionDomainName=distributionDomainName DistributionHostedZoneId=distributionHostedZoneId " +
				"DomainNameArn=domainNameArn RegionalDomainName=regionalDomainName RegionalHostedZoneId=regionalHostedZoneId",
			patches: append(patchTexts("CertificateArn RegionalCertificateArn SecurityPolicy EndpointAccessMode RoutingMode OwnershipVerificationCertificateArn"),
				patch{"MutualTlsAuthentication", "/mutualTlsAuthentication", asObject}, patch{"EndpointConfiguration", "/endpointConfiguration", asTypes}),
		},
		{
			Type: "AWS::ApiGateway::BasePathMapping", service: service, create: "CreateBasePathMapping", update: "UpdateBasePathMapping", remove: "DeleteBasePathMapping",
			props: "BasePath! DomainName! RestApiId Stage", ends: endBasePath,
			made: func(_ context.Context, w *worker, out map[string]any) error {
				base, _ := textOf(out["basePath"])
				w.id = w.text("DomainName") + "|" + base
				return nil
			},
			turns: turnBasePath, patches: patchTexts("RestApiId Stage"),
		},
		{
			Type: "AWS::ApiGateway::VpcLink", service: service, create: "CreateVpcLink", update: "UpdateVpcLink", remove: "DeleteVpcLink",
			props: "Name Description TargetArns! Tags@", ref: "id", key: "vpcLinkId", attrs: "VpcLinkId", patches: patchTexts("Name Description"),
		},
		{
			Type: "AWS::ApiGateway::Account", service: service, props: "CloudWatchRoleArn", makes: makeAccount, turns: makeAccount, ends: endAccount,
		},
	}
}

// httpKinds are the parts of HTTP and WebSocket APIs.
func httpKinds() []*kind {
	const service = "apigatewayv2"
	return []*kind{
		{
			Type: "AWS::ApiGatewayV2::Api", service: service, create: "CreateApi", update: "UpdateApi", remove: "DeleteApi",
			props: "ApiKeySelectionExpression Body# BodyS3Location CorsConfiguration CredentialsArn Description DisableExecuteApiEndpoint DisableSchemaValidation " +
				"FailOnWarnings IpAddressType Name ProtocolType! RouteKey RouteSelectionExpression Tags Target Version",
			ref: "apiId", key: "apiId", attrs: "ApiId ApiEndpoint=apiEndpoint", makes: makeAPI, turns: turnAPI,
		},
		{
			Type: "AWS::ApiGatewayV2::Stage", service: service, create: "CreateStage", update: "UpdateStage", remove: "DeleteStage",
			props: "AccessLogSettings ApiId! AutoDeploy ClientCertificateId DefaultRouteSettings DeploymentId Description RouteSettings StageName! StageVariables Tags",
			prop:  "StageName", under: "ApiId", key: "stageName",
		},
		{
			Type: "AWS::ApiGatewayV2::Route", service: service, create: "CreateRoute", update: "UpdateRoute", remove: "DeleteRoute",
			props: "ApiId! ApiKeyRequired AuthorizationScopes AuthorizationType AuthorizerId ModelSelectionExpression OperationName RequestModels RequestParameters " +
				"RouteKey RouteResponseSelectionExpression Target",
			ref: "routeId", under: "ApiId", key: "routeId", attrs: "RouteId",
		},
		{
			Type: "AWS::ApiGatewayV2::Integration", service: service, create: "CreateIntegration", update: "UpdateIntegration", remove: "DeleteIntegration",
			props: "ApiId! ConnectionId ConnectionType ContentHandlingStrategy CredentialsArn Description IntegrationMethod IntegrationSubtype IntegrationType IntegrationUri " +
				"PassthroughBehavior PayloadFormatVersion RequestParameters RequestTemplates ResponseParameters% TemplateSelectionExpression TimeoutInMillis TlsConfig",
			ref: "integrationId", under: "ApiId", key: "integrationId", attrs: "IntegrationId",
		},
		{
			Type: "AWS::ApiGatewayV2::Authorizer", service: service, create: "CreateAuthorizer", update: "UpdateAuthorizer", remove: "DeleteAuthorizer",
			props: "ApiId! AuthorizerCredentialsArn AuthorizerPayloadFormatVersion AuthorizerResultTtlInSeconds AuthorizerType AuthorizerUri EnableSimpleResponses IdentitySource " +
				"IdentityValidationExpression JwtConfiguration Name",
			ref: "authorizerId", under: "ApiId", key: "authorizerId", attrs: "AuthorizerId",
		},
		{
			Type: "AWS::ApiGatewayV2::Deployment", service: service, create: "CreateDeployment", update: "UpdateDeployment", remove: "DeleteDeployment",
			props: "ApiId! Description StageName!", ref: "deploymentId", under: "ApiId", key: "deploymentId", attrs: "DeploymentId",
		},
		{
			Type: "AWS::ApiGatewayV2::ApiMapping", service: service, create: "CreateApiMapping", update: "UpdateApiMapping", remove: "DeleteApiMapping",
			props: "ApiId ApiMappingKey DomainName! Stage", ref: "apiMappingId", under: "DomainName", key: "apiMappingId", attrs: "ApiMappingId",
		},
		{
			Type: "AWS::ApiGatewayV2::RouteResponse", service: service, create: "CreateRouteResponse", update: "UpdateRouteResponse", remove: "DeleteRouteResponse",
			props: "ApiId! RouteId! ModelSelectionExpression ResponseModels ResponseParameters RouteResponseKey",
			ref:   "routeResponseId", under: "ApiId RouteId", key: "routeResponseId", attrs: "RouteResponseId",
		},
		{
			Type: "AWS::ApiGatewayV2::IntegrationResponse", service: service, create: "CreateIntegrationResponse", update: "UpdateIntegrationResponse", remove: "DeleteIntegrationResponse",
			props: "ApiId! IntegrationId! ContentHandlingStrategy IntegrationResponseKey ResponseParameters ResponseTemplates TemplateSelectionExpression",
			ref:   "integrationResponseId", under: "ApiId IntegrationId", key: "integrationResponseId", attrs: "IntegrationResponseId",
		},
		{
			Type: "AWS::ApiGatewayV2::Model", service: service, create: "CreateModel", update: "UpdateModel", remove: "DeleteModel",
			props: "ApiId! ContentType Description Name Schema#", ref: "modelId", under: "ApiId", key: "modelId", attrs: "ModelId",
		},
		{
			Type: "AWS::ApiGatewayV2::VpcLink", service: service, create: "CreateVpcLink", update: "UpdateVpcLink", remove: "DeleteVpcLink",
			props: "Name SecurityGroupIds! SubnetIds! Tags", ref: "vpcLinkId", key: "vpcLinkId", attrs: "VpcLinkId",
		},
		{
			Type: "AWS::ApiGatewayV2::DomainName", service: service, create: "CreateDomainName", update: "UpdateDomainName", remove: "DeleteDomainName",
			props: "DomainName! DomainNameConfigurations MutualTlsAuthentication RoutingMode Tags", prop: "DomainName", key: "domainName", attrs: "DomainNameArn=domainNameArn",
			made: func(_ context.Context, w *worker, out map[string]any) error {
				list, _ := out["domainNameConfigurations"].([]any)
				if len(list) > 0 {
					first := asMembers(list[0])
					w.attributes["RegionalDomainName"], w.attributes["RegionalHostedZoneId"] = first["apiGatewayDomainName"], first["hostedZoneId"]
				}
				return nil
			},
		},
	}
}
