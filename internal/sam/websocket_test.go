package sam

import (
	"errors"
	"maps"
	"slices"
	"testing"
)

// TestWebSocketAttributes: what is made of a WebSocket API has none of its attributes
// but DependsOn, as AWS's translator leaves them out, and its own tags.
func TestWebSocketAttributes(t *testing.T) {
	const text = `
Resources:
  W:
    Type: AWS::Serverless::WebSocketApi
    Condition: Yes
    DependsOn: T
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Metadata: {a: b}
    Properties:
      RouteSelectionExpression: r
      FailOnWarnings: true
      PropagateTags: true
      Tags: {a: b, "websocketapi:createdBy": me}
      Auth: {AuthType: {Ref: Kind}, AuthArn: f}
      Domain: {DomainName: {Ref: Host}, CertificateArn: c, Route53: {HostedZoneId: z}}
      Routes: {$connect: {FunctionArn: f}}
`
	out, err := Transform(template(t, text), Options{Partition: "aws", Values: map[string]any{"Kind": "CUSTOM", "Host": "ws.example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	made := asObject(out["Resources"])
	for id, v := range made {
		want := []string{"Properties", "Type"}
		if id == "W" {
			want = []string{"DependsOn", "Properties", "Type"}
		}
		if got := keys(v); !slices.Equal(got, want) {
			t.Errorf("%s has %v, want %v", id, got, want)
		}
	}
	domain := "ApiGatewayDomainNameV2" + shortHash("ws.example.com")
	for _, id := range []string{"W", "WDefaultStage", domain} {
		tags := asObject(asObject(asObject(made[id])["Properties"])["Tags"])
		if tags["websocketapi:createdBy"] != "SAM" || tags["a"] != "b" {
			t.Errorf("%s has the tags %v", id, tags)
		}
	}
	if got := asObject(asObject(made["WConnectRoute"])["Properties"]); got["AuthorizationType"] != "CUSTOM" || made["WConnectAuthorizer"] == nil {
		t.Errorf("the route $connect is %v", got)
	}
}

// TestWebSocketFaults are WebSocket APIs that AWS's translator refuses, in its words.
func TestWebSocketFaults(t *testing.T) {
	const head, connect = "W: {Type: AWS::Serverless::WebSocketApi, Properties: {RouteSelectionExpression: r, ", "Routes: {$connect: {FunctionArn: f}}, "
	tests := []struct{ in, want string }{
		{head + connect + "IpAddressType: ipv6}}", "IpAddressType must be 'ipv4' or 'dualstack'."},
		{head + connect + "Domain: {DomainName: a, CertificateArn: c, MutualTlsAuthentication: {TruststoreUri: u}}}}", "Mutual TLS domain name association is not supported for Websocket APIs."},
		{head + connect + "Auth: {AuthArn: f}}}", "AuthType must be specified for additional auth configurations."},
		{head + connect + "Auth: {AuthType: custom, AuthArn: f}}}", "AuthType is not one of AWS_IAM, CUSTOM or NONE."},
		{head + "Auth: {AuthType: NONE}, Routes: {a: {FunctionArn: f}}}}", "Authorization is only available if there is a $connect route."},
		{head + "Routes: {a: {FunctionArn: f, RequestParameters: {route.request.header.a: {Required: true}}}}}}",
			"Request parameters are only supported for the $connect route in WebSocket APIs."},
	}
	for _, tt := range tests {
		_, err := Transform(template(t, "Resources:\n  "+tt.in+"\n"), Options{Partition: "aws"})
		want := "Resource with id [W] is invalid. " + tt.want
		if e, ok := errors.AsType[*Error](err); !ok || !slices.Equal(e.Faults, []string{want}) {
			t.Errorf("%s\n gave %v\n want %s", tt.in, err, want)
		}
	}
}

func keys(v any) []string { return slices.Sorted(maps.Keys(asObject(v))) }
