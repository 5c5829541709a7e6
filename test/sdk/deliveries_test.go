package sdk_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	agtypes "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	logs "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
)

// firehose takes what is sent to a delivery stream.
func firehose(t *testing.T) (url string, records <-chan string) {
	got := make(chan string, 1000)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			RequestID string `json:"requestId"`
			Records   []struct {
				Data []byte `json:"data"`
			} `json:"records"`
		}
		_ = json.NewDecoder(r.Body).Decode(&in)
		for _, rec := range in.Records {
			got <- string(rec.Data)
		}
		_, _ = fmt.Fprintf(w, `{"requestId":%q,"timestamp":1}`, in.RequestID)
	}))
	t.Cleanup(srv.Close)
	return srv.URL, got
}

// TestDeliveries has the execution logs of a stage delivered to a log group, to a
// bucket and to a delivery stream.
func TestDeliveries(t *testing.T) {
	url, records := firehose(t)
	s := start(t, "--delivery-stream", "mine="+url)
	c, ctx := logsOf(t, s), t.Context()
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(ctx, "/usr/bin/aws", append([]string{"--endpoint-url", s.Endpoint(), "--region", "us-east-1"}, args...)...)
		cmd.Env = append(os.Environ(), "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(s.Data, "root-credential"))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Skipf("aws %s: %v %s", strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	run("s3", "mb", "s3://logs")
	gw := newClient(t, s)
	api, stage := loggedStage(t, gw, "us-east-1")

	put := &logs.PutDeliverySourceInput{Name: aws.String("prod"), LogType: aws.String("EXECUTION_LOGS"), ResourceArn: &stage}
	if _, err := c.PutDeliverySource(ctx, put); code(err) != "ValidationException" {
		t.Errorf("a source that logs nothing: %v", err)
	}
	logLevel(t, gw, api, "INFO")
	src, err := c.PutDeliverySource(ctx, put)
	if err != nil {
		t.Fatal(err)
	}
	if *src.DeliverySource.Arn != "arn:aws:logs:us-east-1:000000000000:delivery-source:prod" || *src.DeliverySource.Service != "apigateway" {
		t.Errorf("source %+v", src.DeliverySource)
	}
	if _, err := c.PutDeliverySource(ctx, &logs.PutDeliverySourceInput{Name: aws.String("again"), LogType: put.LogType, ResourceArn: &stage}); code(err) != "ConflictException" {
		t.Errorf("the same stage as another source: %v", err)
	}

	group := "arn:aws:logs:us-east-1:000000000000:log-group:/mine"
	destination := func(name, resource string, format types.OutputFormat) (string, error) {
		out, err := c.PutDeliveryDestination(ctx, &logs.PutDeliveryDestinationInput{Name: &name, OutputFormat: format,
			DeliveryDestinationConfiguration: &types.DeliveryDestinationConfiguration{DestinationResourceArn: &resource}})
		if err != nil {
			return "", err
		}
		return *out.DeliveryDestination.Arn, nil
	}
	if _, err := destination("group", group, ""); code(err) != "ResourceNotFoundException" {
		t.Errorf("a group that is not there as destination: %v", err)
	}
	if _, err := destination("circle", "arn:aws:logs:us-east-1:000000000000:log-group:API-Gateway-Execution-Logs_"+api+"/prod", ""); code(err) != "ValidationException" {
		t.Errorf("a group of execution logs as destination: %v", err)
	}
	if _, err := c.CreateLogGroup(ctx, &logs.CreateLogGroupInput{LogGroupName: aws.String("/mine")}); err != nil {
		t.Fatal(err)
	}
	if _, err := destination("bad", "arn:aws:s3:::logs", types.OutputFormatParquet); err == nil || !strings.Contains(err.Error(), "does not support outputFormat") {
		t.Errorf("parquet: %v", err)
	}
	var first string
	for _, d := range []struct {
		name, resource string
		format         types.OutputFormat
	}{{"group", group, ""}, {"bucket", "arn:aws:s3:::logs/here", types.OutputFormatPlain}, {"stream", "arn:aws:firehose:us-east-1:000000000000:deliverystream/mine", types.OutputFormatJson}} {
		to, err := destination(d.name, d.resource, d.format)
		if err != nil {
			t.Fatal(err)
		}
		in := &logs.CreateDeliveryInput{DeliverySourceName: aws.String("prod"), DeliveryDestinationArn: &to}
		if d.name == "stream" {
			in.RecordFields = []string{"request_id", "message"}
		}
		out, err := c.CreateDelivery(ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = *out.Delivery.Id
		}
		if _, err := c.CreateDelivery(ctx, in); code(err) != "ConflictException" {
			t.Errorf("%s: a second delivery: %v", d.name, err)
		}
	}
	if _, err := c.DeleteDeliverySource(ctx, &logs.DeleteDeliverySourceInput{Name: aws.String("prod")}); code(err) != "ConflictException" {
		t.Errorf("a source in use is deleted: %v", err)
	}

	if got := call(t, s, api, "prod", "/p"); got == "" {
		t.Log("the mock answers nothing") // it is the log that counts
	}
	want := regexp.MustCompile(`"event_timestamp":\d{13},"resource_arn":"` + stage + `","api_id":"` + api + `","stage":"prod","request_id":"[0-9a-f-]{36}","message":"Method completed with status: 200"`)
	eventually(t, "the log group", func() bool {
		out, err := c.FilterLogEvents(ctx, &logs.FilterLogEventsInput{LogGroupName: aws.String("/mine")})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range out.Events {
			if want.MatchString(*e.Message) {
				return true
			}
		}
		return false
	})
	for got := ""; !strings.Contains(got, "Method completed with status: 200"); {
		select {
		case got = <-records:
			if !strings.HasPrefix(got, `{"request_id":"`) {
				t.Errorf("record %s", got)
			}
		case <-time.After(2 * time.Minute):
			t.Fatal("nothing came to the delivery stream")
		}
	}
	dir := t.TempDir()
	plain := regexp.MustCompile(`\d{13}\t` + stage + `\t` + api + `\tprod\t[0-9a-f-]{36}\tMethod completed with status: 200\n`)
	eventually(t, "the bucket", func() bool {
		run("s3", "sync", "s3://logs/here/AWSLogs/000000000000/apigateway/us-east-1", dir)
		return plain.MatchString(unzipAll(t, dir))
	})

	if _, err := c.DeleteDelivery(ctx, &logs.DeleteDeliveryInput{Id: &first}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.GetDelivery(ctx, &logs.GetDeliveryInput{Id: &first}); code(err) != "ResourceNotFoundException" {
		t.Errorf("a delivery that was deleted: %v", err)
	}
	if list, err := c.DescribeDeliveries(ctx, &logs.DescribeDeliveriesInput{}); err != nil || len(list.Deliveries) != 2 {
		t.Errorf("deliveries %+v %v", list, err)
	}
	if list, err := c.DescribeConfigurationTemplates(ctx, &logs.DescribeConfigurationTemplatesInput{}); err != nil || len(list.ConfigurationTemplates) != 3 {
		t.Errorf("templates %+v %v", list, err)
	}
}

// loggedStage makes an API with a mock, and a stage of it, and returns the API and
// the stage's ARN.
func loggedStage(t *testing.T, gw *apigateway.Client, region string) (api, stage string) {
	t.Helper()
	ctx := t.Context()
	in := func(o *apigateway.Options) { o.Region = region }
	out, err := gw.ImportRestApi(ctx, &apigateway.ImportRestApiInput{Body: []byte(`{"openapi":"3.0.1","info":{"title":"m","version":"1"},"paths":{"/p":{"get":{"responses":{"200":{"description":"ok"}},
		"x-amazon-apigateway-integration":{"type":"mock","requestTemplates":{"application/json":"{\"statusCode\":200}"},"responses":{"default":{"statusCode":"200"}}}}}}}`)}, in)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gw.CreateDeployment(ctx, &apigateway.CreateDeploymentInput{RestApiId: out.Id, StageName: aws.String("prod")}, in); err != nil {
		t.Fatal(err)
	}
	_, err = gw.UpdateAccount(ctx, &apigateway.UpdateAccountInput{PatchOperations: []agtypes.PatchOperation{
		{Op: agtypes.OpReplace, Path: aws.String("/cloudwatchRoleArn"), Value: aws.String("arn:aws:iam::000000000000:role/logs")}}}, in)
	if err != nil {
		t.Fatal(err)
	}
	return *out.Id, "arn:aws:apigateway:" + region + ":000000000000:/restapis/" + *out.Id + "/stages/prod"
}

// logLevel sets the level of a stage's execution logs.
func logLevel(t *testing.T, gw *apigateway.Client, api, level string) {
	t.Helper()
	_, err := gw.UpdateStage(t.Context(), &apigateway.UpdateStageInput{RestApiId: &api, StageName: aws.String("prod"), PatchOperations: []agtypes.PatchOperation{
		{Op: agtypes.OpReplace, Path: aws.String("/*/*/logging/loglevel"), Value: &level}}}, func(o *apigateway.Options) { o.Region = "us-east-1" })
	if err != nil {
		t.Fatal(err)
	}
}

// code is the code of an answer that is an error.
func code(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	return ""
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !is(); <-time.After(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s has nothing", what)
		}
	}
}

// unzipAll is what all files below a directory hold.
func unzipAll(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			return err
		}
		text, err := io.ReadAll(z)
		all.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
