package function_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gatehouse/internal/function"
)

// cgroup returns a new cgroup below the first place where one can be made, and
// whether it bounds memory.
func cgroup(t *testing.T) (dir string, bounded bool) {
	t.Helper()
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		dir := filepath.Join(root, "gatehouse-test-"+strconv.Itoa(os.Getpid()))
		if _, err := os.Stat(filepath.Join(root, "cgroup.procs")); err != nil || os.Mkdir(dir, 0o755) != nil {
			continue
		}
		t.Cleanup(func() {
			if err := os.Remove(dir); err != nil {
				t.Errorf("groups are left: %v", err)
			}
		})
		b, _ := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
		return dir, strings.Contains(string(b), "memory")
	}
	t.Skip("no cgroup v2 that can be written")
	return "", false
}

// A group ends with all that was started in it, and its limits are the kernel's.
func TestCgroup(t *testing.T) {
	dir, bounded := cgroup(t)
	t.Run("run", func(t *testing.T) {
		h := newHost(t, function.Options{Cgroup: dir})
		mustSet(t, h, latest(function.Version{Code: testCode(t), Memory: 128}))
		stray, err := strconv.Atoi(string(invoke(t, h, deed{Do: "child", Text: "setsid"}).Payload))
		if err != nil || !alive(stray) {
			t.Fatalf("%d: %v", stray, err)
		}
		b, err := os.ReadFile("/proc/" + strconv.Itoa(stray) + "/cgroup")
		if err != nil || !strings.Contains(string(b), filepath.Base(dir)+"/gatehouse-") {
			t.Errorf("%s, %v", b, err)
		}
		if r := invoke(t, h, deed{Do: "exit", N: 1}); !strings.Contains(string(r.Payload), "exit status 1") {
			t.Errorf("got %s", r.Payload)
		}
		awaitEnd(t, stray)
		if !bounded {
			t.Log("the kernel has no controller for memory here: its limit is not tested")
			return
		}
		if r := invoke(t, h, deed{Do: "memory", N: 400}); !strings.Contains(string(r.Payload), "Runtime.OutOfMemory") {
			t.Errorf("got %s", r.Payload)
		}
	})
	if left, _ := filepath.Glob(filepath.Join(dir, "gatehouse-*")); len(left) > 0 {
		t.Errorf("groups are left: %v", left)
	}
}

func TestCgroupRefused(t *testing.T) {
	h := function.NewHost(function.Options{Dir: t.TempDir(), Cgroup: t.TempDir()})
	if err := h.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "not a directory of cgroup v2") {
		t.Errorf("got %v", err)
	}
}

// What the kernel is told, on machines that have no controller for memory.
func TestCgroupLimits(t *testing.T) {
	dir := t.TempDir()
	if err := function.MakeGroup(dir, "i", 300); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{"memory.max": "314572800", "memory.swap.max": "0", "memory.oom.group": "1", "pids.max": "1024"} {
		path := filepath.Join(dir, fmt.Sprintf("gatehouse-%d-i", os.Getpid()), file)
		_ = os.Chmod(path, 0o600) // in a cgroup they are there already
		b, err := os.ReadFile(path)
		if err != nil || string(b) != want {
			t.Errorf("%s: %s, %v; want %s", file, b, err, want)
		}
	}
}
