package function

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/go-json-experiment/json"
	"golang.org/x/sys/unix"
)

// Init is to be called first by a program that is the Init of Options. If the
// process is the first one of an instance, it makes its sandbox, starts the
// function's program in it, buries what is left by processes there, and ends with
// the program; it does not return then.
//
// The process is number one of its namespace: when it ends, the kernel ends
// all others, wherever they have gone.
func Init() {
	if len(os.Args) != 1 || os.Args[0] != initName {
		return
	}
	runtime.LockOSThread() // privileges are those of a thread
	i := &initial{conn: os.NewFile(3, "control"), extensions: make(map[int]string)}
	syscall.CloseOnExec(3)
	i.read = bufio.NewReader(i.conn)
	line, err := i.read.ReadBytes('\n')
	if err != nil {
		os.Exit(1) // who has started it is gone
	}
	var s spec
	if err := json.Unmarshal(line, &s); err != nil {
		i.end(&word{Event: wordFailed, Text: "read what to do: " + err.Error()})
	}
	if err := s.enter(); err != nil {
		i.end(&word{Event: wordFailed, Text: err.Error()})
	}
	if s.Probe {
		i.end(&word{Event: wordStarted})
	}
	i.run(&s)
}

// An initial is the first process of an instance.
type initial struct {
	conn       *os.File
	read       *bufio.Reader
	main       int            // the program's process; zero: it was not started
	extensions map[int]string // by process
}

// end says the last word.
func (i *initial) end(w *word) {
	i.say(w)
	os.Exit(0)
}

// run starts the programs and waits for them. With extensions the program
// starts when it is told to, and the process stays when it has ended: they are
// still to be told.
func (i *initial) run(s *spec) {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	for _, ext := range s.Extensions {
		pid, err := ext.start()
		if err != nil {
			i.end(&word{Event: wordRefused, Text: err.Error()})
		}
		i.extensions[pid] = ext.Name
	}
	if len(s.Extensions) == 0 {
		i.start(s)
	}
	i.say(&word{Event: wordStarted})
	orders := make(chan word)
	go i.listen(orders)
	for {
		select {
		case w := <-orders:
			switch {
			case w.Event == wordRun && i.main == 0:
				i.start(s)
			case w.Event == wordTerm && i.main != 0:
				_ = syscall.Kill(i.main, syscall.SIGTERM) // gone already
			}
		case <-ended:
			i.bury()
		}
	}
}

// start starts the program, by the thread that has no privileges.
func (i *initial) start(s *spec) {
	pid, err := s.Program.start()
	if err != nil {
		i.end(&word{Event: wordRefused, Text: err.Error()})
	}
	i.main = pid
}

// bury takes note of processes that have ended.
func (i *initial) bury() {
	for {
		var st syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &st, syscall.WNOHANG, nil)
		switch name, ok := i.extensions[pid]; {
		case errors.Is(err, syscall.EINTR):
		case err != nil, pid == 0:
			return
		case pid == i.main && len(i.extensions) == 0:
			i.end(&word{Event: wordExit, Status: int(st)})
		case pid == i.main:
			i.say(&word{Event: wordExit, Status: int(st)})
		case ok:
			i.say(&word{Event: wordExtGone, Name: name, Status: int(st)})
		}
	}
}

// say says a word. If nobody listens, listen sees it.
func (i *initial) say(w *word) { _, _ = i.conn.Write(w.line()) }

// listen hands on what it is told, and ends with the gateway.
func (i *initial) listen(orders chan<- word) {
	for {
		line, err := i.read.ReadBytes('\n')
		var w word
		if err != nil || json.Unmarshal(line, &w) != nil {
			os.Exit(1)
		}
		orders <- w
	}
}

// start starts a program. Its descriptors are those of the log, and no other.
func (p *program) start() (int, error) {
	pid, err := syscall.ForkExec(p.Path, append([]string{p.Path}, p.Args...), &syscall.ProcAttr{
		Dir: p.Dir, Env: p.Env, Files: []uintptr{0, 1, 2},
	})
	if err != nil {
		return 0, &os.PathError{Op: "fork/exec", Path: p.Path, Err: err}
	}
	return pid, nil
}

// enter makes the sandbox around the process, and gives up what it had to have
// for that.
func (s *spec) enter() error {
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"take the mounts apart from the machine's", func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") }},
		{"mount a root", func() error {
			return unix.Mount("gatehouse", s.Root, "tmpfs", unix.MS_NOSUID, "mode=755,size=1m,nr_inodes=8k")
		}},
		{"show the machine's programs", s.showMachine},
		{"show devices", s.showDevices},
		{"mount " + optDir, s.mountLayers},
		{"mount the code", s.mountCode},
		{"make all read-only", func() error { return readOnly(s.Root) }},
		{"mount /proc", s.mountProc},
		{"mount " + tmpDir, s.mountTmp},
		{"show the interpreter", s.showKept},
		{"change the root", s.changeRoot},
		{"give up privileges", giveUp},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return nil
}

// readOnly makes a mount and all below it so.
func readOnly(path string) error {
	return unix.MountSetattr(-1, path, unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID})
}

