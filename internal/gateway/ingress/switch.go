package ingress

import (
	"bytes"
	"net/http"
	"time"

	"gatehouse/internal/wire"
)

// switchOver is what wire does with a response that ends the use of HTTP on its
// connection.
func switchOver(x wire.Exchange, rc *http.ResponseController, resp *wire.Response) {
	now, take := time.Now(), resp.Switch
	out, err := wire.AppendSwitch(nil, resp, wire.SwitchProtocol, now.UTC().Format(http.TimeFormat))
	nc, rw, herr := rc.Hijack() // an HTTP/2 stream has no connection of its own
	if herr != nil {
		x.Finish(wire.Sent{Err: herr, At: now})
		take(nil, nil)
		panic(http.ErrAbortHandler)
	}
	if err == nil {
		_ = nc.SetDeadline(now.Add(switchTime)) // fails only on a closed conn
		_, err = nc.Write(out)
	}
	x.Finish(wire.Sent{Head: int64(len(out)), Err: err, At: now})
	if err != nil {
		_ = nc.Close() // it is lost
		take(nil, nil)
		return
	}
	read, _ := rw.Reader.Peek(rw.Reader.Buffered()) // they are there
	read = bytes.Clone(read)
	_ = nc.SetDeadline(time.Time{})
	take(nc, read)
}

// switchTime bounds how long a client takes the head of a 101.
const switchTime = 10 * time.Second
