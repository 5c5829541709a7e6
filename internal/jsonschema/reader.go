package jsonschema

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// A reader fills in one node from its schema.
type reader struct {
	c    *compiler
	at   place
	node *node
}

// read reads the keywords in the order in which they are checked: that of the
// alphabet, capitals first.
//
// AWS: the order of the texts, as the fge validator has it.
func (r *reader) read() error {
	steps := []struct {
		keyword string
		read    func(p place) error
	}{
		{"patternProperties", r.patternProperties}, // these four are what
		{"properties", r.properties},               // additional ones are
		{"items", r.items},                         // additional to
		{"additionalItems", r.additionalItems},
		{"additionalProperties", r.additionalProperties},
		{"allOf", func(p place) error { return r.list(p, "allOf", func(l []*node) keyword { return allOf(l) }) }},
		{"anyOf", func(p place) error { return r.list(p, "anyOf", func(l []*node) keyword { return anyOf(l) }) }},
		{"dependencies", r.dependencies},
		{"enum", r.enum},
		{"format", r.format},
		{"maxItems", r.size(kindArray, true)},
		{"maxLength", r.size(kindString, true)},
		{"maxProperties", r.size(kindObject, true)},
		{"maximum", r.bound(true)},
		{"minItems", r.size(kindArray, false)},
		{"minLength", r.size(kindString, false)},
		{"minProperties", r.size(kindObject, false)},
		{"minimum", r.bound(false)},
		{"multipleOf", r.multipleOf},
		{"not", func(p place) error { r.add(not{r.sub(p, "not")}); return nil }},
		{"oneOf", func(p place) error { return r.list(p, "oneOf", func(l []*node) keyword { return oneOf(l) }) }},
		{"pattern", r.pattern},
		{"required", r.required},
		{"type", r.types},
		{"uniqueItems", r.uniqueItems},
	}
	for _, s := range steps {
		p, ok := r.at.child(s.keyword)
		if !ok {
			continue
		}
		if err := s.read(p); err != nil {
			return fmt.Errorf("%s: %s %w", r.node.where(), s.keyword, err)
		}
	}
	return nil
}

func (r *reader) add(k keyword) { r.node.keywords = append(r.node.keywords, k) }

// sub returns the node of a schema in this one.
func (r *reader) sub(p place, tokens ...string) *node {
	pointer := ""
	for _, t := range tokens {
		pointer += "/" + escapePointer(t)
	}
	return r.c.node(p, r.node, pointer)
}

func (r *reader) properties(p place) error {
	if p.kind() != kindObject {
		return wrong("must be an object")
	}
	r.node.properties = map[string]*node{}
	for _, m := range p.members() {
		r.node.properties[m.name] = r.sub(m.place, "properties", m.name)
	}
	return nil
}

func (r *reader) patternProperties(p place) error {
	if p.kind() != kindObject {
		return wrong("must be an object")
	}
	for _, m := range p.members() {
		expr, err := r.c.pattern(m.name)
		if err != nil {
			return fmt.Errorf("has a name that cannot be used: %w", err)
		}
		r.node.patterns = append(r.node.patterns, patternProperty{expr, r.sub(m.place, "patternProperties", m.name)})
	}
	return nil
}

func (r *reader) additionalProperties(p place) error {
	switch p.kind() {
	case kindObject:
		r.node.additional = r.sub(p, "additionalProperties")
	case kindBoolean:
		if !p.src.values[p.at].truth {
			r.add(noAdditional{r.node})
		}
	default:
		return wrong("must be a boolean or a schema")
	}
	return nil
}

func (r *reader) items(p place) error {
	switch p.kind() {
	case kindObject:
		r.node.items = r.sub(p, "items")
	case kindArray:
		r.node.tuple = []*node{}
		for i, e := range p.elements() {
			r.node.tuple = append(r.node.tuple, r.sub(e, "items", strconv.Itoa(i)))
		}
	default:
		return wrong("must be a schema or an array of schemas")
	}
	return nil
}

// additionalItems counts only beside an array of items.
func (r *reader) additionalItems(p place) error {
	switch p.kind() {
	case kindObject:
		if r.node.tuple != nil {
			r.node.additItems = r.sub(p, "additionalItems")
		}
	case kindBoolean:
		if r.node.tuple != nil && !p.src.values[p.at].truth {
			r.add(noAdditionalItems(len(r.node.tuple)))
		}
	default:
		return wrong("must be a boolean or a schema")
	}
	return nil
}

