package integration

import (
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// A payload whose Content-Type is not among the API's binary media types is
// text: what is not UTF-8 in it becomes U+FFFD.
//
// AWS: rest-execution.md §5.1 and §5.3. Amazon reads the whole payload before
// it sends any of it. We stream: a payload of known length is judged by its
// first bytes, always the same number, however they arrived. If they are text,
// the rest passes as it is and the length stands; if not, the payload is
// rewritten as it flows, and its length is not known any more. A payload of
// unknown length is always rewritten.

// BinaryTypes are the binary media types of an API. The zero value has none.
type BinaryTypes struct {
	all      bool
	exact    []string
	prefixes []string // image/* as "image/"
	suffixes []string // */png as "/png"
}

// NewBinaryTypes takes media types as an API lists them: type/subtype, either
// of which may be *.
func NewBinaryTypes(list []string) *BinaryTypes {
	b := new(BinaryTypes)
	for _, t := range list {
		t = strings.ToLower(strings.TrimSpace(t))
		kind, sub, _ := strings.Cut(t, "/")
		switch {
		case kind == "*" && sub == "*":
			b.all = true
		case sub == "*":
			b.prefixes = append(b.prefixes, kind+"/")
		case kind == "*":
			b.suffixes = append(b.suffixes, "/"+sub)
		default:
			b.exact = append(b.exact, t)
		}
	}
	return b
}

// Match tells whether a Content-Type is in the list. A missing one counts as
// application/json.
func (b *BinaryTypes) Match(contentType string) bool {
	if b == nil || b.all {
		return b != nil
	}
	if len(b.exact)+len(b.prefixes)+len(b.suffixes) == 0 {
		return false
	}
	t := mediaType(contentType)
	for _, e := range b.exact {
		if strings.EqualFold(t, e) {
			return true
		}
	}
	for _, p := range b.prefixes {
		if len(t) >= len(p) && strings.EqualFold(t[:len(p)], p) {
			return true
		}
	}
	for _, s := range b.suffixes {
		if len(t) >= len(s) && strings.EqualFold(t[len(t)-len(s):], s) {
			return true
		}
	}
	return false
}

// mediaType returns a Content-Type without its parameters.
func mediaType(contentType string) string {
	if contentType == "" {
		return "application/json"
	}
	t, _, _ := strings.Cut(contentType, ";")
	return strings.TrimSpace(t)
}

// judged is how many bytes of a payload decide whether it is text: all of most.
// An exchange has that much in memory until it ends.
const judged = 64 << 10

// toText makes b, which is a body of x, text.
func toText(x *gateway.Exchange, b *wire.Body) {
	whole := b.Source == nil || b.Length >= 0 && int64(len(b.Bytes)) >= b.Length
	if !whole && b.Length >= 0 && len(b.Bytes) < judged {
		readJudged(x, b)
	}
	first := b.Bytes[:min(len(b.Bytes), judged)]
	switch {
	case b.Length >= 0 && textSoFar(first, int64(len(first)) >= b.Length):
		return
	case whole:
		b.Bytes = appendText(nil, b.Bytes)
		b.Length = int64(len(b.Bytes))
		return
	}
	s := textSources.Get().(*textSource)
	s.src = b.Source
	b.Source, b.Length = s, -1
	if tail := cutOff(b.Bytes); tail > 0 || !utf8.Valid(b.Bytes) {
		end := len(b.Bytes) - tail
		s.mem = appendText(s.mem[:0], b.Bytes[:end])
		s.out = s.mem
		s.kept = copy(s.tail[:], b.Bytes[end:])
		b.Bytes = nil
	}
}

// readJudged reads what is judged of b. An error is left to who reads on: a
// source goes on failing.
func readJudged(x *gateway.Exchange, b *wire.Body) {
	want := int(min(b.Length, judged))
	from := len(x.Buf)
	x.Buf = append(x.Buf, b.Bytes...)
	x.Buf = slices.Grow(x.Buf, want-len(b.Bytes))
	for len(x.Buf) < from+want {
		n, err := b.Source.Read(x.Buf[len(x.Buf) : from+want])
		x.Buf = x.Buf[:len(x.Buf)+n]
		if err != nil {
			break
		}
	}
	b.Bytes = x.Buf[from:len(x.Buf):len(x.Buf)]
}

// textSoFar tells whether b is UTF-8, but for a character cut off at its end if
// more is to come.
func textSoFar(b []byte, whole bool) bool {
	return utf8.Valid(b) || !whole && utf8.Valid(b[:len(b)-cutOff(b)])
}

// cutOff returns how many bytes at the end of b begin a character that is not
// whole.
func cutOff(b []byte) int {
	for n := 1; n <= min(utf8.UTFMax-1, len(b)); n++ {
		if tail := b[len(b)-n:]; utf8.RuneStart(tail[0]) {
			if utf8.FullRune(tail) {
				return 0
			}
			return n
		}
	}
	return 0
}

// appendText appends b with every byte that is not UTF-8 replaced.
func appendText(dst, b []byte) []byte {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		dst = utf8.AppendRune(dst, r)
		b = b[n:]
	}
	return dst
}

// A textSource gives a body as text while it flows. Text passes through
// without being copied.
type textSource struct {
	src  wire.Source
	out  []byte            // text made, not yet given
	mem  []byte            // of out
	tail [utf8.UTFMax]byte // a character that is not whole yet
	kept int               // bytes of tail
	err  error
}

var textSources = sync.Pool{New: func() any { return new(textSource) }}

// largestKept bounds the memory that a pooled source keeps.
const largestKept = 64 << 10

// smallestRead is the least that is read at once.
const smallestRead = 512

// Read gives text, and at its end what the backend's body gives.
func (s *textSource) Read(p []byte) (int, error) {
	if len(s.out) > 0 {
		n := copy(p, s.out)
		s.out = s.out[n:]
		return n, nil
	}
	if s.err != nil {
		return 0, s.err
	}
	if len(p) < smallestRead {
		return s.readSmall(p)
	}
	n := copy(p, s.tail[:s.kept])
	m, err := s.src.Read(p[n:])
	n += m
	s.kept = 0
	if err == nil {
		s.kept = cutOff(p[:n])
		n -= s.kept
		copy(s.tail[:], p[n:n+s.kept])
	}
	if utf8.Valid(p[:n]) {
		return n, err
	}
	s.err = err
	s.mem = appendText(s.mem[:0], p[:n])
	n = copy(p, s.mem)
	s.out = s.mem[n:]
	return n, nil
}

// readSmall reads for a caller with little room.
func (s *textSource) readSmall(p []byte) (int, error) {
	buf := make([]byte, smallestRead)
	n, err := s.Read(buf)
	if err != nil {
		s.err = err
	}
	if len(s.out) == 0 {
		s.mem = append(s.mem[:0], buf[:n]...)
	}
	s.out = s.mem // all of it: buf holds its beginning
	if len(s.out) == 0 {
		return 0, err
	}
	return s.Read(p)
}

// Trailer returns the trailer section, after io.EOF.
func (s *textSource) Trailer() *wire.Header { return s.src.Trailer() }

// Close gives up what is left, and s itself.
func (s *textSource) Close() error {
	err := s.src.Close()
	mem := s.mem[:0]
	if cap(mem) > largestKept {
		mem = nil
	}
	*s = textSource{mem: mem}
	textSources.Put(s)
	return err
}
