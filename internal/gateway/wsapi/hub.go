// Package wsapi serves WebSocket APIs: their handshakes, the messages of their
// connections, and what is asked about connections through @connections.
//
// A [Hub] holds the connections of this node. [Upgrade] and [Accept] are the
// first and the last step of a handshake; between them stand authorizer and
// $connect. What happens on a connection then is an exchange of its own each
// time, with the plan that its route has at that moment.
package wsapi

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"gatehouse/internal/gateway"
	"gatehouse/internal/websocket"
)

// Options are the settings of a [Hub]. The zero value is ready to use.
type Options struct {
	Limits websocket.Limits
	// Conns bounds the connections of this node; 0: 65,536. A handshake beyond
	// it is refused with 429.
	Conns int
	Node  uint16 // of a fleet; part of the ids of connections
	// Deflate offers permessage-deflate to clients who want it, which AWS does not.
	Deflate bool
	Log     *slog.Logger // nil: slog.Default()
}

// A Hub holds the connections of this node.
type Hub struct {
	gw  *gateway.Gateway
	opt Options

	plain, deflate websocket.Config // of connections, without and with permessage-deflate

	mu     sync.Mutex // guards the fields below; never held while calling out
	conns  map[string]*conn
	topics map[topicKey]*topic
	closed bool
	empty  chan struct{} // closed when the last connection ends; nil: nobody waits
	live   int           // those in conns, and those whose $disconnect runs

	heir     Heir // nil: no other process takes the connections
	heirTime time.Duration
	bequests int                // how many heirs there were
	passed   map[string]*Legacy // to heir
	serving  map[string]*conn   // that the process before is serving a message of
	arrival  chan struct{}      // closed when a connection comes from the process before; nil: none will

	passing sync.RWMutex // held to pass a connection on, read-held to change a topic or send to it
	telling sync.Mutex   // held while the parts of a message are told
	parts   []byte       // of a message from the process before; of who calls Hear
}

// New returns a hub for the connections to gw's stages.
func New(gw *gateway.Gateway, opt Options) *Hub {
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	if opt.Conns == 0 {
		opt.Conns = 65_536
	}
	opt.Limits.SetDefaults()
	poller, err := websocket.NewPoller()
	if err != nil {
		opt.Log.Debug("idle connections take a goroutine each", "error", err)
		poller = nil
	}
	h := &Hub{gw: gw, opt: opt, conns: make(map[string]*conn), topics: make(map[topicKey]*topic), passed: make(map[string]*Legacy), serving: make(map[string]*conn)}
	h.plain = websocket.Config{Limits: opt.Limits, Poller: poller}
	h.deflate = h.plain
	h.deflate.Deflate = true
	return h
}

// Run returns when ctx has ended, all connections were closed and what they
// caused is done.
//
// AWS: websocket-execution.md §7: 1012.
func (h *Hub) Run(ctx context.Context) error {
	var watch sync.WaitGroup
	if h.plain.Poller != nil {
		watch.Go(h.plain.Poller.Run)
	}
	<-ctx.Done()
	if to, within, _ := h.bequest(); to != nil {
		h.bequeathRest(within)
	}
	conns, empty := h.close()
	for _, c := range conns {
		c.closeSoon(websocket.CloseRestart, restart)
	}
	<-empty
	if h.plain.Poller != nil {
		h.plain.Poller.Close()
	}
	watch.Wait()
	return nil
}

// restart is the reason that the end of the node is given.
const restart = "Service restart"

// goingAway is the reason that the end of a stage is given.
const goingAway = "Going away"

// ending tells whether all connections are to end.
func (h *Hub) ending() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.closed
}

func (h *Hub) close() ([]*conn, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	list := make([]*conn, 0, len(h.conns))
	for _, c := range h.conns {
		list = append(list, c)
	}
	h.empty = make(chan struct{})
	if h.live == 0 {
		close(h.empty)
	}
	return list, h.empty
}

// add makes c one of the connections, if there is room.
func (h *Hub) add(c *conn) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || h.live >= h.opt.Conns {
		return false
	}
	h.conns[c.id] = c
	h.live++
	for _, name := range c.topics {
		h.enterLocked(c, name)
	}
	return true
}

