package script_test

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/test/gatehousetest"
)

// TestReadme runs the commands that the README shows, with free ports in place
// of the usual ones and a data directory of its own.
func TestReadme(t *testing.T) {
	if _, err := os.Stat(awsCommand); err != nil {
		t.Skipf("%s is missing: install Debian's awscli (make test does so as root)", awsCommand)
	}
	bin, err := gatehousetest.Build(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s, err := gatehousetest.Start(t.Context(), bin, filepath.Join(t.TempDir(), ".gatehouse"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	pets := startPets(t)

	commands := shown(t, "in another terminal, with the `aws` command:") + shown(t, "or, with one command")
	for _, r := range [][2]string{
		{"go run ./examples/petstore/backend &", ""}, // runs already
		{"aws --", awsCommand + " --"},
		{".gatehouse/", s.Data + "/"},
		{"build/gatehouse deploy", bin + " deploy --data " + s.Data},
		{"127.0.0.1:4566", s.API},
		{"127.0.0.1:8080", s.Listen},
		{"127.0.0.1:9000", pets},
	} {
		if !strings.Contains(commands, r[0]) {
			t.Errorf("README does not show %q any more: this test has to follow", r[0])
		}
		commands = strings.ReplaceAll(commands, r[0], r[1])
	}
	// The reader puts the id that the import prints in place of ID.
	commands = strings.Replace(commands, "petstore.yaml\n", "petstore.yaml > $TMP/import\nID=$(sed -n 's/.*\"id\": \"\\(.*\\)\".*/\\1/p' $TMP/import)\n", 1)
	commands = regexp.MustCompile(`\bID\b([ /])`).ReplaceAllString(commands, "$$ID$1")
	cmd := exec.CommandContext(t.Context(), "sh", "-eux", "-c", commands)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "TMP="+t.TempDir(), "AWS_PAGER=")
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte(`"name":"Rex"`)) || !bytes.Contains(out, []byte("petstore: API")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// shown returns the indented lines of the README after the one with text in it.
func shown(t *testing.T, text string) string {
	page, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(page), text)
	if !ok {
		t.Fatalf("README has no %q", text)
	}
	var b strings.Builder
	for line := range strings.Lines(rest) {
		command, ok := strings.CutPrefix(line, "    ")
		switch {
		case ok:
			b.WriteString(command)
		case b.Len() > 0:
			return b.String()
		}
	}
	return b.String()
}

// startPets starts the pet shop and returns its address.
func startPets(t *testing.T) string {
	bin := filepath.Join(t.TempDir(), "backend")
	build := exec.Command("go", "build", "-o", bin, "./examples/petstore/backend")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(bin, "-listen", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		_ = cmd.Wait()         // killed
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, addr, _ := strings.Cut(strings.TrimSpace(line), "http://")
	return addr
}

// TestExample runs examples/petstore/run as make run does: twice on the same
// data directory, each time with the curl lines it prints, ended by a signal.
func TestExample(t *testing.T) {
	bin, err := gatehousetest.Build(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(t.TempDir(), "data")
	var ids []string
	for range 2 {
		ids = append(ids, runExample(t, bin, data))
	}
	if ids[0] == "" || ids[0] != ids[1] {
		t.Errorf("the API's id was %q and then %q, want the same", ids[0], ids[1])
	}
}

// exampleTime bounds one run of the example.
const exampleTime = 5 * time.Minute

func runExample(t *testing.T, bin, data string) (id string) {
	ctx, cancel := context.WithTimeout(t.Context(), exampleTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "examples/petstore/run", bin)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GATEHOUSE_DATA="+data, "GATEHOUSE_API=127.0.0.1:0", "GATEHOUSE_LISTEN=127.0.0.1:0",
		"GATEHOUSE_ADMIN=127.0.0.1:0", "PETSTORE_BACKEND="+freeAddr(t))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no terminal, and not our signals
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var curls []string
	var all strings.Builder
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		all.WriteString(lines.Text() + "\n")
		if line := strings.TrimSpace(lines.Text()); strings.HasPrefix(line, "curl ") {
			curls = append(curls, line)
		}
		if strings.HasPrefix(lines.Text(), "Ctrl-C ends it") {
			break
		}
	}
	for _, curl := range curls {
		got, err := exec.CommandContext(ctx, "sh", "-c", strings.Replace(curl, "curl", "curl -sf", 1)).CombinedOutput()
		if err != nil || len(got) == 0 {
			t.Errorf("%s: %v %s", curl, err, got)
		}
	}
	if len(curls) < 5 {
		t.Errorf("the example printed %d curl lines, want 5:\n%s", len(curls), all.String())
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		all.WriteString(lines.Text() + "\n")
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the example ended with %v:\n%s", err, all.String())
	}
	if m := regexp.MustCompile(`execute-api/([a-z0-9]+)/prod`).FindStringSubmatch(all.String()); m != nil {
		id = m[1]
	}
	return id
}

// freeAddr is an address that was free a moment ago: the pet shop is told its
// address before it starts. On Linux it is one that nobody else is given meanwhile.
func freeAddr(t *testing.T) string {
	host := "127.0.0.1"
	if runtime.GOOS == "linux" { // which has all of 127.0.0.0/8
		host = "127.83.65.1"
	}
	l, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
