// Package otlp sends traces, metrics and logs to an OpenTelemetry collector, or
// to whatever else takes OTLP, over HTTP or gRPC.
//
// A [Client] is the way there, with its retries and its counts. [Traces], [Logs]
// and [Metrics] make the messages of one signal each: the first two have a queue
// of bounded size, to which adding never waits; what finds no room is dropped and
// counted. Nothing of it is on the path of a request that is not traced but a
// copy of its log line.
package otlp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"sync/atomic"
	"time"
)

// A Signal is a kind of telemetry.
type Signal int

// The signals.
const (
	SignalTraces Signal = iota
	SignalMetrics
	SignalLogs
	signals
)

// Signals are all signals.
var Signals = [signals]Signal{SignalTraces, SignalMetrics, SignalLogs}

// String is the signal's name.
func (s Signal) String() string { return [signals]string{"traces", "metrics", "logs"}[s] }

// Options say where telemetry goes, and how.
type Options struct {
	Endpoint *url.URL          // with http or https; of HTTP, /v1/traces and so on are added to its path
	GRPC     bool              // else HTTP
	Headers  map[string]string // of each message; often secret
	TLS      *tls.Config       // of https; nil: the system's authorities
	Plain    bool              // not compressed
	Resource []Attribute       // who sends: service.name and others
	Log      *slog.Logger      // must not end in this client's own logs
}

// An Attribute is a name and a value.
type Attribute struct{ Key, Value string }

// A Client sends messages. It is safe for any number of goroutines.
type Client struct {
	opt    Options
	way    transport
	counts [signals]counts
	end    atomic.Pointer[time.Time] // until when is sent what is left; nil: nobody has asked for the end
}

type counts struct {
	sent, dropped, failures atomic.Uint64
	failing, refusing       atomic.Bool // it was told, and is told again once it has worked
}

// Stats count what became of a signal's spans, points or records.
type Stats struct {
	Sent     uint64 // taken by the other side
	Dropped  uint64 // lost: no room, refused, or too old
	Failures uint64 // messages that were not taken at once
}

// A transport carries messages.
type transport interface {
	// send sends a message once. The error is a *later if it is worth another try.
	send(ctx context.Context, signal Signal, message []byte) (answer []byte, err error)
	close()
}

// A later is a failure that may pass.
type later struct {
	err   error
	after time.Duration // that the other side asks to wait; 0: it does not say
}

func (l *later) Error() string { return l.err.Error() }
func (l *later) Unwrap() error { return l.err }

// NewClient returns a client. It connects when there is something to send.
func NewClient(opt Options) (*Client, error) {
	c := &Client{opt: opt}
	if !opt.GRPC {
		c.way = newHTTP(&c.opt)
		return c, nil
	}
	way, err := newGRPC(&c.opt)
	if err != nil {
		return nil, err
	}
	c.way = way
	return c, nil
}

// Close lets connections go.
func (c *Client) Close() { c.way.close() }

// Stats returns what became of a signal so far.
func (c *Client) Stats(s Signal) Stats {
	n := &c.counts[s]
	return Stats{Sent: n.sent.Load(), Dropped: n.dropped.Load(), Failures: n.failures.Load()}
}

// Bounds of sending. While one message is tried again the queue behind it fills,
// and then drops.
const (
	sendTime  = 10 * time.Second       // of one try
	firstRest = 500 * time.Millisecond // before the second try; doubled for each further one
	longRest  = 30 * time.Second
	giveUp    = 5 * time.Minute // after which a message is dropped
	lastTime  = 3 * time.Second // for all that is left when the server ends
)

// deliver sends a message of so many items until it is taken or refused for good,
// it is too old, or ctx ends: then it is tried once more, if there is time.
func (c *Client) deliver(ctx context.Context, s Signal, message []byte, items int) {
	n := &c.counts[s]
	begun := time.Now()
	for rest := firstRest; ; rest = min(2*rest, longRest) {
		last := ctx.Err() != nil
		err := c.try(ctx, s, message, items)
		if err == nil {
			return
		}
		n.failures.Add(1)
		var again *later
		refused := !errors.As(err, &again)
		if refused || last || time.Since(begun) > giveUp {
			n.dropped.Add(uint64(items))
			if !refused || n.refusing.CompareAndSwap(false, true) {
				c.opt.Log.Warn("telemetry lost: the OTLP endpoint does not take it", "signal", s.String(), "items", items, "error", err)
			}
			return
		}
		if n.failing.CompareAndSwap(false, true) {
			c.opt.Log.Warn("telemetry waits: the OTLP endpoint does not take it, and is tried again", "signal", s.String(), "error", err)
		}
		wait := max(min(again.after, longRest), rest/2+rand.N(rest))
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// try sends a message once.
func (c *Client) try(ctx context.Context, s Signal, message []byte, items int) error {
	ending := ctx
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTime)
	defer cancel()
	defer context.AfterFunc(ending, func() {
		defer cancel()
		select {
		case <-ctx.Done():
		case <-time.After(c.left()):
		}
	})()
	answer, err := c.way.send(ctx, s, message)
	if err != nil {
		return err
	}
	n := &c.counts[s]
	rejected, why := partialSuccess(answer)
	rejected = min(rejected, uint64(items))
	n.sent.Add(uint64(items) - rejected)
	n.dropped.Add(rejected)
	failed := n.failing.Swap(false)
	if rejected > 0 {
		if n.refusing.CompareAndSwap(false, true) {
			c.opt.Log.Warn("the OTLP endpoint took a part only", "signal", s.String(), "rejected", rejected, "reason", fmt.Sprintf("%.200s", why))
		}
		return nil
	}
	if n.refusing.Swap(false) || failed {
		c.opt.Log.Info("the OTLP endpoint takes telemetry again", "signal", s.String(), "dropped", n.dropped.Load())
	}
	return nil
}

// left is how long the end still waits for what is left.
func (c *Client) left() time.Duration {
	until := time.Now().Add(lastTime)
	c.end.CompareAndSwap(nil, &until)
	return time.Until(*c.end.Load())
}
