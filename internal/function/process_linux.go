package function

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Limits of an instance.
//
// AWS: Lambda quotas: 1,024 file descriptors, 1,024 processes and threads.
const (
	maxFiles   = 1024
	maxThreads = 1024
	// spareData is what a process may have allocated beyond the function's
	// memory: address space is not memory, and runtimes reserve a lot. It stops
	// one that allocates faster than the watch can see.
	spareData = 2 << 30
)

// closeOnExec keeps descriptors that this process was given from those that it
// starts.
func closeOnExec() {
	_ = unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC) // kernels before 5.11 cannot
}

// startIn starts the process in a group of its own, which dies with the
// gateway.
func (p *process) startIn(l *launch) error {
	pidfd := -1
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, PidFD: &pidfd}
	if l.group != nil {
		p.cmd.SysProcAttr.UseCgroupFD, p.cmd.SysProcAttr.CgroupFD = true, int(l.group.dir.Fd())
	}
	if l.sandbox != nil {
		l.sandbox.attributes(p.cmd.SysProcAttr)
		c, theirs, err := newControl()
		if err != nil {
			return err
		}
		defer theirs.Close() //nolint:errcheck // the process has its own
		p.inside, p.cmd.ExtraFiles = c, []*os.File{theirs}
	}
	if err := p.cmd.Start(); err != nil {
		p.inside.close()
		return err
	}
	limit(p.pid(), l.memory)
	p.exited = exitOf(pidfd, p.pid())
	return nil
}

// exitOf returns a function that waits for a process to end. It waits by
// polling its descriptor, so that no thread is kept for it.
func exitOf(pidfd, pid int) func() {
	if pidfd >= 0 && unix.SetNonblock(pidfd, true) == nil {
		f := os.NewFile(uintptr(pidfd), "pidfd")
		if conn, err := f.SyscallConn(); err == nil {
			return func() {
				defer f.Close() //nolint:errcheck // nothing was written
				ended := func(fd uintptr) bool {
					var info unix.Siginfo
					err := unix.Waitid(unix.P_PIDFD, int(fd), &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
					return err == nil && info.Signo != 0 || err != nil && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR)
				}
				if conn.Read(ended) != nil {
					waitThread(pid)
				}
			}
		}
	}
	return func() { waitThread(pid) }
}

func waitThread(pid int) {
	for errors.Is(unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil), unix.EINTR) {
		continue
	}
}

// limit bounds what the process can take. It has begun to run already, but has
// had no time to take much.
func limit(pid, memory int) {
	data := uint64(memory)<<20 + spareData
	for _, l := range []struct {
		resource int
		most     uint64
	}{
		{unix.RLIMIT_NOFILE, maxFiles},
		{unix.RLIMIT_CORE, 0},
		{unix.RLIMIT_DATA, data},
		{unix.RLIMIT_NPROC, uint64(threads() + maxThreads)},
	} {
		var old unix.Rlimit
		if unix.Prlimit(pid, l.resource, nil, &old) != nil || old.Max < l.most {
			continue // gone, or bounded more narrowly from outside
		}
		_ = unix.Prlimit(pid, l.resource, &unix.Rlimit{Cur: l.most, Max: l.most}, nil) // gone
	}
	// If the machine runs out of memory, functions go first.
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte("500"), 0) // gone, or not allowed
}

// threads returns how many threads this machine runs: the limit on processes
// counts all of a user's, and which are the user's is not worth asking.
func threads() int {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return maxThreads
	}
	f := strings.Fields(string(b))
	if len(f) < 4 {
		return maxThreads
	}
	_, total, _ := strings.Cut(f[3], "/")
	n, err := strconv.Atoi(total)
	if err != nil {
		return maxThreads
	}
	return n
}

// main returns the process that the function's own program is.
func (p *process) main() int {
	if p.inside == nil {
		return p.pid()
	}
	return int(p.inside.main.Load())
}

// peakMemory returns the most that was seen in memory of the group, or else of
// the function's program, in MB.
func (p *process) peakMemory() int {
	if p.inside == nil { // else /tmp and what keeps the sandbox are in the group's
		if n := p.group.peak(); n > 0 {
			return n
		}
	}
	b, err := os.ReadFile("/proc/" + strconv.Itoa(p.main()) + "/status")
	if err != nil {
		return 0
	}
	_, rest, ok := bytes.Cut(b, []byte("VmHWM:"))
	if !ok {
		return 0
	}
	text, _, _ := bytes.Cut(bytes.TrimSpace(rest), []byte(" "))
	kb, err := strconv.Atoi(string(text))
	if err != nil {
		return 0
	}
	return (kb + 1023) >> 10
}

