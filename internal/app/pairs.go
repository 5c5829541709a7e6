package app

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Pairs is a setting that holds a value for each of several names. Setting it
// adds to it, or replaces the values of names that it has: a pair given by a flag
// wins over one of the environment, that over one of the file. As text it is
// NAME=VALUE, and several of them with blanks between.
type Pairs map[string]string

// String writes p as text, in order.
func (p Pairs) String() string {
	list := make([]string, 0, len(p))
	for _, name := range slices.Sorted(maps.Keys(p)) {
		list = append(list, name+"="+p[name])
	}
	return strings.Join(list, " ")
}

func (p *Pairs) add(text string) error {
	for _, pair := range strings.Fields(text) {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" || value == "" {
			return fmt.Errorf("%q is not a pair: write NAME=VALUE", pair)
		}
		p.set(name, value)
	}
	return nil
}

func (p *Pairs) set(name, value string) {
	if *p == nil {
		*p = Pairs{}
	}
	(*p)[name] = value
}

// readPairs reads a setting of pairs from the configuration file: a map, whose
// values may be lists.
func readPairs(s Setting, node *yaml.Node) error {
	if node.Kind != yaml.MappingNode {
		return fmt.Errorf("%s: want a map, one name: value a line", s.file)
	}
	p := s.v.Addr().Interface().(*Pairs)
	seen := map[string]bool{}
	for i := 0; i < len(node.Content); i += 2 {
		name, value := node.Content[i].Value, node.Content[i+1]
		var parts []string
		switch value.Kind {
		case yaml.ScalarNode:
			parts = append(parts, value.Value)
		case yaml.SequenceNode:
			for _, n := range value.Content {
				parts = append(parts, n.Value)
			}
		}
		text := strings.Join(parts, ",")
		switch {
		case seen[name]:
			return fmt.Errorf("%s: %s is set twice", s.file, name)
		case name == "" || text == "" || strings.ContainsAny(name+text, " \t\r\n") || strings.Contains(name, "="):
			return fmt.Errorf("%s: want a value without blanks for %q", s.file, name)
		}
		seen[name] = true
		p.set(name, text)
	}
	return nil
}
