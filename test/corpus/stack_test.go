package corpus

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/sigv4"
)

// What CloudFormation makes. The templates are ours: they say what the
// recordings show. Where the real one was for the serverless transform, it
// names what that makes of it.
var stackReplays = []replay{
	{file: "stacks", name: "test_cfn_deploy_apigateway_integration", run: func(c *client, match func(string, doc)) {
		out := c.stack("stack-name", mockTemplate+`
  Get:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Api
      ResourceId: !Ref Part
      HttpMethod: GET
      AuthorizationType: NONE
      MethodResponses:
      - StatusCode: 200
        ResponseParameters: {method.response.header.Access-Control-Allow-Headers: true, method.response.header.Access-Control-Allow-Methods: true, method.response.header.Access-Control-Allow-Origin: true}
      Integration:
        Type: HTTP_PROXY
        IntegrationHttpMethod: GET
        Uri: http://www.example.com
        IntegrationResponses:
        - StatusCode: 200
          ResponseParameters:
            method.response.header.Access-Control-Allow-Headers: "'Content-Type,X-Amz-Date,Authorization,X-Api-Key,X-Amz-Security-Token,X-Amz-User-Agent,X-Amzn-Trace-Id'"
            method.response.header.Access-Control-Allow-Methods: "'OPTIONS,GET,POST'"
            method.response.header.Access-Control-Allow-Origin: "'*'"
`, "Name", "Api")
		match("rest_api", c.do("GetRestApi", doc{"restApiId": out["Api"]}))
		match("method", c.do("GetMethod", doc{"restApiId": out["Api"], "resourceId": out["Part"], "httpMethod": "GET"}))
	}},
	{file: "stacks", name: "test_api_gateway_with_policy_as_dict", run: func(c *client, match func(string, doc)) {
		out := c.stack("stack-name", `
Resources:
  MyApi:
    Type: AWS::ApiGateway::RestApi
    Properties:
      Name: policed
      Policy: {Version: "2012-10-17", Statement: [{Sid: AllowInvokeAPI, Action: "*", Effect: Allow, Principal: {AWS: "*"}, Resource: "*"}]}
Outputs:
  Api: {Value: !Ref MyApi}
`)
		api := c.do("GetRestApi", doc{"restApiId": out["Api"]})
		policy, err := strconv.Unquote(`"` + api["policy"].(string) + `"`)
		if err != nil {
			c.stop("policy %v: %v", api["policy"], err)
		}
		api["policy"] = policy
		match("rest-api", api)
	}},
	{file: "stacks", name: "test_cfn_deploy_apigateway_from_s3_swagger", run: func(c *client, match func(string, doc)) {
		c.setObject("swagger-template-pets.json", document(c.t, "pets.json"))
		out := c.stack("stack-name", `
Resources:
  ApiGatewayRestApi:
    Type: AWS::ApiGateway::RestApi
    Properties:
      BodyS3Location: {Bucket: !Sub "bucket-${AWS::AccountId}", Key: swagger-template-pets.json}
      BinaryMediaTypes: [image/png, image/jpg, image/gif, application/pdf]
      EndpointConfiguration: {Types: [REGIONAL]}
Outputs:
  Api: {Value: !Ref ApiGatewayRestApi}
`)
		api := c.do("GetRestApi", doc{"restApiId": out["Api"]})
		sortTexts(api["binaryMediaTypes"])
		match("rest-api", api)
		match("resources", byPath(c.do("GetResources", doc{"restApiId": out["Api"]})))
	}},
	{file: "stacks", name: "test_cfn_deploy_apigateway_models", run: func(c *client, match func(string, doc)) {
		out := c.stack("models", modelsTemplate)
		in := doc{"restApiId": out["Api"]}
		match("get-resources", byPath(c.do("GetResources", in)))
		match("get-models", byNames(c.do("GetModels", in)))
		match("get-request-validators", c.do("GetRequestValidators", in))
		match("get-method-any", c.do("GetMethod", with(in, "resourceId", out["Part"], "httpMethod", "ANY")))
		for _, call := range []struct {
			verb, body string
			status     int
		}{
			{"POST", `{"string_field": "string", "integer_field": 123456789}`, 200}, {"POST", `{"string_field": "string"}`, 400}, {"GET", "", 400},
		} {
			if a := c.invoke(call.verb, out["Api"]+"/local/validated", call.body, "Content-Type: application/json"); a.status != call.status {
				c.stop("%s %s = %d, asserted %d", call.verb, call.body, a.status, call.status)
			}
		}
	}},
	{file: "stacks", name: "test_cfn_with_apigateway_resources", run: func(c *client, match func(string, doc)) {
		out := c.stack("celeste", accountTemplate)
		match("get-method-post", c.do("GetMethod", doc{"restApiId": out["Api"], "resourceId": out["Part"], "httpMethod": "POST"}))
		match("get-models", byNames(c.do("GetModels", doc{"restApiId": out["Api"]})))
	}},
	{file: "stacks", name: "test_rest_api_serverless_ref_resolving", run: func(c *client, match func(string, doc)) {
		out := c.stack("serverless", resolvedTemplate)
		in := doc{"restApiId": out["Api"]}
		resources := c.do("GetResources", in)
		match("get-resources", resources)
		match("get-authorizers", c.do("GetAuthorizers", in))
		for _, verb := range []string{"GET", "OPTIONS"} {
			match("get-method-"+verb, c.do("GetMethod", with(in, "resourceId", resources["items"].([]any)[0].(doc)["id"], "httpMethod", verb)))
		}
	}},
	{file: "stacks", name: "test_update_usage_plan", run: func(c *client, match func(string, doc)) {
		const template = mockTemplate + mockMethod + `
  UsagePlan:
    Type: AWS::ApiGateway::UsagePlan
    DependsOn: [Stage]
    Properties:
      UsagePlanName: plan
      ApiStages: [{ApiId: !Ref Api, Stage: !Ref Stage}]
      Quota: {Limit: !Ref Limit, Period: MONTH}
      Tags: [{Key: test, Value: !Ref Tag}, {Key: test2, Value: hardcoded}]
`
		out := c.stack("plans", template, "Limit", "5000", "Tag", "value1")
		match("usage-plan", c.do("GetUsagePlan", doc{"usagePlanId": c.physicalID("plans", "UsagePlan")}))
		if again := c.stack("plans", template, "Limit", "7000", "Tag", "value-updated"); again["Api"] != out["Api"] {
			c.stop("the update made another API")
		}
		match("updated-usage-plan", c.do("GetUsagePlan", doc{"usagePlanId": c.physicalID("plans", "UsagePlan")}))
	}},
	{file: "stacks", name: "test_update_apigateway_stage", run: func(c *client, match func(string, doc)) {
		const template = mockTemplate + `
  Method:
    Type: AWS::ApiGateway::Method
    Properties: {RestApiId: !Ref Api, ResourceId: !Ref Part, HttpMethod: !Ref Verb, AuthorizationType: NONE, Integration: {Type: MOCK}}
  Deployment:
    Type: AWS::ApiGateway::Deployment
    DependsOn: [Method]
    Properties: {RestApiId: !Ref Api}
  Stage:
    Type: AWS::ApiGateway::Stage
    Properties: {RestApiId: !Ref Api, StageName: dev, DeploymentId: !Ref Deployment}
`
		out := c.stack("stages", template, "Verb", "GET")
		stage := doc{"restApiId": out["Api"], "stageName": "dev"}
		match("created-stage", c.do("GetStage", stage))
		c.stack("stages", template, "Verb", "POST")
		match("updated-stage", c.do("GetStage", stage))
	}},
	{file: "stacks", name: "test_cfn_apigateway_swagger_import", run: func(c *client, match func(string, doc)) {
		out := c.stack("imported", `
Resources:
  Api:
    Type: AWS::ApiGateway::RestApi
    Properties:
      Name: imported
      Body:
        swagger: "2.0"
        info: {version: "1.0", title: Public API}
        basePath: /base
        schemes: [https]
        x-amazon-apigateway-binary-media-types: ["*/*"]
        paths:
          /test: {post: {responses: {}, x-amazon-apigateway-integration: {uri: "http://127.0.0.1:1/post", httpMethod: POST, type: http_proxy}}}
Outputs:
  Api: {Value: !Ref Api}
`)
		match("imported-api", listed(c.do("GetRestApi", doc{"restApiId": out["Api"]})))
	}},
	{file: "stacks", name: "test_cfn_apigateway_rest_api", run: func(c *client, match func(string, doc)) {
		out := c.stack("demo", `
Resources:
  Demo:
    Type: AWS::ApiGateway::RestApi
    Properties: {Name: DemoApi_dev, BinaryMediaTypes: [image/jpg, image/png]}
Outputs:
  Api: {Value: !Ref Demo}
`)
		match("rest-api", listed(c.do("GetRestApi", doc{"restApiId": out["Api"]})))
	}},
	{file: "stacks", name: "test_apigateway_deployment_canary_settings", run: func(c *client, match func(string, doc)) {
		out := c.stack("canary", canaryTemplate)
		match("get-stages", c.do("GetStages", doc{"restApiId": out["Api"]}))
		deployments := c.do("GetDeployments", doc{"restApiId": out["Api"]})
		sortBy(deployments["items"], "description")
		match("get-deployments", deployments)
	}},
	{file: "stacks", name: "test_serverless_like_deployment_stage_survives_update", run: func(c *client, match func(string, doc)) {
		deployed := func(name string) string {
			return mockTemplate + mockMethodOnly + `
  ` + name + `:
    Type: AWS::ApiGateway::Deployment
    DependsOn: [Any]
    Properties: {RestApiId: !Ref Api, StageName: local}
`
		}
		out := c.stack("sls", deployed("DeploymentOne"))
		in := doc{"restApiId": out["Api"]}
		match("stages-after-create", c.do("GetStages", in))
		c.stack("sls", deployed("DeploymentTwo"))
		match("stages-after-update", c.do("GetStages", in))
		match("deployments-after-update", c.do("GetDeployments", in))
	}},
	{file: "stacks", name: "test_apigateway_stage_with_access_log_settings", run: func(c *client, match func(string, doc)) {
		out := c.stack("logged", mockTemplate+mockMethodOnly+`
  Deployment:
    Type: AWS::ApiGateway::Deployment
    DependsOn: [Any]
    Properties: {RestApiId: !Ref Api}
  TestStage:
    Type: AWS::ApiGateway::Stage
    Properties:
      RestApiId: !Ref Api
      StageName: test
      Description: test stage description
      DeploymentId: !Ref Deployment
      AccessLogSetting:
        DestinationArn: !Sub "arn:aws:logs:${AWS::Region}:${AWS::AccountId}:log-group:stages"
        Format: >-
          $context.extendedRequestId $context.identity.sourceIp $context.identity.caller $context.identity.user
          [$context.requestTime] "$context.httpMethod $context.resourcePath $context.protocol" $context.status
          $context.responseLength $context.requestId
`)
		match("get-stages", c.do("GetStages", doc{"restApiId": out["Api"]}))
	}},
	{file: "lambda_cfn", name: "test_scenario_validate_infra", run: func(c *client, match func(string, doc)) {
		out := c.stack("infra", mockTemplate+mockMethod)
		match("resources", doc{"ApiId": out["Api"], "restapiEndpointC67DEFEA": out["Endpoint"]})
	}},
}

