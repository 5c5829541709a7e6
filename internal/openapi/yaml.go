package openapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"
)

// A yamlReader turns the YAML library's nodes into ours. An alias becomes the
// very node of its anchor, so that expansion costs no memory, but it counts
// with all that is below it: what walks the document later pays for that.
type yamlReader struct {
	budget
	done map[*yaml.Node]expansion // of anchored nodes
	open map[*yaml.Node]bool      // anchored nodes being read: an alias to one is a loop
}

// An expansion is a node that was read, with what it stands for.
type expansion struct {
	node  *node
	size  int // nodes in it, aliases expanded
	bytes int // text in them
	depth int // levels below it
}

// parseYAML reads one YAML document and nothing after it.
func parseYAML(doc []byte) (*node, error) {
	// The library makes a node of about 200 bytes of everything before we can
	// count. No value comes without one of these characters, so their number
	// bounds its memory.
	marks := 0
	for _, c := range doc {
		switch c {
		case ',', '[', '{', ':', '-', '?', '\n':
			marks++
		}
	}
	if marks > maxNodes {
		return nil, errTooMany
	}
	// The library refuses the version by its number, though it reads it.
	if rest, ok := bytes.CutPrefix(doc, []byte("%YAML 1.2")); ok {
		doc = append([]byte("%YAML 1.1"), rest...)
	}
	dec := yaml.NewDecoder(bytes.NewReader(doc))
	var first, second yaml.Node
	if err := dec.Decode(&first); err != nil {
		return nil, err
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one document")
	}
	if first.Kind != yaml.DocumentNode || len(first.Content) != 1 {
		return nil, errEmpty
	}
	r := &yamlReader{done: map[*yaml.Node]expansion{}, open: map[*yaml.Node]bool{}}
	e, err := r.value(first.Content[0], 0)
	return e.node, err
}

func (r *yamlReader) value(y *yaml.Node, depth int) (expansion, error) {
	if depth > maxDepth {
		return expansion{}, errTooDeep
	}
	if y.Kind == yaml.AliasNode {
		return r.alias(y, depth)
	}
	r.spend(1, len(y.Value))
	if err := r.check(); err != nil {
		return expansion{}, err
	}
	// What a tag of an application's own means (!Sub, !Ref) nobody here knows.
	if strings.HasPrefix(y.Tag, "!") && !strings.HasPrefix(y.Tag, "!!") && y.Tag != "!" {
		return expansion{}, fmt.Errorf("line %d: unknown tag %s", y.Line, y.Tag)
	}
	if y.Anchor != "" {
		r.open[y] = true
	}
	var e expansion
	var err error
	switch y.Kind {
	case yaml.MappingNode:
		e, err = r.mapping(y, depth)
	case yaml.SequenceNode:
		e, err = r.sequence(y, depth)
	case yaml.ScalarNode:
		e.size, e.bytes = 1, len(y.Value)
		e.node, err = scalarNode(y)
	default:
		err = fmt.Errorf("line %d: not a value", y.Line)
	}
	if err == nil && y.Anchor != "" {
		delete(r.open, y)
		r.done[y] = e
	}
	return e, err
}

func (r *yamlReader) alias(y *yaml.Node, depth int) (expansion, error) {
	if r.open[y.Alias] {
		return expansion{}, fmt.Errorf("line %d: alias %q contains itself", y.Line, y.Value)
	}
	e, ok := r.done[y.Alias]
	if !ok {
		return e, fmt.Errorf("line %d: alias %q before its anchor", y.Line, y.Value)
	}
	r.spend(e.size, e.bytes)
	if err := r.check(); err != nil {
		return e, err
	}
	if depth+e.depth > maxDepth {
		return e, errTooDeep
	}
	return e, nil
}

func (r *yamlReader) sequence(y *yaml.Node, depth int) (expansion, error) {
	e := expansion{node: &node{kind: kindList, items: make([]*node, 0, len(y.Content))}, size: 1}
	for _, c := range y.Content {
		v, err := r.value(c, depth+1)
		if err != nil {
			return e, err
		}
		e.node.items = append(e.node.items, v.node)
		e.take(v)
	}
	return e, nil
}

