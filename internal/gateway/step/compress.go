package step

import (
	"context"
	"io"
	"net/http"
	"slices"
	"sync"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// Compress puts a content coding on response bodies for clients that accept
// one.
type Compress struct {
	min int64 // bytes
}

// NewCompress makes the step for an API's minimumCompressionSize.
func NewCompress(min int64) *Compress { return &Compress{min} }

// Do compresses the method response. What is here whole is compressed now, the
// rest as it flows.
//
// AWS: "Receive an API response with a compressed payload": unless the
// integration response has a Content-Encoding, after the mapping template, if
// the payload is not smaller than the minimum. Undocumented: a part of a
// representation (206) is not compressed here, it would be one of another.
func (s *Compress) Do(_ context.Context, x *gateway.Exchange) error {
	r := &x.MethodResponse
	if len(r.Body.Bytes) == 0 && r.Body.Source == nil || r.Body.Length >= 0 && r.Body.Length < s.min || r.Status == http.StatusPartialContent {
		return nil
	}
	c := acceptedCoding(&x.MethodRequest.Header)
	if c == identityCoding || x.MethodRequest.Method == http.MethodHead ||
		r.Header.Has(wire.HeaderContentEncoding) || x.IntegrationResponse.Header.Has(wire.HeaderContentEncoding) {
		return nil
	}
	if r.Body.Length < 0 {
		if small, err := s.isSmall(x); small || err != nil {
			return err
		}
	}
	z := compressors[c].Get().(*compressor)
	z.begin(&r.Body)
	if r.Body.Source != nil {
		r.Body = wire.Body{Source: z, Length: -1}
	} else {
		from := len(x.Buf)
		x.Buf = z.all(x.Buf)
		x.SetAnswerBody(x.Buf[from:])
		z.end()
	}
	r.Header.SetID(wire.HeaderContentEncoding, codingNames[c])
	return nil
}

// isSmall tells whether a body of unknown length is shorter than the minimum.
// It reads no more than that takes.
func (s *Compress) isSmall(x *gateway.Exchange) (bool, error) {
	b := &x.MethodResponse.Body
	if int64(len(b.Bytes)) >= s.min {
		return false, nil
	}
	from := len(x.Buf)
	x.Buf = append(x.Buf, b.Bytes...)
	for int64(len(x.Buf)-from) < s.min {
		x.Buf = slices.Grow(x.Buf, min(compressRead, int(s.min)))
		n, err := b.Source.Read(x.Buf[len(x.Buf):cap(x.Buf)])
		x.Buf = x.Buf[:len(x.Buf)+n]
		b.Bytes = x.Buf[from:len(x.Buf):len(x.Buf)]
		if err == io.EOF { //nolint:errorlint // sources return it bare
			b.Length = int64(len(b.Bytes))
			return b.Length < s.min, nil
		}
		if err != nil {
			return false, gateway.ResponseFault(err)
		}
	}
	return false, nil
}

// largestKept bounds the memory of coded bytes that a compressor keeps.
const largestKept = 64 << 10

// compressRead is how much of a body is read and compressed at once.
const compressRead = 16 << 10

// A compressor gives a body in a coding.
type compressor struct {
	coding  coding
	encoder encoder
	first   []byte // of the body
	src     wire.Source
	in      []byte
	out     []byte // coded
	given   int    // of out
	err     error
}

// compressors are kept by coding: an encoder has some 300 KiB of memory.
var compressors = [codingCount]sync.Pool{
	gzipCoding:    {New: func() any { return &compressor{coding: gzipCoding, encoder: newEncoder(gzipCoding)} }},
	deflateCoding: {New: func() any { return &compressor{coding: deflateCoding, encoder: newEncoder(deflateCoding)} }},
}

func (z *compressor) begin(b *wire.Body) {
	z.first, z.src, z.given, z.err = b.Bytes, b.Source, 0, nil
	z.encoder.Reset(z)
}

// end makes z ready for the next body.
func (z *compressor) end() {
	z.first, z.src, z.out = nil, nil, z.out[:0]
	if cap(z.out) > largestKept {
		z.out = nil
	}
	z.encoder.Reset(io.Discard)
	compressors[z.coding].Put(z)
}

// all appends the whole of a body that is here to dst.
func (z *compressor) all(dst []byte) []byte {
	own := z.out
	z.out = dst
	_, _ = z.encoder.Write(z.first) // z.Write does not fail
	_ = z.encoder.Close()
	dst, z.out = z.out, own
	return dst
}

// Write takes what the encoder made.
func (z *compressor) Write(p []byte) (int, error) {
	z.out = append(z.out, p...)
	return len(p), nil
}

// Read gives coded bytes.
func (z *compressor) Read(p []byte) (int, error) {
	for z.given == len(z.out) {
		if z.err != nil {
			return 0, z.err
		}
		z.out, z.given = z.out[:0], 0
		z.fill()
	}
	n := copy(p, z.out[z.given:])
	z.given += n
	return n, nil
}

// fill codes the next piece of the body. One that breaks off is never ended.
func (z *compressor) fill() {
	p := z.first
	if p == nil {
		if z.in == nil {
			z.in = make([]byte, compressRead)
		}
		var n int
		n, z.err = z.src.Read(z.in)
		p = z.in[:n]
	}
	z.first = nil
	_, _ = z.encoder.Write(p)
	if z.err == io.EOF { //nolint:errorlint // sources return it bare
		_ = z.encoder.Close()
	}
}

// Trailer returns the trailer section, after io.EOF.
func (z *compressor) Trailer() *wire.Header { return z.src.Trailer() }

// Close gives up what is left, and z itself.
func (z *compressor) Close() error {
	err := z.src.Close()
	z.end()
	return err
}

var (
	_ gateway.Step = (*Compress)(nil)
	_ wire.Source  = (*compressor)(nil)
)
