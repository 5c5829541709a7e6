package cloudformation

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	api "gatehouse/internal/awsapi/cloudformation"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// save writes a resource with its new status, and an event that tells it.
func (r *runner) save(ctx context.Context, res *resource, status, reason string) error {
	return r.saveAs(ctx, res, status, reason, res.Physical)
}

// saveAs is save of an event about another physical resource than the current.
func (r *runner) saveAs(ctx context.Context, res *resource, status, reason, physical string) error {
	res.Status, res.Reason, res.Updated = status, reason, time.Now().UTC()
	r.mu.Lock()
	r.resources[res.Logical], r.veil = res, r.veil.with(res)
	r.mu.Unlock()
	err := store.Update(ctx, r.t.st, func(c *store.Change) error {
		store.Add(c, r.t.resources, store.ID(r.st.ID, res.Logical), *res)
		c.Do(r.t.deeds.Delete(r.deed(res)))
		r.t.tell(c, r.st, r.event(res, physical))
		return nil
	})
	if errors.Is(err, store.ErrTooLarge) && res.Properties != nil {
		// It is known by its name, and fails.
		res.Properties, res.Metadata = nil, ""
		const why = "The resource is larger than what can be kept of one"
		verb, _, _ := strings.Cut(status, "_")
		if err := r.saveAs(ctx, res, verb+"_FAILED", why, physical); err != nil {
			return err
		}
		return &failure{res.Logical, awsrpc.Validation(why)}
	}
	return err
}

// deed is where the calls that make a resource are noted.
func (r *runner) deed(res *resource) string { return store.ID(r.st.ID, res.Logical) }

// event tells the status of a resource.
func (r *runner) event(res *resource, physical string) api.StackEvent {
	logical, _, _ := strings.Cut(res.Logical, "/") // what was replaced is told by the name it had
	e := api.StackEvent{
		LogicalResourceId: new(logical), PhysicalResourceId: new(physical), ResourceType: new(res.Type), ResourceStatus: new(res.Status),
	}
	if res.Reason != "" {
		e.ResourceStatusReason = new(res.Reason)
	}
	if res.Properties != nil {
		if text := marshalText(r.shown().over(res.Properties)); len(text) <= maxEventProperties {
			e.ResourceProperties = new(text)
		}
	}
	return e
}

// shown is the veil over what is told now.
func (r *runner) shown() veil {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.veil
}

// maxEventProperties bounds the properties that an event repeats; events of
// larger ones are without.
const maxEventProperties = 4 << 10

// drop forgets a resource that is deleted, or left to somebody else.
func (r *runner) drop(ctx context.Context, res *resource, status string) error {
	res.Status, res.Reason = status, ""
	r.mu.Lock()
	delete(r.resources, res.Logical)
	r.mu.Unlock()
	return store.Update(ctx, r.t.st, func(c *store.Change) error {
		c.Do(r.t.resources.Delete(store.ID(r.st.ID, res.Logical)))
		r.t.tell(c, r.st, r.event(res, res.Physical))
		return nil
	})
}

// apply makes one resource what the template says.
func (r *runner) apply(ctx context.Context, ev *evaluator, name string) error {
	d := r.tpl.Resources[name]
	old := r.get(name)
	next := resource{Logical: name, Type: d.Type, NoEcho: old != nil && old.NoEcho}
	next.take(d)
	k := r.s.kindOf(d.Type)
	props, err := ev.properties(d, k)
	if err != nil {
		if old != nil {
			next.Physical, next.Properties, next.Attributes = old.Physical, old.Properties, old.Attributes
			next.New, next.Old = old.New, old.Old
			if next.Old == nil {
				next.Old = &snapshot{old.Physical, old.Properties, old.Attributes}
			}
		} else {
			next.New = true
		}
		if e, ok := errors.AsType[*awsrpc.Error](err); ok { // AWS: the words alone, as no handler was asked
			err = statedError(reasonOf(e))
		}
		return r.failed(ctx, &next, err, "")
	}
	if old != nil { // what an operation before this one has left to be rolled back
		next.New, next.Old = old.New, old.Old
	}
	if old == nil || old.Physical == "" {
		next.New, next.Properties = next.Old == nil, props
		verb := "UPDATE"
		if next.New {
			verb = "CREATE"
		}
		return r.create(ctx, k, &next, verb)
	}
	stale := old.failed()
	if !stale && k.stale != nil && same(old.Properties, props) {
		next.Physical, next.Attributes = old.Physical, old.Attributes
		if stale, err = k.stale(ctx, r.worker(&next, props, props)); err != nil {
			return r.failed(ctx, &next, err, "")
		}
	}
	if same(old.Properties, props) && !stale {
		next.Physical, next.Properties, next.Attributes, next.Status, next.Updated = old.Physical, old.Properties, old.Attributes, old.Status, old.Updated
		next.Drift = old.Drift
		if reflect.DeepEqual(*old, next) {
			return nil
		}
		r.mu.Lock()
		r.resources[name] = &next
		r.mu.Unlock()
		return store.Update(ctx, r.t.st, func(c *store.Change) error {
			store.Add(c, r.t.resources, store.ID(r.st.ID, name), next)
			return nil
		})
	}
	return r.update(ctx, k, old, &next, props)
}

