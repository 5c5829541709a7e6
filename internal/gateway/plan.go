package gateway

import (
	"context"
	"errors"
	"time"
)

// A Step does one thing to an exchange.
//
// Do returns nil to pass the exchange on, ErrAnswered when it has filled in
// the method response itself, or a *Fault to refuse. A step is shared by all
// exchanges of its route and must not change after it is made.
type Step interface {
	Do(ctx context.Context, x *Exchange) error
}

// ErrAnswered is returned by a step that has filled in the method response:
// the rest of the plan up to Finish is skipped.
var ErrAnswered = errors.New("answered")

// An Integration calls the backend of a route: it takes
// x.IntegrationRequest and fills in x.IntegrationResponse.
type Integration interface {
	Call(ctx context.Context, x *Exchange) error
}

// A Forward is an integration that is nothing but one HTTP call. Who drives
// the exchange may send the request itself, between Prepare and Accept, and
// not call Call.
type Forward interface {
	Integration
	// Prepare fills in x.IntegrationRequest, x.Cluster and x.Deadline.
	Prepare(x *Exchange) error
	// Accept is called with the outcome of the call: with the head of the
	// answer in x.IntegrationResponse, or with the error.
	Accept(x *Exchange, err error) error
}

// ErrWouldWait is returned by a Prompt that had to wait for more than a moment,
// of an exchange that must not: see Exchange.NoWait. It has changed nothing, and
// is asked again where waiting is allowed.
var ErrWouldWait = errors.New("this step would wait")

// A Prompt is a step that never waits, for nothing but a lock that is held for a
// moment, as long as all of the message it looks at is here. A step that has to,
// now and then, returns ErrWouldWait if x.NoWait, and waits otherwise.
type Prompt interface {
	Step
	// Prompt does nothing: it is there to be had.
	Prompt()
}

// A Finisher sees an exchange after its response has been sent: access log,
// metrics, trace. It must not keep anything of x.
type Finisher interface {
	Finish(x *Exchange)
}

// A Sink takes the lines of access logs, newline included, each with the time when
// its exchange ended, which is now. It never waits, and keeps nothing of a line. It
// is called from any number of goroutines.
type Sink interface {
	Write(at time.Time, line []byte)
}

// An EventSink takes events of a log group. It never waits, and keeps nothing of
// a text. It is called from any number of goroutines.
type EventSink interface {
	// Write adds an event, at a time in milliseconds since 1970: its text, and that
	// as it is delivered. False: it was dropped.
	Write(at int64, text, whole []byte) bool
	// Delivers reports whether what is delivered matters.
	Delivers() bool
}

// A Plan is what happens to every exchange of one route, in order.
type Plan struct {
	Request     []Step      // method request … integration request
	Integration Integration // the backend call; nil if a step answers
	Response    []Step      // integration response … method response
	Fault       Step        // gateway response; runs only after an error
	Finish      []Finisher  // always run, after the response was sent

	forward Forward
}

// Forward returns what p does in the middle, if that is the only thing in p that
// may wait; else nil.
func (p *Plan) Forward() Forward { return p.forward }

// Seal finds out what p is made of, once it is complete. A plan that is not
// sealed has no Forward.
func (p *Plan) Seal() {
	f, ok := p.Integration.(Forward)
	if ok && prompt(p.Request) && prompt(p.Response) {
		p.forward = f
	}
}

func prompt(steps []Step) bool {
	for _, s := range steps {
		if _, ok := s.(Prompt); !ok {
			return false
		}
	}
	return true
}

// Run takes x through the plan up to its response. Afterwards
// x.MethodResponse is what the client gets, whether the exchange went well or
// not.
func (p *Plan) Run(ctx context.Context, x *Exchange) {
	err := p.Before(ctx, x)
	if err == nil && p.Integration != nil {
		err = p.Integration.Call(ctx, x)
	}
	if err == nil {
		err = p.After(ctx, x)
	}
	if err != nil {
		p.Fail(ctx, x, err)
	}
}

// Before takes x through the plan up to the integration. If a step returned
// ErrWouldWait, Before or Run goes on with that step.
func (p *Plan) Before(ctx context.Context, x *Exchange) error {
	steps := p.Request[x.passed:]
	from := x.passed
	x.passed = 0
	if x.Recording != nil {
		return p.recorded(steps, x, func(s Step) error { return s.Do(ctx, x) })
	}
	for i, s := range steps {
		if err := s.Do(ctx, x); err != nil {
			if err == ErrWouldWait { //nolint:errorlint // a sentinel between steps, never wrapped
				x.passed = from + i
			}
			return err
		}
	}
	return nil
}

// After takes x through the plan from the integration to the response.
func (p *Plan) After(ctx context.Context, x *Exchange) error {
	if x.Recording != nil {
		x.Recording.addBackend(x)
		return p.recorded(p.Response, x, func(s Step) error { return s.Do(ctx, x) })
	}
	for _, s := range p.Response {
		if err := s.Do(ctx, x); err != nil {
			return err
		}
	}
	return nil
}

// Fail ends an exchange that a part of the plan did not pass on: with the
// answer that is already there, or with that of the fault.
func (p *Plan) Fail(ctx context.Context, x *Exchange, err error) {
	if err == ErrAnswered { //nolint:errorlint // a sentinel between steps, never wrapped
		return
	}
	x.Fault = asFault(err)
	x.dropBackend()
	if src := x.MethodResponse.Body.Source; src != nil { // a step after the integration failed
		_ = src.Close()
		x.MethodResponse.Body.Source = nil
	}
	if p.Fault == nil {
		x.AnswerFault(x.Fault)
		return
	}
	_ = p.Fault.Do(ctx, x) // it answers whatever happens
}
