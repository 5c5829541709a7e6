package robust_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/test/gatehousetest"
)

// TestUpgrade puts one process after the other into a server's place while
// clients call it without a pause: on connections that they keep, on new ones,
// and through the AWS API. Nobody is refused, and no change is lost.
func TestUpgrade(t *testing.T) {
	upgrades := repeats("GATEHOUSE_UPGRADES", 3)
	bin, err := gatehousetest.Build(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s, err := gatehousetest.Start(t.Context(), bin, filepath.Join(t.TempDir(), "data"), "--drain", "1m")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	l := newLoad(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { l.call(ctx, &http.Client{Transport: &http.Transport{}}) })
		wg.Go(func() { l.call(ctx, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}) })
	}
	wg.Go(func() { l.change(ctx) })
	for n := range upgrades {
		before, pid := l.calls.Load(), s.PID()
		if err := s.UpgradeBy(t.Context(), func() error {
			out, err := exec.Command(bin, "upgrade", "--data", s.Data).CombinedOutput()
			t.Logf("%s", out)
			return err
		}); err != nil {
			t.Fatalf("upgrade %d: %v", n, err)
		}
		if s.PID() == pid {
			t.Fatalf("upgrade %d: the process is the same", n)
		}
		// Long enough for the process before to end.
		wait(t, 2*time.Minute, func() error {
			if processLives(pid) {
				return fmt.Errorf("process %d has not ended", pid)
			}
			return nil
		})
		if n := l.calls.Load() - before; n < 100 {
			t.Errorf("only %d requests were answered: the test shows little", n)
		}
	}
	cancel()
	wg.Wait()
	t.Logf("%d upgrades, %d requests and %d changes answered, none refused", upgrades, l.calls.Load(), l.changes.Load())
	if t.Failed() {
		t.Log(s.Log())
	}
	wait(t, 2*time.Minute, func() error {
		if n := l.logged(t); n < l.calls.Load() {
			return fmt.Errorf("%d lines in the access log for %d answers", n, l.calls.Load())
		}
		return nil
	})
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

