package wire_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"testing"

	"gatehouse/internal/wire"
)

var headLimits = wire.HeadLimits{Target: 10240, Header: 20480, Fields: 200}

// FuzzRequestHead: what ours accepts, net/http must understand alike.
func FuzzRequestHead(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST /a?b=c%20d HTTP/1.1\r\nHost: a.b:80\r\nContent-Length: 3\r\n\r\nabc",
		"PUT /%zz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"GET http://a/b HTTP/1.1\r\nHost: A\r\nX:  y \t\r\nX: z\r\n\r\n",
		"OPTIONS * HTTP/1.0\r\nConnection: keep-alive, x\r\n\r\n",
		"GET / HTTP/1.1\nHost: a\n\n",
		"GET / HTTP/1.1\r\nHost: [::1]:8080\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var req wire.Request
		n, err := wire.ParseRequestHead(b, &req, &headLimits)
		if err != nil || n == 0 {
			prefixes(t, b, err)
			return
		}
		std, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(b)))
		if err != nil {
			t.Fatalf("ours accepts %q, net/http says %v", b[:n], err)
		}
		if req.Method != std.Method || req.Host != std.Host {
			t.Errorf("%q: method %q, host %q; net/http: %q, %q", b[:n], req.Method, req.Host, std.Method, std.Host)
		}
		if path, err := unescape(req.Path); err != nil || path != std.URL.Path && !(std.URL.Path == "" && path == "/") {
			t.Errorf("%q: path %q; net/http: %q", b[:n], req.Path, std.URL.Path)
		}
		if req.Query != std.URL.RawQuery {
			t.Errorf("%q: query %q; net/http: %q", b[:n], req.Query, std.URL.RawQuery)
		}
		if req.HTTP10 != (std.ProtoMinor == 0) {
			t.Errorf("%q: HTTP/1.0 %v; net/http: %s", b[:n], req.HTTP10, std.Proto)
		}
		if req.Body.Length != std.ContentLength {
			t.Errorf("%q: length %d; net/http: %d", b[:n], req.Body.Length, std.ContentLength)
		}
		if req.Close != std.Close && !req.HTTP10 {
			t.Errorf("%q: close %v; net/http: %v", b[:n], req.Close, std.Close)
		}
		sameHeader(t, b[:n], &req.Header, std.Header, std.Trailer)
		againRequest(t, &req)
	})
}

func unescape(path string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] != '%' {
			b.WriteByte(path[i])
			continue
		}
		c, err := strconv.ParseUint(path[i+1:i+3], 16, 8)
		if err != nil {
			return "", err
		}
		b.WriteByte(byte(c))
		i += 2
	}
	return b.String(), nil
}

// prefixes checks that a head which is refused, or not complete, is so whatever
// the pieces it arrives in: no prefix of a refused head is accepted.
func prefixes(t *testing.T, b []byte, err error) {
	if err == nil || len(b) > 200 {
		return
	}
	for i := range b {
		var req wire.Request
		if n, perr := wire.ParseRequestHead(b[:i], &req, &headLimits); perr == nil && n > 0 {
			t.Fatalf("%q is accepted, but refused (%v) with more behind it: %q", b[:i], err, b)
		}
	}
}

// sameHeader compares the fields, but for those net/http takes out.
func sameHeader(t *testing.T, head []byte, ours *wire.Header, std, stdTrailer http.Header) {
	got := http.Header{}
	for _, f := range ours.Fields {
		if id := wire.Identify(f.Name); id != f.ID {
			t.Errorf("%q has id %d, want %d", f.Name, f.ID, id)
		}
		switch f.ID {
		case wire.HeaderHost, wire.HeaderTransferEncoding, wire.HeaderTrailer, wire.HeaderContentLength:
			continue
		}
		key := textproto.CanonicalMIMEHeaderKey(f.Name)
		got[key] = append(got[key], f.Value)
	}
	std = std.Clone()
	std.Del("Content-Length")
	std.Del("Trailer")
	if got.Get("Pragma") == "no-cache" && got["Cache-Control"] == nil {
		std.Del("Cache-Control") // net/http adds it
	}
	if len(got) != len(std) {
		t.Errorf("%q: fields %v; net/http: %v", head, got, std)
	}
	for k, v := range got {
		if strings.Join(v, "\x00") != strings.Join(std[k], "\x00") {
			t.Errorf("%q: %s is %q; net/http: %q", head, k, v, std[k])
		}
	}
}

