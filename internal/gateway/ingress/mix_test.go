package ingress_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/gateway/ingress"
	"gatehouse/internal/upstream/upstreamtest"
)

// mixed answers like Echo, in one of many ways: whole, in pieces, chunked,
// large; and now and then it closes the connection or sends more than was asked
// for.
func mixed(c *upstreamtest.Conn) {
	for {
		r := c.Request()
		if r == nil {
			return
		}
		body, _ := io.ReadAll(r.Body)
		text := r.URL.Path + " " + string(body)
		head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(text))
		var ok bool
		switch rand.IntN(12) {
		case 0:
			ok = c.Send(head) && c.Send(text)
		case 1:
			ok = c.Send(head[:20]) && c.Send(head[20:]+text)
		case 2:
			ok = c.Send(fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(text), text))
		case 3:
			ok = c.Send(fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(text), text)) && c.Send("0\r\n\r\n")
		case 4:
			text += strings.Repeat(".", 100_000)
			ok = c.Send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(text), text))
		case 5:
			c.Send(head + text)
			return
		case 6:
			ok = c.Send(head+text) && c.Send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nunasked")
		case 7:
			c.Send("HTTP/1.1 200 OK\r\n\r\n" + text)
			return
		default:
			ok = c.Send(head + text)
		}
		if !ok {
			return
		}
	}
}

// TestMix: whatever backends and clients do beside it, an answer is that to its
// own request.
func TestMix(t *testing.T) {
	engines(t, func(t *testing.T, e ingress.Engine) {
		s := start(t, mode{engine: e}, forward(t, upstreamtest.New(t, mixed), time.Minute), ingress.Limits{})
		var wg sync.WaitGroup
		for client := range 16 {
			wg.Go(func() {
				failed := 0
				for i := range 100 {
					path := fmt.Sprintf("/%d/%d", client, i)
					method, send := http.MethodGet, ""
					if i%5 == 0 {
						method, send = http.MethodPut, strings.Repeat("b", rand.IntN(6000))
					}
					resp, body, err := s.do(t, method, path, strings.NewReader(send), nil)
					switch {
					case err != nil, resp.StatusCode == 502:
						failed++ // by what the backend did
					case strings.TrimRight(body, ".") != path+" "+send:
						t.Errorf("%s %s, %d bytes: answer %.60q", method, path, len(send), body)
					}
				}
				if failed > 30 {
					t.Errorf("%d of 100 requests failed", failed)
				}
			})
		}
		wg.Wait()
	})
}
