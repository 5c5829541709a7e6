package ingress

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"

	"gatehouse/internal/gateway"
	"gatehouse/internal/upstream"
	"gatehouse/internal/wire"
)

// Serve makes gw a handler of exchanges. A panic while one is served costs
// that exchange: it is answered INTERNAL and logged with its stack.
func Serve(gw *gateway.Gateway, log *slog.Logger) wire.Handler {
	h := &plans{gw: gw, log: log}
	h.pool.New = func() any { return &exchange{plans: h} }
	return h
}

type plans struct {
	gw   *gateway.Gateway
	log  *slog.Logger
	pool sync.Pool
}

// An exchange is a gateway's exchange, as drivers see it. It is pooled whole.
type exchange struct {
	*plans
	x    gateway.Exchange
	plan *gateway.Plan   // set by Begin, if it did not get to the end of it
	call gateway.Forward // what is to be called; nil: the plan was not begun
}

func (h *plans) Acquire(peer *wire.Peer) wire.Exchange {
	e := h.pool.Get().(*exchange)
	e.x.Peer = peer
	return e
}

func (e *exchange) Request() *wire.Request { return &e.x.MethodRequest }

func (e *exchange) Serve(ctx context.Context) (resp *wire.Response) {
	resp = &e.x.MethodResponse // also after a panic
	defer e.recover()
	switch {
	case e.call != nil:
		return e.End(ctx, e.x.Cluster.Do(ctx, &e.x.IntegrationRequest, &e.x.IntegrationResponse, e.x.Deadline))
	case e.plan != nil:
		e.plan.Run(ctx, &e.x)
	default:
		e.gw.Serve(ctx, &e.x)
	}
	e.complete()
	return resp
}

// Begin implements wire.Forwarder.
func (e *exchange) Begin(ctx context.Context, call *wire.Call) (resp *wire.Response, ok bool) {
	resp, ok = &e.x.MethodResponse, true // also after a panic
	defer e.recover()
	p := e.gw.Begin(&e.x)
	if p == nil {
		return resp, true
	}
	e.plan = p
	f := p.Forward()
	if f == nil || e.x.Recording != nil {
		return nil, false
	}
	e.x.NoWait = true
	err := p.Before(ctx, &e.x)
	e.x.NoWait = false
	if err == gateway.ErrWouldWait { //nolint:errorlint // a sentinel between steps, never wrapped
		return nil, false
	}
	if err == nil {
		err = f.Prepare(&e.x)
	}
	if err != nil {
		p.Fail(ctx, &e.x, err)
		return resp, true
	}
	e.call = f
	if c, ok := e.x.Cluster.(*upstream.Cluster); ok {
		c, err := c.Pick(&e.x)
		if err != nil {
			return e.End(ctx, err), true
		}
		e.x.Cluster = c // also if Serve goes on
	}
	b, ok := e.x.Cluster.(wire.Backend)
	if !ok || e.x.IntegrationRequest.Upgrade != "" {
		return nil, false
	}
	*call = wire.Call{Backend: b, Request: &e.x.IntegrationRequest, Response: &e.x.IntegrationResponse, Deadline: e.x.Deadline}
	return nil, true
}

// End implements wire.Forwarder.
func (e *exchange) End(ctx context.Context, err error) (resp *wire.Response) {
	resp = &e.x.MethodResponse // also after a panic
	defer e.recover()
	if err = e.call.Accept(&e.x, err); err == nil {
		err = e.plan.After(ctx, &e.x)
	}
	if err != nil {
		e.plan.Fail(ctx, &e.x, err)
	}
	e.complete()
	return resp
}

// complete adds to the answer what no step of a plan knows of: cookies, and the
// backend's connection where client and backend change to another protocol.
func (e *exchange) complete() {
	e.x.GiveCookies()
	join := e.x.IntegrationResponse.Switch
	switch {
	case join == nil:
	case e.x.MethodResponse.Status == http.StatusSwitchingProtocols:
		e.x.MethodResponse.Switch = join
	default:
		join(nil, nil) // the plan made another answer of it
	}
}

var _ upstream.Subject = (*gateway.Exchange)(nil)

var _ wire.Forwarder = (*exchange)(nil)

// recover answers an exchange whose plan has panicked.
func (e *exchange) recover() {
	r := recover()
	if r == nil {
		return
	}
	e.log.Error("panic while serving", "panic", r, "stack", string(debug.Stack()))
	if src := e.x.MethodResponse.Body.Source; src != nil {
		_ = src.Close() // the answer is replaced
	}
	e.gw.Refuse(&e.x, gateway.NewFault(gateway.Internal, fmt.Errorf("panic: %v", r)))
}

func (e *exchange) Refuse(cause *wire.Error) *wire.Response {
	e.gw.Refuse(&e.x, faultOf(cause))
	e.x.MethodResponse.Close = true
	return &e.x.MethodResponse
}

func (e *exchange) Finish(sent wire.Sent) {
	defer e.recoverFinish()
	e.gw.Finish(&e.x, sent)
	e.plan, e.call = nil, nil
	e.pool.Put(e)
}

// recoverFinish keeps a panic of a finisher from ending the server. The
// exchange is not used again.
func (e *exchange) recoverFinish() {
	if r := recover(); r != nil {
		e.log.Error("panic while finishing", "panic", r, "stack", string(debug.Stack()))
	}
}
