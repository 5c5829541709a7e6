package websocket_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"go.uber.org/goleak"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/websocket"
)

// patience bounds a case.
const patience = time.Minute

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A server echoes text on one connection.
type server struct {
	nc   net.Conn
	r    *bufio.Reader
	done chan error // how the server saw the end
}

func start(t *testing.T, limits websocket.Limits) *server {
	t.Helper()
	return startWith(t, &websocket.Config{Limits: limits})
}

func startWith(t *testing.T, cfg *websocket.Config) *server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	s := &server{done: make(chan error, 1)}
	if s.nc, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	nc, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s.r = bufio.NewReader(s.nc)
	if err := s.nc.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	cfg.Limits.Farewell = 100 * time.Millisecond
	cfg.Limits.SetDefaults()
	go func() {
		c := websocket.NewConn(nc, nil, cfg)
		for {
			m, err := c.Read(nil)
			if err == nil {
				err = c.WriteText(m)
			}
			if err != nil {
				s.done <- err
				return
			}
		}
	}()
	t.Cleanup(func() { s.nc.Close() })
	return s
}

// frame is a client's frame: first byte, payload, masked.
func frame(first byte, payload string) string {
	b := []byte{first}
	switch n := len(payload); {
	case n <= 125:
		b = append(b, 0x80|byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	mask := "\x37\xfa\x21\x3d"
	b = append(b, mask...)
	for i := range len(payload) {
		b = append(b, payload[i]^mask[i&3])
	}
	return string(b)
}

// The first bytes of frames.
const (
	more = 0x00
	last = 0x80

	text   = last | 1
	ping   = last | 9
	pong   = last | 10
	closed = last | 8
)

func code(n int, reason string) string {
	return string(binary.BigEndian.AppendUint16(nil, uint16(n))) + reason
}

// frame reads the server's next frame: first byte and payload.
func (s *server) frame() (first byte, payload []byte, err error) {
	var head [10]byte
	if _, err := io.ReadFull(s.r, head[:2]); err != nil {
		return 0, nil, err
	}
	n := uint64(head[1])
	switch n {
	case 126:
		_, err = io.ReadFull(s.r, head[2:4])
		n = uint64(binary.BigEndian.Uint16(head[2:]))
	case 127:
		_, err = io.ReadFull(s.r, head[2:10])
		n = binary.BigEndian.Uint64(head[2:])
	}
	if err != nil || n > 8<<20 {
		return 0, nil, io.ErrUnexpectedEOF
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(s.r, payload)
	return head[0], payload, err
}

// got is what a server sends: its frames, messages put together, as
// "text hello", "pong x", "close 1000 bye".
func (s *server) got() []string {
	var list []string
	var message bytes.Buffer
	for {
		head, payload, err := s.frame()
		switch {
		case err == io.EOF: //nolint:errorlint // of a read at the beginning of a frame
			return append(list, "end")
		case err != nil:
			return append(list, "torn")
		}
		switch head & 0x7f {
		case 0, 1:
			message.Write(payload)
			if head&0x80 != 0 {
				list = append(list, "text "+short(message.String()))
				message.Reset()
			}
		case 8:
			what := "close"
			if len(payload) >= 2 {
				what = fmt.Sprintf("close %d", binary.BigEndian.Uint16(payload))
			}
			list = append(list, what)
		case 10:
			list = append(list, "pong "+short(string(payload)))
		default:
			list = append(list, fmt.Sprintf("frame %x", head))
		}
	}
}

func short(s string) string {
	if len(s) > 40 {
		return fmt.Sprintf("%s...%d", s[:4], len(s))
	}
	return s
}

var kappa = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5" // κόσμε

var cases = []struct {
	name string
	send string
	want string
}{
	// 1: framing
	{"1.1.1 empty text", frame(text, ""), "text "},
	{"1.1.2 125 bytes", frame(text, strings.Repeat("*", 125)), "text ****...125"},
	{"1.1.3 126 bytes", frame(text, strings.Repeat("*", 126)), "text ****...126"},
	{"1.1.5 128 bytes", frame(text, strings.Repeat("*", 128)), "text ****...128"},
	{"1.1.6 32 KB", frame(text, strings.Repeat("*", 32<<10)), "text ****...32768"},
	{"frame over 32 KB", frame(text, strings.Repeat("*", 32<<10+1)), "close 1009"},
	{"message of 128 KB", frame(1, strings.Repeat("*", 32<<10)) + strings.Repeat(frame(more, strings.Repeat("*", 32<<10)), 2) + frame(last, strings.Repeat("*", 32<<10)), "text ****...131072"},
	{"message over 128 KB", frame(1, strings.Repeat("*", 32<<10)) + strings.Repeat(frame(more, strings.Repeat("*", 32<<10)), 3) + frame(last, "*"), "close 1009"},
	{"1.2 binary", frame(last|2, "x"), "close 1003"},
	{"length with the top bit", "\x81\xff\x80\x00\x00\x00\x00\x00\x00\x01abcd", "close 1002"},
	{"huge length", "\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xffabcd", "close 1009"},
	{"length not the shortest, 16 bits", "\x81\xfe\x00\x01abcdx", "close 1002"},
	{"length not the shortest, 64 bits", "\x81\xff\x00\x00\x00\x00\x00\x00\x00\x01abcdx", "close 1002"},
	{"not masked", "\x81\x01x", "close 1002"},
	// 2: pings and pongs
	{"2.1 ping without payload", frame(ping, ""), "pong "},
	{"2.2 ping with payload", frame(ping, "hello"), "pong hello"},
	{"2.3 ping with binary payload", frame(ping, "\x00\xff\xfe"), "pong \x00\xff\xfe"},
	{"2.4 ping of 125 bytes", frame(ping, strings.Repeat("\xfe", 125)), "pong \xfe\xfe\xfe\xfe...125"},
	{"2.5 ping of 126 bytes", frame(ping, strings.Repeat("\xfe", 126)), "close 1002"},
	{"2.7 pong nobody asked for", frame(pong, "") + frame(text, "a"), "text a"},
	{"2.9 pong, then ping", frame(pong, "x") + frame(ping, "y"), "pong y"},
	{"2.10 ten pings", strings.Repeat(frame(ping, "p"), 10), "pong p" + strings.Repeat("|pong p", 9)},
	// 3: reserved bits
	{"3.1 RSV 1", frame(text|0x10, "x"), "close 1002"},
	{"3.2 RSV 2 after a message", frame(text, "a") + frame(text|0x20, "x"), "text a|close 1002"},
	{"3.3 RSV 3 and 4", frame(text|0x30, "x"), "close 1002"},
	{"3.5 RSV 5 on a ping", frame(ping|0x50, "x"), "close 1002"},
	{"3.7 RSV 7 on a close", frame(closed|0x70, "x"), "close 1002"},
	// 4: opcodes
	{"4.1.1 opcode 3", frame(last|3, ""), "close 1002"},
	{"4.1.5 opcode 7", frame(last|7, ""), "close 1002"},
	{"4.2.1 opcode 11", frame(last|11, ""), "close 1002"},
	{"4.2.5 opcode 15", frame(last|15, ""), "close 1002"},
	// 5: fragments
	{"5.1 ping in fragments", frame(9, "a") + frame(last, "b"), "close 1002"},
	{"5.2 pong in fragments", frame(10, "a") + frame(last, "b"), "close 1002"},
	{"5.3 text in two", frame(1, "a") + frame(last, "b"), "text ab"},
	{"5.6 ping between fragments", frame(1, "a") + frame(ping, "p") + frame(last, "b"), "pong p|text ab"},
	{"5.9 continuation of nothing", frame(last, "a") + frame(text, "b"), "close 1002"},
	{"5.12 continuation of nothing, more to come", frame(more, "a"), "close 1002"},
	{"5.15 continuation after the end", frame(1, "a") + frame(last, "b") + frame(more, "c"), "text ab|close 1002"},
	{"5.18 two beginnings", frame(1, "a") + frame(text, "b"), "close 1002"},
	{"5.19 pings between five fragments", frame(1, "a") + frame(more, "b") + frame(ping, "1") + frame(more, "c") + frame(ping, "2") + frame(last, "d"), "pong 1|pong 2|text abcd"},
	{"6.1.2 empty fragments", frame(1, "") + frame(more, "") + frame(last, ""), "text "},
	// 6: UTF-8
	{"6.2.1 valid", frame(text, kappa), "text " + kappa},
	{"6.2.3 a character in two fragments", frame(1, kappa[:1]) + frame(last, kappa[1:]), "text " + kappa},
	{"6.3.1 surrogate", frame(text, kappa+"\xed\xa0\x80edited"), "close 1007"},
	{"6.4.1 bad in the first fragment", frame(1, kappa+"\xf4\x90\x80\x80") + frame(last, "x"), "close 1007"},
	{"6.6.1 cut off", frame(text, "\xce"), "close 1007"},
	{"6.8 overlong", frame(text, "\xc0\x80"), "close 1007"},
	{"6.9 beyond U+10FFFF", frame(text, "\xf7\xbf\xbf\xbf"), "close 1007"},
	{"6.21 noncharacter", frame(text, "\xef\xbf\xbe"), "text \xef\xbf\xbe"},
	// 7: closing
	{"7.1.1 text, then close", frame(text, "a") + frame(closed, code(1000, "")), "text a|close 1000"},
	{"7.1.2 two closes", frame(closed, code(1000, "")) + frame(closed, code(1000, "")), "close 1000"},
	{"7.1.3 ping after close", frame(closed, code(1000, "")) + frame(ping, ""), "close 1000"},
	{"7.1.4 text after close", frame(closed, code(1000, "")) + frame(text, "x"), "close 1000"},
	{"7.1.5 close within a message", frame(1, "a") + frame(closed, code(1000, "")) + frame(last, "b"), "close 1000"},
	{"7.1.6 a large message, then close and ping", frame(1, strings.Repeat("*", 32<<10)) + frame(last, strings.Repeat("*", 32<<10)) + frame(closed, code(1000, "")) + frame(ping, ""), "text ****...65536|close 1000"},
	{"7.3.1 close without payload", frame(closed, ""), "close"},
	{"7.3.2 close of one byte", frame(closed, "a"), "close 1002"},
	{"7.3.4 close with reason", frame(closed, code(1000, "Hello World!")), "close 1000"},
	{"7.3.5 reason of 123 bytes", frame(closed, code(1000, strings.Repeat("*", 123))), "close 1000"},
	{"7.3.6 reason of 124 bytes", frame(closed, code(1000, strings.Repeat("*", 124))), "close 1002"},
	{"7.5.1 reason that is no UTF-8", frame(closed, code(1000, "\xce\xba\xed\xa0\x80")), "close 1007"},
	{"7.7.3 code 1003", frame(closed, code(1003, "")), "close 1003"},
	{"7.7.9 code 1011", frame(closed, code(1011, "")), "close 1011"},
	{"7.7.10 code 3000", frame(closed, code(3000, "")), "close 3000"},
	{"7.7.13 code 4999", frame(closed, code(4999, "")), "close 4999"},
	{"7.9.1 code 0", frame(closed, code(0, "")), "close 1002"},
	{"7.9.2 code 999", frame(closed, code(999, "")), "close 1002"},
	{"7.9.3 code 1004", frame(closed, code(1004, "")), "close 1002"},
	{"7.9.4 code 1005", frame(closed, code(1005, "")), "close 1002"},
	{"7.9.5 code 1006", frame(closed, code(1006, "")), "close 1002"},
	{"7.9.6 code 1016", frame(closed, code(1016, "")), "close 1002"},
	{"7.9.9 code 2999", frame(closed, code(2999, "")), "close 1002"},
	{"7.13 code 5000", frame(closed, code(5000, "")), "close 1002"},
}

// Each case is sent whole, then byte by byte; after what does not close the
// connection the client closes it.
func TestFrames(t *testing.T) {
	for _, tt := range cases {
		for _, size := range []int{len(tt.send), 1} {
			if size == 1 && len(tt.send) > 1<<10 {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d", tt.name, size), func(t *testing.T) {
				s := start(t, websocket.Limits{})
				send, want := tt.send, tt.want+"|end"
				if !strings.Contains(tt.want, "close") {
					send, want = send+frame(closed, code(1000, "")), tt.want+"|close 1000|end"
				}
				go func() {
					for len(send) > 0 {
						n, err := io.WriteString(s.nc, send[:min(size, len(send))])
						if err != nil {
							return // the server has closed: what it said counts
						}
						send = send[n:]
					}
				}()
				if got := strings.Join(s.got(), "|"); got != want {
					t.Errorf("got %q, want %q", got, want)
				}
				s.nc.Close()
				<-s.done
			})
		}
	}
}

// What is bad leaves no goroutine and no connection behind, and a client that
// is lost is noticed.
func TestLost(t *testing.T) {
	for _, send := range []string{"", "\x81", "\x81\x85ab", frame(1, "a")} {
		s := start(t, websocket.Limits{})
		if _, err := io.WriteString(s.nc, send); err != nil {
			t.Fatal(err)
		}
		s.nc.Close()
		err := <-s.done
		if e, ok := err.(*websocket.CloseError); !ok || e.Code != websocket.CloseAbnormal {
			t.Errorf("after %q: %v, want 1006", send, err)
		}
	}
}