// update changes a resource, in place or by another.
func (r *runner) update(ctx context.Context, k *kind, old, res *resource, props map[string]any) error {
	next := *res
	replaces, action := k.replaces(old.Properties, props) || old.halfMade(), "Modify"
	if replaces {
		action = "Replace"
	}
	next.Physical, next.Properties, next.Attributes = old.Physical, old.Properties, old.Attributes
	if err := r.policy.check(action, &next); err != nil {
		return r.failed(ctx, &next, err, "UPDATE")
	}
	if replaces && (next.New || next.Old != nil && next.Old.Physical != old.Physical) {
		if err := r.discard(ctx, old); err != nil {
			return err
		}
	}
	if next.Old == nil && !next.New {
		next.Old = &snapshot{old.Physical, old.Properties, old.Attributes}
	}
	if next.Properties = props; replaces {
		return r.create(ctx, k, &next, "UPDATE")
	}
	if err := r.save(ctx, &next, "UPDATE_IN_PROGRESS", ""); err != nil {
		return err
	}
	w := r.worker(&next, next.Properties, old.left(props))
	if err := k.doUpdate(ctx, w); err != nil {
		return r.failed(ctx, &next, err, "")
	}
	next.Physical, next.Attributes, next.NoEcho = w.id, w.attributes, next.NoEcho || w.noEcho
	return r.save(ctx, &next, "UPDATE_COMPLETE", "")
}

// discard leaves to the end of the operation, however that is, what an operation
// before it made and it replaces.
func (r *runner) discard(ctx context.Context, old *resource) error {
	spare := *old
	spare.Logical, spare.New, spare.Old = old.Logical+spareSuffix+"/"+record.NewUUID(), true, nil
	r.mu.Lock()
	r.resources[spare.Logical] = &spare
	r.mu.Unlock()
	return r.s.put(ctx, r.t, r.st.ID, &spare)
}

// create makes a resource, for the first time or in place of another.
func (r *runner) create(ctx context.Context, k *kind, res *resource, verb string) error {
	reason := ""
	if res.Old != nil {
		reason = "Requested update requires the creation of a new physical resource; hence creating one."
	}
	// Until it is made nothing is known of it: what it replaces is in Old.
	replaced := res.Physical
	res.Physical, res.Attributes = "", nil
	if err := r.saveAs(ctx, res, verb+"_IN_PROGRESS", reason, replaced); err != nil {
		return err
	}
	w := r.worker(res, res.Properties, nil)
	w.id, w.attributes, w.deed = "", map[string]any{}, r.deed(res)
	w.keep = func(c *store.Change) {
		known := *res
		known.Physical = w.id
		store.Add(c, r.t.resources, store.ID(r.st.ID, res.Logical), known)
	}
	err := k.doCreate(ctx, w)
	// What was made before an error must be known, to be taken away.
	res.Physical, res.Attributes, res.NoEcho = w.id, w.attributes, res.NoEcho || w.noEcho
	if err != nil {
		return r.failed(ctx, res, err, verb)
	}
	return r.save(ctx, res, verb+"_COMPLETE", "")
}

