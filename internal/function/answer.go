package function

import (
	"bytes"
	"encoding/base64"
	"io"
	"strings"
	"sync"

	"gatehouse/internal/wire"
)

// current returns the call that the instance is on.
func (in *instance) current() *call {
	in.pool.mu.Lock()
	defer in.pool.mu.Unlock()
	return in.call
}

func (in *instance) hasAnswered(c *call) bool {
	in.pool.mu.Lock()
	defer in.pool.mu.Unlock()
	return c.answered
}

// claim returns the call of this id for its answer to be read: nil if there is
// none, it came too late, or another answer is on the way.
func (in *instance) claim(id string) *call {
	in.pool.mu.Lock()
	defer in.pool.mu.Unlock()
	c := in.call
	if c == nil || c.requestID != id || c.answered || c.reading {
		return nil
	}
	c.reading = true
	return c
}

// answerOK answers a call that went well.
func (in *instance) answerOK(c *call, r *Result) bool {
	p := in.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.answeredLocked(in, c, r)
}

// answerWith answers a call that has failed.
func (in *instance) answerWith(c *call, f *failure) {
	p := in.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if !c.answered {
		c.failure = f
	}
	p.answeredLocked(in, c, &Result{Error: unhandled, Payload: f.document})
}

func (p *pool) answeredLocked(in *instance, c *call, r *Result) bool {
	if !p.answerLocked(c, r) {
		return false
	}
	if in.state == busy {
		in.state = finishing
		p.finishing++
	}
	return true
}

// A stream is the body of an answer on its way from an instance to the caller.
// Whoever writes waits for who reads: nothing is held.
type stream struct {
	call   *call
	result *Result
	pieces chan []byte // what was read; handed over until done is taken
	taken  chan struct{}
	closed chan struct{} // closed when the caller does not want the rest

	once sync.Once // closes closed
	left []byte    // of the piece at hand; the reader's
	err  error     // how it ended; set before pieces is closed
}

// Read implements io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	if len(s.left) == 0 {
		piece, ok := <-s.pieces
		if !ok {
			return 0, s.end()
		}
		s.left = piece
	}
	n := copy(p, s.left)
	if s.left = s.left[n:]; len(s.left) == 0 {
		s.taken <- struct{}{} // has room
	}
	return n, nil
}

func (s *stream) end() error {
	if s.call.in.Tail {
		<-s.call.over
		s.result.Log = s.call.tail
	}
	return s.err
}

// Close implements io.Closer.
func (s *stream) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

// write hands b to the reader and waits until it is used up, and says whether
// it was: what nobody wants is dropped.
func (s *stream) write(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	select {
	case s.pieces <- b:
	case <-s.closed:
		return false
	}
	select {
	case <-s.taken:
		return true
	case <-s.closed:
		return false
	}
}

// pieceSize is how much of a stream is read at once.
const pieceSize = 32 << 10

// stream passes an answer on as it comes.
func (x *exchange) stream(c *call) *wire.Response {
	s := &stream{call: c, pieces: make(chan []byte), taken: make(chan struct{}, 1), closed: make(chan struct{})}
	s.result = &Result{Body: s, ContentType: x.contentType()}
	if !x.in.streaming(c, s.result) {
		return x.refuse(400, "InvalidRequestID", "Invalid request ID")
	}
	f := x.copyTo(s)
	x.in.streamed(c, f)
	s.err = io.EOF
	if f != nil {
		s.err = &StreamError{Code: f.kind, Details: string(f.document)}
	}
	close(s.pieces)
	return x.accept()
}

// copyTo passes the body on, and returns why it is not whole.
func (x *exchange) copyTo(s *stream) *failure {
	b := &x.request.Body
	s.write(bytes.Clone(b.Bytes))
	if b.Source == nil {
		return nil
	}
	piece := make([]byte, pieceSize)
	for total := len(b.Bytes); ; {
		n, err := b.Source.Read(piece)
		if total += n; total > MaxStream {
			return oversized()
		}
		if !s.write(piece[:n]) {
			piece = make([]byte, pieceSize) // who has closed it may be reading still
		}
		if err == io.EOF { //nolint:errorlint // Source's contract
			return x.trailed()
		}
		if err != nil {
			return fail(typeTruncated, s.call.requestID, "HTTP request detected as truncated")
		}
	}
}

// streaming gives the caller a body that goes on.
func (in *instance) streaming(c *call, r *Result) bool {
	p := in.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.answerLocked(c, r)
}

// streamed notes that a body has ended. A time-out that has cut it tells more
// than that it was cut.
func (in *instance) streamed(c *call, f *failure) {
	p := in.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.failure != nil && f != nil {
		*f = *c.failure
	}
	if c.failure == nil {
		c.failure = f
	}
	if in.state == busy {
		in.state = finishing
		p.finishing++
	}
}

// decodeErrorBody reads the trailer that holds an error document.
func decodeErrorBody(text, kind string) []byte {
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) == 0 {
		return document(kind, "")
	}
	return b
}