// bind shows a file or directory of the machine at a path of the new root.
func (s *spec) bind(from, at string) error {
	st, err := os.Stat(from)
	if err != nil {
		return err
	}
	to := filepath.Join(s.Root, at)
	if st.IsDir() {
		err = os.MkdirAll(to, 0o755)
	} else if err = os.MkdirAll(filepath.Dir(to), 0o755); err == nil {
		err = os.WriteFile(to, nil, 0o644)
	}
	if err != nil {
		return err
	}
	if err := unix.Mount(from, to, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return &os.PathError{Op: "bind", Path: from, Err: err}
	}
	return nil
}

// show shows what is there of the machine. Links that lead to what is shown
// stay links.
func (s *spec) show(path string) error {
	st, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if st.Mode().Type() != os.ModeSymlink {
		return s.bind(path, path)
	}
	target, err := os.Readlink(path)
	if err != nil {
		return err
	}
	full := target
	if !filepath.IsAbs(full) {
		full = filepath.Join(filepath.Dir(path), target)
	}
	if shown(full) {
		return s.link(target, path)
	}
	if err := s.bind(path, path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (s *spec) link(target, at string) error {
	to := filepath.Join(s.Root, at)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.Symlink(target, to)
}

func (s *spec) showMachine() error {
	for _, dir := range shownDirs {
		if err := s.show(dir); err != nil {
			return err
		}
	}
	for _, name := range shownEtc {
		if err := s.show("/etc/" + name); err != nil {
			return err
		}
	}
	return nil
}

func (s *spec) showDevices() error {
	for _, name := range shownDevices {
		if err := s.bind("/dev/"+name, "/dev/"+name); err != nil {
			return err
		}
	}
	for name, target := range map[string]string{"fd": "fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"} {
		if err := s.link("/proc/self/"+target, "/dev/"+name); err != nil {
			return err
		}
	}
	return nil
}

// mountLayers lays the layers over each other.
func (s *spec) mountLayers() error {
	switch len(s.Layers) {
	case 0:
		return os.MkdirAll(filepath.Join(s.Root, optDir), 0o755)
	case 1:
		return s.bind(s.Layers[0], optDir)
	}
	to := filepath.Join(s.Root, optDir)
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	escape := strings.NewReplacer(`\`, `\\`, `:`, `\:`, `,`, `\,`)
	lower := make([]string, len(s.Layers))
	for i, dir := range s.Layers {
		lower[i] = escape.Replace(dir)
	}
	return unix.Mount("overlay", to, "overlay", unix.MS_RDONLY|unix.MS_NODEV, "lowerdir="+strings.Join(lower, ":"))
}

// mountCode shows the function's code, and makes room for what is mounted when
// the root is read-only.
func (s *spec) mountCode() error {
	if err := s.bind(s.Task, taskDir); err != nil {
		return err
	}
	if err := s.bind(s.Runtime, runtimeDir); err != nil {
		return err
	}
	for _, path := range keepers(s.Keep) {
		if strings.HasPrefix(path, tmpDir+"/") {
			continue
		}
		if err := s.bind(path, path); err != nil {
			return err
		}
	}
	for _, dir := range []string{"/proc", tmpDir} {
		if err := os.MkdirAll(filepath.Join(s.Root, dir), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// mountProc shows the processes of the instance, and no others. Kernels from
// 6.14 on bound their number by this, too.
func (s *spec) mountProc() error {
	to := filepath.Join(s.Root, "proc")
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := unix.Mount("proc", to, "proc", flags, ""); err != nil {
		return err
	}
	if bounded() {
		_ = os.WriteFile(filepath.Join(to, "sys/kernel/pid_max"), []byte(strconv.Itoa(s.Threads)), 0) // may not: it is watched
	}
	return unix.Mount("", to, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|flags, "")
}

// bounded tells whether pid_max is one of each namespace: before it was, it was
// the machine's.
func bounded() bool {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return false
	}
	var major, minor int
	n, _ := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &major, &minor) // n tells
	return n == 2 && (major > 6 || major == 6 && minor >= 14)
}

// mountTmp makes the directory of the instance's own.
//
// AWS: EphemeralStorage is its size; a file that does not fit fails with "no
// space left on device".
func (s *spec) mountTmp() error {
	options := fmt.Sprintf("mode=1777,size=%dm,nr_inodes=%d", s.Tmp, s.Tmp<<8)
	return unix.Mount("tmp", filepath.Join(s.Root, tmpDir), "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, options)
}

// showKept shows what of the machine lies in /tmp.
func (s *spec) showKept() error {
	for _, path := range keepers(s.Keep) {
		if !strings.HasPrefix(path, tmpDir+"/") {
			continue
		}
		if err := s.bind(path, path); err != nil {
			return err
		}
		if err := readOnly(filepath.Join(s.Root, path)); err != nil {
			return err
		}
	}
	return nil
}

func (s *spec) changeRoot() error {
	if err := unix.Chdir(s.Root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return err
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return err
	}
	return unix.Chdir("/")
}

// giveUp takes all privileges from the process and what it starts, for good.
// What it starts cannot look into it either.
func giveUp() error {
	for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil && !errors.Is(err, unix.EINVAL) {
			return fmt.Errorf("capability %d: %w", c, err)
		}
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return err
	}
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&hdr, &none[0]); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}
