package cloudformation

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"

	api "gatehouse/internal/awsapi/cloudformation"
	"gatehouse/internal/awsrpc"
)

// An evaluator gives the functions of a template their values.
type evaluator struct {
	t      *template
	values map[string]any // parameters and pseudo parameters, by name

	// resource returns what stands for a resource; ok is false if it has none.
	resource func(name string) (*resource, bool)
	// imported returns the value of an export, or an error.
	imported func(name string) (string, error)

	// coming tells what a change set makes of a resource that others refer to; nil: all
	// of them are what they will be.
	coming func(name string) coming

	tags []api.Tag // of the stack, for its resources

	conditions map[string]bool
	open       map[string]bool // conditions being evaluated
	text       int             // bytes of text made
}

// noValue is what AWS::NoValue stands for: the member that has it is left out.
type noValue struct{}

func errTemplate(format string, args ...any) error {
	return awsrpc.Validation("Template error: " + fmt.Sprintf(format, args...))
}

// value evaluates v.
func (e *evaluator) value(v any) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 1 {
			for name, arg := range v {
				if name == "Ref" || name == "Condition" || strings.HasPrefix(name, "Fn::") {
					return e.call(name, arg)
				}
			}
		}
		out := make(map[string]any, len(v))
		for k, member := range v {
			got, err := e.value(member)
			if err != nil {
				return nil, err
			}
			if _, none := got.(noValue); !none {
				out[k] = got
			}
		}
		return out, nil
	case []any:
		out := make([]any, 0, len(v))
		for _, item := range v {
			got, err := e.value(item)
			if err != nil {
				return nil, err
			}
			if _, none := got.(noValue); !none {
				out = append(out, got)
			}
		}
		return out, nil
	case string:
		return v, e.spend(len(v))
	}
	return v, nil
}

// spend bounds the text that the functions of a template make.
func (e *evaluator) spend(text int) error {
	if e.text += text; e.text > maxText {
		return errTemplate("the functions of the template make more than %d bytes of text", maxText)
	}
	return nil
}

func (e *evaluator) call(name string, arg any) (any, error) {
	// "Condition" is a function where a condition is wanted, and otherwise a
	// name like any other: of an object in a policy.
	if name == "Condition" {
		s, ok := arg.(string)
		if _, declared := e.t.Conditions[s]; !ok || !declared {
			got, err := e.value(arg)
			return map[string]any{name: got}, err
		}
		return e.condition(s)
	}
	f, ok := e.functions()[name]
	if !ok {
		return nil, errUnsupported(name)
	}
	return f(arg)
}

func (e *evaluator) functions() map[string]func(any) (any, error) {
	return map[string]func(any) (any, error){
		"Ref": e.ref, "Fn::GetAtt": e.getAtt, "Fn::Sub": e.sub, "Fn::Join": e.join, "Fn::Select": e.selectItem, "Fn::Split": e.split,
		"Fn::FindInMap": e.findInMap, "Fn::If": e.choose, "Fn::And": e.and, "Fn::Or": e.or, "Fn::Not": e.not, "Fn::Equals": e.equals,
		"Fn::Contains": e.contains, "Fn::Base64": e.base64, "Fn::ImportValue": e.importValue, "Fn::Cidr": e.cidr, "Fn::Length": e.length,
		"Fn::ToJsonString": e.toJSON, "Fn::GetAZs": e.getAZs,
	}
}

func (e *evaluator) ref(arg any) (any, error) {
	name, ok := arg.(string)
	if !ok {
		return nil, errTemplate("every Ref object must have a single String value.")
	}
	if name == "AWS::NoValue" {
		return noValue{}, nil
	}
	if v, ok := e.values[name]; ok {
		return e.value(v)
	}
	if e.coming != nil && e.coming(name).id {
		return knownAfterApply, nil
	}
	if e.resource != nil {
		if r, ok := e.resource(name); ok {
			return r.ref(), nil
		}
	}
	return nil, errFormat("Unresolved resource dependencies [" + name + "] in the Resources block of the template")
}

const getAttForm = "every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute"

