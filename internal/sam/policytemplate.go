package sam

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// A policyTemplate is one of SAM's policies with gaps: what it allows on what.
type policyTemplate struct {
	parameters string
	allow      []grant
}

// A grant is a statement of a policy template: actions of one service, and ARNs
// with parameters as {Name}, or {variable=Name} where the variable of Fn::Sub is not
// the name with a small first letter. If it has a key, that equals an ARN.
type grant struct {
	service, actions string
	resources        []string
	key, equals      string
}

// policyTemplate fills in a policy template.
func (t *translator) policyTemplate(r *resource, p object) (object, bool) {
	names := slices.Sorted(maps.Keys(p))
	if len(names) != 1 {
		t.fault(r.id, "Must specify valid parameter values for policy template.")
		return nil, false
	}
	tpl, ok := policyTemplateNamed(names[0])
	if !ok {
		t.fault(r.id, "Gatehouse does not know the policy template '"+names[0]+"'.")
		return nil, false
	}
	values := asObject(p[names[0]])
	var missing []string
	for name := range strings.FieldsSeq(tpl.parameters) {
		if values[name] == nil {
			missing = append(missing, name)
		}
	}
	if missing != nil {
		t.fault(r.id, "Following required parameters of template '"+names[0]+"' don't have values: "+quoted(missing))
		return nil, false
	}
	statements := make([]object, len(tpl.allow))
	for i, g := range tpl.allow {
		statements[i] = g.statement(values)
	}
	doc := document(statements...)
	delete(doc, "Version") // AWS: these say no version, which stands for 2008-10-17
	return doc, true
}

// statement fills in one statement.
func (g grant) statement(values object) object {
	actions := []any{}
	for a := range strings.FieldsSeq(g.actions) {
		actions = append(actions, g.service+":"+a)
	}
	resources := []any{}
	for _, r := range g.resources {
		resources = append(resources, gaps(r, values))
	}
	var on any = resources
	if len(resources) == 1 {
		on = resources[0]
	}
	statement := object{"Effect": "Allow", "Action": actions, "Resource": on}
	if g.key != "" {
		statement["Condition"] = object{"StringEquals": object{g.key: gaps(g.equals, values)}}
	}
	return statement
}

// A parameter of an ARN; "${AWS::Region}" is none.
var parameter = regexp.MustCompile(`\{([A-Za-z]+=)?([A-Za-z]+)\}`)

// gaps fills the gaps of an ARN.
func gaps(pattern string, values object) any {
	if pattern == "*" {
		return pattern
	}
	vars := object{}
	filled := parameter.ReplaceAllStringFunc(pattern, func(gap string) string {
		m := parameter.FindStringSubmatch(gap)
		name := strings.TrimSuffix(m[1], "=")
		if name == "" {
			name = strings.ToLower(m[2][:1]) + m[2][1:]
		}
		vars[name] = values[m[2]]
		return "${" + name + "}"
	})
	if !strings.HasPrefix(pattern, "{") { // else the parameter is an ARN
		filled = "arn:${AWS::Partition}:" + filled
	}
	if len(vars) == 0 {
		return sub(filled)
	}
	return subWith(filled, vars)
}

// policyTemplateNamed is the policy template of that name.
func policyTemplateNamed(name string) (policyTemplate, bool) {
	tpl, ok := policyTemplates()[name]
	if !ok {
		tpl, ok = morePolicyTemplates()[name]
	}
	return tpl, ok
}
