package ingress_test

import (
	"context"
	"encoding/binary"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/gateway/ingress"
	"gatehouse/internal/wire"
)

// answerPings reads to the end of the connection as a living client does. It
// returns when that was, and how the first stream ended.
func (r *rawH2) answerPings() <-chan ending {
	ended := make(chan ending, 1)
	start := time.Now()
	go func() {
		var e ending
		for {
			f, err := r.next()
			if err != nil {
				e.conn = time.Since(start)
				ended <- e
				return
			}
			switch {
			case f.kind == ping && f.flags&ack == 0:
				_ = r.write(ping, ack, 0, f.payload)
				_ = r.flush()
			case f.kind == headers:
				e.head = string(r.decode(f.payload))
				e.stream = time.Since(start)
			case f.kind == rstStream:
				e.reset = true
			}
		}
	}()
	return ended
}

type ending struct {
	conn, stream time.Duration
	reset        bool
	head         string
}

func setting(id uint16, v uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(nil, id), v)
}

const initialWindowSize = 4

// TestZeroWindow: a client that takes no response loses it, and the backend
// is free again.
func TestZeroWindow(t *testing.T) {
	tests := []struct {
		name   string
		window uint32
		length int64
	}{
		{"no window at all", 0, -1},
		{"no window at all, known length", 0, 1 << 40},
		{"a window that is never enlarged", 1000, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := endless{closed: make(chan struct{})}
				ln, stop := serve(t, &fake{serve: func(context.Context, *wire.Request) *wire.Response {
					return &wire.Response{Status: 200, Body: wire.Body{Source: e, Length: tt.length}}
				}}, ingress.Options{})
				defer stop()
				r := newRawH2(t, ln.dial(t))
				_ = r.write(settings, 0, 0, setting(initialWindowSize, tt.window))
				_ = r.write(headers, endHeaders|endStream, 1, r.request("GET", "/"))
				_ = r.flush()
				ended := r.answerPings()
				begun := time.Now()
				<-e.closed
				if d := time.Since(begun); d > time.Minute {
					t.Errorf("backend held for %v, want about 30 s", d)
				}
				got := <-ended
				if !got.reset {
					t.Error("the stream was not reset")
				}
				if got.conn > 6*time.Minute {
					t.Errorf("connection kept for %v, want the idle time of 310 s", got.conn)
				}
			})
		})
	}
}

// TestSlowBody: a request body that trickles or stops is cut before a backend
// is asked, over either protocol version.
func TestSlowBody(t *testing.T) {
	tests := []struct {
		name  string
		every time.Duration // between two bytes; 0: none comes
		least time.Duration
		most  time.Duration
	}{
		{"nothing comes", 0, 29 * time.Second, 40 * time.Second},
		{"a byte every 20 s", 20 * time.Second, 290 * time.Second, 310 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name+", h2", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{serve: hello}
				ln, stop := serve(t, f, ingress.Options{})
				defer stop()
				r := newRawH2(t, ln.dial(t))
				_ = r.write(headers, endHeaders, 1, r.request("POST", "/", "content-length", "1000"))
				_ = r.flush()
				ended := r.answerPings()
				for i := 0; tt.every > 0 && i < 100; i++ {
					time.Sleep(tt.every)
					if r.write(data, 0, 1, []byte("x")) != nil || r.flush() != nil {
						break
					}
				}
				got := <-ended
				if !strings.Contains(got.head, ":status: 408") {
					t.Errorf("answer = %q, want 408", got.head)
				}
				if got.stream < tt.least || got.stream > tt.most {
					t.Errorf("cut after %v, want %v to %v", got.stream, tt.least, tt.most)
				}
			})
		})
		t.Run(tt.name+", h1", func(t *testing.T) {
			engines(t, func(t *testing.T, e ingress.Engine) {
				synctest.Test(t, func(t *testing.T) {
					ln, stop := serve(t, &fake{serve: hello}, ingress.Options{HTTP1: e})
					defer stop()
					c := ln.dial(t)
					_, _ = c.Write([]byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"))
					begun := time.Now()
					var wg sync.WaitGroup
					wg.Go(func() {
						for i := 0; tt.every > 0 && i < 100; i++ {
							time.Sleep(tt.every)
							if _, err := c.Write([]byte("x")); err != nil {
								return
							}
						}
					})
					answer, end := readAll(c)
					_ = c.Close()
					wg.Wait()
					if !strings.HasPrefix(answer, "HTTP/1.1 408 ") {
						t.Errorf("answer = %q, want 408", answer)
					}
					if d := end.Sub(begun); d < tt.least || d > tt.most {
						t.Errorf("cut after %v, want %v to %v", d, tt.least, tt.most)
					}
				})
			})
		})
	}
}