// failed notes why a resource could not be made.
func (r *runner) failed(ctx context.Context, res *resource, cause error, verb string) error {
	if errors.Is(cause, errStopped) {
		return errStopped // it goes on, or back, at the next start
	}
	if verb == "" {
		verb = "UPDATE"
		if res.New {
			verb = "CREATE"
		}
	}
	if err := r.save(ctx, res, verb+"_FAILED", r.shown().text(r.s.describe(res.Type, cause))); err != nil {
		return err
	}
	return &failure{res.Logical, cause}
}

// properties evaluates the properties of a resource, and adds the tags of its stack.
func (e *evaluator) properties(d *declared, k *kind) (map[string]any, error) {
	if d.Properties == nil {
		return k.withTags(map[string]any{}, e.tags), nil
	}
	v, err := e.value(d.Properties)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, errTemplate("the properties of a resource must be an object")
	}
	return k.withTags(m, e.tags), nil
}

// same compares properties as they are stored: numbers and their texts are one.
func same(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		m, ok := b.(map[string]any)
		if !ok || len(a) != len(m) {
			return false
		}
		for k, v := range a {
			if w, has := m[k]; !has || !same(v, w) {
				return false
			}
		}
		return true
	case []any:
		l, ok := b.([]any)
		return ok && slices.EqualFunc(a, l, same)
	}
	x, isX := textOf(a)
	y, isY := textOf(b)
	if number(a) || number(b) {
		n, errN := strconv.ParseFloat(x, 64)
		m, errM := strconv.ParseFloat(y, 64)
		return errN == nil && errM == nil && n == m
	}
	return isX == isY && x == y && (isX || reflect.DeepEqual(a, b))
}

func number(v any) bool {
	switch v.(type) {
	case json.Number, float64:
		return true
	}
	return false
}

// rollback makes the stack what it was: changes are undone in the order they
// were made, then what is new is deleted.
func (r *runner) rollback(stop, ctx context.Context) error {
	if err := r.skip(ctx); err != nil {
		return err
	}
	needs := map[string][]string{}
	for name, res := range r.resources {
		if res.Old != nil && !res.New {
			needs[name] = res.Needs
		}
	}
	levels, err := levelsOf(needs)
	if err != nil {
		return err
	}
	// A replaced resource is back at once; what stood in for it goes later.
	for _, name := range slices.Sorted(maps.Keys(needs)) {
		r.spare(r.resources[name])
	}
	if err := r.recall(ctx); err != nil {
		return err
	}
	reverted := r.each(stop, ctx, levels, func(name string) error { return r.revert(ctx, name) })
	if reverted != nil && !isFailure(reverted) {
		return reverted
	}
	removed := r.takeAway(stop, ctx, func(res *resource) bool { return res.New }, func(name string) error { return r.remove(ctx, name, true) })
	if removed != nil && !isFailure(removed) {
		return removed
	}
	verb := "ROLLBACK"
	if r.st.Run.Updating {
		verb = "UPDATE_ROLLBACK"
	}
	if reverted != nil || removed != nil {
		return r.finish(ctx, verb+"_FAILED", "The following resource(s) failed to be rolled back: ["+strings.Join(r.withStatus("DELETE_FAILED", "UPDATE_FAILED"), ", ")+"]. ")
	}
	if before := r.st.Before; before != nil {
		r.st.version = *before
		r.st.Outputs, r.st.Tags = before.Results, before.Tagged
		r.st.Parameters, r.st.Description = before.shown(r.s.known), before.description()
		own, err := r.ownExports(ctx)
		if err != nil {
			return err
		}
		return r.finish(ctx, verb+"_COMPLETE", "", func(c *store.Change) { r.putExports(c, own, exportsOf(before.Results)) })
	}
	return r.finish(ctx, verb+"_COMPLETE", "")
}

// exportsOf are the exports among outputs.
func exportsOf(outputs []api.Output) map[string]string {
	exports := map[string]string{}
	for _, o := range outputs {
		if o.ExportName != nil {
			exports[*o.ExportName] = str(o.OutputValue)
		}
	}
	return exports
}

