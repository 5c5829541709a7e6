package sdk_test

// A step is one call of an operation, made alike with every client.
type step struct {
	op string
	// in is the input as JSON, with the members' names as the SDKs have them.
	// $name stands for a value kept before.
	in string
	// keep says what of the output to keep: "name=member name=member".
	keep string
	// refused is the error that the call must end with; empty: it must succeed.
	refused string
}

const (
	patchDescription = `"patchOperations": [{"op": "replace", "path": "/description", "value": "changed"}]`
	patchName        = `"patchOperations": [{"op": "replace", "path": "/name", "value": "changed"}]`
	authorizerURI    = "arn:aws:apigateway:" + region + ":lambda:path/2015-03-31/functions/arn:aws:lambda:" + region + ":000000000000:function:f/invocations"
	balancer         = "arn:aws:elasticloadbalancing:" + region + ":000000000000:loadbalancer/net/n/0123456789abcdef"
	noDomain         = "arn:aws:apigateway:" + region + ":000000000000:/domainnames/calls.internal+abcd1234"
	noAccess         = "arn:aws:apigateway:" + region + ":000000000000:/domainnameaccessassociations/domainname/calls.internal+abcd1234/vpcesource/vpce-0a"
	document         = `{\"openapi\": \"3.0.1\", \"info\": {\"title\": \"t\", \"version\": \"1\"}, \"paths\": {}}`
	documented       = `{\"openapi\": \"3.0.1\", \"info\": {\"title\": \"t\", \"version\": \"1\"}, \"paths\": {}, \"x-amazon-apigateway-documentation\": ` +
		`{\"version\": \"7\", \"documentationParts\": [{\"location\": {\"type\": \"API\"}, \"properties\": {\"description\": \"d\"}}]}}`
)

