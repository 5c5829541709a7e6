package jsonschema

import (
	"fmt"
	"hash/maphash"
	"net/url"
	"strconv"
	"strings"
)

// A Resolver returns the text of the schema that has an address, which
// reference a schema made: for an API's models
// https://apigateway.amazonaws.com/restapis/{id}/models/{name}.
type Resolver func(address string) (string, error)

// The bounds of one schema with all that it refers to. Whoever writes schemas
// can hit them, and gets an error.
const (
	maxSchema    = 1 << 20 // bytes of one text; a model has 400 KB at most
	maxSchemas   = 8 << 20 // bytes of all texts
	maxDocuments = 1000
)

// Compile reads a schema. resolve gives the schemas that it refers to by
// address; each is asked for once. It may be nil if there are none.
//
// AWS: rest-execution.md §7: references are #/definitions/X or the address of
// a model; circles are fine. A $ref leaves nothing else of its schema.
// Ignored is what AWS ignores: discriminator, nullable, readOnly, default,
// example, an exclusiveMinimum that is a number, and every unknown keyword.
func Compile(text string, resolve Resolver) (*Schema, error) {
	c := &compiler{resolve: resolve, sources: map[string]*source{}, nodes: map[place]*node{}, patterns: map[string]*pattern{}}
	src, err := c.read("", text)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	root := c.node(place{src, 0}, nil, "#")
	for len(c.pending) > 0 {
		last := len(c.pending) - 1
		p := c.pending[last]
		c.pending = c.pending[:last]
		if err := c.fill(p); err != nil {
			return nil, fmt.Errorf("schema: %w", err)
		}
	}
	if err := c.checkLoops(); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	return &Schema{root: root, seed: maphash.MakeSeed()}, nil
}

// A compiler makes the nodes of one schema. What was mentioned but not yet
// read is pending, so that nothing nests however the schemas refer to each
// other.
type compiler struct {
	resolve  Resolver
	sources  map[string]*source // by address
	size     int                // bytes of all sources
	nodes    map[place]*node
	pending  []place
	patterns map[string]*pattern
	programs int // instructions of all patterns
	order    []*node
}

// A source is the text of one schema.
type source struct {
	document
	address string
}

// A place is a value in a source.
type place struct {
	src *source
	at  uint32
}

func (p place) kind() kind     { return p.src.values[p.at].kind }
func (p place) text() []byte   { return p.src.text(p.at) }
func (p place) string() string { return string(p.src.text(p.at)) }

// child returns the value of a member.
func (p place) child(name string) (place, bool) {
	at, ok := p.src.member(p.at, name)
	return place{p.src, at}, ok
}

// elements lists the elements of an array.
func (p place) elements() []place {
	v := &p.src.values[p.at]
	list := make([]place, 0, v.n)
	for at := p.at + 1; at < v.next; at = p.src.values[at].next {
		list = append(list, place{p.src, at})
	}
	return list
}

// A named place is the value of a member.
type named struct {
	name string
	place
}

// members lists the members of an object.
func (p place) members() []named {
	v := &p.src.values[p.at]
	list := make([]named, 0, v.n)
	for at := p.at + 1; at < v.next; at = p.src.values[at+1].next {
		list = append(list, named{string(p.src.text(at)), place{p.src, at + 1}})
	}
	return list
}

// read parses the text of the schema at address.
func (c *compiler) read(address, text string) (*source, error) {
	c.size += len(text)
	switch {
	case len(text) > maxSchema:
		return nil, fmt.Errorf("%s#: %d bytes, %d are allowed", address, len(text), maxSchema)
	case c.size > maxSchemas || len(c.sources) >= maxDocuments:
		return nil, wrong("refers to too many others, or too large ones")
	}
	src := &source{address: address}
	if !src.parse([]byte(text)) {
		return nil, fmt.Errorf("%s#: not JSON", address)
	}
	c.sources[address] = src
	return src, nil
}

// node returns the node of the schema at p, which is filled in later.
func (c *compiler) node(p place, parent *node, pointer string) *node {
	if n, ok := c.nodes[p]; ok {
		return n
	}
	n := &node{parent: parent, pointer: pointer}
	c.nodes[p] = n
	c.pending = append(c.pending, p)
	c.order = append(c.order, n)
	return n
}