func isFailure(err error) bool {
	_, ok := err.(*failure)
	return ok
}

func (r *runner) withStatus(statuses ...string) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(r.resources)) {
		if slices.Contains(statuses, r.resources[name].Status) {
			logical, _, _ := strings.Cut(name, "/")
			names = append(names, logical)
		}
	}
	return slices.Compact(names)
}

// spare gives the new one of a replaced resource a name of its own, so that it
// is deleted as what is new.
func (r *runner) spare(res *resource) {
	if res.Old.Physical == res.Physical || res.Physical == "" {
		return
	}
	r.resources[res.Logical+spareSuffix] = &resource{
		Logical: res.Logical + spareSuffix, Type: res.Type, Physical: res.Physical, Properties: res.Properties, Attributes: res.Attributes, NoEcho: res.NoEcho,
		Needs: res.Needs, New: true,
	}
}

// spareSuffix marks a record of what a resource was replaced by or replaces. No
// logical id has a slash.
const spareSuffix = "/replaced"

// revert undoes the update of one resource.
func (r *runner) revert(ctx context.Context, name string) error {
	res, spare := *r.get(name), r.get(name+spareSuffix)
	if spare != nil || res.Physical == "" {
		next := res
		next.Physical, next.Properties, next.Attributes, next.Old = res.Old.Physical, res.Old.Properties, res.Old.Attributes, nil
		if spare != nil {
			if err := r.s.put(ctx, r.t, r.st.ID, spare); err != nil {
				return err
			}
		}
		return r.save(ctx, &next, "UPDATE_COMPLETE", "")
	}
	next := res
	next.Properties = res.Old.Properties
	if err := r.save(ctx, &res, "UPDATE_IN_PROGRESS", ""); err != nil {
		return err
	}
	k := r.s.kindOf(res.Type)
	do := k.doUpdate
	if k.undoes != nil {
		do = k.undoes
	}
	if !same(res.Properties, res.Old.Properties) || k.undoes != nil {
		w := r.worker(&res, res.Old.Properties, res.Properties)
		w.id, w.attributes = res.Old.Physical, maps.Clone(res.Old.Attributes)
		if err := do(ctx, w); err != nil {
			return r.failed(ctx, &res, err, "UPDATE")
		}
		next.Attributes, next.NoEcho = w.attributes, next.NoEcho || w.noEcho
	}
	next.Old = nil
	return r.save(ctx, &next, "UPDATE_COMPLETE", "")
}

// put writes a resource without an event.
func (s *Service) put(ctx context.Context, t tables, stackID string, res *resource) error {
	return store.Update(ctx, s.st, func(c *store.Change) error {
		store.Add(c, t.resources, store.ID(stackID, res.Logical), *res)
		return nil
	})
}

// backwards orders resources for deletion: what needs others goes before them.
func (r *runner) backwards(which func(*resource) bool) [][]string {
	needs := map[string][]string{}
	for name, res := range r.resources {
		if which(res) {
			needs[name] = nil
		}
	}
	for name := range needs {
		for _, n := range r.resources[name].Needs {
			for _, needed := range []string{n, n + spareSuffix} {
				if _, ok := needs[needed]; ok && needed != name {
					needs[needed] = append(needs[needed], name)
				}
			}
		}
	}
	levels, err := levelsOf(needs)
	if err != nil { // old and new needs together may form a cycle: no order is right
		levels = [][]string{slices.Sorted(maps.Keys(needs))}
	}
	return levels
}

// get returns the record of a resource, or nil.
func (r *runner) get(name string) *resource {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.resources[name]
}

// remove deletes one resource, unless it is retained. What the operation has made that
// is taken back goes, unless it is retained even then.
//
// AWS: DeletionPolicy, Retain and RetainExceptOnCreate.
func (r *runner) remove(ctx context.Context, name string, always bool) error {
	res := r.get(name)
	if res.Physical == "" { // was never made
		return r.drop(ctx, res, "DELETE_COMPLETE")
	}
	if res.Retain && !always || res.RetainNew || r.st.Run != nil && slices.Contains(r.st.Run.Retain, name) {
		return r.drop(ctx, res, "DELETE_SKIPPED")
	}
	if err := r.save(ctx, res, "DELETE_IN_PROGRESS", ""); err != nil {
		return err
	}
	w := r.worker(res, res.Properties, nil)
	if err := r.s.kindOf(res.Type).doDelete(ctx, w); err != nil && !isGone(err) {
		if errors.Is(err, errStopped) {
			return err
		}
		if err := r.save(ctx, res, "DELETE_FAILED", r.shown().text(r.s.describe(res.Type, err))); err != nil {
			return err
		}
		return &failure{name, err}
	}
	return r.drop(ctx, res, "DELETE_COMPLETE")
}

