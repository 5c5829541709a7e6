package main

// The imports keep the pinned modules in go.mod and in the module cache, where
// load reads their source.
import (
	_ "github.com/aws/aws-sdk-go-v2/service/acm/types"
	_ "github.com/aws/aws-sdk-go-v2/service/apigateway/schemas"
	_ "github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi/schemas"
	_ "github.com/aws/aws-sdk-go-v2/service/apigatewayv2/schemas"
	_ "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	_ "github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	_ "github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	_ "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/schemas"
	_ "github.com/aws/aws-sdk-go-v2/service/iam/types"
	_ "github.com/aws/aws-sdk-go-v2/service/lambda/schemas"
	_ "github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"
	_ "github.com/aws/aws-sdk-go-v2/service/ssm/schemas"
	_ "github.com/aws/aws-sdk-go-v2/service/sts/types"
	_ "github.com/aws/aws-sdk-go-v2/service/xray/types"
)
