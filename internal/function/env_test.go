package function_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"context"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/function"
)

// AWS: configuration-envvars, defined runtime environment variables.
func TestEnvironment(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "of the gateway")
	t.Setenv("GATEWAY_SECRET", "x")
	h := newHost(t, function.Options{Credentials: func(_ context.Context, role string) (function.Credentials, error) {
		return function.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret of " + role, SessionToken: "token"}, nil
	}})
	code, layer := testCode(t), t.TempDir()
	mustSet(t, h, latest(function.Version{Code: code, Layers: []string{layer}, Handler: "h", Memory: 256, Role: "role", Env: map[string]string{
		"MINE": "1", "LANG": "de_DE.UTF-8", "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "fake", "EMPTY": "",
	}}))
	var environ string
	if err := json.Unmarshal(invoke(t, h, deed{Do: "environ"}).Payload, &environ); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for line := range strings.SplitSeq(environ, "\n") {
		name, value, _ := strings.Cut(line, "=")
		got[name] = value
	}
	if tmp := got["TMPDIR"]; tmp == "" || tmp == os.TempDir() {
		t.Errorf("TMPDIR %q", tmp)
	}
	if !strings.HasPrefix(got["AWS_LAMBDA_LOG_STREAM_NAME"], time.Now().UTC().Format("2006/01/02")+"/[$LATEST]") {
		t.Errorf("log stream %q", got["AWS_LAMBDA_LOG_STREAM_NAME"])
	}
	if !strings.HasPrefix(got["AWS_LAMBDA_RUNTIME_API"], "127.0.0.1:") {
		t.Errorf("Runtime API %q", got["AWS_LAMBDA_RUNTIME_API"])
	}
	for _, name := range []string{"TMPDIR", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API", "GATEHOUSE_INSTANCE", "LAMBDA_RUNTIME_DIR", "GORACE"} {
		delete(got, name)
	}
	want := map[string]string{
		"_HANDLER": "h", "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
		"AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
		"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
		"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret of role", "AWS_SESSION_TOKEN": "token",
		"AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR", "LAMBDA_TASK_ROOT": code, "TZ": ":UTC",
		"PATH":            "/usr/local/bin:/usr/bin:/bin:" + layer + "/bin",
		"LD_LIBRARY_PATH": code + ":" + code + "/lib:" + layer + "/lib",
		"MINE":            "1", "LANG": "de_DE.UTF-8", "EMPTY": "",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	var cwd string
	if _ = json.Unmarshal(invoke(t, h, deed{Do: "cwd"}).Payload, &cwd); cwd != code {
		t.Errorf("runs in %s, want %s", cwd, code)
	}
}

// What an instance writes to its directory for temporary files is gone with it.
func TestTemporaryFiles(t *testing.T) {
	h := newHost(t, function.Options{})
	mustSet(t, h, latest(function.Version{Code: testCode(t)}))
	var dir string
	if err := json.Unmarshal(invoke(t, h, deed{Do: "touch"}).Payload, &dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "file")); err != nil {
		t.Fatal(err)
	}
	invoke(t, h, deed{Do: "exit"})
	for h.Instances() > 0 {
		<-time.After(time.Millisecond)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v", dir, err)
	}
}

// Credentials that are about to end are not run with.
func TestCredentialsExpire(t *testing.T) {
	calls := 0
	h := newHost(t, function.Options{Credentials: func(context.Context, string) (function.Credentials, error) {
		calls++
		return function.Credentials{AccessKeyID: "AKID", Expires: time.Now().Add(time.Second)}, nil
	}})
	mustSet(t, h, latest(function.Version{Code: testCode(t), Role: "role", Timeout: 20 * time.Second}))
	first := invoke(t, h, deed{Do: "pid"})
	if second := invoke(t, h, deed{Do: "pid"}); string(first.Payload) == string(second.Payload) || calls != 2 {
		t.Errorf("ran twice with credentials that end in a second, asked %d times", calls)
	}
}