// cleanup takes away what the template no longer has, and what was replaced.
// What cannot be deleted stays a resource of the stack, and goes with it.
func (r *runner) cleanup(stop, ctx context.Context) error {
	ev, err := r.evaluator(ctx)
	if err != nil {
		return err
	}
	if err := r.settleResources(ctx); err != nil {
		return err
	}
	for name, res := range maps.Clone(r.resources) {
		if res.Old != nil && res.Old.Physical != res.Physical && res.Old.Physical != "" {
			r.resources[name+spareSuffix] = &resource{Logical: name + spareSuffix, Type: res.Type, Physical: res.Old.Physical,
				Properties: res.Old.Properties, Attributes: res.Old.Attributes, NoEcho: res.NoEcho, Needs: res.Needs, Retain: res.RetainOld}
		}
		if !res.New && res.Old == nil {
			continue
		}
		next := *res
		next.New, next.Old = false, nil
		if spare := r.resources[name+spareSuffix]; spare != nil {
			if err := r.s.put(ctx, r.t, r.st.ID, spare); err != nil {
				return err
			}
		}
		if err := r.s.put(ctx, r.t, r.st.ID, &next); err != nil {
			return err
		}
		r.resources[name] = &next
	}
	gone := func(res *resource) bool { return !r.wanted(ev, res.Logical) }
	if err := r.takeAway(stop, ctx, gone, func(name string) error { return r.remove(ctx, name, false) }); err != nil && !isFailure(err) {
		return err
	}
	status := "CREATE_COMPLETE"
	if r.st.Run.Updating {
		status = "UPDATE_COMPLETE"
	}
	return r.finish(ctx, status, "")
}

// settleResources tells resources that wait for it that nothing is undone any more.
func (r *runner) settleResources(ctx context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(r.resources)) {
		res := r.resources[name]
		k := r.s.kindOf(res.Type)
		if k.settle == nil || res.Physical == "" || strings.Contains(name, "/") {
			continue
		}
		if err := k.settle(ctx, r.worker(res, res.Properties, nil)); err != nil {
			return err
		}
	}
	return nil
}

// delete deletes the stack.
func (r *runner) delete(stop, ctx context.Context) error {
	err := r.takeAway(stop, ctx, func(*resource) bool { return true }, func(name string) error { return r.remove(ctx, name, r.get(name).New) })
	if isFailure(err) {
		return r.finish(ctx, "DELETE_FAILED", "The following resource(s) failed to delete: ["+strings.Join(r.withStatus("DELETE_FAILED"), ", ")+"]. ")
	}
	if err != nil {
		return err
	}
	own, err := r.ownExports(ctx)
	if err != nil {
		return err
	}
	sets, err := r.t.changeSets.All(ctx, r.st.ID)
	if err != nil {
		return err
	}
	detections, err := r.t.detectionsOf(ctx, r.st)
	if err != nil {
		return err
	}
	r.st.DeletionTime = new(time.Now().UTC())
	r.st.Imports = nil
	return r.finish(ctx, "DELETE_COMPLETE", "", func(c *store.Change) {
		c.Do(r.t.names.Delete(store.ID(str(r.st.StackName))))
		for _, name := range own {
			c.Do(r.t.exports.Delete(store.ID(name)))
		}
		for _, set := range sets {
			c.Do(r.t.changeSets.Delete(set.ID))
		}
		for _, id := range detections {
			c.Do(r.t.detections.Delete(id))
		}
		c.Do(r.t.policies.Delete(r.st.ID), r.t.orders.Delete(r.st.ID))
	})
}
