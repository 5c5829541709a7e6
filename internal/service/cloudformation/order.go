package cloudformation

import (
	"context"
	"errors"
	"time"

	api "gatehouse/internal/awsapi/cloudformation"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/store"
)

// An order tells a run that makes or changes a stack to turn around. It can be given
// until the stack is what its template says, or the run turns around by itself: these
// are commits that exclude each other.
type order struct {
	Delete bool     // the stack; otherwise its update is rolled back
	Retain []string // resources that are kept then
	Token  string

	Caller  caller // who deletes it, with the permissions that this one has
	Session []byte // as that of a run
}

// errOrdered ends what a run does because there is an order.
var errOrdered = errors.New("the run was told to turn around")

// errHandedOver ends what a run does for one caller: it goes on for another.
var errHandedOver = errors.New("the run is somebody else's")

// give gives the run of a stack an order, if the stack may have it. What the run
// commits meanwhile has it looked at again.
func (s *Service) give(ctx context.Context, t tables, id string, o order, may func(st *stack) error) error {
	err := store.Update(ctx, s.st, func(c *store.Change) error {
		st, rev, err := t.stacks.Get(ctx, id)
		if err != nil {
			return err
		}
		if err := may(&st); err != nil {
			return err
		}
		c.Require(t.stacks.Is(id, rev))
		store.Add(c, t.orders, id, o)
		return nil
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if tell := s.running[id]; tell != nil {
		tell()
	}
	return nil
}

// watch notes that a stack is worked on. The context that it returns ends when the
// stack gets an order.
func (s *Service) watch(ctx context.Context, id string) (told context.Context, done func()) {
	told, tell := context.WithCancel(ctx)
	s.mu.Lock()
	s.running[id] = tell
	s.mu.Unlock()
	return told, func() {
		s.mu.Lock()
		delete(s.running, id)
		s.mu.Unlock()
		tell()
	}
}

// ordered is the order that the stack has; nil: none.
func (r *runner) ordered(ctx context.Context) (*order, error) {
	o, _, err := r.t.orders.Get(ctx, r.st.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return &o, err
}

// obey turns the run around.
func (r *runner) obey(ctx context.Context, o *order) error {
	forget := func(c *store.Change) { c.Do(r.t.orders.Delete(r.st.ID)) }
	run := r.st.Run
	if o.Delete {
		if o.Token != "" {
			r.st.Token = o.Token
		}
		run.Phase, run.Failed, run.Retain = phaseDelete, "", o.Retain
		r.st.setStatus("DELETE_IN_PROGRESS", "User Initiated")
		if o.Caller.Account == "" { // given before they were kept
			return r.commit(ctx, true, forget)
		}
		r.st.Caller, run.Session = o.Caller, o.Session
		if err := r.commit(ctx, true, forget); err != nil {
			return err
		}
		return errHandedOver
	}
	run.Keep = false
	return r.fail(ctx, "User Initiated", forget)
}

// turn is what a run forward does that cannot go on: it obeys its order, if it has one,
// and else it fails for a reason. An order that was given is followed, and none is left
// for the next run.
func (r *runner) turn(ctx context.Context, reason string) error {
	o, err := r.ordered(ctx)
	if o == nil && err == nil {
		was, run := *r.st, *r.st.Run
		err = r.fail(ctx, reason, func(c *store.Change) { c.Require(r.t.orders.Absent(r.st.ID)) })
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
		*r.st, r.st.Run = was, &run
		conflict := err
		if o, err = r.ordered(ctx); o == nil && err == nil {
			return conflict
		}
	}
	if err != nil {
		return err
	}
	return r.obey(ctx, o)
}

// why is why a creation fails: for this, or for having taken too long.
func (r *runner) why(reason string) string {
	if r.expired() {
		return errExpired
	}
	return reason
}

// errExpired is why a creation with TimeoutInMinutes failed.
const errExpired = "Stack creation time exceeded the specified timeout"

// expired tells whether the creation has taken longer than it may.
func (r *runner) expired() bool {
	at := r.st.Run.Deadline
	return !at.IsZero() && time.Now().After(at)
}

// CancelUpdateStack rolls an update back that has not ended.
func (s *Service) CancelUpdateStack(ctx context.Context, in *api.CancelUpdateStackInput) error {
	t := s.tables(ctx)
	st, _, err := t.find(ctx, *in.StackName)
	if err != nil {
		return err
	}
	return s.give(ctx, t, st.ID, order{Token: str(in.ClientRequestToken)}, func(st *stack) error {
		if st.Run == nil || st.Run.Phase != phaseForward || !st.Run.Updating || st.Run.Nested {
			// AWS: the words for all that is not UPDATE_IN_PROGRESS, nested stacks too.
			return awsrpc.Validation("CancelUpdateStack cannot be called from current stack status")
		}
		return nil
	})
}
