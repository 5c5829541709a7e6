//go:build !linux

package function

import "syscall"

// AWS: Lambda quotas: 1,024 processes and threads.
const maxThreads = 1024

func closeOnExec() {}

// startIn starts the process in a group of its own. Elsewhere than on Linux it
// has no limits, and outlives a gateway that is killed.
func (p *process) startIn(*launch) error {
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	p.exited = func() { _ = p.cmd.Wait() } // told by the state
	return nil
}

func killMarked(string) {}

func (p *process) peakMemory() int { return 0 }

// A use is what the processes of a group take.
type use struct {
	memory  int // MB
	threads int
	sandbox bool
}

func usage(map[int]use) {}
