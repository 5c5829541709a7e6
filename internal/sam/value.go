package sam

import (
	"crypto/sha1" //nolint:gosec // names of resources, as AWS makes them
	"encoding/hex"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
)

func ref(id string) object                 { return object{"Ref": id} }
func getAtt(id, attribute string) object   { return object{"Fn::GetAtt": []any{id, attribute}} }
func sub(text string) object               { return object{"Fn::Sub": text} }
func subWith(text string, v object) object { return object{"Fn::Sub": []any{text, v}} }

// noValue leaves out the member that has it.
func noValue() object { return ref("AWS::NoValue") }

// when is v under a condition.
func when(condition string, v any) object {
	return object{"Fn::If": []any{condition, v, noValue()}}
}

// isIntrinsic tells whether v is the call of a function.
func isIntrinsic(v any) bool {
	m, ok := v.(object)
	if !ok || len(m) != 1 {
		return false
	}
	for name := range m {
		return name == "Ref" || name == "Condition" || strings.HasPrefix(name, "Fn::")
	}
	return false
}

// text is v if it is a text.
func text(v any) string {
	s, _ := v.(string)
	return s
}

func asObject(v any) object { m, _ := v.(object); return m }

// clone copies v with all that it holds.
func clone(v any) any {
	switch v := v.(type) {
	case object:
		out := make(object, len(v))
		for k, e := range v {
			out[k] = clone(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = clone(e)
		}
		return out
	}
	return v
}

// copyTo copies members of from that are there.
func copyTo(to, from object, names string) {
	for name := range strings.FieldsSeq(names) {
		if v, ok := from[name]; ok {
			to[name] = v
		}
	}
}

// tagList makes a list of a map of tags.
func tagList(v any) []any {
	list := []any{}
	tags := asObject(v)
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, object{"Key": key, "Value": tags[key]})
	}
	return list
}

// hash is what a logical id ends with, of a text or of the JSON of anything else.
//
// AWS: translator/logical_id_generator.py.
func hash(v any) string {
	s, ok := v.(string)
	if !ok {
		var b strings.Builder
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(v) // of texts, numbers and containers: never fails
		s = strings.TrimSuffix(b.String(), "\n")
	}
	if s == "" {
		return ""
	}
	sum := sha1.Sum([]byte(s)) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

func shortHash(v any) string { h := hash(v); return h[:min(10, len(h))] }

var alphanumeric = regexp.MustCompile(`^[a-zA-Z0-9]+$`)

// suffixed is a logical id that ends with a text as it is, if an id may hold it, or
// with its hash.
func suffixed(prefix, suffix string) string {
	if alphanumeric.MatchString(suffix) {
		return prefix + suffix
	}
	return prefix + shortHash(suffix)
}

var subVariable = regexp.MustCompile(`\$\{([^!${}][^${}]*)\}`)

// resolve puts the values of parameters where they are referred to.
func (t *translator) resolve(v any) any {
	switch v := v.(type) {
	case object:
		if name, ok := v["Ref"].(string); ok && len(v) == 1 {
			if value, ok := t.opt.Values[name]; ok {
				return value
			}
		}
		if s, ok := v["Fn::Sub"].(string); ok && len(v) == 1 {
			return t.resolveSub(s)
		}
		out := make(object, len(v))
		for k, e := range v {
			out[k] = t.resolve(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = t.resolve(e)
		}
		return out
	}
	return v
}

// mapped is what a mapping says, if v looks it up by texts.
func (t *translator) mapped(v any) any {
	path, ok := asObject(v)["Fn::FindInMap"].([]any)
	if !ok || len(path) != 3 {
		return v
	}
	var found any = asObject(t.tpl["Mappings"])
	for _, key := range path {
		if found, ok = asObject(found)[text(key)]; !ok {
			return v
		}
	}
	return found
}

func (t *translator) resolveSub(s string) any {
	open := false
	s = subVariable.ReplaceAllStringFunc(s, func(match string) string {
		if value, ok := t.opt.Values[match[2:len(match)-1]].(string); ok {
			return value
		}
		open = true
		return match
	})
	if open || strings.Contains(s, "${!") {
		return sub(s)
	}
	return s
}

// rewrite makes references to what SAM names ("Function.Alias") references to the
// resources that are made.
func (t *translator) rewrite(v any) any {
	switch v := v.(type) {
	case object:
		if len(v) == 1 {
			if out, ok := t.rewriteCall(v); ok {
				return out
			}
		}
		out := make(object, len(v))
		for k, e := range v {
			if k == "DependsOn" {
				e = t.rewriteDepends(e)
			}
			out[k] = t.rewrite(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = t.rewrite(e)
		}
		return out
	}
	return v
}

func (t *translator) rewriteDepends(v any) any {
	list, ok := v.([]any)
	if !ok {
		if id, ok := t.at[text(v)]; ok {
			return id
		}
		return v
	}
	out := slices.Clone(list)
	for i, e := range out {
		if id, ok := t.at[text(e)]; ok {
			out[i] = id
		}
	}
	return out
}

func (t *translator) rewriteCall(v object) (any, bool) {
	if name, ok := v["Ref"].(string); ok {
		return ref(t.renamed(name)), true
	}
	if list, ok := v["Fn::GetAtt"].([]any); ok && len(list) == 2 {
		id, isText := list[0].(string)
		attribute, isAttr := list[1].(string)
		if !isText || !isAttr {
			return nil, false
		}
		if made, ok := t.refs[id+"."+attribute]; ok {
			return ref(made), true
		}
		first, rest, dotted := strings.Cut(attribute, ".") // [Function, "Version.Version"]
		if made, ok := t.refs[id+"."+first]; ok && dotted {
			return getAtt(made, rest), true
		}
		// ["Function.Alias", "Arn"]
		return getAtt(t.renamed(id), attribute), true
	}
	switch arg := v["Fn::Sub"].(type) {
	case string:
		return sub(t.rewriteSub(arg, nil)), true
	case []any:
		if len(arg) == 2 {
			vars := asObject(arg[1])
			return object{"Fn::Sub": []any{t.rewriteSub(text(arg[0]), vars), t.rewrite(arg[1])}}, true
		}
	}
	return nil, false
}

// renamed is what a reference names in the result.
func (t *translator) renamed(name string) string {
	if made, ok := t.refs[name]; ok {
		return made
	}
	if made, ok := t.at[name]; ok {
		return made
	}
	return name
}

func (t *translator) rewriteSub(s string, vars object) string {
	return subVariable.ReplaceAllStringFunc(s, func(match string) string {
		name := match[2 : len(match)-1]
		if _, own := vars[name]; own {
			return match
		}
		if made := t.renamed(name); made != name {
			return "${" + made + "}"
		}
		id, attribute, dotted := strings.Cut(name, ".")
		if dotted {
			first, rest, more := strings.Cut(attribute, ".")
			if made, ok := t.refs[id+"."+first]; ok && more {
				return "${" + made + "." + rest + "}"
			}
			if made, ok := t.at[id]; ok {
				return "${" + made + "." + attribute + "}"
			}
		}
		return match
	})
}
