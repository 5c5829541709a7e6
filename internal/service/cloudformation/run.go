package cloudformation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	api "gatehouse/internal/awsapi/cloudformation"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/guard"
	"gatehouse/internal/store"
)

// A runner does the run of one stack.
type runner struct {
	s    *Service
	t    tables
	st   *stack
	rev  store.Rev // of st
	tpl  *template
	stop context.Context //nolint:containedctx // ends when the server stops; of one run
	told context.Context //nolint:containedctx // ends when the stack, or one that it is nested in, gets an order

	policy *stackPolicy // of an update; nil: all is allowed

	mu        sync.Mutex // guards the fields below
	resources map[string]*resource
	imported  map[string]string // values of exports of other stacks, by name
	veil      veil              // over what events tell
}

func newRunner(s *Service, t tables, st *stack, rev store.Rev) *runner {
	return &runner{s: s, t: t, st: st, rev: rev, resources: map[string]*resource{}, imported: map[string]string{}}
}

// errStopped ends a run that goes on at the next start.
var errStopped = errors.New("the server stops")

// do works on one stack until nothing is to be done, or the server stops.
func (s *Service) do(ctx context.Context, j job) {
	for errors.Is(s.doFor(ctx, j), errHandedOver) {
		continue // for who has taken over
	}
}

// doFor works on one stack as who asked for what is done now.
func (s *Service) doFor(ctx context.Context, j job) error {
	t := tablesOf(s.st, j.account, j.region)
	st, rev, err := t.stacks.Get(ctx, j.id)
	if err != nil || st.Run == nil {
		return nil //nolint:nilerr // it is left for the next start
	}
	told, done := s.watch(ctx, st.ID)
	defer done()
	r := newRunner(s, t, &st, rev)
	r.told = told
	// A call to a service and the record of what came of it are not torn apart
	// when the server stops: ctx ends the run between resources.
	caller := s.callerFor(&st)
	caller.Via = principal
	calls := awsrpc.WithCaller(context.WithoutCancel(ctx), caller)
	err = r.run(ctx, calls)
	if err != nil && !errors.Is(err, errStopped) && !errors.Is(err, errHandedOver) {
		s.opt.Log.Error("stack is left as it is", "stack", str(st.StackId), "error", err)
	}
	return err
}

// load reads the resources of the stack, after what nobody knows of is taken back.
func (r *runner) load(ctx context.Context) error {
	if err := r.t.undo(ctx, r.st.ID); err != nil {
		return err
	}
	rows, err := r.t.resources.All(ctx, r.st.ID)
	for _, row := range rows {
		r.resources[row.Value.Logical] = &row.Value
	}
	if err != nil {
		return err
	}
	r.veil, err = veilOf(r.t, r.st, maps.Values(r.resources))
	if told, ok := errors.AsType[*awsrpc.Error](err); ok { // of the template: all is hidden
		r.s.opt.Log.Warn("events of a stack tell no properties", "stack", str(r.st.StackId), "error", told)
		return nil
	}
	return err
}

func (r *runner) run(stop, ctx context.Context) error {
	r.stop = stop
	err := r.load(ctx)
	if err != nil {
		return err
	}
	if r.st.Run.Phase == phaseForward {
		o, failed := r.ordered(ctx)
		switch {
		case failed != nil:
			return failed
		case o != nil:
			err = r.obey(ctx, o)
		case r.st.Run.Begun:
			err = r.turn(ctx, "The server stopped during the operation")
		}
	}
	for err == nil && r.st.Run != nil && !r.st.Run.held() {
		phase := r.st.Run.Phase
		err = r.guard(func() error { return r.do(stop, ctx, phase) })
		if errors.Is(err, errPanic) {
			err = r.giveUp(ctx)
		}
	}
	return err
}

func (r *runner) do(stop, ctx context.Context, p phase) error {
	switch p {
	case phaseForward:
		return r.forward(stop, ctx)
	case phaseRollback:
		return r.rollback(stop, ctx)
	case phaseCleanup:
		return r.cleanup(stop, ctx)
	case phaseDelete:
		return r.delete(stop, ctx)
	}
	return fmt.Errorf("unknown phase %q", p)
}

// errPanic stands for a panic, which is in the log. A fault of ours, or one that
// a template provokes, must not end the server: at its next start it would come
// upon the same stack.
//
//lint:ignore ST1005 it is AWS's text, and shown as the reason that a stack failed
var errPanic = errors.New("Internal failure")

