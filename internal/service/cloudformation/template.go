package cloudformation

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/sam"
)

// A template is a template read and checked as far as it can be without
// parameters.
type template struct {
	Description string
	Parameters  map[string]map[string]any
	Rules       map[string]map[string]any
	Mappings    map[string]any
	Conditions  map[string]any
	Resources   map[string]*declared
	Outputs     map[string]map[string]any
}

// A declared is one resource of a template.
type declared struct {
	Type           string
	Properties     map[string]any
	DependsOn      []string // as written
	Condition      string
	DeletionPolicy string
	ReplacePolicy  string
	Metadata       any
	needs          []string // all resources that must be there before
}

// sections are the members of a template. AWS: template-anatomy.
func sections() []string {
	return []string{"AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules", "Mappings", "Conditions", "Transform", "Hooks", "Resources", "Outputs"}
}

var logicalForm = regexp.MustCompile(`^[A-Za-z0-9]{1,255}$`)

// parseRoot reads the sections of a template.
func parseRoot(body string) (map[string]any, error) {
	doc, err := parseDocument(body)
	if err != nil {
		return nil, err
	}
	root, ok := doc.(map[string]any)
	if !ok {
		return nil, errFormat("unsupported structure.")
	}
	return root, nil
}

// parseTemplate reads a template. known tells which types there are.
func parseTemplate(body string, known func(string) bool) (*template, error) {
	root, err := parseRoot(body)
	if err != nil {
		return nil, err
	}
	t, err := readTemplate(root)
	if err != nil {
		return nil, err
	}
	return t, t.complete(known)
}

// complete checks what a template needs of others and of itself.
func (t *template) complete(known func(string) bool) error {
	if err := t.checkTypes(known); err != nil {
		return err
	}
	return t.link()
}

// readTemplate reads the sections of a template.
func readTemplate(root map[string]any) (*template, error) {
	if err := checkSections(root); err != nil {
		return nil, err
	}
	t := &template{}
	var err error
	t.Description, _ = root["Description"].(string)
	if t.Parameters, err = objects(root, "Parameters"); err != nil {
		return nil, err
	}
	if t.Outputs, err = objects(root, "Outputs"); err != nil {
		return nil, err
	}
	if t.Rules, err = objects(root, "Rules"); err != nil {
		return nil, err
	}
	t.Mappings, _ = root["Mappings"].(map[string]any)
	t.Conditions, _ = root["Conditions"].(map[string]any)
	return t, t.readResources(root)
}

// summary reads a template that is only looked at, with the names of the
// transforms it declares: what they would make of it is not known without
// parameters.
func summary(body string, known func(string) bool) (*template, []string, error) {
	doc, err := parseDocument(body)
	if err != nil {
		return nil, nil, err
	}
	root, _ := doc.(map[string]any)
	if root["Transform"] == nil {
		t, err := acceptTemplate(body, known)
		return t, nil, err
	}
	steps, err := transformsOf(root["Transform"])
	if err != nil {
		return nil, nil, err
	}
	var names []string
	for _, s := range steps {
		names = append(names, s.name)
	}
	delete(root, "Transform")
	delete(root, "Globals")
	for name := range asMembers(root["Resources"]) {
		if strings.HasPrefix(name, forEachPrefix) {
			delete(asMembers(root["Resources"]), name)
		}
	}
	if slices.Contains(names, sam.Name) {
		for _, res := range asMembers(root["Resources"]) {
			delete(asMembers(res), "Connectors")
			delete(asMembers(res), "IgnoreGlobals")
		}
	}
	for _, section := range []string{"Conditions", "Outputs"} {
		delete(root, section)
	}
	t, err := readTemplate(root)
	return t, names, err
}

func checkSections(root map[string]any) error {
	var unknown []string
	for _, name := range slices.Sorted(maps.Keys(root)) {
		if !slices.Contains(sections(), name) {
			unknown = append(unknown, name)
		}
	}
	if unknown != nil {
		return awsrpc.Validation("Invalid template property or properties [" + strings.Join(unknown, ", ") + "]")
	}
	for _, name := range []string{"Transform", "Hooks"} {
		if v, ok := root[name]; ok {
			return errFormat(fmt.Sprintf("Gatehouse does not support %s of templates (%v)", name, v))
		}
	}
	if v, ok := root["AWSTemplateFormatVersion"]; ok && v != "2010-09-09" {
		return errFormat("unsupported value for AWSTemplateFormatVersion.")
	}
	return nil
}

