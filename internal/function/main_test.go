package function_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatehouse/internal/function"
)

// The test binary is also the function: with a Runtime API to speak to, it is
// a runtime of its own that does what events tell it.
func TestMain(m *testing.M) {
	function.Init()
	switch {
	case filepath.Base(os.Args[0]) == "agent":
		beExtension()
	case os.Getenv("AWS_LAMBDA_RUNTIME_API") != "":
		beFunction()
	case os.Getenv("FUNCTION_HOST") != "":
		beHost()
	}
	goleak.VerifyTestMain(m)
}

// A deed is what an event asks of the function.
type deed struct {
	Do    string
	N     int
	Text  string
	Leave bool `json:",omitempty"` // first start a process that leaves the group
}

type runtimeAPI struct {
	base   string
	client *http.Client
}

func beFunction() {
	switch os.Getenv("INIT") {
	case "exit":
		fmt.Fprintln(os.Stdout, "starting badly")
		os.Exit(3)
	case "hang":
		select {}
	}
	api := runtimeAPI{"http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/", &http.Client{}}
	if os.Getenv("INIT") == "error" {
		api.post("init/error", `{"errorMessage":"no database","errorType":"Runtime.Unready"}`, "Runtime.Unready")
		os.Exit(1)
	}
	for {
		resp, err := api.client.Get(api.base + "invocation/next")
		if err != nil || resp.StatusCode != 200 {
			os.Exit(0)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		api.act(resp.Header.Get("Lambda-Runtime-Aws-Request-Id"), body, resp.Header)
	}
}

func (a runtimeAPI) post(path, body, errorType string) string {
	req, _ := http.NewRequest("POST", a.base+path, strings.NewReader(body))
	if errorType != "" {
		req.Header.Set("Lambda-Runtime-Function-Error-Type", errorType)
	}
	return a.do(req)
}

func (a runtimeAPI) do(req *http.Request) string {
	resp, err := a.client.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return fmt.Sprintf("%d %s", resp.StatusCode, b)
}

func (a runtimeAPI) act(id string, event []byte, h http.Header) {
	var d deed
	_ = json.Unmarshal(event, &d)
	path := "invocation/" + id
	answer := string(event)
	if d.Leave {
		fmt.Fprintln(os.Stdout, "left", spawn(true) > 0)
	}
	switch d.Do {
	case "env":
		answer = quote(os.Getenv(d.Text))
	case "environ":
		answer = quote(strings.Join(os.Environ(), "\n"))
	case "headers":
		b, _ := json.Marshal(h)
		answer = string(b)
	case "pid":
		<-time.After(time.Duration(d.N) * time.Millisecond)
		answer = fmt.Sprint(os.Getpid())
	case "cwd":
		dir, _ := os.Getwd()
		answer = quote(dir)
	case "sleep":
		<-time.After(time.Duration(d.N) * time.Millisecond)
	case "hang":
		select {}
	case "exit":
		os.Exit(d.N)
	case "kill":
		_ = syscall.Kill(os.Getpid(), syscall.Signal(d.N))
		select {}
	case "answer and exit":
		a.post(path+"/response", answer, "")
		os.Exit(0)
	case "error":
		a.post(path+"/error", `{"errorMessage":"no","errorType":"TestError"}`, "TestError")
		return
	case "error and exit":
		a.post(path+"/error", `{"errorMessage":"no","errorType":"TestError"}`, "TestError")
		os.Exit(2)
	case "large":
		answer = `"` + strings.Repeat("x", d.N-2) + `"`
	case "print":
		for range d.N {
			fmt.Fprintln(os.Stdout, d.Text)
		}
	case "write":
		b := bytes.Repeat([]byte("0123456789abcde\n"), 1<<12)
		for range d.N {
			_, _ = os.Stdout.Write(b)
		}
	case "twice":
		answer = quote(a.post(path+"/response", "1", "") + a.post(path+"/response", "2", ""))
		fmt.Fprintln(os.Stdout, answer)
		return
	case "wrong id":
		answer = quote(a.post("invocation/nonsense/response", "1", ""))
	case "next again":
		resp, err := a.client.Get(a.base + "invocation/next")
		if err == nil {
			answer = fmt.Sprint(resp.StatusCode)
			_ = resp.Body.Close()
		}
	case "tear":
		a.tear(path)
		return
	case "tear and exit":
		a.tear(path)
		os.Exit(0)
	case "memory":
		b := make([]byte, d.N<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		<-time.After(10 * time.Second)
	case "child":
		answer = fmt.Sprint(spawn(d.Text == "setsid"))
	case "bomb":
		for {
			spawn(false)
		}
	case "touch":
		_ = os.WriteFile(filepath.Join(os.Getenv("TMPDIR"), "file"), []byte("x"), 0o600)
		answer = quote(os.Getenv("TMPDIR"))
	case "read":
		b, err := os.ReadFile(d.Text)
		answer = quote(string(b) + errorText(err))
	case "list":
		entries, err := os.ReadDir(d.Text)
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		answer = quote(strings.Join(names, " ") + errorText(err))
	case "fill":
		answer = quote(errorText(fill(os.ExpandEnv(d.Text), d.N)))
	case "fill and hang":
		_ = fill(os.ExpandEnv(d.Text), d.N)
		select {}
	case "request": // METHOD PATH, and a header in the second line
		line, field, _ := strings.Cut(d.Text, "\n")
		method, path, _ := strings.Cut(line, " ")
		req, _ := http.NewRequest(method, "http://"+os.Getenv("AWS_LAMBDA_RUNTIME_API")+path, strings.NewReader("{}"))
		if name, value, ok := strings.Cut(field, ": "); ok {
			req.Header.Set(name, value)
		}
		answer = quote(a.do(req))
	case "stubborn":
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
		select {}
	case "spy":
		_, err := os.ReadFile("/proc/1/environ")
		answer = quote(errorText(err))
	case "stream":
		a.stream(path, d)
		return
	}
	a.post(path+"/response", answer, "")
}

// fill writes a file of n MB.
func fill(path string, n int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for range n {
		if _, err := f.Write(make([]byte, 1<<20)); err != nil {
			return err
		}
	}
	return nil
}

// errorText tells what the system says of an error.
func errorText(err error) string {
	var no syscall.Errno
	if errors.As(err, &no) {
		return no.Error()
	}
	return ""
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// tear closes the connection in the middle of an answer.
func (a runtimeAPI) tear(path string) {
	c, err := net.Dial("tcp", os.Getenv("AWS_LAMBDA_RUNTIME_API"))
	if err != nil {
		return
	}
	fmt.Fprintf(c, "POST /2018-06-01/runtime/%s/response HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"half\":", path)
	_ = c.Close()
}

func spawn(session bool) int {
	cmd := exec.Command("/bin/sleep", "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: session}
	if cmd.Start() != nil {
		return 0
	}
	return cmd.Process.Pid
}

// stream answers in N pieces; Text says how it ends: "", "fail" or "exit".
func (a runtimeAPI) stream(path string, d deed) {
	r, w := io.Pipe()
	req, _ := http.NewRequest("POST", a.base+path+"/response", r)
	req.Header.Set("Lambda-Runtime-Function-Response-Mode", "streaming")
	req.Header.Set("Content-Type", "text/event-stream")
	req.Trailer = http.Header{"Lambda-Runtime-Function-Error-Type": nil, "Lambda-Runtime-Function-Error-Body": nil}
	go func() {
		for i := range d.N {
			fmt.Fprintf(w, "piece %d\n", i)
		}
		switch d.Text {
		case "fail":
			req.Trailer.Set("Lambda-Runtime-Function-Error-Type", "Broken")
			req.Trailer.Set("Lambda-Runtime-Function-Error-Body", "eyJlcnJvclR5cGUiOiJCcm9rZW4ifQ==")
		case "exit":
			_, _ = w.Write(nil) // is read when all before is sent
			os.Exit(5)
		case "hang":
			select {}
		}
		_ = w.Close()
	}()
	a.do(req)
}

const testARN = "arn:aws:lambda:us-east-1:123456789012:function:f"

// A logBook collects what functions log.
type logBook struct {
	mu    sync.Mutex
	lines []string
	bytes int
}

func (l *logBook) add(line function.Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bytes += len(line.Text); l.bytes < 1<<20 {
		l.lines = append(l.lines, string(line.Text))
	}
}

func (l *logBook) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

func (l *logBook) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes
}

// newHost runs a host until the test ends; then nothing may be left of it.
func newHost(t testing.TB, opt function.Options) *function.Host {
	t.Helper()
	if opt.Dir == "" {
		opt.Dir = t.TempDir()
	}
	h := function.NewHost(opt)
	t.Cleanup(func() {
		if left, _ := os.ReadDir(filepath.Join(opt.Dir, "instances")); len(left) > 0 {
			t.Errorf("instances left behind: %v", left)
		}
	})
	runHost(t, h)
	return h
}

// runHost lets a host work until the test ends.
func runHost(t testing.TB, h *function.Host) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// usual are the options that a server has: with sandboxes, where there can be.
func usual(t testing.TB) function.Options {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return function.Options{Dir: t.TempDir(), Init: self}
}

// testCode is a directory whose bootstrap is this test binary.
func testCode(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(dir, "bootstrap")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// linkedCode is a directory with a copy of this test binary as its bootstrap:
// links that lead out of it lead nowhere in a sandbox.
func linkedCode(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(dir, "bootstrap")
	if os.Link(self, to) == nil {
		return dir
	}
	b, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// latest defines a function with one version.
func latest(v function.Version) *function.Definition {
	if v.Runtime == "" {
		v.Runtime = "provided.al2023"
	}
	if v.Memory == 0 {
		v.Memory = 512
	}
	if v.Timeout == 0 {
		v.Timeout = time.Minute // only what hangs meets it, however busy the machine
	}
	if v.Env == nil {
		v.Env = map[string]string{}
	}
	v.Env["GORACE"] = "atexit_sleep_ms=0" // else a function that exits takes a second
	return &function.Definition{ARN: testARN, Versions: map[string]function.Version{"$LATEST": v}}
}

// await waits until something is so, and reports false if it is not after a minute.
func await(is func() bool) bool {
	for end := time.Now().Add(time.Minute); !is(); <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

func mustSet(t testing.TB, h *function.Host, def *function.Definition) {
	t.Helper()
	if err := h.Set(def); err != nil {
		t.Fatal(err)
	}
}

func invoke(t testing.TB, h *function.Host, d deed) *function.Result {
	t.Helper()
	b, _ := json.Marshal(d)
	// Who wants the log waits until the instance is done: the next call finds it.
	r, err := h.Invoke(t.Context(), &function.Invocation{Function: testARN, Payload: b, Tail: true})
	if err != nil {
		t.Fatalf("%+v: %v", d, err)
	}
	return r
}
