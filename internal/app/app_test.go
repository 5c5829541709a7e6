package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"gatehouse/internal/gateway/compile"
	"gatehouse/internal/store"
	"gatehouse/internal/store/boltstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testConfig is a configuration on free ports and a directory of its own.
func testConfig(t *testing.T) *Config {
	cfg := Defaults()
	cfg.Data = filepath.Join(t.TempDir(), "data")
	cfg.API, cfg.Listen, cfg.Admin = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	cfg.AccessLog = "off"
	return cfg
}

// A readyWriter closes ready with the first write: the start lines.
type readyWriter struct {
	bytes.Buffer
	ready chan struct{}
}

func (w *readyWriter) Write(p []byte) (int, error) {
	n, err := w.Buffer.Write(p)
	close(w.ready)
	return n, err
}

// start runs a server until the test ends it, and returns its start lines.
func start(t *testing.T, cfg *Config) (lines string, end func() error) {
	out := &readyWriter{ready: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, cfg, Surroundings{Out: out, Log: slog.New(slog.DiscardHandler)}) }()
	select {
	case <-out.ready:
	case err := <-ended:
		cancel()
		t.Fatalf("Run ended at start: %v", err)
	}
	return out.String(), func() error {
		cancel()
		return <-ended
	}
}

func get(t *testing.T, url string) (int, []byte) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}

func TestRun(t *testing.T) {
	cfg := testConfig(t)
	lines, end := start(t, cfg)
	running, err := FindRunning(cfg.Data)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{running.API, running.Listen, running.Admin, "000000000000", filepath.Join(cfg.Data, "root-credential")} {
		if !strings.Contains(lines, want) {
			t.Errorf("start lines lack %q:\n%s", want, lines)
		}
	}
	status, body := get(t, "http://"+running.Admin+"/readyz")
	var ready readiness
	if err := json.Unmarshal(body, &ready); err != nil || status != http.StatusOK || !ready.Ready {
		t.Errorf("readyz = %d %s (%v), want ready", status, body, err)
	}
	if info, err := os.Stat(cfg.Data); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("data directory: %v, %v, want mode 0700", info.Mode(), err)
	}
	if status, _ := get(t, running.Endpoint()+"/restapis"); status != http.StatusForbidden {
		t.Errorf("unsigned call = %d, want 403", status)
	}
	if status, _ := get(t, running.DataPlane()+"/_aws/execute-api/nosuchapi0/prod/"); status != http.StatusForbidden {
		t.Errorf("call of an unknown API = %d, want 403", status)
	}
	if err := end(); err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
	if _, err := FindRunning(cfg.Data); err == nil || !strings.Contains(err.Error(), "no server is running") {
		t.Errorf("after the end FindRunning = %v, want that none is running", err)
	}
}

// A countedContext ends when it has been asked for its state a number of times.
type countedContext struct {
	context.Context
	end  func()
	left atomic.Int64
}

func (c *countedContext) Done() <-chan struct{} {
	c.count()
	return c.Context.Done()
}

func (c *countedContext) Err() error {
	c.count()
	return c.Context.Err()
}

func (c *countedContext) count() {
	if c.left.Add(-1) == 0 {
		c.end()
	}
}

// The end may be asked for while any part still starts.
func TestRunEndedEarly(t *testing.T) {
	cfg := testConfig(t)
	for asked := range 12 {
		ctx, cancel := context.WithCancel(t.Context())
		c := &countedContext{Context: ctx, end: cancel}
		c.left.Store(int64(asked + 1))
		if err := Run(c, cfg, Surroundings{Out: endWriter{cancel}, Log: slog.New(slog.DiscardHandler)}); err != nil {
			t.Errorf("ended when asked %d times: Run = %v, want nil", asked+1, err)
		}
	}
}

// An endWriter asks for the end with the first line it is given.
type endWriter struct{ end func() }

func (w endWriter) Write(p []byte) (int, error) {
	w.end()
	return len(p), nil
}

