variable "load_balancer" {}
variable "zip" {}
variable "certificate" {}

resource "aws_apigatewayv2_api" "http" {
  name                         = "http"
  description                  = "an HTTP API"
  protocol_type                = "HTTP"
  version                      = "1"
  disable_execute_api_endpoint = false
  tags                         = { a = "b" }
  cors_configuration {
    allow_credentials = true
    allow_headers     = ["x-a", "x-b"]
    allow_methods     = ["GET", "POST"]
    allow_origins     = ["https://example.com"]
    expose_headers    = ["x-c"]
    max_age           = 60
  }
}

resource "aws_apigatewayv2_api" "quick" {
  name          = "quick"
  protocol_type = "HTTP"
  route_key     = "GET /quick"
  target        = "https://backend.example.com/"
  lifecycle { ignore_changes = [route_key, target] } # what no answer tells, and import cannot know
}

resource "aws_apigatewayv2_api" "document" {
  name          = "document"
  protocol_type = "HTTP"
  version       = "1.0" # else the provider would take away that of the body
  body = jsonencode({
    openapi = "3.0.1"
    info    = { title = "document", version = "1.0" }
    paths = { "/one" = { get = {
      "x-amazon-apigateway-integration" = { type = "HTTP_PROXY", httpMethod = "GET", uri = "https://backend.example.com/one", payloadFormatVersion = "1.0" }
    } } }
  })
  lifecycle { ignore_changes = [body] } # what no answer tells, and import cannot know
}

resource "aws_apigatewayv2_integration" "function" {
  api_id                 = aws_apigatewayv2_api.http.id
  description            = "the pets"
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_function.pets.invoke_arn
  integration_method     = "POST"
  payload_format_version = "2.0"
  timeout_milliseconds   = 10000
}

resource "aws_apigatewayv2_integration" "backend" {
  api_id             = aws_apigatewayv2_api.http.id
  integration_type   = "HTTP_PROXY"
  integration_uri    = "https://backend.example.com/{id}"
  integration_method = "GET"
  request_parameters = { "append:header.x-from" = "gateway", "overwrite:path" = "/pets" }
  response_parameters {
    status_code = 404
    mappings    = { "overwrite:statuscode" = "410", "append:header.x-gone" = "yes" }
  }
}

resource "aws_apigatewayv2_route" "pets" {
  api_id               = aws_apigatewayv2_api.http.id
  route_key            = "GET /pets"
  target               = "integrations/${aws_apigatewayv2_integration.function.id}"
  operation_name       = "listPets"
  authorization_type   = "JWT"
  authorizer_id        = aws_apigatewayv2_authorizer.jwt.id
  authorization_scopes = ["pets.read"]
}

resource "aws_apigatewayv2_route" "other" {
  api_id             = aws_apigatewayv2_api.http.id
  route_key          = "$default"
  target             = "integrations/${aws_apigatewayv2_integration.backend.id}"
  authorization_type = "CUSTOM"
  authorizer_id      = aws_apigatewayv2_authorizer.function.id
}

resource "aws_apigatewayv2_authorizer" "jwt" {
  api_id           = aws_apigatewayv2_api.http.id
  name             = "jwt"
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]
  jwt_configuration {
    audience = ["pets"]
    issuer   = "https://issuer.example.com"
  }
}

resource "aws_apigatewayv2_authorizer" "function" {
  api_id                            = aws_apigatewayv2_api.http.id
  name                              = "function"
  authorizer_type                   = "REQUEST"
  authorizer_uri                    = aws_lambda_function.pets.invoke_arn
  authorizer_payload_format_version = "2.0"
  authorizer_result_ttl_in_seconds  = 30
  enable_simple_responses           = true
  identity_sources                  = ["$request.header.X-Key"]
}

resource "aws_apigatewayv2_deployment" "http" {
  depends_on  = [aws_apigatewayv2_route.pets, aws_apigatewayv2_route.other]
  api_id      = aws_apigatewayv2_api.http.id
  description = "by terraform"
  lifecycle { create_before_destroy = true }
}

resource "aws_apigatewayv2_stage" "default" {
  api_id          = aws_apigatewayv2_api.http.id
  name            = "$default"
  description     = "for all"
  auto_deploy     = true
  stage_variables = { kind = "beasts" }
  tags            = { a = "b" }
  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    format          = "$context.requestId $context.status"
  }
  default_route_settings {
    detailed_metrics_enabled = true
    throttling_burst_limit   = 5
    throttling_rate_limit    = 10
  }
  route_settings {
    route_key              = aws_apigatewayv2_route.pets.route_key
    throttling_burst_limit = 2
    throttling_rate_limit  = 3
  }
}

