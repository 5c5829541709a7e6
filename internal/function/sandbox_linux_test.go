package function_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gatehouse/internal/function"
)

// sandboxed are options of a host whose instances have sandboxes.
func sandboxed(t testing.TB) function.Options {
	t.Helper()
	opt := usual(t)
	if h := newHost(t, opt); h.Isolation() == "none" {
		t.Skip("the kernel allows no namespaces here")
	}
	opt.Dir = t.TempDir()
	opt.Isolation = function.IsolationRequire
	return opt
}

// ask has the function do something and returns the text that it answers.
func ask(t testing.TB, h *function.Host, d deed) string {
	t.Helper()
	r := invoke(t, h, d)
	var text string
	if err := json.Unmarshal(r.Payload, &text); err != nil || r.Error != "" {
		t.Fatalf("%+v: %s", d, r.Payload)
	}
	return text
}

// In a sandbox files are where AWS has them, nothing can be written but /tmp, and
// nothing of the machine is there that is not needed.
func TestSandboxFiles(t *testing.T) {
	opt := sandboxed(t)
	secret := filepath.Join(opt.Dir, "secret")
	if err := os.WriteFile(secret, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	h := newHost(t, opt)
	code := linkedCode(t)
	if err := os.WriteFile(filepath.Join(code, "data"), []byte("code"), 0o644); err != nil {
		t.Fatal(err)
	}
	mustSet(t, h, latest(function.Version{Code: code, Tmp: 16, Timeout: 20 * time.Second, Layers: []string{
		files(t, map[string]string{"lib/one": "1", "shared": "first"}), files(t, map[string]string{"lib/two": "2", "shared": "second"}),
	}}))
	tests := []struct {
		name string
		deed deed
		want string
	}{
		{"code", deed{Do: "read", Text: "/var/task/data"}, "code"},
		{"code is read-only", deed{Do: "fill", Text: "/var/task/new"}, "read-only file system"},
		{"working directory", deed{Do: "cwd"}, "/var/task"},
		{"layers together", deed{Do: "list", Text: "/opt/lib"}, "one two"},
		{"last layer above", deed{Do: "read", Text: "/opt/shared"}, "second"},
		{"layers are read-only", deed{Do: "fill", Text: "/opt/shared"}, "read-only file system"},
		{"programs are read-only", deed{Do: "fill", Text: "/usr/bin/new"}, "read-only file system"},
		{"empty /tmp", deed{Do: "list", Text: "/tmp"}, ""},
		{"/tmp can be written", deed{Do: "fill", Text: "/tmp/a", N: 1}, ""},
		{"/tmp is kept", deed{Do: "list", Text: "/tmp"}, "a"},
		{"/tmp has a size", deed{Do: "fill", Text: "/tmp/b", N: 16}, "no space left on device"},
		{"root", deed{Do: "list", Text: "/"}, ""},
		{"the gateway's files", deed{Do: "read", Text: secret}, "no such file or directory"},
		{"homes", deed{Do: "list", Text: "/root"}, "no such file or directory"},
		{"secrets of the machine", deed{Do: "read", Text: "/etc/shadow"}, "no such file or directory"},
		{"sockets of the machine", deed{Do: "list", Text: "/run"}, "no such file or directory"},
		{"settings of the kernel", deed{Do: "fill", Text: "/proc/sys/kernel/core_pattern"}, "read-only file system"},
		{"devices", deed{Do: "list", Text: "/dev"}, "fd full null random stderr stdin stdout urandom zero"},
		{"the machine's words", deed{Do: "env", Text: "GATEHOUSE_INSTANCE"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ask(t, h, tt.deed)
			if tt.name == "root" {
				for name := range strings.FieldsSeq(got) {
					if strings.Contains(" home root run mnt srv boot ", " "+name+" ") {
						t.Errorf("there is /%s", name)
					}
				}
				return
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// A process in a sandbox has no privileges, sees no other processes and has no
// descriptors but its log.
func TestSandboxPrivileges(t *testing.T) {
	h := newHost(t, sandboxed(t))
	mustSet(t, h, latest(function.Version{Code: linkedCode(t)}))
	status := ask(t, h, deed{Do: "read", Text: "/proc/self/status"})
	for _, want := range []string{
		"CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "CapAmb:\t0000000000000000", "NoNewPrivs:\t1", "Pid:\t",
	} {
		if !strings.Contains(status, want) {
			t.Errorf("no %q in\n%s", want, status)
		}
	}
	got := ask(t, h, deed{Do: "list", Text: "/proc"})
	others := 0
	for name := range strings.FieldsSeq(got) {
		if name[0] >= '0' && name[0] <= '9' {
			others++
		}
	}
	if others != 2 { // its first process and itself
		t.Errorf("sees %d processes: %s", others, got)
	}
	if got := ask(t, h, deed{Do: "spy"}); got != "permission denied" {
		t.Errorf("looks into its first process: %q", got)
	}
}

// A program is given three descriptors; the fourth is what ls itself looks at.
func TestSandboxDescriptors(t *testing.T) {
	for name, opt := range map[string]function.Options{"sandbox": sandboxed(t), "none": {}} {
		t.Run(name, func(t *testing.T) {
			fd, err := unix.Open("/dev/zero", unix.O_RDONLY, 0) // as one that was inherited: not closed by exec
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(fd) //nolint:errcheck // nothing was written
			h := newHost(t, opt)
			var log logBook
			def := latest(function.Version{Code: files(t, map[string]string{"bootstrap": "#!/bin/sh\nexec ls /proc/self/fd\n"}, "bootstrap")})
			def.Log = log.add
			mustSet(t, h, def)
			invoke(t, h, deed{})
			if got := log.text(); !strings.Contains(got, "\n0\n1\n2\n3\nINIT_REPORT") {
				t.Errorf("log:\n%s", got)
			}
		})
	}
}

// How a program ends is told as without a sandbox, and nothing survives it.
func TestSandboxEnds(t *testing.T) {
	opt := sandboxed(t)
	tests := []struct {
		name string
		deed deed
		want string
	}{
		{"exit", deed{Do: "exit", N: 7}, "Runtime exited with error: exit status 7"},
		{"exit 0", deed{Do: "exit"}, "Runtime exited without providing a reason"},
		{"signal", deed{Do: "kill", N: 15}, "Runtime exited with error: signal: terminated"},
		{"kill", deed{Do: "kill", N: 9}, "Runtime exited with error: signal: killed"},
		{"memory", deed{Do: "memory", N: 400}, "Runtime.OutOfMemory"},
		{"time-out", deed{Do: "hang"}, "Task timed out after 2.00 seconds"},
		{"ignores SIGTERM", deed{Do: "stubborn"}, "Task timed out after 2.00 seconds"},
		{"fork bomb", deed{Do: "bomb"}, `"errorType"`}, // a time-out, or a program that cannot bear it
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name == "fork bomb" && testing.Short() {
				t.Skip("starts a thousand processes")
			}
			opt.Dir = t.TempDir()
			h := newHost(t, opt)
			var log logBook
			timeout := time.Minute
			if strings.Contains(tt.want, "Task timed out") || tt.deed.Do == "bomb" {
				timeout = 2 * time.Second
			}
			def := latest(function.Version{Code: linkedCode(t), Memory: 300, Timeout: timeout})
			def.Log = log.add
			mustSet(t, h, def)
			tt.deed.Leave = true
			if r := invoke(t, h, tt.deed); !strings.Contains(string(r.Payload), tt.want) {
				t.Errorf("got %s, want %s", r.Payload, tt.want)
			}
			awaitNone(t)
			if !strings.Contains(log.text(), "left true") {
				t.Errorf("it had no process to leave behind:\n%s", log.text())
			}
		})
	}
}

// awaitNone waits until this process has none below it.
func awaitNone(t *testing.T) {
	t.Helper()
	if !await(func() bool { return len(descendants(os.Getpid())) == 0 }) {
		t.Errorf("processes are left: %v", descendants(os.Getpid()))
	}
}

func descendants(pid int) []int {
	var list []int
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	for _, task := range tasks {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, task.Name()))
		for f := range strings.FieldsSeq(string(b)) {
			if n, err := strconv.Atoi(f); err == nil {
				list = append(append(list, n), descendants(n)...)
			}
		}
	}
	return list
}

// A program that cannot be started is the function's fault, as on AWS.
func TestSandboxEntrypoint(t *testing.T) {
	h := newHost(t, sandboxed(t))
	mustSet(t, h, latest(function.Version{Code: files(t, map[string]string{"bootstrap": "#!/no/such/shell\n"}, "bootstrap")}))
	r := invoke(t, h, deed{})
	if got := string(r.Payload); !strings.Contains(got, "Runtime.InvalidEntrypoint") ||
		!strings.Contains(got, "fork/exec /var/task/bootstrap: no such file or directory") {
		t.Errorf("got %s", got)
	}
}

// Without a program that begins instances there is no sandbox, and who wants one
// is told.
func TestSandboxRefused(t *testing.T) {
	h := function.NewHost(function.Options{Dir: t.TempDir(), Isolation: function.IsolationRequire})
	if err := h.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "functions cannot be isolated") {
		t.Errorf("got %v", err)
	}
}

// Without a sandbox nothing keeps temporary files from growing: who has too many
// is ended.
func TestTemporaryFilesMeasured(t *testing.T) {
	h := newHost(t, function.Options{})
	mustSet(t, h, latest(function.Version{Code: linkedCode(t), Tmp: 1, Timeout: 20 * time.Second}))
	if got := ask(t, h, deed{Do: "fill", Text: "$TMPDIR/a", N: 1}); got != "" {
		t.Errorf("as much as it may: %s", got)
	}
	r := invoke(t, h, deed{Do: "fill and hang", Text: "$TMPDIR/b", N: 2})
	if !strings.Contains(string(r.Payload), "the directory for temporary files holds more than 1 MB") {
		t.Errorf("got %s", r.Payload)
	}
}
