package wire_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/wire"
)

// A bytesConn is a connection on which everything has arrived already, in
// pieces, and whose client has closed its side.
type bytesConn struct {
	in    []byte
	piece int
	out   bytes.Buffer
}

func (c *bytesConn) Read(p []byte) (int, error) {
	if len(c.in) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.in[:min(c.piece, len(c.in))])
	c.in = c.in[n:]
	return n, nil
}

func (c *bytesConn) Write(p []byte) (int, error)      { return c.out.Write(p) }
func (c *bytesConn) Close() error                     { return nil }
func (c *bytesConn) LocalAddr() net.Addr              { return nil }
func (c *bytesConn) RemoteAddr() net.Addr             { return nil }
func (c *bytesConn) SetDeadline(time.Time) error      { return nil }
func (c *bytesConn) SetReadDeadline(time.Time) error  { return nil }
func (c *bytesConn) SetWriteDeadline(time.Time) error { return nil }

// FuzzServer: the requests that are served from a stream of bytes, bodies
// included, are the first of those that net/http reads from it; and every one
// has one answer.
func FuzzServer(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
		"\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n0123456789abcdef0123456789abcdef\r\n0\r\n\r\nHEAD /2 HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 30\r\n\r\n0123456789abcdef0123456789abcdGET /2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
		"OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\nGET http://a/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
	} {
		f.Add([]byte(s), uint8(255))
		f.Add([]byte(s), uint8(0))
	}
	f.Fuzz(func(t *testing.T, b []byte, piece uint8) {
		var ours []string
		s := &wire.Server{Limits: wire.Limits{BufferedBody: 16}, Handler: answer(func(req *wire.Request, resp *wire.Response) {
			body := append([]byte(nil), req.Body.Bytes...)
			resp.Status = 200
			if req.Body.Source != nil {
				rest, err := io.ReadAll(req.Body.Source)
				if err != nil {
					resp.Status = 400
					return
				}
				body = append(body, rest...)
			}
			ours = append(ours, fmt.Sprintf("%s %s %s %q", req.Method, strings.Clone(req.Path+"?"+req.Query), strings.Clone(req.Host), body))
		})}
		nc := &bytesConn{in: b, piece: int(piece) + 1}
		s.ServeConn(context.Background(), nc)
		std := stdRequests(b, len(ours))
		for i := range ours {
			if i >= len(std) || ours[i] != std[i] {
				t.Fatalf("%q\nserved   %q\nnet/http %q", b, ours, std)
			}
		}
		checkAnswers(t, b, nc.out.Bytes(), len(ours))
	})
}

// stdRequests reads up to n requests with net/http.
func stdRequests(b []byte, n int) []string {
	var list []string
	r := bufio.NewReader(bytes.NewReader(b))
	for len(list) < n {
		if p, _ := r.Peek(2); string(p) == "\r\n" {
			_, _ = r.Discard(2)
		}
		req, err := http.ReadRequest(r)
		if err != nil {
			return append(list, err.Error())
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return append(list, err.Error())
		}
		path := req.URL.EscapedPath()
		if raw := req.RequestURI; strings.HasPrefix(raw, "/") {
			path, _, _ = strings.Cut(raw, "?") // as it was sent
		} else if i := strings.Index(raw, "://"); i >= 0 {
			if j := strings.IndexByte(raw[i+3:], '/'); j >= 0 {
				path, _, _ = strings.Cut(raw[i+3+j:], "?")
			} else if path = "/"; req.Method == http.MethodOptions {
				path = "*"
			}
		}
		list = append(list, fmt.Sprintf("%s %s %s %q", req.Method, path+"?"+req.URL.RawQuery, req.Host, body))
	}
	return list
}

// checkAnswers checks that out is well-formed answers, one for each request
// and at most one more, a refusal.
func checkAnswers(t *testing.T, b, out []byte, served int) {
	r := bufio.NewReader(bytes.NewReader(out))
	n := 0
	for {
		if _, err := r.Peek(1); err != nil {
			break
		}
		method := "GET"
		resp, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, os.ErrClosed) {
				break
			}
			t.Fatalf("%q\nanswered %q: %v", b, out, err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		if resp.StatusCode >= 200 {
			n++
		}
	}
	if n < served || n > served+1 {
		t.Errorf("%q\n%d requests served, %d answers: %q", b, served, n, out)
	}
}
