package upstream

import (
	"context"
	"errors"
	"strings"
	"time"

	"gatehouse/internal/guard"
	"gatehouse/internal/wire"
)

// A hedgedContext ends an attempt of which another one was faster.
type hedgedContext struct{ context.Context }

// An attempt is one of several that are made at the same time.
type attempt struct {
	at     *Cluster
	until  time.Time
	resp   wire.Response
	err    error
	cancel context.CancelFunc
}

// late tells whether a was given up so that another one may begin.
func (a *attempt) late(ctx context.Context, deadline time.Time) bool {
	return errors.Is(a.err, ErrTimeout) && a.until != deadline && ctx.Err() == nil
}

// hedges are the attempts of one request.
type hedges struct {
	cfg      *config
	req      *wire.Request // a copy: who comes too late may still be reading it
	deadline time.Time
	live     []*attempt
	done     chan *attempt // has room for all
	trail    trail
}

// hedged sends req, which has begun, to the endpoint c, and if the answer takes long, to others
// besides. The first answer is it.
func (c *Cluster) hedged(ctx context.Context, req *wire.Request, resp *wire.Response, deadline time.Time) error {
	cfg := c.member.group.config()
	h := &hedges{cfg: cfg, req: copied(req), deadline: deadline, done: make(chan *attempt, maxRetries+1)}
	defer func() { h.trail.end(c) }()
	h.start(ctx, c)
	timer := time.NewTimer(cfg.def.Retries.Hedge)
	defer timer.Stop()
	last := c
	for {
		select {
		case <-timer.C:
			if next := last.another(&h.trail, nil); next != nil {
				last = next
				next.begun()
				h.start(ctx, next)
				timer.Reset(cfg.def.Retries.Hedge)
			}
		case a := <-h.done:
			again := a.err == nil && cfg.retryOn != nil && cfg.retryOn.has(a.resp.Status)
			if a.err == nil && !again {
				h.end(a)
				*resp = a.resp
				return nil
			}
			h.forget(a)
			late := a.late(ctx, deadline)
			var next *Cluster
			if again || late || mayRetry(ctx, req, a.err) {
				next = last.another(&h.trail, a.err)
			}
			if a.err != nil {
				a.at.failed(a.err, next == nil && len(h.live) == 0)
			}
			if next == nil && len(h.live) == 0 {
				h.trail.lacked(c)
				*resp = a.resp
				return a.err
			}
			drop(&a.resp)
			if next != nil {
				last = next
				next.begun()
				h.startAfter(ctx, next, again || late)
			}
		}
	}
}

// start sends the request to at, where it has begun.
func (h *hedges) start(ctx context.Context, at *Cluster) { h.startAfter(ctx, at, false) }

// startAfter is start, after the pause of the definition if that is wanted.
func (h *hedges) startAfter(ctx context.Context, at *Cluster, pause bool) {
	ctx, cancel := context.WithCancel(ctx)
	a := &attempt{at: at, cancel: cancel}
	h.live = append(h.live, a)
	backoff := time.Duration(0)
	if pause {
		backoff = h.trail.backoff(h.cfg)
	}
	trail := h.trail
	go func() {
		if !sleep(ctx, backoff) {
			at.over()
			a.err = context.Cause(ctx)
			h.done <- a
			return
		}
		a.until = trail.until(at, h.cfg, h.req, h.deadline)
		a.err = guard.Do(func() error { return at.once(hedgedContext{ctx}, h.req, &a.resp, a.until, h.deadline) })
		h.done <- a
	}()
}

// forget takes out an attempt that is over.
func (h *hedges) forget(a *attempt) {
	a.cancel()
	for i, o := range h.live {
		if o == a {
			h.live = append(h.live[:i], h.live[i+1:]...)
			return
		}
	}
}

// end ends all attempts but the one that was first. What they still bring is
// dropped, and their endpoints are not blamed.
func (h *hedges) end(first *attempt) {
	h.forget(first)
	for _, a := range h.live {
		a.cancel()
	}
	if left := len(h.live); left > 0 {
		go func() {
			for range left {
				if a := <-h.done; a.err == nil {
					drop(&a.resp)
				} else {
					a.at.member.requests.Add(1)
				}
			}
		}()
	}
}

// copied returns a request that shares nothing with req.
func copied(req *wire.Request) *wire.Request {
	c := *req
	c.Method, c.Target, c.Path, c.Query = strings.Clone(req.Method), strings.Clone(req.Target), "", ""
	c.Host = strings.Clone(req.Host)
	c.Header.Fields = make([]wire.Field, len(req.Header.Fields))
	for i, f := range req.Header.Fields {
		c.Header.Fields[i] = wire.Field{Name: strings.Clone(f.Name), Value: strings.Clone(f.Value), ID: f.ID}
	}
	c.Body.Bytes = append([]byte(nil), req.Body.Bytes...)
	return &c
}
