package takeout

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// A Template is a template of CloudFormation.
type Template struct {
	FormatVersion string               `yaml:"AWSTemplateFormatVersion" json:"AWSTemplateFormatVersion"`
	Description   string               `yaml:"Description" json:"Description"`
	Parameters    map[string]Parameter `yaml:"Parameters,omitempty" json:"Parameters,omitempty"`
	Resources     map[string]*Resource `yaml:"Resources" json:"Resources"`
	Outputs       map[string]Output    `yaml:"Outputs,omitempty" json:"Outputs,omitempty"`
}

// A Parameter of a template.
type Parameter struct {
	Type        string `yaml:"Type" json:"Type"`
	Description string `yaml:"Description" json:"Description"`
	Default     string `yaml:"Default,omitempty" json:"Default,omitempty"`
	NoEcho      bool   `yaml:"NoEcho,omitempty" json:"NoEcho,omitempty"`
}

// A Resource of a template.
type Resource struct {
	Type       string         `yaml:"Type" json:"Type"`
	DependsOn  []string       `yaml:"DependsOn,omitempty" json:"DependsOn,omitempty"`
	Properties map[string]any `yaml:"Properties,omitempty" json:"Properties,omitempty"`
}

// An Output of a template.
type Output struct {
	Value  any            `yaml:"Value" json:"Value"`
	Export map[string]any `yaml:"Export,omitempty" json:"Export,omitempty"`
}

// AWS: the only version of templates there is.
const formatVersion = "2010-09-09"

// maxDescription is how long the description of a template may be. AWS: 1024.
const maxDescription = 1024

// A builder makes one template.
type builder struct {
	t     *taker
	stack string
	Template
	names map[string]string // logical ids of what they stand for
}

func (t *taker) builder(stack, about string) *builder {
	return &builder{t: t, stack: stack, names: map[string]string{}, Template: Template{
		FormatVersion: formatVersion, Description: about[:min(len(about), maxDescription)],
		Parameters: map[string]Parameter{}, Resources: map[string]*Resource{}, Outputs: map[string]Output{},
	}}
}

// add adds a resource. Its logical id is made of what it stands for, which no
// other of the template does.
func (b *builder) add(kind, what string, properties map[string]any) *Resource {
	r := &Resource{Type: kind, Properties: properties}
	b.Resources[b.logical(what)] = r
	return r
}

// logical is the logical id of what a resource stands for. It is the same in
// each template that has the resource.
func (b *builder) logical(what string) string {
	if name, ok := b.names[what]; ok {
		return name
	}
	var id strings.Builder
	up := true
	for _, r := range what {
		switch {
		case r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r):
			up = true
		case up:
			id.WriteRune(unicode.ToUpper(r))
			up = false
		default:
			id.WriteRune(r)
		}
	}
	// AWS: letters and digits, at most 255. What these cannot tell apart gets a
	// hash.
	const longest = 200
	name := id.String()
	plain := len(what) == len(name)+strings.Count(what, " ") && len(name) <= longest
	if !plain || b.has(name) {
		sum := sha256.Sum256([]byte(what))
		name = name[:min(len(name), longest)] + hex.EncodeToString(sum[:4])
	}
	b.names[what] = name
	return name
}

func (b *builder) has(name string) bool {
	for _, taken := range b.names {
		if taken == name {
			return true
		}
	}
	return false
}

// export gives other stacks what Ref of a resource gives.
func (b *builder) export(id, what string) {
	logical := b.logical(what)
	name := b.stack + "-" + logical
	b.Outputs[logical] = Output{Value: ref(logical), Export: map[string]any{"Name": name}}
	b.t.ids[id] = reference{stack: b.stack, logical: logical, export: name}
}

func ref(logical string) map[string]any { return map[string]any{"Ref": logical} }

// properties are those of a type that a shape of the API stands for: its
// members, each by its name or as rename says. What has a value and is neither a
// property nor among the dropped members is left, by name.
func (b *builder) properties(kind, what string, shape any, rename map[string]string, drop string) map[string]any {
	all, _ := plain(reflect.ValueOf(shape)).(map[string]any)
	out := map[string]any{}
	allowed, dropped := strings.Fields(propertiesOf()[kind]), strings.Fields(drop)
	for name, v := range all {
		if slices.Contains(dropped, name) || isEmpty(v) {
			continue
		}
		property := name
		if other, ok := rename[name]; ok {
			property = other
		}
		if !slices.Contains(allowed, property) {
			b.t.leave(what+": "+memberName(name), "%s has no property for it (value: %s)", kind, short(v))
			continue
		}
		if property == "Tags" {
			if v = ownTags(v); isEmpty(v) {
				continue
			}
			if strings.HasPrefix(kind, "AWS::ApiGateway::") {
				v = tagList(v)
			}
		}
		out[property] = v
	}
	return out
}

func short(v any) string {
	s := fmt.Sprint(v)
	const longest = 60
	if r := []rune(s); len(r) > longest {
		return string(r[:longest]) + "…"
	}
	return s
}

func isEmpty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}

// ownTags are tags without those that AWS sets by itself, of what a stack has made
// among others: nobody else may, and whoever deploys the templates sets his own.
func ownTags(v any) any {
	tags, _ := v.(map[string]any)
	tags = maps.Clone(tags)
	maps.DeleteFunc(tags, func(k string, _ any) bool { return strings.HasPrefix(strings.ToLower(k), "aws:") })
	return tags
}

// tagList is a map of tags as AWS::ApiGateway types have them.
func tagList(v any) any {
	tags, _ := v.(map[string]any)
	list := []any{}
	for _, k := range sortedKeys(tags) {
		list = append(list, map[string]any{"Key": k, "Value": tags[k]})
	}
	return list
}

// plain is a shape as templates have it: members by their names in properties,
// which are those of the fields; keys of maps as they are.
func plain(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return plain(v.Elem())
	case reflect.Struct:
		out := map[string]any{}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && !v.Field(i).IsZero() {
				out[f.Name] = plain(v.Field(i))
			}
		}
		return out
	case reflect.Map:
		out := map[string]any{}
		for _, k := range v.MapKeys() {
			out[k.String()] = plain(v.MapIndex(k))
		}
		return out
	case reflect.Slice:
		out := []any{}
		for i := range v.Len() {
			out = append(out, plain(v.Index(i)))
		}
		return out
	case reflect.Int32, reflect.Int64, reflect.Int:
		return v.Int()
	case reflect.Float64:
		if f := v.Float(); f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return int64(f)
		}
		return v.Float()
	case reflect.Bool:
		return v.Bool()
	}
	return v.String()
}

// memberName is what the wire calls a field.
func memberName(field string) string { return strings.ToLower(field[:1]) + field[1:] }
