package cloudformation

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// A veil hides the values of parameters with NoEcho in what is shown of resources:
// who may describe a stack does not learn them.
//
// AWS: NoEcho is "whether to mask the parameter value whenever anyone makes a call that
// describes the stack".
type veil struct{ texts *strings.Replacer }

// veilOf is the veil of a stack.
func veilOf(t tables, st *stack) (veil, error) {
	tpl, err := parseTemplate(st.text(), func(string) bool { return true })
	if err != nil {
		return veil{}, err
	}
	values := newEvaluator(tpl, st, t).values
	var secrets []string
	for _, name := range slices.Sorted(maps.Keys(tpl.Parameters)) {
		if !isSecret(tpl.Parameters[name]) {
			continue
		}
		list, isList := values[name].([]any)
		if !isList {
			list = []any{values[name]}
		}
		for _, v := range list {
			if text, _ := textOf(v); text != "" {
				secrets = append(secrets, text)
			}
		}
	}
	// The longest first: one may be a part of another.
	slices.SortStableFunc(secrets, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	var pairs []string
	for _, secret := range secrets {
		pairs = append(pairs, secret, "****")
	}
	return veil{strings.NewReplacer(pairs...)}, nil
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
		if shown := l.texts.Replace(text); shown != text {
			return shown
		}
	}
	return v
}
