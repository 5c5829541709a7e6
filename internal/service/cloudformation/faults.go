package cloudformation

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/awsrpc"
)

// Faults that a template has wherever it is used: nothing is made before they are
// told.

// acceptTemplate reads a template that somebody gives. One that is kept is read by
// parseTemplate alone: what was accepted once must go on, and back.
func acceptTemplate(body string, known func(string) bool) (*template, error) {
	root, err := parseRoot(body)
	if err != nil {
		return nil, err
	}
	if err := checkSections(root); err != nil {
		return nil, err
	}
	if err := checkNulls(root, nil); err != nil {
		return nil, err
	}
	if err := checkMappings(root); err != nil {
		return nil, err
	}
	t, err := readTemplate(root)
	if err != nil {
		return nil, err
	}
	if err := t.checkCalls(); err != nil {
		return nil, err
	}
	return t, t.complete(known)
}

// checkNulls refuses a value that is null.
//
// AWS: the words; of a property it says "/Resources/NAME/Type/PROPERTY".
func checkNulls(v any, path []string) error {
	switch v := v.(type) {
	case nil:
		if len(path) > 3 && path[0] == "Resources" && path[2] == "Properties" {
			path[2] = "Type"
		}
		return awsrpc.Validation("[/" + strings.Join(path, "/") + "] 'null' values are not allowed in templates")
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if err := checkNulls(v[name], append(slices.Clip(path), name)); err != nil {
				return err
			}
		}
	case []any:
		for i, e := range v {
			if err := checkNulls(e, append(slices.Clip(path), strconv.Itoa(i))); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkMappings refuses mappings that are not of two levels of names above texts and
// lists.
func checkMappings(root map[string]any) error {
	section, ok := root["Mappings"]
	if !ok {
		return nil
	}
	all, ok := section.(map[string]any)
	if !ok {
		return errFormat("Mappings must be an object.")
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !logicalForm.MatchString(name) {
			return errFormat("Mappings name '" + name + "' is non alphanumeric.")
		}
		of, ok := all[name].(map[string]any)
		if !ok {
			return errFormat("Every Mappings member " + name + " must be a map")
		}
		for _, key := range slices.Sorted(maps.Keys(of)) {
			if err := checkMapped(of[key]); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkMapped(v any) error {
	of, ok := v.(map[string]any)
	if !ok {
		return errFormat("Every Mappings attribute must be a map")
	}
	for _, name := range slices.Sorted(maps.Keys(of)) {
		if !logicalForm.MatchString(name) { // AWS: the words
			return errFormat("Mappings attribute name '" + name + "' must contain only alphanumeric characters.")
		}
		if _, object := of[name].(map[string]any); object {
			return errFormat("Every Mappings attribute must be a String or a List.")
		}
	}
	return nil
}

// checkCalls refuses functions without what they expect, in whatever branch they
// stand.
func (t *template) checkCalls() error {
	for _, name := range slices.Sorted(maps.Keys(t.Resources)) {
		if err := t.checkCallsIn(t.Resources[name].Properties); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Outputs)) {
		for _, member := range []string{"Value", "Export"} {
			if err := t.checkCallsIn(t.Outputs[name][member]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *template) checkCallsIn(v any) error {
	switch v := v.(type) {
	case map[string]any:
		if name, arg, ok := callOf(v); ok {
			if err := t.checkCall(name, arg); err != nil {
				return err
			}
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if err := t.checkCallsIn(v[name]); err != nil {
				return err
			}
		}
	case []any:
		for _, e := range v {
			if err := t.checkCallsIn(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// callOf tells which function an object calls, if it does.
func callOf(v map[string]any) (name string, arg any, ok bool) {
	if len(v) != 1 {
		return "", nil, false
	}
	for name, arg := range v {
		return name, arg, name == "Ref" || strings.HasPrefix(name, "Fn::")
	}
	return "", nil, false
}

func (t *template) checkCall(name string, arg any) error {
	list, isList := arg.([]any)
	switch name {
	case "Ref":
		if _, ok := arg.(string); !ok {
			return errTemplate("every Ref object must have a single String value.")
		}
	case "Fn::GetAtt":
		if s, ok := arg.(string); ok {
			resource, attr, _ := strings.Cut(s, ".")
			list, isList = []any{resource, attr}, true
		}
		if !isList || len(list) < 2 || list[0] == "" || list[1] == "" {
			return errTemplate(getAttForm)
		}
	case "Fn::If":
		return t.checkIf(list)
	case "Fn::FindInMap":
		if len(list) != 3 && len(list) != 4 {
			return errTemplate(findInMapForm)
		}
	case "Fn::Sub":
		return checkSub(arg)
	case "Fn::Join":
		return checkTwo(list, joinForm)
	case "Fn::Select":
		return checkTwo(list, selectForm)
	case "Fn::Split":
		if len(list) != 2 {
			return errTemplate(splitForm)
		}
	default:
		if !slices.Contains(functionNames(), name) {
			return errUnsupported(name)
		}
	}
	return nil
}

// checkTwo wants a value and a list, or what may become one.
func checkTwo(list []any, form string) error {
	if len(list) == 2 {
		switch list[1].(type) {
		case []any, map[string]any:
			return nil
		}
	}
	return errTemplate("%s", form)
}

func (t *template) checkIf(list []any) error {
	if len(list) == 0 {
		return errTemplate("Fn::If requires a list argument with three elements")
	}
	name, ok := list[0].(string)
	switch {
	case !ok:
		return errTemplate("Fn::If requires a list argument with the first element being a condition")
	case len(list) != 3:
		return errTemplate("Fn::If requires a list argument with three elements")
	case t.Conditions[name] == nil:
		return errTemplate("unresolved condition dependency %s in Fn::If", name)
	}
	return nil
}

func checkSub(arg any) error {
	list, ok := arg.([]any)
	if ok && len(list) == 2 {
		if _, vars := list[1].(map[string]any); !vars {
			return errTemplate(subForm)
		}
		arg = list[0]
	}
	if _, ok := arg.(string); !ok {
		return errTemplate(subForm)
	}
	return nil
}

// errUnsupported refuses a function that there is not.
//
// AWS: the words, and what it calls supported there.
func errUnsupported(name string) error {
	return awsrpc.Validation("Template Error: Encountered unsupported function: " + name + " Supported functions are: [" +
		"Fn::Base64, Fn::GetAtt, Fn::GetAZs, Fn::ImportValue, Fn::Join, Fn::Split, Fn::FindInMap, Fn::Select, Ref, Fn::Equals, Fn::If, Fn::Not, Condition, " +
		"Fn::And, Fn::Or, Fn::Contains, Fn::EachMemberEquals, Fn::EachMemberIn, Fn::ValueOf, Fn::ValueOfAll, Fn::RefAll, Fn::Sub, Fn::Cidr]")
}

// checkReached refuses what the template names once its conditions are known: resources
// that are not made, and members that a mapping does not have.
func (t *template) checkReached(ev *evaluator) error {
	r := &reach{ev: ev}
	for _, name := range slices.Sorted(maps.Keys(t.Resources)) {
		if d := t.Resources[name]; t.isMade(ev, d) {
			if err := r.look(d.Properties); err != nil {
				return err
			}
		}
	}
	if err := r.unresolved("Resources"); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(t.Outputs)) {
		o := t.Outputs[name]
		if cond, ok := o["Condition"].(string); ok && !ev.conditions[cond] {
			continue
		}
		for _, member := range []string{"Value", "Export"} {
			if err := r.look(o[member]); err != nil {
				return err
			}
		}
		if err := r.checkOutput(o["Value"]); err != nil {
			return err
		}
	}
	return r.unresolved("Outputs")
}

// checkOutput refuses the value of an output that is seen to be no text.
//
// AWS: the words; it names the kind of what stands there itself.
func (r *reach) checkOutput(v any) error {
	const form = "The Value field of every Outputs member must evaluate to a String"
	switch v := r.chosen(v).(type) {
	case []any:
		return errFormat(form + " and not a List.")
	case map[string]any:
		name, arg, call := callOf(v)
		switch _, condition := v["Condition"]; {
		case name == "Ref" && arg == "AWS::NoValue":
			return errFormat(form + ".")
		case !call && !condition:
			return errFormat(form + " and not a Map.")
		}
	}
	return nil
}

// chosen is what the conditions leave of a value.
func (r *reach) chosen(v any) any {
	for {
		m, _ := v.(map[string]any)
		name, arg, call := callOf(m)
		list, isList := arg.([]any)
		if !call || name != "Fn::If" || !isList || len(list) != 3 {
			return v
		}
		cond, _ := list[0].(string)
		if v = list[2]; r.ev.conditions[cond] {
			v = list[1]
		}
	}
}

// isMade tells whether the conditions have a resource be there.
func (t *template) isMade(ev *evaluator, d *declared) bool {
	return d.Condition == "" || ev.conditions[d.Condition]
}

// A reach is a walk through what the conditions of a template leave of it.
type reach struct {
	ev      *evaluator
	missing []string
}

func (r *reach) unresolved(block string) error {
	if r.missing == nil {
		return nil
	}
	slices.Sort(r.missing)
	return errFormat("Unresolved resource dependencies [" + strings.Join(slices.Compact(r.missing), ", ") + "] in the " + block + " block of the template")
}

func (r *reach) look(v any) error {
	switch v := r.chosen(v).(type) {
	case map[string]any:
		name, arg, call := callOf(v)
		if call {
			if own, ok := ownReferences(v); ok {
				r.note(own)
			}
		}
		if call && name == "Fn::FindInMap" && r.decided(arg) {
			if _, err := r.ev.findInMap(arg); err != nil {
				return err
			}
		}
		for _, member := range slices.Sorted(maps.Keys(v)) {
			if err := r.look(v[member]); err != nil {
				return err
			}
		}
	case []any:
		for _, e := range v {
			if err := r.look(e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *reach) note(names []string) {
	for _, name := range names {
		if d := r.ev.t.Resources[name]; d != nil && !r.ev.t.isMade(r.ev, d) {
			r.missing = append(r.missing, name)
		}
	}
}

// decided tells whether the value of a call is known before resources are.
func (r *reach) decided(arg any) bool {
	for _, name := range references(arg) {
		if _, ok := r.ev.values[name]; !ok {
			return false
		}
	}
	return !calls(arg, "Fn::ImportValue")
}

// calls tells whether the function is called somewhere in v.
func calls(v any, function string) bool {
	switch v := v.(type) {
	case map[string]any:
		if _, ok := v[function]; ok {
			return true
		}
		for _, e := range v {
			if calls(e, function) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(e any) bool { return calls(e, function) })
	}
	return false
}
