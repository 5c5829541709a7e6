package integration

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/cache"
	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// A Kept is a method response in a cache. It is not changed after it was made,
// and lives as long as somebody sends it.
type Kept struct {
	status int
	length int64 // of the body as announced: one of HEAD has no bytes
	fields []wire.Field
	body   []byte
	sealed []byte // fields and body, if they are encrypted
}

// MaxKept is the largest body that is kept, in bytes.
//
// AWS: rest-execution.md §12.
const MaxKept = 1 << 20

// answer makes k the response of x, with x's own ids. It reports false if k
// cannot be opened.
func (k *Kept) answer(x *gateway.Exchange, s *Seal, key []byte) bool {
	r := &x.MethodResponse
	out, body := r.Header.Fields[:0], k.body
	if k.sealed == nil {
		out = append(out, k.fields...)
	} else {
		var ok bool
		if out, body, ok = s.open(out, x, k.sealed, key); !ok {
			return false
		}
	}
	for i := range out {
		switch out[i].ID {
		case wire.HeaderXAmznRequestID:
			out[i].Value = x.Vars.RequestID
		case wire.HeaderXAmzApigwID:
			out[i].Value = x.Vars.ExtendedRequestID
		case wire.HeaderXAmznTraceID:
			out[i].Value = x.Vars.Trace
		}
	}
	r.Status, r.Close, r.Ready = k.status, false, x.Vars.Now
	r.Header.Fields = out
	r.Body = wire.Body{Bytes: body, Length: k.length}
	if len(body) == 0 && x.MethodRequest.Method != http.MethodHead && k.status != http.StatusNotModified {
		r.Body.Length = 0 // a HEAD was kept, and a method override asks for one
	}
	return true
}

// A keeper makes a Kept of a response while it is sent, and stores it.
type keeper struct {
	flight  *cache.Flight[*Kept]
	ttl     time.Duration
	seal    *Seal
	kept    *Kept
	expires time.Time

	reading bool // the body is still to come: Close ends the flight
	src     wire.Source
	given   bool // up: the body will not be kept
}

// keep stores r, at once if all of it is here, or once it has been read. The
// time to live runs from now.
func (k *keeper) keep(r *wire.Response, now time.Time) {
	b := &r.Body
	k.expires = now.Add(k.ttl)
	if b.Length > MaxKept && (b.Source != nil || len(b.Bytes) > 0) || !k.begin(r) {
		return
	}
	if b.Source == nil || b.Length == int64(len(b.Bytes)) {
		k.store(b.Length)
		return
	}
	k.src, k.reading, k.kept.length = b.Source, true, b.Length
	b.Source = k
}

// begin copies what is here of r: nothing of it lives longer than its
// exchange.
func (k *keeper) begin(r *wire.Response) bool {
	size := len(r.Body.Bytes)
	for i := range r.Header.Fields {
		size += fieldSize + len(r.Header.Fields[i].Name) + len(r.Header.Fields[i].Value)
	}
	if len(r.Body.Bytes) > MaxKept || !k.flight.Reserve(size) {
		return false
	}
	k.kept = &Kept{status: r.Status, fields: make([]wire.Field, len(r.Header.Fields)), body: slices.Clone(r.Body.Bytes)}
	for i, f := range r.Header.Fields {
		f.Name = strings.Clone(f.Name)
		switch f.ID {
		case wire.HeaderXAmznRequestID, wire.HeaderXAmzApigwID, wire.HeaderXAmznTraceID:
			f.Value = "" // every answer has its own
		default:
			f.Value = strings.Clone(f.Value)
		}
		k.kept.fields[i] = f
	}
	return true
}

// fieldSize is what a header field needs in memory beside its texts.
const fieldSize = 48

// store stores what was collected, with the length to be announced.
func (k *keeper) store(length int64) {
	k.kept.length = length
	if k.seal != nil {
		k.kept = k.seal.close(k.kept, k.flight.Key())
	}
	k.flight.Store(k.kept, k.expires)
}

// Read passes the body on and collects it.
func (k *keeper) Read(p []byte) (int, error) {
	n, err := k.src.Read(p)
	if k.given {
		return n, err
	}
	k.collect(p[:n])
	have, want := int64(len(k.kept.body)), k.kept.length
	switch {
	case k.given:
	case err == nil && have == want, err == io.EOF && (have == want || want < 0): //nolint:errorlint // sources return it bare
		k.given = true
		k.store(have)
	case err != nil:
		k.given = true
	}
	return n, err
}

func (k *keeper) collect(p []byte) {
	have := len(k.kept.body)
	if have+len(p) <= cap(k.kept.body) {
		k.kept.body = append(k.kept.body, p...)
		return
	}
	size := min(max(2*cap(k.kept.body), have+len(p), firstKept), MaxKept)
	if have+len(p) > size || !k.flight.Reserve(size-cap(k.kept.body)) {
		k.given, k.kept.body = true, nil
		return
	}
	k.kept.body = append(append(make([]byte, 0, size), k.kept.body...), p...)
}

// firstKept is the memory that collecting a body begins with.
const firstKept = 4 << 10

// Trailer returns the trailer section, which is not kept.
func (k *keeper) Trailer() *wire.Header { return k.src.Trailer() }

// Close gives up what is left of the body.
func (k *keeper) Close() error {
	k.flight.End()
	return k.src.Close()
}

var _ wire.Source = (*keeper)(nil)
