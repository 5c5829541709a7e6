package wire_test

import (
	"strings"
	"testing"

	"gatehouse/internal/wire"
)

// TestRefusedHead: of a head that is refused the host and the target are known
// if they are sound and came before what is wrong.
func TestRefusedHead(t *testing.T) {
	long := "X: " + strings.Repeat("y", headLimits.Header) + "\r\n"
	many := strings.Repeat("X: y\r\n", headLimits.Fields+1)
	tests := []struct{ name, head, host, path string }{
		{"too long", "GET /a?b HTTP/1.1\r\nHost: h\r\n" + long + "\r\n", "h", "/a"},
		{"too long, and not at its end", "GET /a HTTP/1.1\r\nHost: h\r\n" + long[:len(long)-2], "h", "/a"},
		{"too many", "GET http://h/a HTTP/1.1\r\nHost: h\r\n" + many + "\r\n", "h", "/a"},
		{"no field", "GET /a HTTP/1.1\r\nHost: h\r\nno field\r\n\r\n", "h", "/a"},
		{"host behind", "GET /a HTTP/1.1\r\n" + many + "Host: h\r\n\r\n", "", ""},
		{"two hosts", "GET /a HTTP/1.1\r\nHost: h\r\nHost: i\r\n" + long + "\r\n", "", ""},
		{"bad target", "GET /%zz HTTP/1.1\r\nHost: h\r\n" + long + "\r\n", "", ""},
		{"bad host", "GET /a HTTP/1.1\r\nHost: h/i\r\n" + long + "\r\n", "", ""},
	}
	for _, tt := range tests {
		var req wire.Request
		if _, err := wire.ParseRequestHead([]byte(tt.head), &req, &headLimits); err == nil {
			t.Errorf("%s: not refused", tt.name)
		}
		if req.Host != tt.host || req.Path != tt.path {
			t.Errorf("%s: %q %q, want %q %q", tt.name, req.Host, req.Path, tt.host, tt.path)
		}
	}
}
