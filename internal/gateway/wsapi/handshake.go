package wsapi

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/gateway"
	"gatehouse/internal/websocket"
	"gatehouse/internal/wire"
)

// An Upgrade is the first step of a handshake: it refuses what is no request
// for a connection, and gives the connection its id.
type Upgrade struct{ Hub *Hub }

var (
	upgradeRequired = &gateway.Fault{Type: gateway.Default4XX, Status: http.StatusUpgradeRequired, Message: "Upgrade Required"}
	badHandshake    = &gateway.Fault{Type: gateway.Default4XX, Status: http.StatusBadRequest, Message: "Bad Request"}
	noRoom          = gateway.NewFault(gateway.Throttled, errors.New("no more connections fit on this node"))
)

// Do fills in x.Socket.
//
// AWS: websocket-execution.md §1; that a version or key that is none gets 400 is
// RFC 6455's, and that Authorization may stand there once only is captured.
func (u *Upgrade) Do(_ context.Context, x *gateway.Exchange) error {
	h := &x.MethodRequest.Header
	if x.MethodRequest.Method != http.MethodGet || !strings.EqualFold(x.Vars.Upgrade, wire.SwitchProtocol) || x.MethodRequest.HTTP10 {
		return upgradeRequired
	}
	x.Socket = &gateway.Socket{Event: gateway.SocketConnect, ConnectionID: newID(u.Hub.opt.Node), ConnectedAt: x.Vars.Start}
	if h.Get("Sec-WebSocket-Version") != "13" || !websocket.ValidKey(h.Get("Sec-WebSocket-Key")) || len(h.Values("Authorization")) > 1 {
		return badHandshake
	}
	return nil
}

// An Accept is the last step of a handshake: it lets the client in, unless the
// integration of $connect has answered otherwise.
type Accept struct{ Hub *Hub }

// Do makes the response switch to WebSocket.
//
// AWS: websocket-execution.md §1: 2xx lets in, with the headers of the answer;
// all else is the client's answer.
func (a *Accept) Do(_ context.Context, x *gateway.Exchange) error {
	r := &x.MethodResponse
	if r.Status != 0 && (r.Status < 200 || r.Status > 299) {
		return nil
	}
	if r.Status == 0 { // nobody was asked
		r.Header.Fields = r.Header.Fields[:0]
	}
	c := &conn{
		hub: a.Hub, id: x.Socket.ConnectionID, connectedAt: x.Socket.ConnectedAt, auth: x.Authorization,
		api: x.Stage.API, stage: x.Stage.Name, domain: strings.Clone(x.Vars.Domain), agent: strings.Clone(x.Vars.UserAgent), key: strings.Clone(x.Vars.APIKey),
		recorded: x.AskedRecording, open: make(chan struct{}),
	}
	if x.Peer != nil {
		c.peer = *x.Peer
	}
	var err error
	if c.topics, err = parseTopics(r.Header.Values(TopicsHeader)); err != nil {
		return err
	}
	if !a.Hub.add(c) {
		return noRoom
	}
	r.Status, r.Ready, r.Body = http.StatusSwitchingProtocols, time.Now(), wire.Body{}
	accept := wire.Field{Name: "Sec-WebSocket-Accept", Value: websocket.Accept(x.MethodRequest.Header.Get("Sec-WebSocket-Key"))}
	r.Header.Fields = slices.DeleteFunc(r.Header.Fields, func(f wire.Field) bool {
		return strings.EqualFold(f.Name, accept.Name) || strings.EqualFold(f.Name, TopicsHeader) || strings.EqualFold(f.Name, "Sec-WebSocket-Extensions") || f.ID == wire.HeaderContentType
	})
	r.Header.Fields = slices.Insert(r.Header.Fields, 0, accept)
	cfg := &a.Hub.plain
	if a.Hub.opt.Deflate {
		if ext := websocket.AcceptDeflate(x.MethodRequest.Header.Values("Sec-WebSocket-Extensions")); ext != "" {
			cfg = &a.Hub.deflate
			r.Header.Fields = append(r.Header.Fields, wire.Field{Name: "Sec-WebSocket-Extensions", Value: ext})
		}
	}
	r.Switch = func(nc net.Conn, read []byte) { c.serve(nc, read, cfg) }
	return nil
}
