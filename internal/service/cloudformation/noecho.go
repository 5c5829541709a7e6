package cloudformation

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// A veil hides the values of parameters with NoEcho in what is shown of resources:
// who may describe a stack does not learn them. The zero veil hides everything.
//
// AWS: such a value is masked "for any calls that describe the stack or stack events",
// but in Outputs and Metadata.
type veil struct{ texts *strings.Replacer }

// veilOf is the veil of a stack as it is and, while it is updated, as it was.
func veilOf(t tables, st *stack) (veil, error) {
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
	// The longest first: one may be a part of another.
	slices.SortStableFunc(secrets, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	var pairs []string
	for _, secret := range secrets {
		pairs = append(pairs, secret, "****")
	}
	return veil{strings.NewReplacer(pairs...)}, nil
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
