package wire_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/wire"
)

func header(lines ...string) *wire.Header {
	h := &wire.Header{}
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		h.Add(name, value)
	}
	return h
}

func lines(h *wire.Header) []string {
	var list []string
	for _, f := range h.Fields {
		list = append(list, f.Name+": "+f.Value)
	}
	return list
}

func TestIdentify(t *testing.T) {
	for id := wire.HeaderHost; id.String() != ""; id++ {
		name := id.String()
		for _, s := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
			if got := wire.Identify(s); got != id {
				t.Errorf("Identify(%q) = %d, want %d", s, got, id)
			}
		}
		for _, s := range []string{name + "x", "x" + name, name[1:], strings.Replace(name, "-", "_", 1) + "\x00"} {
			if got := wire.Identify(s); got == id {
				t.Errorf("Identify(%q) = %d", s, got)
			}
		}
	}
	// Letters are equal without regard to case; other bytes that differ in the
	// same bit are not.
	for _, s := range []string{"", "content\rtype", "X-Api\rKey", "Con`ection", "\x08ost", "HOST\x00"} {
		if got := wire.Identify(s); got != wire.HeaderOther {
			t.Errorf("Identify(%q) = %d, want HeaderOther", s, got)
		}
	}
}

func TestHeader(t *testing.T) {
	h := header("Accept: a", "X-One: 1", "accept: b", "x-one: 2", "X-ONE: 3")
	if got := h.Get("ACCEPT") + h.GetID(wire.HeaderAccept) + h.Get("x-one") + h.Get("none"); got != "aa1" {
		t.Errorf("Get: %q", got)
	}
	if got, ok := h.GetExact("x-one"); got != "2" || !ok {
		t.Errorf("GetExact(x-one) = %q, %v", got, ok)
	}
	if _, ok := h.GetExact("X-oNE"); ok {
		t.Error("GetExact disregards case")
	}
	if diff := cmp.Diff([]string{"1", "2", "3"}, h.Values("X-One")); diff != "" {
		t.Error(diff)
	}
	h.Set("x-ONE", "4")
	h.Set("New", "5")
	h.SetID(wire.HeaderAccept, "c")
	if diff := cmp.Diff([]string{"Accept: c", "x-ONE: 4", "New: 5"}, lines(h)); diff != "" {
		t.Error(diff)
	}
	h.Del("new")
	h.DelID(wire.HeaderAccept)
	if diff := cmp.Diff([]string{"x-ONE: 4"}, lines(h)); diff != "" {
		t.Error(diff)
	}
	if h.Len() != 1 || h.Has(wire.HeaderAccept) {
		t.Errorf("%d fields left, Accept %v", h.Len(), h.Has(wire.HeaderAccept))
	}
}

