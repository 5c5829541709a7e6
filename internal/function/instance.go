package function

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"gatehouse/internal/wire"
)

// An instance is one running copy of a version: a process that asks for one
// event after the other. All fields without a comment are set before it starts.
type instance struct {
	pool    *pool
	id      string // names its directory and its log stream
	dir     string
	log     *logPipe
	ln      net.Listener
	server  *wire.Server
	process *process
	group   *group // nil: none
	born    time.Time
	code    signature // what the code was when it started
	expires time.Time // of its credentials; zero: never

	ready       chan struct{} // closed when it asks for its first event
	dying       chan struct{} // closed when it gets no more events
	programGone chan struct{} // closed when a sandbox's program has ended
	gone        chan struct{} // closed when its processes have ended and it is cleaned up

	// Guarded by pool.mu.
	state      state
	call       *call         // that it is on
	events     chan *call    // holds the next one for who waits in next
	superseded chan struct{} // closed when another connection asks for the next event
	failed     *failure      // of its start, as it was reported
	killed     *failure      // why it was killed; nil: it ended by itself
	exit       string        // how its process ended
	idleSince  time.Time
	extensions []*extension
	turn       chan struct{} // closed when one of them has gone on
	leaving    bool          // they are being told the end
	peak       int           // MB, the most it was seen to use
	measured   time.Time     // when that was
	tmpSeen    time.Time     // when its temporary files were looked at
}

// What an instance does.
type state uint8

const (
	starting  state = iota
	idle            // waits for an event
	busy            // has an event
	finishing       // has answered, and not yet asked for the next
	ending
)

// AWS: lambda-runtime-environment: the init phase has 10 seconds. If it takes
// longer or fails, it is done again when the function is invoked, within the
// time-out of the function.
const initWithin = 10 * time.Second

// launch starts an instance. The failure is one that no second try would mend.
func (p *pool) launch(ctx context.Context, requestID string) (*instance, *failure) {
	in := p.newInstance()
	cmd, err := p.host.command(p.version)
	if err != nil {
		return in, fail(typeEntrypoint, requestID, err.Error())
	}
	in.log.say("INIT_START Runtime Version: " + runtimeVersion(p.version.Runtime, cmd))
	in.expectExtensions()
	cr, err := p.credentials(ctx)
	if err == nil {
		in.expires = cr.Expires
		err = in.begin(cmd, cr)
	}
	if err == nil {
		return in, nil
	}
	_ = os.RemoveAll(in.dir) // found again at the next start
	var ee *exec.Error
	var pe *fs.PathError
	var inside *errEntry
	if (errors.As(err, &ee) || errors.As(err, &inside) || errors.As(err, &pe) && pe.Op == "fork/exec") && !isDiskError(err) {
		// AWS: as it says when what it starts is no program for its machine.
		return in, fail(typeEntrypoint, requestID, strings.ReplaceAll(err.Error(), p.version.Code, "/var/task"))
	}
	p.host.opt.Logger.Error("function cannot be started", "function", p.fn.arn, "error", err)
	f := fail(typeEntrypoint, requestID, "the machine cannot start it")
	f.refusal = Failure("The function could not be started: the server's log says why.")
	return in, f
}

func runtimeVersion(runtime string, cmd command) string {
	if cmd.version == "" {
		return runtime
	}
	return runtime + " (" + cmd.version + ")"
}

func (p *pool) newInstance() *instance {
	id := randomID()
	group := p.version.LogGroup
	if group == "" {
		group = "/aws/lambda/" + p.fn.name
	}
	now := time.Now()
	return &instance{
		pool: p, id: id, dir: filepath.Join(p.host.instances(), id), born: now, code: p.host.codes.of(p.version),
		log: &logPipe{
			group: group, sink: p.fn.sink,
			stream: fmt.Sprintf("%s/[%s]%s", now.UTC().Format("2006/01/02"), p.number, id),
		},
		ready: make(chan struct{}), dying: make(chan struct{}), gone: make(chan struct{}),
		programGone: make(chan struct{}), turn: make(chan struct{}),
		events: make(chan *call, 1),
	}
}

func randomID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func (in *instance) tmp() string { return filepath.Join(in.dir, "tmp") }

