package wsapi_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/wsapi"
	"gatehouse/internal/websocket"
)

// patience bounds what a test waits for.
const patience = time.Minute

// newHub returns a hub that runs until the test ends, or end is called.
func newHub(t *testing.T, opt wsapi.Options) (h *wsapi.Hub, end func()) {
	t.Helper()
	opt.Limits.Farewell = cmp.Or(opt.Limits.Farewell, 50*time.Millisecond)
	h = wsapi.New(&gateway.Gateway{}, opt)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	end = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(end)
	return h, end
}

// A client is a client's end of a connection.
type client struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

// connect has h hold a connection, as if another process had passed it on.
func connect(t *testing.T, h *wsapi.Hub, l *wsapi.Legacy) *client {
	t.Helper()
	c, nc := pair(t)
	if err := h.Inherit(l, nc); err != nil {
		t.Fatal(err)
	}
	return c
}

// pair returns the two ends of a connection.
func pair(t *testing.T) (*client, net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	nc, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return &client{t, c, bufio.NewReader(c)}, nc
}

// want reads a frame.
func (c *client) want(first byte, payload string) {
	c.t.Helper()
	var head [4]byte
	_, err := io.ReadFull(c.r, head[:2])
	n := int(head[1])
	if n == 126 && err == nil {
		_, err = io.ReadFull(c.r, head[2:])
		n = int(head[2])<<8 | int(head[3])
	}
	b := make([]byte, n)
	if err == nil {
		_, err = io.ReadFull(c.r, b)
	}
	if err != nil || head[0] != first || string(b) != payload {
		c.t.Errorf("got %x and %d bytes %.40q, %v; want %x and %d bytes %.40q", head[0], len(b), b, err, first, len(payload), payload)
	}
}

// state is that of a connection which was opened just now.
func state() websocket.State {
	now := time.Now()
	return websocket.State{Opened: now, Active: now}
}

// A link is an heir in the same process. What passes is written and read, as between
// processes.
type link struct {
	t      *testing.T
	to     *wsapi.Hub
	during func(id string) // called while a connection passes; nil: nothing is to be done

	mu    sync.Mutex // guards the fields below
	fails bool
	never string // the id of a connection that is not taken
	asked int    // to take that one
	taken int
	last  int // how many words are left until it fails; 0: it does not

	recorded []string // ids of connections whose events are to be recorded
}

var errFails = errors.New("fails")

func (k *link) Take(l *wsapi.Legacy, sc syscall.Conn) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if l.ID == k.never {
		k.asked++
		return errFails
	}
	if k.fails {
		return errFails
	}
	var other wsapi.Legacy
	copied(k.t, l, &other)
	if k.during != nil {
		k.during(l.ID)
	}
	f, err := sc.(*net.TCPConn).File()
	if err != nil {
		return err
	}
	defer f.Close()
	nc, err := net.FileConn(f)
	if err != nil {
		return err
	}
	k.taken++
	if other.Recorded {
		k.recorded = append(k.recorded, l.ID)
	}
	return k.to.Inherit(&other, nc)
}

func (k *link) Tell(w *wsapi.Word) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fails {
		return errFails
	}
	k.last--
	k.fails = k.last == 0
	var other wsapi.Word
	copied(k.t, w, &other)
	k.to.Hear(&other)
	return nil
}

func copied(t *testing.T, from, to any) {
	b, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(b, to)
	}
	if err != nil {
		t.Error(err)
	}
}

const (
	api   = "api"
	first = "AAAAAAAAAAAAAAAAAAA="
	other = "AAAAAAAAAAAAAAAAAAE="
)

