package wsapi

import (
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"syscall"
	"time"

	"gatehouse/internal/gateway"
	"gatehouse/internal/websocket"
	"gatehouse/internal/wire"
)

// A process whose place another takes gives it the connections of its hub: each
// as a [Legacy], with its descriptor. What the old process still has to say to one of
// them, or somebody asks it for, follows as a [Word].

// A Legacy is a connection that passes to another process.
type Legacy struct {
	ID, API, Stage     string
	Domain, Agent, Key string
	Peer               wire.Peer
	ConnectedAt        time.Time
	Auth               *gateway.Authorization
	Topics             []string
	Recorded           bool
	State              websocket.State
}

// A Word is about connections that were passed on: about one of them, or about a
// topic of an API.
type Word struct {
	ID         string `json:",omitempty"`
	API, Topic string `json:",omitempty"`

	Send  []byte `json:",omitempty"` // a message, or a part of it
	Rest  bool   `json:",omitempty"` // a part that goes on where the one before ended
	More  bool   `json:",omitempty"` // a part that another goes on with
	Close bool   `json:",omitempty"`
	Enter bool   `json:",omitempty"` // the topic
	Leave bool   `json:",omitempty"`
	// Served: the message was served that was being served when the connection
	// passed on.
	Served bool `json:",omitempty"`
}

// An Heir is the process that takes connections over.
type Heir interface {
	// Take passes a connection on.
	Take(l *Legacy, conn syscall.Conn) error
	Tell(w *Word) error
}

// maxPart bounds the part of a message in one word.
const maxPart = 64 << 10

// legacy is c as another process gets it, but for its state.
func (c *conn) legacy() *Legacy {
	return &Legacy{
		ID: c.id, API: c.api, Stage: c.stage, Domain: c.domain, Agent: c.agent, Key: c.key, Peer: c.peer,
		ConnectedAt: c.connectedAt, Auth: c.auth, Recorded: c.recorded,
	}
}

// Bequeath gives the connections to another process, those that are idle now, and
// has Run give those that become idle within a time once it ends, and close the
// others, one after another. What another process was given before has ended with it.
func (h *Hub) Bequeath(to Heir, within time.Duration) {
	h.mu.Lock()
	h.heir, h.heirTime = to, within
	h.bequests++
	clear(h.passed)
	h.mu.Unlock()
	h.giveAll()
}

// bequest is the process that takes the connections, nil if none does, for how long
// it is given some, and how many were chosen, this one included.
func (h *Hub) bequest() (to Heir, within time.Duration, n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.heir, h.heirTime, h.bequests
}

// giveAll gives away what can be, until one is refused: whoever is not there, or hangs,
// is not to be asked for each. It returns those it has met that never can be given.
func (h *Hub) giveAll() (never []*conn) {
	for _, c := range h.all() {
		if !c.isOpen() {
			continue
		}
		switch err := c.give(); {
		case err == nil, errors.Is(err, errBusy):
		case errors.Is(err, errStays):
			never = append(never, c)
		default:
			h.opt.Log.Error("a connection cannot pass to the process that takes over", "error", err)
			return append(never, c)
		}
	}
	return never
}

// all are the connections as they are now.
func (h *Hub) all() []*conn {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]*conn, 0, len(h.conns))
	for _, c := range h.conns {
		list = append(list, c)
	}
	return list
}

// Why a connection does not pass to another process.
var (
	errBusy  = errors.New("something is happening on the connection")
	errStays = errors.New("the connection cannot pass, or was refused before")
)

// give passes c to the process that takes the connections.
func (c *conn) give() error {
	h := c.hub
	h.passing.Lock()
	defer h.passing.Unlock()
	to, _, n := h.bequest()
	if !c.ws.Giveable() || c.refused == n {
		return errStays
	}
	l := c.legacy()
	var refused error
	take := func(sc syscall.Conn, s websocket.State) error {
		l.State, l.Topics = s, h.topicsOf(c)
		if refused = to.Take(l, sc); refused != nil {
			return refused
		}
		h.mu.Lock()
		h.passed[c.id] = l
		h.mu.Unlock()
		return nil
	}
	served := func() {
		_ = h.tell(&Word{ID: c.id, Served: true}) // else the process is gone, and c with it
		h.ended()
	}
	switch given := c.ws.Give(take, served); {
	case refused != nil:
		c.refused = n
		return refused
	case !given:
		return errBusy
	}
	h.drop(c)
	if !l.State.Serving {
		h.ended()
	}
	return nil
}

func (h *Hub) topicsOf(c *conn) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(c.topics)
}

// tell says something to the process that has the connections. If that is not
// reached, so are they.
func (h *Hub) tell(w *Word) error {
	to, _, _ := h.bequest()
	if err := to.Tell(w); err != nil {
		h.opt.Log.Error("the process that has the connections is not reached", "error", err)
		return ErrGone
	}
	return nil
}

