const cdk = require("aws-cdk-lib");
const lambda = require("aws-cdk-lib/aws-lambda");
const apigw = require("aws-cdk-lib/aws-apigateway");
const v2 = require("aws-cdk-lib/aws-apigatewayv2");
const { HttpLambdaIntegration, HttpUrlIntegration, WebSocketLambdaIntegration } = require("aws-cdk-lib/aws-apigatewayv2-integrations");
const { HttpLambdaAuthorizer, HttpJwtAuthorizer, HttpIamAuthorizer, HttpLambdaResponseType, WebSocketLambdaAuthorizer } = require("aws-cdk-lib/aws-apigatewayv2-authorizers");

const app = new cdk.App();
const stack = new cdk.Stack(app, "pets", {
  env: { account: process.env.CDK_DEFAULT_ACCOUNT, region: process.env.CDK_DEFAULT_REGION },
  tags: { team: "pets" },
});

const fn = (id, code) => new lambda.Function(stack, id, { runtime: lambda.Runtime.PYTHON_3_12, handler: "index.handler", code });
const hello = fn("Hello", lambda.Code.fromAsset("hello"));
const auth = fn("Auth", lambda.Code.fromInline(`
def handler(event, context):
    if event.get("version") == "2.0":
        return {"isAuthorized": event["headers"].get("x-key") == "open"}
    effect = "Allow" if event.get("authorizationToken") == "open" else "Deny"
    return {"principalId": "ann", "policyDocument": {"Version": "2012-10-17", "Statement": [
        {"Action": "execute-api:Invoke", "Effect": effect, "Resource": "*"}]}}
`));

const small = new apigw.LambdaRestApi(stack, "Small", { handler: hello });

const rest = new apigw.RestApi(stack, "Rest", {
  deployOptions: { stageName: "live", throttlingRateLimit: 100, throttlingBurstLimit: 50, variables: { kind: "beasts" } },
  defaultCorsPreflightOptions: { allowOrigins: ["https://example.com"] },
});
const pets = rest.root.addResource("pets");
pets.addMethod("GET", new apigw.LambdaIntegration(hello), {
  authorizer: new apigw.TokenAuthorizer(stack, "Token", { handler: auth }),
});
const model = rest.addModel("Pet", { contentType: "application/json", schema: { type: apigw.JsonSchemaType.OBJECT, required: ["name"] } });
pets.addMethod("POST", new apigw.MockIntegration({
  requestTemplates: { "application/json": '{"statusCode": 200}' },
  integrationResponses: [{ statusCode: "200", responseTemplates: { "application/json": '{"made": true}' } }],
}), {
  apiKeyRequired: true,
  requestModels: { "application/json": model },
  requestValidatorOptions: { validateRequestBody: true },
  methodResponses: [{ statusCode: "200" }],
});
const key = rest.addApiKey("Key", { value: "0123456789abcdefghijklmn" });
const plan = rest.addUsagePlan("Plan", { throttle: { rateLimit: 10, burstLimit: 5 }, quota: { limit: 1000, period: apigw.Period.DAY } });
plan.addApiKey(key);
plan.addApiStage({ stage: rest.deploymentStage });
rest.addGatewayResponse("Missing", { type: apigw.ResponseType.MISSING_AUTHENTICATION_TOKEN, statusCode: "404" });

const spec = new apigw.SpecRestApi(stack, "Spec", {
  apiDefinition: apigw.ApiDefinition.fromInline({
    openapi: "3.0.1", info: { title: "spec", version: "1.0" },
    paths: { "/one": { get: {
      responses: { 200: { description: "ok" } },
      "x-amazon-apigateway-integration": { type: "mock", requestTemplates: { "application/json": '{"statusCode": 200}' },
        responses: { default: { statusCode: "200", responseTemplates: { "application/json": '{"from": "spec"}' } } } },
    } } },
  }),
});
const asset = new apigw.SpecRestApi(stack, "Asset", { apiDefinition: apigw.ApiDefinition.fromAsset("api.json") });

const http = new v2.HttpApi(stack, "Http", { corsPreflight: { allowOrigins: ["https://example.com"], allowMethods: [v2.CorsHttpMethod.GET] } });
const open = new HttpLambdaAuthorizer("Open", auth, { responseTypes: [HttpLambdaResponseType.SIMPLE], identitySource: ["$request.header.x-key"] });
http.addRoutes({ path: "/pets", methods: [v2.HttpMethod.GET], integration: new HttpLambdaIntegration("Pets", hello), authorizer: open });
http.addRoutes({ path: "/jwt", methods: [v2.HttpMethod.GET], integration: new HttpUrlIntegration("Url", "https://example.com/"), authorizer: new HttpJwtAuthorizer("Jwt", "https://issuer.example.com", { jwtAudience: ["pets"] }) });
http.addRoutes({ path: "/iam", methods: [v2.HttpMethod.GET], integration: new HttpLambdaIntegration("Iam", hello), authorizer: new HttpIamAuthorizer() });

const chat = new v2.WebSocketApi(stack, "Chat", {
  connectRouteOptions: { integration: new WebSocketLambdaIntegration("Connect", hello), authorizer: new WebSocketLambdaAuthorizer("Ws", auth, { identitySource: ["route.request.header.Authorization"] }) },
});
chat.addRoute("send", { integration: new WebSocketLambdaIntegration("Send", hello), returnResponse: true });
const stage = new v2.WebSocketStage(stack, "ChatStage", { webSocketApi: chat, stageName: "live", autoDeploy: true });
stage.grantManagementApiAccess(hello);

for (const [name, api] of Object.entries({ SmallId: small, RestId: rest, SpecId: spec, AssetId: asset })) new cdk.CfnOutput(stack, name, { value: api.restApiId });
new cdk.CfnOutput(stack, "HttpId", { value: http.apiId });
new cdk.CfnOutput(stack, "ChatId", { value: chat.apiId });
if (process.env.MORE) new apigw.ApiKey(stack, "Another", { description: "of the update" });
