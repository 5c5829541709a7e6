package upstream

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"time"

	"gatehouse/internal/wire"
)

// introduces tells whether connections of c begin with the client's address.
func (c *Cluster) introduces() bool {
	return c.member != nil && c.member.group.config().def.ProxyProtocol != ""
}

// introduce tells a backend whose request comes on a new connection, by the PROXY
// protocol. The connection is for that request alone.
func introduce(nc net.Conn, version string, p *wire.Peer, until time.Time) error {
	_ = nc.SetWriteDeadline(until) // what fails is seen by the write
	_, err := nc.Write(appendIntroduction(nil, version, p))
	_ = nc.SetWriteDeadline(time.Time{})
	if err != nil {
		_ = nc.Close()
		return failure(ErrConnect, err)
	}
	return nil
}

// proxySignature begins the header of version 2.
const proxySignature = "\r\n\r\n\x00\r\nQUIT\n"

// appendIntroduction appends the header of the PROXY protocol.
func appendIntroduction(dst []byte, version string, p *wire.Peer) []byte {
	var from, to netip.AddrPort
	known := p != nil && p.Addr.IsValid() && p.Local.IsValid()
	if known {
		from = netip.AddrPortFrom(p.Addr.Addr().Unmap(), p.Addr.Port())
		to = netip.AddrPortFrom(p.Local.Addr().Unmap(), p.Local.Port())
		known = from.Addr().Is4() == to.Addr().Is4()
	}
	if version == "v1" {
		switch {
		case !known:
			return append(dst, "PROXY UNKNOWN\r\n"...)
		case from.Addr().Is4():
			return fmt.Appendf(dst, "PROXY TCP4 %s %s %d %d\r\n", from.Addr(), to.Addr(), from.Port(), to.Port())
		}
		return fmt.Appendf(dst, "PROXY TCP6 %s %s %d %d\r\n", from.Addr().WithZone(""), to.Addr().WithZone(""), from.Port(), to.Port())
	}
	dst = append(dst, proxySignature...)
	if !known {
		return append(dst, 0x20, 0, 0, 0) // LOCAL: of nobody
	}
	family := byte(0x11) // TCP over IPv4
	a, b := from.Addr().AsSlice(), to.Addr().AsSlice()
	if from.Addr().Is6() {
		family = 0x21
	}
	dst = append(dst, 0x21, family)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(a)+len(b)+4))
	dst = append(append(dst, a...), b...)
	dst = binary.BigEndian.AppendUint16(dst, from.Port())
	return binary.BigEndian.AppendUint16(dst, to.Port())
}
