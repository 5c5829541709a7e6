data "aws_caller_identity" "me" {}
data "aws_region" "here" {}

resource "aws_api_gateway_rest_api" "pets" {
  name                         = "pets"
  description                  = "the pets"
  api_key_source               = "HEADER"
  binary_media_types           = ["image/png", "application/octet-stream"]
  minimum_compression_size     = 1024
  disable_execute_api_endpoint = false
  tags                         = { team = "a" }
  endpoint_configuration { types = ["REGIONAL"] }
  lifecycle { ignore_changes = [put_rest_api_mode, policy] } # what no answer tells, and import cannot know
}

resource "aws_api_gateway_rest_api_policy" "pets" {
  rest_api_id = aws_api_gateway_rest_api.pets.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { AWS = "*" }, Action = "execute-api:Invoke", Resource = "${aws_api_gateway_rest_api.pets.execution_arn}/*" }]
  })
}

resource "aws_api_gateway_resource" "pets" {
  rest_api_id = aws_api_gateway_rest_api.pets.id
  parent_id   = aws_api_gateway_rest_api.pets.root_resource_id
  path_part   = "pets"
}

resource "aws_api_gateway_resource" "pet" {
  rest_api_id = aws_api_gateway_rest_api.pets.id
  parent_id   = aws_api_gateway_resource.pets.id
  path_part   = "{id}"
}

resource "aws_api_gateway_model" "pet" {
  rest_api_id  = aws_api_gateway_rest_api.pets.id
  name         = "Pet"
  description  = "a pet"
  content_type = "application/json"
  schema       = jsonencode({ type = "object", required = ["name"], properties = { name = { type = "string" } } })
}

resource "aws_api_gateway_request_validator" "all" {
  rest_api_id                 = aws_api_gateway_rest_api.pets.id
  name                        = "all"
  validate_request_body       = true
  validate_request_parameters = true
}

resource "aws_api_gateway_method" "post" {
  rest_api_id          = aws_api_gateway_rest_api.pets.id
  resource_id          = aws_api_gateway_resource.pets.id
  http_method          = "POST"
  authorization        = "CUSTOM"
  authorizer_id        = aws_api_gateway_authorizer.token.id
  api_key_required     = true
  operation_name       = "createPet"
  request_validator_id = aws_api_gateway_request_validator.all.id
  request_models       = { "application/json" = aws_api_gateway_model.pet.name }
  request_parameters   = { "method.request.header.X-Trace" = false, "method.request.querystring.dry" = true }
}

resource "aws_api_gateway_integration" "post" {
  rest_api_id             = aws_api_gateway_rest_api.pets.id
  resource_id             = aws_api_gateway_resource.pets.id
  http_method             = aws_api_gateway_method.post.http_method
  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = aws_lambda_alias.live.invoke_arn
}

resource "aws_api_gateway_method" "get" {
  rest_api_id        = aws_api_gateway_rest_api.pets.id
  resource_id        = aws_api_gateway_resource.pet.id
  http_method        = "GET"
  authorization      = "NONE"
  request_parameters = { "method.request.path.id" = true }
}

resource "aws_api_gateway_integration" "get" {
  rest_api_id          = aws_api_gateway_rest_api.pets.id
  resource_id          = aws_api_gateway_resource.pet.id
  http_method          = aws_api_gateway_method.get.http_method
  type                 = "MOCK"
  passthrough_behavior = "WHEN_NO_TEMPLATES"
  timeout_milliseconds = 12000
  cache_key_parameters = ["method.request.path.id"]
  cache_namespace      = "pets"
  request_templates    = { "application/json" = "{\"statusCode\": 200}" }
}

resource "aws_api_gateway_method_response" "get" {
  rest_api_id         = aws_api_gateway_rest_api.pets.id
  resource_id         = aws_api_gateway_resource.pet.id
  http_method         = aws_api_gateway_method.get.http_method
  status_code         = "200"
  response_models     = { "application/json" = aws_api_gateway_model.pet.name }
  response_parameters = { "method.response.header.X-Kind" = true }
}

resource "aws_api_gateway_integration_response" "get" {
  depends_on          = [aws_api_gateway_integration.get]
  rest_api_id         = aws_api_gateway_rest_api.pets.id
  resource_id         = aws_api_gateway_resource.pet.id
  http_method         = aws_api_gateway_method.get.http_method
  status_code         = aws_api_gateway_method_response.get.status_code
  response_parameters = { "method.response.header.X-Kind" = "'pet'" }
  response_templates  = { "application/json" = "{\"name\": \"rex\"}" }
}

resource "aws_api_gateway_method" "http" {
  rest_api_id   = aws_api_gateway_rest_api.pets.id
  resource_id   = aws_api_gateway_resource.pets.id
  http_method   = "GET"
  authorization = "AWS_IAM"
}

