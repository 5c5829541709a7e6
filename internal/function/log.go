package function

import (
	"bytes"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// Bounds of what a function can make of its log.
const (
	maxLine   = 256 << 10 // AWS: CloudWatch Logs, the size of an event; longer lines are split
	maxOutput = 32 << 20  // of one invocation; what is beyond is read and dropped, and a line says so
	tailSize  = 4 << 10   // AWS: Invoke, LogType Tail
)

// A logPipe is the log of an instance: what its processes write to stdout and
// stderr, and what is written about it. Output is read by the instance's reader
// as it comes, and by drain when an invocation ends, so that END never overtakes
// what the function has written before.
type logPipe struct {
	group, stream string
	sink          func(Line) // may be nil
	pipe          *os.File   // the end that is read

	mu    sync.Mutex // guards the fields below; held while sink is called
	rest  []byte     // of a line without end
	buf   []byte
	taken int  // bytes of this invocation
	tail  tail // of this invocation
}

// A tail keeps the last bytes of what was written.
type tail struct {
	want bool
	b    []byte
}

func (t *tail) add(line []byte) {
	if !t.want {
		return
	}
	t.b = append(append(t.b, line...), '\n')
	if len(t.b) > 2*tailSize {
		t.b = append(t.b[:0], t.b[len(t.b)-tailSize:]...)
	}
}

func (t *tail) last() []byte { return bytes.Clone(t.b[max(0, len(t.b)-tailSize):]) }

// read passes on what processes write, until all of them have closed the pipe
// or it is closed here.
func (l *logPipe) read() {
	conn, err := l.pipe.SyscallConn()
	if err != nil {
		return
	}
	// Its error is that the pipe was closed. It must read until the pipe is
	// empty: what is left would wake nobody.
	_ = conn.Read(func(fd uintptr) bool {
		for {
			switch l.gulp(int(fd)) {
			case pipeEmpty:
				return false
			case pipeEnded:
				return true
			}
		}
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flushLocked()
}

// drain passes on what has been written so far; of a function that writes
// faster than it is read, no more than that.
func (l *logPipe) drain() {
	if l.pipe == nil {
		return // never started
	}
	conn, err := l.pipe.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) { l.gulp(int(fd)) }) // closed: the reader has it all
}

// maxGulp bounds what is read while the log is locked. A pipe holds 64 KiB.
const maxGulp = 128 << 10

// What gulp has found.
type pipeState uint8

const (
	pipeMore pipeState = iota
	pipeEmpty
	pipeEnded
)

// gulp reads what is in the pipe.
func (l *logPipe) gulp(fd int) pipeState {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.buf == nil {
		l.buf = make([]byte, 16<<10)
	}
	for got := 0; got < maxGulp; {
		n, err := syscall.Read(fd, l.buf)
		switch {
		case err == syscall.EINTR: //nolint:errorlint // of a system call
			continue
		case err == syscall.EAGAIN: //nolint:errorlint // of a system call
			return pipeEmpty
		case n <= 0 || err != nil:
			return pipeEnded
		}
		got += n
		l.takeLocked(l.buf[:n])
	}
	return pipeMore
}

// takeLocked splits output into lines.
func (l *logPipe) takeLocked(b []byte) {
	if room := maxOutput - l.taken; len(b) > room {
		if l.taken += len(b); room > 0 {
			l.lineLocked([]byte(fmt.Sprintf("Gatehouse: output of this invocation beyond %d MiB is dropped", maxOutput>>20)))
		}
		l.rest = l.rest[:0]
		return
	}
	l.taken += len(b)
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			l.rest = append(l.rest, b...)
			if len(l.rest) > maxLine {
				l.flushLocked()
			}
			return
		}
		if len(l.rest) > 0 {
			l.rest = append(l.rest, b[:i]...)
			l.flushLocked()
		} else {
			l.lineLocked(b[:i])
		}
		b = b[i+1:]
	}
}

func (l *logPipe) flushLocked() {
	if len(l.rest) > 0 {
		l.lineLocked(l.rest)
		l.rest = l.rest[:0]
	}
}

func (l *logPipe) lineLocked(text []byte) {
	for len(text) > maxLine {
		l.passLocked(text[:maxLine])
		text = text[maxLine:]
	}
	l.passLocked(text)
}

func (l *logPipe) passLocked(text []byte) {
	l.tail.add(text)
	if l.sink != nil {
		l.sink(Line{Group: l.group, Stream: l.stream, Time: time.Now(), Text: text})
	}
}

// say writes a line about the instance.
func (l *logPipe) say(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flushLocked()
	l.lineLocked([]byte(text))
}

// begin starts the log of an invocation.
func (l *logPipe) begin(want bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken = 0
	l.tail = tail{want: want, b: l.tail.b[:0]}
}

// report writes the end of an invocation.
func (l *logPipe) report(r *report) {
	if r.failure != nil {
		for _, line := range r.failure.lines {
			l.say(line)
		}
	}
	l.say("END RequestId: " + r.requestID)
	l.say(r.String())
}

// last returns the end of the log of the invocation.
func (l *logPipe) last() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tail.last()
}

// A report is the line that ends the log of an invocation.
type report struct {
	requestID      string
	duration, init time.Duration // init is zero unless the instance was started for this invocation
	memory, used   int           // MB
	failure        *failure
	timeout        bool
}

// AWS: REPORT is separated by tabs; its durations are milliseconds with two
// digits, and what is billed is rounded up, the start included (since August
// 2025). A failed one names its status (runtimes-context, failures during the
// invoke phase).
func (r *report) String() string {
	billed := (r.duration + r.init + time.Millisecond - 1) / time.Millisecond
	text := fmt.Sprintf("REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: %d MB\tMax Memory Used: %d MB\t",
		r.requestID, milliseconds(r.duration), billed, r.memory, r.used)
	if r.init > 0 {
		text += fmt.Sprintf("Init Duration: %.2f ms\t", milliseconds(r.init))
	}
	switch {
	case r.timeout:
		text += "Status: timeout"
	case r.failure != nil && r.failure.fatal:
		text += "Status: error\tError Type: " + r.failure.kind
	}
	return text
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