// objects reads a section whose members are objects.
func objects(root map[string]any, section string) (map[string]map[string]any, error) {
	v, ok := root[section]
	if !ok || v == nil {
		return nil, nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, errFormat(section + " must be an object.")
	}
	out := make(map[string]map[string]any, len(m))
	for name, e := range m {
		o, ok := e.(map[string]any)
		if !ok {
			return nil, errFormat("Every " + section + " member must be an object.")
		}
		if !logicalForm.MatchString(name) {
			return nil, errFormat(strings.TrimSuffix(section, "s") + " name " + name + " is non alphanumeric.")
		}
		out[name] = o
	}
	return out, nil
}

func (t *template) readResources(root map[string]any) error {
	list, err := objects(root, "Resources")
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return errFormat("At least one Resources member must be defined.")
	}
	if len(list) > maxResources {
		return errFormat(fmt.Sprintf("Number of resources, %d, is greater than maximum allowed, %d", len(list), maxResources))
	}
	t.Resources = make(map[string]*declared, len(list))
	for name, m := range list {
		if t.Resources[name], err = readResource(name, m); err != nil {
			return err
		}
	}
	return nil
}

func readResource(name string, m map[string]any) (*declared, error) {
	d := &declared{}
	typ, ok := m["Type"]
	if d.Type, _ = typ.(string); ok && d.Type == "" {
		return nil, errFormat("[/Resources/" + name + "] Every Type member must be a string.")
	}
	if !ok {
		return nil, errFormat("[/Resources/" + name + "] Every Resources object must contain a Type member.")
	}
	for key, v := range m {
		valid := true
		switch key {
		case "Type", "CreationPolicy", "UpdatePolicy":
			if key != "Type" {
				return nil, errFormat("Gatehouse does not support " + key + " (resource " + name + ")")
			}
		case "Properties":
			if d.Properties, valid = v.(map[string]any); v == nil {
				valid = true
			}
		case "Metadata":
			d.Metadata = v
		case "Condition":
			d.Condition, valid = v.(string)
		case "DeletionPolicy":
			d.DeletionPolicy, valid = v.(string)
		case "UpdateReplacePolicy":
			d.ReplacePolicy, valid = v.(string)
		case "DependsOn":
			d.DependsOn, valid = texts(v)
		default:
			return nil, awsrpc.Validation("Invalid template resource property '" + key + "'")
		}
		if !valid && strings.HasSuffix(key, "Policy") {
			return nil, errFormat("Every " + key + " member must be a string.")
		}
		if !valid {
			return nil, errFormat("[/Resources/" + name + "/" + key + "] has a value of the wrong type.")
		}
	}
	for _, policy := range []string{d.DeletionPolicy, d.ReplacePolicy} {
		switch policy {
		case "", "Delete", "Retain", "RetainExceptOnCreate":
		case "Snapshot":
			return nil, errFormat("Resource type " + d.Type + " does not support the Snapshot policy (resource " + name + ")")
		default:
			return nil, errFormat("Unrecognized DeletionPolicy " + policy + " for resource " + name)
		}
	}
	return d, nil
}

func texts(v any) ([]string, bool) {
	switch v := v.(type) {
	case string:
		return []string{v}, true
	case []any:
		var list []string
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return nil, false
			}
			list = append(list, s)
		}
		return list, true
	}
	return nil, false
}

// checkTypes refuses types that nothing here makes. Those of resources with a
// condition are left to checkMade.
func (t *template) checkTypes(known func(string) bool) error {
	return t.refuseTypes(known, func(d *declared) bool { return d.Condition == "" })
}

// checkMade refuses types that nothing here makes, of the resources whose
// conditions hold.
func (t *template) checkMade(ev *evaluator, known func(string) bool) error {
	return t.refuseTypes(known, func(d *declared) bool { return t.isMade(ev, d) })
}

func (t *template) refuseTypes(known func(string) bool, made func(d *declared) bool) error {
	var unknown []string
	for _, d := range t.Resources {
		if made(d) && !known(d.Type) && !slices.Contains(unknown, d.Type) {
			unknown = append(unknown, d.Type)
		}
	}
	if unknown == nil {
		return nil
	}
	slices.Sort(unknown)
	return errFormat("Unrecognized resource types: [" + strings.Join(unknown, ", ") + "]")
}

