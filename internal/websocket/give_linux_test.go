package websocket_test

import (
	"bufio"
	"errors"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/websocket"
)

// resume is what the other process does with a connection.
func resume(t *testing.T, sc syscall.Conn, s websocket.State, p *websocket.Poller) (*echo, error) {
	t.Helper()
	f, err := sc.(*net.TCPConn).File()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	nc, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	cfg := complete(websocket.Limits{})
	cfg.Poller = p
	e := &echo{websocket.Resume(nc, s, cfg), make(chan *websocket.CloseError, 1)}
	e.c.Serve(e)
	return e, nil
}

// give gives a connection away as soon as it is idle.
func give(t *testing.T, c *websocket.Conn, to func(syscall.Conn, websocket.State) error, served func()) {
	t.Helper()
	for end := time.Now().Add(patience); !c.Give(to, served); {
		if time.Now().After(end) {
			t.Fatal("the connection does not become idle")
		}
	}
}

// A connection that was given away goes on with the other process, to which it is
// as old as it is; the one before hears nothing of its end.
func TestGive(t *testing.T) {
	here, there := poller(t), poller(t)
	client, e := serveEcho(t, websocket.Limits{}, false, here)
	r := bufio.NewReader(client)
	say := func(text string) {
		t.Helper()
		if _, err := client.Write(masked(0x81, text)); err != nil {
			t.Fatal(err)
		}
		if first, got := readFrame(t, r); first != 0x81 || got != text {
			t.Errorf("got %x %q, want %q", first, got, text)
		}
	}
	say("here")
	refused := errors.New("no")
	for range 3 { // stays, if the other does not take it
		if e.c.Give(func(syscall.Conn, websocket.State) error { return refused }, nil) {
			t.Fatal("given to who does not take it")
		}
		if e.c.Given() {
			t.Fatal("Given although it was not")
		}
		say("still here")
	}
	var other *echo
	begun := time.Now()
	give(t, e.c, func(sc syscall.Conn, s websocket.State) (err error) {
		if s.Opened.After(begun) || s.Serving {
			t.Errorf("state %+v", s)
		}
		other, err = resume(t, sc, s, there)
		return err
	}, func() { t.Error("a message was served after the end") })
	if !e.c.Given() || e.c.WriteText([]byte("x")) == nil || e.c.Offer([]byte("x")) || e.c.Give(nil, nil) {
		t.Error("the connection is still used here")
	}
	say("there")
	if _, err := client.Write(masked(0x88, "\x03\xe8")); err != nil {
		t.Fatal(err)
	}
	if end := <-other.ended; end.Code != websocket.CloseNormal {
		t.Errorf("ended with %v", end)
	}
	select {
	case end := <-e.ended:
		t.Errorf("the one before was told of the end: %v", end)
	default:
	}
}

// What is written, and a close, while the connection is being given away comes after that,
// if it stays.
func TestGiveRefused(t *testing.T) {
	p := poller(t)
	for range 20 {
		client, e := serveEcho(t, websocket.Limits{Farewell: time.Millisecond}, false, p)
		r := bufio.NewReader(client)
		// refuse does something while the connection is offered to somebody who does not take it.
		refuse := func(do func()) {
			done := make(chan struct{})
			give := func(syscall.Conn, websocket.State) error {
				begun := make(chan struct{})
				go func() {
					close(begun)
					do()
					close(done)
				}()
				<-begun
				for range 10 {
					runtime.Gosched() // so that it comes to where it waits
				}
				return errors.New("no")
			}
			if e.c.Give(give, nil) {
				t.Fatal("given to who does not take it")
			}
			<-done
		}
		refuse(func() {
			if err := e.c.WriteText([]byte("meanwhile")); err != nil {
				t.Error(err)
			}
		})
		if first, got := readFrame(t, r); first != 0x81 || got != "meanwhile" {
			t.Errorf("got %x %q", first, got)
		}
		refuse(func() { e.c.Close(websocket.CloseNormal, "go") })
		if first, got := readFrame(t, r); first != 0x88 || got != "\x03\xe8go" {
			t.Errorf("got %x %q", first, got)
		}
		if end := <-e.ended; end.Code != websocket.CloseNormal {
			t.Errorf("ended with %v", end)
		}
	}
}

// A slow handler serves when it is let go.
type slow struct {
	echo
	begun, letGo chan struct{}
}

func (s *slow) Message(m []byte) {
	s.begun <- struct{}{}
	<-s.letGo
}

// While a message is served its connection passes on, but the next message is not
// served before that one was.
func TestGiveServing(t *testing.T) {
	here, there := poller(t), poller(t)
	client, nc := pair(t)
	cfg := complete(websocket.Limits{})
	cfg.Poller = here
	h := &slow{echo{websocket.NewConn(nc, nil, cfg), make(chan *websocket.CloseError, 1)}, make(chan struct{}), make(chan struct{})}
	h.c.Serve(h)
	r := bufio.NewReader(client)
	if _, err := client.Write(masked(0x81, "slow")); err != nil {
		t.Fatal(err)
	}
	<-h.begun
	var other *echo
	served := make(chan struct{})
	give(t, h.c, func(sc syscall.Conn, s websocket.State) (err error) {
		if !s.Serving {
			t.Error("no message is being served")
		}
		other, err = resume(t, sc, s, there)
		return err
	}, func() { close(served) })
	if _, err := client.Write(append(masked(0x89, "ping"), masked(0x81, "next")...)); err != nil {
		t.Fatal(err)
	}
	if first, got := readFrame(t, r); first != 0x8a || got != "ping" {
		t.Errorf("got %x %q, want the pong", first, got)
	}
	if err := client.SetReadDeadline(time.Now().Add(30 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ReadByte(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the next message is served before the one before was: %v", err)
	}
	close(h.letGo)
	<-served
	other.c.Served()
	if err := client.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if first, got := readFrame(t, r); first != 0x81 || got != "next" {
		t.Errorf("got %x %q, want the next message", first, got)
	}
	client.Close()
	<-other.ended
}