func (e *evaluator) getAtt(arg any) (any, error) {
	if s, ok := arg.(string); ok {
		name, attr, _ := strings.Cut(s, ".")
		arg = []any{name, attr}
	}
	list, ok := arg.([]any)
	if !ok || len(list) < 2 {
		return nil, errTemplate(getAttForm)
	}
	name, ok := list[0].(string)
	if !ok {
		return nil, errTemplate(getAttForm)
	}
	attrs := make([]string, 0, len(list)-1)
	for _, part := range list[1:] {
		got, err := e.string(part, "Fn::GetAtt")
		if err != nil {
			return nil, err
		}
		attrs = append(attrs, got)
	}
	attr := strings.Join(attrs, ".")
	if e.t.Resources[name] == nil || e.resource == nil {
		return nil, errTemplate("instance of Fn::GetAtt references undefined resource %s", name)
	}
	if e.coming != nil && e.coming(name).attributes {
		return knownAfterApply, nil
	}
	r, ok := e.resource(name)
	if !ok {
		return nil, errFormat("Unresolved resource dependencies [" + name + "] in the Resources block of the template")
	}
	if v, ok := r.Attributes[attr]; ok {
		return e.given(v)
	}
	if isCustom(r.Type) { // AWS: the words, without where it keeps answers
		return nil, awsrpc.Validation("CustomResource attribute error: Vendor response doesn't contain " + attr + " key in object " + name)
	}
	return nil, errTemplate("resource %s does not support attribute type %s in Fn::GetAtt", name, attr)
}

// given is a copy of what a provider has answered: it is no template, and what looks
// like a function of one stays as it is.
func (e *evaluator) given(v any) (any, error) {
	var err error
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, member := range v {
			if out[name], err = e.given(member); err != nil {
				return nil, err
			}
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			if out[i], err = e.given(item); err != nil {
				return nil, err
			}
		}
		return out, nil
	case string:
		err = e.spend(len(v))
	}
	return v, err
}

// string evaluates what must be a text. AWS: numbers and booleans are taken.
func (e *evaluator) string(v any, function string) (string, error) {
	got, err := e.value(v)
	if err != nil {
		return "", err
	}
	if s, ok := textOf(got); ok {
		return s, nil
	}
	return "", errTemplate("%s requires a text where it has %s", function, kindOf(got))
}

func textOf(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

func kindOf(v any) string {
	switch v.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	}
	return "nothing"
}

// list evaluates what must be a list, or a function that returns one.
func (e *evaluator) list(v any, otherwise string) ([]any, error) {
	got, err := e.value(v)
	if err != nil {
		return nil, err
	}
	list, ok := got.([]any)
	if !ok {
		return nil, errTemplate("%s", otherwise)
	}
	return list, nil
}

const subForm = "One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string as first argument, and an optional second argument to specify a mapping of values to replace in the string"

func (e *evaluator) sub(arg any) (any, error) {
	text, vars := subParts(arg)
	if list, ok := arg.([]any); ok {
		if len(list) != 2 || vars == nil {
			return nil, errTemplate(subForm)
		}
		arg = list[0]
	}
	if _, ok := arg.(string); !ok {
		return nil, errTemplate(subForm)
	}
	var failed error
	out := subPart.ReplaceAllStringFunc(text, func(match string) string {
		if match[2] == '!' { // AWS: "${!Literal}" is "${Literal}"
			return "${" + match[3:]
		}
		name := strings.TrimSpace(match[2 : len(match)-1])
		var v any
		var err error
		if own, ok := vars[name]; ok {
			v, err = e.value(own)
		} else if strings.Contains(name, ".") {
			v, err = e.getAtt(name)
		} else {
			v, err = e.ref(name)
		}
		s, ok := textOf(v)
		if err == nil && !ok {
			err = errTemplate("the variable %s of Fn::Sub is not a text", name)
		}
		if err != nil && failed == nil {
			failed = err
		}
		if spent := e.spend(len(s)); spent != nil {
			failed = spent
			return ""
		}
		return s
	})
	return out, failed
}

const joinForm = "every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined."

func (e *evaluator) join(arg any) (any, error) {
	args, ok := arg.([]any)
	if !ok || len(args) != 2 {
		return nil, errTemplate(joinForm)
	}
	by, err := e.string(args[0], "Fn::Join")
	if err != nil {
		return nil, err
	}
	list, err := e.list(args[1], joinForm)
	if err != nil {
		return nil, err
	}
	parts := make([]string, len(list))
	for i, item := range list {
		if parts[i], ok = textOf(item); !ok {
			return nil, errTemplate(joinForm)
		}
	}
	return e.value(strings.Join(parts, by))
}

const selectForm = "Fn::Select requires a list argument with two elements: an integer index and a list"

