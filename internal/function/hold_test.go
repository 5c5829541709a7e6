package function_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"

	"gatehouse/internal/function"
)

// A host whose place another takes leaves it the events that it has, and those that
// come later, once each.
func TestHold(t *testing.T) {
	dir, code := t.TempDir(), testCode(t)
	old := newHost(t, function.Options{Dir: dir})
	def := latest(function.Version{Code: code})
	def.Reserved = new(int) // nothing runs
	mustSet(t, old, def)
	send := func(n int) {
		t.Helper()
		if _, err := old.Invoke(t.Context(), &function.Invocation{Function: testARN, Kind: function.Event, Payload: fmt.Appendf(nil, `{"N":%d}`, n)}); err != nil {
			t.Fatal(err)
		}
	}
	send(1)
	old.Hold()
	outcomes := make(chan string, 10)
	h := newHost(t, function.Options{Dir: dir})
	def = latest(function.Version{Code: code})
	def.Events = map[string]function.EventConfig{"$LATEST": {Done: func(o *function.Outcome) { outcomes <- string(o.Result.Payload) }}}
	mustSet(t, h, def)
	if got := <-outcomes; got != `{"N":1}` {
		t.Errorf("first: %s", got)
	}
	send(2)
	h.Adopt()
	h.Adopt() // has nothing more
	if got := <-outcomes; got != `{"N":2}` {
		t.Errorf("then: %s", got)
	}
	if r := invoke(t, h, deed{Do: "echo"}); r.Error != "" || len(outcomes) > 0 {
		t.Errorf("%+v, %d events too many", r, len(outcomes))
	}
}

// What the process before is writing for this one is let be until it has ended.
func TestHeldIsSwept(t *testing.T) {
	dir := t.TempDir()
	begun := filepath.Join(dir, "events", "begun.held.new")
	if err := os.MkdirAll(filepath.Dir(begun), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(begun, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := newHost(t, function.Options{Dir: dir, Predecessor: os.Getpid()})
	mustSet(t, h, latest(function.Version{Code: testCode(t)}))
	if _, err := os.Stat(begun); err != nil {
		t.Error(err)
	}
	h.Adopt()
	if _, err := os.Stat(begun); !os.IsNotExist(err) {
		t.Errorf("what was begun is left: %v", err)
	}
}

// When Hold returns, the next host finds all events that were not held for it.
func TestHoldWaitsForEvents(t *testing.T) {
	dir := t.TempDir()
	h := newHost(t, function.Options{Dir: dir})
	def := latest(function.Version{Code: testCode(t)})
	def.Reserved = new(int) // nothing runs
	mustSet(t, h, def)
	own := func() []string {
		list, err := filepath.Glob(filepath.Join(dir, "events", "*.event*"))
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	payload := append(append([]byte(`"`), bytes.Repeat([]byte("x"), 1<<18)...), '"')
	var senders sync.WaitGroup
	for range 16 {
		senders.Go(func() {
			for range 4 {
				if _, err := h.Invoke(t.Context(), &function.Invocation{Function: testARN, Kind: function.Event, Payload: payload}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for len(own()) == 0 {
		runtime.Gosched()
	}
	h.Hold()
	found := own()
	senders.Wait()
	if later := own(); !slices.Equal(found, later) {
		t.Errorf("the next host would find %d events, and later there are %d", len(found), len(later))
	}
}

// The instances of the process before live on.
func TestPredecessor(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("strays are found on Linux only")
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
	t.Run("beside", func(t *testing.T) {
		var pid, stray int
		if _, err := fmt.Fscan(out, &pid, &stray); err != nil {
			t.Fatal(err)
		}
		h := function.NewHost(function.Options{Dir: dir, Predecessor: cmd.Process.Pid})
		runHost(t, h)
		mustSet(t, h, latest(function.Version{Code: testCode(t)}))
		invoke(t, h, deed{Do: "echo"})
		if !alive(pid) || !alive(stray) {
			t.Errorf("alive: the function %v, what it has started %v", alive(pid), alive(stray))
		}
	})
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	// What it has left ends with the next host.
	h := newHost(t, function.Options{Dir: dir})
	mustSet(t, h, latest(function.Version{Code: testCode(t)}))
	invoke(t, h, deed{Do: "echo"})
}
