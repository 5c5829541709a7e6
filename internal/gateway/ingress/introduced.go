package ingress

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// introductionTime bounds how long a proxy takes to say who its client is.
	introductionTime = 5 * time.Second
	// introductions bounds the connections that have not said it yet; further
	// ones wait in the kernel.
	introductions = 1024
	// mostIntroduction bounds the header of version 2, with all it may say besides.
	mostIntroduction = 4096
)

// Introduced returns a listener of connections as l has them. Those that proxies make
// must begin with a header of the PROXY protocol, version 1 or 2, and then are its
// client's; one that does not is closed. What others say is for who serves them.
func Introduced(l net.Listener, proxies []netip.Prefix) net.Listener {
	return &introduced{
		Listener: l, proxies: proxies,
		ready: make(chan net.Conn), failed: make(chan error), ended: make(chan struct{}), room: make(chan struct{}, introductions),
	}
}

type introduced struct {
	net.Listener
	proxies []netip.Prefix
	ready   chan net.Conn
	failed  chan error
	begin   sync.Once
	ended   chan struct{} // closed by Close
	end     sync.Once
	room    chan struct{}
}

// Accept implements net.Listener.
func (i *introduced) Accept() (net.Conn, error) {
	i.begin.Do(func() { go i.accept() }) // until Close
	select {
	case nc := <-i.ready:
		return nc, nil
	case err := <-i.failed:
		return nil, err
	case <-i.ended:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (i *introduced) Close() error {
	i.end.Do(func() { close(i.ended) })
	return i.Listener.Close()
}

// accept runs until the listener is closed.
func (i *introduced) accept() {
	for {
		nc, err := i.Listener.Accept()
		if err != nil {
			select {
			case i.failed <- err:
			case <-i.ended:
				return
			}
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue
		}
		if !i.proxied(nc) {
			i.give(nc)
			continue
		}
		select {
		case i.room <- struct{}{}:
		case <-i.ended:
			_ = nc.Close() // never served
			return
		}
		go func() {
			defer func() { <-i.room }()
			_ = nc.SetDeadline(time.Now().Add(introductionTime)) // fails only on a closed connection
			c, err := introducedConn(nc)
			if err != nil {
				_ = nc.Close() // it is no proxy, or a broken one
				return
			}
			_ = nc.SetDeadline(time.Time{})
			i.give(c)
		}()
	}
}

func (i *introduced) give(nc net.Conn) {
	select {
	case i.ready <- nc:
	case <-i.ended:
		_ = nc.Close() // never served
	}
}

// proxied tells whether a connection comes from one of the proxies.
func (i *introduced) proxied(nc net.Conn) bool {
	addr, err := netip.ParseAddrPort(nc.RemoteAddr().String())
	if err != nil {
		return false
	}
	for _, p := range i.proxies {
		if p.Contains(addr.Addr().Unmap()) {
			return true
		}
	}
	return false
}

// A clientConn is a connection of a proxy for its client.
type clientConn struct {
	net.Conn
	br            *bufio.Reader // what came with the header
	remote, local net.Addr
}

func (c *clientConn) Read(p []byte) (int, error) {
	if c.br.Buffered() > 0 {
		return c.br.Read(p)
	}
	return c.Conn.Read(p)
}

func (c *clientConn) RemoteAddr() net.Addr { return c.remote }
func (c *clientConn) LocalAddr() net.Addr  { return c.local }

// introducedConn reads the header of a connection.
func introducedConn(nc net.Conn) (net.Conn, error) {
	c := &clientConn{Conn: nc, br: bufio.NewReaderSize(nc, mostIntroduction+16), remote: nc.RemoteAddr(), local: nc.LocalAddr()}
	first, err := c.br.Peek(1)
	if err != nil {
		return nil, err
	}
	var from, to netip.AddrPort
	if first[0] == 'P' {
		from, to, err = readIntroduction1(c.br)
	} else {
		from, to, err = readIntroduction2(c.br)
	}
	if err != nil {
		return nil, err
	}
	if from.IsValid() { // else the proxy speaks for itself
		c.remote, c.local = net.TCPAddrFromAddrPort(from), net.TCPAddrFromAddrPort(to)
	}
	return c, nil
}

var errIntroduction = errors.New("malformed header of the PROXY protocol")

// longestLine is that of version 1, as its definition says.
const longestLine = 107

// readIntroduction1 reads a line such as PROXY TCP4 10.1.2.3 10.0.0.1 4711 443.
func readIntroduction1(br *bufio.Reader) (from, to netip.AddrPort, err error) {
	var line []byte
	for len(line) < longestLine && !bytes.HasSuffix(line, []byte("\r\n")) {
		b, err := br.ReadByte()
		if err != nil {
			return from, to, err
		}
		line = append(line, b)
	}
	text, whole := strings.CutSuffix(string(line), "\r\n")
	words := strings.Split(text, " ")
	switch {
	case !whole || words[0] != "PROXY" || len(words) < 2:
		return from, to, errIntroduction
	case words[1] == "UNKNOWN":
		return from, to, nil
	case len(words) != 6 || words[1] != "TCP4" && words[1] != "TCP6":
		return from, to, errIntroduction
	}
	at := func(addr, port string) (netip.AddrPort, error) {
		a, err := netip.ParseAddr(addr)
		n, errPort := strconv.ParseUint(port, 10, 16)
		if err != nil || errPort != nil || a.Is4() != (words[1] == "TCP4") || a.Zone() != "" {
			return netip.AddrPort{}, fmt.Errorf("%w: %q", errIntroduction, text)
		}
		return netip.AddrPortFrom(a, uint16(n)), nil
	}
	if from, err = at(words[2], words[4]); err != nil {
		return netip.AddrPort{}, netip.AddrPort{}, err
	}
	to, err = at(words[3], words[5])
	return from, to, err
}

// signature begins the header of version 2.
const signature = "\r\n\r\n\x00\r\nQUIT\n"

// readIntroduction2 reads a header of version 2.
func readIntroduction2(br *bufio.Reader) (from, to netip.AddrPort, err error) {
	head, err := br.Peek(16)
	if err != nil {
		return from, to, err
	}
	command, family, n := head[12], head[13], int(binary.BigEndian.Uint16(head[14:]))
	if string(head[:12]) != signature || command>>4 != 2 || n > mostIntroduction {
		return from, to, errIntroduction
	}
	all, err := br.Peek(16 + n)
	if err != nil {
		return from, to, err
	}
	body := all[16:]
	size := map[byte]int{0x11: 4, 0x21: 16}[family]
	switch {
	case command&0xf == 0: // LOCAL: of the proxy itself
	case command&0xf != 1, size == 0, n < 2*size+4:
		return from, to, errIntroduction
	default:
		a, _ := netip.AddrFromSlice(body[:size])
		b, _ := netip.AddrFromSlice(body[size : 2*size])
		from = netip.AddrPortFrom(a, binary.BigEndian.Uint16(body[2*size:]))
		to = netip.AddrPortFrom(b, binary.BigEndian.Uint16(body[2*size+2:]))
	}
	_, err = br.Discard(16 + n)
	return from, to, err
}
