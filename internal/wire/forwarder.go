package wire

import (
	"context"
	"time"
)

// A Forwarder is an Exchange that lets its driver call the backend, so that
// nothing waits for it: loops serve such exchanges only. Begin is called in
// place of Serve.
type Forwarder interface {
	Exchange
	// Begin serves the request as far as that goes without waiting. It returns
	// the answer, or fills in the call that is to be made before End gives it.
	// If it reports false, the exchange may have to wait: Serve goes on with it.
	// Serve may also be called after Begin has filled in the call, to make it.
	Begin(ctx context.Context, call *Call) (answer *Response, ok bool)
	// End is called with the outcome of the call, and returns the answer.
	End(ctx context.Context, err error) *Response
}

// A Call is a request to a backend. As with [ClientConn.Do], Response keeps what
// it hands out.
type Call struct {
	Backend  Backend
	Request  *Request
	Response *Response
	Deadline time.Time
}

// A Backend lends connections to loops, each its own, and counts them. Its
// methods but Dial do not wait.
type Backend interface {
	// Lend returns an idle connection of l; or nil and true for the permission
	// to make one; or false if there is neither, and Serve must see to it.
	// Release is what gives a connection back.
	Lend(l *Loop) (*ClientConn, bool)
	// Dial makes a connection. If it fails, it has given up the permission; with
	// ErrUnsent, Serve must see to it.
	Dial(ctx context.Context, deadline time.Time) (*ClientConn, error)
	// Failed gives up the permission of a connection that has failed and is
	// closed. It says whether req may be sent once more, else what to tell End.
	Failed(cc *ClientConn, req *Request, err error) (again bool, fault error)
}