// calls exercise every operation of apigateway at least once. What is made is
// deleted in the end.
var calls = []step{
	{op: "GetAccount", in: `{}`},
	{op: "UpdateAccount", in: `{"patchOperations": [{"op": "add", "path": "/features", "value": "UsagePlans"}]}`},

	{op: "CreateRestApi", in: `{"name": "calls", "description": "d", "tags": {"a": "b"}}`, keep: "api=id"},
	{op: "GetRestApi", in: `{"restApiId": "$api"}`},
	{op: "GetRestApis", in: `{"limit": 10}`},
	{op: "UpdateRestApi", in: `{"restApiId": "$api", ` + patchDescription + `}`},
	{op: "PutRestApi", in: `{"restApiId": "$api", "mode": "merge", "body": "` + document + `"}`},
	{op: "ImportRestApi", in: `{"body": "` + document + `", "parameters": {"endpointConfigurationTypes": "REGIONAL"}}`, keep: "imported=id"},
	{op: "DeleteRestApi", in: `{"restApiId": "$imported"}`},
	{op: "TagResource", in: `{"resourceArn": "arn:aws:apigateway:` + region + `::/restapis/$api", "tags": {"c": "d"}}`},
	{op: "GetTags", in: `{"resourceArn": "arn:aws:apigateway:` + region + `::/restapis/$api"}`},
	{op: "UntagResource", in: `{"resourceArn": "arn:aws:apigateway:` + region + `::/restapis/$api", "tagKeys": ["a", "c"]}`},

	{op: "GetResources", in: `{"restApiId": "$api", "embed": ["methods"]}`, keep: "root=items.0.id"},
	{op: "CreateResource", in: `{"restApiId": "$api", "parentId": "$root", "pathPart": "pets"}`, keep: "resource=id"},
	{op: "GetResource", in: `{"restApiId": "$api", "resourceId": "$resource", "embed": ["methods"]}`},
	{op: "UpdateResource", in: `{"restApiId": "$api", "resourceId": "$resource", "patchOperations": [{"op": "replace", "path": "/pathPart", "value": "cats"}]}`},

	{op: "CreateModel", in: `{"restApiId": "$api", "name": "Cat", "contentType": "application/json", "schema": "{\"type\": \"object\"}"}`},
	{op: "GetModel", in: `{"restApiId": "$api", "modelName": "Cat"}`},
	{op: "GetModels", in: `{"restApiId": "$api"}`},
	{op: "GetModelTemplate", in: `{"restApiId": "$api", "modelName": "Cat"}`},
	{op: "UpdateModel", in: `{"restApiId": "$api", "modelName": "Cat", ` + patchDescription + `}`},
	{op: "CreateRequestValidator", in: `{"restApiId": "$api", "name": "v", "validateRequestBody": true}`, keep: "validator=id"},
	{op: "GetRequestValidator", in: `{"restApiId": "$api", "requestValidatorId": "$validator"}`},
	{op: "GetRequestValidators", in: `{"restApiId": "$api"}`},
	{op: "UpdateRequestValidator", in: `{"restApiId": "$api", "requestValidatorId": "$validator", ` + patchName + `}`},
	{op: "CreateAuthorizer", in: `{"restApiId": "$api", "name": "a", "type": "TOKEN", "identitySource": "method.request.header.Authorization", "authorizerUri": "` + authorizerURI + `"}`, keep: "authorizer=id"},
	{op: "GetAuthorizer", in: `{"restApiId": "$api", "authorizerId": "$authorizer"}`},
	{op: "GetAuthorizers", in: `{"restApiId": "$api"}`},
	{op: "UpdateAuthorizer", in: `{"restApiId": "$api", "authorizerId": "$authorizer", ` + patchName + `}`},
	{op: "TestInvokeAuthorizer", in: `{"restApiId": "$api", "authorizerId": "$authorizer", "headers": {"Authorization": "x"}}`},

	{op: "PutMethod", in: `{"restApiId": "$api", "resourceId": "$resource", "httpMethod": "POST", "authorizationType": "NONE", "apiKeyRequired": true, "requestModels": {"application/json": "Cat"}}`},
	{op: "GetMethod", in: `{"restApiId": "$api", "resourceId": "$resource", "httpMethod": "POST"}`},
	{op: "UpdateMethod", in: `{"restApiId": "$api", "resourceId": "$resource", "httpMethod": "POST", "patchOperations": [{"op": "replace", "path": "/apiKeyRequired", "value": "false"}]}`},
	{op: "PutMethodResponse", in: `{"restApiId": "$api", "resourceId": "$resource", "httpMethod": "POST", "statusCode": "200", "responseParameters": {"method.response.header.x": false}}`},
	{op: "GetMethodResponse", in: `{"restApiId": "$api", "resourceId": "$resource", "httpMethod": "POST", "statusCode": "200"}`},
	{op: "UpdateMethodResponse", in: `{"restApiId": "$api", "resourceId": "$resource", "httpMethod": "POST", "statusCode": "200", "patchOperations": [{"op": "add", "path": "/responseModels/application~1json", "value": "Cat"}]}`},
	{op: "PutIntegration", in: `{"restApiId": "$api", "resourceId": "$resource", "httpMethod": "POST", "type": "MOCK", "requestTemplates": {"application/json": "{\"statusCode\": 200}"}}`},
	{op: "GetIntegration", in: `{"restApiId": "$api", "resourceId": "$resource", "httpMethod": "POST"}`},
	{op: "UpdateIntegration", in: `{"restApiId": "$api", "resourceId": "$resource", "httpMethod": "POST", "patchOperations": [{"op": "replace", "path": "/timeoutInMillis", "value": "1000"}]}`},
	{op: "PutIntegrationResponse", in: `{"restApiId": "$api", "resourceId": "$resource", "httpMethod": "POST", "statusCode": "200", "responseTemplates": {"application/json": "{\"ok\": true}"}}`},
	{op: "GetIntegrationResponse", in: `{"restApiId": "$api", "resourceId": "$resource", "httpMethod": "POST", "statusCode": "200"}`},
	{op: "UpdateIntegrationResponse", in: `{"restApiId": "$api", "resourceId": "$resource", "httpMethod": "POST", "statusCode": "200", "patchOperations": [{"op": "add", "path": "/responseParameters/method.response.header.x", "value": "'1'"}]}`},
	{op: "TestInvokeMethod", in: `{"restApiId": "$api", "resourceId": "$resource", "httpMethod": "POST", "body": "{}"}`},

	{op: "PutGatewayResponse", in: `{"restApiId": "$api", "responseType": "DEFAULT_4XX", "responseParameters": {"gatewayresponse.header.x": "'1'"}}`},
	{op: "GetGatewayResponse", in: `{"restApiId": "$api", "responseType": "DEFAULT_4XX"}`},
	{op: "GetGatewayResponses", in: `{"restApiId": "$api"}`},
	{op: "UpdateGatewayResponse", in: `{"restApiId": "$api", "responseType": "DEFAULT_4XX", "patchOperations": [{"op": "replace", "path": "/statusCode", "value": "418"}]}`},
	{op: "DeleteGatewayResponse", in: `{"restApiId": "$api", "responseType": "DEFAULT_4XX"}`},

	{op: "CreateDocumentationPart", in: `{"restApiId": "$api", "location": {"type": "RESOURCE", "path": "/cats"}, "properties": "{\"description\": \"d\"}"}`, keep: "part=id"},
	{op: "GetDocumentationPart", in: `{"restApiId": "$api", "documentationPartId": "$part"}`},
	{op: "GetDocumentationParts", in: `{"restApiId": "$api", "type": "RESOURCE"}`},
	{op: "UpdateDocumentationPart", in: `{"restApiId": "$api", "documentationPartId": "$part", "patchOperations": [{"op": "replace", "path": "/properties", "value": "{\"description\": \"e\"}"}]}`},
	{op: "ImportDocumentationParts", in: `{"restApiId": "$api", "mode": "merge", "body": "` + documented + `"}`},
	{op: "CreateDocumentationVersion", in: `{"restApiId": "$api", "documentationVersion": "1"}`},
	{op: "GetDocumentationVersion", in: `{"restApiId": "$api", "documentationVersion": "1"}`},
	{op: "GetDocumentationVersions", in: `{"restApiId": "$api"}`},
	{op: "UpdateDocumentationVersion", in: `{"restApiId": "$api", "documentationVersion": "1", ` + patchDescription + `}`},
	{op: "DeleteDocumentationPart", in: `{"restApiId": "$api", "documentationPartId": "$part"}`},

	{op: "CreateDeployment", in: `{"restApiId": "$api", "description": "one"}`, keep: "deployment=id"},
	{op: "GetDeployment", in: `{"restApiId": "$api", "deploymentId": "$deployment", "embed": ["apisummary"]}`},
	{op: "GetDeployments", in: `{"restApiId": "$api"}`},
	{op: "UpdateDeployment", in: `{"restApiId": "$api", "deploymentId": "$deployment", ` + patchDescription + `}`},
	{op: "CreateStage", in: `{"restApiId": "$api", "stageName": "prod", "deploymentId": "$deployment", "variables": {"v": "1"}, "documentationVersion": "1"}`},
	{op: "GetStage", in: `{"restApiId": "$api", "stageName": "prod"}`},
	{op: "GetStages", in: `{"restApiId": "$api", "deploymentId": "$deployment"}`},
	{op: "UpdateStage", in: `{"restApiId": "$api", "stageName": "prod", "patchOperations": [{"op": "replace", "path": "/*/*/throttling/rateLimit", "value": "7.5"}]}`},
	{op: "FlushStageCache", in: `{"restApiId": "$api", "stageName": "prod"}`},
	{op: "FlushStageAuthorizersCache", in: `{"restApiId": "$api", "stageName": "prod"}`},
	{op: "GetExport", in: `{"restApiId": "$api", "stageName": "prod", "exportType": "oas30", "parameters": {"extensions": "apigateway"}, "accepts": "application/yaml"}`},
	{op: "GetSdkTypes", in: `{}`},
	{op: "GetSdkType", in: `{"id": "javascript"}`, refused: "NotFoundException"},
	{op: "GetSdk", in: `{"restApiId": "$api", "stageName": "prod", "sdkType": "javascript"}`, refused: "any"},

	{op: "CreateUsagePlan", in: `{"name": "plan", "apiStages": [{"apiId": "$api", "stage": "prod"}], "quota": {"limit": 5, "period": "DAY"}, "throttle": {"rateLimit": 1.5, "burstLimit": 2}}`, keep: "plan=id"},
	{op: "GetUsagePlan", in: `{"usagePlanId": "$plan"}`},
	{op: "GetUsagePlans", in: `{}`},
	{op: "UpdateUsagePlan", in: `{"usagePlanId": "$plan", ` + patchDescription + `}`},
	{op: "CreateApiKey", in: `{"name": "key", "enabled": true, "value": "0123456789-calls-0123456789"}`, keep: "key=id"},
	{op: "GetApiKey", in: `{"apiKey": "$key", "includeValue": true}`},
	{op: "GetApiKeys", in: `{"includeValues": true, "nameQuery": "key"}`},
	{op: "UpdateApiKey", in: `{"apiKey": "$key", ` + patchDescription + `}`},
	{op: "ImportApiKeys", in: `{"format": "csv", "failOnWarnings": true, "body": "name,key\nimported,0123456789-imported-0123456789\n"}`},
	{op: "CreateUsagePlanKey", in: `{"usagePlanId": "$plan", "keyId": "$key", "keyType": "API_KEY"}`},
	{op: "GetUsagePlanKey", in: `{"usagePlanId": "$plan", "keyId": "$key"}`},
	{op: "GetUsagePlanKeys", in: `{"usagePlanId": "$plan"}`},
	{op: "GetUsage", in: `{"usagePlanId": "$plan", "keyId": "$key", "startDate": "$today", "endDate": "$today"}`},
	{op: "UpdateUsage", in: `{"usagePlanId": "$plan", "keyId": "$key", "patchOperations": [{"op": "replace", "path": "/remaining", "value": "9"}]}`},
	{op: "DeleteUsagePlanKey", in: `{"usagePlanId": "$plan", "keyId": "$key"}`},
	{op: "DeleteApiKey", in: `{"apiKey": "$key"}`},

	{op: "CreateDomainName", in: `{"domainName": "calls.example.com", "endpointConfiguration": {"types": ["REGIONAL"]}}`},
	{op: "GetDomainName", in: `{"domainName": "calls.example.com"}`},
	{op: "GetDomainNames", in: `{}`},
	{op: "UpdateDomainName", in: `{"domainName": "calls.example.com", "patchOperations": [{"op": "replace", "path": "/endpointConfiguration/types/REGIONAL", "value": "EDGE"}]}`},
	{op: "CreateBasePathMapping", in: `{"domainName": "calls.example.com", "basePath": "v1", "restApiId": "$api", "stage": "prod"}`},
	{op: "GetBasePathMapping", in: `{"domainName": "calls.example.com", "basePath": "v1"}`},
	{op: "GetBasePathMappings", in: `{"domainName": "calls.example.com"}`},
	{op: "UpdateBasePathMapping", in: `{"domainName": "calls.example.com", "basePath": "v1", "patchOperations": [{"op": "replace", "path": "/basePath", "value": "v2"}]}`},
	{op: "DeleteBasePathMapping", in: `{"domainName": "calls.example.com", "basePath": "v2"}`},
	{op: "DeleteDomainName", in: `{"domainName": "calls.example.com"}`},

	// Older clients know neither these nor the ids of private domain names:
	// test/script/authorization/privatedomain.txtar has the rest.
	{op: "GetDomainNameAccessAssociations", in: `{"resourceOwner": "SELF"}`},
	{op: "CreateDomainNameAccessAssociation", in: `{"domainNameArn": "` + noDomain + `", "accessAssociationSourceType": "VPCE", "accessAssociationSource": "vpce-0a"}`,
		refused: "NotFoundException"},
	{op: "RejectDomainNameAccessAssociation", in: `{"domainNameArn": "` + noDomain + `", "domainNameAccessAssociationArn": "` + noAccess + `"}`, refused: "NotFoundException"},
	{op: "DeleteDomainNameAccessAssociation", in: `{"domainNameAccessAssociationArn": "` + noAccess + `"}`, refused: "NotFoundException"},

	{op: "GenerateClientCertificate", in: `{"description": "d"}`, keep: "certificate=clientCertificateId"},
	{op: "GetClientCertificate", in: `{"clientCertificateId": "$certificate"}`},
	{op: "GetClientCertificates", in: `{}`},
	{op: "UpdateClientCertificate", in: `{"clientCertificateId": "$certificate", ` + patchDescription + `}`},
	{op: "DeleteClientCertificate", in: `{"clientCertificateId": "$certificate"}`},
	{op: "CreateVpcLink", in: `{"name": "link", "targetArns": ["` + balancer + `"]}`, keep: "link=id"},
	{op: "GetVpcLink", in: `{"vpcLinkId": "$link"}`},
	{op: "GetVpcLinks", in: `{}`},
	{op: "UpdateVpcLink", in: `{"vpcLinkId": "$link", ` + patchName + `}`},
	{op: "DeleteVpcLink", in: `{"vpcLinkId": "$link"}`},

	{op: "UpdateUsagePlan", in: `{"usagePlanId": "$plan", "patchOperations": [{"op": "remove", "path": "/apiStages", "value": "$api:prod"}]}`},
	{op: "DeleteUsagePlan", in: `{"usagePlanId": "$plan"}`},
	{op: "DeleteStage", in: `{"restApiId": "$api", "stageName": "prod"}`},
	{op: "DeleteDocumentationVersion", in: `{"restApiId": "$api", "documentationVersion": "1"}`},
	{op: "DeleteDeployment", in: `{"restApiId": "$api", "deploymentId": "$deployment"}`},
	{op: "DeleteIntegrationResponse", in: `{"restApiId": "$api", "resourceId": "$resource", "httpMethod": "POST", "statusCode": "200"}`},
	{op: "DeleteIntegration", in: `{"restApiId": "$api", "resourceId": "$resource", "httpMethod": "POST"}`},
	{op: "DeleteMethodResponse", in: `{"restApiId": "$api", "resourceId": "$resource", "httpMethod": "POST", "statusCode": "200"}`},
	{op: "DeleteMethod", in: `{"restApiId": "$api", "resourceId": "$resource", "httpMethod": "POST"}`},
	{op: "DeleteAuthorizer", in: `{"restApiId": "$api", "authorizerId": "$authorizer"}`},
	{op: "DeleteRequestValidator", in: `{"restApiId": "$api", "requestValidatorId": "$validator"}`},
	{op: "DeleteModel", in: `{"restApiId": "$api", "modelName": "Cat"}`},
	{op: "DeleteResource", in: `{"restApiId": "$api", "resourceId": "$resource"}`},
	{op: "DeleteRestApi", in: `{"restApiId": "$api"}`},
}
