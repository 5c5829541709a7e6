package wire

import (
	"errors"
	"io"
	"time"
)

// A responseWriter writes one response.
type responseWriter struct {
	c      *serverConn
	head   bool // the request was HEAD
	close  bool // the connection ends after this response
	http10 bool

	at        time.Time
	limit     time.Time // for the whole response
	headBytes int64
	bodyBytes int64
}

// maxCopied is the largest message that is copied together to leave in one
// write.
const maxCopied = 16 << 10

// write writes the response. After an error the connection is good for
// nothing, and the client must see that.
func (w *responseWriter) write(r *Response) error {
	buf := takeBuffer(smallBuffer)
	out, r, f, err := w.begin(buf[:0], r)
	switch {
	case err != nil:
	case w.headOnly(r):
		err = w.send(out)
	default:
		err = w.writeBody(out, r, &f)
	}
	giveBuffer(buf)
	return err
}

// begin appends the head to dst. It returns another response than r if r cannot
// be written.
func (w *responseWriter) begin(dst []byte, r *Response) ([]byte, *Response, Framing, error) {
	c := w.c
	if w.at = r.Ready; w.at.IsZero() {
		w.at = time.Now()
	}
	w.limit = w.at.Add(c.srv.Limits.Write)
	w.close = w.close || r.Close || c.srv.lasting.Load() || !c.body.willSettle()
	f := w.framing(r)
	out, err := AppendResponseHead(dst, r, &f)
	if err != nil || r.Status < 200 || r.Status > 999 {
		// A message that cannot be written is the fault of who made it.
		w.close = true
		r = c.refusal(nil, errUnwritable)
		f = w.framing(r)
		out, err = AppendResponseHead(dst, r, &f)
	}
	w.headBytes = int64(len(out))
	return out, r, f, err
}

// headOnly says whether r is written without a body.
func (w *responseWriter) headOnly(r *Response) bool { return w.head || !hasBody(r.Status, "") }

// framing decides how the end of the body will be told.
func (w *responseWriter) framing(r *Response) Framing {
	f := Framing{Length: r.Body.size(), Date: w.c.srv.dateAt(w.at)}
	switch {
	case r.Status == 304 || r.Status == 204 || r.Status < 200:
		f.Length = -1
	case w.head && len(r.Body.Bytes) == 0:
		f.Length = r.Body.Length
	case f.Length < 0 && w.http10:
		w.close = true
	case f.Length < 0:
		f.Chunked = true
	}
	f.Close = w.close
	return f
}

// writeBody writes the head in out, and the body.
func (w *responseWriter) writeBody(out []byte, r *Response, f *Framing) error {
	if f.Chunked {
		return w.writeChunked(out, r)
	}
	n := int64(len(r.Body.Bytes))
	if f.Length >= 0 && n > f.Length {
		return errSurplus
	}
	if err := w.sendBoth(out, r.Body.Bytes); err != nil {
		return err
	}
	w.bodyBytes += n
	if r.Body.Source == nil {
		return nil
	}
	return w.stream(r.Body.Source, f.Length)
}

// send writes b whole.
func (w *responseWriter) send(b []byte) error {
	_, err := w.c.sock.write(b, w.at, w.c.srv.Limits.WriteIdle, w.limit)
	return err
}

// sendBoth writes a head and a body, in one write if that needs no memory and
// little copying.
func (w *responseWriter) sendBoth(head, body []byte) error {
	switch {
	case len(body) <= cap(head)-len(head):
		return w.send(append(head, body...))
	case len(head)+len(body) <= maxCopied:
		buf := takeBuffer(largeBuffer)
		err := w.send(append(append(buf[:0], head...), body...))
		giveBuffer(buf)
		return err
	}
	if err := w.send(head); err != nil {
		return err
	}
	return w.send(body)
}

// stream writes what src gives, up to length, or to its end if that is -1.
func (w *responseWriter) stream(src Source, length int64) error {
	if b, ok := src.(*responseBody); ok {
		if err := w.splice(b, length); err != nil {
			return err
		}
	}
	buf := takeBuffer(largeBuffer)
	defer giveBuffer(buf)
	for {
		n, err := src.Read(buf)
		if n > 0 {
			w.at = time.Now()
			if length >= 0 && w.bodyBytes+int64(n) > length {
				return errSurplus
			}
			if err := w.send(buf[:n]); err != nil {
				return err
			}
			w.bodyBytes += int64(n)
		}
		if errors.Is(err, io.EOF) {
			if length >= 0 && w.bodyBytes < length {
				return ErrTorn
			}
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// splice has the kernel relay what it can of a backend's body.
func (w *responseWriter) splice(b *responseBody, length int64) error {
	if length-w.bodyBytes != b.left {
		return nil // not the whole of it is wanted
	}
	for {
		w.at = time.Now()
		n, ok, err := b.spliceTo(&w.c.sock, w.at, w.c.srv.Limits.WriteIdle, w.limit)
		w.bodyBytes += n
		if !ok || err != nil {
			return err
		}
	}
}

// writeChunked writes the head in out, and the body in chunks as it comes.
func (w *responseWriter) writeChunked(out []byte, r *Response) error {
	buf := takeBuffer(largeBuffer)
	defer giveBuffer(buf)
	data := buf[chunkRoom : len(buf)-2] // CRLF follows a chunk
	for rest := r.Body.Bytes; len(rest) > 0; {
		n := copy(data, rest)
		rest = rest[n:]
		chunk := frameChunk(buf[:chunkRoom+n])
		if out != nil {
			chunk, out = append(out, chunk...), nil
		}
		if err := w.send(chunk); err != nil {
			return err
		}
		w.bodyBytes += int64(n)
	}
	if out != nil {
		if err := w.send(out); err != nil {
			return err
		}
	}
	for {
		n, err := r.Body.Source.Read(data[:len(data)-maxCopied])
		chunk := buf[:chunkRoom]
		end := errors.Is(err, io.EOF)
		w.at = time.Now()
		if n > 0 {
			chunk = frameChunk(buf[:chunkRoom+n])
		} else {
			chunk = chunk[chunkRoom:]
		}
		if end {
			if chunk, err = appendLastChunk(chunk, r.Body.Source.Trailer()); err != nil {
				return err
			}
		}
		if len(chunk) > 0 {
			if err := w.send(chunk); err != nil {
				return err
			}
		}
		w.bodyBytes += int64(n)
		if end {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
