package cloudformation

import (
	"context"
	"maps"
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/cloudformation"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/store"
)

// A planner finds what a plan changes of the resources of a stack.
type planner struct {
	s  *Service
	t  tables
	st *stack // as it is
	p  *plan

	have   map[string]*resource
	wanted map[string]bool
	coming map[string]coming
	ev     *evaluator
	veil   veil // over what is told
	room   int  // bytes of details that may still be told

	list []api.Change
}

// A coming is what others cannot know yet of a resource that changes: its id, its
// attributes. They are sure to be others, or may be.
type coming struct{ id, attributes, sure bool }

// knownAfterApply stands for what a change set cannot tell yet.
//
// AWS: its words, as the CDK looks for them.
const knownAfterApply = "{{changeSet:KNOWN_AFTER_APPLY}}"

// maxDetails bounds what a change set tells of its changes beyond what they are, in
// bytes: it is one record. Changes that come when they are told are without.
const maxDetails = 256 << 10

// changes lists what p changes of the resources of st, and tells whether it changes
// anything else.
func (s *Service) changes(ctx context.Context, t tables, st *stack, p *plan) (list []api.Change, other bool, err error) {
	pl := &planner{s: s, t: t, st: st, p: p, have: map[string]*resource{}, wanted: map[string]bool{}, coming: map[string]coming{}, room: maxDetails}
	if st.ID != "" {
		rows, err := t.resources.All(ctx, st.ID)
		if err != nil {
			return nil, false, err
		}
		for _, row := range rows {
			pl.have[row.Value.Logical] = &row.Value
		}
	}
	of := *st
	of.version, of.StackName = p.version, st.StackName
	pl.evaluates(ctx, &of)
	pl.covers(&of)
	levels, err := p.tpl.levels(nil)
	if err != nil {
		return nil, false, err
	}
	for _, name := range slices.Concat(levels...) {
		d := p.tpl.Resources[name]
		if d.Condition != "" {
			yes, err := pl.ev.condition(d.Condition)
			if err != nil {
				return nil, false, err
			}
			if !yes {
				continue
			}
		}
		pl.wanted[name] = true
		if err := pl.plan(ctx, name, d); err != nil {
			return nil, false, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(pl.have)) {
		if !pl.wanted[name] && !strings.Contains(name, "/") {
			pl.remove(name)
		}
	}
	return pl.list, len(pl.list) == 0 && p.tellsOther(st, pl.ev), nil
}

// evaluates gives the planner an evaluator of the stack as it is going to be.
func (pl *planner) evaluates(ctx context.Context, of *stack) {
	pl.ev = newEvaluator(pl.p.tpl, of, pl.t)
	pl.ev.resource = func(name string) (*resource, bool) { r := pl.have[name]; return r, r != nil }
	pl.ev.coming = func(name string) coming { return pl.coming[name] }
	pl.ev.imported = func(name string) (string, error) {
		e, _, err := pl.t.exports.Find(ctx, awsrpc.Validation("No export named "+name+" found."), store.ID(name))
		return e.Value, err
	}
}

// covers hides the secrets of the stack, as it is and as it is going to be. Where they
// cannot be read, all is hidden.
func (pl *planner) covers(of *stack) {
	after, err := of.secrets(pl.t)
	if err != nil {
		return
	}
	if pl.st.ID == "" || pl.st.text() == "" {
		pl.veil = newVeil(after)
		return
	}
	if before, err := veilOf(pl.t, pl.st, maps.Values(pl.have)); err == nil {
		pl.veil = newVeil(slices.Concat(before.secrets, after))
	}
}

// plan finds what becomes of one resource of the template.
func (pl *planner) plan(ctx context.Context, name string, d *declared) error {
	res, k := pl.have[name], pl.s.kindOf(d.Type)
	props, err := pl.properties(d, k)
	switch {
	case res == nil, res.Physical == "" && res.Old == nil:
		pl.add(name, d, props)
		return nil
	case res.Type != d.Type:
		return awsrpc.Validation("Update of resource type is not permitted. The new template modifies resource type of the following resources: [" + name + "]")
	case err != nil: // the update will say it
		pl.modify(name, d, nil, nil, "False")
		return nil
	}
	details := pl.details(k, d, res, props)
	switch {
	case res.halfMade():
		pl.modify(name, d, props, details, "True")
		return nil
	case !same(res.Properties, props), res.failed():
		pl.modify(name, d, props, details, replacementOf(details))
		return nil
	}
	stale := false
	if k.stale != nil {
		w := &worker{s: pl.s, t: pl.t, stack: pl.st, kind: k, logical: name, id: res.Physical, props: props}
		if stale, err = k.stale(ctx, w); err != nil {
			return err
		}
	}
	if stale {
		details = append(details, automatic())
	}
	if stale || slices.ContainsFunc(details, func(c api.ResourceChangeDetail) bool { return *c.Target.Attribute == "Metadata" }) {
		pl.modify(name, d, props, details, "False")
	}
	return nil
}

// properties are those that a resource is going to have, as far as they can be known.
func (pl *planner) properties(d *declared, k *kind) (map[string]any, error) {
	props := map[string]any{}
	for name, written := range d.Properties {
		v, err := pl.ev.value(written)
		if err != nil && slices.ContainsFunc(references(written), func(n string) bool { return pl.coming[n] != coming{} }) {
			v, err = knownAfterApply, nil // of what a function makes of it
		}
		if err != nil {
			return nil, err
		}
		if _, none := v.(noValue); !none {
			props[name] = settled(v)
		}
	}
	return k.withTags(props, pl.ev.tags), nil
}

// settled is v with texts that are known in part taken for unknown.
//
// AWS: of Fn::Join and Fn::Sub of what is not known nothing is told.
func settled(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			v[name] = settled(member)
		}
	case []any:
		for i, e := range v {
			v[i] = settled(e)
		}
	case string:
		if strings.Contains(v, knownAfterApply) {
			return knownAfterApply
		}
	}
	return v
}