// guard calls do and makes an error of its panic.
func (r *runner) guard(do func() error) error {
	err := guard.Do(do)
	var p *guard.Panic
	if errors.As(err, &p) {
		r.s.opt.Log.Error("panic while working on a stack", "stack", str(r.st.StackId), "panic", p.Value, "trace", string(p.Stack))
		return errPanic
	}
	return err
}

// giveUp ends a phase that cannot go on.
func (r *runner) giveUp(ctx context.Context) error {
	run := r.st.Run
	verb := "ROLLBACK_FAILED"
	switch run.Phase {
	case phaseForward:
		return r.turn(ctx, errPanic.Error())
	case phaseDelete:
		verb = "DELETE_FAILED"
	case phaseCleanup:
		verb = "CREATE_COMPLETE"
		if run.Updating {
			verb = "UPDATE_COMPLETE"
		}
	case phaseRollback:
		if run.Updating {
			verb = "UPDATE_ROLLBACK_FAILED"
		}
	}
	return r.finish(ctx, verb, errPanic.Error())
}

// commit writes the stack, and an event if its status is news.
func (r *runner) commit(ctx context.Context, tell bool, more ...func(c *store.Change)) error {
	var c store.Change
	r.t.put(&c, r.st, r.rev)
	if tell {
		r.t.tellStatus(&c, r.st)
	}
	for _, f := range more {
		f(&c)
	}
	rev, err := store.Once(ctx, r.t.st, c)
	if err == nil {
		r.rev = rev
	}
	return err
}

// finish ends the run with a status.
func (r *runner) finish(ctx context.Context, status, reason string, more ...func(c *store.Change)) error {
	if r.s.opt.Settled != nil {
		r.s.opt.Settled(ctx)
	}
	was := r.st.Run
	before := r.st.Before
	if was.Executes {
		set, _, err := r.t.executed.Get(ctx, r.st.ID)
		if err != nil && !errors.Is(err, store.ErrNotFound) { // it may have been deleted meanwhile
			return err
		}
		if err == nil {
			set.ExecutionStatus = new(executedBy(status))
			more = append(more, func(c *store.Change) { store.Add(c, r.t.executed, r.st.ID, set) })
		}
	}
	r.st.setStatus(status, reason)
	if r.st.Run = nil; status != "UPDATE_FAILED" && status != "UPDATE_ROLLBACK_FAILED" {
		r.st.Before = nil // nobody can return to it
	}
	err := r.commit(ctx, true, more...)
	if err != nil {
		r.st.Run, r.st.Before = was, before
	}
	return err
}

// fail turns the run around.
func (r *runner) fail(ctx context.Context, reason string, more ...func(c *store.Change)) error {
	run := r.st.Run
	run.Failed = reason
	switch {
	case run.Keep && run.Updating:
		return r.finish(ctx, "UPDATE_FAILED", reason, more...)
	case run.Keep:
		return r.finish(ctx, "CREATE_FAILED", reason, more...)
	case run.Updating:
		run.Phase = phaseRollback
		r.st.setStatus("UPDATE_ROLLBACK_IN_PROGRESS", reason)
	case run.Discard:
		run.Phase = phaseDelete
		r.st.setStatus("DELETE_IN_PROGRESS", reason)
	default:
		run.Phase = phaseRollback
		r.st.setStatus("ROLLBACK_IN_PROGRESS", reason)
	}
	return r.commit(ctx, true, more...)
}

// A failure is what a resource could not be made by.
type failure struct {
	resource string
	err      error
}

func (f *failure) Error() string { return f.resource + ": " + f.err.Error() }

// each runs do for the resources of each level, level by level, some at once.
// What fails as a *failure does not keep its level's others from ending.
func (r *runner) each(stop, ctx context.Context, levels [][]string, do func(name string) error) error {
	for _, level := range levels {
		if stop.Err() != nil {
			return errStopped
		}
		g := new(errgroup.Group)
		g.SetLimit(maxResourcesAtOnce)
		var mu sync.Mutex
		var failed []error
		for _, name := range level {
			g.Go(func() error {
				err := r.guard(func() error { return do(name) })
				if errors.Is(err, errPanic) {
					err = r.broken(ctx, name)
				}
				if err != nil {
					mu.Lock()
					failed = append(failed, err)
					mu.Unlock()
				}
				return nil
			})
		}
		_ = g.Wait() // errors are in failed
		if err := worst(failed); err != nil {
			return err
		}
	}
	return nil
}