resource "aws_apigatewayv2_stage" "held" {
  api_id        = aws_apigatewayv2_api.http.id
  name          = "held"
  deployment_id = aws_apigatewayv2_deployment.http.id
}

resource "aws_apigatewayv2_vpc_link" "shop" {
  name               = "shop"
  security_group_ids = ["sg-01234567"]
  subnet_ids         = ["subnet-01234567", "subnet-89abcdef"]
  tags               = { a = "b" }
}

data "aws_apigatewayv2_api" "http" { api_id = aws_apigatewayv2_api.http.id }
data "aws_apigatewayv2_apis" "http" {
  depends_on    = [aws_apigatewayv2_api.http]
  protocol_type = "WEBSOCKET"
}
data "aws_apigatewayv2_export" "http" {
  depends_on    = [aws_apigatewayv2_stage.default]
  api_id        = aws_apigatewayv2_api.http.id
  specification = "OAS30"
  output_type   = "JSON"
  stage_name    = aws_apigatewayv2_stage.default.name
}
data "aws_apigatewayv2_vpc_link" "shop" { vpc_link_id = aws_apigatewayv2_vpc_link.shop.id }

resource "aws_apigatewayv2_api" "chat" {
  name                         = "chat"
  protocol_type                = "WEBSOCKET"
  route_selection_expression   = "$request.body.action"
  api_key_selection_expression = "$request.header.x-api-key"
}

resource "aws_apigatewayv2_model" "message" {
  api_id       = aws_apigatewayv2_api.chat.id
  name         = "Message"
  description  = "a message"
  content_type = "application/json"
  schema       = jsonencode({ type = "object", required = ["text"] })
}

resource "aws_apigatewayv2_integration" "chat" {
  api_id                        = aws_apigatewayv2_api.chat.id
  integration_type              = "MOCK"
  request_templates             = { "200" = "{\"statusCode\":200}" }
  template_selection_expression = "200"
  passthrough_behavior          = "WHEN_NO_MATCH"
}

resource "aws_apigatewayv2_integration_response" "chat" {
  api_id                        = aws_apigatewayv2_api.chat.id
  integration_id                = aws_apigatewayv2_integration.chat.id
  integration_response_key      = "/200/"
  response_templates            = { "application/json" = "{\"ok\":true}" }
  template_selection_expression = "application/json"
}

resource "aws_apigatewayv2_route" "send" {
  api_id                              = aws_apigatewayv2_api.chat.id
  route_key                           = "send"
  target                              = "integrations/${aws_apigatewayv2_integration.chat.id}"
  route_response_selection_expression = "$default"
  model_selection_expression          = "msg"
  request_models                      = { msg = aws_apigatewayv2_model.message.name }
}

resource "aws_apigatewayv2_route" "connect" {
  api_id             = aws_apigatewayv2_api.chat.id
  route_key          = "$connect"
  target             = "integrations/${aws_apigatewayv2_integration.chat.id}"
  authorization_type = "AWS_IAM"
  api_key_required   = true
  request_parameter {
    request_parameter_key = "route.request.querystring.room"
    required              = true
  }
}

resource "aws_apigatewayv2_route_response" "send" {
  api_id             = aws_apigatewayv2_api.chat.id
  route_id           = aws_apigatewayv2_route.send.id
  route_response_key = "$default"
}

resource "aws_apigatewayv2_deployment" "chat" {
  depends_on = [aws_apigatewayv2_route.send, aws_apigatewayv2_route.connect, aws_apigatewayv2_route_response.send, aws_apigatewayv2_integration_response.chat]
  api_id     = aws_apigatewayv2_api.chat.id
}

resource "aws_apigatewayv2_stage" "chat" {
  api_id        = aws_apigatewayv2_api.chat.id
  name          = "prod"
  deployment_id = aws_apigatewayv2_deployment.chat.id
  default_route_settings {
    throttling_burst_limit = 5
    throttling_rate_limit  = 10
    logging_level          = "OFF"
  }
}

