package apigateway

import (
	"encoding/json"
	"strings"
	"testing"
)

// Each extension of REST APIs, as an import understands it: what it sets is
// kept, where others read it, and what would not act is refused by name.
//
// AWS: openapi.md §1; the list is that of aws-surface.md.
func TestEveryExtension(t *testing.T) {
	const mock = `"x-amazon-apigateway-integration": {"type": "mock"}`
	http := func(more string) string {
		return `"x-amazon-apigateway-integration": {"type": "http_proxy", "httpMethod": "GET", "uri": "http://127.0.0.1/"` + more + `}`
	}
	lambda := `"x-amazon-apigateway-integration": {"type": "aws_proxy", "httpMethod": "POST", "uri": "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:000000000000:function:f/invocations"`
	scheme := func(more string) string {
		return `"securityDefinitions": {"s": {"type": "apiKey", "name": "A", "in": "header", ` + more + `}}`
	}
	authorizer := func(more string) string {
		return scheme(`"x-amazon-apigateway-authtype": "custom", "x-amazon-apigateway-authorizer": {` + more + `}`)
	}
	function := `"type": "token", "authorizerUri": "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:000000000000:function:f/invocations"`
	tests := []struct {
		name, root, method string // of the document and of its method
		read               string // the operation that shows what was set
		want               string // in its answer, or in the refusal
	}{
		{"any-method", `"paths": {"/x": {"x-amazon-apigateway-any-method": {` + mock + `}}}`, "", "GetResources", `"ANY":{`},
		{"api-key-source", `"x-amazon-apigateway-api-key-source": "AUTHORIZER"`, "", "GetRestApi", `"apiKeySource":"AUTHORIZER"`},
		{"api-key-source, another", `"x-amazon-apigateway-api-key-source": "COOKIE"`, "", "", "Invalid API key source specified"},
		{"auth", "", `"x-amazon-apigateway-auth": {"type": "aws_iam"}`, "GetMethod", `"authorizationType":"AWS_IAM"`},
		{"authtype awsSigv4", scheme(`"x-amazon-apigateway-authtype": "awsSigv4"`), `"security": [{"s": []}]`, "GetMethod", `"authorizationType":"AWS_IAM"`},
		{"authorizer", authorizer(function + `, "identityValidationExpression": "^x", "authorizerResultTtlInSeconds": 7`), `"security": [{"s": []}]`, "GetAuthorizers",
			`"authorizerResultTtlInSeconds":7`},
		{"authorizer of a method", authorizer(function), `"security": [{"s": []}]`, "GetMethod", `"authorizationType":"CUSTOM"`},
		{"authorizer, another type", authorizer(`"type": "jwt"`), `"security": [{"s": []}]`, "", "Unsupported authorizer type 'jwt' for 's'"},
		{"authorizer, credentials of the caller", authorizer(function + `, "authorizerCredentials": "arn:aws:iam::*:user/*"`), "", "", "Invalid ARN specified in the request"},
		{"authorizer, user pools", authorizer(`"type": "cognito_user_pools", "providerARNs": ["arn:aws:cognito-idp:eu-west-1:000000000000:userpool/p"]`), "", "GetAuthorizers",
			`"type":"COGNITO_USER_POOLS"`},
		{"binary-media-types", `"x-amazon-apigateway-binary-media-types": ["image/png"]`, "", "GetRestApi", `"binaryMediaTypes":["image/png"]`},
		{"documentation", `"x-amazon-apigateway-documentation": {"version": "1", "documentationParts": [{"location": {"type": "API"}, "properties": {"a": 1}}]}`, "", "GetDocumentationParts", `"type":"API"`},
		{"endpoint-access-mode", `"x-amazon-apigateway-endpoint-access-mode": "STRICT"`, "", "", "Gatehouse does not support endpointAccessMode"},
		{"endpoint-access-mode, inert", `"x-amazon-apigateway-endpoint-access-mode": "BASIC"`, "", "GetRestApi", `"endpointAccessMode":"BASIC"`},
		{"endpoint-configuration", `"x-amazon-apigateway-endpoint-configuration": {"disableExecuteApiEndpoint": true}`, "", "GetRestApi", `"disableExecuteApiEndpoint":true`},
		{"endpoint-configuration of no private API", `"x-amazon-apigateway-endpoint-configuration": {"vpcEndpointIds": ["vpce-1"]}`, "", "", "Only APIs with the endpoint type PRIVATE"},
		{"gateway-responses", `"x-amazon-apigateway-gateway-responses": {"DEFAULT_4XX": {"statusCode": 418}}`, "", "GetGatewayResponses", `"statusCode":"418"`},
		{"gateway-responses, another type", `"x-amazon-apigateway-gateway-responses": {"TEAPOT": {}}`, "", "", "Invalid gateway response type specified"},
		{"integration", "", http(`, "timeoutInMillis": 60`), "GetIntegration", `"timeoutInMillis":60`},
		{"integration, another type", "", `"x-amazon-apigateway-integration": {"type": "ftp"}`, "", "malformed integration"},
		{"integration, contentHandling", "", http(`, "contentHandling": "convert_to_text"`), "GetIntegration", `"contentHandling":"CONVERT_TO_TEXT"`},
		{"integration, credentials of nobody", "", lambda + `, "credentials": "arn:aws:iam::*:user/*"}`, "", "need a method with the authorization type AWS_IAM"},
		{"integration, credentials of the caller", "", `"x-amazon-apigateway-auth": {"type": "AWS_IAM"}, ` + lambda + `, "credentials": "arn:aws:iam::*:user/*"}`, "GetIntegration",
			`"credentials":"arn:aws:iam::*:user/*"`},
		{"integration, integrationTarget", "", http(`, "connectionType": "VPC_LINK", "connectionId": "x", "integrationTarget": "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/x/1"`),
			"GetMethod", `"integrationTarget":"arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/x/1"`},
		{"integration, integrationTarget without a link", "", http(`, "integrationTarget": "arn:x"`), "", "integrationTarget is only supported for integrations with the connection type VPC_LINK"},
		{"integration, integrationTarget of another kind", "", http(`, "connectionType": "VPC_LINK", "connectionId": "x", "integrationTarget": "arn:x"`), "", "Invalid integrationTarget specified"},
		{"integration, responseTransferMode", "", http(`, "responseTransferMode": "STREAM"`), "GetIntegration", `"responseTransferMode":"STREAM"`},
		{"integration, tlsConfig", "", http(`, "tlsConfig": {"insecureSkipVerification": true}`), "GetIntegration", `"insecureSkipVerification":true`},
		{"integration, VPC link", "", http(`, "connectionType": "VPC_LINK", "connectionId": "${stageVariables.link}"`), "GetIntegration", `"connectionType":"VPC_LINK"`},
		{"minimum-compression-size", `"x-amazon-apigateway-minimum-compression-size": 9`, "", "GetRestApi", `"minimumCompressionSize":9`},
		{"minimum-compression-size, too much", `"x-amazon-apigateway-minimum-compression-size": 10485761`, "", "", "Invalid minimum compression size"},
		{"policy", `"x-amazon-apigateway-policy": {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"}]}`, "",
			"GetRestApi", `arn:aws:execute-api:eu-west-1:111111111111:`},
		{"policy, none", `"x-amazon-apigateway-policy": {"Version": "2012-10-17", "Statement": [{"Effect": "Perhaps"}]}`, "", "", "Invalid policy document"},
		{"policy, of no kind", `"x-amazon-apigateway-policy": [1]`, "", "", "Invalid policy document"},
		{"request-validators", `"x-amazon-apigateway-request-validators": {"all": {"validateRequestBody": true}}, "x-amazon-apigateway-request-validator": "all"`, "", "GetRequestValidators",
			`"validateRequestBody":true`},
		{"request-validator of a method", `"x-amazon-apigateway-request-validators": {"all": {"validateRequestBody": true}}`, `"x-amazon-apigateway-request-validator": "all"`, "GetMethod", `"requestValidatorId":"`},
		{"security-policy", `"x-amazon-apigateway-security-policy": "SecurityPolicy_TLS13_1_3_2025_09"`, "", "", "Gatehouse does not support securityPolicy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t)
			text := `{"swagger": "2.0", "info": {"title": "x", "version": "1"}`
			if !strings.Contains(tt.root, `"paths"`) {
				method := tt.method
				if !strings.Contains(method, "apigateway-integration\"") {
					method = strings.TrimPrefix(method+", ", ", ") + mock
				}
				text += `, "paths": {"/x": {"get": {` + method + `}}}`
			}
			if tt.root != "" {
				text += ", " + tt.root
			}
			text += "}"
			if !json.Valid([]byte(text)) {
				t.Fatalf("no JSON: %s", text)
			}
			in := doc{"body": text}
			if tt.read == "" {
				if got, _ := c.do("ImportRestApi", in)["Error"].(string); !strings.Contains(got, tt.want) {
					t.Errorf("%s: %q, want %q", text, got, tt.want)
				}
				if left := c.must("GetRestApis", nil)["items"]; left != nil && len(left.([]any)) != 0 {
					t.Errorf("an import that was refused left %v", left)
				}
				return
			}
			api := c.must("ImportRestApi", in)
			args := doc{"restApiId": api["id"]}
			if tt.read == "GetMethod" || tt.read == "GetIntegration" {
				for _, r := range c.must("GetResources", args)["items"].([]any) {
					if r.(doc)["path"] == "/x" {
						args["resourceId"] = r.(doc)["id"]
					}
				}
				args["httpMethod"] = "GET"
			}
			if tt.read == "GetResources" {
				args["embed"] = []string{"methods"}
			}
			got, err := json.Marshal(c.must(tt.read, args))
			if err != nil || !strings.Contains(string(got), tt.want) {
				t.Errorf("%s of %s: %s, want %s", tt.read, text, got, tt.want)
			}
		})
	}
}