// mockTemplate has an API with one resource; more resources can be put behind
// it.
const mockTemplate = `
Parameters:
  Name: {Type: String, Default: mock}
  Limit: {Type: Number, Default: 1}
  Tag: {Type: String, Default: none}
  Verb: {Type: String, Default: GET}
Outputs:
  Api: {Value: !Ref Api}
  Part: {Value: !Ref Part}
  Endpoint: {Value: !Sub "https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}/prod/"}
Resources:
  Api:
    Type: AWS::ApiGateway::RestApi
    Properties: {Name: !Ref Name}
  Part:
    Type: AWS::ApiGateway::Resource
    Properties: {RestApiId: !Ref Api, ParentId: !GetAtt Api.RootResourceId, PathPart: test}`

// mockMethodOnly gives it a method, mockMethod also a stage.
const (
	mockMethodOnly = `
  Any:
    Type: AWS::ApiGateway::Method
    Properties: {RestApiId: !Ref Api, ResourceId: !Ref Part, HttpMethod: ANY, AuthorizationType: NONE, Integration: {Type: MOCK}}`
	mockMethod = mockMethodOnly + `
  Deployment:
    Type: AWS::ApiGateway::Deployment
    DependsOn: [Any]
    Properties: {RestApiId: !Ref Api}
  Stage:
    Type: AWS::ApiGateway::Stage
    Properties: {RestApiId: !Ref Api, StageName: prod, DeploymentId: !Ref Deployment}`
)

