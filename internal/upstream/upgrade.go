package upstream

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/wire"
)

// webSocketIdle is how long a passed-through connection may be silent in both
// directions.
const webSocketIdle = 10 * time.Minute

// upgrades tells whether req asks for WebSocket, and c's endpoints speak it.
func (c *Cluster) upgrades(req *wire.Request) bool {
	return req.Upgrade != "" && req.Method == http.MethodGet && c.member != nil && strings.EqualFold(req.Upgrade, wire.SwitchProtocol) && c.member.group.config().def.WebSocket
}

// upgrade asks the endpoint for WebSocket, over a connection of its own. If the
// endpoint agrees, resp.Switch joins that to the client's. The request lasts as long. The
// endpoint must answer by until; deadline is for the rest of an answer that refuses.
func (c *Cluster) upgrade(ctx context.Context, req *wire.Request, resp *wire.Response, until, deadline time.Time) error {
	cn, err := c.pool.take(ctx, until)
	if err != nil {
		c.over()
		return err
	}
	if cn != nil {
		_ = cn.Close() // its permission is what counts
	}
	nc, err := c.connect(ctx, until)
	if err == nil && c.introduces() {
		err = introduce(nc, c.member.group.config().def.ProxyProtocol, req.Peer, until)
	}
	if err != nil {
		c.release()
		return err
	}
	began := monotonic()
	answer, rest, err := shakeHands(nc, req, until)
	if err != nil {
		_ = nc.Close()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = wire.ErrTimeout
		}
		return c.ended(err)
	}
	took := max(monotonic()-began, 1)
	c.member.answered(answer.StatusCode, took, monotonic())
	if t := c.siblings.track; t != nil {
		t.note(answer.StatusCode >= 500, took)
	}
	resp.Reset()
	resp.Status = answer.StatusCode
	for name, values := range answer.Header {
		for _, v := range values {
			resp.Header.Add(name, v)
		}
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		_ = nc.SetDeadline(deadline)
		resp.Header.DelID(wire.HeaderContentLength)
		r := &refusal{c: c, nc: nc, answer: answer}
		if answer.Body == http.NoBody {
			return r.Close()
		}
		resp.Body = wire.Body{Source: r, Length: answer.ContentLength}
		return nil
	}
	_ = nc.SetDeadline(time.Time{}) // fails only on a closed connection
	resp.Switch = func(client net.Conn, read []byte) {
		if client == nil { // it is lost
			_ = nc.Close()
			c.release()
			return
		}
		go func() {
			join(client, read, nc, rest)
			c.release()
		}()
	}
	return nil
}

// A refusal is the body of an answer that does not change to WebSocket. Its connection
// ends with it.
type refusal struct {
	c      *Cluster
	nc     net.Conn
	answer *http.Response
	over   bool
}

// Read implements io.Reader.
func (r *refusal) Read(p []byte) (int, error) {
	n, err := r.answer.Body.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = wire.ErrTimeout
	}
	return n, err
}

// Trailer implements wire.Source: there is none that anybody waits for.
func (*refusal) Trailer() *wire.Header { return nil }

// Close implements wire.Source.
func (r *refusal) Close() error {
	if r.over {
		return nil
	}
	r.over = true
	_ = r.nc.Close() // fails only on a closed connection
	r.c.release()
	return nil
}

// shakeHands sends the request and reads the head of the answer, and what came
// behind it.
func shakeHands(nc net.Conn, req *wire.Request, deadline time.Time) (*http.Response, []byte, error) {
	head, err := wire.AppendRequestHead(nil, req)
	if err != nil {
		return nil, nil, err
	}
	head = append(head[:len(head)-len("\r\n")], "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"...)
	_ = nc.SetDeadline(deadline) // fails only on a closed connection
	if _, err := nc.Write(head); err != nil {
		return nil, nil, err
	}
	br := bufio.NewReader(nc)
	answer, err := http.ReadResponse(br, &http.Request{Method: req.Method})
	if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
		return answer, nil, err
	}
	rest, _ := br.Peek(br.Buffered()) // they are there
	return answer, append([]byte(nil), rest...), nil
}

// join passes on what comes on each of two connections to the other, until one of
// them ends or both are silent for too long. It closes both.
func join(a net.Conn, fromA []byte, b net.Conn, fromB []byte) {
	var last atomic.Int64
	last.Store(monotonic())
	var wg sync.WaitGroup
	pass := func(to net.Conn, first []byte, from net.Conn) {
		defer to.Close()   //nolint:errcheck // nothing more is said
		defer from.Close() //nolint:errcheck // likewise
		if _, err := to.Write(first); err != nil {
			return
		}
		buf := make([]byte, 16<<10)
		for {
			_ = from.SetReadDeadline(time.Now().Add(webSocketIdle)) // fails only on a closed connection
			n, err := from.Read(buf)
			if n > 0 {
				last.Store(monotonic())
				_ = to.SetWriteDeadline(time.Now().Add(webSocketIdle))
				if _, err := to.Write(buf[:n]); err != nil {
					return
				}
			}
			if errors.Is(err, os.ErrDeadlineExceeded) && monotonic()-last.Load() < int64(webSocketIdle) {
				continue // the other direction is in use
			}
			if err != nil {
				return
			}
		}
	}
	wg.Go(func() { pass(b, fromA, a) })
	pass(a, fromB, b)
	wg.Wait()
}
