package http1

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/gateway/ingress"
)

// newStdFront is a front behind net/http, as the address of the AWS APIs is.
func newStdFront(t *testing.T) *front {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &front{addr: ln.Addr().String(), done: make(chan error, 1)}
	withHeads := limits
	withHeads.Head.Header = 20480
	s := &http.Server{Handler: ingress.Std(f, ingress.Limits{Limits: withHeads}), ReadHeaderTimeout: limits.ReadHead, IdleTimeout: limits.Idle, MaxHeaderBytes: 64 << 10}
	go func() { f.done <- s.Serve(ingress.Strict(ln, s.MaxHeaderBytes, s.ReadHeaderTimeout)) }()
	t.Cleanup(func() {
		_ = s.Close()
		<-f.done
	})
	return f
}

// otherwise are the cases that net/http answers itself, and those in which the
// client goes on after a while.
var otherwise = map[string]bool{
	"asterisk": true, "absolute form, OPTIONS": true, // OPTIONS * is net/http's
	"expect, HTTP/1.0": true, // refused
	"expect, waits":    true, "expect, waits, chunked": true, "expect, large, not read": true,
	"large, not read": true, "larger, not read": true, "slow large body": true,
}

// TestStrict sends the cases to net/http behind what is strict for it: what
// reaches the handler must be the same as with wire, and what is refused, must
// be refused; with which status and when, is net/http's business.
func TestStrict(t *testing.T) {
	for _, tt := range requestCases {
		for _, piece := range []int{len(tt.send), 1} {
			if otherwise[tt.name] || piece == 1 && len(tt.send) >= 300 {
				continue
			}
			t.Run(fmt.Sprint(tt.name, ", ", piece), func(t *testing.T) {
				t.Parallel()
				f := newStdFront(t)
				status := f.exchange(t, tt.send, piece)
				if got := f.requests(); got != tt.seen {
					t.Errorf("sent %.200q\nserved %s\nwant   %s", tt.send, got, tt.seen)
				}
				if refused := strings.HasPrefix(tt.want, "4") || strings.HasPrefix(tt.want, "5"); refused != (status == 0 || status >= 400) {
					t.Errorf("sent %.200q\nanswered %d, want %s", tt.send, status, tt.want)
				}
			})
		}
	}
}

// exchange sends text in pieces and reads all answers. It returns the first
// status, or 0.
func (f *front) exchange(t *testing.T, send string, piece int) (status int) {
	nc, err := net.Dial("tcp", f.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if err := nc.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	for rest := send; rest != ""; {
		n, err := io.WriteString(nc, rest[:min(piece, len(rest))])
		if err != nil {
			break // the server has closed
		}
		rest = rest[n:]
	}
	_ = nc.(*net.TCPConn).CloseWrite()
	r := bufio.NewReader(nc)
	for {
		resp, err := http.ReadResponse(r, &http.Request{Method: method(send)})
		if err != nil {
			return status
		}
		if status == 0 || status == http.StatusContinue {
			status = resp.StatusCode
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return status
		}
	}
}