const modelsTemplate = `
Resources:
  Api:
    Type: AWS::ApiGateway::RestApi
    Properties: {Name: validated}
  Part:
    Type: AWS::ApiGateway::Resource
    Properties: {RestApiId: !Ref Api, ParentId: !GetAtt Api.RootResourceId, PathPart: validated}
  Model:
    Type: AWS::ApiGateway::Model
    Properties:
      RestApiId: !Ref Api
      Name: Fields
      ContentType: application/json
      Schema:
        $schema: http://json-schema.org/draft-04/schema#
        title: Fields
        type: object
        properties: {integer_field: {type: number}, string_field: {type: string}}
        required: [string_field, integer_field]
  Validator:
    Type: AWS::ApiGateway::RequestValidator
    Properties: {RestApiId: !Ref Api, Name: bodies, ValidateRequestBody: true, ValidateRequestParameters: false}
  Method:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Api
      ResourceId: !Ref Part
      HttpMethod: ANY
      AuthorizationType: NONE
      RequestModels: {application/json: !Ref Model}
      RequestValidatorId: !Ref Validator
      MethodResponses: [{StatusCode: 200}]
      Integration:
        Type: MOCK
        PassthroughBehavior: NEVER
        RequestTemplates: {application/json: '{"statusCode": 200}'}
        IntegrationResponses: [{StatusCode: 200}]
  Deployment:
    Type: AWS::ApiGateway::Deployment
    DependsOn: [Method]
    Properties: {RestApiId: !Ref Api}
  Stage:
    Type: AWS::ApiGateway::Stage
    Properties: {RestApiId: !Ref Api, StageName: local, DeploymentId: !Ref Deployment}
Outputs:
  Api: {Value: !Ref Api}
  Part: {Value: !Ref Part}
`

