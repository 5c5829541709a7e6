package step

import (
	"bufio"
	"context"
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// Decompress takes the content coding off request bodies.
type Decompress struct{}

// Do reads a coded body whole, as much as may be sent of one once it is decoded.
//
// AWS: rest-execution.md §6; "Call an API method with a compressed payload":
// only what could be decompressed is passed on, all else is a 415. Undocumented:
// a body that is larger than the limit only once it is decoded; here it is
// refused like one that was sent so.
func (Decompress) Do(_ context.Context, x *gateway.Exchange) error {
	h := &x.MethodRequest.Header
	c := identityCoding
	for i := range h.Fields {
		if h.Fields[i].ID != wire.HeaderContentEncoding {
			continue
		}
		if c != identityCoding { // several codings on top of each other
			return unsupported
		}
		c = parseCoding(h.Fields[i].Value)
	}
	if c == otherCoding {
		return unsupported
	}
	h.DelID(wire.HeaderContentEncoding)
	b := &x.MethodRequest.Body
	if c == identityCoding || len(b.Bytes) == 0 && b.Source == nil {
		return nil
	}
	d := decoders.Get().(*decoder)
	d.begin(c, b)
	*b = wire.Body{Source: d, Length: -1}
	err := x.ReadBody()
	d.end()
	return err
}

// A decoder gives a coded body decoded. Its errors are those of the body, or a
// fault.
type decoder struct {
	raw     rawBody
	coding  coding
	buf     *bufio.Reader // of raw
	gzip    gzip.Reader
	zlib    io.ReadCloser // also zlib.Resetter; nil until first used
	flate   io.ReadCloser // also flate.Resetter; nil until first used
	reader  io.Reader     // the one in use; nil until its head is read
	trailer wire.Header
}

var decoders = sync.Pool{New: func() any { return &decoder{buf: bufio.NewReaderSize(nil, decodeBuffer)} }}

// decodeBuffer is how much of a coded body is read at once.
const decodeBuffer = 4 << 10

func (d *decoder) begin(c coding, b *wire.Body) {
	d.coding, d.reader = c, nil
	d.raw = rawBody{bytes: b.Bytes, source: b.Source}
	d.buf.Reset(&d.raw)
}

func (d *decoder) end() {
	d.raw, d.reader = rawBody{}, nil
	d.buf.Reset(nil)
	decoders.Put(d)
}

// Read gives decoded bytes, and io.EOF only where both the coding and the body
// end.
func (d *decoder) Read(p []byte) (int, error) {
	if d.reader == nil {
		if err := d.open(); err != nil {
			return 0, d.fault(err)
		}
	}
	n, err := d.reader.Read(p)
	if err == io.EOF { //nolint:errorlint // readers return it bare
		if _, after := d.buf.ReadByte(); after != io.EOF { //nolint:errorlint // likewise
			return n, d.fault(errAfterEnd)
		}
		return n, io.EOF
	}
	if err != nil {
		return n, d.fault(err)
	}
	return n, nil
}

var errAfterEnd = errors.New("there is more after the end of the coded body")

// open reads the head of the coding. What is called deflate is zlib's format
// (RFC 9110, 8.4.1.2); some clients send the bare one.
func (d *decoder) open() error {
	if d.coding == gzipCoding {
		d.reader = &d.gzip
		return d.gzip.Reset(d.buf)
	}
	head, err := d.buf.Peek(2)
	if err != nil {
		return err
	}
	if head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		if d.zlib == nil {
			d.zlib, err = zlib.NewReader(d.buf)
		} else {
			err = d.zlib.(zlib.Resetter).Reset(d.buf, nil)
		}
		d.reader = d.zlib
		return err
	}
	if d.flate == nil {
		d.flate = flate.NewReader(d.buf)
	} else if err = d.flate.(flate.Resetter).Reset(d.buf, nil); err != nil {
		return err
	}
	d.reader = d.flate
	return nil
}

// fault returns the body's own error if it has one: then the coding is not to
// blame.
func (d *decoder) fault(err error) error {
	if d.raw.err != nil {
		return d.raw.err
	}
	return gateway.NewFault(gateway.UnsupportedMediaType, err)
}

// Trailer returns no trailer: a body in memory has none.
func (d *decoder) Trailer() *wire.Header { return &d.trailer }

// Close does nothing: the driver closes the body.
func (d *decoder) Close() error { return nil }

// A rawBody reads a body, and keeps its error.
type rawBody struct {
	bytes  []byte
	source wire.Source
	err    error // other than io.EOF
}

func (r *rawBody) Read(p []byte) (int, error) {
	if len(r.bytes) > 0 {
		n := copy(p, r.bytes)
		r.bytes = r.bytes[n:]
		return n, nil
	}
	if r.source == nil {
		return 0, io.EOF
	}
	n, err := r.source.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // sources return it bare
		r.err = err
	}
	return n, err
}

var (
	_ gateway.Step = Decompress{}
	_ wire.Source  = (*decoder)(nil)
)
