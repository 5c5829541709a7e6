package websocket_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"gatehouse/internal/websocket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The example of RFC 6455, 1.3.
func TestAccept(t *testing.T) {
	const key = "dGhlIHNhbXBsZSBub25jZQ=="
	if got := websocket.Accept(key); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Errorf("Accept(%q) = %q", key, got)
	}
	for key, want := range map[string]bool{key: true, "": false, "AAAA": false, "!!hlIHNhbXBsZSBub25jZQ==": false} {
		if got := websocket.ValidKey(key); got != want {
			t.Errorf("ValidKey(%q) = %v, want %v", key, got, want)
		}
	}
}

// Time closes connections: idle ones, and those that are old, however busy.
func TestTime(t *testing.T) {
	tests := []struct {
		name  string
		every time.Duration // a message is sent to the client; 0: never
		want  time.Duration // until it is closed
	}{
		{"idle", 0, 10 * time.Minute},
		{"messages keep it", 9 * time.Minute, 2 * time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, nc := net.Pipe()
				c := websocket.NewConn(nc, nil, complete(websocket.Limits{}))
				begun := time.Now()
				got := make(chan []byte, 1)
				go func() {
					b, _ := io.ReadAll(client) // until it is closed
					got <- b
				}()
				stop := make(chan struct{})
				defer close(stop)
				if tt.every > 0 {
					go func() {
						tick := time.NewTicker(tt.every)
						defer tick.Stop()
						for {
							select {
							case <-tick.C:
								_ = c.WriteText([]byte("x")) // fails at the end
							case <-stop:
								return
							}
						}
					}()
				}
				_, err := c.Read(nil)
				var e *websocket.CloseError
				if !errors.As(err, &e) || e.Code != websocket.CloseGoingAway || e.Reason != "Going away" {
					t.Errorf("ended with %v, want 1001 Going away", err)
				}
				if took := time.Since(begun).Round(time.Minute); took != tt.want {
					t.Errorf("ended after %v, want %v", took, tt.want)
				}
				if want := []byte("\x88\x0c\x03\xe9Going away"); !bytes.HasSuffix(<-got, want) {
					t.Errorf("the client did not get %q", want)
				}
			})
		})
	}
}

// A client that takes nothing holds up a bounded number of writers for a bounded
// time, and is lost then.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, nc := net.Pipe()
		defer client.Close()
		c := websocket.NewConn(nc, nil, complete(websocket.Limits{Writers: 2}))
		errs := make(chan error, 2)
		for range 2 {
			go func() { errs <- c.WriteText([]byte("x")) }()
		}
		synctest.Wait()
		if err := c.WriteText([]byte("y")); !errors.Is(err, websocket.ErrBusy) {
			t.Errorf("third writer: %v, want ErrBusy", err)
		}
		begun := time.Now()
		_, err := c.Read(nil)
		var e *websocket.CloseError
		if !errors.As(err, &e) || e.Code != websocket.CloseAbnormal {
			t.Errorf("Read: %v, want 1006", err)
		}
		if took := time.Since(begun); took != 10*time.Second {
			t.Errorf("lost after %v, want 10s", took)
		}
		for range 2 {
			if err := <-errs; err == nil {
				t.Error("a message that was not taken was written")
			}
		}
		if err := c.WriteText([]byte("z")); !errors.Is(err, websocket.ErrClosed) {
			t.Errorf("after the end: %v, want ErrClosed", err)
		}
	})
}

// A close that the client answers ends the connection with our code, one that it
// does not answer, too.
func TestClose(t *testing.T) {
	for _, answers := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			client, nc := net.Pipe()
			defer client.Close()
			c := websocket.NewConn(nc, nil, complete(websocket.Limits{}))
			go func() {
				head := make([]byte, 4+len("Connection Closed Normally"))
				if _, err := io.ReadFull(client, head); err != nil {
					t.Error(err)
				}
				if answers {
					_, _ = client.Write([]byte("\x88\x82\x00\x00\x00\x00\x03\xe8")) // it may be closed
				}
			}()
			go c.Close(websocket.CloseNormal, "Connection Closed Normally")
			begun := time.Now()
			_, err := c.Read(nil)
			var e *websocket.CloseError
			if !errors.As(err, &e) || e.Code != websocket.CloseNormal || e.Reason != "Connection Closed Normally" {
				t.Errorf("Read: %v, want 1000", err)
			}
			if took, want := time.Since(begun), map[bool]time.Duration{true: 0, false: 2 * time.Second}[answers]; took != want {
				t.Errorf("ended after %v, want %v", took, want)
			}
		})
	}
}

func TestAppendText(t *testing.T) {
	tests := []struct {
		n, limit int
		want     string // the heads
	}{
		{0, 10, "8100"},
		{10, 10, "810a"},
		{11, 10, "010a8001"},
		{25, 10, "010a000a8005"},
		{126, 1000, "817e007e"},
		{70000, 100000, "817f0000000000011170"},
	}
	for _, tt := range tests {
		got := websocket.AppendText(nil, []byte(strings.Repeat("*", tt.n)), tt.limit)
		heads := ""
		for _, c := range bytes.ReplaceAll(got, []byte("*"), nil) {
			const hex = "0123456789abcdef"
			heads += string(hex[c>>4]) + string(hex[c&15])
		}
		if heads != tt.want {
			t.Errorf("%d bytes in frames of %d: heads %s, want %s", tt.n, tt.limit, heads, tt.want)
		}
	}
}

// FuzzRead sends anything: a connection ends, with a code that may be sent or
// that says how it was lost, and holds no more than a message.
func FuzzRead(f *testing.F) {
	for _, s := range []string{"\x81\x80\x00\x00\x00\x00", "\x01\x81\x00\x00\x00\x00a\x80\x81\x00\x00\x00\x00b", "\x88\x82\x00\x00\x00\x00\x03\xe8",
		"\x89\x81\x01\x02\x03\x04a", "\x81\xff\x80\x00\x00\x00\x00\x00\x00\x01", "\x81\xfe\x00\x7e\x00\x00\x00\x00", "\xf1"} {
		f.Add([]byte(s), 1)
		f.Add([]byte(s), len(s))
	}
	f.Fuzz(func(t *testing.T, data []byte, split int) {
		client, nc := net.Pipe()
		if split < 0 || split > len(data) {
			split = 0
		}
		c := websocket.NewConn(nc, data[:split], complete(websocket.Limits{Farewell: time.Millisecond, Message: 1 << 10, Frame: 512}))
		go func() {
			_, _ = client.Write(data[split:]) // the server may close before
			client.Close()
		}()
		drained := make(chan struct{})
		go func() {
			_, _ = io.Copy(io.Discard, client)
			close(drained)
		}()
		for {
			m, err := c.Read(nil)
			if len(m) > 1<<10 {
				t.Errorf("a message of %d bytes", len(m))
			}
			if err != nil {
				var e *websocket.CloseError
				if !errors.As(err, &e) || e.Code < 1000 || e.Code > 4999 {
					t.Errorf("ended with %v", err)
				}
				break
			}
		}
		<-drained
	})
}

func complete(l websocket.Limits) *websocket.Config {
	l.SetDefaults()
	return &websocket.Config{Limits: l}
}
