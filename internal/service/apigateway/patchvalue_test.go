package apigateway

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// Values that are none of their kind.
var (
	noSwitch   = []string{"maybe", "", "1", "yes", "truefalse"}
	noInt      = []string{"", "x", "1.5", "-7", "99999999999999999999", "1e3", "0x10", " 5"}
	noRate     = []string{"", "x", "-7", "NaN", "Inf", "1e400", "1,5"}
	noWord     = []string{"NOPE", "nope"}
	noName     = []string{""}
	noIdentity = []string{"nope"}
)

// wrongValues are, for every path and operation of PATCH whose value is not
// free, values that are refused.
var wrongValues = map[string][]string{
	"UpdateAccount /features add":                                                                     noWord,
	"UpdateAccount /features remove":                                                                  noWord,
	"UpdateAccount /cloudwatchRoleArn replace":                                                        {"nope", "arn:aws:iam::1:user/x"},
	"UpdateApiKey /labels add":                                                                        noWord,
	"UpdateApiKey /labels remove":                                                                     noWord,
	"UpdateApiKey /stages remove":                                                                     {"nope", "nope/prod"},
	"UpdateApiKey /stages add":                                                                        noWord,
	"UpdateBasePathMapping /restApiId replace":                                                        noIdentity,
	"UpdateBasePathMapping /restapiId replace":                                                        noIdentity,
	"UpdateBasePathMapping /stage replace":                                                            noIdentity,
	"UpdateDomainName /certificateArn add":                                                            noWord,
	"UpdateDomainName /certificateArn replace":                                                        noWord,
	"UpdateDomainName /certificateName add":                                                           noWord,
	"UpdateDomainName /certificateName replace":                                                       noWord,
	"UpdateDomainName /endpointAccessMode replace":                                                    noWord,
	"UpdateDomainName /endpointConfiguration/ipAddressType replace":                                   noWord,
	"UpdateDomainName /endpointConfiguration/types add":                                               noWord,
	"UpdateDomainName /endpointConfiguration/types replace":                                           noWord,
	"UpdateDomainName /regionalCertificateArn add":                                                    noWord,
	"UpdateDomainName /regionalCertificateArn replace":                                                noWord,
	"UpdateDomainName /regionalCertificateName add":                                                   noWord,
	"UpdateDomainName /regionalCertificateName replace":                                               noWord,
	"UpdateDomainName /ownershipVerificationCertificateArn add":                                       noWord,
	"UpdateDomainName /ownershipVerificationCertificateArn replace":                                   noWord,
	"UpdateDomainName /managementPolicy replace":                                                      noWord,
	"UpdateDomainName /policy replace":                                                                noWord,
	"UpdateDomainName /mutualTlsAuthentication/truststoreUri add":                                     noWord,
	"UpdateDomainName /mutualTlsAuthentication/truststoreUri replace":                                 noWord,
	"UpdateDomainName /mutualTlsAuthentication/truststoreVersion add":                                 noWord,
	"UpdateDomainName /mutualTlsAuthentication/truststoreVersion replace":                             noWord,
	"UpdateDomainName /routingMode replace":                                                           noWord,
	"UpdateDomainName /securityPolicy replace":                                                        noWord,
	"UpdateGatewayResponse /statusCode replace":                                                       {"x", "99", "600", "-1", "1e2"},
	"UpdateGatewayResponse /responseParameters add":                                                   noName,
	"UpdateGatewayResponse /responseParameters replace":                                               noName,
	"UpdateGatewayResponse /responseTemplates add":                                                    noName,
	"UpdateGatewayResponse /responseTemplates replace":                                                noName,
	"UpdateIntegration /connectionType replace":                                                       noWord,
	"UpdateIntegration /contentHandling replace":                                                      noWord,
	"UpdateIntegration /httpMethod replace":                                                           {"BREW", ""},
	"UpdateIntegration /passthroughBehavior replace":                                                  noWord,
	"UpdateIntegration /requestParameters add":                                                        {"nope", "method.request.nope.x", ""},
	"UpdateIntegration /responseTransferMode replace":                                                 noWord,
	"UpdateIntegration /timeoutInMillis replace":                                                      slices.Concat(noInt, []string{"49", "29001"}),
	"UpdateIntegration /tlsConfig/insecureSkipVerification replace":                                   noSwitch,
	"UpdateIntegration /uri replace":                                                                  {"", "nope", "ftp://x/", "http://", "http://x:99999/", "http://u:p@x/"},
	"UpdateIntegrationResponse /contentHandling replace":                                              noWord,
	"UpdateIntegrationResponse /responseParameters add":                                               {"nope", ""},
	"UpdateIntegrationResponse /selectionPattern replace":                                             {"(", "[a"},
	"UpdateIntegration /integrationTarget replace":                                                    noWord,
	"UpdateMethod /authorizationScopes add":                                                           noWord,
	"UpdateMethod /authorizationType replace":                                                         noWord,
	"UpdateMethod /requestModels add":                                                                 noIdentity,
	"UpdateMethod /requestValidatorId replace":                                                        noIdentity,
	"UpdateMethodResponse /responseModels add":                                                        noIdentity,
	"UpdateModel /schema replace":                                                                     {"", "{", "7"},
	"UpdateRequestValidator /name replace":                                                            noName,
	"UpdateResource /parentId replace":                                                                noIdentity,
	"UpdateResource /pathPart replace":                                                                {"", "a b", "a/b", "{a+b}"},
	"UpdateRestApi /apiKeySource replace":                                                             noWord,
	"UpdateRestApi /disableExecuteApiEndpoint replace":                                                noSwitch,
	"UpdateRestApi /endpointAccessMode replace":                                                       noWord,
	"UpdateRestApi /endpointConfiguration/ipAddressType replace":                                      noWord,
	"UpdateRestApi /endpointConfiguration/types add":                                                  noWord,
	"UpdateRestApi /endpointConfiguration/types copy":                                                 noWord,
	"UpdateRestApi /endpointConfiguration/types remove":                                               noWord,
	"UpdateRestApi /endpointConfiguration/types replace":                                              noWord,
	"UpdateRestApi /endpointConfiguration/vpcEndpointIds add":                                         noWord,
	"UpdateRestApi /endpointConfiguration/vpcEndpointIds remove":                                      noWord,
	"UpdateRestApi /minimumCompressionSize replace":                                                   slices.Concat(noInt[1:], []string{"10485761"}), // nothing turns it off
	"UpdateRestApi /name replace":                                                                     noName,
	"UpdateRestApi /policy replace":                                                                   noWord,
	"UpdateRestApi /securityPolicy replace":                                                           noWord,
	"UpdateStage /accessLogSettings/destinationArn add":                                               noName,
	"UpdateStage /accessLogSettings/destinationArn replace":                                           noName,
	"UpdateStage /accessLogSettings/format add":                                                       {"", "$context.status", "$context.requestIdentity", "a\nb $context.requestId", strings.Repeat("x", 3072) + "$context.requestId"},
	"UpdateStage /accessLogSettings/format replace":                                                   {"", "$context.status", "$context.requestId.x", "${context.requestIds}"},
	"UpdateStage /cacheClusterEnabled replace":                                                        noSwitch,
	"UpdateStage /cacheClusterSize replace":                                                           {"1", "x", "-0.5", "0,5"},
	"UpdateStage /canarySettings/deploymentId replace":                                                noIdentity,
	"UpdateStage /canarySettings/percentTraffic replace":                                              {"", "x", "-1", "100.1", "NaN", "Inf"},
	"UpdateStage /canarySettings/stageVariableOverrides replace":                                      {"", "a b", "ä"},
	"UpdateStage /canarySettings/useStageCache replace":                                               noSwitch,
	"UpdateStage /clientCertificateId replace":                                                        noIdentity,
	"UpdateStage /deploymentId copy":                                                                  noIdentity,
	"UpdateStage /deploymentId replace":                                                               noIdentity,
	"UpdateStage /documentationVersion replace":                                                       noIdentity,
	"UpdateStage /tracingEnabled replace":                                                             noSwitch,
	"UpdateStage /variables copy":                                                                     noIdentity,
	"UpdateStage /variables replace":                                                                  {"", "a b", "ä", strings.Repeat("x", 513)},
	"UpdateStage /{resourcePath}/{httpMethod}/caching/dataEncrypted replace":                          noSwitch,
	"UpdateStage /{resourcePath}/{httpMethod}/caching/enabled replace":                                noSwitch,
	"UpdateStage /{resourcePath}/{httpMethod}/caching/requireAuthorizationForCacheControl replace":    noSwitch,
	"UpdateStage /{resourcePath}/{httpMethod}/caching/ttlInSeconds replace":                           slices.Concat(noInt, []string{"3601"}),
	"UpdateStage /{resourcePath}/{httpMethod}/caching/unauthorizedCacheControlHeaderStrategy replace": noWord,
	"UpdateStage /{resourcePath}/{httpMethod}/logging/dataTrace replace":                              noSwitch,
	"UpdateStage /{resourcePath}/{httpMethod}/logging/loglevel replace":                               {"NOPE", "info", ""},
	"UpdateStage /{resourcePath}/{httpMethod}/metrics/enabled replace":                                noSwitch,
	"UpdateStage /{resourcePath}/{httpMethod}/throttling/burstLimit replace":                          noInt,
	"UpdateStage /{resourcePath}/{httpMethod}/throttling/rateLimit replace":                           noRate,
	"UpdateUsagePlan /apiStages add":                                                                  {"", "nope", "nope:nope"},
	"UpdateUsagePlan /apiStages remove":                                                               {"", "nope", "nope:nope"},
	"UpdateUsagePlan /productCode add":                                                                noWord,
	"UpdateUsagePlan /productCode replace":                                                            noWord,
	"UpdateUsagePlan /quota/limit add":                                                                noInt,
	"UpdateUsagePlan /quota/limit replace":                                                            noInt,
	"UpdateUsagePlan /quota/offset add":                                                               noInt,
	"UpdateUsagePlan /quota/offset replace":                                                           noInt,
	"UpdateUsagePlan /quota/period add":                                                               {"NOPE", "YEAR", ""},
	"UpdateUsagePlan /quota/period replace":                                                           {"NOPE", "YEAR", ""},
	"UpdateUsagePlan /throttle/burstLimit add":                                                        noInt,
	"UpdateUsagePlan /throttle/burstLimit replace":                                                    noInt,
	"UpdateUsagePlan /throttle/rateLimit add":                                                         noRate,
	"UpdateUsagePlan /throttle/rateLimit replace":                                                     noRate,
}

