package cloudformation

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"gatehouse/internal/awsrpc"
)

const forEachPrefix = "Fn::ForEach::"

var loopVariable = regexp.MustCompile(`\$\{([A-Za-z0-9]+)\}|&\{([A-Za-z0-9]+)\}`)

// maxLoopItems bounds what all loops of a template make.
const maxLoopItems = 10_000

// extend does what AWS::LanguageExtensions adds before a stack is worked on: loops.
// Its functions (Fn::Length, Fn::ToJsonString, default values of Fn::FindInMap) and
// calls in place of names are evaluated with the others.
//
// AWS: "Fn::ForEach": five levels at most, in Conditions, Resources, their
// properties and Outputs.
func (tr *transformation) extend(root map[string]any) (map[string]any, error) {
	l := &loops{ev: &evaluator{t: &template{}, values: tr.values}}
	l.ev.t.Mappings, _ = root["Mappings"].(map[string]any)
	out := maps.Clone(root)
	for _, section := range []string{"Conditions", "Resources", "Outputs"} {
		if root[section] == nil {
			continue
		}
		v, err := l.unroll(root[section], nil, 0)
		if err != nil {
			return nil, err
		}
		out[section] = v
	}
	return out, nil
}

// loops unrolls the loops of one template.
type loops struct {
	ev   *evaluator
	made int
}

func errLoop(text string) error {
	return &transformError{extensionTransform, text}
}

// unroll returns v with its loops unrolled and the variables of those around it
// filled in.
func (l *loops) unroll(v any, vars map[string]string, depth int) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		if name, ok := v["Ref"].(string); ok && len(v) == 1 {
			if value, ok := vars[name]; ok {
				return value, nil
			}
		}
		out := make(map[string]any, len(v))
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if strings.HasPrefix(name, forEachPrefix) {
				if err := l.loop(out, name, v[name], vars, depth+1); err != nil {
					return nil, err
				}
				continue
			}
			got, err := l.unroll(v[name], vars, depth)
			if err != nil {
				return nil, err
			}
			if err := put(out, fill(name, vars), got); err != nil {
				return nil, err
			}
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			var err error
			if out[i], err = l.unroll(e, vars, depth); err != nil {
				return nil, err
			}
		}
		return out, nil
	case string:
		return fill(v, vars), nil
	}
	return v, nil
}

// put adds a member that must not be there yet.
func put(out map[string]any, name string, v any) error {
	if _, twice := out[name]; twice {
		return errLoop("Fn::ForEach makes the key " + name + " more than once")
	}
	out[name] = v
	return nil
}

// loop adds to out what one loop makes.
func (l *loops) loop(out map[string]any, name string, arg any, vars map[string]string, depth int) error {
	const form = "Fn::ForEach value is invalid: it must be a list of an identifier, a collection and an object"
	args, ok := arg.([]any)
	if !ok || len(args) != 3 || depth > 5 {
		if depth > 5 {
			return errLoop("Fn::ForEach may be nested five levels deep")
		}
		return errLoop(form)
	}
	variable, isText := args[0].(string)
	body, isObject := args[2].(map[string]any)
	if !isText || !isObject || !logicalForm.MatchString(variable) {
		return errLoop(form)
	}
	items, err := l.collection(args[1], vars)
	if err != nil {
		return err
	}
	for _, item := range items {
		if l.made++; l.made > maxLoopItems {
			return errLoop("the loops of the template make too much")
		}
		inner := maps.Clone(vars)
		if inner == nil {
			inner = map[string]string{}
		}
		if _, taken := inner[variable]; taken {
			return errLoop("the identifier " + variable + " of " + name + " is used by a loop around it")
		}
		inner[variable] = item
		got, err := l.unroll(body, inner, depth)
		if err != nil {
			return err
		}
		for key, v := range got.(map[string]any) { //nolint:forcetypeassert // unroll makes an object of an object
			if err := put(out, key, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// collection evaluates what a loop goes over.
func (l *loops) collection(v any, vars map[string]string) ([]string, error) {
	filled, err := l.unroll(v, vars, 0)
	if err != nil {
		return nil, err
	}
	list, err := l.ev.list(filled, "Fn::ForEach requires a list")
	if err != nil {
		return nil, awsrpc.Validation("Fn::ForEach could not resolve its collection: " + reasonOf(err))
	}
	var items []string
	for _, e := range list {
		s, ok := textOf(e)
		if !ok {
			return nil, errLoop("Fn::ForEach requires a list of texts")
		}
		items = append(items, s)
	}
	return items, nil
}

// fill puts in the values of variables. AWS: &{X} is X without what no logical id
// may hold.
func fill(s string, vars map[string]string) string {
	if len(vars) == 0 {
		return s
	}
	return loopVariable.ReplaceAllStringFunc(s, func(match string) string {
		value, ok := vars[match[2:len(match)-1]]
		switch {
		case !ok:
			return match
		case match[0] == '&':
			return strings.Map(func(r rune) rune {
				if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
					return r
				}
				return -1
			}, value)
		}
		return value
	})
}