// tellMessage says a message, in parts, which stay together. It is not said to its
// end if a part is lost.
func (h *Hub) tellMessage(w Word, message []byte) error {
	h.telling.Lock()
	defer h.telling.Unlock()
	for w.More = true; w.More; w.Rest = true {
		w.Send = message[:min(len(message), maxPart)]
		message = message[len(w.Send):]
		w.More = len(message) > 0
		if err := h.tell(&w); err != nil {
			return err
		}
	}
	return nil
}

// givePause is how often Run looks for connections that have become idle.
const givePause = 20 * time.Millisecond

// bequeathRest gives away what becomes idle, until nothing is left or the time is
// over. What can never be given is closed, evenly over the time.
func (h *Hub) bequeathRest(within time.Duration) {
	begun := time.Now()
	tick := time.NewTicker(givePause)
	defer tick.Stop()
	for {
		never := h.giveAll()
		past := time.Since(begun)
		if h.Conns() == 0 || past >= within {
			return
		}
		share := float64(givePause) / float64(max(givePause, within-past))
		for _, c := range never[:int(math.Ceil(float64(len(never))*share))] {
			c.closeSoon(websocket.CloseRestart, restart)
		}
		<-tick.C
	}
}

// Inherit takes over a connection that another process has given away.
func (h *Hub) Inherit(l *Legacy, nc net.Conn) error {
	cfg := &h.plain
	if l.State.Deflate {
		cfg = &h.deflate
	}
	c := &conn{
		hub: h, id: l.ID, api: l.API, stage: l.Stage, domain: l.Domain, agent: l.Agent, key: l.Key, peer: l.Peer,
		connectedAt: l.ConnectedAt, auth: l.Auth, topics: l.Topics, recorded: l.Recorded, open: make(chan struct{}),
	}
	c.ws = websocket.Resume(nc, l.State, cfg)
	close(c.open)
	if !h.add(c) {
		c.ws.Refuse(websocket.CloseRestart, restart)
		return fmt.Errorf("connection %s of the process before: there are %d already", c.id, h.opt.Conns)
	}
	h.mu.Lock()
	if l.State.Serving {
		h.serving[c.id] = c
	}
	if h.arrival != nil {
		close(h.arrival)
		h.arrival = make(chan struct{})
	}
	h.mu.Unlock()
	c.ws.Serve(c)
	return nil
}

// Expect tells that a process before may still have connections. Who asks for one
// that is not here is kept waiting for a while.
func (h *Hub) Expect() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.arrival = make(chan struct{})
}

// lateTime is how long somebody waits for a connection that the process before may still
// have.
const lateTime = 2 * time.Second

// awaitArrival waits for a connection that the process before may still have.
func (h *Hub) awaitArrival(api, id string) (*conn, *Legacy) {
	c, l, arrival := h.lookup(api, id)
	if c != nil || l != nil || arrival == nil {
		return c, l
	}
	late := time.NewTimer(lateTime)
	defer late.Stop()
	for c == nil && l == nil && arrival != nil {
		select {
		case <-arrival:
		case <-late.C:
			return nil, nil
		}
		c, l, arrival = h.lookup(api, id)
	}
	return c, l
}

// Hear does what the process before says. It waits for no client: what is said next is
// about others.
func (h *Hub) Hear(w *Word) {
	if w.Served {
		h.served(w.ID)
		return
	}
	if !w.Close && !w.Enter && !w.Leave {
		h.hearMessage(w)
		return
	}
	c, _, _ := h.lookup(w.API, w.ID)
	switch {
	case c == nil: // it has ended meanwhile
	case w.Close:
		h.drop(c)
		c.ws.CloseSoon(websocket.CloseNormal, deleted)
	case w.Enter:
		_ = h.Subscribe(w.API, w.Topic, w.ID) // as above, or it is in too many
	case w.Leave:
		_ = h.Unsubscribe(w.API, w.Topic, w.ID) // as above
	}
}

// hearMessage sends a message once its last part is there. Other words may come
// between the parts; no other message does, unless the end of one was lost.
func (h *Hub) hearMessage(w *Word) {
	if !w.Rest {
		h.parts = nil
	}
	h.parts = append(h.parts, w.Send...)
	if w.More {
		return
	}
	message := h.parts
	h.parts = nil
	if w.ID == "" {
		h.Broadcast(w.API, w.Topic, message)
		return
	}
	if c, _, _ := h.lookup(w.API, w.ID); c != nil { // else it has ended meanwhile
		_ = c.ws.Offer(websocket.AppendText(nil, message, h.opt.Limits.Frame)) // as above
	}
}

// served goes on with a connection whose message was served elsewhere.
func (h *Hub) served(id string) {
	h.mu.Lock()
	c := h.serving[id]
	delete(h.serving, id)
	h.mu.Unlock()
	if c != nil {
		c.ws.Served()
	}
}

// Alone tells that the process before has ended: nothing is served there any more.
func (h *Hub) Alone() {
	h.mu.Lock()
	list := h.serving
	h.serving = make(map[string]*conn)
	if h.arrival != nil {
		close(h.arrival)
		h.arrival = nil
	}
	h.mu.Unlock()
	for _, c := range list {
		c.ws.Served()
	}
}