// broken notes that the work on a resource ended in a panic.
func (r *runner) broken(ctx context.Context, name string) error {
	res := r.get(name)
	if res == nil {
		return &failure{name, errPanic}
	}
	failed := *res
	verb := "UPDATE"
	switch {
	case strings.HasPrefix(res.Status, "DELETE"):
		verb = "DELETE"
	case res.New:
		verb = "CREATE"
	}
	if err := r.save(ctx, &failed, verb+"_FAILED", errPanic.Error()); err != nil {
		return err
	}
	return &failure{name, errPanic}
}

// worst is one error for all: what is no failure of a resource comes first.
func worst(errs []error) error {
	var first error
	for _, err := range errs {
		var f *failure
		if !errors.As(err, &f) {
			return err
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// forward makes the stack what its template says.
func (r *runner) forward(stop, ctx context.Context) error {
	ev, err := r.evaluator(ctx)
	if err != nil {
		return r.turn(ctx, reasonOf(err))
	}
	var unreadable *awsrpc.Error
	switch err := r.begin(ctx, ev); {
	case isFailure(err):
		return r.turn(ctx, "The following resource(s) failed to "+r.verb()+": ["+r.failedNames()+"]. ")
	case errors.As(err, &unreadable): // the policy: it would not protect
		return r.turn(ctx, unreadable.Message)
	case err != nil:
		return err
	}
	levels, err := r.tpl.levels(func(name string) bool { return !r.wanted(ev, name) })
	if err != nil {
		return r.turn(ctx, reasonOf(err))
	}
	err = r.each(stop, ctx, levels, func(name string) error {
		if r.told.Err() != nil || r.expired() {
			return errOrdered
		}
		own := *ev // its counters and conditions are not shared
		own.conditions, own.open = maps.Clone(ev.conditions), nil
		if own.conditions != nil {
			own.open = map[string]bool{}
		}
		return r.apply(ctx, &own, name)
	})
	if stop.Err() != nil && (err == nil || isFailure(err) || errors.Is(err, errOrdered)) {
		return errStopped
	}
	if isFailure(err) || errors.Is(err, errOrdered) {
		return r.turn(ctx, r.why("The following resource(s) failed to "+r.verb()+": ["+r.failedNames()+"]. "))
	}
	if err != nil {
		return err
	}
	return r.conclude(ctx, ev)
}

// begin notes that from here on there may be something to take back, and refuses what
// the stack's policy does not allow to be deleted.
func (r *runner) begin(ctx context.Context, ev *evaluator) error {
	r.st.Run.Begun = true
	if err := r.commit(ctx, false); err != nil {
		return err
	}
	if !r.st.Run.Updating {
		return nil
	}
	var err error
	if r.policy, err = r.policyOf(ctx); err != nil || r.policy == nil {
		return err
	}
	var failed error
	for _, name := range slices.Sorted(maps.Keys(r.resources)) {
		res := *r.get(name)
		if strings.Contains(name, "/") || r.wanted(ev, name) {
			continue
		}
		if err := r.policy.check("Delete", &res); err != nil {
			if failed = r.failed(ctx, &res, err, "UPDATE"); !isFailure(failed) {
				return failed
			}
		}
	}
	return failed
}

func (r *runner) verb() string {
	if r.st.Run.Updating {
		return "update"
	}
	return "create"
}

func (r *runner) failedNames() string {
	return strings.Join(r.withStatus("CREATE_FAILED", "UPDATE_FAILED"), ", ")
}

// wanted tells whether a resource of the template is to be there.
func (r *runner) wanted(ev *evaluator, name string) bool {
	d := r.tpl.Resources[name]
	if d == nil {
		return false
	}
	return d.Condition == "" || ev.conditions[d.Condition]
}

// evaluator reads the stack's template and evaluates its conditions.
func (r *runner) evaluator(ctx context.Context) (*evaluator, error) {
	var err error
	if r.tpl, err = parseTemplate(r.st.text(), r.s.known); err != nil {
		return nil, err
	}
	ev := newEvaluator(r.tpl, r.st, r.t)
	ev.resource = func(name string) (*resource, bool) {
		r.mu.Lock()
		defer r.mu.Unlock()
		res := r.resources[name]
		return res, res != nil && res.Physical != ""
	}
	ev.imported = func(name string) (string, error) {
		e, _, err := r.t.exports.Find(ctx, awsrpc.Validation("No export named "+name+" found."), store.ID(name))
		if err != nil {
			return "", err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if !slices.Contains(r.st.Imports, name) {
			r.st.Imports = append(r.st.Imports, name)
		}
		r.imported[name] = e.Value
		return e.Value, nil
	}
	for name := range r.tpl.Conditions {
		if _, err := ev.condition(name); err != nil {
			return nil, err
		}
	}
	return ev, nil
}

// newEvaluator gives a template the parameters of a stack and the pseudo
// parameters.
func newEvaluator(tpl *template, st *stack, t tables) *evaluator {
	ev := &evaluator{t: tpl, values: map[string]any{
		"AWS::AccountId": t.account, "AWS::Region": t.region, "AWS::StackName": str(st.StackName), "AWS::StackId": str(st.StackId),
		"AWS::Partition": partition(t.region), "AWS::URLSuffix": "amazonaws.com", "AWS::NotificationARNs": []any{},
	}, tags: st.Tagged}
	for name, value := range st.Values {
		if resolved, ok := st.Resolved[name]; ok {
			value = resolved
		}
		ev.values[name] = parameterValue(tpl.Parameters[name], value)
	}
	ev.imported = func(name string) (string, error) {
		return "", awsrpc.Validation("Fn::ImportValue is not supported here (" + name + ")")
	}
	return ev
}

// conclude ends a run forward that went well.
func (r *runner) conclude(ctx context.Context, ev *evaluator) error {
	outputs, exports, err := r.tpl.outputs(ev)
	if err != nil {
		return r.turn(ctx, reasonOf(err))
	}
	ended := *r.st
	running := *r.st.Run
	r.st.Run = &running
	r.st.Outputs, r.st.Results = outputs, outputs
	r.st.Description = nil
	if r.tpl.Description != "" {
		r.st.Description = new(r.tpl.Description)
	}
	r.st.Run.Phase = phaseCleanup
	if r.st.Run.Updating {
		r.st.setStatus("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "")
		r.st.LastUpdatedTime = new(time.Now().UTC())
	}
	failed, why := r.settleExports(ctx, exports, running.Updating)
	if why != nil {
		*r.st = ended // as it was before it seemed to end well
		return r.turn(ctx, r.why(reasonOf(why)))
	}
	return failed
}

// ownExports are the names of what this stack exports now.
func (r *runner) ownExports(ctx context.Context) ([]string, error) {
	rows, err := r.t.exports.All(ctx)
	var list []string
	for _, row := range rows {
		if row.Value.Stack == str(r.st.StackId) {
			list = append(list, row.Value.Name)
		}
	}
	return list, err
}

// outputs evaluates the outputs of the template.
func (t *template) outputs(ev *evaluator) ([]api.Output, map[string]string, error) {
	var list []api.Output
	exports := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(t.Outputs)) {
		o := t.Outputs[name]
		if cond, ok := o["Condition"].(string); ok {
			if yes, err := ev.condition(cond); err != nil || !yes {
				if err != nil {
					return nil, nil, err
				}
				continue
			}
		}
		value, err := ev.string(o["Value"], "Output "+name)
		if err != nil {
			return nil, nil, err
		}
		out := api.Output{OutputKey: new(name), OutputValue: new(value)}
		if d, ok := o["Description"].(string); ok {
			out.Description = new(d)
		}
		if e, ok := o["Export"].(map[string]any); ok {
			exported, err := ev.string(e["Name"], "Export of "+name)
			if err != nil {
				return nil, nil, err
			}
			if _, twice := exports[exported]; twice {
				return nil, nil, awsrpc.Validation("Duplicate Export names: [" + exported + "]")
			}
			out.ExportName, exports[exported] = new(exported), value
		}
		list = append(list, out)
	}
	return list, exports, nil
}

// checkExports refuses names that others export, and changes of what others
// import.
func (r *runner) checkExports(ctx context.Context, exports map[string]string) error {
	rows, err := r.t.exports.All(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		e := row.Value
		value, again := exports[e.Name]
		switch {
		case e.Stack != str(r.st.StackId):
			if again {
				return awsrpc.Validation("Export with name " + e.Name + " is already exported by stack " + e.Stack + ". Please ensure export names are unique within each region.")
			}
		case !again || value != e.Value:
			users, err := importersOf(ctx, r.t, e.Name)
			if err != nil {
				return err
			}
			if users != nil && !again {
				return awsrpc.Validation("Export " + e.Name + " cannot be deleted as it is in use by " + users[0])
			}
			if users != nil {
				return awsrpc.Validation("Export " + e.Name + " cannot be updated as it is in use by " + users[0])
			}
		}
	}
	return nil
}

// reasonOf is an error as events tell it.
func reasonOf(err error) string {
	var e *awsrpc.Error
	if errors.As(err, &e) {
		return cmp.Or(e.Message, e.Code)
	}
	return err.Error()
}
