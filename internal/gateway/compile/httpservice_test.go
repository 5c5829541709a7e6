package compile_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	v2 "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// deployHTTP makes an HTTP API whose route POST /{x} calls an integration.
func (w *world) deployHTTP(id string, in v2.Integration) {
	w.t.Helper()
	w.deployRoute(id, "POST /{x}", in)
}

// deployRoute makes an HTTP API of one route.
func (w *world) deployRoute(id, key string, in v2.Integration) {
	w.t.Helper()
	in.IntegrationId, in.IntegrationType, in.PayloadFormatVersion = new("i"), new(v2.IntegrationTypeAwsProxy), new("1.0")
	def := &record.APIDefinition{
		API:          v2.Api{ApiId: &id},
		Integrations: map[string]v2.Integration{"i": in},
		Routes:       map[string]v2.Route{"r": {RouteId: new("r"), RouteKey: &key, Target: new("integrations/i")}},
	}
	b, err := def.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	ref, ops, err := w.Blobs.Stage(context.Background(), b)
	if err != nil {
		w.t.Fatal(err)
	}
	put := func(op store.Op, err error) { ops = append(ops, must(w.t, op, err)) }
	put(w.APIs.Put(store.ID(id), record.API{Api: v2.Api{ApiId: &id}, Scope: w.Scope, Definition: ref}))
	put(w.APIDeployments.Put(store.ID(id, "d"), record.APIDeployment{Scope: w.Scope, API: id, Definition: ref, Created: time.Now()}))
	put(w.APIStages.Put(store.ID(id, "s"), record.APIStage{Scope: w.Scope, API: id,
		Stage: v2.Stage{StageName: new("s"), DeploymentId: new("d"), StageVariables: map[string]string{"role": "good", "region": "us-east-1"}}}))
	w.commit(ops...)
}