func (r *yamlReader) mapping(y *yaml.Node, depth int) (expansion, error) {
	e := expansion{node: &node{kind: kindObject}, size: 1}
	var merged []*node
	for i := 0; i+1 < len(y.Content); i += 2 {
		k := y.Content[i]
		v, err := r.value(y.Content[i+1], depth+1)
		if err != nil {
			return e, err
		}
		e.take(v)
		if k.ShortTag() == "!!merge" {
			if merged, err = mergeSources(merged, v.node, k.Line); err != nil {
				return e, err
			}
			continue
		}
		if k.Kind == yaml.AliasNode {
			k = k.Alias
		}
		if k.Kind != yaml.ScalarNode || k.ShortTag() == "!!null" {
			return e, fmt.Errorf("line %d: a key is not a string", k.Line)
		}
		e.bytes += len(k.Value)
		r.spend(0, len(k.Value))
		if !e.node.set(k.Value, v.node) { // an integer key is its digits
			return e, fmt.Errorf("line %d: key %q is repeated", k.Line, k.Value)
		}
	}
	return e, r.merge(e.node, merged)
}

// take counts v as part of e.
func (e *expansion) take(v expansion) {
	e.size += v.size
	e.bytes += v.bytes
	e.depth = max(e.depth, v.depth+1)
}

// mergeSources adds what a merge key names: one object or a list of them.
func mergeSources(to []*node, v *node, line int) ([]*node, error) {
	sources := []*node{v}
	if v.kind == kindList {
		sources = v.items
	}
	for _, s := range sources {
		if s.kind != kindObject {
			return nil, fmt.Errorf("line %d: merge of what is not a mapping", line)
		}
	}
	return append(to, sources...), nil
}

// merge puts members of the sources into n. A mapping's own keys win over
// merged ones, earlier sources over later ones.
func (r *yamlReader) merge(n *node, sources []*node) error {
	for _, s := range sources {
		// Every member copied is memory, even if its value is shared.
		r.spend(len(s.keys), 0)
		if err := r.check(); err != nil {
			return err
		}
		for i, key := range s.keys {
			n.set(key, s.items[i])
		}
	}
	return nil
}

// scalarNode gives a YAML scalar its JSON type.
func scalarNode(y *yaml.Node) (*node, error) {
	switch y.ShortTag() {
	case "!!null":
		return &node{kind: kindNull}, nil
	case "!!bool":
		return &node{kind: kindBool, text: strings.ToLower(y.Value)}, nil
	case "!!int", "!!float":
		return numberNode(y)
	}
	// Timestamps, too, are their text: "2012-10-17" is a policy's version.
	return &node{kind: kindText, text: y.Value}, nil
}

// numberNode keeps a number's spelling where JSON has the same, and otherwise
// (0x1F, 1_000, .5) writes it as JSON does. JSON has no infinity and no NaN.
func numberNode(y *yaml.Node) (*node, error) {
	if isNumber(y.Value) {
		return &node{kind: kindNumber, text: y.Value}, nil
	}
	plain := strings.ReplaceAll(y.Value, "_", "")
	plain = strings.TrimPrefix(plain, "+")
	if i, err := strconv.ParseInt(plain, 0, 64); err == nil {
		return &node{kind: kindNumber, text: strconv.FormatInt(i, 10)}, nil
	}
	if i, err := strconv.ParseUint(plain, 0, 64); err == nil {
		return &node{kind: kindNumber, text: strconv.FormatUint(i, 10)}, nil
	}
	if f, err := strconv.ParseFloat(plain, 64); err == nil {
		if text := strconv.FormatFloat(f, 'g', -1, 64); isNumber(text) {
			return &node{kind: kindNumber, text: text}, nil
		}
	}
	return nil, fmt.Errorf("line %d: %s is not a number of JSON", y.Line, y.Value)
}

// isNumber reports whether s is spelled as a JSON number.
func isNumber(s string) bool {
	v := jsontext.Value(s)
	return v.Kind() == '0' && v.IsValid() && len(strings.TrimSpace(s)) == len(s)
}