func (r *reader) list(p place, word string, combine func([]*node) keyword) error {
	if p.kind() != kindArray || p.src.values[p.at].n == 0 {
		return wrong("must be an array of at least one schema")
	}
	var list []*node
	for i, e := range p.elements() {
		list = append(list, r.sub(e, word, strconv.Itoa(i)))
	}
	r.add(combine(list))
	return nil
}

func (r *reader) dependencies(p place) error {
	if p.kind() != kindObject {
		return wrong("must be an object")
	}
	k := new(dependencies)
	for _, m := range p.members() {
		if m.kind() == kindObject {
			k.schemas = append(k.schemas, schemaDependency{m.name, r.sub(m.place, "dependencies", m.name)})
			continue
		}
		list, err := nameList(m.place)
		if err != nil {
			return err
		}
		k.names = append(k.names, nameDependency{m.name, list})
	}
	slices.SortStableFunc(k.schemas, func(a, b schemaDependency) int { return bytes.Compare([]byte(a.name), []byte(b.name)) })
	r.add(k)
	return nil
}

// nameList reads an array of names, and sorts it as the texts do.
func nameList(p place) ([]string, error) {
	if p.kind() != kindArray {
		return nil, wrong("must be an array of names")
	}
	set := map[string]bool{}
	for _, e := range p.elements() {
		if e.kind() != kindString {
			return nil, wrong("must be an array of names")
		}
		set[e.string()] = true
	}
	return slices.Sorted(maps.Keys(set)), nil
}

func (r *reader) required(p place) error {
	list, err := nameList(p)
	if err != nil {
		return err
	}
	k := &required{names: list, place: map[string]int{}}
	for i, name := range list {
		k.place[name] = i
	}
	r.add(k)
	return nil
}

func (r *reader) enum(p place) error {
	if p.kind() != kindArray || p.src.values[p.at].n == 0 {
		return wrong("must be an array of at least one value")
	}
	k := &enum{doc: &p.src.document, text: string(appendJSON(nil, &p.src.document, p.at))}
	for _, e := range p.elements() {
		k.values = append(k.values, e.at)
	}
	r.add(k)
	return nil
}

func (r *reader) format(p place) error {
	if p.kind() != kindString {
		return wrong("must be a string")
	}
	if f := formatNamed(p.string()); f != nil {
		r.add(formatted{f})
	}
	return nil
}

func (r *reader) pattern(p place) error {
	if p.kind() != kindString {
		return wrong("must be a string")
	}
	expr, err := r.c.pattern(p.string())
	if err != nil {
		return fmt.Errorf("cannot be used: %w", err)
	}
	r.add(matches{expr})
	return nil
}

func (r *reader) size(of kind, upper bool) func(place) error {
	return func(p place) error {
		n, err := strconv.ParseUint(p.string(), 10, 62)
		if !isNumber(p.kind()) || err != nil {
			return wrong("must be an integer that is not negative")
		}
		r.add(&size{of, upper, int(n)})
		return nil
	}
}

func (r *reader) bound(upper bool) func(place) error {
	return func(p place) error {
		if !isNumber(p.kind()) {
			return wrong("must be a number")
		}
		name := "exclusiveMinimum"
		if upper {
			name = "exclusiveMaximum"
		}
		exclusive := false
		if e, ok := r.at.child(name); ok && e.kind() == kindBoolean {
			exclusive = e.src.values[e.at].truth
		}
		r.add(&bound{p.text(), upper, exclusive})
		return nil
	}
}

func (r *reader) multipleOf(p place) error {
	if !isNumber(p.kind()) || compareNumbers(p.text(), []byte("0")) <= 0 {
		return wrong("must be a number over 0")
	}
	r.add(multipleOf(p.text()))
	return nil
}

func (r *reader) uniqueItems(p place) error {
	if p.kind() != kindBoolean {
		return wrong("must be a boolean")
	}
	if p.src.values[p.at].truth {
		r.add(uniqueItems{})
	}
	return nil
}

// types reads the keyword type.
//
// AWS: recorded: number allows integers too, and is listed with them.
func (r *reader) types(p place) error {
	list := []place{p}
	if p.kind() == kindArray {
		list = p.elements()
	}
	var set types
	for _, e := range list {
		i := slices.Index(kindNames[:], e.string())
		if e.kind() != kindString || i < 0 {
			return wrong("must name primitive types of JSON")
		}
		set |= 1 << i
	}
	if set&(1<<kindNumber) != 0 {
		set |= 1 << kindInteger
	}
	if set == 0 {
		return wrong("must name at least one type")
	}
	r.add(set)
	return nil
}

// wrong is what is wrong with a keyword, told after its name.
type wrong string

func (w wrong) Error() string { return string(w) }
