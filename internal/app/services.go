package app

import (
	"gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/awsapi/apigatewaymanagementapi"
	"gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/awsrpc"
	rest "gatehouse/internal/service/apigateway"
	"gatehouse/internal/store"
)

// services are the AWS APIs this server answers, each with what answers it. A
// new one is a line here. COVERAGE.md is made from this list.
func services(st store.Store, blobs *store.Blobs) []awsrpc.Mount {
	return []awsrpc.Mount{
		apigateway.Mount(rest.New(st, blobs, rest.Options{})),
		apigatewayv2.Mount(apigatewayv2.UnimplementedServer{}),
		apigatewaymanagementapi.Mount(apigatewaymanagementapi.UnimplementedServer{}),
	}
}
