package cloudformation

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"

	api "gatehouse/internal/awsapi/cloudformation"
)

// maxShown bounds a value that a change tells, in bytes, and maxPlaces how many places
// inside a property it names: of one with more it is told whole.
//
// AWS: "Large values can be truncated": to "(Truncated-Signature):" and a hash.
const (
	maxShown  = 1 << 10
	maxPlaces = 20
)

// A difference is a place at which properties differ; noValue{}: nothing is there.
type difference struct {
	path          []string
	before, after any
}

// differencesAt lists where after is not before. Lists are compared place by place, as
// AWS tells them ("/Properties/Tags/0/Value").
func differencesAt(path []string, before, after any) []difference {
	if same(before, after) {
		return nil
	}
	at := func(name string) []string { return append(slices.Clip(path), name) }
	var found []difference
	m, isObject := before.(map[string]any)
	n, areObjects := after.(map[string]any)
	l, isList := before.([]any)
	k, areLists := after.([]any)
	switch {
	case isObject && areObjects:
		union := maps.Clone(m)
		maps.Copy(union, n)
		for _, name := range slices.Sorted(maps.Keys(union)) {
			found = append(found, differencesAt(at(name), orNothing(m, name), orNothing(n, name))...)
		}
	case isList && areLists:
		for i := range max(len(l), len(k)) {
			var was, is any = noValue{}, noValue{}
			if i < len(l) {
				was = l[i]
			}
			if i < len(k) {
				is = k[i]
			}
			found = append(found, differencesAt(at(strconv.Itoa(i)), was, is)...)
		}
	default:
		found = append(found, difference{path, before, after})
	}
	return found
}

func orNothing(m map[string]any, name string) any {
	if v, ok := m[name]; ok {
		return v
	}
	return noValue{}
}

// details tells how a resource is going to differ, and why.
func (pl *planner) details(k *kind, d *declared, res *resource, props map[string]any) []api.ResourceChangeDetail {
	var list []api.ResourceChangeDetail
	union := maps.Clone(props)
	maps.Copy(union, res.Properties)
	for _, name := range slices.Sorted(maps.Keys(union)) {
		flags, _ := k.property(name)
		whole := difference{[]string{name}, orNothing(res.Properties, name), orNothing(props, name)}
		found := differencesAt(whole.path, whole.before, whole.after)
		if len(found) > maxPlaces || len(found) > 1 && (strings.Contains(flags, "#") || isPolicy(name)) {
			found = []difference{whole}
		}
		recreation := "Never"
		if k.always || strings.Contains(flags, "!") {
			recreation = "Always"
		}
		for _, f := range found {
			target := pl.target("Properties", append([]string{"Properties"}, f.path...), f.before, f.after)
			target.Name, target.RequiresRecreation = &name, &recreation
			if name == "Tags" {
				target.Attribute, target.Name = new("Tags"), nil
			}
			list = append(list, because(target, pl.causes(pl.writtenAt(d.Properties, f.path)))...)
		}
	}
	direct := func(attribute string, before, after any) {
		if !same(before, after) {
			list = append(list, because(pl.target(attribute, []string{attribute}, before, after), nil)...)
		}
	}
	var had, has any = noValue{}, noValue{}
	if res.Metadata != "" {
		had = res.Metadata
	}
	if d.Metadata != nil {
		has = marshalText(d.Metadata)
	}
	direct("Metadata", had, has)
	deletion, replace := res.policies()
	direct("DeletionPolicy", orDelete(deletion), orDelete(d.DeletionPolicy))
	if replace != "" || d.ReplacePolicy == "Retain" {
		direct("UpdateReplacePolicy", orDelete(replace), orDelete(d.ReplacePolicy))
	}
	return list
}

func orDelete(policy string) any { return cmp.Or(policy, "Delete") }

// target is a place that changes, with what is there.
func (pl *planner) target(attribute string, path []string, before, after any) *api.ResourceTargetDefinition {
	var b strings.Builder
	for _, part := range path {
		b.WriteString("/" + escaped(part))
	}
	t := &api.ResourceTargetDefinition{Attribute: &attribute, RequiresRecreation: new("Never"), Path: new(b.String()), AttributeChangeType: new("Modify"),
		BeforeValue: pl.shown(before), AfterValue: pl.shown(after)}
	if t.BeforeValue == nil {
		t.AttributeChangeType = new("Add")
	} else if t.AfterValue == nil {
		t.AttributeChangeType = new("Remove")
	}
	return t
}

// shown is a value as it may be told.
func (pl *planner) shown(v any) *string {
	if _, none := v.(noValue); none {
		return nil
	}
	text := pl.veil.plainText(textual(v))
	if len(text) > maxShown {
		sum := sha256.Sum256([]byte(text)) // under the veil: it is no oracle of secrets
		text = "(Truncated-Signature):" + hex.EncodeToString(sum[:])
	}
	return &text
}

// because tells that a place changes by what its template says, and by each of causes.
//
// AWS: what references bring has a Dynamic DirectModification beside ("View a change
// set").
func because(target *api.ResourceTargetDefinition, causes []api.ResourceChangeDetail) []api.ResourceChangeDetail {
	direct := api.ResourceChangeDetail{Target: target, Evaluation: new("Static"), ChangeSource: new("DirectModification")}
	if causes == nil {
		return []api.ResourceChangeDetail{direct}
	}
	direct.Evaluation = new("Dynamic")
	list := []api.ResourceChangeDetail{direct}
	for _, c := range causes {
		c.Target = target
		list = append(list, c)
	}
	return list
}