// anyValue are the paths whose value is free, or does not count, each with the
// reason if it is not plain text.
var anyValue = map[string]string{
	"UpdateIntegration /cacheKeyParameters replace":             "the path names it",
	"UpdateIntegration /connectionId replace":                   "what VPC links there are is checked with them",
	"UpdateIntegration /requestParameters replace":              "as add, of what is there",
	"UpdateIntegrationResponse /responseParameters replace":     "likewise",
	"UpdateMethod /requestModels replace":                       "likewise",
	"UpdateMethodResponse /responseModels replace":              "likewise",
	"UpdateMethod /authorizerId replace":                        "does not count without authorizer",
	"UpdateApiKey /enabled replace":                             "recorded: what is not true is false (test_update_api_key_invalid_enabled_type)",
	"UpdateApiKey /customerId replace":                          "",
	"UpdateApiKey /description replace":                         "",
	"UpdateApiKey /name replace":                                "",
	"UpdateBasePathMapping /basePath replace":                   "checked by TestBasePath",
	"UpdateBasePathMapping /basepath replace":                   "likewise",
	"UpdateDeployment /description replace":                     "",
	"UpdateIntegration /cacheKeyParameters add":                 "the path names it",
	"UpdateIntegration /cacheKeyParameters remove":              "likewise",
	"UpdateIntegration /cacheNamespace replace":                 "",
	"UpdateMethod /apiKeyRequired replace":                      "recorded: what is not true is false (test_update_method_validation)",
	"UpdateMethod /operationName replace":                       "",
	"UpdateMethod /requestParameters add":                       "recorded: likewise",
	"UpdateMethod /requestParameters replace":                   "recorded: likewise",
	"UpdateMethodResponse /responseParameters add":              "recorded: likewise",
	"UpdateMethodResponse /responseParameters replace":          "recorded: likewise",
	"UpdateModel /description replace":                          "",
	"UpdateRequestValidator /validateRequestBody replace":       "recorded: likewise (test_request_validator_lifecycle)",
	"UpdateRequestValidator /validateRequestParameters replace": "recorded: likewise",
	"UpdateRestApi /binaryMediaTypes add":                       "recorded: the value does not count (test_update_rest_api_behaviour)",
	"UpdateRestApi /binaryMediaTypes replace":                   "",
	"UpdateRestApi /description add":                            "",
	"UpdateRestApi /description replace":                        "",
	"UpdateStage /description replace":                          "",
	"UpdateUsagePlan /description replace":                      "",
	"UpdateUsagePlan /name replace":                             "",
	"UpdateIntegrationResponse /responseTemplates add":          "a template; those that do not parse: TestTemplates",
	"UpdateIntegrationResponse /responseTemplates replace":      "likewise",
	"UpdateIntegration /requestTemplates add":                   "likewise",
	"UpdateIntegration /requestTemplates replace":               "likewise",
}

