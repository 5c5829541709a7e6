package sdk_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// streamCode answers in pieces, and fails on the way if it is asked to.
const streamCode = `exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  stream.write("one ");
  await new Promise((resolve) => setTimeout(resolve, 20));
  if (event.fail) throw new Error("oh no");
  stream.write("two");
  stream.end();
});`

func zipOf(t *testing.T, name, content string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create(name)
	if err == nil {
		_, err = io.WriteString(w, content)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestLambdaStream makes a function with the Go SDK, waits for it, and reads its
// streamed answers.
func TestLambdaStream(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is missing")
	}
	s := start(t)
	access, secret, err := s.Credential()
	if err != nil {
		t.Fatal(err)
	}
	client := lambda.New(lambda.Options{
		Region: region, BaseEndpoint: aws.String(s.Endpoint()), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(access, secret, ""),
	})
	ctx := t.Context()
	name := aws.String("stream")
	_, err = client.CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: name, Runtime: types.RuntimeNodejs20x, Handler: aws.String("index.handler"), Role: aws.String("arn:aws:iam::000000000000:role/r"),
		Code: &types.FunctionCode{ZipFile: zipOf(t, "index.js", streamCode)}, Timeout: aws.Int32(10),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := lambda.NewFunctionActiveV2Waiter(client).Wait(ctx, &lambda.GetFunctionInput{FunctionName: name}, time.Minute); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, payload, want, code string }{
		{"whole", "{}", "one two", ""}, {"failed on the way", `{"fail":true}`, "one ", "Error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := client.InvokeWithResponseStream(ctx, &lambda.InvokeWithResponseStreamInput{FunctionName: name, Payload: []byte(tt.payload)})
			if err != nil {
				t.Fatal(err)
			}
			if out.StatusCode != 200 || aws.ToString(out.ExecutedVersion) != "$LATEST" {
				t.Errorf("answer = %d, version %s", out.StatusCode, aws.ToString(out.ExecutedVersion))
			}
			stream := out.GetStream()
			defer stream.Close()
			got, code, complete := "", "", false
			for event := range stream.Events() {
				switch e := event.(type) {
				case *types.InvokeWithResponseStreamResponseEventMemberPayloadChunk:
					got += string(e.Value.Payload)
				case *types.InvokeWithResponseStreamResponseEventMemberInvokeComplete:
					complete, code = true, aws.ToString(e.Value.ErrorCode)
				}
			}
			// After its last event the SDK may close the connection before the
			// answer's end, and then reports that.
			if err := stream.Err(); err != nil && !complete {
				t.Fatal(err)
			}
			if got != tt.want || !complete || code != tt.code {
				t.Errorf("stream = %q, complete %v, code %q; want %q, code %q", got, complete, code, tt.want, tt.code)
			}
		})
	}
	_, err = client.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("nope")})
	var missing *types.ResourceNotFoundException
	if !errors.As(err, &missing) || aws.ToString(missing.Type) != "User" {
		t.Errorf("Invoke of none = %v, want ResourceNotFoundException of the user", err)
	}
}

// TestLambdaPython runs an unmodified boto3.
func TestLambdaPython(t *testing.T) {
	if err := exec.Command(python, "-c", "import boto3").Run(); err != nil {
		t.Skipf("%s has no boto3: install Debian's python3-boto3 (make test does so as root)", python)
	}
	s := start(t)
	facts, err := json.Marshal(map[string]string{"endpoint": s.Endpoint(), "region": region})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "boto3_lambda.py", string(facts))
	cmd.Env = append(os.Environ(), "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(s.Data, "root-credential"), "AWS_EC2_METADATA_DISABLED=true")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
