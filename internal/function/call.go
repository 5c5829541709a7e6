package function

import (
	"bytes"
	"context"
	"io"
	"time"

	"gatehouse/internal/metrics"
)

// A call is one invocation on its way through an instance. What is not set when
// it is made or given is guarded by pool.mu.
type call struct {
	in        Invocation // as it came; the caller's is its own again
	requestID string
	payload   []byte
	pool      *pool
	context   string        // of the client, as JSON
	version   string        // its number
	born      time.Time     // of the instance that was started for it; zero: none was
	init      time.Duration // of that
	start     time.Time     // zero until an instance works for it
	deadline  time.Time

	result  chan *Result  // holds one
	refusal *Error        // instead of the result; valid when that is there
	sent    chan struct{} // closed when payload is not needed any more
	copied  bool          // payload is not the caller's
	over    chan struct{} // closed when the instance is done with it, too
	tail    []byte        // valid when over is closed

	unreserved bool        // counted among the account's
	traced     *tracedCall // nil: it is not

	timer    *time.Timer
	answered bool
	left     bool // the caller is gone
	reading  bool // an answer is being read
	timedOut bool
	failure  *failure
}

func newCall(in *Invocation, version string) *call {
	c := &call{in: *in, requestID: in.RequestID, payload: in.Payload, context: clientContext(in), version: version,
		result: make(chan *Result, 1), sent: make(chan struct{}), over: make(chan struct{})}
	if c.requestID == "" {
		c.requestID = newRequestID()
	}
	if len(c.payload) == 0 {
		c.payload = []byte("{}")
	}
	return c
}

// newRequestID returns a random UUID.
func newRequestID() string {
	id := []byte(randomID())
	id[12] = '4'
	id[16] = "89ab"[id[16]&3]
	s := string(id)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// begin starts the clock of a call.
func (c *call) begin(within time.Duration) {
	if c.start.IsZero() {
		c.start = time.Now()
		c.deadline = c.start.Add(within)
	}
}

// give hands a call to an instance that was taken for it. It says whether the
// instance was still there.
func (in *instance) give(c *call) bool {
	p := in.pool
	c.begin(p.version.Timeout)
	p.mu.Lock()
	if in.state == ending {
		p.mu.Unlock()
		return false
	}
	in.call = c
	c.timer = time.AfterFunc(time.Until(c.deadline), func() { in.expire(c) })
	extended := len(in.extensions) > 0
	p.mu.Unlock()
	if p.fn.logs(c) {
		in.log.begin(c.in.Tail)
		in.log.say("START RequestId: " + c.requestID + " Version: " + c.version)
	}
	if extended { // what they write follows the line of the start
		p.mu.Lock()
		if in.call == c {
			in.tellLocked(c)
		}
		p.mu.Unlock()
	}
	in.events <- c // has room: it is on no other call
	return true
}

// expire ends a call that has taken too long, with its instance.
func (in *instance) expire(c *call) {
	p := in.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if in.call != c || c.timedOut {
		return
	}
	c.timedOut = true
	c.failure = timedOut(c.requestID, p.version.Timeout, time.Now())
	p.answerLocked(c, &Result{Error: unhandled, Payload: c.failure.document})
	in.stopLocked(c.failure)
}

// unhandled is X-Amz-Function-Error of every function that failed.
//
// AWS: "Handled" is history: errors that a runtime reports are Unhandled, too.
const unhandled = "Unhandled"

// answerLocked gives the caller its result, once. It says whether it did.
func (p *pool) answerLocked(c *call, r *Result) bool {
	if c.answered {
		return false
	}
	c.answered = true
	if c.failure != nil && c.failure.refusal != nil {
		c.refusal = c.failure.refusal
	}
	r.Status, r.RequestID, r.Version = 200, c.requestID, c.version
	c.traced.note(r)
	if c.in.Stream && r.Error == "" && r.Body == nil {
		r.Body, r.Payload = io.NopCloser(bytes.NewReader(r.Payload)), nil
	}
	c.count(r)
	p.host.release(p.fn, c)
	if c.left && r.Body != nil {
		_ = r.Body.Close() // nobody else will
	}
	c.result <- r
	return true
}

// end ends the call that the instance is on, and returns it; nil: it is on none. Why
// says why the call failed, nil if it did not.
func (in *instance) end(why func(requestID string) *failure) *call {
	p := in.pool
	p.mu.Lock()
	c := in.call
	if c == nil {
		p.mu.Unlock()
		return nil
	}
	in.call = nil
	c.timer.Stop()
	if why != nil && !c.timedOut { // what the function has answered before stands
		c.failure = why(c.requestID)
		p.answerLocked(c, &Result{Error: unhandled, Payload: c.failure.document})
	}
	used := 0
	if p.fn.logs(c) {
		used = in.usedLocked(time.Now())
	}
	p.mu.Unlock()
	in.closeLog(c, used)
	return c
}

// settle tells of a call that is over, once its instance is free for others.
func (c *call) settle() {
	if c == nil {
		return
	}
	c.tell()
	close(c.over)
}

// closeLog writes the end of a call's log.
func (in *instance) closeLog(c *call, used int) {
	p := in.pool
	if !p.fn.logs(c) {
		return
	}
	in.log.drain()
	in.log.report(&report{requestID: c.requestID, duration: min(time.Since(c.start), p.version.Timeout), init: c.init,
		memory: p.version.Memory, used: used, failure: c.failure, timeout: c.timedOut})
	c.tail = in.log.last()
}

// await waits for the result of a call. When ctx ends, the function goes on. in
// is the instance that has the call; nil if the payload is copied.
func (c *call) await(ctx context.Context, in *instance) (*Result, error) {
	select {
	case r := <-c.result:
		if c.refusal != nil {
			return nil, c.refusal
		}
		if !c.in.Tail || r.Body != nil {
			return r, nil
		}
		select {
		case <-c.over:
			r.Log = c.tail
			return r, nil
		case <-ctx.Done():
		}
	case <-ctx.Done():
	}
	c.leave()
	if !c.copied {
		select { // until the payload is the caller's again
		case <-c.sent:
		case <-in.gone:
		}
	}
	return nil, context.Cause(ctx)
}

// leave notes that nobody waits for the result any more.
func (c *call) leave() {
	c.pool.mu.Lock()
	defer c.pool.mu.Unlock()
	c.left = true
	select {
	case r := <-c.result:
		if r.Body != nil {
			_ = r.Body.Close() // nobody else will
		}
	default:
	}
}

// exitFailure words why an instance has ended in the middle of a call.
func (in *instance) exitFailure(requestID string) *failure {
	f := in.killed
	switch {
	case f == nil:
		f = fail(typeExit, requestID, in.exit)
	case f.document == nil: // not for this call alone
		f = fail(f.kind, requestID, f.lines[0])
	}
	f.fatal = true
	return f
}

// count counts the invocation among those of its function. Of a stream the
// duration is that to its first byte.
func (c *call) count(r *Result) {
	m := metrics.Request{Called: true}
	if !c.start.IsZero() {
		m.Integration = time.Since(c.start)
	}
	if m.Latency = m.Integration; r.Error != "" || c.refusal != nil {
		m.Outcome = metrics.ServerError
	}
	c.pool.fn.series.Add(&m)
}