func TestStripHopByHop(t *testing.T) {
	tests := []struct {
		name string
		in   []string
		want []string
	}{
		{"nothing to strip", []string{"A: 1", "Accept: 2"}, []string{"A: 1", "Accept: 2"}},
		{"standard", []string{"Connection: keep-alive", "Keep-Alive: 1", "Proxy-Connection: x", "TE: trailers", "Trailer: a",
			"Transfer-Encoding: chunked", "Upgrade: h2c", "A: 1"}, []string{"A: 1"}},
		{"named", []string{"A: 1", "B: 2", "connection: close, b,X-Api-Key ,,", "X-API-KEY: 3", "C: 4"}, []string{"A: 1", "C: 4"}},
		{"named, itself", []string{"Connection: connection, a", "A: 1", "B: 2"}, []string{"B: 2"}},
		{"named, two lines", []string{"Connection: a", "A: 1", "Connection: b", "B: 1", "a: 2"}, nil},
		{"named, repeated", []string{"Connection: a, a", "A: 1", "B: 2", "A: 3"}, []string{"B: 2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := header(tt.in...)
			wire.StripHopByHop(h)
			if diff := cmp.Diff(tt.want, lines(h)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestReset fills all fields and checks that nothing is left.
func TestReset(t *testing.T) {
	req := wire.Request{}
	if _, err := wire.ParseRequestHead([]byte("POST http://a/b?c HTTP/1.0\r\nHost: a\r\nContent-Length: 1\r\n\r\n"), &req, &headLimits); err != nil {
		t.Fatal(err)
	}
	req.Body = wire.Body{Bytes: []byte("a"), Source: endless{}, Length: 1}
	req.Reset()
	if diff := cmp.Diff(wire.Request{Header: wire.Header{Fields: []wire.Field{}}}, req, cmp.AllowUnexported(wire.Request{})); diff != "" {
		t.Error(diff)
	}
	if got := req.Header.Fields[:cap(req.Header.Fields)][0]; got != (wire.Field{}) {
		t.Errorf("a field is left behind the end: %+v", got)
	}
	resp := wire.Response{}
	if _, err := wire.ParseResponseHead([]byte("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n"), &resp, 10); err != nil {
		t.Fatal(err)
	}
	resp.Body = wire.Body{Bytes: []byte("a"), Source: endless{}, Length: 1}
	resp.Reset()
	if diff := cmp.Diff(wire.Response{Header: wire.Header{Fields: []wire.Field{}}}, resp, cmp.AllowUnexported(wire.Response{})); diff != "" {
		t.Error(diff)
	}
}

func TestAppendRequestHead(t *testing.T) {
	tests := []struct {
		name string
		req  wire.Request
		want string // "" for an error
	}{
		{"GET", wire.Request{Method: "GET", Target: "/a?b", Host: "h:1", Header: *header("X-A: 1", "host: evil", "x-b:  2")},
			"GET /a?b HTTP/1.1\r\nHost: h:1\r\nX-A: 1\r\nx-b:  2\r\n\r\n"},
		{"framing is the driver's", wire.Request{Method: "GET", Target: "/", Host: "h", Header: *header("content-length: 5", "TRANSFER-ENCODING: chunked", "Connection: x", "Expect: 100-continue", "Keep-Alive: 1")},
			"GET / HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"POST without body", wire.Request{Method: "POST", Target: "/", Host: "h"}, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"},
		{"GET with body", wire.Request{Method: "GET", Target: "/", Host: "h", Body: wire.Body{Bytes: []byte("abc")}}, "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n"},
		{"chunked", wire.Request{Method: "PUT", Target: "/", Host: "h", Body: wire.Body{Source: endless{}, Length: -1}}, "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"},
		{"close", wire.Request{Method: "GET", Target: "*", Host: "h", Close: true}, "GET * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"},
		{"line break in target", wire.Request{Method: "GET", Target: "/a\r\nX: y", Host: "h"}, ""},
		{"space in target", wire.Request{Method: "GET", Target: "/a b", Host: "h"}, ""},
		{"no target", wire.Request{Method: "GET", Host: "h"}, ""},
		{"bad method", wire.Request{Method: "GET /", Target: "/", Host: "h"}, ""},
		{"no method", wire.Request{Target: "/", Host: "h"}, ""},
		{"line break in host", wire.Request{Method: "GET", Target: "/", Host: "h\r\nX: y"}, ""},
		{"line break in value", wire.Request{Method: "GET", Target: "/", Host: "h", Header: *header("X: a\r\nY: b")}, ""},
		{"NUL in value", wire.Request{Method: "GET", Target: "/", Host: "h", Header: *header("X: a\x00")}, ""},
		{"bad name", wire.Request{Method: "GET", Target: "/", Host: "h", Header: *header("X Y: a")}, ""},
		{"empty name", wire.Request{Method: "GET", Target: "/", Host: "h", Header: *header(": a")}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := wire.AppendRequestHead(nil, &tt.req)
			if tt.want == "" {
				if err == nil {
					t.Errorf("written as %q, want an error", got)
				}
				return
			}
			if err != nil || string(got) != tt.want {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}
