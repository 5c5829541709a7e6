package vtl

import "strings"

// A selectKind says how a selector gets from a value to one of it.
type selectKind uint8

const (
	selectProperty selectKind = iota
	selectMethod
	selectIndex
)

// A selector is .name, .name(args) or [index] of a reference.
type selector struct {
	kind   selectKind
	name   string
	args   []expr
	method *method
	path   *Path       // of $input.json and $input.path with a constant
	regexp *javaRegexp // of String's methods with a constant pattern
	broken error       // what is wrong with the constant
}

// A refNode is a reference.
type refNode struct {
	line      int
	slot      int
	name      string
	selectors []selector
	source    string // as written, from the last $ on
	slashes   int    // backslashes before it
	dollars   int    // dollars before it
	odd       bool   // ${x} or $!x: #set makes a variable of another name
	dotted    string // "a.b" of $x.a.b.…: where a scope is asked at once
	steps     int    // selectors that dotted stands for
}

// prepare decides what can be before a request.
func (n *refNode) prepare() {
	var names []string
	for _, s := range n.selectors {
		name := s.name
		if s.kind == selectIndex {
			c, ok := s.args[0].(stringExpr)
			if !ok {
				break
			}
			name = string(c)
		}
		if s.kind == selectMethod || name == "requestOverride" || name == "responseOverride" {
			break
		}
		names = append(names, name)
	}
	n.dotted, n.steps = strings.Join(names, "."), len(names)
}

// orNil keeps a nil *refNode from becoming a node that is not nil.
func (n *refNode) orNil() node {
	if n == nil {
		return nil
	}
	return n
}

func (n *refNode) eval(r *run) (Value, error) {
	return n.walk(r, len(n.selectors))
}

// walk evaluates the reference up to selector end.
func (n *refNode) walk(r *run, end int) (Value, error) {
	r.line = n.line
	v, err := r.lookup(n.slot)
	if err != nil {
		return Value{}, err
	}
	i := 0
	if n.steps > 0 && n.steps <= end && (v.kind == kindContext || v.kind == Group) {
		v = r.scoped(v, n.dotted)
		i = n.steps
	}
	for ; i < end && v.kind != Null; i++ {
		if v, err = n.selectors[i].apply(r, v); err != nil {
			return Value{}, err
		}
	}
	return v, r.step(1)
}

func (n *refNode) test(r *run) (bool, error) {
	v, err := n.eval(r)
	return v.truth(), err
}

// render writes the value. Null writes nothing.
//
// AWS: an unresolved reference prints as $!x would (localstack,
// test_input_body_formatting), where Velocity prints its source.
func (n *refNode) render(r *run) error {
	if n.slashes == 0 && n.dollars == 0 {
		if done, err := n.write(r); done || err != nil {
			return err
		}
	}
	v, err := n.eval(r)
	if err != nil {
		return err
	}
	for range n.slashes / 2 {
		r.out = append(r.out, '\\')
	}
	if n.slashes%2 != 0 {
		if v.kind == Null {
			r.out = append(r.out, '\\')
		}
		for range n.dollars {
			r.out = append(r.out, '$')
		}
		r.out = append(r.out, n.source...)
		return r.charge(r.out)
	}
	for range n.dollars {
		r.out = append(r.out, '$')
	}
	if r.out, err = r.appendText(r.out, v); err != nil {
		return err
	}
	return r.charge(r.out)
}

// write writes the value without making it, for the functions of $input and
// $util; done is false where it must be made.
func (n *refNode) write(r *run) (done bool, err error) {
	if len(n.selectors) != 1 || n.selectors[0].method == nil || n.selectors[0].method.write == nil {
		return false, nil
	}
	s := &n.selectors[0]
	v, err := n.walk(r, 0)
	if err != nil || s.method.of(v, len(s.args)) == nil || v.kind != kindInput && v.kind != kindUtil {
		return false, err
	}
	base := len(r.stack)
	if err := s.pushArgs(r); err != nil {
		return false, err
	}
	args := r.stack[base:]
	r.out, done, err = s.method.write(r, r.out, call{s, v, args})
	r.stack = r.stack[:base]
	if err == nil {
		err = r.charge(r.out)
	}
	return done, err
}

