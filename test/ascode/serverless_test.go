package ascode_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestServerless deploys, calls, deploys again, and removes the
// example of the Serverless Framework, whose plugin leads its calls here.
func TestServerless(t *testing.T) {
	cli, err := filepath.Abs(filepath.Join(root, "build/serverless/node_modules/serverless/bin/serverless.js"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(cli); err != nil {
		t.Skip("serverless 3 is not installed: make deps")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("needs node")
	}
	d := start(t, filepath.Join(root, "examples/serverless"))
	d.env = append(d.env, "SLS_TELEMETRY_DISABLED=1", "SLS_NOTIFICATIONS_MODE=off", "SLS_DISABLE_AUTO_UPDATE=1", "NODE_NO_WARNINGS=1")
	sls := func(args ...string) string { return d.run(t, 0, node, append([]string{cli}, args...)...) }

	told := sls("deploy")
	id := func(of string) string {
		m := regexp.MustCompile(`//([a-z0-9]+)\.execute-api\.eu-central-1\.amazonaws\.com` + of).FindStringSubmatch(told)
		if m == nil {
			t.Fatalf("deploy does not tell the URL that ends with %s:\n%s", of, told)
		}
		return m[1]
	}
	key := regexp.MustCompile(`first: (\w+)`).FindStringSubmatch(told)
	if key == nil {
		t.Fatalf("deploy does not tell the key:\n%s", told)
	}
	rest, http := id("/dev/pets"), id("/pets\n")
	for _, tt := range []struct {
		path   string
		header map[string]string
		want   string
	}{
		{rest + "/dev/pets/7", nil, `200 {"pet": "7"}`},
		{rest + "/dev/secret", nil, `403 {"message":"Forbidden"}`},
		{rest + "/dev/secret", map[string]string{"X-Api-Key": key[1]}, `200 {"pet": null}`},
		{http + "/pets", nil, `200 {"pet": null}`},
	} {
		if got := d.get(t, tt.path, tt.header); got != tt.want {
			t.Errorf("GET %s = %s, want %s", tt.path, got, tt.want)
		}
	}
	if got := sls("invoke", "--function", "pets", "--data", `{"pathParameters": {"id": "9"}}`); !strings.Contains(got, `\"pet\": \"9\"`) {
		t.Errorf("invoke: %s", got)
	}
	// The framework makes deployments of WebSocket APIs anew each time.
	if got := sls("deploy"); !strings.Contains(got, "Service deployed to stack pets-dev") {
		t.Errorf("a second deployment: %s", got)
	}
	sls("remove")
	c, err := d.Client()
	if err != nil {
		t.Fatal(err)
	}
	c.Region = region
	for _, path := range []string{"/restapis", "/v2/apis", "/apikeys", "/usageplans"} {
		var left struct{ Item, Items []any }
		if err := c.Call(t.Context(), "GET", path, nil, &left); err != nil || len(left.Item)+len(left.Items) > 0 {
			t.Errorf("after remove there is at %s: %v %v, %v", path, left.Item, left.Items, err)
		}
	}
}
