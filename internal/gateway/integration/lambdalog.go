package integration

import (
	"gatehouse/internal/arn"
	"gatehouse/internal/function"
	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// A function is called without HTTP. In the execution log the call looks as it
// does at Amazon, without what only a signed request has.

// logRequest tells how the function is called.
//
// AWS: logging-metrics.md §2.1, lines 11 to 14; LS
// basic::test_apigw_test_invoke_method_api, also that a body that is not there
// is not shown as the {} that is sent.
func (k *invoke) logRequest(x *gateway.Exchange, in *function.Invocation) {
	region := ""
	if a, err := arn.Parse(k.Function); err == nil {
		region = a.Region
	}
	uri := "https://lambda." + region + ".amazonaws.com/2015-03-31/functions/" + k.Function + "/invocations"
	if k.Stream {
		uri = "https://lambda." + region + ".amazonaws.com/2021-11-15/functions/" + k.Function + "/response-streaming-invocations"
	}
	body := in.Payload
	if k.Form == nil && !x.Transformed && len(x.MethodRequest.Body.Bytes) == 0 {
		body = nil
	}
	x.Log.AddEndpointRequest(&gateway.Endpoint{URI: uri, Body: body, Header: []wire.Field{
		{Name: "x-amzn-lambda-integration-tag", Value: x.Vars.RequestID},
		{Name: "x-amzn-apigateway-api-id", Value: x.Stage.API},
		{Name: "Accept", Value: typeJSON},
		{Name: "User-Agent", Value: "AmazonAPIGateway_" + x.Stage.API},
		{Name: traceHeader, Value: x.Vars.Trace},
	}})
}

// logResult tells what the function returned.
func logResult(x *gateway.Exchange, res *function.Result) {
	header := []wire.Field{
		{Name: "Content-Type", Value: typeJSON},
		{Name: "x-amzn-RequestId", Value: res.RequestID},
		{Name: "X-Amz-Executed-Version", Value: res.Version},
		{Name: traceHeader, Value: x.Vars.Trace},
	}
	if res.Error != "" {
		header = append(header, wire.Field{Name: "X-Amz-Function-Error", Value: res.Error})
	}
	x.Log.AddEndpointResponse(res.Status, x.Vars.IntegrationEnd.Sub(x.Vars.IntegrationStart), header, res.Payload)
}
