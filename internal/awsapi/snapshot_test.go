package awsapi_test

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gatehouse/internal/awsapi/lambda"
	"gatehouse/internal/awsrpc"
)

var snapshotPin = regexp.MustCompile(`(?m)^\s*(github\.com/aws/aws-sdk-go-v2/service/(\w+)) (v\S+)`)

// TestSDKSnapshots sends the requests that the pinned SDK modules publish as
// their own golden files, one per operation with every member set. Each must be
// read whole and reach its operation.
func TestSDKSnapshots(t *testing.T) {
	pins, err := os.ReadFile(filepath.Join("..", "..", "tools", "awsgen", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	cache, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Skip("no go command to ask for the module cache")
	}
	h, err := awsrpc.NewHandler(append(mounts(), lambda.Mount(lambda.UnimplementedServer{})), awsrpc.Options{Dev: true})
	if err != nil {
		t.Fatal(err)
	}
	services := map[string]int{"apigateway": 124, "apigatewayv2": 103, "apigatewaymanagementapi": 3, "lambda": 87}
	for _, pin := range snapshotPin.FindAllStringSubmatch(string(pins), -1) {
		want, ok := services[pin[2]]
		if !ok {
			continue
		}
		dir := filepath.Join(strings.TrimSpace(string(cache)), filepath.FromSlash(pin[1])+"@"+pin[3], "request_snapshot")
		files, err := filepath.Glob(filepath.Join(dir, "*.request.snap"))
		if err != nil {
			t.Fatal(err)
		}
		if len(files) == 0 {
			t.Skipf("%s %s is not in the module cache: run go mod download in tools/awsgen", pin[2], pin[3])
		}
		sent := 0
		for _, file := range files {
			sent++
			sendSnapshot(t, h, file)
		}
		if sent != want {
			t.Errorf("%s: %d snapshots sent, want %d", pin[2], sent, want)
		}
	}
}

// sendSnapshot sends one file: request line, blank line, headers, blank line,
// body.
func sendSnapshot(t *testing.T, h *awsrpc.Handler, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	line, rest, _ := strings.Cut(string(text), "\n\n")
	headers, body, _ := strings.Cut(rest, "\n\n")
	method, target, _ := strings.Cut(line, " ")
	// The SDK's made-up value of a status code is none.
	target = strings.ReplaceAll(target, "__StatusCode__", "200")
	body = strings.ReplaceAll(strings.Trim(body, "\n"), "__StatusCode__", "200")
	r := httptest.NewRequest(method, "http://h"+target, strings.NewReader(body))
	for header := range strings.SplitSeq(headers, "\n") {
		if name, value, ok := strings.Cut(header, ": "); ok && name != "Content-Length" {
			r.Header.Set(name, value)
		}
	}
	op, _, _ := strings.Cut(filepath.Base(file), ".")
	// The SDK's made-up values break Lambda's patterns. They are looked at after
	// everything was read.
	broken := regexp.MustCompile(`validation errors? detected: Value '(__\w+__|1)'`)
	if _, got := answer(t, h, r); !strings.Contains(got, "does not implement "+op+" yet") && !broken.MatchString(got) {
		t.Errorf("%s %s %s:\n%s", op, method, target, got)
	}
}
