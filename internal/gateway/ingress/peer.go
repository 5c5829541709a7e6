package ingress

import (
	"crypto/tls"
	"net"
	"net/netip"
	"strconv"

	"gatehouse/internal/clientcert"
	"gatehouse/internal/wire"
)

// newPeer tells who is at the other end of c.
func newPeer(c net.Conn, proto string) *wire.Peer {
	p := &wire.Peer{Addr: addrPortOf(c.RemoteAddr()), Local: addrPortOf(c.LocalAddr()), Proto: proto}
	if tc, ok := c.(*tls.Conn); ok {
		cs := tc.ConnectionState()
		setTLS(p, &cs)
	}
	return p
}

func setTLS(p *wire.Peer, cs *tls.ConnectionState) {
	p.TLS = true
	p.Version = cs.Version
	p.Cipher = cs.CipherSuite
	p.SNI = cs.ServerName
	p.Client = clientcert.Show(cs.PeerCertificates)
}

func addrPortOf(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}

func addrPort(s string) netip.AddrPort {
	ap, _ := netip.ParseAddrPort(s) // the zero value for what is no address
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// closeNow closes c and drops what it has not sent yet.
func closeNow(c net.Conn) {
	if tc, ok := c.(*tls.Conn); ok {
		c = tc.NetConn() // no farewell: it could wait for the client
	}
	if l, ok := c.(interface{ SetLinger(sec int) error }); ok {
		_ = l.SetLinger(0)
	}
	_ = c.Close()
}
