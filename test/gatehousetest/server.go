// Package gatehousetest runs the real binary for tests: it builds it once,
// starts it on free ports, and ends it gently or not.
package gatehousetest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"gatehouse/internal/app"
)

// startTime bounds how long a server may take until it is ready, stopTime how
// long until it has ended, callTime a call: only what hangs takes so long, however
// busy the machine.
const (
	startTime = 2 * time.Minute
	stopTime  = 2 * time.Minute
	callTime  = 2 * time.Minute
)

// Build builds the binary into dir and returns its path. root is the root of
// the repository.
func Build(root, dir string, flags ...string) (string, error) {
	bin := filepath.Join(dir, "gatehouse")
	cmd := exec.Command("go", append(append([]string{"build"}, flags...), "-o", bin, "./cmd/gatehouse")...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build gatehouse: %w\n%s", err, out)
	}
	return bin, nil
}

// A Server is a running gatehouse.
type Server struct {
	app.Running
	Data string // data directory

	cmd   *exec.Cmd
	heir  int           // the process that has taken its place; 0: none has
	log   lockedBuffer  // what it wrote, both streams
	ended chan struct{} // closed when the process has ended
	err   error         // how; read after ended
}

// Start starts bin on the data directory, all addresses on free loopback
// ports unless args say otherwise, and waits until it is ready.
func Start(ctx context.Context, bin, data string, args ...string) (*Server, error) {
	return StartWith(ctx, bin, data, nil, args...)
}

// StartWith is Start with more variables in the environment, NAME=value.
func StartWith(ctx context.Context, bin, data string, env []string, args ...string) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	all := append([]string{"serve", "--data", data, "--api", "127.0.0.1:0", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"}, args...)
	s := &Server{Data: data, cmd: exec.Command(bin, all...), ended: make(chan struct{})}
	s.cmd.Dir = filepath.Dir(data) // where names of files in args begin
	s.cmd.Stderr = &s.log
	s.cmd.Env = append(environ(), env...)
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	ready := make(chan struct{})
	go s.read(out, ready)
	select {
	case <-ready:
		s.Running, err = app.FindRunning(data)
		return s, err
	case <-s.ended:
		return nil, fmt.Errorf("gatehouse ended at start (%w):\n%s", s.err, s.Log())
	case <-ctx.Done():
		s.Kill()
		return nil, fmt.Errorf("gatehouse was not ready in time:\n%s", s.Log())
	}
}

// environ is the environment without the settings of a gatehouse of one's own.
func environ() []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "GATEHOUSE_") {
			env = append(env, e)
		}
	}
	return env
}

// read copies the server's output to the log, tells when it says that it is
// ready, and waits for its end.
func (s *Server) read(out io.Reader, ready chan<- struct{}) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	said := false
	for lines.Scan() {
		fmt.Fprintln(&s.log, lines.Text())
		if !said && lines.Text() == "gatehouse is ready" {
			said = true
			close(ready)
		}
	}
	s.err = s.cmd.Wait()
	close(s.ended)
}

// Log is what the server wrote so far.
func (s *Server) Log() string { return s.log.String() }

// Credential returns the server's root credential.
func (s *Server) Credential() (accessKey, secretKey string, err error) {
	c, err := app.RootCredential(s.Data)
	return c.AccessKey, c.SecretKey.Reveal(), err
}

// Signal sends sig to the server.
func (s *Server) Signal(sig os.Signal) error {
	if s.heir != 0 {
		return syscall.Kill(s.heir, sig.(syscall.Signal))
	}
	return s.cmd.Process.Signal(sig)
}

// Upgrade has another process take the server's place, and returns once that one
// serves. The one before may still be ending.
func (s *Server) Upgrade(ctx context.Context) error {
	return s.UpgradeBy(ctx, func() error { return s.Signal(syscall.SIGUSR2) })
}

// UpgradeBy is Upgrade with something else that asks for it.
func (s *Server) UpgradeBy(ctx context.Context, ask func() error) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	before := s.Running.PID
	if err := ask(); err != nil {
		return err
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if r, err := app.FindRunning(s.Data); err == nil && r.PID != before {
			s.Running, s.heir = r, r.PID
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("no upgrade in time:\n%s", s.Log())
		}
	}
}

// Stop asks the server to end, and fails unless it does so cleanly.
func (s *Server) Stop() error {
	if err := s.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-s.ended:
	case <-time.After(stopTime):
		s.Kill()
		return fmt.Errorf("gatehouse did not end in %v:\n%s", stopTime, s.Log())
	}
	if s.err != nil {
		return fmt.Errorf("gatehouse ended badly (%w):\n%s", s.err, s.Log())
	}
	return nil
}

// Kill ends the server as a crash of the machine's power would, but for the
// file system. It may be called more than once.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill() // it may have ended by itself
	if s.heir != 0 {
		_ = syscall.Kill(s.heir, syscall.SIGKILL) // as above
	}
	<-s.ended
}

// Wait waits until the process has ended.
func (s *Server) Wait() { <-s.ended }

// PID is the process id.
func (s *Server) PID() int { return s.Running.PID }

// ExitCode is the exit code of a server that has ended.
func (s *Server) ExitCode() int {
	var exit *exec.ExitError
	if errors.As(s.err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

// Ready reads /readyz into out.
func (s *Server) Ready(ctx context.Context, out any) error {
	body, err := get(ctx, "http://"+s.Admin+"/readyz")
	if err != nil {
		return err
	}
	return json.Unmarshal(body, out)
}

// A lockedBuffer is a buffer that two streams write to.
type lockedBuffer struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

// Write appends p.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// String is all that was written.
func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
