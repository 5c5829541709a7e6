package vtl

import (
	"strings"
)

// $input: the payload and the parameters.

// body returns $input.body.
//
// AWS: an empty payload is {} (localstack, test_input_body_formatting).
func (r *run) body() Value {
	if strings.TrimSpace(r.env.Body) == "" {
		return NewString("{}")
	}
	return NewString(r.env.Body)
}

// document returns the parsed payload. One that does not begin as JSON does
// is a plain string.
func (r *run) document() (Value, error) {
	if r.docState != docUnread {
		return r.doc, nil
	}
	body := strings.TrimSpace(r.body().str)
	switch body[0] {
	case '{', '[', '"':
		v, err := parseJSON(&r.mem, body)
		if err != nil {
			return Value{}, &PayloadError{Message: err.Error()}
		}
		r.doc, r.docState = v, docTree
	default:
		r.doc, r.docState = NewString(r.body().str), docText
	}
	return r.doc, nil
}

// read evaluates the path that is the first argument of c on the payload.
func (r *run) read(c call) (v Value, found bool, err error) {
	doc, err := r.document()
	if err != nil {
		return Value{}, false, err
	}
	path := c.s.path
	if c.s.broken != nil {
		return Value{}, false, r.fail(c.s.broken.Error())
	}
	if path == nil {
		text, err := r.string(c.args[0])
		if err != nil {
			return Value{}, false, err
		}
		if path, err = CompilePath(text); err != nil {
			return Value{}, false, r.fail(err.Error())
		}
	}
	return path.read(r, doc)
}

func inputPath(r *run, c call) (Value, error) {
	v, _, err := r.read(c)
	return v, err
}

func inputJSON(r *run, c call) (Value, error) {
	mark := len(r.out)
	out, _, err := writeJSON(r, r.out, c)
	if err != nil {
		return Value{}, err
	}
	r.out = out
	return r.text(mark)
}

// writeJSON appends $input.json(path).
//
// AWS: what is missing is an empty JSON string.
func writeJSON(r *run, dst []byte, c call) ([]byte, bool, error) {
	v, _, err := r.read(c)
	if err != nil {
		return dst, false, err
	}
	if v.kind == Null {
		return append(dst, `""`...), true, nil
	}
	dst, err = r.appendJSON(dst, v, false)
	return dst, true, err
}

// inputParams is $input.params(), a map of three maps, or
// $input.params(name), the first found in path, query and header.
func inputParams(r *run, c call) (Value, error) {
	if len(c.args) == 0 {
		return r.allParams(), nil
	}
	name, err := r.string(c.args[0])
	if err != nil || r.env.Params == nil {
		return Value{}, err
	}
	for in := InPath; in <= InHeader; in++ {
		if s, ok := r.env.Params.Param(in, name); ok {
			return NewString(s), nil
		}
	}
	return Value{}, nil
}

// AWS: the order of the maps is that in which the console's pass-through
// template prints them.
var placeNames = [...]string{InPath: "path", InQuery: "querystring", InHeader: "header"}

func (r *run) allParams() Value {
	if r.params.kind != Null {
		return r.params
	}
	mark, names := len(r.mem.stack), len(r.mem.names)
	for in, name := range placeNames {
		m := r.placeParams(Place(in))
		r.mem.stack = append(r.mem.stack, m)
		r.mem.names = append(r.mem.names, name)
	}
	r.params = r.mem.dict(mark, names)
	return r.params
}

func (r *run) placeParams(in Place) Value {
	mark, names := len(r.mem.stack), len(r.mem.names)
	if r.env.Params != nil {
		r.env.Params.Each(in, func(name, value string) bool {
			r.mem.stack = append(r.mem.stack, NewString(value))
			r.mem.names = append(r.mem.names, name)
			return true
		})
	}
	return r.mem.dict(mark, names)
}
