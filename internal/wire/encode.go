package wire

import (
	"net/http"
	"strconv"
)

// AppendRequestHead appends the head of r: request line, Host, the fields of
// r.Header, and the framing that r.Body asks for. Fields of r.Header that steer
// the connection or the framing are passed over. It refuses to write anything
// that would read as another request than r.
func AppendRequestHead(dst []byte, r *Request) ([]byte, error) {
	if !ValidToken(r.Method) || !validTarget(r.Target) || !validHost(r.Host) {
		return dst, errUnwritable
	}
	dst = append(dst, r.Method...)
	dst = append(dst, ' ')
	dst = append(dst, r.Target...)
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	dst = append(dst, r.Host...)
	dst = append(dst, "\r\n"...)
	var err error
	for i := range r.Header.Fields {
		f := &r.Header.Fields[i]
		switch f.ID {
		case HeaderHost, HeaderContentLength, HeaderTransferEncoding, HeaderConnection, HeaderExpect,
			HeaderKeepAlive, HeaderProxyConnection:
			continue
		}
		if dst, err = appendField(dst, f); err != nil {
			return dst, err
		}
	}
	switch n := r.Body.size(); {
	case n < 0:
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	case n > 0 || needsLength(r.Method):
		dst = appendLength(dst, n)
	}
	if r.Close {
		dst = append(dst, "Connection: close\r\n"...)
	}
	return append(dst, "\r\n"...), nil
}

// needsLength says whether a request without body says so (RFC 9110, 8.6).
func needsLength(method string) bool {
	return method == "POST" || method == "PUT" || method == "PATCH"
}

// size returns the bytes of the whole body, or -1 when they are not known.
func (b *Body) size() int64 {
	if b.Source == nil {
		return int64(len(b.Bytes))
	}
	return b.Length
}

// A Framing is what a response's head says about body and connection.
type Framing struct {
	Length  int64  // Content-Length; -1: none
	Chunked bool   // Transfer-Encoding: chunked
	Close   bool   // Connection: close, else keep-alive
	Date    string // Date; "": none
}

// AppendResponseHead appends the head of r: status line, Date, Content-Type,
// framing and then the other fields of r.Header. Fields of r.Header that steer
// the connection or the framing, and Date if it is in f, are passed over.
//
// AWS: this is the order recorded from regional endpoints.
func AppendResponseHead(dst []byte, r *Response, f *Framing) ([]byte, error) {
	dst = appendStatusLine(dst, r.Status)
	if f.Date != "" {
		dst = append(dst, "Date: "...)
		dst = append(dst, f.Date...)
		dst = append(dst, "\r\n"...)
	}
	var err error
	first := -1
	for i := range r.Header.Fields {
		if r.Header.Fields[i].ID == HeaderContentType {
			first = i
			if dst, err = appendField(dst, &r.Header.Fields[i]); err != nil {
				return dst, err
			}
			break
		}
	}
	if f.Length >= 0 {
		dst = appendLength(dst, f.Length)
	}
	if f.Chunked {
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	}
	if f.Close {
		dst = append(dst, "Connection: close\r\n"...)
	} else {
		dst = append(dst, "Connection: keep-alive\r\n"...)
	}
	for i := range r.Header.Fields {
		h := &r.Header.Fields[i]
		switch h.ID {
		case HeaderContentLength, HeaderTransferEncoding, HeaderConnection, HeaderTrailer,
			HeaderKeepAlive, HeaderProxyConnection:
			continue
		case HeaderDate:
			if f.Date != "" {
				continue
			}
		case HeaderContentType:
			if i == first {
				continue
			}
		}
		if dst, err = appendField(dst, h); err != nil {
			return dst, err
		}
	}
	return append(dst, "\r\n"...), nil
}

// appendStatusLine writes the most frequent line whole.
func appendStatusLine(dst []byte, status int) []byte {
	if status == 200 {
		return append(dst, "HTTP/1.1 200 OK\r\n"...)
	}
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(dst, ' ')
	dst = append(dst, http.StatusText(status)...)
	return append(dst, "\r\n"...)
}

func appendLength(dst []byte, n int64) []byte {
	dst = append(dst, "Content-Length: "...)
	dst = strconv.AppendInt(dst, n, 10)
	return append(dst, "\r\n"...)
}

// appendField appends one field line, or nothing but an error if the line
// would not read as this field.
func appendField(dst []byte, f *Field) ([]byte, error) {
	if f.ID == HeaderOther && !ValidToken(f.Name) {
		return dst, errUnwritable
	}
	dst = append(dst, f.Name...)
	dst = append(dst, ": "...)
	start := len(dst)
	dst = append(dst, f.Value...)
	if valueEnd(dst, start) >= 0 {
		return dst, errUnwritable
	}
	return append(dst, "\r\n"...), nil
}

// chunkRoom is what a chunk needs before its data: a size line.
const chunkRoom = 10

// frameChunk turns b into a chunk. b's data begins at chunkRoom; the size line
// is put right before it. It returns the chunk, which is part of b.
func frameChunk(b []byte) []byte {
	const digits = "0123456789abcdef"
	n := len(b) - chunkRoom
	i := chunkRoom - 2
	b[i], b[i+1] = '\r', '\n'
	for {
		i--
		b[i] = digits[n&15]
		if n >>= 4; n == 0 {
			break
		}
	}
	return append(b[i:], "\r\n"...)
}

// appendLastChunk appends the end of a chunked body.
func appendLastChunk(dst []byte, trailer *Header) ([]byte, error) {
	dst = append(dst, "0\r\n"...)
	if trailer != nil {
		var err error
		for i := range trailer.Fields {
			if dst, err = appendField(dst, &trailer.Fields[i]); err != nil {
				return dst, err
			}
		}
	}
	return append(dst, "\r\n"...), nil
}