// An upgrade that is asked for while the process before still ends what it has begun waits for
// that: what it passes on, and its functions, have one process to go to.
func TestUpgradeTwice(t *testing.T) {
	bin, err := gatehousetest.Build(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s, err := gatehousetest.Start(t.Context(), bin, filepath.Join(t.TempDir(), "data"), "--drain", "3s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	api, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	asked, end := make(chan struct{}), make(chan struct{})
	backend := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(asked)
		<-end
	}))
	defer backend.Close()
	defer close(end)
	id, _, err := importAPI(t.Context(), api, definition("slow", backend.Listener.Addr().String()))
	if err == nil {
		_, err = deploy(t.Context(), api, id, "0")
	}
	if err != nil {
		t.Fatal(err)
	}
	cut := make(chan struct{})
	go func() {
		defer close(cut)
		_, _, _ = fetch(context.Background(), &http.Client{Transport: &http.Transport{}}, s.DataPlane(), id) // it is cut off
	}()
	<-asked
	first := s.PID()
	for range 2 {
		if err := s.Upgrade(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	// It has nothing left but to vanish, or has most of the drain.
	wait(t, 500*time.Millisecond, func() error {
		if processLives(first) {
			return fmt.Errorf("process %d has not ended, and the second process after it serves", first)
		}
		return nil
	})
	<-cut
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

// A load is what clients do to a server.
type load struct {
	t              *testing.T
	base, id       string
	api            *gatehousetest.Client
	calls, changes atomic.Int64
}

func newLoad(t *testing.T, s *gatehousetest.Server) *load {
	api, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	id, _, err := importAPI(t.Context(), api, definition("load", newEcho(t)))
	if err == nil {
		_, err = deploy(t.Context(), api, id, "0")
	}
	if err == nil {
		err = api.Call(t.Context(), http.MethodPatch, "/restapis/"+id+"/stages/prod", map[string]any{"patchOperations": []map[string]string{
			{"op": "replace", "path": "/accessLogSettings/destinationArn", "value": "arn:aws:logs:us-east-1:000000000000:log-group:" + accessGroup},
			{"op": "replace", "path": "/accessLogSettings/format", "value": "$context.requestId $context.status"}}}, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	// A client that keeps no connection: what it has sent on one that the server
	// just closes it must send again.
	api.HTTP.Transport = &http.Transport{DisableKeepAlives: true}
	return &load{t: t, base: s.DataPlane(), id: id, api: api}
}

// accessGroup is the log group of the access log.
const accessGroup = "access"

// logged returns how many requests stand in the access log.
func (l *load) logged(t *testing.T) (n int64) {
	t.Helper()
	in := map[string]any{"logGroupName": accessGroup}
	for {
		var out struct {
			Events    []struct{} `json:"events"`
			NextToken string     `json:"nextToken"`
		}
		if err := l.api.Logs(t.Context(), "FilterLogEvents", in, &out); err != nil {
			t.Fatal(err)
		}
		n += int64(len(out.Events))
		if out.NextToken == "" {
			return n
		}
		in["nextToken"] = out.NextToken
	}
}

// call calls the route until ctx ends.
func (l *load) call(ctx context.Context, c *http.Client) {
	for ctx.Err() == nil {
		status, body, err := fetch(ctx, c, l.base, l.id)
		switch {
		case ctx.Err() != nil:
		case err != nil, status != http.StatusOK:
			l.t.Errorf("request %d: %d %q, %v", l.calls.Load(), status, body, err)
			return
		}
		if ctx.Err() == nil {
			l.calls.Add(1)
		}
	}
}

// change changes the API until ctx ends, and reads the change back.
func (l *load) change(ctx context.Context) {
	for n := 1; ctx.Err() == nil; n++ {
		want := fmt.Sprintf("description %d", n)
		err := l.api.Call(ctx, http.MethodPatch, "/restapis/"+l.id, map[string]any{"patchOperations": []map[string]string{{"op": "replace", "path": "/description", "value": want}}}, nil)
		var out struct{ Description string }
		if err == nil {
			err = l.api.Call(ctx, http.MethodGet, "/restapis/"+l.id, nil, &out)
		}
		switch {
		case errors.Is(err, context.Canceled):
			return
		case err != nil, out.Description != want:
			l.t.Errorf("change %d: got %q, %v", n, out.Description, err)
			return
		}
		l.changes.Add(1)
	}
}

// processLives tells whether a process has not ended. One that waits for its parent to
// ask has.
func processLives(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, _ := strings.Cut(string(b), ") ")
	return err == nil && !strings.HasPrefix(state, "Z")
}

// A program that is none, and one that fails when the stores are its own already,
// do not end the service: the old program serves on, in a new process if it must.
func TestUpgradeFails(t *testing.T) {
	tests := []struct {
		name, program string
		says          string // the command
		again         bool   // another process of the old program serves
	}{
		{"ends at once", "#!/bin/sh\necho cannot run >&2\nexit 1\n", " serves on: ", false},
		{"fails with the stores", "#!/usr/bin/env python3\nimport socket\ns = socket.socket(fileno=3)\ns.send(b'{\"kind\":\"prepared\"}')\ns.recv(100)\n", "the old program serves on, in process ", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bin, err := gatehousetest.Build(root, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			s, err := gatehousetest.Start(t.Context(), bin, filepath.Join(t.TempDir(), "data"), "--drain", "1m")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Kill)
			l := newLoad(t, s)
			if err := os.Rename(bin, bin+".old"); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(bin, []byte(tt.program), 0o700); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var wg sync.WaitGroup
			wg.Go(func() { l.call(ctx, &http.Client{Transport: &http.Transport{}}) })
			wg.Go(func() { l.change(ctx) })
			// The command need not wait as long as an upgrade may take.
			upgrade := func() error {
				out, err := exec.CommandContext(t.Context(), bin+".old", "upgrade", "--data", s.Data, "--within", "1h").CombinedOutput()
				if err == nil || !strings.Contains(string(out), tt.says) {
					t.Errorf("gatehouse upgrade: %v, %s; want %q", err, out, tt.says)
				}
				return nil
			}
			if tt.again {
				if err := s.UpgradeBy(t.Context(), upgrade); err != nil {
					t.Fatal(err)
				}
			} else {
				_ = upgrade() // it says itself what fails
				wait(t, 2*time.Minute, func() error {
					if !strings.Contains(s.Log(), "no upgrade, serving on") {
						return errors.New("the server does not say that there was no upgrade")
					}
					return nil
				})
			}
			before := l.changes.Load()
			wait(t, 2*time.Minute, func() error {
				if l.changes.Load() < before+3 {
					return errors.New("no changes are made any more")
				}
				return nil
			})
			cancel()
			wg.Wait()
			if err := s.Stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// What a crash has left names a process that may be anybody's by now: it is let alone.
func TestUpgradeNobody(t *testing.T) {
	bin, err := gatehousetest.Build(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s, err := gatehousetest.Start(t.Context(), bin, filepath.Join(t.TempDir(), "data"))
	if err != nil {
		t.Fatal(err)
	}
	s.Kill()
	other := exec.Command("cat") // which any such signal ends
	stdin, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(s.Data, "run.json")
	text, err := os.ReadFile(left)
	if err != nil {
		t.Fatal(err)
	}
	was, is := fmt.Sprintf(`"pid": %d,`, s.PID()), fmt.Sprintf(`"pid": %d,`, other.Process.Pid)
	if err := os.WriteFile(left, []byte(strings.Replace(string(text), was, is, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(bin, "upgrade", "--data", s.Data, "--within", "1s").CombinedOutput()
	if want := fmt.Sprintf("process %d, which run.json names, does not serve", other.Process.Pid); err == nil || !strings.Contains(string(out), want) {
		t.Errorf("gatehouse upgrade: %v, %s; want %q", err, out, want)
	}
	if err := errors.Join(stdin.Close(), other.Wait()); err != nil {
		t.Errorf("another process was told to end: %v", err)
	}
}