resource "aws_api_gateway_integration" "http" {
  rest_api_id             = aws_api_gateway_rest_api.pets.id
  resource_id             = aws_api_gateway_resource.pets.id
  http_method             = aws_api_gateway_method.http.http_method
  type                    = "HTTP_PROXY"
  integration_http_method = "GET"
  uri                     = "http://backend.example.com/pets"
  connection_type         = "VPC_LINK"
  connection_id           = aws_api_gateway_vpc_link.shop.id
  request_parameters      = { "integration.request.header.X-From" = "'gateway'" }
}

resource "aws_api_gateway_vpc_link" "shop" {
  name        = "shop"
  description = "to the shop"
  target_arns = [var.load_balancer]
  tags        = { a = "b" }
}
variable "load_balancer" {}

resource "aws_api_gateway_gateway_response" "unauthorized" {
  rest_api_id         = aws_api_gateway_rest_api.pets.id
  response_type       = "UNAUTHORIZED"
  status_code         = "401"
  response_templates  = { "application/json" = "{\"message\":$context.error.messageString}" }
  response_parameters = { "gatewayresponse.header.X-Why" = "'no token'" }
}

resource "aws_api_gateway_documentation_part" "api" {
  rest_api_id = aws_api_gateway_rest_api.pets.id
  location {
    type   = "METHOD"
    method = "GET"
    path   = "/pets/{id}"
  }
  properties = jsonencode({ description = "one pet" })
}

resource "aws_api_gateway_documentation_version" "one" {
  depends_on  = [aws_api_gateway_documentation_part.api]
  rest_api_id = aws_api_gateway_rest_api.pets.id
  version     = "one"
  description = "the first"
}

resource "aws_api_gateway_deployment" "pets" {
  rest_api_id = aws_api_gateway_rest_api.pets.id
  description = "by terraform"
  triggers    = { of = aws_api_gateway_rest_api_policy.pets.policy }
  depends_on  = [aws_api_gateway_integration.post, aws_api_gateway_integration_response.get, aws_api_gateway_integration.http]
  lifecycle {
    create_before_destroy = true
    ignore_changes        = [triggers]
  }
}

resource "aws_api_gateway_client_certificate" "pets" {
  description = "of the pets"
  tags        = { a = "b" }
}

resource "aws_api_gateway_stage" "prod" {
  depends_on            = [aws_api_gateway_account.here]
  rest_api_id           = aws_api_gateway_rest_api.pets.id
  deployment_id         = aws_api_gateway_deployment.pets.id
  stage_name            = "prod"
  description           = "for all"
  documentation_version = aws_api_gateway_documentation_version.one.version
  client_certificate_id = aws_api_gateway_client_certificate.pets.id
  cache_cluster_enabled = true
  cache_cluster_size    = "0.5"
  xray_tracing_enabled  = false
  variables             = { kind = "beasts" }
  tags                  = { a = "b" }
  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    format          = "$context.requestId $context.status"
  }
}

resource "aws_api_gateway_method_settings" "all" {
  rest_api_id = aws_api_gateway_rest_api.pets.id
  stage_name  = aws_api_gateway_stage.prod.stage_name
  method_path = "*/*"
  settings {
    metrics_enabled                            = true
    logging_level                              = "INFO"
    throttling_rate_limit                      = 100
    throttling_burst_limit                     = 50
    caching_enabled                            = true
    cache_ttl_in_seconds                       = 60
    unauthorized_cache_control_header_strategy = "SUCCEED_WITH_RESPONSE_HEADER"
  }
}

resource "aws_api_gateway_account" "here" {
  cloudwatch_role_arn = aws_iam_role.gateway.arn
}

resource "aws_api_gateway_api_key" "one" {
  name        = "one"
  description = "of one"
  enabled     = true
  customer_id = "c1"
  value       = "0123456789abcdefghij0123"
  tags        = { a = "b" }
}

resource "aws_api_gateway_usage_plan" "gold" {
  name        = "gold"
  description = "much"
  tags        = { a = "b" }
  api_stages {
    api_id = aws_api_gateway_rest_api.pets.id
    stage  = aws_api_gateway_stage.prod.stage_name
    throttle {
      path        = "/pets/GET"
      rate_limit  = 5
      burst_limit = 2
    }
  }
  quota_settings {
    limit  = 1000
    offset = 2
    period = "WEEK"
  }
  throttle_settings {
    burst_limit = 5
    rate_limit  = 10
  }
}

resource "aws_api_gateway_usage_plan_key" "one" {
  usage_plan_id = aws_api_gateway_usage_plan.gold.id
  key_id        = aws_api_gateway_api_key.one.id
  key_type      = "API_KEY"
}