// fill reads the schema at p into its node.
func (c *compiler) fill(p place) error {
	n := c.nodes[p]
	if p.kind() != kindObject {
		return fmt.Errorf("%s: a schema must be an object", n.where())
	}
	if ref, ok := p.child("$ref"); ok && ref.kind() == kindString {
		target, err := c.follow(p.src, ref.string())
		if err != nil {
			return fmt.Errorf("%s: $ref %q: %w", n.where(), ref.string(), err)
		}
		n.ref = target
		return nil
	}
	r := reader{c: c, at: p, node: n}
	return r.read()
}

// follow finds the schema that a reference stands for.
//
// AWS: undocumented: id changes no addresses, as the fge validator has it
// unless told otherwise.
func (c *compiler) follow(from *source, ref string) (*node, error) {
	address, fragment, _ := strings.Cut(ref, "#")
	src := from
	if address != "" {
		var err error
		if src, err = c.fetch(address); err != nil {
			return nil, err
		}
	}
	pointer, err := url.PathUnescape(fragment)
	if err != nil {
		return nil, err
	}
	if pointer != "" && pointer[0] != '/' {
		return nil, fmt.Errorf("#%s is no JSON pointer", fragment)
	}
	p := place{src, 0}
	for pointer != "" {
		var token string
		token, pointer = cutPointer(pointer)
		next, ok := p.step(token)
		if !ok {
			return nil, wrong("nothing is there")
		}
		p = next
	}
	return c.node(p, nil, src.address+"#"+fragment), nil
}

// cutPointer takes the first token off a pointer that is not empty.
func cutPointer(pointer string) (token, rest string) {
	token = pointer[1:]
	if i := strings.IndexByte(token, '/'); i >= 0 {
		token, rest = token[:i], token[i:]
	}
	token = strings.ReplaceAll(token, "~1", "/")
	return strings.ReplaceAll(token, "~0", "~"), rest
}

// step goes from an object or array to what token names in it.
func (p place) step(token string) (place, bool) {
	switch p.kind() {
	case kindObject:
		return p.child(token)
	case kindArray:
		for i, e := range p.elements() {
			if strconv.Itoa(i) == token {
				return e, true
			}
		}
	}
	return place{}, false
}

// fetch returns the schema with an address.
func (c *compiler) fetch(address string) (*source, error) {
	if src, ok := c.sources[address]; ok {
		return src, nil
	}
	if c.resolve == nil {
		return nil, wrong("no such schema")
	}
	text, err := c.resolve(address)
	if err != nil {
		return nil, err
	}
	return c.read(address, text)
}

// pattern compiles a pattern, once.
func (c *compiler) pattern(text string) (*pattern, error) {
	if p, ok := c.patterns[text]; ok {
		return p, nil
	}
	p, err := newPattern(text)
	if err != nil {
		return nil, err
	}
	if c.programs += p.size; c.programs > maxPrograms {
		return nil, fmt.Errorf("pattern %q: the patterns of the schema are too large together", text)
	}
	c.patterns[text] = p
	return p, nil
}

// checkLoops refuses schemas that lead back to themselves without going into
// the value: they ask nothing, and never end.
//
// AWS: undocumented; the fge validator refuses every body for such a schema.
func (c *compiler) checkLoops() error {
	const (
		entered = 1
		left    = 2
	)
	state := make(map[*node]int, len(c.order))
	type frame struct {
		node *node
		next []*node
	}
	for _, start := range c.order {
		if state[start] != 0 {
			continue
		}
		state[start] = entered
		stack := []frame{{start, start.same()}}
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if len(top.next) == 0 {
				state[top.node] = left
				stack = stack[:len(stack)-1]
				continue
			}
			n := top.next[0]
			top.next = top.next[1:]
			switch state[n] {
			case entered:
				return fmt.Errorf("%s: refers to itself for one and the same value", n.where())
			case 0:
				state[n] = entered
				stack = append(stack, frame{n, n.same()})
			}
		}
	}
	return nil
}

// where says where n stands, for errors.
func (n *node) where() string {
	if n.parent == nil {
		return n.pointer
	}
	return n.parent.where() + n.pointer
}

// same lists the schemas that n applies to the value itself.
func (n *node) same() []*node {
	if n.ref != nil {
		return []*node{n.ref}
	}
	var list []*node
	for _, k := range n.keywords {
		switch k := k.(type) {
		case allOf:
			list = append(list, k...)
		case anyOf:
			list = append(list, k...)
		case oneOf:
			list = append(list, k...)
		case not:
			list = append(list, k.node)
		case *dependencies:
			for _, d := range k.schemas {
				list = append(list, d.asks)
			}
		}
	}
	return list
}
