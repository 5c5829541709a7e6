package wire_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/wire"
)

// TestDefaultTimeouts runs into the time-outs at their default lengths, over a
// pipe in fake time.
func TestDefaultTimeouts(t *testing.T) {
	const ok, slow = "HTTP/1.1 200 OK", "HTTP/1.1 408 Request Timeout"
	trickle := func(nc net.Conn, s string, every time.Duration) {
		for i := range len(s) {
			if _, err := nc.Write([]byte{s[i]}); err != nil {
				return
			}
			time.Sleep(every)
		}
	}
	tests := []struct {
		name  string
		send  func(nc net.Conn)
		want  string // of the first answer; "": none
		after time.Duration
	}{
		{"nothing", func(net.Conn) {}, "", 310 * time.Second},
		{"one request", func(nc net.Conn) { _, _ = io.WriteString(nc, "GET / HTTP/1.1\r\nHost: a\r\n\r\n") }, ok, 310 * time.Second},
		{"part of a head", func(nc net.Conn) { _, _ = io.WriteString(nc, "GET / HTTP/1.1\r\nHo") }, slow, 10 * time.Second},
		{"slow head", func(nc net.Conn) { trickle(nc, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", time.Second) }, slow, 10 * time.Second},
		{"part of a body", func(nc net.Conn) {
			_, _ = io.WriteString(nc, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
		}, slow, 30 * time.Second},
		{"slow body", func(nc net.Conn) {
			_, _ = io.WriteString(nc, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n")
			trickle(nc, strings.Repeat("a", 500), 20*time.Second)
		}, slow, 300 * time.Second},
		{"slow large body", func(nc net.Conn) {
			_, _ = io.WriteString(nc, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n11170\r\n"+strings.Repeat("a", 70000))
			trickle(nc, strings.Repeat("\r\n1\r\na", 500), 5*time.Second)
		}, "HTTP/1.1 400 Bad Request", 300 * time.Second}, // the handler's answer to a body that failed
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &wire.Server{Handler: answer(echo)}
				client, server := net.Pipe()
				done := make(chan struct{})
				start := time.Now()
				go func() { defer close(done); s.ServeConn(context.Background(), server) }()
				sent := make(chan struct{})
				go func() { defer close(sent); tt.send(client) }()
				got, _ := io.ReadAll(client) // ends when the server closes
				<-done
				if !strings.HasPrefix(string(got), tt.want) || tt.want == "" && len(got) > 0 {
					t.Errorf("answered %.60q, want %q", got, tt.want)
				}
				if d := time.Since(start).Round(time.Second); d != tt.after {
					t.Errorf("ended after %v, want %v", d, tt.after)
				}
				_ = client.Close()
				<-sent
			})
		})
	}
}

// TestClientAnswerIdle: a body may take its time as long as something comes of
// it, and until the deadline.
func TestClientAnswerIdle(t *testing.T) {
	tests := []struct {
		name   string
		pauses []time.Duration
		want   error
		after  time.Duration
	}{
		{"always something", []time.Duration{20 * time.Second, 29 * time.Second, 29 * time.Second}, io.EOF, 78 * time.Second},
		{"nothing for too long", []time.Duration{20 * time.Second, 31 * time.Second}, wire.ErrTimeout, 50 * time.Second},
		{"until the deadline", []time.Duration{29 * time.Second, 29 * time.Second, 29 * time.Second, 29 * time.Second}, wire.ErrTimeout, 100 * time.Second},
	}
	for _, tt := range tests {
		for _, framing := range []string{"Content-Length: %d", "Transfer-Encoding: chunked", "Connection: close"} {
			synctest.Test(t, func(t *testing.T) {
				client, server := net.Pipe()
				sent := make(chan struct{})
				go func() {
					defer close(sent)
					_, _ = server.Read(make([]byte, 1024))
					head := framing
					if strings.Contains(head, "%d") {
						head = fmt.Sprintf(head, len(tt.pauses))
					}
					_, _ = fmt.Fprintf(server, "HTTP/1.1 200 OK\r\n%s\r\n\r\n", head)
					for _, d := range tt.pauses {
						time.Sleep(d) // fake time
						piece := "x"
						if strings.Contains(framing, "chunked") {
							piece = "1\r\nx\r\n"
						}
						_, _ = io.WriteString(server, piece)
					}
					if strings.Contains(framing, "chunked") {
						_, _ = io.WriteString(server, "0\r\n\r\n")
					}
					_ = server.Close()
				}()
				c := wire.NewClientConn(client, wire.ClientLimits{})
				start := time.Now()
				var resp wire.Response
				req := &wire.Request{Method: "GET", Target: "/", Host: "b", AnswerIdle: 30 * time.Second}
				if err := c.Do(req, &resp, start.Add(100*time.Second)); err != nil {
					t.Fatal(err)
				}
				_, err := io.Copy(io.Discard, resp.Body.Source)
				if err == nil {
					err = io.EOF
				}
				if d := time.Since(start); !errors.Is(err, tt.want) || d != tt.after {
					t.Errorf("%s, %s: %v after %v, want %v after %v", tt.name, framing, err, d, tt.want, tt.after)
				}
				_ = resp.Body.Source.Close()
				_ = client.Close()
				<-sent
			})
		}
	}
}

// TestClientTimeoutPipe: on connections that are not plain TCP deadlines hold
// as well.
func TestClientTimeoutPipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, server) }()
		c := wire.NewClientConn(client, wire.ClientLimits{})
		start := time.Now()
		var resp wire.Response
		err := c.Do(&wire.Request{Method: "GET", Target: "/", Host: "b"}, &resp, start.Add(29*time.Second))
		if d := time.Since(start); err != wire.ErrTimeout || d != 29*time.Second { //nolint:errorlint // not wrapped
			t.Errorf("%v after %v, want ErrTimeout after 29 s", err, d)
		}
		_ = server.Close()
	})
}