func (e *evaluator) selectItem(arg any) (any, error) {
	args, ok := arg.([]any)
	if !ok || len(args) != 2 {
		return nil, errTemplate(selectForm)
	}
	text, err := e.string(args[0], "Fn::Select")
	if err != nil {
		return nil, err
	}
	list, err := e.list(args[1], selectForm)
	if err != nil {
		return nil, err
	}
	i, err := strconv.Atoi(text)
	if err != nil {
		return nil, errTemplate(selectForm)
	}
	if i < 0 || i >= len(list) {
		return nil, errTemplate("Fn::Select cannot select nonexistent value at index %d", i)
	}
	return list[i], nil
}

const splitForm = "every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split or a function that returns a string to be split."

func (e *evaluator) split(arg any) (any, error) {
	args, ok := arg.([]any)
	if !ok || len(args) != 2 {
		return nil, errTemplate(splitForm)
	}
	by, err := e.string(args[0], "Fn::Split")
	if err != nil {
		return nil, err
	}
	text, err := e.string(args[1], "Fn::Split")
	if err != nil {
		return nil, err
	}
	if by == "" {
		return nil, errTemplate(splitForm)
	}
	var list []any
	for part := range strings.SplitSeq(text, by) {
		list = append(list, part)
	}
	return list, nil
}

const findInMapForm = "every Fn::FindInMap object requires three parameters, the map name, map key and the attribute for return value"

func (e *evaluator) findInMap(arg any) (any, error) {
	args, ok := arg.([]any)
	if !ok || len(args) < 3 || len(args) > 4 {
		return nil, errTemplate(findInMapForm)
	}
	var path [3]string
	for i := range path {
		var err error
		if path[i], err = e.string(args[i], "Fn::FindInMap"); err != nil {
			return nil, err
		}
	}
	var at any = e.t.Mappings
	for _, key := range path {
		m, _ := at.(map[string]any)
		at, ok = m[key]
		if ok {
			continue
		}
		if len(args) == 4 {
			if o, is := args[3].(map[string]any); is {
				return e.value(o["DefaultValue"])
			}
		}
		if m, _ := e.t.Mappings[path[0]].(map[string]any); m == nil {
			return nil, errTemplate("Mapping named '%s' is not present in the 'Mappings' section of template.", path[0])
		}
		return nil, errTemplate("Unable to get mapping for %s::%s::%s", path[0], path[1], path[2])
	}
	return e.value(at)
}

// condition evaluates a named condition, once.
func (e *evaluator) condition(name string) (bool, error) {
	if v, ok := e.conditions[name]; ok {
		return v, nil
	}
	c, ok := e.t.Conditions[name]
	if !ok {
		return false, errFormat("Unresolved dependency " + name + ". Cannot reference " + name + " as it doesn't exist in the Conditions block of the template.")
	}
	if e.open[name] {
		return false, errFormat("Circular dependency between conditions: [" + strings.Join(slices.Sorted(maps.Keys(e.open)), ", ") + "]")
	}
	if e.conditions == nil {
		e.conditions, e.open = map[string]bool{}, map[string]bool{}
	}
	e.open[name] = true
	defer delete(e.open, name)
	v, err := e.bool(c)
	if err == nil {
		e.conditions[name] = v
	}
	return v, err
}

