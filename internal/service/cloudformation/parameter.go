package cloudformation

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	api "gatehouse/internal/awsapi/cloudformation"
	"gatehouse/internal/awsrpc"
)

// A given is the value of a parameter: a text, or one that the last run had.
type given struct {
	value    string
	previous bool
}

func givenOf(list []api.Parameter) map[string]given {
	m := make(map[string]given, len(list))
	for _, p := range list {
		m[str(p.ParameterKey)] = given{str(p.ParameterValue), p.UsePreviousValue != nil && *p.UsePreviousValue}
	}
	return m
}

// bind gives the parameters of t their values, and checks them. before are those
// of the stack as it is.
func (t *template) bind(list []api.Parameter, before map[string]string) (map[string]string, error) {
	asked := givenOf(list)
	var unknown, missing []string
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		if t.Parameters[name] == nil {
			unknown = append(unknown, name)
		}
	}
	if unknown != nil {
		return nil, awsrpc.Validation("Parameters: [" + strings.Join(unknown, ", ") + "] do not exist in the template")
	}
	values := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(t.Parameters)) {
		p := t.Parameters[name]
		g, has := asked[name]
		if g.previous {
			if g.value, has = before[name]; !has {
				return nil, awsrpc.Validation("Invalid input for parameter key " + name + ". Cannot specify usePreviousValue as true for a parameter key not in the previous template")
			}
		}
		if !has {
			g.value, has = textOf(p["Default"])
		}
		if !has {
			missing = append(missing, name)
			continue
		}
		if err := checkParameter(name, g.value, p); err != nil {
			return nil, err
		}
		values[name] = g.value
	}
	if missing != nil {
		return nil, awsrpc.Validation("Parameters: [" + strings.Join(missing, ", ") + "] must have values")
	}
	return values, nil
}

// checkParameter checks one value by what the template declares.
func checkParameter(name, value string, p map[string]any) error {
	kind, _ := p["Type"].(string)
	fail := func(constraint string) error {
		if text, ok := p["ConstraintDescription"].(string); ok {
			constraint = text
		}
		return awsrpc.Validation("Parameter '" + name + "' failed to satisfy constraint: " + constraint)
	}
	switch {
	case kind == "Number":
		if _, err := strconv.ParseFloat(value, 64); err != nil {
			return awsrpc.Validation("Parameter '" + name + "' must be a number.")
		}
	case kind == "String", kind == "CommaDelimitedList", kind == "List<Number>":
	case strings.HasPrefix(kind, "AWS::"), strings.HasPrefix(kind, "List<AWS::"):
	default:
		return errFormat("Unrecognized parameter type: " + kind)
	}
	if allowed, ok := p["AllowedValues"].([]any); ok {
		if !slices.ContainsFunc(allowed, func(a any) bool { s, _ := textOf(a); return s == value }) {
			return awsrpc.Validation("Parameter '" + name + "' must be one of AllowedValues")
		}
	}
	if pattern, ok := p["AllowedPattern"].(string); ok {
		re, err := regexp.Compile("^(?:" + pattern + ")$")
		if err != nil {
			return errFormat("Parameter '" + name + "' has an AllowedPattern that is not a pattern")
		}
		if !re.MatchString(value) {
			return fail("must match pattern " + pattern)
		}
	}
	number, _ := strconv.ParseFloat(value, 64)
	for _, b := range []struct {
		member string
		of     float64
		least  bool
		words  string
	}{
		{"MinLength", float64(len(value)), true, "must contain at least %v characters"}, {"MaxLength", float64(len(value)), false, "must contain at most %v characters"},
		{"MinValue", number, true, "must be a number not less than %v"}, {"MaxValue", number, false, "must be a number not greater than %v"},
	} {
		text, ok := textOf(p[b.member])
		bound, err := strconv.ParseFloat(text, 64)
		if ok && err == nil && (b.least && b.of < bound || !b.least && b.of > bound) {
			return fail(fmt.Sprintf(b.words, text))
		}
	}
	return nil
}

// parameterValue is what Ref gives for a parameter.
func parameterValue(p map[string]any, value string) any {
	kind, stored := storedKind(p)
	if !stored {
		kind, _ = p["Type"].(string)
	}
	if kind != "CommaDelimitedList" && !strings.HasPrefix(kind, "List<") {
		return value
	}
	list := []any{}
	for part := range strings.SplitSeq(value, ",") {
		list = append(list, strings.TrimSpace(part))
	}
	return list
}

// isSecret tells whether a parameter's value must not be shown.
func isSecret(p map[string]any) bool {
	s, _ := textOf(p["NoEcho"])
	return strings.EqualFold(s, "true")
}

// str is what p points to, or "".
func str(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