// What services are asked, signed and in their own protocols.
//
// AWS: http-api-execution.md §7.
func TestHTTPServices(t *testing.T) {
	w := serviceWorld(t, map[string]string{"*": amazon(t).URL})
	queue := map[string]string{"QueueUrl": "https://q/1", "MessageBody": "$request.body"}
	tests := []struct {
		name, subtype string
		parameters    map[string]string
		status        int
		want          string // parts of the answer, separated by |
	}{
		{"events", "EventBridge-PutEvents", map[string]string{"Detail": "$request.body.detail", "DetailType": "t ${request.path.x}", "Source": "$context.stage",
			"Time": "$request.header.when", "Resources": "a, b", "Region": "us-east-1"}, 200,
			`POST / by AKIAROOTROOTROOTROOT for us-east-1/events|target "AWSEvents.PutEvents" type "application/x-amz-json-1.1"|` +
				`body "{\"Entries\":[{\"Detail\":\"{\\\"a\\\":1}\",\"DetailType\":\"t a b\",\"Resources\":[\"a\",\"b\"],\"Source\":\"s\",\"Time\":1704067200}]}"`},
		{"send", "SQS-SendMessage", map[string]string{"QueueUrl": "https://q/1", "MessageBody": "$request.body", "DelaySeconds": "5",
			"MessageAttributes": `{"k": {"DataType": "String", "StringValue": "${request.header.who}"}}`, "MessageGroupId": "$request.querystring.none"}, 200,
			`for eu-west-1/sqs|target "AmazonSQS.SendMessage" type "application/x-amz-json-1.0"|\"DelaySeconds\":5,\"MessageAttributes\":{\"k\": {\"DataType\": \"String\", \"StringValue\": \"me\"}},` +
				`\"MessageBody\":\"{\\\"detail\\\": {\\\"a\\\": 1}, \\\"n\\\": \\\"x\\\\\\\"y\\\"}\",\"QueueUrl\":\"https://q/1\"}`},
		{"receive", "SQS-ReceiveMessage", map[string]string{"QueueUrl": "q", "AttributeNames": `["All"]`, "MaxNumberOfMessages": "3"}, 200,
			`body "{\"AttributeNames\":[\"All\"],\"MaxNumberOfMessages\":3,\"QueueUrl\":\"q\"}"`},
		{"delete", "SQS-DeleteMessage", map[string]string{"QueueUrl": "q", "ReceiptHandle": "$request.body.n"}, 200, `body "{\"QueueUrl\":\"q\",\"ReceiptHandle\":\"x\\\"y\"}"`},
		{"purge", "SQS-PurgeQueue", map[string]string{"QueueUrl": "q"}, 200, `target "AmazonSQS.PurgeQueue"`},
		{"configuration", "AppConfig-GetConfiguration", map[string]string{"Application": "a/b", "Environment": "e", "Configuration": "c", "ClientId": "$request.header.who", "ClientConfigurationVersion": "7"}, 200,
			`GET /applications/a%2Fb/environments/e/configurations/c?client_id=me&client_configuration_version=7 by AKIAROOTROOTROOTROOT for eu-west-1/appconfig|body ""`},
		{"record", "Kinesis-PutRecord", map[string]string{"StreamName": "s", "Data": "aGk=", "PartitionKey": "k", "Region": "${stageVariables.region}"}, 200,
			`for us-east-1/kinesis|target "Kinesis_20131202.PutRecord"|body "{\"Data\":\"aGk=\",\"PartitionKey\":\"k\",\"StreamName\":\"s\"}"`},
		{"start", "StepFunctions-StartExecution", map[string]string{"StateMachineArn": "arn", "Input": "$request.body"}, 200,
			`target "AWSStepFunctions.StartExecution" type "application/x-amz-json-1.0"|\"stateMachineArn\":\"arn\"|\"input\":`},
		{"start and wait", "StepFunctions-StartSyncExecution", map[string]string{"StateMachineArn": "arn", "TraceHeader": "t"}, 200,
			`for eu-west-1/states|target "AWSStepFunctions.StartSyncExecution"|\"traceHeader\":\"t\"`},
		{"stop", "StepFunctions-StopExecution", map[string]string{"ExecutionArn": "arn", "Cause": "c", "Error": "e"}, 200, `body "{\"cause\":\"c\",\"error\":\"e\",\"executionArn\":\"arn\"}"`},
		{"a required parameter without a value", "SQS-SendMessage", map[string]string{"QueueUrl": "q", "MessageBody": "$request.body.none"}, 400, `{"message":"Bad Request"}`},
		{"a number that is none", "SQS-SendMessage", map[string]string{"QueueUrl": "q", "MessageBody": "b", "DelaySeconds": "soon"}, 400, `{"message":"Bad Request"}`},
		{"a role of a variable", "SQS-SendMessage", queue, 200, "by ASIAROLE for eu-west-1/sqs token \"token\""},
		{"a role that is not given", "SQS-SendMessage", queue, 500, `{"message":"Internal Server Error"}`},
	}
	roles := map[string]string{"a role of a variable": "${stageVariables.role}", "a role that is not given": "bad"}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			id := fmt.Sprint("h", i)
			role := roles[tt.name]
			if role == "" {
				role = "server"
			}
			w.deployHTTP(id, v2.Integration{IntegrationSubtype: &tt.subtype, RequestParameters: tt.parameters, CredentialsArn: new("arn:aws:iam::000000000000:role/" + role)})
			a := w.send("POST", "/_aws/execute-api/"+id+"/s/a%20b", `{"detail": {"a": 1}, "n": "x\"y"}`, "who: me", "when: 2024-01-01T00:00:00Z")
			if a.Status != tt.status {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
			for part := range strings.SplitSeq(tt.want, "|") {
				if !strings.Contains(a.Body, part) {
					t.Errorf("answer lacks %s:\n%s", part, a.Body)
				}
			}
		})
	}
}