// link finds out what each resource needs, and that all of it is there.
func (t *template) link() error {
	var missing []string
	note := func(names []string) {
		for _, n := range names {
			_, param := t.Parameters[n]
			if t.Resources[n] == nil && !param && !strings.HasPrefix(n, "AWS::") && !slices.Contains(missing, n) {
				missing = append(missing, n)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Resources)) {
		d := t.Resources[name]
		refs := references(d.Properties)
		note(append(slices.Clone(d.DependsOn), refs...))
		for _, n := range append(slices.Clone(d.DependsOn), refs...) {
			if t.Resources[n] != nil && !slices.Contains(d.needs, n) {
				d.needs = append(d.needs, n)
			}
		}
		slices.Sort(d.needs)
		if d.Condition != "" && t.Conditions[d.Condition] == nil {
			return errFormat("Template references undefined condition: [" + d.Condition + "]")
		}
	}
	block := "Resources"
	if missing == nil {
		block = "Outputs"
		for _, name := range slices.Sorted(maps.Keys(t.Outputs)) {
			// AWS: the words of both, as they were recorded.
			switch v, ok := t.Outputs[name]["Value"]; {
			case !ok:
				return errFormat("Every Outputs member must contain a Value object")
			case v == nil:
				return awsrpc.Validation("[/Outputs/" + name + "/Value] 'null' values are not allowed in templates")
			}
			note(references(t.Outputs[name]["Value"]))
			note(references(t.Outputs[name]["Export"]))
		}
	}
	if missing != nil {
		slices.Sort(missing)
		return errFormat("Unresolved resource dependencies [" + strings.Join(missing, ", ") + "] in the " + block + " block of the template")
	}
	_, err := t.levels(nil)
	return err
}

// levels orders resources: each level needs only those before it. skip leaves
// resources out.
func (t *template) levels(skip func(name string) bool) ([][]string, error) {
	needs := map[string][]string{}
	for name, d := range t.Resources {
		if skip == nil || !skip(name) {
			needs[name] = d.needs
		}
	}
	return levelsOf(needs)
}

func levelsOf(needs map[string][]string) ([][]string, error) {
	left := maps.Clone(needs)
	var levels [][]string
	for len(left) > 0 {
		var level []string
		for name, list := range left {
			waits := slices.ContainsFunc(list, func(n string) bool { _, ok := left[n]; return ok })
			if !waits {
				level = append(level, name)
			}
		}
		if level == nil {
			return nil, awsrpc.Validation("Circular dependency between resources: [" + strings.Join(onCycles(left), ", ") + "]")
		}
		slices.Sort(level)
		for _, name := range level {
			delete(left, name)
		}
		levels = append(levels, level)
	}
	return levels, nil
}

// onCycles leaves out of what no order exists for those that only wait.
func onCycles(left map[string][]string) []string {
	for changed := true; changed; {
		changed = false
		for name := range left {
			needed := false
			for _, list := range left {
				needed = needed || slices.Contains(list, name)
			}
			if !needed {
				delete(left, name)
				changed = true
			}
		}
	}
	return slices.Sorted(maps.Keys(left))
}

var (
	subVariable = regexp.MustCompile(`\$\{([^!${}][^${}]*)\}`)
	subPart     = regexp.MustCompile(subVariable.String() + `|\$\{![^{}]*\}`)
)

// references lists what Ref, Fn::GetAtt and Fn::Sub in v name.
func references(v any) []string {
	var list []string
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			list = append(list, references(e)...)
		}
	case map[string]any:
		if len(v) == 1 {
			if own, ok := ownReferences(v); ok {
				return own
			}
		}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			list = append(list, references(v[k])...)
		}
	}
	return list
}

func ownReferences(v map[string]any) (list []string, ok bool) {
	if s, ok := v["Ref"].(string); ok {
		return []string{s}, true
	}
	if a, ok := v["Fn::GetAtt"]; ok {
		if s, ok := a.(string); ok {
			name, _, _ := strings.Cut(s, ".")
			return []string{name}, true
		}
		if l, ok := a.([]any); ok && len(l) > 0 {
			if s, ok := l[0].(string); ok {
				return []string{s}, true
			}
		}
	}
	sub, has := v["Fn::Sub"]
	if !has {
		return nil, false
	}
	text, vars := subParts(sub)
	for _, m := range subVariable.FindAllStringSubmatch(text, -1) {
		name, _, _ := strings.Cut(m[1], ".")
		if _, own := vars[m[1]]; !own {
			list = append(list, name)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(vars)) {
		list = append(list, references(vars[k])...)
	}
	return list, true
}

// subParts returns the text and the variables of a Fn::Sub.
func subParts(v any) (text string, vars map[string]any) {
	switch v := v.(type) {
	case string:
		return v, nil
	case []any:
		if len(v) == 2 {
			text, _ = v[0].(string)
			vars, _ = v[1].(map[string]any)
		}
	}
	return text, vars
}