const accountTemplate = `
Resources:
  Api:
    Type: AWS::ApiGateway::RestApi
    Properties: {Name: celeste-Gateway-local}
  Part:
    Type: AWS::ApiGateway::Resource
    Properties: {RestApiId: !Ref Api, ParentId: !GetAtt Api.RootResourceId, PathPart: account}
  Create:
    Type: AWS::ApiGateway::Model
    Properties:
      RestApiId: !Ref Api
      Name: GatewayAccount
      ContentType: application/json
      Schema:
        $schema: http://json-schema.org/draft-04/schema#
        title: AccountCreate
        type: object
        properties: {field: {type: string}, email: {format: email, type: string}}
  Nothing:
    Type: AWS::ApiGateway::Model
    Properties: {RestApiId: !Ref Api, Name: GatewayNothing, ContentType: application/json, Schema: {}}
  Post:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Api
      ResourceId: !Ref Part
      HttpMethod: POST
      OperationName: create_account
      AuthorizationType: NONE
      RequestParameters: {method.request.path.account: true}
      MethodResponses:
      - {StatusCode: 202, ResponseModels: {application/json: !Ref Nothing}}
      - {StatusCode: 500, ResponseModels: {application/json: !Ref Nothing}}
      Integration:
        Type: MOCK
        PassthroughBehavior: WHEN_NO_TEMPLATES
        RequestTemplates: {application/json: !Ref Create}
        IntegrationResponses:
        - StatusCode: 202
          SelectionPattern: '2\d{2}'
          ResponseTemplates: {application/json: '{"operation": "celeste_account_create", "data": {"key": "123e4567-e89b-12d3-a456-426614174000", "secret": "123e4567-e89b-12d3-a456-426614174000"}}'}
        - {StatusCode: 404, SelectionPattern: "404", ResponseTemplates: {application/json: '{"message": "Not Found"}'}}
        - {StatusCode: 500, SelectionPattern: '5\d{2}', ResponseTemplates: {application/json: '{"message": "Unknown Error"}'}}
Outputs:
  Api: {Value: !Ref Api}
  Part: {Value: !Ref Part}
`