func (e *evaluator) bool(v any) (bool, error) {
	got, err := e.value(v)
	if err != nil {
		return false, err
	}
	switch s, _ := textOf(got); s {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, errFormat("Every Condition member must be a string or a function that returns a boolean.")
}

func (e *evaluator) choose(arg any) (any, error) {
	args, ok := arg.([]any)
	if !ok || len(args) != 3 {
		return nil, errTemplate("Fn::If requires a list argument with three elements")
	}
	name, ok := args[0].(string)
	if !ok {
		return nil, errTemplate("Fn::If requires a list argument with the first element being a condition")
	}
	if e.t.Conditions[name] == nil {
		return nil, errTemplate("unresolved condition dependency %s in Fn::If", name)
	}
	yes, err := e.condition(name)
	if err != nil {
		return nil, err
	}
	if yes {
		return e.value(args[1])
	}
	return e.value(args[2])
}

func (e *evaluator) all(arg any, name string, least, most int) ([]bool, error) {
	args, ok := arg.([]any)
	if !ok || len(args) < least || len(args) > most {
		return nil, errTemplate("every %s object requires a list of at least %d and at most %d boolean parameters.", name, least, most)
	}
	out := make([]bool, len(args))
	for i, a := range args {
		var err error
		if out[i], err = e.bool(a); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (e *evaluator) and(arg any) (any, error) {
	list, err := e.all(arg, "Fn::And", 2, 10)
	return !slices.Contains(list, false), err
}

func (e *evaluator) or(arg any) (any, error) {
	list, err := e.all(arg, "Fn::Or", 2, 10)
	return slices.Contains(list, true), err
}

func (e *evaluator) not(arg any) (any, error) {
	list, err := e.all(arg, "Fn::Not", 1, 1)
	return err == nil && !list[0], err
}

func (e *evaluator) equals(arg any) (any, error) {
	args, ok := arg.([]any)
	if !ok || len(args) != 2 {
		return nil, errTemplate("every Fn::Equals object requires a list of 2 string parameters.")
	}
	a, err := e.value(args[0])
	if err != nil {
		return nil, err
	}
	b, err := e.value(args[1])
	if err != nil {
		return nil, err
	}
	x, isX := textOf(a)
	y, isY := textOf(b)
	if isX && isY {
		return x == y, nil
	}
	return reflect.DeepEqual(a, b), nil
}

func (e *evaluator) contains(arg any) (any, error) {
	args, ok := arg.([]any)
	if !ok || len(args) != 2 {
		return nil, errTemplate("every Fn::Contains object requires a list of texts and a text.")
	}
	list, err := e.list(args[0], "every Fn::Contains object requires a list of texts and a text.")
	if err != nil {
		return nil, err
	}
	text, err := e.string(args[1], "Fn::Contains")
	return slices.Contains(list, any(text)), err
}

func (e *evaluator) base64(arg any) (any, error) {
	text, err := e.string(arg, "Fn::Base64")
	if strings.Contains(text, knownAfterApply) {
		return knownAfterApply, err
	}
	return base64.StdEncoding.EncodeToString([]byte(text)), err
}

func (e *evaluator) importValue(arg any) (any, error) {
	name, err := e.string(arg, "Fn::ImportValue")
	if err != nil {
		return nil, err
	}
	return e.imported(name)
}

func (e *evaluator) length(arg any) (any, error) {
	list, err := e.list(arg, "every Fn::Length object requires a list.")
	return json.Number(strconv.Itoa(len(list))), err
}

func (e *evaluator) toJSON(arg any) (any, error) {
	v, err := e.value(arg)
	if err != nil {
		return nil, err
	}
	return marshalText(v), nil
}

// marshalText writes a value as JSON, without escaping for HTML.
func marshalText(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // of texts, numbers and containers: never fails
	return strings.TrimSuffix(b.String(), "\n")
}

// getAZs gives the one zone there is.
func (e *evaluator) getAZs(arg any) (any, error) {
	region, err := e.string(arg, "Fn::GetAZs")
	if region == "" {
		region, _ = e.values["AWS::Region"].(string)
	}
	return []any{region + "a"}, err
}

// cidr cuts a block into count blocks of so many bits for hosts.
func (e *evaluator) cidr(arg any) (any, error) {
	args, ok := arg.([]any)
	if !ok || len(args) < 2 || len(args) > 3 {
		return nil, errTemplate("Fn::Cidr requires an IP block, a count and the number of bits")
	}
	texts := []string{"", "", "8"}
	for i := range args {
		var err error
		if texts[i], err = e.string(args[i], "Fn::Cidr"); err != nil {
			return nil, err
		}
	}
	block, err := netip.ParsePrefix(texts[0])
	count, errCount := strconv.Atoi(texts[1])
	bits, errBits := strconv.Atoi(texts[2])
	if err != nil || errCount != nil || errBits != nil || count < 1 || count > 256 || bits < 1 {
		return nil, errTemplate("Fn::Cidr: invalid block, count or bits: %s, %s, %s", texts[0], texts[1], texts[2])
	}
	width := block.Addr().BitLen()
	if width-bits < block.Bits() || count > 1<<min(width-bits-block.Bits(), 30) {
		return nil, errTemplate("Fn::Cidr: %s has no room for %d blocks of %d bits", block, count, bits)
	}
	at := new(big.Int).SetBytes(block.Masked().Addr().AsSlice())
	step := new(big.Int).Lsh(big.NewInt(1), uint(bits))
	var list []any
	for range count {
		addr, _ := netip.AddrFromSlice(at.FillBytes(make([]byte, width/8)))
		list = append(list, netip.PrefixFrom(addr, width-bits).String())
		at.Add(at, step)
	}
	return list, nil
}