// A part that fails otherwise is told, also when the end was asked for.
func TestUnlessEnded(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	broken := errors.New("broken")
	for _, tt := range []struct {
		name      string
		ctx       context.Context
		err, want error
	}{
		{"runs", t.Context(), nil, nil},
		{"runs, something within was cancelled", t.Context(), context.Canceled, context.Canceled},
		{"ended", ended, fmt.Errorf("list: %w", context.Canceled), nil},
		{"ended and broken", ended, broken, broken},
	} {
		if got := unlessEnded(tt.ctx, tt.err); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestRunBackup(t *testing.T) {
	cfg := testConfig(t)
	_, end := start(t, cfg)
	running, err := FindRunning(cfg.Data)
	if err != nil {
		t.Fatal(err)
	}
	status, body := get(t, "http://"+running.Admin+"/backup")
	if status != http.StatusOK {
		t.Fatalf("backup = %d", status)
	}
	file := filepath.Join(t.TempDir(), "store.db")
	if err := os.WriteFile(file, body, 0o600); err != nil {
		t.Fatal(err)
	}
	st, err := boltstore.Open(file, boltstore.Options{})
	if err != nil {
		t.Fatalf("the backup does not open: %v", err)
	}
	if err := st.Close(); err != nil {
		t.Error(err)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

func TestRunRefuses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	tests := []struct {
		name   string
		change func(*testing.T, *Config)
		want   string
	}{
		{"address in use", func(_ *testing.T, c *Config) { c.Listen = taken.Addr().String() }, "stop it, or choose another address with --listen"},
		{"no such address", func(_ *testing.T, c *Config) { c.API = "192.0.2.1:0" }, "is no address of this machine"},
		{"no certificate", func(_ *testing.T, c *Config) {
			c.ListenTLS, c.TLSCert, c.TLSKey = "127.0.0.1:0", "none.pem", "none.pem"
		}, "tls-cert none.pem"},
		{"log file in no directory", func(t *testing.T, c *Config) { c.AccessLog = filepath.Join(t.TempDir(), "no", "log") }, "access-log: open"},
		{"store damaged", func(t *testing.T, c *Config) {
			write(t, c.storeFile(), bytes.Repeat([]byte("not a store "), 10_000), 0o600)
		}, "put back a backup"},
		{"usage counts damaged", func(t *testing.T, c *Config) {
			write(t, c.usageFile(), bytes.Repeat([]byte("not a store "), 10_000), 0o600)
		}, "and all quotas begin anew"},
		{"credential for all to read", func(t *testing.T, c *Config) {
			write(t, filepath.Join(c.Data, "root-credential"), []byte("[default]\n"), 0o644)
		}, "chmod 600"},
		{"key of objects damaged", func(t *testing.T, c *Config) {
			write(t, filepath.Join(c.Data, objectsKeyFile), []byte("garbage"), 0o600)
		}, "objects.key does not hold a key of 32 bytes: put back a copy of it"},
		{"directory is a file", func(t *testing.T, c *Config) {
			c.Data = filepath.Join(t.TempDir(), "file")
			write(t, c.Data, nil, 0o600)
		}, "data directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := testConfig(t)
			tt.change(t, cfg)
			err := Run(t.Context(), cfg, Surroundings{Out: io.Discard, Log: slog.New(slog.DiscardHandler)})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Run = %v, want %q in it", err, tt.want)
			}
		})
	}
}

func write(t *testing.T, file string, text []byte, mode os.FileMode) {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, mode); err != nil {
		t.Fatal(err)
	}
}

func TestRunTwice(t *testing.T) {
	cfg := testConfig(t)
	_, end := start(t, cfg)
	err := Run(t.Context(), cfg, Surroundings{Out: io.Discard, Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "another server uses this data directory") {
		t.Errorf("second Run = %v, want it refused", err)
	}
	if _, err := FindRunning(cfg.Data); err != nil {
		t.Errorf("the second Run has removed what tells of the first: %v", err)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

func TestReadyz(t *testing.T) {
	tests := []struct {
		name    string
		err     error
		serving bool
		status  int
		reason  string
	}{
		{"serving", nil, true, http.StatusOK, ""},
		{"draining", nil, false, http.StatusServiceUnavailable, "starting or ending"},
		{"store gone", store.ErrClosed, true, http.StatusServiceUnavailable, "the store cannot be read: store is closed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			refused := []compile.Refusal{{API: "a1", Stage: "prod", Reason: "no such thing"}}
			a := &admin{
				status:  func() compile.Status { return compile.Status{Applied: 6, Refused: refused} },
				rev:     func(context.Context) (store.Rev, error) { return 7, tt.err },
				serving: func() bool { return tt.serving },
			}
			w := httptest.NewRecorder()
			a.handler(false).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", http.NoBody))
			var got readiness
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			want := readiness{Ready: tt.reason == "", Reason: tt.reason, Applied: 6, Stored: 7, Refused: refused}
			if d := cmp.Diff(want, got); d != "" || w.Code != tt.status {
				t.Errorf("status %d, want %d; -want +got:\n%s", w.Code, tt.status, d)
			}
		})
	}
}
