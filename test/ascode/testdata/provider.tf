terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "5.100.0" }
  }
}
variable "endpoint" {}
provider "aws" {
  region                  = "eu-central-1"
  s3_use_path_style       = true
  skip_metadata_api_check = true
  endpoints {
    acm              = var.endpoint
    apigateway       = var.endpoint
    apigatewayv2     = var.endpoint
    cloudformation   = var.endpoint
    cloudwatch       = var.endpoint
    iam              = var.endpoint
    lambda           = var.endpoint
    logs             = var.endpoint
    s3               = var.endpoint
    servicediscovery = var.endpoint
    ssm              = var.endpoint
    sts              = var.endpoint
  }
}