// add plans a new resource.
//
// AWS: with values it is told to be replaced, as recorded.
func (pl *planner) add(name string, d *declared, props map[string]any) {
	c := pl.tell("Add", name, d.Type)
	c.Replacement = new("True")
	c.AfterContext = pl.context(props, d.Metadata, policyOf(d.DeletionPolicy), policyOf(d.ReplacePolicy))
	pl.coming[name] = coming{true, true, true}
}

// remove plans that a resource goes.
func (pl *planner) remove(name string) {
	res := pl.have[name]
	c := pl.tell("Remove", name, res.Type)
	c.PhysicalResourceId, c.PolicyAction = new(res.Physical), new("Delete")
	if res.Retain {
		c.PolicyAction = new("Retain")
	}
	c.BeforeContext = pl.before(res)
}

// modify plans a change of a resource; props is nil where it cannot be told to what.
func (pl *planner) modify(name string, d *declared, props map[string]any, details []api.ResourceChangeDetail, replacement string) {
	res := pl.have[name]
	c := pl.tell("Modify", name, d.Type)
	c.PhysicalResourceId, c.Replacement, c.Scope = new(res.Physical), &replacement, scopeOf(details)
	switch replacement {
	case "True", "Conditional":
		pl.coming[name] = coming{true, true, replacement == "True"}
	default:
		// What is inside it, or answers for it, may give others something else.
		custom := isCustom(d.Type)
		pl.coming[name] = coming{id: custom, attributes: custom || d.Type == nestedType}
	}
	if replacement == "True" {
		if c.PolicyAction = new("ReplaceAndDelete"); d.ReplacePolicy == "Retain" {
			c.PolicyAction = new("ReplaceAndRetain")
		}
	}
	for _, detail := range details {
		if !pl.spend(len(marshalText(detail))) {
			break
		}
		c.Details = append(c.Details, detail)
	}
	if props != nil {
		c.BeforeContext = pl.before(res)
		c.AfterContext = pl.context(props, d.Metadata, policyOf(d.DeletionPolicy), policyOf(d.ReplacePolicy))
	}
}

func (pl *planner) tell(action, name, kind string) *api.ResourceChange {
	c := &api.ResourceChange{Action: &action, LogicalResourceId: &name, ResourceType: &kind, Scope: []string{}, Details: []api.ResourceChangeDetail{}}
	pl.list = append(pl.list, api.Change{Type: new("Resource"), ResourceChange: c})
	return c
}

// spend tells whether there is room for so much more to be told.
func (pl *planner) spend(text int) bool {
	if text > pl.room {
		return false
	}
	pl.room -= text
	return true
}

func (pl *planner) before(res *resource) *string {
	var metadata any
	if res.Metadata != "" {
		metadata, _ = parseDocument(res.Metadata)
	}
	deletion, replace := res.policies()
	return pl.context(res.Properties, metadata, deletion, replace)
}

// context is what a resource is, as text: nil if there is no room for it.
//
// AWS: numbers and what is true or false are texts in it.
func (pl *planner) context(props map[string]any, metadata any, deletion, replace string) *string {
	if props == nil {
		props = map[string]any{}
	}
	all := map[string]any{"Properties": pl.veil.over(textual(props))}
	if metadata != nil {
		all["Metadata"] = pl.veil.over(metadata)
	}
	if deletion != "" {
		all["DeletionPolicy"] = deletion
	}
	if replace != "" {
		all["UpdateReplacePolicy"] = replace
	}
	text := marshalText(all)
	if !pl.spend(len(text)) {
		return nil
	}
	return &text
}

// textual is v with texts for all that is neither object nor list.
func textual(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, member := range v {
			out[name] = textual(member)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = textual(e)
		}
		return out
	}
	if text, ok := textOf(v); ok {
		return text
	}
	return v
}

// policyOf is a policy but for the one that is there without saying.
func policyOf(written string) string {
	if written == "Delete" {
		return ""
	}
	return written
}

// policies are the DeletionPolicy and the UpdateReplacePolicy of a resource.
func (res *resource) policies() (deletion, replace string) {
	switch {
	case res.RetainNew:
		deletion = "Retain"
	case res.Retain:
		deletion = "RetainExceptOnCreate"
	}
	if res.RetainOld {
		replace = "Retain"
	}
	return deletion, replace
}
