package function_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/function"
)

// beExtension is the test binary as an extension: it writes each event that it
// gets to its output. EXTENSION says what else it does.
func beExtension() {
	base := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2020-01-01/extension/"
	client, id := &http.Client{}, ""
	call := func(method, path, body string) (int, http.Header, string) {
		req, _ := http.NewRequest(method, base+path, strings.NewReader(body))
		req.Header.Set("Lambda-Extension-Name", filepath.Base(os.Args[0]))
		req.Header.Set("Lambda-Extension-Accept-Feature", "accountId")
		req.Header.Set("Lambda-Extension-Identifier", id)
		req.Header.Set("Lambda-Extension-Function-Error-Type", "Extension.Broken")
		resp, err := client.Do(req)
		if err != nil {
			os.Exit(0)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, resp.Header, string(b)
	}
	status, h, body := call("POST", "register", `{"events":["INVOKE","SHUTDOWN"]}`)
	fmt.Fprintln(os.Stdout, "registered", status, body)
	id = h.Get("Lambda-Extension-Identifier")
	mode := os.Getenv("EXTENSION")
	if mode == "init error" {
		_, _, body := call("POST", "init/error", "{}")
		fmt.Fprintln(os.Stdout, "reported", body)
		select {}
	}
	for {
		_, _, body := call("GET", "event/next", "")
		var e struct{ EventType, ShutdownReason, RequestID, InvokedFunctionArn string }
		_ = json.Unmarshal([]byte(body), &e)
		fmt.Fprintln(os.Stdout, "event", e.EventType, e.ShutdownReason, e.InvokedFunctionArn, e.RequestID != "")
		switch {
		case e.EventType == "SHUTDOWN":
			os.Exit(0)
		case mode == "crash":
			os.Exit(9)
		case mode == "late":
			<-time.After(100 * time.Millisecond)
			fmt.Fprintln(os.Stdout, "event done")
		case mode == "hang":
			select {}
		}
	}
}

// extended defines a function with an extension.
func extended(t *testing.T, log *logBook, mode string) *function.Definition {
	t.Helper()
	timeout := time.Minute
	if mode == "hang" {
		timeout = 2 * time.Second
	}
	layer := t.TempDir()
	if err := os.Rename(linkedCode(t), filepath.Join(layer, "extensions")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(layer, "extensions/bootstrap"), filepath.Join(layer, "extensions/agent")); err != nil {
		t.Fatal(err)
	}
	def := latest(function.Version{Code: linkedCode(t), Layers: []string{layer}, Timeout: timeout, Handler: "main", Env: map[string]string{"EXTENSION": mode}})
	def.Log = log.add
	return def
}

// An extension sees the invocations of its function, is waited for before the
// next one, and is told the end.
func TestExtension(t *testing.T) {
	opt := sandboxed(t)
	opt.Idle = 10 * time.Millisecond
	h := newHost(t, opt)
	var log logBook
	mustSet(t, h, extended(t, &log, "late"))
	if r := invoke(t, h, deed{Do: "print", N: 1, Text: "the function"}); r.Error != "" {
		t.Fatalf("%s\n%s", r.Payload, log.text())
	}
	h.Remove(testARN)
	if !await(func() bool { return h.Instances() == 0 }) {
		t.Error("the instance did not end")
	}
	text := log.text()
	at := 0
	for _, want := range []string{
		"INIT_START",
		`registered 200 {"functionName":"f","functionVersion":"$LATEST","handler":"main","accountId":"123456789012"}`,
		"EXTENSION\tName: agent\tState: Ready\tEvents: [INVOKE, SHUTDOWN]",
		"START RequestId",
		"event INVOKE  " + testARN + " true",
		"event done",
		"END RequestId",
		"event SHUTDOWN spindown  false",
	} {
		i := strings.Index(text[at:], want)
		if i < 0 {
			t.Fatalf("no %q after\n%s\nin\n%s", want, text[:at], text)
		}
		at += i
	}
	awaitNone(t)
}

// An extension that fails ends the instance, and the caller is told.
func TestExtensionFails(t *testing.T) {
	tests := []struct{ mode, want, log string }{
		{"init error", `"errorType":"Extension.InitError"`, `reported {"status":"OK"}`},
		{"crash", `"errorType":"Extension.Crash"`, "event INVOKE"},
		{"hang", "", "Task timed out after 2.00 seconds"},
	}
	for _, tt := range tests {
		t.Run(tt.mode, func(t *testing.T) {
			if tt.mode == "hang" && testing.Short() {
				t.Skip("waits for a time-out")
			}
			h := newHost(t, sandboxed(t))
			var log logBook
			mustSet(t, h, extended(t, &log, tt.mode))
			do := deed{Do: "hang"}
			if tt.mode == "hang" {
				do = deed{Do: "echo"} // the caller has its answer before the extension is late
			}
			r := invoke(t, h, do)
			if !bytes.Contains(r.Payload, []byte(tt.want)) {
				t.Errorf("got %s", r.Payload)
			}
			if !strings.Contains(log.text(), tt.log) {
				t.Errorf("no %q in\n%s", tt.log, log.text())
			}
		})
	}
}

// Without a sandbox extensions are not run, and the log says so.
func TestExtensionNotRun(t *testing.T) {
	h := newHost(t, function.Options{})
	var log logBook
	mustSet(t, h, extended(t, &log, ""))
	if r := invoke(t, h, deed{Do: "echo"}); r.Error != "" {
		t.Errorf("got %s", r.Payload)
	}
	if want := "Gatehouse: extensions are run in sandboxes only, not here: agent"; !strings.Contains(log.text(), want) {
		t.Errorf("no %q in\n%s", want, log.text())
	}
}

// The API refuses what AWS refuses, and has no telemetry.
func TestExtensionAPI(t *testing.T) {
	h := newHost(t, function.Options{})
	mustSet(t, h, latest(function.Version{Code: testCode(t)}))
	tests := []struct{ method, path, header, want string }{
		{"POST", "/2020-01-01/extension/register", "", `403 {"errorMessage":"Empty extension name","errorType":"Extension.InvalidExtensionName"}`},
		{"POST", "/2020-01-01/extension/register", "Lambda-Extension-Name: a", `403 {"errorMessage":"Extension registration closed already","errorType":"Extension.RegistrationClosed"}`},
		{"GET", "/2020-01-01/extension/event/next", "", `403 {"errorMessage":"Missing Lambda-Extension-Identifier header","errorType":"Extension.MissingExtensionIdentifier"}`},
		{"GET", "/2020-01-01/extension/event/next", "Lambda-Extension-Identifier: no", `403 {"errorMessage":"Unknown Lambda-Extension-Identifier","errorType":"Extension.UnknownExtensionIdentifier"}`},
		{"PUT", "/2022-07-01/telemetry", "", `202 {"errorMessage":"Telemetry API is not supported","errorType":"Telemetry.NotSupported"}`},
		{"PUT", "/2020-08-15/logs", "", `202 {"errorMessage":"Logs API is not supported","errorType":"Logs.NotSupported"}`},
	}
	for _, tt := range tests {
		r := invoke(t, h, deed{Do: "request", Text: tt.method + " " + tt.path + "\n" + tt.header})
		var got string
		_ = json.Unmarshal(r.Payload, &got)
		if strings.TrimSpace(got) != tt.want {
			t.Errorf("%s %s %s: %s, want %s", tt.method, tt.path, tt.header, got, tt.want)
		}
	}
}