// againRequest writes what was read, and reads it again.
func againRequest(t *testing.T, req *wire.Request) {
	if req.Host == "" {
		return // HTTP/1.0
	}
	out := wire.Request{Method: req.Method, Target: req.Target, Host: req.Host, Header: req.Header}
	b, err := wire.AppendRequestHead(nil, &out)
	if err != nil {
		t.Fatalf("%+v cannot be written: %v", out, err)
	}
	var in wire.Request
	if n, err := wire.ParseRequestHead(b, &in, &headLimits); err != nil || n != len(b) {
		t.Fatalf("written as %q, read with %d, %v", b, n, err)
	}
	if in.Method != req.Method || in.Target != req.Target || in.Path != req.Path || in.Query != req.Query || in.Host != req.Host {
		t.Errorf("read again as %+v, want %+v", in, req)
	}
}

// FuzzResponseHead: what ours accepts, net/http must understand alike.
func FuzzResponseHead(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.0 404\r\nContent-Type: a\r\nConnection: keep-alive\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"HTTP/1.1 304 \r\nContent-Length: 7\r\n\r\n",
		"HTTP/1.1 099 x\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var resp wire.Response
		n, err := wire.ParseResponseHead(b, &resp, 200)
		if err != nil || n == 0 {
			return
		}
		std, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(b)), nil)
		if err != nil {
			t.Fatalf("ours accepts %q, net/http says %v", b[:n], err)
		}
		defer std.Body.Close()
		if resp.Status != std.StatusCode {
			t.Errorf("%q: status %d; net/http: %d", b[:n], resp.Status, std.StatusCode)
		}
		bodyless := resp.Status < 200 || resp.Status == 204 || resp.Status == 304
		if !bodyless && resp.Body.Length != std.ContentLength {
			t.Errorf("%q: length %d; net/http: %d", b[:n], resp.Body.Length, std.ContentLength)
		}
		if len(std.Header["Connection"]) < 2 && !bodyless && resp.Body.Length >= 0 && resp.Close != std.Close {
			t.Errorf("%q: close %v; net/http: %v", b[:n], resp.Close, std.Close)
		}
		sameHeader(t, b[:n], &resp.Header, std.Header, std.Trailer)
	})
}

// FuzzChunked: what ours decodes whole, net/http must decode alike; and the
// pieces it arrives in make no difference.
func FuzzChunked(f *testing.F) {
	for _, s := range []string{
		"0\r\n\r\n",
		"5\r\nhello\r\n0\r\n\r\n",
		"a\r\n0123456789\r\nB\r\n0123456789a\r\n00\r\nX: y\r\n\r\nGET / HTTP/1.1",
		"5;a=b\r\nhello\r\n0\r\n\r\n",
		"5\nhello\n0\n\n",
		"-1\r\n\r\n",
		"ffffffffffffffff\r\n",
		"5\r\nhelloX\r\n0\r\n\r\n",
	} {
		f.Add([]byte(s), uint8(3), uint8(7))
	}
	f.Fuzz(func(t *testing.T, b []byte, in, out uint8) {
		whole, rest, werr := decode(b, len(b), len(b)+1)
		pieces, prest, perr := decode(b, int(in)+1, int(out)+1)
		if werr != perr || !bytes.Equal(whole, pieces) || werr == nil && len(rest) != len(prest) {
			t.Fatalf("%q: whole %q, %q, %v; in pieces %q, %q, %v", b, whole, rest, werr, pieces, prest, perr)
		}
		if werr != nil {
			return
		}
		r := bufio.NewReader(io.MultiReader(strings.NewReader("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), bytes.NewReader(b)))
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		std, err := io.ReadAll(resp.Body)
		if err != nil || !bytes.Equal(std, whole) {
			t.Errorf("%q: decoded %q; net/http: %q, %v", b, whole, std, err)
		}
		_ = resp.Body.Close()
		if left, _ := io.ReadAll(r); !bytes.Equal(left, rest) {
			t.Errorf("%q: left %q; net/http: %q", b, rest, left)
		}
	})
}

// decode decodes b, in bytes at a time into at most out bytes at a time.
func decode(b []byte, in, out int) (data, rest []byte, err error) {
	var c wire.Chunked
	dst := make([]byte, out)
	for i := 0; ; {
		if c.Done() {
			return data, b[i:], nil
		}
		n, used, err := c.Decode(dst, b[i:min(i+in, len(b))])
		data = append(data, dst[:n]...)
		i += used
		if err != nil {
			return data, nil, err
		}
		if used == 0 && n == 0 && i >= len(b) {
			return data, nil, io.ErrUnexpectedEOF
		}
	}
}
