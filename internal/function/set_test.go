package function_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/function"
)

// A definition that is set again keeps the instances of versions that are as
// they were, and only those.
func TestSetAgain(t *testing.T) {
	h := newHost(t, function.Options{})
	code := testCode(t)
	mustSet(t, h, latest(function.Version{Code: code, Env: map[string]string{"A": "1"}}))
	pid := invoke(t, h, deed{Do: "pid"}).Payload
	mustSet(t, h, latest(function.Version{Code: code, Env: map[string]string{"A": "1"}}))
	if again := invoke(t, h, deed{Do: "pid"}).Payload; string(again) != string(pid) {
		t.Errorf("set again, runs in %s instead of %s", again, pid)
	}
	mustSet(t, h, latest(function.Version{Code: code, Env: map[string]string{"A": "2"}}))
	if got := invoke(t, h, deed{Do: "env", Text: "A"}).Payload; string(got) != `"2"` {
		t.Errorf("A is %s", got)
	}
	h.Remove(testARN)
	if _, err := h.Invoke(t.Context(), &function.Invocation{Function: testARN}); err == nil {
		t.Error("removed, and still there")
	}
	for h.Instances() > 0 {
		<-time.After(time.Millisecond)
	}
}

// Calls end well on what they began with, while definitions change.
func TestSetWhileBusy(t *testing.T) {
	h := newHost(t, function.Options{})
	code := testCode(t)
	set := func(i int) {
		mustSet(t, h, latest(function.Version{Code: code, Memory: 512 + i}))
	}
	set(0)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 25 {
				if r := invoke(t, h, deed{Do: "sleep", N: 2}); r.Error != "" {
					t.Errorf("got %s", r.Payload)
				}
			}
		})
	}
	for i := range 10 {
		<-time.After(5 * time.Millisecond)
		set(i % 3)
	}
	wg.Wait()
}

// Watched code runs anew when a file of it has changed.
func TestWatch(t *testing.T) {
	h := newHost(t, function.Options{})
	code := testCode(t)
	file := filepath.Join(code, "index.js")
	if err := os.WriteFile(file, []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustSet(t, h, latest(function.Version{Code: code, Watch: true}))
	pid := string(invoke(t, h, deed{Do: "pid"}).Payload)
	if again := string(invoke(t, h, deed{Do: "pid"}).Payload); again != pid {
		t.Errorf("unchanged, runs in %s instead of %s", again, pid)
	}
	if err := os.WriteFile(file, []byte("22"), 0o600); err != nil {
		t.Fatal(err)
	}
	if !await(func() bool { return string(invoke(t, h, deed{Do: "pid"}).Payload) != pid }) {
		t.Error("the change was not noticed")
	}
}

func TestIdleEnds(t *testing.T) {
	h := newHost(t, function.Options{Idle: time.Millisecond})
	mustSet(t, h, latest(function.Version{Code: testCode(t)}))
	invoke(t, h, deed{Do: "echo"})
	if !await(func() bool { return h.Instances() == 0 }) {
		t.Error("the idle instance did not end")
	}
}

func TestAliasWeights(t *testing.T) {
	h := newHost(t, function.Options{})
	code := testCode(t)
	def := &function.Definition{ARN: testARN, Versions: map[string]function.Version{
		"1": {Runtime: "provided.al2023", Code: code}, "2": {Runtime: "provided.al2023", Code: code},
	}, Aliases: map[string]function.Alias{"prod": {Version: "1", Weights: map[string]float64{"2": 0.25}}}}
	mustSet(t, h, def)
	got := map[string]int{}
	for range 400 {
		r, err := h.Invoke(t.Context(), &function.Invocation{Function: testARN + ":prod"})
		if err != nil {
			t.Fatal(err)
		}
		got[r.Version]++
	}
	// Four standard deviations.
	if n := got["2"]; n < 65 || n > 135 || got["1"]+n != 400 {
		t.Errorf("got %v, want a quarter of 400 in version 2", got)
	}
}