resource "aws_api_gateway_domain_name" "http" {
  domain_name               = "http.example.com"
  regional_certificate_name = "http"
  certificate_body          = file("${var.certificate}/cert.pem")
  certificate_private_key   = file("${var.certificate}/key.pem")
  certificate_chain         = file("${var.certificate}/cert.pem")
  endpoint_configuration { types = ["REGIONAL"] }
  lifecycle { ignore_changes = [certificate_body, certificate_private_key, certificate_chain] } # what no answer tells, and import cannot know
}

resource "aws_apigatewayv2_api_mapping" "http" {
  api_id          = aws_apigatewayv2_api.http.id
  domain_name     = aws_api_gateway_domain_name.http.domain_name
  stage           = aws_apigatewayv2_stage.default.id
  api_mapping_key = "v1/pets"
}

resource "aws_iam_role" "pets" {
  name               = "http"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }] })
}
resource "aws_cloudwatch_log_group" "access" { name = "/http/access" }
resource "aws_lambda_function" "pets" {
  function_name = "http"
  role          = aws_iam_role.pets.arn
  runtime       = "python3.12"
  handler       = "app.handler"
  s3_bucket     = aws_s3_bucket.code.id
  s3_key        = aws_s3_object.code.key
  lifecycle { ignore_changes = [s3_bucket, s3_key, publish] }
}
resource "aws_s3_bucket" "code" {
  bucket        = "terraform-code"
  force_destroy = true
  tags          = { a = "b" }
  lifecycle { ignore_changes = [force_destroy] } # what no answer tells, and import cannot know
}
resource "aws_s3_bucket_versioning" "code" {
  bucket = aws_s3_bucket.code.id
  versioning_configuration { status = "Enabled" }
}
resource "aws_s3_bucket_public_access_block" "code" {
  bucket                  = aws_s3_bucket.code.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}
resource "aws_s3_bucket_policy" "code" {
  bucket = aws_s3_bucket.code.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = { AWS = aws_iam_role.pets.arn }, Action = "s3:GetObject", Resource = "${aws_s3_bucket.code.arn}/*" }] })
}
resource "aws_s3_object" "code" {
  depends_on = [aws_s3_bucket_versioning.code]
  bucket     = aws_s3_bucket.code.id
  key        = "code/app.zip"
  source     = var.zip
  etag       = filemd5(var.zip)
  lifecycle { ignore_changes = [source, etag] } # what no answer tells, and import cannot know
}
resource "aws_ssm_parameter" "kind" {
  name        = "/pets/kind"
  description = "of pets"
  type        = "String"
  value       = "beasts"
  tags        = { a = "b" }
}
data "aws_ssm_parameter" "kind" { name = aws_ssm_parameter.kind.name }
resource "aws_service_discovery_http_namespace" "pets" {
  name        = "pets"
  description = "of pets"
}
resource "aws_service_discovery_service" "pets" {
  name         = "pets"
  namespace_id = aws_service_discovery_http_namespace.pets.id
  type         = "HTTP"
}
resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "errors"
  namespace           = "AWS/ApiGateway"
  metric_name         = "5XXError"
  dimensions          = { ApiName = "pets" }
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = 2
  period              = 60
  statistic           = "Sum"
  threshold           = 1
}
resource "aws_cloudformation_stack" "key" {
  name          = "key"
  template_body = jsonencode({ Parameters = { Name = { Type = "String" } }, Resources = { Key = { Type = "AWS::ApiGateway::ApiKey", Properties = { Name = { Ref = "Name" } } } }, Outputs = { Key = { Value = { Ref = "Key" } } } })
  parameters    = { Name = "of-terraform" }
  lifecycle { ignore_changes = [parameters] } # the provider imports none
}
resource "aws_acm_certificate" "asked" {
  domain_name               = "asked.example.com"
  subject_alternative_names = ["*.asked.example.com"]
  validation_method         = "DNS"
  tags                      = { a = "b" }
  lifecycle { create_before_destroy = true }
}
resource "aws_acm_certificate_validation" "asked" {
  certificate_arn = aws_acm_certificate.asked.arn
}
resource "aws_apigatewayv2_domain_name" "asked" {
  domain_name = "asked.example.com"
  domain_name_configuration {
    certificate_arn = aws_acm_certificate_validation.asked.certificate_arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }
}
data "aws_acm_certificate" "asked" {
  domain     = aws_acm_certificate_validation.asked.id == "" ? "" : "asked.example.com"
  statuses   = ["ISSUED"]
  depends_on = [aws_acm_certificate_validation.asked]
}