const resolvedTemplate = `
Resources:
  Api:
    Type: AWS::ApiGateway::RestApi
    Properties:
      Name: resolved
      Body:
        openapi: 3.0.1
        info: {title: resolved, version: "1.0"}
        paths:
          /:
            get:
              x-amazon-apigateway-integration:
                type: aws_proxy
                httpMethod: POST
                uri: !Sub "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:corpus-echo/invocations"
            options:
              responses:
                "200":
                  description: cors
                  headers:
                    Access-Control-Allow-Credentials: {schema: {type: string}}
                    Access-Control-Allow-Headers: {schema: {type: string}}
                    Access-Control-Allow-Methods: {schema: {type: string}}
                    Access-Control-Allow-Origin: {schema: {type: string}}
              x-amazon-apigateway-integration:
                type: mock
                requestTemplates: {application/json: '{"statusCode": 200}'}
                responses:
                  default:
                    statusCode: "200"
                    responseTemplates: {application/json: "{}"}
                    responseParameters:
                      method.response.header.Access-Control-Allow-Credentials: "'true'"
                      method.response.header.Access-Control-Allow-Headers: "'Content-Type,Authorization,x-test-header'"
                      method.response.header.Access-Control-Allow-Methods: "'OPTIONS,POST,GET,PUT'"
                      method.response.header.Access-Control-Allow-Origin: "'http://localhost:8000'"
        components:
          securitySchemes:
            functions:
              type: apiKey
              name: Authorization
              in: header
              x-amazon-apigateway-authtype: custom
              x-amazon-apigateway-authorizer:
                type: token
                authorizerUri: !Sub "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:corpus-echo/invocations"
Outputs:
  Api: {Value: !Ref Api}
`

const canaryTemplate = mockTemplate + mockMethodOnly + `
  Deployment:
    Type: AWS::ApiGateway::Deployment
    DependsOn: [Any]
    Properties: {RestApiId: !Ref Api, Description: basic deployment}
  Stage:
    Type: AWS::ApiGateway::Stage
    Properties: {RestApiId: !Ref Api, StageName: prod, DeploymentId: !Ref Deployment, Variables: {lambdaAlias: Prod}}
  Canary:
    Type: AWS::ApiGateway::Deployment
    Properties:
      RestApiId: !Ref Api
      StageName: !Ref Stage
      Description: canary description
      DeploymentCanarySettings: {PercentTraffic: 50, StageVariableOverrides: {lambdaAlias: Dev}, UseStageCache: false}
`

// listed is an API as a member of a list.
func listed(api doc) doc {
	delete(api, "$")
	return api
}

