package upstream

import (
	"context"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/guard"
	"gatehouse/internal/wire"
)

const (
	// mirrorsAtOnce bounds the copies of a mirror that are under way; further
	// ones are not sent.
	mirrorsAtOnce = 64
	// mirrorTime bounds how long a copy may take.
	mirrorTime = 30 * time.Second
	// mostCompared bounds the bytes of a body that are compared, and of a request
	// that are copied.
	mostCompared = 256 << 10
)

// A mirror sends copies of requests to another cluster and compares the answers.
type mirror struct {
	def    Mirror
	ignore ignored
	counts *mirrorCounts
}

// mirrorCounts outlive a change of their mirror.
type mirrorCounts struct {
	under   atomic.Int64 // copies under way
	copied  atomic.Int64
	dropped atomic.Int64 // too many were under way, or the body was too large
	failed  atomic.Int64 // copies without an answer

	mu      sync.Mutex // guards the fields below
	same    int64
	status  int64        // answers of another status
	header  int64        // of the same status, with other headers
	body    int64        // of the same status, with another body
	samples []Difference // the last ones
}

// maxSamples is how many differences a mirror remembers.
const maxSamples = 20

func newMirror(def *Mirror) *mirror {
	m := &mirror{def: *def, ignore: newIgnored(def.Ignore), counts: new(mirrorCounts)}
	if m.def.Share == 0 {
		m.def.Share = 1
	}
	return m
}

// takes tells whether the next request is copied.
func (m *mirror) takes() bool { return m.def.Share >= 1 || rand.Float64() < float64(m.def.Share) }

// mirrored is a request of which a copy is to be sent: it is what Pick returns in
// place of the endpoint.
type mirrored struct {
	mirror *mirror
	at     *Cluster // the endpoint
	shadow *Cluster
}

// do sends req to the endpoint, and a copy to the mirror, for whose answer nobody
// waits.
func (m *mirrored) do(ctx context.Context, req *wire.Request, resp *wire.Response, deadline time.Time) error {
	if !m.begin(req) {
		return m.at.Do(ctx, req, resp, deadline)
	}
	sent := false
	defer func() {
		if !sent { // what was to be copied has panicked
			m.mirror.counts.under.Add(-1)
		}
	}()
	second := copied(req)
	err := m.at.Do(ctx, req, resp, deadline)
	var first *seen
	if err == nil && m.mirror.def.Compare {
		first = watched(resp)
	}
	sent = true
	go m.sendGuarded(second, first)
	return err
}

// begin takes a place for a copy of req; false: it gets none.
func (m *mirrored) begin(req *wire.Request) bool {
	n := m.mirror.counts
	if req.Body.Source == nil && len(req.Body.Bytes) <= mostCompared {
		if n.under.Add(1) <= mirrorsAtOnce {
			return true
		}
		n.under.Add(-1)
	}
	n.dropped.Add(1)
	return false
}

// watched is what is seen of an answer as it is passed on.
func watched(resp *wire.Response) *seen {
	first := &seen{status: resp.Status, header: copiedHeader(&resp.Header), done: make(chan struct{})}
	first.keep(resp.Body.Bytes)
	if resp.Body.Source == nil {
		close(first.done)
	} else {
		resp.Body.Source = &tee{Source: resp.Body.Source, into: first}
	}
	return first
}

// sendGuarded is send, whose mistakes are not to end the process: nobody waits for it.
func (m *mirrored) sendGuarded(req *wire.Request, first *seen) {
	n := m.mirror.counts
	defer n.under.Add(-1)
	if guard.Do(func() error { m.send(req, first); return nil }) != nil {
		n.failed.Add(1)
	}
}

// send sends the copy, and compares its answer with the first one, if there is one.
func (m *mirrored) send(req *wire.Request, first *seen) {
	n := m.mirror.counts
	n.copied.Add(1)
	deadline := time.Now().Add(mirrorTime)
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	var resp wire.Response
	if err := m.shadow.Do(ctx, req, &resp, deadline); err != nil {
		n.failed.Add(1)
		return
	}
	second := &seen{status: resp.Status, header: copiedHeader(&resp.Header)}
	second.keep(resp.Body.Bytes)
	if src := resp.Body.Source; src != nil {
		b, err := io.ReadAll(io.LimitReader(src, mostCompared+1))
		second.keep(b)
		second.cut = second.cut || err != nil
		_ = src.Close() // what is left over ends the connection
	}
	if first == nil {
		return
	}
	select {
	case <-first.done:
		m.mirror.compare(req, first, second)
	case <-ctx.Done():
	}
}

// seen is an answer as far as it is compared.
type seen struct {
	status int
	header []wire.Field
	body   []byte
	cut    bool          // the body is not all there is
	done   chan struct{} // closed when the body is here
}

func (s *seen) keep(b []byte) {
	if room := mostCompared - len(s.body); len(b) > room {
		b, s.cut = b[:room], true
	}
	s.body = append(s.body, b...)
}

func copiedHeader(h *wire.Header) []wire.Field {
	r := wire.Request{Header: *h}
	return copied(&r).Header.Fields
}

// A tee is a body that is looked at while it is passed on.
type tee struct {
	wire.Source
	into   *seen
	whole  bool
	closed bool
}

func (t *tee) Read(p []byte) (int, error) {
	n, err := t.Source.Read(p)
	t.into.keep(p[:n])
	t.whole = err == io.EOF //nolint:errorlint // a Source returns it bare
	return n, err
}

// Close implements wire.Source.
func (t *tee) Close() error {
	if !t.closed {
		t.closed = true
		t.into.cut = t.into.cut || !t.whole
		close(t.into.done)
	}
	return t.Source.Close()
}