resource "aws_api_gateway_authorizer" "token" {
  rest_api_id                      = aws_api_gateway_rest_api.pets.id
  name                             = "token"
  type                             = "TOKEN"
  authorizer_uri                   = aws_lambda_function.pets.invoke_arn
  authorizer_credentials           = aws_iam_role.gateway.arn
  identity_source                  = "method.request.header.Authorization"
  identity_validation_expression   = "^Bearer .*"
  authorizer_result_ttl_in_seconds = 60
}

resource "aws_api_gateway_authorizer" "request" {
  rest_api_id     = aws_api_gateway_rest_api.pets.id
  name            = "request"
  type            = "REQUEST"
  authorizer_uri  = aws_lambda_function.pets.invoke_arn
  identity_source = "method.request.header.A,method.request.querystring.b"
}

resource "aws_api_gateway_authorizer" "pool" {
  rest_api_id   = aws_api_gateway_rest_api.pets.id
  name          = "pool"
  type          = "COGNITO_USER_POOLS"
  provider_arns = ["arn:aws:cognito-idp:eu-central-1:000000000000:userpool/eu-central-1_pool"]
}

resource "aws_api_gateway_domain_name" "pets" {
  domain_name     = "pets.example.com"
  security_policy = "TLS_1_2"
  tags            = { a = "b" }
  endpoint_configuration { types = ["REGIONAL"] }
}

resource "aws_api_gateway_base_path_mapping" "v1" {
  domain_name = aws_api_gateway_domain_name.pets.domain_name
  base_path   = "v1"
  api_id      = aws_api_gateway_rest_api.pets.id
  stage_name  = aws_api_gateway_stage.prod.stage_name
}

resource "aws_api_gateway_rest_api" "document" {
  name = "document"
  body = jsonencode({
    openapi = "3.0.1"
    info    = { title = "document", version = "1.0" }
    paths = { "/one" = { get = {
      responses                         = { "200" = { description = "ok" } }
      "x-amazon-apigateway-integration" = { type = "HTTP_PROXY", httpMethod = "GET", uri = "http://backend.example.com/one", payloadFormatVersion = "1.0" }
    } } }
  })
  endpoint_configuration { types = ["REGIONAL"] }
  lifecycle { ignore_changes = [body, put_rest_api_mode] } # what no answer tells, and import cannot know
}

resource "aws_api_gateway_rest_api" "put" {
  name = "put"
  endpoint_configuration { types = ["REGIONAL"] }
  lifecycle { ignore_changes = [description, put_rest_api_mode] }
}

resource "aws_api_gateway_rest_api_put" "put" {
  rest_api_id      = aws_api_gateway_rest_api.put.id
  fail_on_warnings = false
  body             = jsonencode({ openapi = "3.0.1", info = { title = "put", version = "1.0" }, paths = { "/two" = { get = { responses = {}, "x-amazon-apigateway-integration" = { type = "MOCK" } } } } })
  lifecycle { ignore_changes = [body, fail_on_warnings, triggers] } # what no answer tells, and import cannot know
}

data "aws_api_gateway_api_key" "one" { id = aws_api_gateway_api_key.one.id }
data "aws_api_gateway_api_keys" "all" { depends_on = [aws_api_gateway_api_key.one] }
data "aws_api_gateway_authorizer" "token" {
  rest_api_id   = aws_api_gateway_rest_api.pets.id
  authorizer_id = aws_api_gateway_authorizer.token.id
}
data "aws_api_gateway_authorizers" "all" {
  depends_on  = [aws_api_gateway_authorizer.token, aws_api_gateway_authorizer.request, aws_api_gateway_authorizer.pool]
  rest_api_id = aws_api_gateway_rest_api.pets.id
}
data "aws_api_gateway_domain_name" "pets" { domain_name = aws_api_gateway_domain_name.pets.domain_name }
data "aws_api_gateway_export" "pets" {
  rest_api_id = aws_api_gateway_rest_api.pets.id
  stage_name  = aws_api_gateway_stage.prod.stage_name
  export_type = "oas30"
}
data "aws_api_gateway_resource" "pet" {
  depends_on  = [aws_api_gateway_resource.pet]
  rest_api_id = aws_api_gateway_rest_api.pets.id
  path        = "/pets/{id}"
}
data "aws_api_gateway_rest_api" "pets" { name = aws_api_gateway_rest_api.pets.name }
data "aws_api_gateway_vpc_link" "shop" { name = aws_api_gateway_vpc_link.shop.name }

output "url" { value = aws_api_gateway_stage.prod.invoke_url }
output "api" { value = aws_api_gateway_rest_api.pets.id }
