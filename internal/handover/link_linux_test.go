package handover_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/handover"
)

// TestMain makes the test's own program the successor that TestStart starts: it
// says what it was told, and answers who connects.
func TestMain(m *testing.M) {
	in, err := handover.Inherited()
	if in == nil && err == nil {
		os.Exit(m.Run())
	}
	if err == nil {
		err = succeed(in)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// succeed greets one client on the socket "door".
func succeed(in *handover.Inheritance) error {
	if l, err := in.Listener("door", "another address"); l != nil || err != nil {
		return fmt.Errorf("the socket of another address: %v, %w", l, err)
	}
	l, err := in.Listener("door", "configured")
	if err != nil {
		return err
	}
	if unused := in.CloseRest(); len(unused) != 1 || unused[0] != "window" {
		return fmt.Errorf("unused: %v", unused)
	}
	if os.Getenv("GATEHOUSE_INHERIT") != "" {
		return errors.New("the environment still says what was inherited")
	}
	if err := in.Link.Send("predecessor", in.Predecessor, nil); err != nil {
		return err
	}
	m, f, err := in.Link.Receive(time.Time{})
	if err != nil {
		return err
	}
	nc, err := net.FileConn(f)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(nc, "%s %s\n", m.Kind, m.Body); err != nil {
		return err
	}
	if nc, err = l.Accept(); err != nil {
		return err
	}
	_, err = io.WriteString(nc, "welcome\n")
	return errors.Join(err, nc.Close())
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// A successor has the sockets it asks for by name and address, hears of its
// predecessor, and takes a connection over.
func TestStart(t *testing.T) {
	door, window := listen(t), listen(t)
	var sockets []handover.Socket
	for name, l := range map[string]net.Listener{"door": door, "window": window} {
		s, err := handover.Copy(name, "configured", l)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		sockets = append(sockets, s)
	}
	succ, err := handover.Start(handover.Self, nil, sockets)
	if err != nil {
		t.Fatal(err)
	}
	defer succ.Kill()
	deadline := time.Now().Add(time.Minute)
	m, _, err := succ.Receive(deadline)
	if err != nil || m.Kind != "predecessor" || string(m.Body) != strconv.Itoa(os.Getpid()) {
		t.Fatalf("got %s %s, %v", m.Kind, m.Body, err)
	}
	// The socket that is closed here lives on there.
	if err := door.Close(); err != nil {
		t.Fatal(err)
	}
	client, err := net.Dial("tcp", door.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	pipe, other := connected(t)
	if err := succ.Send("connection", map[string]int{"n": 7}, other.(*net.TCPConn)); err != nil {
		t.Fatal(err)
	}
	other.Close() // theirs lives on
	for c, want := range map[net.Conn]string{pipe: `connection {"n":7}`, client: "welcome"} {
		if err := c.SetDeadline(deadline); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || line != want+"\n" {
			t.Errorf("got %q, %v; want %q", line, err, want)
		}
	}
	if m, _, err := succ.Receive(deadline); !errors.Is(err, io.EOF) {
		t.Errorf("after its end: %v, %v; want io.EOF", m, err)
	}
}

func connected(t *testing.T) (a, b net.Conn) {
	t.Helper()
	l := listen(t)
	a, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	if b, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return a, b
}

// Copying a socket and starting a program with it leaves it one that does not block.
func TestCopyLeavesSocket(t *testing.T) {
	l := listen(t)
	s, err := handover.Copy("x", "", l)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	succ, err := handover.Start("/bin/true", nil, []handover.Socket{s})
	if err != nil {
		t.Fatal(err)
	}
	defer succ.Kill()
	// A blocking Accept would not notice the deadline.
	if err := l.(*net.TCPListener).SetDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Accept(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Accept: %v", err)
	}
}

func TestSendTooLong(t *testing.T) {
	l, theirs, err := handover.NewLink()
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	defer l.Close()
	if err := l.Send("x", strings.Repeat("x", 128<<10), nil); err == nil {
		t.Error("a message of 128 KiB was sent")
	}
	if err := l.Send("x", strings.Repeat("x", 127<<10), nil); err != nil {
		t.Error(err)
	}
}

// A process that takes no messages is waited for once.
func TestSendToNobody(t *testing.T) {
	l, theirs, err := handover.NewLink()
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	defer l.Close()
	l.SetPatience(10 * time.Millisecond)
	for sent := 0; err == nil; sent++ {
		if err = l.Send("x", strings.Repeat("x", 100<<10), nil); sent > 1000 {
			t.Fatal("100 MB were sent to who takes nothing")
		}
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a link that is full: %v", err)
	}
	if _, err := theirs.Read(make([]byte, 128<<10)); err != nil { // there is room again
		t.Fatal(err)
	}
	l.SetPatience(time.Hour)
	if err := l.Send("x", "y", nil); err == nil {
		t.Error("something was sent to who has left messages lying")
	}
}

// What systemd says is believed only by the process that it says it to, and only if the
// sockets have names.
func TestInheritedFromSystemd(t *testing.T) {
	t.Setenv("LISTEN_PID", "1")
	t.Setenv("LISTEN_FDS", "1")
	if in, err := handover.Inherited(); in != nil || err != nil {
		t.Errorf("for another process: %v, %v", in, err)
	}
	t.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
	t.Setenv("LISTEN_FDS", "2")
	t.Setenv("LISTEN_FDNAMES", "api")
	if in, err := handover.Inherited(); err == nil {
		t.Errorf("two sockets, one name: %v", in)
	}
}

// systemd is told who serves.
func TestServing(t *testing.T) {
	name := t.TempDir() + "/notify"
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := handover.Serving(); err != nil {
		t.Errorf("without systemd: %v", err)
	}
	t.Setenv("NOTIFY_SOCKET", name)
	if err := handover.Serving(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	n, err := l.Read(buf)
	if want := fmt.Sprintf("READY=1\nMAINPID=%d\n", os.Getpid()); err != nil || string(buf[:n]) != want {
		t.Errorf("got %q, %v; want %q", buf[:n], err, want)
	}
}
