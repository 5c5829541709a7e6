package authorizer

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/cache"
	"gatehouse/internal/function"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/event"
)

// Timeout is how long an authorizer may take to decide.
//
// AWS: undocumented for REST APIs; that of integrations.
const Timeout = 29 * time.Second

// A Caller asks for a decision. The answer is only valid until the payload is
// used again.
type Caller interface {
	// Call returns what was answered, the id of the call, and its status. An
	// error is *function.Error or whatever kept the caller from an answer, and
	// Raised if what was asked raised an error.
	Call(ctx context.Context, x *gateway.Exchange, payload []byte) (answer []byte, requestID string, err error)
}

// call has a caller ask with the payload that stands in x.Text from there on, takes
// it away, and notes how it went.
func call(ctx context.Context, x *gateway.Exchange, by Caller, from int) (answer []byte, err error) {
	v := &x.Vars
	v.AuthorizerStart, v.AuthorizerStatus = v.Now, 200
	answer, v.AuthorizerRequestID, err = by.Call(ctx, x, x.Text[from:])
	v.Now = time.Now()
	v.AuthorizerLatency = v.Now.Sub(v.AuthorizerStart)
	x.Text = x.Text[:from]
	return answer, err
}

// Raised is the error that an authorizer's function raised.
type Raised struct{ Message string }

// Error returns the message.
func (r *Raised) Error() string { return r.Message }

// ask gets a decision: one call for all exchanges that wait for the same.
func (r *lambdaRoute) ask(ctx context.Context, x *gateway.Exchange, key []byte) (*Decision, error) {
	l := r.l
	if l.TTL <= 0 {
		return r.call(ctx, x)
	}
	return askOnce(ctx, &l.flights, l.Cache, key, func(ctx context.Context) (kept[*Decision], error) {
		d, err := r.call(ctx, x)
		if err != nil {
			return kept[*Decision]{}, err
		}
		return kept[*Decision]{d, d.size, x.Vars.Now.Add(l.TTL)}, nil
	})
}

// kept is a decision with how large it is and until when it counts.
type kept[D any] struct {
	decision D
	size     int
	until    time.Time
}

// askOnce gets a decision by call, for all exchanges that wait for the same,
// and keeps it. A call that fails leaves nothing.
func askOnce[D any](ctx context.Context, fs *flights[D], c *cache.Cache[D], key []byte, call func(context.Context) (kept[D], error)) (D, error) {
	var none D
	f, first := fs.join(string(key))
	if !first {
		select {
		case <-f.done:
			return f.decision, f.err
		case <-ctx.Done():
			return none, misconfigured(context.Cause(ctx))
		}
	}
	// Whoever waits for this call must not lose it with the client that began
	// it. An outcome that is never told is a refusal.
	f.err = misconfigured(errors.New("the authorizer's call was given up"))
	defer fs.end(string(key), f)
	room := c.Replace(key) // a flush from now on means that it is not kept
	defer room.End()
	k, err := call(context.WithoutCancel(ctx))
	f.decision, f.err = k.decision, err
	if err == nil && room.Reserve(k.size) {
		room.Store(k.decision, k.until)
	}
	return k.decision, err
}

// call asks for a decision about x.
func (r *lambdaRoute) call(ctx context.Context, x *gateway.Exchange) (*Decision, error) {
	asked, err := x.Asked()
	if err != nil {
		return nil, err
	}
	arn := asked.Resource
	from := len(x.Text)
	if r.l.Token {
		x.Text = append(event.AppendString(append(x.Text, `{"type":"TOKEN","methodArn":`...), arn), `,"authorizationToken":`...)
		x.Text = append(event.AppendString(x.Text, r.l.Sources[0].value(x)), '}')
	} else {
		x.Text = r.form.AppendAuthorizer(x.Text, x, arn)
	}
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	answer, err := call(ctx, x, r.l.Caller, from)
	if err != nil {
		return nil, refusal(x, err)
	}
	d, err := ParseDecision(answer)
	if err != nil {
		x.Vars.AuthorizerError = err.Error()
		return nil, misconfigured(err)
	}
	return d, nil
}

// refusal is what an authorizer that did not decide means.
//
// AWS: authorizers.md §1.3: the error "Unauthorized", to the letter, is one
// decision: 401.
func refusal(x *gateway.Exchange, err error) error {
	x.Vars.AuthorizerError = err.Error()
	var raised *Raised
	if errors.As(err, &raised) {
		switch {
		case raised.Message == "Unauthorized":
			return unauthorized
		case strings.Contains(raised.Message, "Task timed out after"):
			return misconfigured(err)
		}
		return failed(err)
	}
	var e *function.Error
	if errors.As(err, &e) {
		x.Vars.AuthorizerStatus = e.Status
	} else {
		x.Vars.AuthorizerStatus = 0
	}
	return misconfigured(err)
}

// flights are the calls under way, by identity.
type flights[D any] struct {
	mu  sync.Mutex // guards all
	all map[string]*flight[D]
}

// A flight is one call. Its outcome is set before done is closed.
type flight[D any] struct {
	done     chan struct{}
	decision D
	err      error
}

// join returns the flight for a key, and whether the caller is the first, who
// must end it.
func (fs *flights[D]) join(key string) (f *flight[D], first bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f = fs.all[key]; f != nil {
		return f, false
	}
	f = &flight[D]{done: make(chan struct{})}
	if fs.all == nil {
		fs.all = make(map[string]*flight[D])
	}
	fs.all[key] = f
	return f, true
}

func (fs *flights[D]) end(key string, f *flight[D]) {
	fs.mu.Lock()
	delete(fs.all, key)
	fs.mu.Unlock()
	close(f.done)
}