// assign sets what the reference refers to. What cannot be set stays.
func (n *refNode) assign(r *run, v Value) error {
	last := len(n.selectors) - 1
	if last < 0 && n.odd {
		return nil // Velocity sets a variable called "{x" or "!x"
	}
	if last < 0 {
		return r.assign(n.slot, v)
	}
	at, err := n.walk(r, last)
	if err != nil {
		return err
	}
	s := &n.selectors[last]
	switch s.kind {
	case selectProperty:
		if at.kind == Map {
			return r.put(at, NewString(s.name), v)
		}
	case selectIndex:
		key, err := s.args[0].eval(r)
		if err != nil {
			return err
		}
		return r.setIndex(at, key, v)
	}
	return nil
}

func (r *run) put(m, key, v Value) error {
	m.ref.put(key, v)
	return r.grow(64)
}

func (r *run) setIndex(at, key, v Value) error {
	switch {
	case at.kind == Map:
		return r.put(at, key, v)
	case at.kind == List && key.kind == Int && at.ref.form != formSet:
		i, err := r.at(at.ref, key.num)
		if err != nil {
			return err
		}
		at.ref.vals[i] = v
	}
	return nil
}

func (s *selector) apply(r *run, v Value) (Value, error) {
	switch s.kind {
	case selectProperty:
		return r.property(v, s.name), nil
	case selectIndex:
		key, err := s.args[0].eval(r)
		if err != nil {
			return Value{}, err
		}
		return r.index(v, key)
	}
	return s.call(r, v)
}

// A call is a method on its way.
type call struct {
	s    *selector
	recv Value
	args []Value
}

func (s *selector) call(r *run, v Value) (Value, error) {
	f := s.method.of(v, len(s.args))
	if f == nil {
		return Value{}, nil
	}
	base := len(r.stack)
	if err := s.pushArgs(r); err != nil {
		return Value{}, err
	}
	out, err := f(r, call{s, v, r.stack[base:]})
	clear(r.stack[base:])
	r.stack = r.stack[:base]
	if err == nil && out.kind == String {
		err = r.grow(len(out.str) / 8)
	}
	return out, err
}

func (s *selector) pushArgs(r *run) error {
	for _, a := range s.args {
		v, err := a.eval(r)
		if err != nil {
			return err
		}
		r.stack = append(r.stack, v)
	}
	return nil
}

// property returns $v.name.
func (r *run) property(v Value, name string) Value {
	switch v.kind {
	case Map:
		return v.Get(name)
	case kindContext, Group:
		return r.scoped(v, name)
	case kindEntry:
		switch name {
		case "key", "Key":
			return v.ref.key(0)
		case "value", "Value":
			return v.ref.vals[0]
		}
	case kindLoop:
		return loopProperty(v, name)
	case kindInput:
		if name == "body" {
			return r.body()
		}
	case String:
		switch name {
		case "empty":
			return NewBool(v.str == "")
		case "blank":
			return NewBool(strings.TrimSpace(v.str) == "")
		}
	case List:
		if name == "empty" {
			return NewBool(len(v.ref.vals) == 0)
		}
	}
	return Value{}
}

func loopProperty(v Value, name string) Value {
	l := v.ref.more.loop
	switch name {
	case "index":
		return NewInt(int64(l.index))
	case "count":
		return NewInt(int64(l.index + 1))
	case "hasNext":
		return NewBool(l.hasNext)
	case "first":
		return NewBool(l.index == 0)
	case "last":
		return NewBool(!l.hasNext)
	case "parent":
		return l.parent
	case "topmost":
		for v.ref.more.loop.parent.kind == kindLoop {
			v = v.ref.more.loop.parent
		}
		return v
	}
	return Value{}
}

// index returns $v[key].
func (r *run) index(v, key Value) (Value, error) {
	switch v.kind {
	case List:
		if key.kind != Int || v.ref.form == formSet {
			return Value{}, nil
		}
		i, err := r.at(v.ref, key.num)
		if err != nil {
			return Value{}, err
		}
		return v.ref.vals[i], nil
	case Map:
		if i := v.ref.findKey(key); i >= 0 {
			return v.ref.vals[i], nil
		}
	case kindContext, Group:
		return r.scoped(v, key.Text()), nil
	}
	return Value{}, nil
}

// at checks an index; negative ones count from the end.
func (r *run) at(o *object, i int64) (int, error) {
	if i < 0 {
		i += int64(len(o.vals))
	}
	if i < 0 || i >= int64(len(o.vals)) {
		return 0, r.fail("Index is out of bounds")
	}
	return int(i), nil
}
