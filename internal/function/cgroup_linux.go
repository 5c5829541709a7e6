package function

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A groups is a directory of cgroup v2 in which each instance gets a group of
// its own. Nil: instances have none.
type groups struct {
	dir     string
	bounded bool // by memory and number of processes; else groups only end all processes
}

// groupPrefix begins the names of groups of instances; the id of the process that
// made them follows.
const groupPrefix = "gatehouse-"

func groupsOf(pid int) string { return groupPrefix + strconv.Itoa(pid) + "-" }

// openGroups takes over a directory that was delegated to the gateway, and ends
// what a gateway before has left in it.
func openGroups(dir string, predecessor int, log *slog.Logger) (*groups, error) {
	if dir == "" {
		return nil, nil
	}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return nil, fmt.Errorf("cgroup %s: %w", dir, err)
	}
	if st.Type != unix.CGROUP2_SUPER_MAGIC {
		return nil, fmt.Errorf("cgroup %s: not a directory of cgroup v2", dir)
	}
	g := &groups{dir: dir}
	// Fails where the directory holds processes itself, or was not delegated.
	err := os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+memory +pids"), 0)
	if g.bounded = err == nil; !g.bounded {
		log.Warn("cgroup cannot bound memory and processes of functions: they are watched instead", "cgroup", dir, "error", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, groupPrefix+"*"))
	if err != nil {
		return nil, err
	}
	for _, path := range left {
		if predecessor != 0 && strings.HasPrefix(filepath.Base(path), groupsOf(predecessor)) {
			continue
		}
		(&group{path: path}).end()
	}
	probe, err := g.make(randomID(), 1)
	if err != nil {
		return nil, err
	}
	probe.end()
	return g, nil
}

// A group is the cgroup of an instance. Nil: it has none.
type group struct {
	path string
	dir  *os.File // what a process is started into; nil later
}

// make makes a group that may use so many MB of memory.
func (g *groups) make(id string, memory int) (*group, error) {
	if g == nil {
		return nil, nil
	}
	gr := &group{path: filepath.Join(g.dir, groupsOf(os.Getpid())+id)}
	if err := os.Mkdir(gr.path, 0o755); err != nil {
		return nil, fmt.Errorf("cgroup: %w", err)
	}
	var errs []error
	if g.bounded {
		errs = append(errs, gr.write("memory.max", strconv.Itoa(memory<<20)), gr.write("memory.oom.group", "1"),
			gr.write("pids.max", strconv.Itoa(maxThreads)))
		if err := gr.write("memory.swap.max", "0"); !errors.Is(err, fs.ErrNotExist) { // kernels without swap
			errs = append(errs, err)
		}
	}
	dir, err := os.Open(gr.path)
	if err = errors.Join(append(errs, err)...); err != nil {
		gr.end()
		return nil, fmt.Errorf("cgroup: %w", err)
	}
	gr.dir = dir
	return gr, nil
}

func (gr *group) write(file, text string) error {
	return os.WriteFile(filepath.Join(gr.path, file), []byte(text), 0)
}

// started lets go of what was only needed to start the process.
func (gr *group) started() {
	if gr != nil && gr.dir != nil {
		_ = gr.dir.Close() // a directory
		gr.dir = nil
	}
}

// kill ends all processes of the group, wherever they have gone.
func (gr *group) kill() {
	if gr != nil {
		_ = gr.write("cgroup.kill", "1") // gone already
	}
}

// outOfMemory tells whether the kernel has ended the group for its memory.
func (gr *group) outOfMemory() bool {
	if gr == nil {
		return false
	}
	b, err := os.ReadFile(filepath.Join(gr.path, "memory.events"))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(b)) {
		if n, ok := strings.CutPrefix(line, "oom_kill "); ok {
			return strings.TrimSpace(n) != "0"
		}
	}
	return false
}

// peak returns the most memory that the group has used, in MB; zero if it is
// not known.
func (gr *group) peak() int {
	if gr == nil {
		return 0
	}
	b, err := os.ReadFile(filepath.Join(gr.path, "memory.peak"))
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0
	}
	return (n + 1<<20 - 1) >> 20
}

// endWithin is how long the processes of a group may take to be gone.
const endWithin = 500 * time.Millisecond

// end ends the group with all its processes. One that does not go is found
// again at the next start.
func (gr *group) end() {
	if gr == nil {
		return
	}
	gr.started()
	gr.kill()
	t := time.NewTicker(time.Millisecond)
	defer t.Stop()
	for until := time.Now().Add(endWithin); time.Now().Before(until); {
		if err := os.Remove(gr.path); err == nil || errors.Is(err, fs.ErrNotExist) {
			return
		}
		<-t.C
	}
}
