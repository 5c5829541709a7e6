package wire

import (
	"bytes"
	"time"
)

// AppendSwitch appends the head of a 101 to a client that asked for protocol.
//
// AWS: websocket-execution.md §1: Date, Connection, Upgrade, then what the
// response has.
func AppendSwitch(dst []byte, r *Response, protocol, date string) ([]byte, error) {
	dst = append(dst, "HTTP/1.1 101 Switching Protocols\r\nDate: "...)
	dst = append(append(dst, date...), "\r\nConnection: upgrade\r\nUpgrade: "...)
	dst = append(append(dst, protocol...), "\r\n"...)
	var err error
	for i := range r.Header.Fields {
		f := &r.Header.Fields[i]
		switch f.ID {
		case HeaderDate, HeaderContentLength, HeaderTransferEncoding, HeaderConnection, HeaderUpgrade, HeaderTrailer,
			HeaderKeepAlive, HeaderProxyConnection:
			continue
		}
		if dst, err = appendField(dst, f); err != nil {
			return dst, err
		}
	}
	return append(dst, "\r\n"...), nil
}

// SwitchProtocol is the protocol that responses switch to.
const SwitchProtocol = "websocket"

// switchOver answers 101 and gives the connection away, for good, with no
// deadline left on it and no memory held for it. A head that cannot be written ends the
// connection: who made it is at fault.
func (c *serverConn) switchOver(x Exchange, r *Response) connEnd {
	now, take := time.Now(), r.Switch
	out, err := AppendSwitch(nil, r, SwitchProtocol, c.srv.dateAt(now))
	if err == nil {
		_, err = c.sock.write(out, now, c.srv.Limits.WriteIdle, now.Add(c.srv.Limits.Write))
	}
	x.Finish(Sent{Head: int64(len(out)), Err: err, At: now, Received: c.consumed})
	c.endRequest()
	read := bytes.Clone(c.buf[c.r:c.w])
	c.release()
	c.r, c.w = 0, 0
	if err != nil {
		take(nil, nil)
		return connAbort
	}
	_ = c.sock.nc.SetDeadline(time.Time{}) // fails only on a closed conn
	take(c.sock.nc, read)
	return connGiven
}
