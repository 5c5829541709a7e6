package sdk_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestValidateLogs has the aws command, of a version that finds S3 by
// AWS_ENDPOINT_URL, verify what a trail delivered, and find what was changed.
func TestValidateLogs(t *testing.T) {
	s := start(t)
	home := t.TempDir()
	run := func(in []byte, args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "aws", args...)
		cmd.Env = append(os.Environ(), "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(s.Data, "root-credential"), "AWS_ENDPOINT_URL="+s.Endpoint(), "AWS_DEFAULT_REGION="+region, "HOME="+home)
		cmd.Stdin = bytes.NewReader(in)
		out, err := cmd.CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	if out, err := run(nil, "s3", "mb", "s3://trails"); err != nil {
		t.Skipf("no aws command that knows AWS_ENDPOINT_URL: %s", out)
	}
	must := func(in []byte, args ...string) string {
		t.Helper()
		out, err := run(in, args...)
		if err != nil {
			t.Fatalf("aws %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return out
	}
	trail := must(nil, "cloudtrail", "create-trail", "--name", "audit", "--s3-bucket-name", "trails", "--enable-log-file-validation", "--query", "TrailARN", "--output", "text")
	began := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	for range 2 {
		must(nil, "cloudtrail", "start-logging", "--name", "audit")
		must(nil, "apigateway", "create-rest-api", "--name", "one")
		must(nil, "cloudtrail", "stop-logging", "--name", "audit")
	}
	if out := must(nil, "cloudtrail", "validate-logs", "--trail-arn", trail, "--start-time", began); !strings.Contains(out, "2/2 digest files valid") || !strings.Contains(out, "2/2 log files valid") {
		t.Errorf("validate-logs: %s", out)
	}
	key := must(nil, "s3api", "list-objects-v2", "--bucket", "trails", "--prefix", "AWSLogs/000000000000/CloudTrail/", "--query", "Contents[0].Key", "--output", "text")
	must([]byte("changed"), "s3", "cp", "-", "s3://trails/"+key)
	if out, err := run(nil, "cloudtrail", "validate-logs", "--trail-arn", trail, "--start-time", began); !strings.Contains(out, "1/2 log files valid, 1/2 log files INVALID") {
		t.Errorf("validate-logs of a changed file: %v %s", err, out)
	}
}