// begin starts the process and all that serves it.
func (in *instance) begin(cmd command, cr Credentials) error {
	if err := os.MkdirAll(in.tmp(), 0o700); err != nil {
		return err
	}
	var err error
	if in.ln, err = net.Listen("tcp4", "127.0.0.1:0"); err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		_ = in.ln.Close() // nothing was accepted
		return err
	}
	defer w.Close() //nolint:errcheck // the process has its own
	in.log.pipe = r
	if in.group, err = in.pool.host.groups.make(in.id, in.groupMemory()); err == nil {
		err = in.startProcess(cmd, cr, w)
	}
	if err != nil {
		_, _ = in.ln.Close(), r.Close() // nothing was accepted, nothing read
		in.group.end()
		return err
	}
	in.server = in.newServer()
	in.pool.add(in)
	in.pool.host.running.Go(in.watch)
	return nil
}

// keeperMemory is what the first process of a sandbox may take.
const keeperMemory = 32 // MB

// groupMemory returns the MB that the kernel allows the instance. Files of its
// /tmp are memory to the kernel; how much of it is the program's own is watched.
func (in *instance) groupMemory() int {
	v := in.pool.version
	if in.pool.host.sandbox == nil {
		return v.Memory
	}
	return v.Memory + v.Tmp + keeperMemory
}

// startProcess starts the process, and waits until it has entered its sandbox.
func (in *instance) startProcess(cmd command, cr Credentials, output *os.File) error {
	h, v, env := in.pool.host, in.pool.version, in.environment(cr)
	var s *spec
	if h.sandbox != nil {
		s = in.spec(cmd, env)
		if err := os.MkdirAll(s.Root, 0o700); err != nil {
			return err
		}
	}
	var err error
	in.process, err = h.start(&launch{
		command: cmd, dir: v.Code, env: env, output: output, memory: v.Memory, mark: in.dir, group: in.group, sandbox: h.sandbox,
	})
	if err != nil || s == nil {
		return err
	}
	if err := in.process.begin(s); err != nil {
		in.process.kill()
		heard := make(chan struct{})
		close(heard)
		in.process.wait(heard)
		return err
	}
	return nil
}

// watch serves the instance until its process has ended, and cleans up.
func (in *instance) watch() {
	ctx, cancel := context.WithCancel(context.Background())
	served, read, told := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() { defer close(served); _ = in.server.Serve(ctx, in.ln) }() // ends when ctx does
	go func() { defer close(read); in.log.read() }()
	go func() { defer close(told); in.process.listen(in.heard) }()

	exit := in.process.wait(told)
	in.pool.retire(in)
	if in.group.outOfMemory() {
		in.pool.blame(in, outOfMemory())
	}
	in.group.end()
	in.settle()
	cancel()
	in.stopServer()
	<-served
	in.endLog(read)
	in.pool.conclude(in, exit)
	_ = os.RemoveAll(in.dir) // found again at the next start
	in.pool.remove(in)
	close(in.gone)
}

// How long an instance whose processes have ended is waited for.
const (
	settleWithin = 500 * time.Millisecond // until what it has sent is read
	settleStep   = time.Millisecond
)

// settle waits until all that the process has sent is read: connections of an
// ended process end.
func (in *instance) settle() {
	t := time.NewTicker(settleStep)
	defer t.Stop()
	for until := time.Now().Add(settleWithin); in.server.Conns() > 0 && time.Now().Before(until); {
		<-t.C
	}
}

func (in *instance) stopServer() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = in.server.Shutdown(ctx) // cuts what is left
}

// endLog reads the log to its end. A process that has escaped may hold the
// pipe; it is not waited for.
func (in *instance) endLog(read <-chan struct{}) {
	select {
	case <-read:
	case <-time.After(settleWithin):
	}
	_ = in.log.pipe.Close() // wakes the reader
	<-read
}

// stopLocked ends an instance, because of f or because it is not needed.
func (in *instance) stopLocked(f *failure) {
	if in.killed == nil {
		in.killed = f
	}
	reason := reasonSpindown
	switch {
	case f != nil && f.kind == typeTimeout:
		reason = reasonTimeout
	case f != nil:
		reason = reasonFailure
	}
	gentle := in.farewellLocked(reason)
	in.retireLocked()
	if !gentle {
		in.process.kill()
	}
}

// retireLocked sees to it that the instance gets no more events.
func (in *instance) retireLocked() {
	switch in.state {
	case ending:
		return
	case finishing:
		in.pool.finishing--
		in.pool.disappointLocked()
	}
	in.state = ending
	close(in.dying)
}

// usedLocked returns the most memory the instance was seen to use, in MB. Asking
// costs, so it is asked for a new instance, and then now and then.
func (in *instance) usedLocked(now time.Time) int {
	if now.Sub(in.measured) >= time.Second || in.peak == 0 {
		in.measured = now
		in.peak = max(in.peak, in.process.peakMemory())
	}
	return in.peak
}