// How often killMarked looks again: for what was started while it looked, and
// for processes that are about to run their program and have no environment
// for a moment. Some never have one.
const (
	maxSweeps  = 20
	maxUnsure  = 3
	sweepPause = time.Millisecond
)

// killMarked ends the processes whose environment says that they belong to
// mark, or to something below it: those that have left their group.
func killMarked(mark string) {
	entry := []byte("\x00" + marker + "=" + mark)
	t := time.NewTicker(sweepPause)
	defer t.Stop()
	for i, doubts := 0, 0; i < maxSweeps; i++ {
		found, unsure := sweepMarked(entry)
		if doubts++; !found && (!unsure || doubts >= maxUnsure) {
			return
		}
		<-t.C
	}
}

// sweepMarked says whether it has found any, and whether it could not tell of
// some.
func sweepMarked(entry []byte) (found, unsure bool) {
	names, err := processes()
	if err != nil {
		return false, false
	}
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil || pid == os.Getpid() {
			continue
		}
		env, err := os.ReadFile(filepath.Join("/proc", name, "environ"))
		switch {
		case err != nil:
		case len(env) == 0:
			st, ok := readStat(name)
			unsure = unsure || ok && st.begins
		case marked(env, entry):
			found = syscall.Kill(pid, syscall.SIGKILL) == nil || found
		}
	}
	return found, unsure
}

// marked looks for an entry that ends there or goes on with a slash. A zombie's
// environment is empty, so it is not found again.
func marked(env, entry []byte) bool {
	for env = append([]byte{0}, env...); ; {
		i := bytes.Index(env, entry)
		if i < 0 {
			return false
		}
		env = env[i+len(entry):]
		if len(env) == 0 || env[0] == 0 || env[0] == '/' {
			return true
		}
	}
}

// processes lists the entries of /proc, not only processes.
func processes() ([]string, error) {
	d, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer d.Close() //nolint:errcheck // nothing was written
	return d.Readdirnames(-1)
}

// A use is what the processes of a group take.
type use struct {
	memory  int // MB
	threads int
	sandbox bool // the first process only keeps the others
}

// usage returns what each of these groups takes: processes of the group, and
// those that they have started. What processes of one group share is counted
// once; what runs a sandbox is not the function's.
func usage(groups map[int]use) {
	names, err := processes()
	if err != nil {
		return
	}
	page := os.Getpagesize()
	stats := make(map[int]stat, len(names))
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			if st, ok := readStat(name); ok {
				stats[pid] = st
			}
		}
	}
	for pid, st := range stats {
		group := groupOf(pid, stats, groups)
		u, ok := groups[group]
		if !ok || pid == group && u.sandbox {
			continue
		}
		if pid != group && !(u.sandbox && st.parent == group) {
			st.resident -= shared(strconv.Itoa(pid))
		}
		u.memory += max(0, st.resident) * page >> 20
		u.threads += st.threads
		groups[group] = u
	}
}

// groupOf returns the group that a process counts to: its own, or that of the
// nearest process it descends from; zero if that is none of groups.
func groupOf(pid int, stats map[int]stat, groups map[int]use) int {
	for range len(stats) { // a process may have ended and its number be another's
		st, ok := stats[pid]
		if !ok {
			return 0
		}
		if _, ok := groups[st.group]; ok {
			return st.group
		}
		pid = st.parent
	}
	return 0
}

// A stat is what /proc/PID/stat says of a process.
type stat struct {
	parent, group int
	threads       int
	resident      int  // pages
	begins        bool // neither of the kernel nor ended: if it has no environment, it is about to get one
}

func readStat(name string) (stat, bool) {
	b, err := os.ReadFile("/proc/" + name + "/stat")
	if err != nil {
		return stat{}, false
	}
	// The name of the program, in parentheses, may hold anything.
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(f) < 22 {
		return stat{}, false
	}
	const kernelThread = 0x00200000 // PF_KTHREAD
	var s stat
	var errs [5]error
	s.parent, errs[4] = strconv.Atoi(f[1])
	s.group, errs[0] = strconv.Atoi(f[2])
	s.threads, errs[1] = strconv.Atoi(f[17])
	s.resident, errs[2] = strconv.Atoi(f[21])
	flags, err := strconv.Atoi(f[6])
	errs[3] = err
	s.begins = flags&kernelThread == 0 && f[0] != "Z" && f[0] != "X"
	return s, errors.Join(errs[:]...) == nil
}

// shared returns the pages of a process that are files or shared with others.
func shared(name string) int {
	b, err := os.ReadFile("/proc/" + name + "/statm")
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b))
	if len(f) < 3 {
		return 0
	}
	n, err := strconv.Atoi(f[2])
	if err != nil {
		return 0
	}
	return n
}