// Connections pass to another hub with all that is known of them; what the hub before is asked for
// it has the other do.
func TestBequeath(t *testing.T) {
	before, endBefore := newHub(t, wsapi.Options{})
	after, _ := newHub(t, wsapi.Options{})
	at := time.Now().Add(-time.Minute).Round(time.Millisecond)
	auth := &gateway.Authorization{Values: []gateway.AuthorizerValue{{Name: "principalId", Value: "me"}}, Event: [2]string{"a", "b"}}
	a := connect(t, before, &wsapi.Legacy{ID: first, API: api, Stage: "s", Agent: "agent", ConnectedAt: at, Auth: auth, Topics: []string{"news"}, Recorded: true, State: state()})
	b := connect(t, before, &wsapi.Legacy{ID: other, API: api, Stage: "s", State: state()})
	k := &link{t: t, to: after, fails: true}
	before.Bequeath(k, time.Second)
	if n := before.Conns(); n != 2 {
		t.Fatalf("%d connections are left where the heir takes none", n)
	}
	k.fails = false
	after.Expect()
	before.Bequeath(k, patience)
	if before.Conns() != 0 || after.Conns() != 2 || k.taken != 2 || !slices.Equal(k.recorded, []string{first}) {
		t.Fatalf("%d connections here, %d there, %d taken, recorded are %q", before.Conns(), after.Conns(), k.taken, k.recorded)
	}
	for name, h := range map[string]*wsapi.Hub{"before": before, "after": after} {
		if err := h.Post(api, first, []byte(name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		a.want(0x81, name)
		if c, err := h.Get(api, first); err != nil || !c.ConnectedAt.Equal(at) || c.UserAgent != "agent" {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
		if err := h.Post("another API", first, nil); !errors.Is(err, wsapi.ErrGone) {
			t.Errorf("%s: a connection of another API: %v", name, err)
		}
		if n := h.Subscribers(api, "news"); n != 1 {
			t.Errorf("%s: %d in the topic", name, n)
		}
		if sent, lost := h.Broadcast(api, "news", []byte("to all")); sent != 1 || lost != 0 {
			t.Errorf("%s: sent to %d, lost %d", name, sent, lost)
		}
		a.want(0x81, "to all")
	}
	long := strings.Repeat("x", 30_000) + strings.Repeat("ü", 20_000) // more than one word takes
	if err := before.Post(api, first, []byte(long)); err != nil {
		t.Error(err)
	}
	a.want(0x01, long[:32<<10])
	a.want(0x00, long[32<<10:64<<10])
	a.want(0x80, long[64<<10:])
	if err := before.Subscribe(api, "late", other); err != nil {
		t.Error(err)
	}
	if n := after.Subscribers(api, "late"); n != 1 {
		t.Errorf("%d in the topic that was entered late", n)
	}
	if err := before.Unsubscribe(api, "late", other); err != nil || after.Subscribers(api, "late") != 0 {
		t.Errorf("the topic was not left: %v", err)
	}
	if err := before.Delete(api, other); err != nil {
		t.Error(err)
	}
	b.want(0x88, "\x03\xe8Connection Closed Normally")
	endBefore() // with nothing left
	after.Alone()
	if err := after.Post(api, "AAAAAAAAAAAAAAAAAAI=", nil); !errors.Is(err, wsapi.ErrGone) {
		t.Errorf("a connection that never was: %v", err)
	}
	if err := after.Post(api, first, []byte("still")); err != nil {
		t.Error(err)
	}
	a.want(0x81, "still")
}

// Between the parts of a message the process before may say something else.
func TestHearBetweenParts(t *testing.T) {
	h, _ := newHub(t, wsapi.Options{})
	c := connect(t, h, &wsapi.Legacy{ID: first, API: api, Stage: "s", State: state()})
	connect(t, h, &wsapi.Legacy{ID: other, API: api, Stage: "s", State: state()})
	h.Hear(&wsapi.Word{ID: first, API: api, Send: []byte("one "), More: true})
	h.Hear(&wsapi.Word{ID: other, API: api, Topic: "news", Enter: true})
	h.Hear(&wsapi.Word{ID: other, Served: true})
	h.Hear(&wsapi.Word{ID: first, API: api, Send: []byte("two"), Rest: true})
	c.want(0x81, "one two")
	if n := h.Subscribers(api, "news"); n != 1 {
		t.Errorf("%d in the topic", n)
	}
}

// A client that takes nothing does not hold up what the process before says.
func TestHearWaitsForNobody(t *testing.T) {
	h, _ := newHub(t, wsapi.Options{Limits: websocket.Limits{Write: time.Hour, Farewell: time.Hour}})
	c := connect(t, h, &wsapi.Legacy{ID: first, API: api, Stage: "s", State: state()})
	posted, heard := make(chan error, 1), make(chan struct{})
	go func() { posted <- h.Post(api, first, make([]byte, 64<<20)) }() // more than the kernel keeps
	if _, err := c.r.ReadByte(); err != nil {
		t.Fatal(err)
	}
	go func() {
		h.Hear(&wsapi.Word{ID: first, API: api, Close: true})
		close(heard)
	}()
	select {
	case <-heard:
	case <-time.After(patience):
		t.Fatal("Hear waits for the client")
	}
	if err := <-posted; !errors.Is(err, wsapi.ErrGone) {
		t.Errorf("Post: %v", err)
	}
}

// What somebody asks for while a connection passes comes to it, wherever it is then.
func TestWhilePassing(t *testing.T) {
	before, _ := newHub(t, wsapi.Options{})
	after, _ := newHub(t, wsapi.Options{})
	const conns = 100
	clients := make([]*client, conns)
	for i := range clients {
		clients[i] = connect(t, before, &wsapi.Legacy{ID: fmt.Sprint(i), API: api, Stage: "s", Topics: []string{"left"}, State: state()})
	}
	var asked sync.WaitGroup
	ask := func(what string, do func() error) {
		asked.Go(func() {
			if err := do(); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		})
	}
	k := &link{t: t, to: after, during: func(id string) {
		ask("Post", func() error { return before.Post(api, id, []byte("hello")) })
		ask("Subscribe", func() error { return before.Subscribe(api, "entered", id) })
		ask("Unsubscribe", func() error { return before.Unsubscribe(api, "left", id) })
		ask("Get", func() error { _, err := before.Get(api, id); return err })
	}}
	before.Bequeath(k, patience)
	asked.Wait()
	for name, h := range map[string]*wsapi.Hub{"before": before, "after": after} {
		if in, left := h.Subscribers(api, "entered"), h.Subscribers(api, "left"); in != conns || left != 0 {
			t.Errorf("%s: %d have entered, %d have not left; want %d and 0", name, in, left, conns)
		}
	}
	if sent, lost := before.Broadcast(api, "entered", []byte("to all")); sent != conns || lost != 0 {
		t.Errorf("sent to %d, lost %d", sent, lost)
	}
	for _, c := range clients {
		c.want(0x81, "hello")
		c.want(0x81, "to all")
	}
}

// A word that does not reach the process which has a connection is not thought said, and
// of a message of which a part is lost nothing is sent.
func TestTellFails(t *testing.T) {
	before, _ := newHub(t, wsapi.Options{})
	after, _ := newHub(t, wsapi.Options{})
	c := connect(t, before, &wsapi.Legacy{ID: first, API: api, Stage: "s", Topics: []string{"news", "old"}, State: state()})
	k := &link{t: t, to: after}
	before.Bequeath(k, patience)
	if k.taken != 1 {
		t.Fatal("the connection has not passed")
	}
	k.last = 2
	if err := before.Post(api, first, []byte(strings.Repeat("x", 150_000))); !errors.Is(err, wsapi.ErrGone) { // three parts
		t.Errorf("a message of which a part is lost: %v", err)
	}
	for what, err := range map[string]error{
		"Post": before.Post(api, first, []byte("lost")), "Delete": before.Delete(api, first),
		"Subscribe": before.Subscribe(api, "more", first), "Unsubscribe": before.Unsubscribe(api, "old", first),
	} {
		if !errors.Is(err, wsapi.ErrGone) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if sent, lost := before.Broadcast(api, "news", []byte("lost")); sent != 0 || lost != 1 {
		t.Errorf("sent to %d, lost %d; want 1 lost", sent, lost)
	}
	k.fails, k.last = false, 0
	if err := before.Post(api, first, []byte("whole")); err != nil {
		t.Error(err)
	}
	c.want(0x81, "whole")
}

// Who asks for a connection that the process before still has waits until it comes, or
// is known not to, but not for ever.
func TestExpect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := wsapi.New(&gateway.Gateway{}, wsapi.Options{})
		h.Expect()
		posted := make(chan error, 1)
		post := func(id string) {
			go func() { posted <- h.Post(api, id, []byte("early")) }()
			synctest.Wait()
			select {
			case err := <-posted:
				t.Errorf("%s is not waited for: %v", id, err)
			default:
			}
		}
		post(first)
		s := &silent{hub: &many{make(chan int, 1)}, ended: make(chan struct{})}
		defer s.Close()
		if err := h.Inherit(&wsapi.Legacy{ID: first, API: api, Stage: "s", State: state()}, s); err != nil {
			t.Fatal(err)
		}
		if err := <-posted; err != nil || <-s.hub.frames != 7 {
			t.Errorf("a connection that came: %v", err)
		}
		post(other)
		begun := time.Now()
		if err := <-posted; !errors.Is(err, wsapi.ErrGone) || time.Since(begun) > 5*time.Second {
			t.Errorf("a connection that does not come: %v after %v", err, time.Since(begun))
		}
		post(other)
		h.Alone()
		if err := <-posted; !errors.Is(err, wsapi.ErrGone) {
			t.Errorf("a connection that did not come: %v", err)
		}
	})
}

// A connection for which there is no room hears so, is closed, and is not watched
// any more.
func TestInheritFull(t *testing.T) {
	h, _ := newHub(t, wsapi.Options{Conns: 1, Limits: websocket.Limits{Farewell: time.Hour}})
	connect(t, h, &wsapi.Legacy{ID: first, API: api, Stage: "s", State: state()})
	c, nc := pair(t)
	if err := h.Inherit(&wsapi.Legacy{ID: other, API: api, Stage: "s", State: state()}, nc); err == nil {
		t.Error("one too many is taken")
	}
	if n := h.Watched(); n != 1 {
		t.Errorf("%d connections are watched, want 1", n)
	}
	c.want(0x88, "\x03\xf4Service restart")
	if _, err := c.r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("the connection is not closed: %v", err)
	}
}

