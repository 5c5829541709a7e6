package apigateway

import (
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
)

// A patchOp is one operation of a PATCH as a patchTable sees it.
type patchOp struct {
	op       string
	path     string // as sent, "null" if it was not
	from     string
	value    string
	hasValue bool
	keys     []string // what stood in the place of the pattern's {…}, unescaped
}

// A patchFunc does one operation to t, which nobody else reads yet.
type patchFunc[T any] func(t *T, o patchOp) error

// A patchRule says which operations a path takes, and does them. A nil
// function is an operation that AWS refuses on this path.
type patchRule[T any] struct {
	path    string // literal segments, and {…} for one that is a name
	add     patchFunc[T]
	replace patchFunc[T]
	remove  patchFunc[T]
	copy    patchFunc[T]
	alias   bool // another spelling of the rule before it, which clients use; not listed
}

// A patchTable is everything PATCH can do to one kind of thing. AWS has
// several ways of wording a refusal; refuse words this kind's.
type patchTable[T any] struct {
	refuse func(rules []patchRule[T], o patchOp) error
	rules  []patchRule[T]
	other  patchFunc[T] // instead of refuse: does or refuses what no rule takes
}

// apply does all operations in order. What t is afterwards counts only if no
// error was returned.
func (pt *patchTable[T]) apply(t *T, ops []api.PatchOperation) error {
	if len(ops) > maxPatchOps {
		return api.BadRequestException("Too many patch operations specified.") // AWS: undocumented text
	}
	for _, in := range ops {
		o := patchOp{op: str(in.Op), path: "null", from: str(in.From), value: str(in.Value), hasValue: in.Value != nil}
		if in.Path != nil {
			o.path = *in.Path
		}
		if err := pt.applyOne(t, o); err != nil {
			return err
		}
	}
	return nil
}

func (pt *patchTable[T]) applyOne(t *T, o patchOp) error {
	for i := range pt.rules {
		r := &pt.rules[i]
		keys, ok := matchPointer(r.path, o.path)
		if !ok {
			continue
		}
		if do := r.on(o.op); do != nil {
			o.keys = keys
			return do(t, o)
		}
	}
	if pt.other != nil {
		return pt.other(t, o)
	}
	return pt.refuse(pt.rules, o)
}

func (r *patchRule[T]) on(op string) patchFunc[T] {
	switch op {
	case "add":
		return r.add
	case "replace":
		return r.replace
	case "remove":
		return r.remove
	case "copy":
		return r.copy
	}
	return nil
}

// takes lists the operations of a rule.
func (r *patchRule[T]) takes() []string {
	var ops []string
	for _, op := range []string{"add", "replace", "remove", "copy"} {
		if r.on(op) != nil {
			ops = append(ops, op)
		}
	}
	return ops
}

// matchPointer reports whether a JSON pointer fits a pattern, and what stood
// in the place of the pattern's names.
//
// AWS: a name that contains a slash must be escaped (~1), or the path is
// unknown (recorded: test_update_method_validation, wrong-path-request-models).
func matchPointer(pattern, pointer string) (keys []string, ok bool) {
	want, got := strings.Split(pattern, "/"), strings.Split(pointer, "/")
	if len(want) != len(got) {
		return nil, false
	}
	for i, w := range want {
		if !strings.HasPrefix(w, "{") {
			if w != got[i] {
				return nil, false
			}
			continue
		}
		if got[i] == "" {
			return nil, false
		}
		keys = append(keys, unescapePointer(got[i]))
	}
	return keys, true
}

var pointerEscapes = strings.NewReplacer("~1", "/", "~0", "~")

// unescapePointer undoes RFC 6901's escapes in one segment.
func unescapePointer(s string) string {
	return pointerEscapes.Replace(s)
}

// refuseListing is how most kinds refuse: with the list of paths that the
// operation could have had.
//
// AWS: recorded, with both spaces (test_update_resource_behaviour).
func refuseListing[T any](rules []patchRule[T], o patchOp) error {
	var paths []string
	for i := range rules {
		if rules[i].on(o.op) != nil && !rules[i].alias {
			paths = append(paths, rules[i].path)
		}
	}
	text := "Invalid patch path  '" + o.path + "' specified for op '" + o.op + "'. "
	if len(paths) == 0 {
		return api.BadRequestException(text + "Please choose supported operations")
	}
	return api.BadRequestException(text + "Must be one of: [" + strings.Join(paths, ", ") + "]")
}

// refusePlain is how REST APIs, methods, integrations and their responses
// refuse: an unknown path by its name, a known one by the operations it takes.
//
// AWS: recorded (test_update_rest_api_behaviour, test_update_method_validation).
func refusePlain[T any](rules []patchRule[T], o patchOp) error {
	for i := range rules {
		if _, ok := matchPointer(rules[i].path, o.path); ok {
			return api.BadRequestException("Invalid patch operation specified. Must be one of: [" +
				strings.Join(rules[i].takes(), ", ") + "]")
		}
	}
	return refusePath(rules, o)
}

// refusePath is how gateway responses refuse, whatever is wrong.
//
// AWS: recorded (test_update_gateway_response).
func refusePath[T any](_ []patchRule[T], o patchOp) error {
	return api.BadRequestException("Invalid patch path " + o.path)
}

// patchString sets a text, or takes it away when the value is empty.
func patchString(field **string, o patchOp) {
	if o.value == "" {
		*field = nil
		return
	}
	*field = new(o.value)
}

// patchSwitch sets a truth value, and refuses what is none: of these settings
// nobody knows what Amazon makes of "maybe", and false may let somebody in.
func patchSwitch(field **bool, o patchOp) error {
	on, ok := truth(o.value)
	if !ok {
		return api.BadRequestException("Invalid value '" + o.value + "' specified for path " + o.path + ". Must be either 'true' or 'false'") // AWS: undocumented text
	}
	*field = new(on)
	return nil
}

// truth reads a truth value.
func truth(s string) (on, ok bool) {
	on = strings.EqualFold(s, "true")
	return on, on || strings.EqualFold(s, "false")
}

// patchBool reads a truth value of API keys, of methods and their parameters,
// and of validators.
//
// AWS: whatever is not "true" is false, a missing value too (recorded:
// test_update_method_validation, wrong-value-type;
// test_request_validator_lifecycle, update-request-validator-without-value).
func patchBool(o patchOp) *bool {
	return new(strings.EqualFold(o.value, "true"))
}

// setEntry returns m with one more entry; m itself may be nil.
func setEntry[V any](m map[string]V, key string, v V) map[string]V {
	if m == nil {
		m = map[string]V{}
	}
	m[key] = v
	return m
}

// dropEntry returns m without key, or nil if nothing is left: AWS does not
// show a map that PATCH has emptied (recorded: test_update_method_response).
func dropEntry[V any](m map[string]V, key string) map[string]V {
	delete(m, key)
	if len(m) == 0 {
		return nil
	}
	return m
}

// dropValue returns list without v, or nil if nothing is left.
func dropValue(list []string, v string) []string {
	out := slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == v })
	if len(out) == 0 {
		return nil
	}
	return out
}
