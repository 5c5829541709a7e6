package otlp

import (
	"context"
	"errors"
	"time"
)

// NewFake returns a client whose messages go to a function.
func NewFake(opt Options, send func(ctx context.Context, s Signal, message []byte) ([]byte, error)) *Client {
	c := &Client{opt: opt}
	c.way = fake(send)
	return c
}

type fake func(ctx context.Context, s Signal, message []byte) ([]byte, error)

func (f fake) send(ctx context.Context, s Signal, message []byte) ([]byte, error) {
	return f(ctx, s, message)
}

func (f fake) close() {}

// Later is a failure that may pass.
func Later(err error) error { return &later{err: err} }

// Try sends a message once, and says whether it is worth another try, and when.
func Try(c *Client, s Signal, message []byte) (again bool, after time.Duration, err error) {
	_, err = c.way.send(context.Background(), s, message)
	var l *later
	if errors.As(err, &l) {
		return true, l.after, err
	}
	return false, 0, err
}

// LogRoom is how many bytes of logs wait at most, TraceQueue how many segments.
const (
	LogRoom    = logRoom
	TraceQueue = traceQueue
)
