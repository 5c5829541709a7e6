package wire_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"gatehouse/internal/wire"
)

// FuzzClient: an answer that is taken as whole is the one that net/http reads,
// and the connection is only kept if nothing of what came is left.
func FuzzClient(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.0 200 OK\r\n\r\nhello",
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nConnection: close\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, world",
	} {
		f.Add([]byte(s), uint8(255), false)
		f.Add([]byte(s), uint8(0), true)
	}
	f.Fuzz(func(t *testing.T, b []byte, piece uint8, head bool) {
		method := "GET"
		if head {
			method = "HEAD"
		}
		nc := &bytesConn{in: b, piece: int(piece) + 1}
		c := wire.NewClientConn(nc, wire.ClientLimits{})
		var resp wire.Response
		if err := c.Do(&wire.Request{Method: method, Target: "/", Host: "b"}, &resp, time.Now().Add(time.Minute)); err != nil {
			return
		}
		body := append([]byte(nil), resp.Body.Bytes...)
		if src := resp.Body.Source; src != nil {
			rest, err := io.ReadAll(src)
			_ = src.Close()
			if err != nil {
				if c.Reusable() {
					t.Errorf("%q: reusable after %v", b, err)
				}
				return
			}
			body = append(body, rest...)
		}
		status, std, rest, err := stdAnswer(b, method)
		if err != nil || status != resp.Status || !bytes.Equal(std, body) {
			t.Fatalf("%q\nours     %d %q\nnet/http %d %q, %v", b, resp.Status, body, status, std, err)
		}
		if c.Reusable() && len(rest) > len(nc.in) {
			t.Errorf("%q: reusable, with %q left over", b, rest)
		}
	})
}

// stdAnswer reads the final answer with net/http, and what is left behind it.
func stdAnswer(b []byte, method string) (status int, body, rest []byte, err error) {
	r := bufio.NewReader(bytes.NewReader(b))
	for {
		resp, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			return 0, nil, nil, err
		}
		if resp.StatusCode < 200 {
			continue
		}
		body, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		rest, _ = io.ReadAll(r)
		return resp.StatusCode, body, rest, err
	}
}
