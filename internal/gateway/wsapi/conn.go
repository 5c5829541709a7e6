package wsapi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"gatehouse/internal/gateway"
	"gatehouse/internal/websocket"
	"gatehouse/internal/wire"
)

// A conn is one connection. All but ws, topics and refused is set before anybody
// else sees it.
type conn struct {
	hub         *Hub
	id          string
	api, stage  string
	domain      string
	agent       string
	key         string // the API key of the handshake
	peer        wire.Peer
	connectedAt time.Time
	auth        *gateway.Authorization // what the authorizer said; nil: there was none
	recorded    bool                   // the client has asked for recordings of its events

	open chan struct{}   // closed when ws may be used, or it is known that it never will
	ws   *websocket.Conn // nil: the client was lost before

	topics []string // that it is in; hub.mu guards them

	refused int // which heir did not take it, counted from 1; hub.passing guards it
}

var _ websocket.Handler = (*conn)(nil)

// openTime bounds how long somebody waits for a connection that was let in but
// whose client has not got the answer yet.
const openTime = 5 * time.Second

// opened waits until the connection is open.
func (c *conn) opened() bool {
	select {
	case <-c.open:
		return c.ws != nil
	default:
	}
	t := time.NewTimer(openTime)
	defer t.Stop()
	select {
	case <-c.open:
		return c.ws != nil
	case <-t.C:
		return false
	}
}

// closeSoon closes the connection without waiting for its client.
func (c *conn) closeSoon(code int, reason string) {
	if c.isOpen() { // else its handshake is not through: serve will see it
		c.ws.CloseSoon(code, reason)
	}
}

// serve has the connection served. Without nc the client was lost before it
// began.
func (c *conn) serve(nc net.Conn, read []byte, cfg *websocket.Config) {
	h := c.hub
	if nc == nil {
		close(c.open)
		c.Ended(&websocket.CloseError{Code: websocket.CloseAbnormal, Reason: "Connection closed abnormally"})
		return
	}
	c.ws = websocket.NewConn(nc, read, cfg)
	close(c.open)
	switch { // what closed the others has not seen this one
	case h.ending():
		c.ws.CloseSoon(websocket.CloseRestart, restart)
	case c.stageOf(h.gw.Table()) == nil:
		c.ws.CloseSoon(websocket.CloseGoingAway, goingAway)
	}
	c.ws.Serve(c)
}

// Message serves a message.
func (c *conn) Message(message []byte) {
	c.event(&gateway.Socket{Event: gateway.SocketMessage, MessageID: newMessageID(c.id)}, message)
}

// Ended tells the API that the connection has ended.
func (c *conn) Ended(end *websocket.CloseError) {
	defer c.hub.ended()
	c.hub.drop(c)
	reason := end.Reason
	if end.Code == websocket.CloseNoStatus {
		reason = "Client-side close frame status not set" // AWS: websocket-execution.md §3
	}
	c.event(&gateway.Socket{Event: gateway.SocketDisconnect, CloseCode: end.Code, CloseReason: reason}, nil)
}

var exchanges = sync.Pool{New: func() any { return new(gateway.Exchange) }}

// event serves one event as an exchange. Nobody can give it up: integrations
// have time-outs of their own.
func (c *conn) event(s *gateway.Socket, message []byte) {
	defer c.recover()
	s.ConnectionID, s.ConnectedAt, s.Recorded = c.id, c.connectedAt, c.recorded
	t := c.hub.gw.Table()
	st := c.stageOf(t)
	if st == nil {
		// AWS: undocumented: nobody is left to serve it.
		if c.ws != nil {
			c.ws.Close(websocket.CloseGoingAway, goingAway)
		}
		return
	}
	rt := st.Socket.Disconnect
	if s.Event == gateway.SocketMessage {
		rt = st.Socket.RouteOf(message)
	}
	x := exchanges.Get().(*gateway.Exchange)
	x.Peer, x.Authorization = &c.peer, c.auth
	plan := c.hub.gw.BeginEvent(x, t, st, rt, s)
	x.Vars.Domain, x.Vars.UserAgent, x.Vars.APIKey = c.domain, c.agent, c.key
	x.MethodRequest.Method, x.MethodRequest.Host = "POST", c.domain
	x.Vars.HTTPMethod = "POST"
	if s.Event == gateway.SocketMessage {
		x.Vars.ContentType = "application/json"
	}
	x.MethodRequest.Body = wire.Body{Bytes: message, Length: int64(len(message))}
	plan.Run(context.Background(), x)
	sent := wire.Sent{At: time.Now(), Received: int64(len(message))}
	if s.Event == gateway.SocketMessage {
		c.reply(x, rt, &sent)
	}
	c.hub.gw.Finish(x, sent)
	exchanges.Put(x)
}

// Unrouted is the step that refuses a message which no route takes.
type Unrouted struct{}

// Do refuses it.
func (Unrouted) Do(context.Context, *gateway.Exchange) error { return noRoute }

var noRoute = gateway.NewFault(gateway.Forbidden, errors.New("no route has the message's key, and there is no $default"))

var _ gateway.Step = Unrouted{}

// reply sends what came of a message: an error, or the answer of a route that
// has one.
//
// AWS: websocket-execution.md §5: the body of any status; §6.
func (c *conn) reply(x *gateway.Exchange, rt *gateway.Route, sent *wire.Sent) {
	body := &x.MethodResponse.Body
	if x.Fault == nil && (!rt.Reply || len(body.Bytes) == 0) {
		return
	}
	text := body.Bytes
	if len(text) > c.hub.opt.Limits.Message { // AWS: websocket-execution.md §7: of a message
		x.Fault = answerTooLarge
		x.AnswerFault(answerTooLarge)
		text = x.MethodResponse.Body.Bytes
	}
	if sent.Err = c.writeText(text); sent.Err == nil {
		sent.Body = int64(len(text))
	}
}

// writeText sends a message, wherever the connection is now.
func (c *conn) writeText(message []byte) error {
	err := c.ws.WriteText(message)
	if errors.Is(err, websocket.ErrClosed) && c.ws.Given() {
		return c.hub.tellMessage(Word{API: c.api, ID: c.id}, message)
	}
	return err
}

// stageOf returns the stage as t has it: connections are not pinned to what they
// began with.
//
// AWS: websocket-execution.md §11.
func (c *conn) stageOf(t *gateway.Table) *gateway.Stage {
	a := t.API(c.api)
	if a == nil || !a.Socket {
		return nil
	}
	if st := a.Stages[c.stage]; st != nil && st.Socket != nil {
		return st
	}
	return nil
}

// recover ends a connection whose event has panicked.
//
// AWS: websocket-execution.md §7: 1011.
func (c *conn) recover() {
	r := recover()
	if r == nil {
		return
	}
	c.hub.opt.Log.Error("panic while serving an event of a connection", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
	if c.ws != nil {
		c.ws.CloseSoon(websocket.CloseInternal, "Internal server error")
	}
}