// What cannot pass is closed in the end: here what is in the middle of a frame.
func TestBequeathRest(t *testing.T) {
	before, end := newHub(t, wsapi.Options{})
	after, _ := newHub(t, wsapi.Options{})
	c := connect(t, before, &wsapi.Legacy{ID: first, API: api, Stage: "s", State: state()})
	if _, err := c.Write([]byte{0x89, 0x80, 0, 0, 0, 0, 0x81, 0x85, 0, 0, 0, 0, 'h'}); err != nil {
		t.Fatal(err)
	}
	c.want(0x8a, "") // of the ping before: it goes on to read the frame
	late := connect(t, before, &wsapi.Legacy{ID: other, API: api, Stage: "s", State: state()})
	before.Bequeath(&link{t: t, to: after}, 2*time.Second)
	end()
	if err := after.Post(api, other, []byte("passed")); err != nil {
		t.Error(err)
	}
	late.want(0x81, "passed")
	if n := after.Conns(); n != 1 {
		t.Errorf("%d connections have passed, want 1", n)
	}
	c.want(0x88, "\x03\xf4Service restart")
}

// A connection that the heir does not take is offered once, and closed; the others pass.
func TestBequeathRefused(t *testing.T) {
	before, end := newHub(t, wsapi.Options{})
	after, _ := newHub(t, wsapi.Options{})
	refused := connect(t, before, &wsapi.Legacy{ID: other, API: api, Stage: "s", State: state()})
	const conns = 20
	for i := range conns {
		connect(t, before, &wsapi.Legacy{ID: fmt.Sprint(i), API: api, Stage: "s", State: state()})
	}
	k := &link{t: t, to: after, never: other}
	before.Bequeath(k, patience)
	end()
	if k.asked != 1 || after.Conns() != conns {
		t.Errorf("offered %d times, and %d of the others have passed; want once, and %d", k.asked, after.Conns(), conns)
	}
	refused.want(0x88, "\x03\xf4Service restart")
}

