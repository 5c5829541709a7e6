package sdk_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	apitypes "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"gatehouse/test/gatehousetest"
)

// gatedCode answers in two pieces, the second one when GATE lets it.
const gatedCode = `exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { 'X-From': process.env.AWS_REGION } });
  stream.write('first ');
  await fetch(process.env.GATE);
  stream.write('last');
  stream.end();
});`

// lambdaIn is a client of a server's functions in a Region.
func lambdaIn(t *testing.T, s *gatehousetest.Server, region string) *lambda.Client {
	t.Helper()
	access, secret, err := s.Credential()
	if err != nil {
		t.Fatal(err)
	}
	return lambda.New(lambda.Options{Region: region, BaseEndpoint: aws.String(s.Endpoint()), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(access, secret, "")})
}

// place makes a function that says where it runs.
func place(t *testing.T, c *lambda.Client, name, says string) {
	t.Helper()
	_, err := c.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: aws.String(name), Runtime: types.RuntimePython312, Handler: aws.String("main.handler"), Role: aws.String("arn:aws:iam::000000000000:role/r"),
		Code: &types.FunctionCode{ZipFile: zipOf(t, "main.py", "def handler(event, context): return '"+says+"'")}, Timeout: aws.Int32(20),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestFunctionsElsewhere calls functions of another server through this one: by
// the endpoint of lambda, and by rules for a name, an account and a Region; and
// passes their streams on as they come. The other server is a Gatehouse; Amazon's
// is not reached from here.
func TestFunctionsElsewhere(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is missing")
	}
	far := start(t)
	access, secret, err := far.Credential()
	if err != nil {
		t.Fatal(err)
	}
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		event, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, `"plain %s %s"`, r.Header.Get("Lambda-Runtime-Invoked-Function-Arn"), strings.ReplaceAll(string(event), `"`, "'"))
	}))
	t.Cleanup(plain.Close)
	bin, err := gatehousetest.Build(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	near, err := gatehousetest.StartWith(t.Context(), bin, filepath.Join(t.TempDir(), "data"), []string{"AWS_ACCESS_KEY_ID=" + access, "AWS_SECRET_ACCESS_KEY=" + secret},
		"--service-endpoint", "lambda="+far.Endpoint(), "--function-endpoint", "web-*="+plain.URL, "--function-endpoint", "111111111111:moved="+plain.URL,
		"--function-endpoint", "eu-west-1:000000000000:moved="+plain.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(near.Kill)
	place(t, lambdaIn(t, far, region), "moved", "far")
	place(t, lambdaIn(t, far, region), "both", "far")
	place(t, lambdaIn(t, near, region), "both", "near")
	for _, tt := range []struct{ name, region, want string }{
		{"moved", region, `"far"`},
		{"moved", "eu-west-1", `"plain arn:aws:lambda:eu-west-1:000000000000:function:moved {'a':1}"`},
		{"both", region, `"near"`},
		{"web-shop", region, `"plain arn:aws:lambda:` + region + `:000000000000:function:web-shop {'a':1}"`},
	} {
		out, err := lambdaIn(t, near, tt.region).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String(tt.name), Payload: []byte(`{"a":1}`)})
		if err != nil {
			t.Fatalf("%s in %s: %v", tt.name, tt.region, err)
		}
		if got := string(out.Payload); got != tt.want {
			t.Errorf("%s in %s: %s, want %s", tt.name, tt.region, got, tt.want)
		}
	}
	for name, at := range map[string]string{"loops": "http://" + near.Listen, "std": near.Endpoint()} {
		t.Run("stream "+name, func(t *testing.T) { streamElsewhere(t, near, far, at) })
	}
}

// streamElsewhere calls a function that answers in pieces, through an API.
func streamElsewhere(t *testing.T, near, far *gatehousetest.Server, at string) {
	open := make(chan struct{})
	gate := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-open }))
	release := sync.OnceFunc(func() { close(open) })
	t.Cleanup(gate.Close)
	t.Cleanup(release)
	ctx := t.Context()
	name := "gated-" + strings.ReplaceAll(t.Name(), "/", "-")
	_, err := lambdaIn(t, far, region).CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: aws.String(name), Runtime: types.RuntimeNodejs20x, Handler: aws.String("index.handler"), Role: aws.String("arn:aws:iam::000000000000:role/r"),
		Code: &types.FunctionCode{ZipFile: zipOf(t, "index.js", gatedCode)}, Timeout: aws.Int32(60),
		Environment: &types.Environment{Variables: map[string]string{"GATE": gate.URL}},
	})
	if err != nil {
		t.Fatal(err)
	}
	rest := newClient(t, near)
	api, err := rest.ImportRestApi(ctx, &apigateway.ImportRestApiInput{Body: []byte(`{"openapi":"3.0.1","info":{"title":"t","version":"1"},"paths":{"/s":{"get":{"x-amazon-apigateway-integration":` +
		`{"type":"aws_proxy","httpMethod":"POST","responseTransferMode":"STREAM","uri":"arn:aws:apigateway:` + region +
		`:lambda:path/2021-11-15/functions/arn:aws:lambda:` + region + `:000000000000:function:` + name + `/response-streaming-invocations"}}}}}`),
		Parameters: map[string]string{"endpointConfigurationTypes": string(apitypes.EndpointTypeRegional)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rest.CreateDeployment(ctx, &apigateway.CreateDeploymentInput{RestApiId: api.Id, StageName: aws.String("prod")}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at+"/_aws/execute-api/"+*api.Id+"/prod/s", nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{}
	t.Cleanup(client.CloseIdleConnections)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, len("first "))
	if _, err := io.ReadFull(resp.Body, first); err != nil {
		t.Fatalf("%d: %v", resp.StatusCode, err)
	}
	release() // only now can the rest come
	last, err := io.ReadAll(resp.Body)
	if got := string(first) + string(last); err != nil || got != "first last" || resp.StatusCode != 201 || resp.Header.Get("X-From") != region {
		t.Errorf("%d %q from %q, %v", resp.StatusCode, got, resp.Header.Get("X-From"), err)
	}
}
