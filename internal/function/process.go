package function

import (
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
)

// A process is an instance's first process with all that it has started: its
// group, and on Linux those that left the group.
type process struct {
	cmd    *exec.Cmd
	mark   string   // what its environment says it belongs to
	group  *group   // nil: none
	inside *control // with the first process of a sandbox; nil: there is none
	exited func()   // waits until the first process has ended, without taking its id from it

	mu     sync.Mutex // guards the fields below
	reaped bool       // the id may be somebody else's
	exit   *word      // of a sandbox's program; nil: not said
}

// A launch is what is started, and how.
type launch struct {
	command command
	dir     string
	env     []string
	output  *os.File // stdout and stderr
	memory  int      // MB
	mark    string
	group   *group
	sandbox *sandbox // nil: none
}

func start(l *launch) (*process, error) {
	cmd := exec.Command(l.command.path, l.command.args...)
	cmd.Dir, cmd.Env = l.dir, l.env
	if l.sandbox != nil {
		cmd = &exec.Cmd{Path: l.sandbox.program, Args: []string{initName}, Env: initEnvironment(l.mark)}
	}
	cmd.Stdout, cmd.Stderr = l.output, l.output // stdin is /dev/null
	p := &process{cmd: cmd, mark: l.mark, group: l.group}
	err := p.startIn(l)
	l.group.started()
	if err != nil {
		return nil, err
	}
	return p, nil
}

// kill ends the group. It may be called at any time and more than once.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // gone already
		p.group.kill()
	}
}

// begin has the first process of a sandbox start the function's program.
func (p *process) begin(s *spec) error { return p.inside.begin(s, p.pid()) }

// listen takes note of what the first process of a sandbox says, until it has
// ended.
func (p *process) listen(hear func(*word)) {
	for p.inside != nil {
		w, err := p.inside.next()
		if err != nil {
			return
		}
		if w.Event == wordExit {
			p.mu.Lock()
			p.exit = w
			p.mu.Unlock()
		}
		hear(w)
	}
}

// wait waits for the first process to end, ends all the others, and returns
// how it ended, in AWS's words. Heard is closed when listen has returned.
func (p *process) wait(heard <-chan struct{}) string {
	p.exited()
	p.kill()
	<-heard
	p.inside.close()
	if p.group == nil && p.inside == nil { // else the kernel has ended all
		killMarked(p.mark)
	}
	p.mu.Lock()
	p.reaped = true
	exit := p.exit
	p.mu.Unlock()
	_ = p.cmd.Wait() // told by the state
	st, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if exit != nil {
		st = syscall.WaitStatus(exit.Status)
	}
	switch {
	case !ok || st.Exited() && st.ExitStatus() == 0:
		// AWS: a runtime that exits with 0 gives no reason.
		return "Runtime exited without providing a reason"
	case st.Signaled():
		return "Runtime exited with error: signal: " + st.Signal().String()
	}
	return fmt.Sprintf("Runtime exited with error: exit status %d", st.ExitStatus())
}

func (p *process) pid() int { return p.cmd.Process.Pid }
