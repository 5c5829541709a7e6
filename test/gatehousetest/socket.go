package gatehousetest

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// A Socket is a client's end of a WebSocket connection, with no more memory than
// it needs.
type Socket struct {
	net.Conn
	Head string // of the answer to the handshake
}

// DialSocket connects to a stage of a WebSocket API: addr is the data plane,
// path what follows it, source the loopback address to come from, perhaps
// empty. It fails unless the answer is 101.
func DialSocket(addr, path, source string) (*Socket, error) {
	d := net.Dialer{Timeout: callTime}
	if source != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(source)}
	}
	nc, err := d.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	s := &Socket{Conn: nc}
	if err := s.shake(path); err != nil {
		_ = nc.Close() // it is of no use
		return nil, err
	}
	return s, nil
}

func (s *Socket) shake(path string) error {
	if err := s.SetDeadline(time.Now().Add(callTime)); err != nil {
		return err
	}
	_, err := io.WriteString(s.Conn, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	if err != nil {
		return err
	}
	var head strings.Builder
	buf := make([]byte, 1)
	for !strings.HasSuffix(head.String(), "\r\n\r\n") { // what follows is a frame
		if _, err := s.Read(buf); err != nil {
			return err
		}
		head.Write(buf)
	}
	if s.Head = head.String(); !strings.HasPrefix(s.Head, "HTTP/1.1 101 ") {
		return fmt.Errorf("handshake: %s", s.Head)
	}
	return s.SetDeadline(time.Time{})
}

// AppendFrame appends a client's frame whose first byte is given.
func AppendFrame(dst []byte, first byte, payload string) []byte {
	switch n := len(payload); {
	case n <= 125:
		dst = append(dst, first, 0x80|byte(n))
	case n <= 0xffff:
		dst = binary.BigEndian.AppendUint16(append(dst, first, 0x80|126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, first, 0x80|127), uint64(n))
	}
	mask := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	dst = append(dst, mask[:]...)
	for i := range len(payload) {
		dst = append(dst, payload[i]^mask[i&3])
	}
	return dst
}

// Send sends a text message.
func (s *Socket) Send(text string) error {
	_, err := s.Write(AppendFrame(nil, 0x81, text))
	return err
}

// Receive returns the first byte and the payload of the next frame.
func Receive(r *bufio.Reader) (first byte, payload string, err error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, "", err
	}
	n := uint64(head[1])
	var long [8]byte
	switch n {
	case 126:
		_, err = io.ReadFull(r, long[6:])
		n = binary.BigEndian.Uint64(long[:])
	case 127:
		_, err = io.ReadFull(r, long[:])
		n = binary.BigEndian.Uint64(long[:])
	}
	if err != nil || n > 1<<20 {
		return 0, "", fmt.Errorf("a frame of %d bytes: %w", n, err)
	}
	b := make([]byte, n)
	_, err = io.ReadFull(r, b)
	return head[0], string(b), err
}

// A SocketAPI is a WebSocket API that is being made.
type SocketAPI struct {
	ID string
	c  *Client
}

// NewSocketAPI makes a WebSocket API whose messages are routed by their member
// "to".
func (c *Client) NewSocketAPI() (*SocketAPI, error) {
	var out struct{ ApiId string }
	err := c.post("/v2/apis", map[string]any{"name": "sockets", "protocolType": "WEBSOCKET", "routeSelectionExpression": "$request.body.to"}, &out)
	return &SocketAPI{out.ApiId, c}, err
}

// Route adds a route to an integration, and has it answer if twoWay is set. The
// integration responses are by key.
func (a *SocketAPI) Route(key string, integration map[string]any, responses map[string]map[string]any, twoWay bool) error {
	base := "/v2/apis/" + a.ID
	var made struct{ IntegrationId, RouteId string }
	if err := a.c.post(base+"/integrations", integration, &made); err != nil {
		return err
	}
	for key, r := range responses {
		r["integrationResponseKey"] = key
		if err := a.c.post(base+"/integrations/"+made.IntegrationId+"/integrationresponses", r, nil); err != nil {
			return err
		}
	}
	if err := a.c.post(base+"/routes", map[string]any{"routeKey": key, "target": "integrations/" + made.IntegrationId}, &made); err != nil || !twoWay {
		return err
	}
	return a.c.post(base+"/routes/"+made.RouteId+"/routeresponses", map[string]any{"routeResponseKey": "$default"}, nil)
}

// Deploy makes the stage "s" and returns the path that leads to it.
func (a *SocketAPI) Deploy() (string, error) {
	err := a.c.post("/v2/apis/"+a.ID+"/stages", map[string]any{"stageName": "s", "autoDeploy": true}, nil)
	return "/_aws/execute-api/" + a.ID + "/s", err
}

func (c *Client) post(path string, in, out any) error {
	return c.Call(context.Background(), http.MethodPost, path, in, out)
}