// skipped tells whether an operation has no value.
func skipped(key string) bool {
	op := key[strings.LastIndexByte(key, ' ')+1:]
	return op == "remove" && wrongValues[key] == nil
}

// patchPaths are paths for the patterns that end in a name.
var patchPaths = map[string]string{
	"UpdateGatewayResponse /responseParameters":          "/gatewayresponse.header.X",
	"UpdateGatewayResponse /responseTemplates":           "/application~1json",
	"UpdateIntegration /requestParameters":               "/integration.request.header.X",
	"UpdateIntegrationResponse /responseParameters":      "/method.response.header.X",
	"UpdateMethod /requestModels":                        "/application~1json",
	"UpdateMethodResponse /responseModels":               "/application~1json",
	"UpdateStage /variables":                             "/v",
	"UpdateStage /canarySettings/stageVariableOverrides": "/v",
	"UpdateRestApi /endpointConfiguration/types":         "/EDGE",
}

// A wrong value is refused with AWS's code, whatever its path, and nothing is
// changed.
func TestPatchWrongValues(t *testing.T) {
	c := newClient(t)
	base := patchTargets(c)
	for _, key := range slices.Sorted(maps.Keys(listed())) {
		if _, free := anyValue[key]; free || skipped(key) {
			continue
		}
		values := wrongValues[key]
		if values == nil {
			t.Errorf("%s: is its value free? Say so in anyValue, or which are wrong in wrongValues", key)
		}
		part := strings.Fields(key)
		path := part[1] + patchPaths[part[0]+" "+part[1]]
		path = strings.ReplaceAll(path, "/{resourcePath}/{httpMethod}/", "/*/*/")
		if part[0]+part[1]+part[2] == "UpdateDomainName/endpointConfiguration/typesreplace" {
			path += "/EDGE"
		}
		for _, value := range values {
			rev := storeRev(t, c)
			ops := patch(part[2], path, value)
			if part[2] == "copy" {
				ops = []doc{{"op": "copy", "path": path, "from": "/" + value}}
			}
			got, _ := c.do(part[0], with(base[part[0]], "patchOperations", ops))["Error"].(string)
			if !strings.HasPrefix(got, "BadRequestException: ") && !strings.HasPrefix(got, "NotFoundException: ") {
				t.Errorf("%s %s %s %q = %q, want it to be refused", part[0], part[2], path, value, got)
			}
			if now := storeRev(t, c); now != rev {
				t.Errorf("%s %s %s %q: the store went from %d to %d", part[0], part[2], path, value, rev, now)
			}
		}
	}
}

