package app

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// listen is the socket that was inherited for the setting name, or a new one.
func (n *node) listen(name, addr string) (net.Listener, error) {
	l, err := n.sur.Inherited.Listener(name, addr)
	switch {
	case err != nil:
		return nil, err
	case l == nil:
		return listen(name, addr)
	case n.link() == nil && !fits(addr, l.Addr()):
		err := fmt.Errorf("%s: the socket of systemd listens on %s, but the setting says %s", name, l.Addr(), addr)
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// fits tells whether a socket listens where a setting says, as an address. What was checked of the
// setting must hold for the socket, for instance that nobody else can reach it.
func fits(addr string, bound net.Addr) bool {
	host, port, err := net.SplitHostPort(addr)
	tcp, ok := bound.(*net.TCPAddr)
	if err != nil || !ok || port != "0" && port != strconv.Itoa(tcp.Port) {
		return false
	}
	ip := net.ParseIP(host)
	switch {
	case host == "localhost":
		return tcp.IP.IsLoopback()
	case host == "", ip != nil && ip.IsUnspecified():
		return tcp.IP.IsUnspecified()
	}
	return ip.Equal(tcp.IP)
}

// listen opens the address of the setting name, or says what to do instead.
func listen(name, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: another process listens on %s: stop it, or choose another address with --%s", name, addr, name)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s: not allowed to listen on %s: ports below 1024 need the capability CAP_NET_BIND_SERVICE; or choose another with --%s", name, addr, name)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%s: %s is no address of this machine: choose another with --%s", name, addr, name)
	}
	return nil, fmt.Errorf("%s: %w", name, err)
}

// listenBoth opens the address of the setting name for TCP and, with the same port,
// for UDP.
func listenBoth(name, addr string) (l net.Listener, p net.PacketConn, err error) {
	const tries = 10 // for a port that is free for both, where any will do
	for range tries {
		if l, err = listen(name, addr); err != nil {
			return nil, nil, err
		}
		if p, err = net.ListenPacket("udp", l.Addr().String()); err == nil {
			return l, p, nil
		}
		_ = l.Close() // nobody has used it
	}
	return nil, nil, fmt.Errorf("%s: %w", name, err)
}

// reachable turns an address that is listened on into one that can be dialled:
// "every address" becomes loopback.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	switch ip := net.ParseIP(host); {
	case host == "", ip != nil && ip.IsUnspecified() && ip.To4() != nil:
		host = "127.0.0.1"
	case ip != nil && ip.IsUnspecified():
		host = "::1"
	}
	return net.JoinHostPort(host, port)
}

// addrOf is the address l is bound to, or nothing if there is no l.
func addrOf(l net.Listener) string {
	if l == nil {
		return ""
	}
	return l.Addr().String()
}
