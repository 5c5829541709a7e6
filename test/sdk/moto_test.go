package sdk_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
)

// motoPython is whatever Python is first in the path: distributions have no moto.
const motoPython = "python3"

// startMoto starts moto's server of AWS's services, which is not ours.
func startMoto(t *testing.T) string {
	if err := exec.Command(motoPython, "-c", "import moto.server, flask").Run(); err != nil {
		t.Skipf("%s has no moto with its server: install moto[server]", motoPython)
	}
	cmd := exec.CommandContext(t.Context(), motoPython, "-u", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0")
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	})
	address := regexp.MustCompile(`http://127\.0\.0\.1:\d+`)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if url := address.FindString(lines.Text()); url != "" {
			go func() { _, _ = io.Copy(io.Discard, out) }() // ends with the server
			return url
		}
	}
	t.Fatalf("moto does not start: %v", lines.Err())
	return ""
}

// TestServices has an HTTP API call services that are not ours: what is sent to
// a queue is received from it, and so on.
func TestServices(t *testing.T) {
	moto := startMoto(t)
	ask := func(service, target, body string) map[string]any {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, moto+"/", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-amz-json-1.0")
		req.Header.Set("X-Amz-Target", target)
		req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=A/20260101/"+region+"/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
		resp, err := new(http.Client).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var out map[string]any
		if err := json.NewDecoder(resp.Body).Decode(&out); err != nil && err != io.EOF || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %v", target, resp.Status, err)
		}
		return out
	}
	queue := ask("sqs", "AmazonSQS.CreateQueue", `{"QueueName": "q"}`)["QueueUrl"].(string)
	ask("kinesis", "Kinesis_20131202.CreateStream", `{"StreamName": "s", "ShardCount": 1}`)
	machine := ask("states", "AWSStepFunctions.CreateStateMachine", `{"name": "m", "roleArn": "arn:aws:iam::123456789012:role/r", "definition": "{\"StartAt\": \"A\", \"States\": {\"A\": {\"Type\": \"Pass\", \"End\": true}}}"}`)["stateMachineArn"].(string)
	s := start(t, "--service-endpoint", "*="+moto, "--role-credentials", "*=root")
	client := newV2Client(t, s)
	api, err := client.CreateApi(t.Context(), &apigatewayv2.CreateApiInput{Name: aws.String("services"), ProtocolType: types.ProtocolTypeHttp})
	if err != nil {
		t.Fatal(err)
	}
	routes := []struct {
		path, subtype string
		parameters    map[string]string
		want          string // in the answer
	}{
		{"/send", "SQS-SendMessage", map[string]string{"QueueUrl": queue, "MessageBody": "$request.body.text"}, `"MessageId"`},
		{"/receive", "SQS-ReceiveMessage", map[string]string{"QueueUrl": queue, "MaxNumberOfMessages": "1"}, `"hello \"you\""`},
		{"/purge", "SQS-PurgeQueue", map[string]string{"QueueUrl": queue}, ``},
		{"/events", "EventBridge-PutEvents", map[string]string{"Detail": "$request.body", "DetailType": "t", "Source": "s", "Time": "$context.requestTimeEpoch"}, `"FailedEntryCount": 0`},
		{"/record", "Kinesis-PutRecord", map[string]string{"StreamName": "s", "Data": "aGk=", "PartitionKey": "p"}, `"ShardId"`},
		{"/start", "StepFunctions-StartExecution", map[string]string{"StateMachineArn": machine, "Input": "$request.body"}, `"executionArn"`},
		{"/missing", "SQS-SendMessage", map[string]string{"QueueUrl": queue + "-none", "MessageBody": "b"}, `The specified queue does not exist.`},
	}
	for _, r := range routes {
		in, err := client.CreateIntegration(t.Context(), &apigatewayv2.CreateIntegrationInput{
			ApiId: api.ApiId, IntegrationType: types.IntegrationTypeAwsProxy, IntegrationSubtype: &r.subtype, PayloadFormatVersion: aws.String("1.0"),
			CredentialsArn: aws.String("arn:aws:iam::000000000000:role/r"), RequestParameters: r.parameters,
		})
		if err != nil {
			t.Fatalf("%s: %v", r.subtype, err)
		}
		if _, err := client.CreateRoute(t.Context(), &apigatewayv2.CreateRouteInput{ApiId: api.ApiId, RouteKey: aws.String("POST " + r.path), Target: aws.String("integrations/" + *in.IntegrationId)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.CreateStage(t.Context(), &apigatewayv2.CreateStageInput{ApiId: api.ApiId, StageName: aws.String("$default"), AutoDeploy: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	for _, r := range routes {
		resp, err := new(http.Client).Post(s.DataPlane()+"/_aws/execute-api/"+*api.ApiId+r.path, "application/json", strings.NewReader(`{"text": "hello \"you\""}`))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || (resp.StatusCode == http.StatusOK) == (r.path == "/missing") || !strings.Contains(strings.ReplaceAll(string(body), `":0`, `": 0`), strings.ReplaceAll(r.want, `"hello \"you\""`, `hello \"you\"`)) {
			t.Errorf("%s: %s %s %v, want %s", r.path, resp.Status, body, err, r.want)
		}
	}
}