// automatic is why a nested stack changes whose own properties do not.
func automatic() api.ResourceChangeDetail {
	return api.ResourceChangeDetail{Evaluation: new("Dynamic"), ChangeSource: new("Automatic"),
		Target: &api.ResourceTargetDefinition{Attribute: new("Properties"), RequiresRecreation: new("Never")}}
}

// writtenAt is what a template says of a place, or of what has it.
func (pl *planner) writtenAt(v any, path []string) any {
	v = pl.chosen(v)
	if len(path) == 0 {
		return v
	}
	switch v := v.(type) {
	case map[string]any:
		if member, ok := v[path[0]]; ok {
			return pl.writtenAt(member, path[1:])
		}
	case []any:
		// An Fn::If may stand for nothing: the places of others are moved then.
		moved := slices.ContainsFunc(v, func(e any) bool { return asMembers(e)["Fn::If"] != nil })
		if i, err := strconv.Atoi(path[0]); err == nil && i < len(v) && !moved {
			return pl.writtenAt(v[i], path[1:])
		}
	}
	return v
}

// chosen is what an Fn::If stands for.
func (pl *planner) chosen(v any) any {
	for {
		m := asMembers(v)
		args, ok := m["Fn::If"].([]any)
		if !ok || len(m) != 1 || len(args) != 3 {
			return v
		}
		name, _ := args[0].(string)
		yes, err := pl.ev.condition(name)
		switch {
		case err != nil:
			return v
		case yes:
			v = args[1]
		default:
			v = args[2]
		}
	}
}

// causes lists, each once, what an expression refers to that changes.
func (pl *planner) causes(v any) []api.ResourceChangeDetail {
	var list []api.ResourceChangeDetail
	tell := func(entity, source, evaluation string) {
		if !slices.ContainsFunc(list, func(c api.ResourceChangeDetail) bool { return *c.CausingEntity == entity }) {
			list = append(list, api.ResourceChangeDetail{CausingEntity: &entity, ChangeSource: &source, Evaluation: &evaluation})
		}
	}
	pl.referred(v, func(name, attribute string) {
		evaluation := "Dynamic"
		if c := pl.coming[name]; c.sure {
			evaluation = "Static"
		}
		switch c := pl.coming[name]; {
		case attribute != "" && c.attributes:
			tell(name+"."+attribute, "ResourceAttribute", evaluation)
		case attribute == "" && c.id:
			tell(name, "ResourceReference", evaluation)
		case attribute == "" && pl.otherParameter(name):
			tell(name, "ParameterReference", "Static")
		}
	})
	return list
}

// otherParameter tells whether the stack has had another value of a parameter.
func (pl *planner) otherParameter(name string) bool {
	was, had := pl.st.Values[name]
	is, has := pl.p.Values[name]
	return had && has && (was != is || pl.st.Resolved[name] != pl.p.Resolved[name])
}

// referred calls each with what v refers to: a name, and the attribute of a resource.
func (pl *planner) referred(v any, each func(name, attribute string)) {
	v = pl.chosen(v)
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			pl.referred(e, each)
		}
	case map[string]any:
		if len(v) == 1 && pl.refersItself(v, each) {
			return
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			pl.referred(v[name], each)
		}
	}
}

// refersItself is referred of a function; false: v is none that refers to anything by
// itself.
func (pl *planner) refersItself(v map[string]any, each func(name, attribute string)) bool {
	if name, ok := v["Ref"].(string); ok {
		each(name, "")
		return true
	}
	switch at := v["Fn::GetAtt"].(type) {
	case string:
		name, attribute, _ := strings.Cut(at, ".")
		each(name, attribute)
		return true
	case []any:
		if parts, ok := texts(at); ok && len(parts) > 1 {
			each(parts[0], strings.Join(parts[1:], "."))
			return true
		}
	}
	sub, ok := v["Fn::Sub"]
	if !ok {
		return false
	}
	text, vars := subParts(sub)
	for _, m := range subVariable.FindAllStringSubmatch(text, -1) {
		if _, own := vars[m[1]]; !own {
			name, attribute, _ := strings.Cut(strings.TrimSpace(m[1]), ".")
			each(name, attribute)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		pl.referred(vars[name], each)
	}
	return true
}

// replacementOf tells whether a resource is replaced.
//
// AWS: of "ResourceChange": Always and Static replaces, Always and Dynamic may.
func replacementOf(details []api.ResourceChangeDetail) string {
	replacement := "False"
	for _, c := range details {
		if *c.Target.RequiresRecreation == "Always" {
			if *c.Evaluation == "Static" {
				return "True"
			}
			replacement = "Conditional"
		}
	}
	return replacement
}

// scopeOf lists the attributes that differ.
func scopeOf(details []api.ResourceChangeDetail) []string {
	var scope []string
	for _, c := range details {
		if !slices.Contains(scope, *c.Target.Attribute) {
			scope = append(scope, *c.Target.Attribute)
		}
	}
	if scope == nil { // it is tried again
		return []string{"Properties"}
	}
	return scope
}

// withoutValues are changes as they are told to who does not ask for values.
func withoutValues(changes []api.Change) []api.Change {
	list := slices.Clone(changes)
	for i := range list {
		c := *list[i].ResourceChange
		c.BeforeContext, c.AfterContext = nil, nil
		if str(c.Action) == "Add" {
			c.Replacement = nil
		}
		details := []api.ResourceChangeDetail{}
		told := map[string]bool{}
		for _, d := range c.Details {
			d.Target = &api.ResourceTargetDefinition{Attribute: d.Target.Attribute, Name: d.Target.Name, RequiresRecreation: d.Target.RequiresRecreation}
			if text := marshalText(d); !told[text] {
				told[text] = true
				details = append(details, d)
			}
		}
		c.Details = details
		list[i].ResourceChange = &c
	}
	return list
}
