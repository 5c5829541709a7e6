package cloudformation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"gatehouse/internal/awsrpc"
)

// Bounds of one template. Who sends more gets a ValidationError.
const (
	maxTemplate    = 51200   // bytes; AWS: of TemplateBody
	maxURLTemplate = 1 << 20 // AWS: of what TemplateURL names
	maxNodes       = 100_000
	maxText        = 8 << 20 // of all texts, aliases expanded
	maxDepth       = 100
	maxResources   = 500
)

// errFormat returns the error of a template that cannot be read.
func errFormat(text string) error { return awsrpc.Validation("Template format error: " + text) }

// parseDocument reads a template, JSON or YAML, into maps, lists, strings,
// numbers (json.Number), booleans and nil. Short forms of functions become
// their long ones.
func parseDocument(body string) (any, error) {
	if strings.HasPrefix(strings.TrimLeft(body, " \t\r\n"), "{") {
		return parseJSON(body)
	}
	return parseYAML(body)
}

func parseJSON(body string) (any, error) {
	dec := json.NewDecoder(strings.NewReader(body))
	dec.UseNumber()
	var doc any
	err := dec.Decode(&doc)
	if err == nil {
		if _, after := dec.Token(); after != io.EOF {
			err = errors.New("text follows")
		}
	}
	if err != nil {
		if doc, yamlErr := parseYAML(body); yamlErr == nil {
			return doc, nil // a flow mapping of YAML may begin with a brace
		}
		line := 1 + strings.Count(body[:min(int(dec.InputOffset()), len(body))], "\n")
		return nil, errFormat(fmt.Sprintf("JSON not well-formed. (line %d)", line))
	}
	b := &budget{}
	return doc, b.measure(doc, 0)
}

// A budget counts what a template holds: an alias costs a few bytes and may
// stand for megabytes.
type budget struct{ nodes, text int }

func (b *budget) spend(text, depth int) error {
	b.nodes++
	b.text += text
	if b.nodes > maxNodes || b.text > maxText || depth > maxDepth {
		return errFormat("the template holds more than can be taken: " +
			fmt.Sprintf("%d values, %d bytes of text, or %d levels", maxNodes, maxText, maxDepth))
	}
	return nil
}

func (b *budget) measure(v any, depth int) error {
	size := 0
	if s, ok := v.(string); ok {
		size = len(s)
	}
	if err := b.spend(size, depth); err != nil {
		return err
	}
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			if err := b.measure(e, depth+1); err != nil {
				return err
			}
		}
	case []any:
		for _, e := range v {
			if err := b.measure(e, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func parseYAML(body string) (any, error) {
	// The library makes a node of everything before it can be counted; no value
	// comes without one of these characters.
	marks := 0
	for _, c := range []byte(body) {
		if strings.IndexByte(",[{:-?\n", c) >= 0 {
			marks++
		}
	}
	if marks > 4*maxNodes {
		return nil, errFormat("YAML not well-formed.")
	}
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader([]byte(body)))
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errFormat("unsupported structure.")
		}
		return nil, errFormat("YAML not well-formed. (" + strings.TrimPrefix(err.Error(), "yaml: ") + ")")
	}
	r := yamlReader{open: map[*yaml.Node]bool{}}
	return r.value(doc.Content[0], 0)
}

// A yamlReader turns nodes of YAML into values.
type yamlReader struct {
	budget
	open map[*yaml.Node]bool // anchors being read: an alias to one is a loop
}

func (r *yamlReader) value(y *yaml.Node, depth int) (any, error) {
	if err := r.spend(len(y.Value), depth); err != nil {
		return nil, err
	}
	if y.Kind == yaml.AliasNode {
		if r.open[y.Alias] {
			return nil, errFormat("YAML aliases must not contain themselves")
		}
		return r.value(y.Alias, depth+1)
	}
	if y.Anchor != "" {
		r.open[y] = true
		defer delete(r.open, y)
	}
	v, err := r.plain(y, depth)
	if err != nil || !strings.HasPrefix(y.Tag, "!") || strings.HasPrefix(y.Tag, "!!") {
		return v, err
	}
	return shortForm(y.Tag[1:], v)
}

func (r *yamlReader) plain(y *yaml.Node, depth int) (any, error) {
	switch y.Kind {
	case yaml.MappingNode:
		return r.mapping(y, depth)
	case yaml.SequenceNode:
		list := make([]any, len(y.Content))
		for i, c := range y.Content {
			var err error
			if list[i], err = r.value(c, depth+1); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	return yamlScalar(y), nil
}

func (r *yamlReader) mapping(y *yaml.Node, depth int) (any, error) {
	m := make(map[string]any, len(y.Content)/2)
	for i := 0; i+1 < len(y.Content); i += 2 {
		k := y.Content[i]
		if k.Kind != yaml.ScalarNode {
			return nil, errFormat(fmt.Sprintf("YAML not well-formed. (line %d: a key must be a text)", k.Line))
		}
		v, err := r.value(y.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		if k.ShortTag() == "!!merge" {
			from, ok := v.(map[string]any)
			if !ok {
				return nil, errFormat(fmt.Sprintf("YAML not well-formed. (line %d: only a mapping can be merged)", k.Line))
			}
			for name, e := range from {
				if _, has := m[name]; !has {
					m[name] = e
				}
			}
			continue
		}
		m[k.Value] = v
	}
	return m, nil
}

var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

// yamlScalar gives a scalar its JSON type. What no JSON number looks like (an
// account id with a leading zero, a date) stays text.
func yamlScalar(y *yaml.Node) any {
	switch y.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(y.Value, "true")
	case "!!int", "!!float":
		if jsonNumber.MatchString(y.Value) {
			return json.Number(y.Value)
		}
	}
	return y.Value
}

// shortForm makes the long form of a function.
func shortForm(name string, v any) (any, error) {
	switch {
	case name == "Ref" || name == "Condition":
		return map[string]any{name: v}, nil
	case name == "GetAtt":
		if s, ok := v.(string); ok {
			resource, attr, _ := strings.Cut(s, ".")
			v = []any{resource, attr}
		}
	case !slices.Contains(functionNames(), "Fn::"+name):
		return nil, errFormat("the tag !" + name + " is not a function")
	}
	return map[string]any{"Fn::" + name: v}, nil
}

// functionNames are the intrinsic functions.
func functionNames() []string {
	return []string{"Fn::And", "Fn::Base64", "Fn::Cidr", "Fn::Contains", "Fn::Equals", "Fn::FindInMap", "Fn::GetAZs", "Fn::GetAtt", "Fn::If", "Fn::ImportValue",
		"Fn::Join", "Fn::Length", "Fn::Not", "Fn::Or", "Fn::Select", "Fn::Split", "Fn::Sub", "Fn::ToJsonString"}
}