// patchTargets makes one of everything, and returns how each operation names
// its own.
func patchTargets(c *client) map[string]doc {
	id, root := c.newDeployableAPI()
	dep := c.must("CreateDeployment", doc{"restApiId": id, "stageName": "prod"})["id"]
	pets := c.must("CreateResource", doc{"restApiId": id, "parentId": root, "pathPart": "pets"})["id"]
	m := doc{"restApiId": id, "resourceId": pets, "httpMethod": "PUT"}
	c.must("PutMethod", with(m, "authorizationType", "NONE"))
	c.must("PutMethodResponse", with(m, "statusCode", "200", "responseParameters", doc{"method.response.header.X": false}))
	c.must("PutIntegration", with(m, "type", "HTTP", "integrationHttpMethod", "GET", "uri", "http://127.0.0.1/"))
	c.must("PutIntegrationResponse", with(m, "statusCode", "200"))
	v := c.must("CreateRequestValidator", doc{"restApiId": id, "name": "v"})["id"]
	c.must("PutGatewayResponse", doc{"restApiId": id, "responseType": "THROTTLED", "responseParameters": doc{"gatewayresponse.header.X": "'x'"},
		"responseTemplates": doc{"application/json": "x"}})
	plan := c.must("CreateUsagePlan", doc{"name": "p", "quota": doc{"limit": 10, "period": "DAY"}, "throttle": doc{"burstLimit": 1, "rateLimit": 1}})["id"]
	key := c.must("CreateApiKey", nil)["id"]
	c.must("CreateDomainName", doc{"domainName": "d.example.com"})
	c.must("CreateBasePathMapping", doc{"domainName": "d.example.com", "restApiId": id, "stage": "prod", "basePath": "a"})
	return map[string]doc{
		"UpdateAccount":             {},
		"UpdateApiKey":              {"apiKey": key},
		"UpdateBasePathMapping":     {"domainName": "d.example.com", "basePath": "a"},
		"UpdateDeployment":          {"restApiId": id, "deploymentId": dep},
		"UpdateDomainName":          {"domainName": "d.example.com"},
		"UpdateGatewayResponse":     {"restApiId": id, "responseType": "THROTTLED"},
		"UpdateIntegration":         m,
		"UpdateIntegrationResponse": with(m, "statusCode", "200"),
		"UpdateMethod":              m,
		"UpdateMethodResponse":      with(m, "statusCode", "200"),
		"UpdateModel":               {"restApiId": id, "modelName": "Empty"},
		"UpdateRequestValidator":    {"restApiId": id, "requestValidatorId": v},
		"UpdateResource":            {"restApiId": id, "resourceId": pets},
		"UpdateRestApi":             {"restApiId": id},
		"UpdateStage":               {"restApiId": id, "stageName": "prod"},
		"UpdateUsagePlan":           {"usagePlanId": plan},
	}
}
