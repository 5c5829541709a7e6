// Package handover lets one process take the place of another without anybody
// being refused meanwhile: listening sockets, connections and words pass from the
// one to the other.
//
// The old process starts its [Successor] with its listening sockets, the new
// one finds them in its [Inheritance]. Both talk over a [Link], which carries
// descriptors too. A process that systemd has started with sockets has
// an Inheritance without a Link. What is said on the link, and in which order, is
// for those who use it.
package handover

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

// inheritEnv tells a successor what the descriptors from 3 on are: the link, and
// listening sockets as NAME=ADDRESS, with commas between them.
const inheritEnv = "GATEHOUSE_INHERIT"

// firstFD is the first descriptor that is inherited.
const firstFD = 3

// A Message is what is said on a link.
type Message struct {
	Kind string          `json:"kind"`
	Body json.RawMessage `json:"body,omitempty"`
}

// maxMessage bounds a message. One that is larger is not sent.
const maxMessage = 128 << 10

var errTooLong = fmt.Errorf("handover: a message is longer than %d bytes", maxMessage)

// An Inheritance is what a process was started with. Nil: nothing.
type Inheritance struct {
	// Link leads to the process before; nil: systemd has started this one.
	Link *Link
	// Predecessor is the id of the process before, or 0.
	Predecessor int

	sockets []inherited
}

// An inherited is a listening socket that was passed on.
type inherited struct {
	name, addr string // addr is empty if the name alone decides
	file       *os.File
}

// Inherited returns what the process was started with, or nil. It may be called
// once, before anything else opens files: it takes the environment's words
// for it, and away.
func Inherited() (*Inheritance, error) {
	own, ok := os.LookupEnv(inheritEnv)
	_ = os.Unsetenv(inheritEnv) // fails only for a name that is none
	if ok {
		return fromPredecessor(own)
	}
	return fromSystemd()
}

// fromPredecessor reads the word of a process before: its id, and the sockets.
func fromPredecessor(text string) (*Inheritance, error) {
	words := strings.Split(text, ",")
	pid, err := strconv.Atoi(words[0])
	if err != nil {
		return nil, fmt.Errorf("handover: %s=%q: no process id", inheritEnv, text)
	}
	in := &Inheritance{Predecessor: pid}
	link, err := fileOf(firstFD, "link")
	if err != nil {
		return nil, err
	}
	if in.Link, err = linkOf(link); err != nil {
		return nil, err
	}
	for i, word := range words[1:] {
		name, addr, _ := strings.Cut(word, "=")
		f, err := fileOf(firstFD+1+i, name)
		if err != nil {
			return nil, err
		}
		in.sockets = append(in.sockets, inherited{name, addr, f})
	}
	return in, nil
}

// fromSystemd reads what systemd says of the sockets that it has opened:
// sd_listen_fds(3). Without names they are of no use.
func fromSystemd() (*Inheritance, error) {
	pid, fds, names := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS"), os.Getenv("LISTEN_FDNAMES")
	if pid != strconv.Itoa(os.Getpid()) {
		return nil, nil // not for us
	}
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		_ = os.Unsetenv(name) // as above
	}
	n, err := strconv.Atoi(fds)
	list := strings.Split(names, ":")
	if err != nil || n < 1 || n != len(list) {
		return nil, fmt.Errorf("handover: systemd gives %q sockets with the names %q: each needs a FileDescriptorName", fds, names)
	}
	in := &Inheritance{}
	for i, name := range list {
		f, err := fileOf(firstFD+i, name)
		if err != nil {
			return nil, err
		}
		in.sockets = append(in.sockets, inherited{name: name, file: f})
	}
	return in, nil
}

// Listener returns the socket that was inherited under a name, for an address as
// it was configured; nil: there is none.
func (in *Inheritance) Listener(name, addr string) (net.Listener, error) {
	if in == nil {
		return nil, nil
	}
	for i := range in.sockets {
		s := &in.sockets[i]
		if s.file == nil || s.name != name || s.addr != "" && s.addr != addr {
			continue
		}
		l, err := net.FileListener(s.file)
		_ = s.file.Close() // l has a copy
		s.file = nil
		if err != nil {
			return nil, fmt.Errorf("handover: the socket %s: %w", name, err)
		}
		return l, nil
	}
	return nil, nil
}

// CloseRest closes the sockets that nobody has asked for, and names them.
func (in *Inheritance) CloseRest() (names []string) {
	if in == nil {
		return nil
	}
	for _, s := range in.sockets {
		if s.file != nil {
			names = append(names, s.name)
			_ = s.file.Close() // never used
		}
	}
	in.sockets = nil
	return names
}

// ErrUnsupported is what a successor cannot be made with on this system.
var ErrUnsupported = errors.New("one process can take another's place on Linux only")