func sortTexts(list any) {
	slices.SortFunc(list.([]any), func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
}

func sortBy(list any, member string) {
	slices.SortFunc(list.([]any), func(a, b any) int { return strings.Compare(a.(doc)[member].(string), b.(doc)[member].(string)) })
}

func byPath(out doc) doc  { sortBy(out["items"], "path"); return out }
func byNames(out doc) doc { sortBy(out["items"], "name"); return out }

// stackTime bounds the wait for a stack.
const stackTime = 2 * time.Minute

// stack makes or changes a stack and returns its outputs.
func (c *client) stack(name, template string, parameters ...string) map[string]string {
	in := url.Values{"StackName": {name}, "TemplateBody": {template}}
	for i := 0; i < len(parameters); i += 2 {
		at := "Parameters.member." + strconv.Itoa(i/2+1)
		in.Set(at+".ParameterKey", parameters[i])
		in.Set(at+".ParameterValue", parameters[i+1])
	}
	action := "CreateStack"
	if _, status := c.cloudFormation("DescribeStacks", url.Values{"StackName": {name}}); status == http.StatusOK {
		action = "UpdateStack"
	}
	if body, status := c.cloudFormation(action, in); status != http.StatusOK {
		c.stop("%s: %s", action, body)
	}
	tick, end := time.NewTicker(20*time.Millisecond), time.After(stackTime)
	defer tick.Stop()
	for {
		var out struct {
			Status  string `xml:"DescribeStacksResult>Stacks>member>StackStatus"`
			Reason  string `xml:"DescribeStacksResult>Stacks>member>StackStatusReason"`
			Outputs []struct {
				Key   string `xml:"OutputKey"`
				Value string `xml:"OutputValue"`
			} `xml:"DescribeStacksResult>Stacks>member>Outputs>member"`
		}
		body, _ := c.cloudFormation("DescribeStacks", url.Values{"StackName": {name}})
		if err := xml.Unmarshal(body, &out); err != nil {
			c.stop("DescribeStacks: %v: %s", err, body)
		}
		switch out.Status {
		case "CREATE_COMPLETE", "UPDATE_COMPLETE":
			values := map[string]string{}
			for _, o := range out.Outputs {
				values[o.Key] = o.Value
			}
			return values
		case "CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS":
		default:
			events, _ := c.cloudFormation("DescribeStackEvents", url.Values{"StackName": {name}})
			c.stop("stack %s: %s %s\n%s", name, out.Status, out.Reason, events)
		}
		select {
		case <-tick.C:
		case <-end:
			c.stop("stack %s is still %s", name, out.Status)
		}
	}
}

// physicalID is what a resource of a stack is called.
func (c *client) physicalID(stack, logicalID string) string {
	var out struct {
		ID string `xml:"DescribeStackResourceResult>StackResourceDetail>PhysicalResourceId"`
	}
	body, _ := c.cloudFormation("DescribeStackResource", url.Values{"StackName": {stack}, "LogicalResourceId": {logicalID}})
	if err := xml.Unmarshal(body, &out); err != nil || out.ID == "" {
		c.stop("DescribeStackResource: %v: %s", err, body)
	}
	return out.ID
}

// cloudFormation makes one call and returns the answer with its status.
func (c *client) cloudFormation(action string, in url.Values) ([]byte, int) {
	form := url.Values{"Action": {action}, "Version": {"2010-05-15"}}
	for key, value := range in {
		form[key] = value
	}
	body := form.Encode()
	req, err := http.NewRequest(http.MethodPost, c.server.Endpoint()+"/", strings.NewReader(body))
	if err != nil {
		c.stop("%v", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sigv4.Sign(req, []byte(body), sigv4.Key{AccessKey: c.account, SecretKey: "any"}, sigv4.Target{Region: testRegion, Service: "cloudformation"}, time.Now())
	resp, err := c.http.Do(req)
	if err != nil {
		c.stop("%s: %v", action, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		c.stop("%s: %v", action, err)
	}
	return answer, resp.StatusCode
}
