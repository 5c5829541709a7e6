package http2

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestWebSocketThrough: where a cluster lets clients change to WebSocket, what they and
// the endpoint say to each other is passed on, byte by byte; a refusal is passed on too.
func TestWebSocketThrough(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan bool, 1)
	srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/chat" || r.Header.Get("Upgrade") != "websocket" || r.Header.Get("Sec-Websocket-Key") != "dGhlIHNhbXBsZSBub25jZQ==" {
			http.Error(w, "not here", http.StatusForbidden)
			return
		}
		nc, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer nc.Close()
		_, _ = io.WriteString(nc, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nhello\n")
		for {
			line, err := rw.ReadString('\n')
			if err != nil {
				ended <- true
				return
			}
			_, _ = io.WriteString(nc, strings.ToUpper(line))
		}
	})}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	defer func() { _ = srv.Close(); <-served }()
	url := serveCluster(t, "{endpoints: [\""+ln.Addr().String()+"\"], websocket: true}")
	address, api, _ := strings.Cut(url, "#")
	dial := func(path string) (net.Conn, *bufio.Reader, *http.Response) {
		nc, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_ = nc.SetDeadline(time.Now().Add(time.Minute))
		// The first message is sent with the handshake.
		_, _ = io.WriteString(nc, "GET "+path+" HTTP/1.1\r\nHost: "+api+".execute-api.us-east-1.amazonaws.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\none\n")
		br := bufio.NewReader(nc)
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatal(err)
		}
		return nc, br, resp
	}
	nc, br, resp := dial("/chat")
	if resp.StatusCode != 101 || resp.Header.Get("Sec-Websocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" || !strings.EqualFold(resp.Header.Get("Upgrade"), "websocket") {
		t.Fatalf("answer %v", resp)
	}
	for i, want := range []string{"hello\n", "ONE\n", "TWO\n"} {
		if got, err := br.ReadString('\n'); got != want {
			t.Errorf("message %d: %q, %v; want %q", i, got, err, want)
		}
		if i == 1 {
			_, _ = io.WriteString(nc, "two\n")
		}
	}
	_ = nc.Close()
	<-ended
	nc, _, resp = dial("/elsewhere")
	defer nc.Close()
	if b, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusForbidden || string(b) != "not here\n" {
		t.Errorf("a refusal: %v %q", resp, b)
	}
}
