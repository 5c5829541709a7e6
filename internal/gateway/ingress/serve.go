package ingress

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"

	"gatehouse/internal/gateway"
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
	x gateway.Exchange
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
	e.gw.Serve(ctx, &e.x)
	return resp
}

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
	e.pool.Put(e)
}

// recoverFinish keeps a panic of a finisher from ending the server. The
// exchange is not used again.
func (e *exchange) recoverFinish() {
	if r := recover(); r != nil {
		e.log.Error("panic while finishing", "panic", r, "stack", string(debug.Stack()))
	}
}
