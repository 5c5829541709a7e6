package cloudformation

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	api "gatehouse/internal/awsapi/cloudformation"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/store"
)

// A nested stack is a resource of its parent, and a stack of its own whose runs are
// done within the parent's. An update of it waits, when it is through, for what
// becomes of the parent: UPDATE_COMPLETE_CLEANUP_IN_PROGRESS is the state from which
// both ways are open.

// nestedType is the type of nested stacks.
const nestedType = "AWS::CloudFormation::Stack"

const (
	// maxNesting bounds how deep stacks are nested: a template may name itself.
	maxNesting = 10
	// maxOfAccount bounds the stacks of an account and Region. AWS: quotas.
	maxOfAccount = 2000
)

func nestedKind() *kind {
	return &kind{
		Type: nestedType, service: "cloudformation", reads: readNested, props: "NotificationARNs Parameters Tags TemplateURL TimeoutInMinutes",
		makes: makeNested, turns: turnNested, ends: endNested, stale: nestedIsStale, undoes: undoNested, settle: settleNested,
	}
}

// askedOf is what the properties of a nested stack ask for.
func askedOf(w *worker, name string) (*asked, error) {
	if err := refuse(w, "NotificationARNs"); err != nil {
		return nil, err
	}
	url := w.text("TemplateURL")
	if url == "" {
		return nil, awsrpc.Validation("Properties validation failed for resource with message:\n[#: required key [TemplateURL] not found]")
	}
	a := &asked{name: name, url: &url, capabilities: w.stack.Capabilities, direct: true}
	parameters := asMembers(w.props["Parameters"])
	for _, key := range slices.Sorted(maps.Keys(parameters)) {
		value, ok := textOf(parameters[key])
		if list, isList := parameters[key].([]any); isList { // AWS: lists are joined by commas
			value, ok = strings.Join(listOf(list), ","), true
		}
		if !ok {
			return nil, awsrpc.Validation("Value of property Parameters must be an object with String (or simple type) properties")
		}
		a.parameters = append(a.parameters, api.Parameter{ParameterKey: new(key), ParameterValue: &value})
	}
	tags, err := tagsOf(w.props["Tags"])
	if err != nil {
		return nil, err
	}
	// AWS: tags of a stack are those of its nested stacks, too.
	for _, tag := range w.stack.Tagged {
		if _, own := tags[str(tag.Key)]; !own {
			a.tags = append(a.tags, tag)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		value, _ := textOf(tags[key])
		a.tags = append(a.tags, api.Tag{Key: new(key), Value: &value})
	}
	return a, nil
}

// depth is how many stacks a stack is nested in.
func (t tables) depth(ctx context.Context, st *stack) (int, error) {
	n := 0
	for at := *st; at.ParentId != nil; n++ {
		var err error
		if at, _, err = t.find(ctx, *at.ParentId); err != nil {
			return 0, err
		}
	}
	return n, nil
}

func makeNested(ctx context.Context, w *worker) error {
	depth, err := w.t.depth(ctx, w.stack)
	if err != nil {
		return err
	}
	if depth >= maxNesting {
		return awsrpc.Validation("Stacks are nested too deeply")
	}
	a, err := askedOf(w, w.physicalName(128))
	if err != nil {
		return err
	}
	p, err := w.s.planOf(ctx, a, &stack{}, w.t)
	if err != nil {
		return asRPC(err)
	}
	st := w.s.newStack(w.t, a, p)
	st.ParentId, st.RootId, st.RoleARN, st.Caller = w.stack.StackId, w.stack.StackId, w.stack.RoleARN, w.stack.Caller
	if w.stack.RootId != nil {
		st.RootId = w.stack.RootId
	}
	st.Run = &run{Phase: phaseForward, Keep: w.stack.Run.Keep, Nested: true}
	if v, ok := w.props["TimeoutInMinutes"]; ok {
		text, _ := textOf(v)
		minutes, err := strconv.ParseInt(text, 10, 32)
		if err != nil || minutes < 1 {
			return awsrpc.Validation("#/TimeoutInMinutes: expected a number of minutes of at least 1")
		}
		st.limit(int32(minutes))
	}
	st.setStatus("CREATE_IN_PROGRESS", "")
	w.id = str(st.StackId)
	err = store.Update(ctx, w.s.st, func(c *store.Change) error {
		if err := w.t.checkCount(ctx); err != nil {
			return err
		}
		w.t.put(c, st, 0)
		store.Add(c, w.t.names, store.ID(a.name), st.ID)
		w.t.tellStatus(c, st)
		w.keep(c) // so that it is known from the first moment
		return nil
	})
	if err != nil {
		w.id = ""
		return err
	}
	return runNested(ctx, w, "created")
}

// checkCount refuses a stack more than an account may have.
func (t tables) checkCount(ctx context.Context) error {
	rows, err := t.names.All(ctx)
	if err == nil && len(rows) >= maxOfAccount {
		err = api.LimitExceededException("Limit for stack has been exceeded")
	}
	return err
}

// nested reads the nested stack of a worker.
func nested(ctx context.Context, w *worker) (stack, store.Rev, error) {
	return w.t.find(ctx, w.id)
}

// runNested works on a nested stack until it waits or has ended, and gives its
// outputs to the parent.
func runNested(ctx context.Context, w *worker, verb string) error {
	st, rev, err := nested(ctx, w)
	if err != nil {
		return err
	}
	was := str(st.StackStatus)
	if st.Run != nil {
		r := newRunner(w.s, w.t, &st, rev)
		r.told = w.run.told
		if err := r.run(w.run.stop, ctx); err != nil {
			return err
		}
	}
	status := str(st.StackStatus)
	ok := slices.Contains([]string{"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE", "DELETE_COMPLETE"}, status)
	if verb == "updated" && status == "UPDATE_ROLLBACK_COMPLETE" && was != status {
		ok = false
	}
	if !ok {
		return statedError("Embedded stack " + w.id + " was not successfully " + verb + ": " + w.t.whyFailed(ctx, &st))
	}
	maps.DeleteFunc(w.attributes, func(name string, _ any) bool { return strings.HasPrefix(name, "Outputs.") })
	for _, o := range st.Outputs {
		w.attributes["Outputs."+str(o.OutputKey)] = str(o.OutputValue)
	}
	return nil
}

// whyFailed is the reason for which the last operation of a stack failed.
func (t tables) whyFailed(ctx context.Context, st *stack) string {
	rows, err := t.events.All(ctx, st.ID)
	if err != nil {
		return "Internal failure"
	}
	for _, row := range slices.Backward(rows) {
		e := row.Value
		if str(e.PhysicalResourceId) == str(st.StackId) && e.ResourceStatusReason != nil {
			return *e.ResourceStatusReason
		}
	}
	return "the stack is in " + str(st.StackStatus)
}

// planNested is the plan of what a nested stack is to be, and how it differs.
func planNested(ctx context.Context, w *worker, st *stack) (*asked, *plan, bool, error) {
	a, err := askedOf(w, str(st.StackName))
	if err != nil {
		return nil, nil, false, err
	}
	p, err := w.s.planOf(ctx, a, st, w.t)
	if err != nil {
		return nil, nil, false, asRPC(err)
	}
	changes, other, err := w.s.changes(ctx, w.t, st, p)
	return a, p, len(changes) > 0 || other || p.Template != st.Template, err
}

// nestedIsStale tells whether the template that the URL names is another by now.
func nestedIsStale(ctx context.Context, w *worker) (bool, error) {
	st, _, err := nested(ctx, w)
	if err != nil {
		return false, err
	}
	_, _, differs, err := planNested(ctx, w, &st)
	return differs, err
}

func turnNested(ctx context.Context, w *worker) error {
	st, rev, err := nested(ctx, w)
	if err != nil {
		return err
	}
	if !st.Run.held() { // one that is held can be taken further, and still back
		if err := st.ready("updated"); err != nil {
			return err
		}
	}
	a, p, differs, err := planNested(ctx, w, &st)
	if err != nil || !differs {
		return err
	}
	w.s.change(&st, a, p, &run{Phase: phaseForward, Keep: w.stack.Run.Keep, Nested: true})
	st.RoleARN, st.Caller = w.stack.RoleARN, w.stack.Caller
	if err := w.t.begin(ctx, &st, rev); err != nil {
		return err
	}
	return runNested(ctx, w, "updated")
}

// begin commits a stack that something is to be done with, and tells its status.
func (t tables) begin(ctx context.Context, st *stack, rev store.Rev) error {
	return store.Update(ctx, t.st, func(c *store.Change) error {
		t.put(c, st, rev)
		t.tellStatus(c, st)
		return nil
	})
}

// undoNested rolls a nested stack back whose update is through, or was interrupted.
func undoNested(ctx context.Context, w *worker) error {
	st, rev, err := nested(ctx, w)
	if err != nil {
		return err
	}
	retried := str(st.StackStatus) == "UPDATE_ROLLBACK_FAILED"
	switch {
	case st.Run == nil && !retried, st.Run != nil && !st.Run.Nested:
		return nil // it was not touched, or is back already; or is another's business
	case retried:
		st.Run = &run{Updating: true, Nested: true}
		fallthrough
	case st.Run.Phase == phaseForward, st.Run.held():
		st.Run.Phase, st.Run.Skip = phaseRollback, w.run.skippedIn(w.logical)
		st.setStatus("UPDATE_ROLLBACK_IN_PROGRESS", "")
		if err := w.t.begin(ctx, &st, rev); err != nil {
			return err
		}
	}
	return runNested(ctx, w, "rolled back")
}

// settleNested has a nested stack take away what its update no longer needs.
func settleNested(ctx context.Context, w *worker) error {
	st, rev, err := nested(ctx, w)
	var missing *awsrpc.Error
	if errors.As(err, &missing) || err == nil && !st.Run.held() {
		return nil
	}
	if err != nil {
		return err
	}
	r := newRunner(w.s, w.t, &st, rev)
	r.told, r.stop = w.run.told, w.run.stop
	return r.settle(ctx)
}

// settle cleans up after an update that waited for that of the parent.
func (r *runner) settle(ctx context.Context) error {
	if err := r.load(ctx); err != nil {
		return err
	}
	return r.cleanup(r.stop, ctx)
}

func endNested(ctx context.Context, w *worker) error {
	st, rev, err := nested(ctx, w)
	var missing *awsrpc.Error
	if errors.As(err, &missing) || err == nil && str(st.StackStatus) == "DELETE_COMPLETE" {
		return nil
	}
	if err != nil {
		return err
	}
	if st.Run != nil && !st.Run.Nested { // somebody changes it by itself
		return statedError("Embedded stack " + w.id + " is in " + str(st.StackStatus) + " state and can not be deleted")
	}
	st.Run = &run{Phase: phaseDelete, Nested: true}
	st.setStatus("DELETE_IN_PROGRESS", "")
	err = store.Update(ctx, w.s.st, func(c *store.Change) error {
		if err := st.unused(ctx, w.t, c); err != nil {
			return err
		}
		w.t.put(c, &st, rev)
		w.t.tellStatus(c, &st)
		return nil
	})
	if err != nil {
		return err
	}
	return runNested(ctx, w, "deleted")
}
