package app

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// listen is the socket that was inherited for the setting name, or a new one.
func (n *node) listen(name, addr string) (net.Listener, error) {
	l, err := n.sur.Inherited.Listener(name, addr)
	if l != nil || err != nil {
		return l, err
	}
	return listen(name, addr)
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
