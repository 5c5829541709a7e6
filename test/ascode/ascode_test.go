// Package ascode_test deploys with the tools that teams deploy to AWS with,
// unmodified, to the real binary. A tool that is not installed is skipped.
package ascode_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/test/gatehousetest"
)

const (
	root         = "../.."
	region       = "eu-central-1"
	account      = "000000000000"
	loadBalancer = "arn:aws:elasticloadbalancing:" + region + ":" + account + ":loadbalancer/net/shop/0123456789abcdef"

	// toolTime bounds one run of a tool.
	toolTime = 4 * time.Minute
)

// A deployer runs tools against a server of its own.
type deployer struct {
	*gatehousetest.Server
	dir string   // where tools run
	env []string // of tools
}

// start starts a server, and a copy of the files of from for tools to work in.
func start(t *testing.T, from string, args ...string) *deployer {
	t.Helper()
	bin, err := gatehousetest.Build(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s, err := gatehousetest.Start(t.Context(), bin, filepath.Join(t.TempDir(), "data"), args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	d := &deployer{Server: s, dir: filepath.Join(t.TempDir(), "work")}
	if err := os.CopyFS(d.dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	d.env = append(os.Environ(), "HOME="+t.TempDir(), "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(s.Data, "root-credential"), "AWS_ENDPOINT_URL="+s.Endpoint(),
		"AWS_REGION="+region, "AWS_DEFAULT_REGION="+region, "AWS_EC2_METADATA_DISABLED=true", "CI=true")
	return d
}

// run runs a tool and returns what it writes to its standard output. It fails
// unless the tool ends with this code.
func (d *deployer) run(t *testing.T, code int, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), toolTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = d.dir, d.env
	var failed tail
	cmd.Stderr = &failed
	out, err := cmd.Output()
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Fatalf("%s %v ended with %d, want %d: %v\n%s\n%s", filepath.Base(name), args, got, code, err, lastOf(out), failed)
	}
	return string(out) + string(failed)
}

// A tail keeps the end of what is written.
type tail []byte

// Write appends p.
func (b *tail) Write(p []byte) (int, error) {
	*b = lastOf(append(*b, p...))
	return len(p), nil
}

func lastOf(out []byte) []byte { return out[max(0, len(out)-8000):] }

// get calls an API as its clients do.
func (d *deployer) get(t *testing.T, path string, header map[string]string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.DataPlane()+"/_aws/execute-api/"+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := (&http.Client{}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(resp.StatusCode, " ", string(body))
}

func readJSON(t *testing.T, data []byte, out any) {
	t.Helper()
	if err := json.Unmarshal(data, out); err != nil {
		t.Fatal(err)
	}
}
