package function

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// Run lets the host work: it makes asynchronous invocations, watches what
// instances use, ends idle ones, and when ctx ends, all of them.
func (h *Host) Run(ctx context.Context) error {
	if h.ready.Do(h.prepare); h.failed != nil {
		return h.failed
	}
	queue, end := context.WithCancel(ctx)
	defer end()
	go func() { // ends with queue
		select {
		case <-h.holding:
			end()
		case <-queue.Done():
		}
	}()
	go func() {
		defer close(h.queueEnded)
		h.runQueue(queue)
	}()
	h.oversee(ctx)
	<-h.queueEnded
	h.shutdown()
	return nil
}

// Hold leaves asynchronous invocations to a process that takes this one's place:
// those that wait, those that are being made, which are made anew, and
// those that come from now on, which the other adopts. The host must run.
func (h *Host) Hold() {
	h.queue.spool.hold()
	close(h.holding)
	<-h.queueEnded
}

// Adopt makes the asynchronous invocations that a process before has held,
// which has ended.
func (h *Host) Adopt() {
	err := h.prepared()
	if err == nil {
		err = h.queue.adopt()
	}
	if err != nil {
		h.opt.Logger.Error("asynchronous invocations of the process before wait for the next start", "error", err)
	}
}

// shutdown ends all instances and waits for them.
func (h *Host) shutdown() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.running.Wait()
	}()
	for again := time.NewTicker(watchEvery); ; { // instances that were about to start
		for _, p := range h.pools() {
			p.close(true)
		}
		select {
		case <-done:
			again.Stop()
			close(h.started)
			_ = os.Remove(h.instances()) // empty, unless an instance could not be removed
			if h.opt.Dir == "" {
				_ = os.RemoveAll(h.dir) // in a directory for temporary files
			}
			return
		case <-again.C:
		}
	}
}

// How often instances are looked at.
const (
	watchEvery = 100 * time.Millisecond // that are busy
	watchIdle  = time.Second            // that are not
	watchShare = 20                     // looking takes at most this part of the time
)

// oversee looks after instances until ctx ends.
func (h *Host) oversee(ctx context.Context) {
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.wake:
		case <-t.C:
		}
		began := time.Now()
		pools := h.pools()
		for _, p := range pools {
			p.reap(began.Add(-h.opt.Idle))
		}
		all, working := h.measure(pools)
		switch {
		case all == 0:
			t.Stop()
		case working:
			t.Reset(max(watchEvery, watchShare*time.Since(began)))
		default:
			t.Reset(max(watchIdle, watchShare*time.Since(began)))
		}
	}
}

// measure ends instances that use too much. It returns how many there are, and
// whether one of them works.
func (h *Host) measure(pools []*pool) (all int, working bool) {
	groups := make(map[int]use)
	for _, p := range pools {
		p.mu.Lock()
		for in := range p.all {
			groups[in.process.pid()] = use{sandbox: in.process.inside != nil}
			working = working || in.state != idle
		}
		p.mu.Unlock()
	}
	if len(groups) == 0 {
		return 0, false
	}
	usage(groups)
	if h.sandbox == nil {
		h.measureTmp(pools, time.Now())
	}
	for _, p := range pools {
		p.mu.Lock()
		for in := range p.all {
			if u, ok := groups[in.process.pid()]; ok {
				in.checkLocked(u)
			}
		}
		p.mu.Unlock()
	}
	return len(groups), working
}

// checkLocked ends the instance if it uses too much.
func (in *instance) checkLocked(u use) {
	in.peak = max(in.peak, u.memory)
	switch {
	case u.memory > in.pool.version.Memory:
		in.stopLocked(outOfMemory())
	case u.threads > maxThreads:
		// AWS: Lambda quotas: 1,024 processes and threads; there, fork fails.
		in.stopLocked(&failure{kind: typeExit, lines: []string{"Runtime exited with error: signal: killed"}})
	}
}

// measureTmp ends instances whose files for the time being are larger than they
// may be, where nothing keeps them from growing. Each is looked at once a second.
func (h *Host) measureTmp(pools []*pool, now time.Time) {
	for _, p := range pools {
		var due []*instance
		p.mu.Lock()
		for in := range p.all {
			if now.Sub(in.tmpSeen) >= time.Second {
				in.tmpSeen = now
				due = append(due, in)
			}
		}
		p.mu.Unlock()
		for _, in := range due {
			if used := diskUse(in.tmp()); used > int64(p.version.Tmp)<<20 {
				p.mu.Lock()
				in.stopLocked(&failure{kind: typeExit, lines: []string{fmt.Sprintf("the directory for temporary files holds more than %d MB", p.version.Tmp)}})
				p.mu.Unlock()
			}
		}
	}
}

// diskUse returns the size of the files below dir. Of very many it counts the
// first.
func diskUse(dir string) int64 {
	var size int64
	n := 0
	// What goes while it is looked at takes no room.
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // see above
		}
		if n++; n > maxEntries {
			return filepath.SkipAll
		}
		if st, err := d.Info(); err == nil && st.Mode().IsRegular() {
			size += st.Size()
		}
		return nil
	})
	return size
}

// A startJob asks for a process to be started.
type startJob struct {
	launch  *launch
	process *process
	err     error
	done    chan struct{}
}

// starter starts processes. They get a signal when the thread ends that has
// started them, so it is one that lasts as long as the host.
func (h *Host) starter() {
	runtime.LockOSThread()
	for {
		select {
		case j := <-h.jobs:
			j.process, j.err = start(j.launch)
			close(j.done)
		case <-h.started:
			return
		}
	}
}

// start starts a process.
func (h *Host) start(l *launch) (*process, error) {
	j := &startJob{launch: l, done: make(chan struct{})}
	h.jobs <- j
	<-j.done
	return j.process, j.err
}
