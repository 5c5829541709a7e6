package gateway

import (
	"net/netip"

	"gatehouse/internal/wire"
)

// Fields returns the header of the client's request. With RawQuery, Source and
// SetCookie it makes x an upstream.Subject, by which endpoints are chosen.
func (x *Exchange) Fields() *wire.Header { return &x.MethodRequest.Header }

// RawQuery returns the query of the client's request.
func (x *Exchange) RawQuery() string { return x.MethodRequest.Query }

// Source returns the client's address.
func (x *Exchange) Source() netip.Addr {
	if x.Peer == nil {
		return netip.Addr{}
	}
	return x.Peer.Addr.Addr()
}

// SetCookie has the client be given a cookie with the answer: field is the value
// of a Set-Cookie line.
func (x *Exchange) SetCookie(field string) { x.cookies = append(x.cookies, field) }

// GiveCookies adds to the answer the cookies that were set. Who drives x calls it
// once the answer is made.
func (x *Exchange) GiveCookies() {
	for _, c := range x.cookies {
		x.MethodResponse.Header.Add("Set-Cookie", c)
	}
	x.cookies = x.cookies[:0]
}