// TestSlowHead: a head that trickles or stops ends the connection.
func TestSlowHead(t *testing.T) {
	tests := []struct {
		name  string
		begin func(r *rawH2)
		more  func(r *rawH2)
	}{
		{"half a preface", func(r *rawH2) {
			_, _ = r.bw.WriteString(clientPreface[:10])
		}, nil},
		{"half a frame's head", func(r *rawH2) {
			_, _ = r.bw.WriteString(clientPreface)
			_ = r.write(settings, 0, 0, nil)
			_, _ = r.bw.Write([]byte{0, 0, 1})
		}, nil},
		{"an open header block", func(r *rawH2) {
			_, _ = r.bw.WriteString(clientPreface)
			_ = r.write(settings, 0, 0, nil)
			_ = r.write(headers, endStream, 1, r.request("GET", "/"))
		}, nil},
		{"a header block that trickles", func(r *rawH2) {
			_, _ = r.bw.WriteString(clientPreface)
			_ = r.write(settings, 0, 0, nil)
			_ = r.write(headers, endStream, 1, r.request("GET", "/"))
		}, func(r *rawH2) {
			_ = r.write(continuation, 0, 1, r.block("a", "b"))
		}},
		{"a frame that trickles", func(r *rawH2) {
			_, _ = r.bw.WriteString(clientPreface)
			_ = r.write(settings, 0, 0, nil)
			_, _ = r.bw.Write([]byte{0, 1, 0, 4, 0, 0, 0, 0, 0}) // SETTINGS of 256 bytes
		}, func(r *rawH2) {
			_ = r.bw.WriteByte(0)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			engines(t, func(t *testing.T, e ingress.Engine) {
				synctest.Test(t, func(t *testing.T) {
					ln, stop := serve(t, &fake{serve: hello}, ingress.Options{HTTP1: e})
					defer stop()
					r := bareH2(t, ln.dial(t))
					tt.begin(r)
					_ = r.flush()
					ended := r.answerPings()
					for i := 0; tt.more != nil && i < 20; i++ {
						time.Sleep(3 * time.Second)
						if tt.more(r); r.flush() != nil {
							break
						}
					}
					if got := <-ended; got.conn < 9*time.Second || got.conn > 15*time.Second {
						t.Errorf("connection kept for %v, want about 10 s", got.conn)
					}
				})
			})
		})
	}
}

// TestIdle: a connection that asks nothing is closed in time, and one that
// answers no ping before that.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln, stop := serve(t, &fake{serve: hello}, ingress.Options{})
		defer stop()
		r := newRawH2(t, ln.dial(t))
		if got := <-r.answerPings(); got.conn < 300*time.Second || got.conn > 320*time.Second {
			t.Errorf("idle connection kept for %v, want 310 s", got.conn)
		}
		dead := newRawH2(t, ln.dial(t))
		begun := time.Now()
		dead.ended()
		if d := time.Since(begun); d > time.Minute {
			t.Errorf("connection that answers no ping kept for %v, want about 45 s", d)
		}
	})
}

// TestNotReading: a client that sends a request and takes nothing, not even
// frames, loses its connection.
func TestNotReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := endless{closed: make(chan struct{})}
		ln, stop := serve(t, &fake{serve: func(context.Context, *wire.Request) *wire.Response {
			return &wire.Response{Status: 200, Body: wire.Body{Source: e, Length: -1}}
		}}, ingress.Options{})
		defer stop()
		r := newRawH2(t, ln.dial(t))
		_ = r.write(headers, endHeaders|endStream, 1, r.request("GET", "/"))
		_ = r.flush()
		begun := time.Now()
		<-e.closed
		if d := time.Since(begun); d > time.Minute {
			t.Errorf("backend held for %v, want about 30 s", d)
		}
	})
}
