package openapi

import "strings"

// A flattener gathers all that a schema refers to in the definitions of one
// document.
type flattener struct {
	models map[string]*node
	names  map[string]string // of models that are referred to: where they stand among the definitions
	todo   []string
	taken  map[string]bool // names among the definitions
}

// FlattenModel writes the schema of one of models, which are schemas by name,
// as one document: what it refers to by the address of a model stands in its
// definitions. A schema that is not an object of JSON stays as it is.
//
// AWS: "resolve all external model references and return a flattened model
// schema" (GetModel). How it looks is undocumented; definitions are what
// exports make of such references, and all that holds models in a circle.
func FlattenModel(models map[string]string, name string) string {
	f := flattener{models: map[string]*node{}, names: map[string]string{name: ""}, taken: map[string]bool{}}
	for model, schema := range models {
		if n, err := parseJSON([]byte(schema)); err == nil && n.kind == kindObject {
			f.models[model] = n
		}
	}
	root := f.models[name]
	if root == nil {
		return models[name]
	}
	own := root.get("definitions")
	if own.is(kindObject) {
		for _, key := range own.keys {
			f.taken[key] = true
		}
	}
	out := f.schema(root, "")
	definitions := out.get("definitions")
	if !definitions.is(kindObject) {
		definitions = object()
	}
	for len(f.todo) > 0 {
		model := f.todo[0]
		f.todo = f.todo[1:]
		definitions.put(f.names[model], f.schema(f.models[model], "/definitions/"+f.names[model]))
	}
	if len(definitions.keys) > 0 && !own.is(kindObject) {
		out.put("definitions", definitions)
	}
	return compact(out)
}

// schema is a copy of n, which stands in a model that is found at a pointer,
// with references inside the document.
func (f *flattener) schema(n *node, at string) *node {
	out := &node{kind: n.kind, text: n.text}
	switch n.kind {
	case kindObject:
		for i, key := range n.keys {
			v := f.schema(n.items[i], at)
			if key == "$ref" && v.kind == kindText {
				v = textNode(f.ref(v.text, at))
			}
			out.put(key, v)
		}
	case kindList:
		for _, v := range n.items {
			out.items = append(out.items, f.schema(v, at))
		}
	}
	return out
}

// ref is a reference that a model makes which is found at a pointer. What is
// not there stays as it is.
func (f *flattener) ref(ref, at string) string {
	if pointer, ok := strings.CutPrefix(ref, "#"); ok {
		return "#" + at + pointer
	}
	address, pointer, _ := strings.Cut(ref, "#")
	api, model, ok := strings.Cut(address, "/models/")
	if !ok || !strings.Contains(api, "/restapis/") || f.models[model] == nil {
		return ref
	}
	name, ok := f.names[model]
	if !ok {
		for name = model; f.taken[name]; name += "_" {
		}
		f.names[model], f.taken[name] = name, true
		f.todo = append(f.todo, model)
	}
	if name == "" {
		return "#" + pointer
	}
	return "#/definitions/" + name + pointer
}