// What an heir was given is gone with it, once there is another one.
func TestBequeathAgain(t *testing.T) {
	before, _ := newHub(t, wsapi.Options{})
	lost, _ := newHub(t, wsapi.Options{})
	after, _ := newHub(t, wsapi.Options{})
	_ = connect(t, before, &wsapi.Legacy{ID: first, API: api, Stage: "s", Topics: []string{"news"}, State: state()})
	before.Bequeath(&link{t: t, to: lost}, patience)
	before.Bequeath(&link{t: t, to: after}, patience)
	if err := before.Post(api, first, []byte("x")); !errors.Is(err, wsapi.ErrGone) {
		t.Errorf("Post: %v", err)
	}
	if n := before.Subscribers(api, "news"); n != 0 {
		t.Errorf("%d in the topic", n)
	}
}

// A silent is a connection without a descriptor, of which there can be more than a
// process may have.
type silent struct {
	net.Conn
	hub   *many
	ended chan struct{}
	once  sync.Once
}

// A many counts what is written to its connections.
type many struct{ frames chan int }

func (s *silent) Read([]byte) (int, error) {
	<-s.ended
	return 0, io.EOF
}

func (s *silent) Write(b []byte) (int, error) {
	s.hub.frames <- len(b)
	return len(b), nil
}

func (s *silent) Close() error {
	s.once.Do(func() { close(s.ended) })
	return nil
}
func (s *silent) SetWriteDeadline(time.Time) error { return nil }
func (s *silent) SetReadDeadline(time.Time) error  { return s.Close() }

// A hub holds as many connections as it is told to, and not one more; a topic reaches
// all of them.
func TestMany(t *testing.T) {
	n := 60_000
	if testing.Short() {
		n = 5_000
	}
	h, _ := newHub(t, wsapi.Options{Conns: n})
	m := &many{make(chan int, n)}
	add := func(i int) error {
		s := &silent{hub: m, ended: make(chan struct{})}
		return h.Inherit(&wsapi.Legacy{ID: fmt.Sprint(i), API: api, Stage: "s", Topics: []string{"all"}, State: state()}, s)
	}
	for i := range n {
		if err := add(i); err != nil {
			t.Fatal(err)
		}
	}
	if err := add(n); err == nil {
		t.Error("one too many")
	}
	<-m.frames // its farewell
	if sent, lost := h.Broadcast(api, "all", []byte("hello")); sent != n || lost != 0 {
		t.Errorf("sent to %d, lost %d", sent, lost)
	}
	for range n {
		if got := <-m.frames; got != 7 {
			t.Fatalf("a frame of %d bytes", got)
		}
	}
	if got := h.Subscribers(api, "all"); h.Conns() != n || got != n {
		t.Errorf("%d connections, %d in the topic", h.Conns(), got)
	}
}
