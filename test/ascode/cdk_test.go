package ascode_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestCDK bootstraps, deploys, compares, updates and destroys the example: all
// kinds of APIs that the CDK makes.
func TestCDK(t *testing.T) {
	modules, err := filepath.Abs(filepath.Join(root, "build/npm/node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	cli := filepath.Join(modules, "aws-cdk/bin/cdk")
	for _, needed := range []string{cli, filepath.Join(modules, "aws-cdk-lib"), filepath.Join(modules, "constructs")} {
		if _, err := os.Stat(needed); err != nil {
			t.Skip("aws-cdk and aws-cdk-lib are not installed: make deps")
		}
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("needs node")
	}
	d := start(t, filepath.Join(root, "examples/cdk"), "--cloudformation-inert", "AWS::ECR::Repository")
	if err := os.Symlink(modules, filepath.Join(d.dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	d.env = append(d.env, "CDK_DEFAULT_ACCOUNT="+account, "CDK_DEFAULT_REGION="+region, "CDK_DISABLE_CLI_TELEMETRY=true", "NODE_NO_WARNINGS=1")
	cdk := func(code int, args ...string) string {
		t.Helper()
		return d.run(t, code, node, append([]string{cli, "--no-notices"}, args...)...)
	}
	cdk(0, "bootstrap")
	cdk(0, "deploy", "--require-approval", "never", "--outputs-file", "outputs.json")
	text, err := os.ReadFile(filepath.Join(d.dir, "outputs.json"))
	if err != nil {
		t.Fatal(err)
	}
	var outputs map[string]map[string]string
	readJSON(t, text, &outputs)
	ids := outputs["pets"]
	open := map[string]string{"Authorization": "open", "X-Key": "open"}
	for _, tt := range []struct {
		path   string
		header map[string]string
		want   string
	}{
		{ids["SmallId"] + "/prod/any/path", nil, `200 {"path": "/any/path"}`},
		{ids["RestId"] + "/live/pets", open, `200 {"path": "/pets"}`},
		{ids["RestId"] + "/live/pets", map[string]string{"Authorization": "closed"}, `403 {"Message":"User is not authorized to access this resource with an explicit deny in an identity-based policy"}`},
		{ids["RestId"] + "/live/missing", nil, `404 {"message":"Missing Authentication Token"}`},
		{ids["SpecId"] + "/prod/one", nil, `200 {"from": "spec"}`},
		{ids["AssetId"] + "/prod/two", nil, `200 {"from": "asset"}`},
		{ids["HttpId"] + "/pets", open, `200 {"path": "/pets"}`},
		{ids["HttpId"] + "/pets", nil, `401 {"message":"Unauthorized"}`},
		{ids["HttpId"] + "/iam", nil, `403 {"message":"Forbidden"}`},
	} {
		if got := d.get(t, tt.path, tt.header); got != tt.want {
			t.Errorf("GET %s = %s, want %s", tt.path, got, tt.want)
		}
	}
	if got := cdk(0, "diff", "--fail", "--app", "cdk.out"); !strings.Contains(got, "There were no differences") {
		t.Errorf("cdk diff of what is deployed: %s", got)
	}
	d.env = append(d.env, "MORE=1")
	if got := cdk(1, "diff", "--fail"); !strings.Contains(got, "AWS::ApiGateway::ApiKey Another") {
		t.Errorf("cdk diff does not tell the new key: %s", got)
	}
	cdk(0, "deploy", "--require-approval", "never")
	cdk(0, "destroy", "--force")
	c, err := d.Client()
	if err != nil {
		t.Fatal(err)
	}
	c.Region = region
	for _, path := range []string{"/restapis", "/v2/apis", "/apikeys", "/usageplans"} {
		var left struct {
			Item  []any `json:"item"`
			Items []any `json:"items"`
		}
		if err := c.Call(t.Context(), "GET", path, nil, &left); err != nil {
			t.Fatal(err)
		}
		if len(left.Item)+len(left.Items) > 0 {
			t.Errorf("%s after cdk destroy = %v, want nothing", path, left)
		}
	}
}
