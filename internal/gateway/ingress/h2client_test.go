package ingress_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2/hpack"
)

// Frame types and flags of RFC 9113 §6.
const (
	data         = 0x0
	headers      = 0x1
	priority     = 0x2
	rstStream    = 0x3
	settings     = 0x4
	ping         = 0x6
	goAway       = 0x7
	windowUpdate = 0x8
	continuation = 0x9

	endStream  = 0x1
	ack        = 0x1
	endHeaders = 0x4
)

// A rawH2 is an HTTP/2 client that sends what it is told to, right or wrong.
type rawH2 struct {
	t   *testing.T
	c   net.Conn
	br  *bufio.Reader
	bw  *bufio.Writer
	hp  *hpack.Encoder
	hb  bytes.Buffer
	dec *hpack.Decoder
}

type rawFrame struct {
	kind, flags byte
	stream      uint32
	payload     []byte
}

const clientPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// bareH2 sends nothing yet.
func bareH2(t *testing.T, c net.Conn) *rawH2 {
	r := &rawH2{t: t, c: c, br: bufio.NewReader(c), bw: bufio.NewWriter(c)}
	r.hp = hpack.NewEncoder(&r.hb)
	r.dec = hpack.NewDecoder(4096, nil)
	return r
}

// newRawH2 sends preface and SETTINGS over c.
func newRawH2(t *testing.T, c net.Conn) *rawH2 {
	r := bareH2(t, c)
	_, _ = r.bw.WriteString(clientPreface)
	r.write(settings, 0, 0, nil)
	r.flush()
	return r
}

// write queues a frame; flush sends what is queued.
func (r *rawH2) write(kind, flags byte, stream uint32, payload []byte) error {
	var h [9]byte
	binary.BigEndian.PutUint32(h[:4], uint32(len(payload))<<8)
	h[3], h[4] = kind, flags
	binary.BigEndian.PutUint32(h[5:], stream)
	if _, err := r.bw.Write(h[:]); err != nil {
		return err
	}
	_, err := r.bw.Write(payload)
	return err
}

func (r *rawH2) flush() error { return r.bw.Flush() }

// block encodes a header block.
func (r *rawH2) block(fields ...string) []byte {
	r.hb.Reset()
	for i := 0; i < len(fields); i += 2 {
		if err := r.hp.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}); err != nil {
			r.t.Fatal(err)
		}
	}
	return bytes.Clone(r.hb.Bytes())
}

// request encodes the header block of a request.
func (r *rawH2) request(method, path string, more ...string) []byte {
	return r.block(append([]string{":method", method, ":scheme", "http", ":authority", "gateway.test", ":path", path}, more...)...)
}

// next reads a frame.
func (r *rawH2) next() (rawFrame, error) {
	var h [9]byte
	if _, err := io.ReadFull(r.br, h[:]); err != nil {
		return rawFrame{}, err
	}
	f := rawFrame{kind: h[3], flags: h[4], stream: binary.BigEndian.Uint32(h[5:]) & 0x7fffffff}
	f.payload = make([]byte, binary.BigEndian.Uint32(h[:4])>>8)
	_, err := io.ReadFull(r.br, f.payload)
	return f, err
}

// decode turns a header block into lines "name: value".
func (r *rawH2) decode(block []byte) []byte {
	fields, err := r.dec.DecodeFull(block)
	if err != nil {
		r.t.Fatalf("header block: %v", err)
	}
	var b bytes.Buffer
	for _, f := range fields {
		b.WriteString(f.Name + ": " + f.Value + "\n")
	}
	return b.Bytes()
}

// readAll reads to the end of c and tells when the first byte came.
func readAll(c net.Conn) (string, time.Time) {
	var all []byte
	var first time.Time
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if n > 0 && len(all) == 0 {
			first = time.Now()
		}
		all = append(all, buf[:n]...)
		if err != nil {
			return string(all), first
		}
	}
}

// ended reads to the end of the connection and returns the code of the GOAWAY
// that announced it, or -1.
func (r *rawH2) ended() int {
	code := -1
	for {
		f, err := r.next()
		if err != nil {
			return code
		}
		if f.kind == goAway && len(f.payload) >= 8 {
			if c := int(binary.BigEndian.Uint32(f.payload[4:])); c != 0 || code == -1 {
				code = c
			}
		}
	}
}