// drop takes c out: from now on it is gone.
func (h *Hub) drop(c *conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dropLocked(c)
}

func (h *Hub) dropLocked(c *conn) {
	if h.conns[c.id] != c {
		return // out already
	}
	delete(h.conns, c.id)
	for _, name := range c.topics {
		h.leaveLocked(c, name)
	}
	c.topics = nil
}

// ended notes that nothing of a connection is left.
func (h *Hub) ended() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.live--; h.live == 0 && h.empty != nil {
		close(h.empty)
	}
}

// Conns returns the number of connections.
func (h *Hub) Conns() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.conns)
}

// Retain closes the connections to stages that served does not know. They are
// gone, and in no topic, for whoever asks next. One whose handshake is not
// through sees by itself that its stage is not there.
//
// AWS: the code is undocumented: as for all that AWS ends.
func (h *Hub) Retain(served func(api, stage string) bool) {
	var gone []*conn
	h.mu.Lock()
	for _, c := range h.conns {
		if c.isOpen() && !served(c.api, c.stage) {
			gone = append(gone, c)
			h.dropLocked(c)
		}
	}
	h.mu.Unlock()
	for _, c := range gone {
		c.closeSoon(websocket.CloseGoingAway, goingAway)
	}
}

// Conditions that who asks about a connection acts on.
var (
	// ErrGone: there is no such connection.
	ErrGone = errors.New("connection is gone")
	// ErrBusy: the client does not take what is sent, and too many wait.
	ErrBusy = errors.New("too much is being sent to the connection")
)

// A Connection is what is known of one.
type Connection struct {
	ConnectedAt, LastActive time.Time
	SourceIP, UserAgent     string
}

// find returns an API's connection: the one that is here, or what passed to another
// process.
func (h *Hub) find(api, id string) (*conn, *Legacy, error) {
	c, l := h.awaitArrival(api, id)
	if l == nil && (c == nil || !c.opened()) {
		return nil, nil, ErrGone
	}
	return c, l, nil
}

// lookup returns an API's connection as find does, and what is closed when another
// has come; nil: none will.
func (h *Hub) lookup(api, id string) (c *conn, l *Legacy, arrival <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c, l = h.lookupLocked(api, id)
	return c, l, h.arrival
}

// lookupLocked is lookup. One that has just passed on is not here any more.
func (h *Hub) lookupLocked(api, id string) (*conn, *Legacy) {
	if l := h.passed[id]; l != nil && l.API == api {
		return nil, l
	}
	if c := h.conns[id]; c != nil && c.api == api {
		return c, nil
	}
	return nil, nil
}

// Post sends a message to a connection of an API. What is not UTF-8 must have
// been replaced.
func (h *Hub) Post(api, id string, message []byte) error {
	c, l, err := h.find(api, id)
	switch {
	case err != nil:
		return err
	case l != nil:
		return h.tellMessage(Word{API: api, ID: id}, message)
	}
	switch err := c.writeText(message); {
	case errors.Is(err, websocket.ErrBusy):
		return ErrBusy
	case err != nil:
		return ErrGone
	}
	return nil
}

// Get tells what is known of a connection.
func (h *Hub) Get(api, id string) (Connection, error) {
	c, l, err := h.find(api, id)
	switch {
	case err != nil:
		return Connection{}, err
	case l != nil:
		return Connection{l.ConnectedAt, l.State.Active, l.Peer.Addr.Addr().Unmap().String(), l.Agent}, nil
	}
	return Connection{c.connectedAt, c.ws.Active(), c.peer.Addr.Addr().Unmap().String(), c.agent}, nil
}

// deleted is the reason that a connection is given which somebody closes.
const deleted = "Connection Closed Normally"

// Delete closes a connection.
//
// AWS: websocket-execution.md §9, to the letter.
func (h *Hub) Delete(api, id string) error {
	c, l, err := h.find(api, id)
	if err != nil {
		return err
	}
	if l == nil {
		h.drop(c) // it is gone for whoever asks next
		c.ws.Close(websocket.CloseNormal, deleted)
		if !c.ws.Given() {
			return nil
		}
	}
	return h.tell(&Word{API: api, ID: id, Close: true})
}
