package function

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/sys/unix"
)

// initName is what the first process of an instance is called. It tells Init
// what it is.
const initName = "gatehouse-instance"

// beginWithin is how long a sandbox may take to be ready: some milliseconds, on a
// machine that is not busy.
const beginWithin = 10 * time.Second

// attributes are how the first process is started.
func (s *sandbox) attributes(a *syscall.SysProcAttr) {
	a.Cloneflags = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC
	if s.users {
		a.Cloneflags |= unix.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
		a.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SETPCAP}
	}
}

// A control is the connection to the first process of an instance.
type control struct {
	conn *os.File
	read *bufio.Reader
	main atomic.Int64 // the process of the function's program
}

// newControl returns our end and that of the process.
func newControl() (*control, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("control connection: %w", err)
	}
	// The process's end is an ordinary one for it.
	_ = unix.SetNonblock(fds[1], false) // a descriptor of ours
	ours := os.NewFile(uintptr(fds[0]), "control")
	return &control{conn: ours, read: bufio.NewReader(ours)}, os.NewFile(uintptr(fds[1]), "control"), nil
}

// begin tells the process what to do, and waits until it has done so.
func (c *control) begin(s *spec, pid int) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	_ = c.conn.SetDeadline(time.Now().Add(beginWithin)) // a socket has deadlines
	defer c.conn.SetDeadline(time.Time{})               //nolint:errcheck // as above
	if _, err := c.conn.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("begin of an instance: %w", err)
	}
	w, err := c.next()
	switch {
	case err != nil:
		return fmt.Errorf("begin of an instance: %w", err)
	case w.Event == wordRefused:
		return &errEntry{w.Text}
	case w.Event != wordStarted:
		return errors.New(w.Text)
	}
	if list := children(pid); len(list) > 0 {
		c.main.Store(int64(list[len(list)-1]))
	}
	return nil
}

// next reads what the process says next.
func (c *control) next() (*word, error) {
	line, err := c.read.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	w := new(word)
	return w, json.Unmarshal(line, w)
}

// close ends the connection, and so the process. Of a nil control it does
// nothing.
func (c *control) close() {
	if c != nil {
		_ = c.conn.Close() // nothing is kept
	}
}

// terminate has the process tell its program to end.
func (c *control) terminate() { c.order(wordTerm) }

// proceed has the process start its program.
func (c *control) proceed() { c.order(wordRun) }

func (c *control) order(event string) {
	_ = c.conn.SetWriteDeadline(time.Now().Add(time.Second)) // a socket has deadlines
	_, _ = c.conn.Write((&word{Event: event}).line())        // it is gone already
}

// probeSandbox finds out which sandbox the kernel allows.
func probeSandbox(program, dir string) (*sandbox, error) {
	var errs []error
	for _, users := range []bool{false, true} {
		s := &sandbox{program: program, users: users}
		err := s.probe(filepath.Join(dir, "probe"))
		if err == nil {
			return s, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// probe makes a sandbox and runs nothing in it.
func (s *sandbox) probe(dir string) (err error) {
	defer os.RemoveAll(dir) //nolint:errcheck // looked for at the next start
	sp := &spec{Probe: true, Root: filepath.Join(dir, "root"), Task: filepath.Join(dir, "code"), Runtime: filepath.Join(dir, "code"),
		Layers: []string{filepath.Join(dir, "a"), filepath.Join(dir, "b")}, Tmp: 1, Threads: maxThreads}
	for _, d := range append(sp.Layers, sp.Task, sp.Root) {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return err
		}
	}
	c, theirs, err := newControl()
	if err != nil {
		return err
	}
	defer c.conn.Close() //nolint:errcheck // it was only read
	cmd := &exec.Cmd{Path: s.program, Args: []string{initName}, Env: initEnvironment(dir), ExtraFiles: []*os.File{theirs}}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.attributes(cmd.SysProcAttr)
	err = cmd.Start()
	_ = theirs.Close() // the process has its own
	if err != nil {
		return fmt.Errorf("%s: %w", s, err)
	}
	err = c.begin(sp, cmd.Process.Pid)
	_ = cmd.Process.Kill() // gone already
	_ = cmd.Wait()         // told by what it said
	if err != nil {
		return fmt.Errorf("%s: %w", s, err)
	}
	return nil
}

// initEnvironment is that of the first process: little, and where it belongs.
func initEnvironment(mark string) []string {
	return []string{"GOMAXPROCS=1", "GOGC=off", marker + "=" + mark}
}

// children lists the processes that pid has started, the latest last.
func children(pid int) []int {
	var list []int
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid)) // gone: none
	for _, task := range tasks {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, task.Name())) // as above
		for _, f := range strings.Fields(string(b)) {
			if n, err := strconv.Atoi(f); err == nil {
				list = append(list, n)
			}
		}
	}
	return list
}
