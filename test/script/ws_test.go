package script_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// A socket is a client's end of a WebSocket connection, frame by frame.
type socket struct {
	nc net.Conn
	r  *bufio.Reader
}

// cmdWS is a client of WebSocket APIs:
//
//	ws open [-on api|listen|tls] [-h 'Name: value']... NAME URL
//	ws send NAME TEXT
//	ws ping NAME TEXT
//	ws binary NAME TEXT
//	ws receive [-match] [-capture VARIABLE] NAME [TEXT]
//	ws close NAME [CODE REASON]
//	ws closed NAME CODE [REASON]
//	ws drop NAME
//
// What the handshake got is the answer for status, header and body.
func cmdWS(ts *testscript.TestScript, neg bool, args []string) {
	const text = "ws open|send|ping|binary|receive|close|closed|drop ..."
	usage(ts, neg, len(args) >= 2, text)
	w := worldOf(ts)
	if args[0] == "open" {
		w.openSocket(ts, args[1:])
		return
	}
	flags := flag.NewFlagSet("ws", flag.ContinueOnError)
	match := flags.Bool("match", false, "")
	capture := flags.String("capture", "", "")
	usage(ts, neg, flags.Parse(args[1:]) == nil && flags.NArg() > 0, text)
	rest := flags.Args()
	s := w.sockets[rest[0]]
	if s == nil {
		ts.Fatalf("there is no connection %s", rest[0])
	}
	arg := func(i int) string {
		if i < len(rest) {
			return rest[i]
		}
		return ""
	}
	ts.Check(s.nc.SetDeadline(time.Now().Add(requestTime)))
	switch args[0] {
	case "send":
		ts.Check(s.write(1, []byte(arg(1))))
	case "binary":
		ts.Check(s.write(2, []byte(arg(1))))
	case "ping":
		ts.Check(s.write(9, []byte(arg(1))))
		s.expect(ts, 10, arg(1))
	case "receive":
		got := s.receive(ts)
		if *capture != "" {
			ts.Setenv(*capture, got)
		}
		if len(rest) > 1 && (*match && !regexp.MustCompile(arg(1)).MatchString(got) || !*match && got != arg(1)) {
			ts.Fatalf("received %q, want %q", got, arg(1))
		}
	case "close":
		var payload []byte
		if len(rest) > 1 {
			code, err := strconv.Atoi(arg(1))
			ts.Check(err)
			payload = append(binary.BigEndian.AppendUint16(nil, uint16(code)), arg(2)...)
		}
		ts.Check(s.write(8, payload))
		s.expect(ts, 8, string(payload))
		ts.Check(s.nc.Close())
	case "closed":
		code, err := strconv.Atoi(arg(1))
		ts.Check(err)
		s.expect(ts, 8, string(binary.BigEndian.AppendUint16(nil, uint16(code)))+arg(2))
		ts.Check(s.nc.Close())
	case "drop":
		ts.Check(s.nc.Close())
	default:
		usage(ts, neg, false, text)
	}
}

// openSocket makes a handshake.
func (w *world) openSocket(ts *testscript.TestScript, args []string) {
	flags := flag.NewFlagSet("ws open", flag.ContinueOnError)
	on := flags.String("on", "listen", "")
	var lines headers
	flags.Var(&lines, "h", "")
	usage(ts, false, flags.Parse(args) == nil && flags.NArg() == 2, "ws open [-on api|listen|tls] [-h 'Name: value']... NAME URL")
	nc, err := net.Dial("tcp", map[string]string{"api": w.server.API, "listen": w.server.Listen, "tls": w.server.ListenTLS}[*on])
	ts.Check(err)
	if *on == "tls" {
		nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}) // the script made the certificate
	}
	w.cancels = append(w.cancels, func() { _ = nc.Close() })
	ts.Check(nc.SetDeadline(time.Now().Add(requestTime)))
	req, err := http.NewRequest("GET", strings.Replace(flags.Arg(1), "ws", "http", 1), nil)
	ts.Check(err)
	for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
		req.Header[name] = []string{value}
	}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		req.Header[name] = append(req.Header[name], strings.TrimSpace(value))
	}
	ts.Check(req.Write(nc))
	r := bufio.NewReader(nc)
	resp, err := http.ReadResponse(r, req)
	ts.Check(err)
	w.answer = answer{status: resp.StatusCode, header: resp.Header}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		w.answer.body, err = io.ReadAll(resp.Body)
		ts.Check(err)
		ts.Logf("%d %s", resp.StatusCode, w.answer.body)
		return
	}
	if w.sockets == nil {
		w.sockets = map[string]*socket{}
	}
	w.sockets[flags.Arg(0)] = &socket{nc, r}
}

// write writes a masked frame.
func (s *socket) write(op byte, payload []byte) error {
	b := []byte{0x80 | op}
	switch n := len(payload); {
	case n <= 125:
		b = append(b, 0x80|byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	mask := [4]byte{1, 2, 3, 4}
	b = append(b, mask[:]...)
	for i, c := range payload {
		b = append(b, c^mask[i&3])
	}
	_, err := s.nc.Write(b)
	return err
}

// read reads a frame.
func (s *socket) read() (final bool, op byte, payload []byte, err error) {
	var head [2]byte
	if _, err = io.ReadFull(s.r, head[:]); err != nil {
		return false, 0, nil, err
	}
	n := uint64(head[1])
	var long [8]byte
	switch n {
	case 126:
		_, err = io.ReadFull(s.r, long[6:])
		n = binary.BigEndian.Uint64(long[:])
	case 127:
		_, err = io.ReadFull(s.r, long[:])
		n = binary.BigEndian.Uint64(long[:])
	}
	if err == nil && n > 1<<20 {
		err = errors.New("the frame is masked or too large")
	}
	if err != nil {
		return false, 0, nil, err
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(s.r, payload)
	return head[0]&0x80 != 0, head[0] & 0x7f, payload, err
}

// receive reads a message.
func (s *socket) receive(ts *testscript.TestScript) string {
	var message bytes.Buffer
	for first := true; ; first = false {
		final, op, payload, err := s.read()
		ts.Check(err)
		if first && op != 1 || !first && op != 0 {
			ts.Fatalf("received a frame of opcode %d: %q", op, payload)
		}
		message.Write(payload)
		if final {
			ts.Logf("%s", message.String())
			return message.String()
		}
	}
}

// expect reads one frame, which must be this one.
func (s *socket) expect(ts *testscript.TestScript, op byte, payload string) {
	final, gotOp, got, err := s.read()
	ts.Check(err)
	if want := fmt.Sprintf("true %d %q", op, payload); fmt.Sprintf("%v %d %q", final, gotOp, got) != want {
		ts.Fatalf("received frame %v %d %q, want %s", final, gotOp, got, want)
	}
}
