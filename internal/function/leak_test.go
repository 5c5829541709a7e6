package function_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/function"
)

// What an instance has started ends with it, whatever group it is in.
func TestChildrenEnd(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only on Linux are processes found that have left their group")
	}
	h := newHost(t, function.Options{})
	mustSet(t, h, latest(function.Version{Code: testCode(t)}))
	var pids []int
	for _, how := range []string{"", "setsid"} {
		pid, err := strconv.Atoi(string(invoke(t, h, deed{Do: "child", Text: how}).Payload))
		if err != nil || !alive(pid) {
			t.Fatalf("%d: %v", pid, err)
		}
		pids = append(pids, pid)
	}
	if r := invoke(t, h, deed{Do: "exit", N: 1}); r.Error == "" {
		t.Error("it did not exit")
	}
	for _, pid := range pids {
		awaitEnd(t, pid)
	}
}

// Processes that multiply end with their instance, soon.
func TestForkBomb(t *testing.T) {
	if runtime.GOOS != "linux" || testing.Short() {
		t.Skip("starts a thousand processes; only on Linux are they counted")
	}
	h := newHost(t, function.Options{})
	mustSet(t, h, latest(function.Version{Code: testCode(t), Timeout: 60 * time.Second, Memory: 10240}))
	pid, err := strconv.Atoi(string(invoke(t, h, deed{Do: "pid"}).Payload))
	if err != nil {
		t.Fatal(err)
	}
	r := invoke(t, h, deed{Do: "bomb"})
	if !strings.Contains(string(r.Payload), "signal: killed") {
		t.Errorf("got %s", r.Payload)
	}
	if !await(func() bool { return syscall.Kill(-pid, 0) != nil }) {
		t.Error("processes are left")
	}
}

// A gigabyte of output neither fills memory nor keeps an invocation from ending.
func TestMuchOutput(t *testing.T) {
	h := newHost(t, function.Options{})
	var log logBook
	def := latest(function.Version{Code: testCode(t), Timeout: 60 * time.Second})
	def.Log = log.add
	mustSet(t, h, def)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n := 16384 // of 64 KiB
	if testing.Short() {
		n = 1024
	}
	if r := invoke(t, h, deed{Do: "write", N: n}); r.Error != "" {
		t.Errorf("got %s", r.Payload)
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.Sys) - int64(before.Sys); grown > 64<<20 {
		t.Errorf("took %d MB of memory", grown>>20)
	}
	if n := log.size(); n > 40<<20 {
		t.Errorf("logged %d MB", n>>20)
	}
	if r := invoke(t, h, deed{Do: "print", N: 1, Text: "next"}); r.Error != "" || !strings.Contains(string(r.Payload), "next") {
		t.Errorf("next: %s", r.Payload)
	}
}

// counts are what must not grow.
type counts struct{ files, children int }

func count(t *testing.T) counts {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc")
	}
	var c counts
	c.files = len(fds)
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, task := range tasks {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/self/task/%s/children", task.Name()))
		c.children += len(strings.Fields(string(b)))
	}
	return c
}
