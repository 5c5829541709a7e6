resource "aws_iam_role" "gateway" {
  name               = "gateway"
  description        = "of the gateway"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = { Service = ["apigateway.amazonaws.com", "lambda.amazonaws.com"] }, Action = "sts:AssumeRole" }] })
  tags               = { a = "b" }
}
resource "aws_iam_role_policy" "gateway" {
  name   = "logs"
  role   = aws_iam_role.gateway.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "logs:*", Resource = "*" }] })
}
resource "aws_iam_policy" "pets" {
  name   = "pets"
  path   = "/pets/"
  policy = data.aws_iam_policy_document.pets.json
}
data "aws_iam_policy_document" "pets" {
  statement {
    actions   = ["lambda:InvokeFunction"]
    resources = ["*"]
  }
}
resource "aws_iam_role_policy_attachment" "pets" {
  role       = aws_iam_role.gateway.name
  policy_arn = aws_iam_policy.pets.arn
}
resource "aws_iam_user" "ann" {
  name = "ann"
  tags = { a = "b" }
}
resource "aws_cloudwatch_log_group" "access" {
  name              = "/pets/access"
  retention_in_days = 7
  tags              = { a = "b" }
}
variable "zip" {}
resource "aws_lambda_function" "pets" {
  function_name    = "pets"
  description      = "the pets"
  role             = aws_iam_role.gateway.arn
  runtime          = "python3.12"
  handler          = "app.handler"
  filename         = var.zip
  source_code_hash = filebase64sha256(var.zip)
  timeout          = 5
  memory_size      = 256
  publish          = true
  layers           = [aws_lambda_layer_version.lib.arn]
  environment { variables = { KIND = "beast" } }
  tags = { a = "b" }
  lifecycle { ignore_changes = [filename, source_code_hash, publish] } # what no answer tells, and import cannot know
}
resource "aws_lambda_layer_version" "lib" {
  layer_name          = "lib"
  description         = "a library"
  filename            = var.zip
  source_code_hash    = filebase64sha256(var.zip)
  compatible_runtimes = ["python3.12"]
  lifecycle { ignore_changes = [filename, source_code_hash] } # what no answer tells, and import cannot know
}
resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "what is called"
  function_name    = aws_lambda_function.pets.function_name
  function_version = aws_lambda_function.pets.version
}
resource "aws_lambda_permission" "gateway" {
  statement_id  = "gateway"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.pets.function_name
  qualifier     = aws_lambda_alias.live.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_api_gateway_rest_api.pets.execution_arn}/*/*/*"
}
