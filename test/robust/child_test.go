package robust_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// roleVar names, in the environment of a child, what it is to do.
const roleVar = "GATEHOUSE_ROBUST_ROLE"

// roles are the processes that tests start and mistreat.
func roles() map[string]func(args []string) error {
	return map[string]func(args []string) error{
		"committer": committer,
		"logger":    logger,
	}
}

func TestMain(m *testing.M) {
	role, ok := roles()[os.Getenv(roleVar)]
	if !ok {
		os.Exit(m.Run())
	}
	if err := role(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// A child is this test binary running in a role.
type child struct {
	cmd    *exec.Cmd
	out    *bufio.Scanner
	errors strings.Builder
}

// start starts a child. It does not outlive the test.
func start(t *testing.T, role string, args ...string) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return startCommand(t, []string{roleVar + "=" + role}, self, args...)
}

// startCommand is start for any program, with env added to the environment.
func startCommand(t *testing.T, env []string, program string, args ...string) *child {
	t.Helper()
	c := &child{cmd: exec.Command(program, args...)}
	c.cmd.Env = append(os.Environ(), env...)
	c.cmd.Stderr = &c.errors
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewScanner(out)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.kill)
	return c
}

// line returns the next line that the child has written, and false after the
// last one. What a killed child wrote before its end is not lost.
func (c *child) line() (string, bool) {
	ok := c.out.Scan()
	return c.out.Text(), ok
}

// kill sends SIGKILL, which no process can catch. It may be called while
// another goroutine reads lines.
func (c *child) kill() { _ = c.cmd.Process.Kill() } // it may have ended by itself

// wait returns how the child ended, with what it wrote to its standard error.
// All its lines must have been read before.
func (c *child) wait() error {
	if err := c.cmd.Wait(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(c.errors.String()))
	}
	return nil
}
