package cloudformation

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strings"
)

// A veil hides the values of parameters with NoEcho, and of what custom resources have
// answered with NoEcho, in what is shown of resources: who may describe a stack does
// not learn them. The zero veil hides everything.
//
// AWS: a parameter is masked "for any calls that describe the stack or stack events",
// but in Outputs and Metadata; answers, else, are visible "through APIs that surface
// property values (such as DescribeStackEvents)". Outputs show those, too, as others
// have measured, though "Custom resource response objects" excepts Metadata only.
type veil struct {
	secrets []string
	texts   *strings.Replacer
}

// veilOf is the veil of a stack with these resources, as it is and, while it is updated,
// as it was.
func veilOf(t tables, st *stack, resources iter.Seq[*resource]) (veil, error) {
	secrets, err := st.secrets(t)
	if err == nil && st.Before != nil {
		was := *st
		was.version = *st.Before
		var before []string
		before, err = was.secrets(t)
		secrets = append(secrets, before...)
	}
	if err != nil {
		return veil{}, err
	}
	for res := range resources {
		secrets = append(secrets, res.secrets()...)
	}
	return newVeil(secrets), nil
}

func newVeil(secrets []string) veil {
	// The longest first: one may be a part of another.
	slices.SortFunc(secrets, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) })
	secrets = slices.Compact(secrets)
	var pairs []string
	for _, secret := range secrets {
		pairs = append(pairs, secret, "****")
	}
	return veil{secrets, strings.NewReplacer(pairs...)}
}

// with is the veil that hides a resource's answers, too.
func (l veil) with(res *resource) veil {
	if l.texts == nil || !res.NoEcho {
		return l
	}
	return newVeil(slices.Concat(l.secrets, res.secrets()))
}

// secrets are the values that a resource has answered with NoEcho, now and before the
// running operation.
func (res *resource) secrets() []string {
	if !res.NoEcho {
		return nil
	}
	list := textsIn(res.Attributes)
	if res.Old != nil {
		list = append(list, textsIn(res.Old.Attributes)...)
	}
	return list
}

// textsIn are the texts and numbers in v. What is true or false is no secret.
func textsIn(v any) []string {
	var list []string
	switch v := v.(type) {
	case map[string]any:
		for _, member := range v {
			list = append(list, textsIn(member)...)
		}
	case []any:
		for _, e := range v {
			list = append(list, textsIn(e)...)
		}
	case bool:
	default:
		if text, _ := textOf(v); text != "" {
			list = append(list, text)
		}
	}
	return list
}

// secrets are the values of the parameters with NoEcho.
func (st *stack) secrets(t tables) ([]string, error) {
	tpl, err := parseTemplate(st.text(), func(string) bool { return true })
	if err != nil {
		return nil, err
	}
	values := newEvaluator(tpl, st, t).values
	var list []string
	for _, name := range slices.Sorted(maps.Keys(tpl.Parameters)) {
		if !isSecret(tpl.Parameters[name]) {
			continue
		}
		items, isList := values[name].([]any)
		if !isList {
			items = []any{values[name]}
		}
		for _, v := range items {
			if text, _ := textOf(v); text != "" {
				list = append(list, text)
			}
		}
	}
	return list, nil
}

// text is a text as it may be shown.
func (l veil) text(s string) string {
	if l.texts == nil {
		return "****"
	}
	return l.texts.Replace(s)
}

// over is v as it may be shown.
func (l veil) over(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, member := range v {
			out[name] = l.over(member)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = l.over(e)
		}
		return out
	}
	if text, ok := textOf(v); ok {
		if shown := l.text(text); shown != text {
			return shown
		}
	}
	return v
}
