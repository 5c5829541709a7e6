package gateway

import (
	"context"
	"errors"
	"sync/atomic"

	"gatehouse/internal/clientcert"
	"gatehouse/internal/wire"
)

// A Gateway serves exchanges from its current table. It is safe for any number
// of goroutines, and its zero value serves an empty table.
type Gateway struct {
	// Clients is what all clients of TLS are asked for; nil: nothing. It is set
	// before the first exchange.
	Clients *clientcert.Rule

	// Recorder keeps what happened to exchanges; nil: nothing is kept. It is set
	// before the first exchange.
	Recorder *Recorder

	// Bodies are the most that bodies may have. They are set before the first
	// exchange.
	Bodies Bodies

	watcher atomic.Pointer[func(x *Exchange)]
	table   atomic.Pointer[Table]
}

var emptyTable = new(Table)

// Publish makes t the table that new exchanges are served from. Exchanges under
// way end on what they began with.
func (g *Gateway) Publish(t *Table) { g.table.Store(t) }

// Table returns the current table.
func (g *Gateway) Table() *Table {
	if t := g.table.Load(); t != nil {
		return t
	}
	return emptyTable
}

// Watch has each called with every exchange that ended at a stage, of which it
// keeps nothing; nil: nobody watches any more. It must not wait.
func (g *Gateway) Watch(each func(x *Exchange)) {
	if each == nil {
		g.watcher.Store(nil)
		return
	}
	g.watcher.Store(&each)
}

// Serve answers x.MethodRequest in x.MethodResponse.
func (g *Gateway) Serve(ctx context.Context, x *Exchange) {
	if p := g.Begin(x); p != nil {
		p.Run(ctx, x)
	}
}

// Begin finds out what x is served from and returns its plan. It returns nil
// when there is no stage to ask: then x is answered.
func (g *Gateway) Begin(x *Exchange) *Plan {
	t := g.Table()
	x.Table, x.bodies = t, &g.Bodies
	x.begin()
	if g.Recorder != nil {
		g.Recorder.begin(x)
	}
	w := t.find(x)
	x.Domain = w.private
	x.Vars.setPlace(x.MethodRequest.Host, &w)
	if (g.Clients != nil || w.clients != nil) && !g.admits(x, &w) {
		return nil
	}
	switch {
	case w.http:
		return x.beginHTTP(&w)
	case w.socket:
		return x.beginSocket(&w)
	}
	if f := refusal(x, &w); f != nil {
		x.Fault = f
		x.AnswerFault(f)
		return nil
	}
	st := w.stage
	if f := tooLong(st, &x.MethodRequest, x.Vars.HTTPMethod, w.path); f != nil {
		x.Fault = f
		x.AnswerFault(f)
		return nil
	}
	if c := st.Canary; c != nil {
		x.Vars.HasCanary = true
		if x.draw() < c.Percent {
			x.Vars.Canary = true
			st = c.Stage
		}
	}
	x.Stage = st
	rt, params := st.Router.Match(x.Vars.HTTPMethod, w.path, x.Vars.Params[:0])
	x.Vars.Params = params
	if rt == nil {
		x.plan = st.Fallback
		return x.plan
	}
	x.Route = rt
	x.plan = rt.Plan
	return x.plan
}

// find finds out where x goes.
func (t *Table) find(x *Exchange) where {
	if len(t.private) > 0 {
		if w, ok := t.resolvePrivate(&x.MethodRequest, x.Peer); ok {
			return w
		}
	}
	w := t.resolve(&x.MethodRequest)
	if w.stage == nil && !w.http {
		w = t.resolveHeader(&x.MethodRequest)
	}
	return w
}

// refusal returns why a request is refused before any stage is asked, or nil.
//
// AWS: rest-execution.md §1: no stage: 403 with all three id headers. §3: "|",
// "{" and "}" must be encoded in a query string; the body is undocumented.
func refusal(x *Exchange, w *where) *Fault {
	if w.stage == nil {
		return forbidden
	}
	query := x.MethodRequest.Query
	for i := 0; i < len(query); i++ {
		switch query[i] {
		case '|', '{', '}':
			return badQuery
		}
	}
	return nil
}

// What a request may have, beyond which it is a 414.
//
// AWS: execution.md §6. The ingress holds all requests to the 10,240 characters
// of REGIONAL APIs.
const (
	maxARN     = 1600 // characters of the method's ARN, with the path that is called
	maxEdgeURL = 8192 // characters of the target, of EDGE and PRIVATE APIs
)

// tooLong returns the fault for a request that is too long for its stage. The
// ARN is arn:aws:execute-api:{region}:{account}:{api}/{stage}/{method}{path}.
func tooLong(st *Stage, r *wire.Request, method, path string) *Fault {
	if len(r.Target) < maxARN/2 {
		return nil
	}
	if len(r.Target) > maxEdgeURL && st.EndpointType != "REGIONAL" {
		return uriTooLong
	}
	n := len("arn:aws:execute-api:") + len(st.Region) + len(":") + len(st.Account) + len(":") + len(st.API) + len("/") +
		len(st.Name) + len("/") + len(method) + len(path)
	if n <= maxARN {
		return nil
	}
	return uriTooLong
}

var uriTooLong = NewFault(URITooLong, nil)

var (
	forbidden = NewFault(Forbidden, nil)
	badQuery  = NewFault(Default4XX, errors.New("the query string has a character that must be encoded"))
)

// Finish tells the finishers of x's plan how the response was sent, gives up
// the backend's body if nobody has, and makes x ready for the next request.
func (g *Gateway) Finish(x *Exchange, sent wire.Sent) {
	x.Vars.Sent = sent
	if x.plan != nil {
		for _, f := range x.plan.Finish {
			f.Finish(x)
		}
	}
	if g.Recorder != nil {
		g.Recorder.finish(x)
	}
	if each := g.watcher.Load(); each != nil && x.Stage != nil && !x.Vars.TestInvoke {
		(*each)(x)
	}
	x.dropBackend()
	x.Reset()
}

// dropBackend gives up a backend's body that did not become the response's.
func (x *Exchange) dropBackend() {
	b := &x.IntegrationResponse.Body
	if b.Source != nil {
		_ = b.Source.Close() // nobody is left to hear of it
		b.Source = nil
	}
}
