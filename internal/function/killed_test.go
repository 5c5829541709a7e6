package function_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"gatehouse/internal/function"
)

// beHost runs a function for ever; the test kills it.
func beHost() {
	h := function.NewHost(function.Options{Dir: os.Getenv("FUNCTION_HOST")})
	go func() { _ = h.Run(context.Background()) }()
	if err := h.Set(latest(function.Version{Code: os.Getenv("FUNCTION_CODE")})); err != nil {
		fmt.Fprintln(os.Stdout, err)
		os.Exit(1)
	}
	for _, do := range []string{`{"Do":"pid"}`, `{"Do":"child","Text":"setsid"}`} {
		r, err := h.Invoke(context.Background(), &function.Invocation{Function: testARN, Payload: []byte(do)})
		if err != nil {
			fmt.Fprintln(os.Stdout, err)
			os.Exit(1)
		}
		fmt.Fprintln(os.Stdout, string(r.Payload))
	}
	select {}
}

// When the gateway is killed, functions end with it; what has left their
// process group ends when the next gateway starts.
func TestGatewayKilled(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells a process that its parent has died")
	}
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "FUNCTION_HOST="+dir, "FUNCTION_CODE="+testCode(t))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pid, stray int
	if _, err := fmt.Fscan(out, &pid, &stray); err != nil || !alive(pid) || !alive(stray) {
		t.Fatalf("function %d, stray %d: %v", pid, stray, err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	awaitEnd(t, pid)
	if !alive(stray) {
		t.Fatal("the stray ended by itself: the test shows nothing")
	}
	h := newHost(t, function.Options{Dir: dir})
	mustSet(t, h, latest(function.Version{Code: testCode(t)}))
	invoke(t, h, deed{Do: "echo"})
	awaitEnd(t, stray)
}

// alive tells whether a process runs; a zombie does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || !strings.Contains(string(b[strings.LastIndexByte(string(b), ')'):]), " Z ")
}

func awaitEnd(t *testing.T, pid int) {
	t.Helper()
	if await(func() bool { return !alive(pid) }) {
		return
	}
	stat, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	env, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	t.Errorf("process %d still runs: %s, environment %q, %v", pid, stat, env, err)
}
