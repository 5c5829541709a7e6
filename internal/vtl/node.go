package vtl

import "errors"

// A node is a part of a template that writes something.
type node interface {
	render(r *run) error
}

func (r *run) nodes(list []node) error {
	for _, n := range list {
		if err := n.render(r); err != nil {
			return err
		}
	}
	return nil
}

// A textNode writes itself.
type textNode string

func (n textNode) render(r *run) error {
	r.out = append(r.out, n...)
	return r.charge(r.out)
}

type setNode struct {
	line  int
	ref   *refNode
	value expr
}

// render leaves everything as it was when the value is null: Velocity's
// directive.set.null.allowed is off.
func (n *setNode) render(r *run) error {
	r.line = n.line
	v, err := n.value.eval(r)
	if err != nil || v.kind == Null {
		return err
	}
	if err := r.step(1); err != nil {
		return err
	}
	return n.ref.assign(r, v)
}

type branch struct {
	cond expr
	body []node
}

type ifNode struct {
	line      int
	branches  []branch
	otherwise []node
}

func (n *ifNode) render(r *run) error {
	r.line = n.line
	for i := range n.branches {
		ok, err := n.branches[i].cond.test(r)
		if err != nil {
			return err
		}
		if ok {
			return r.nested(n.branches[i].body)
		}
	}
	return r.nested(n.otherwise)
}

func (r *run) nested(list []node) error {
	if len(list) == 0 {
		return nil
	}
	if err := r.enter(); err != nil {
		return err
	}
	err := r.nodes(list)
	r.leave()
	return err
}

// A stopNode is #break or #stop.
type stopNode struct{ err error }

func (n *stopNode) render(*run) error { return n.err }

// A loop is what $foreach tells of.
type loop struct {
	index   int
	hasNext bool
	parent  Value
}

type foreachNode struct {
	line                  int
	item                  int // slots
	count, hasNext, scope int
	list                  expr
	body                  []node
}

func (n *foreachNode) render(r *run) error {
	r.line = n.line
	v, err := n.list.eval(r)
	if err != nil {
		return err
	}
	items, ok := r.iterate(v)
	if !ok {
		return nil
	}
	if err := r.enter(); err != nil {
		return err
	}
	defer r.leave()
	slots := [...]int{n.item, n.count, n.hasNext, n.scope}
	var saved [len(slots)]Value
	for i, s := range slots {
		saved[i] = r.vars[s]
	}
	err = n.loop(r, items)
	for i, s := range slots {
		r.vars[s] = saved[i]
	}
	return err
}

func (n *foreachNode) loop(r *run, items []Value) error {
	l := &loop{index: -1, parent: r.vars[n.scope]}
	o := r.mem.object()
	o.extra().loop = l
	r.vars[n.scope] = Value{kind: kindLoop, ref: o}
	for i, item := range items {
		if i == maxLoop {
			return nil
		}
		l.index, l.hasNext = i, i+1 < len(items)
		r.vars[n.count] = NewInt(int64(i + 1))
		r.vars[n.hasNext] = NewBool(l.hasNext)
		r.vars[n.item] = item
		err := r.nodes(n.body)
		if errors.Is(err, errBreak) {
			return nil
		}
		if err == nil {
			err = r.step(1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// iterate returns what #foreach goes through. Of a map these are the values.
func (r *run) iterate(v Value) (items []Value, ok bool) {
	switch v.kind {
	case List:
		return v.ref.vals, true
	case Map:
		return v.ref.vals, true
	case kindContext, Group:
		m := r.members(v)
		return m.vals, true
	}
	return nil, false
}

// A defineNode is #define, or the body of a #@macro call.
type defineNode struct {
	slot int
	body []node
}

func (n *defineNode) render(r *run) error { return r.assign(n.slot, r.block(n)) }

func (r *run) block(n *defineNode) Value {
	o := r.mem.object()
	o.more = &extra{block: n, frame: r.frame}
	return Value{kind: kindBlock, ref: o}
}

// appendBlock renders a block where it is printed.
func (r *run) appendBlock(dst []byte, x *extra) ([]byte, error) {
	if x.depth >= maxBlockDepth {
		return dst, nil
	}
	x.depth++
	out, frame := r.out, r.frame
	r.out, r.frame = dst, x.frame
	err := r.nodes(x.block.body)
	dst, r.out, r.frame = r.out, out, frame
	x.depth--
	if errors.Is(err, errBreak) {
		err = nil
	}
	return dst, err
}

// A macro is what #macro defines.
type macro struct {
	name    string
	params  []int // slots
	body    []node
	defined bool
}

// A macroNode calls a macro, or prints itself if there is none of the name.
type macroNode struct {
	line    int
	macro   *macro
	args    []expr
	literal string
	body    *defineNode // of #@name
}

func (n *macroNode) render(r *run) error {
	r.line = n.line
	if !n.macro.defined {
		return textNode(n.literal).render(r)
	}
	for _, a := range n.args {
		if _, ok := a.(wordExpr); ok {
			return r.fail("Invalid argument of macro #" + n.macro.name)
		}
	}
	if r.macros++; r.macros > maxMacroDepth {
		return r.fail("Macros are nested too deeply")
	}
	if err := r.enter(); err != nil {
		return err
	}
	f := &frame{parent: r.frame, macro: n.macro}
	if err := n.bind(r, f); err != nil {
		return err
	}
	r.frame = f
	err := r.nodes(n.macro.body)
	r.frame = f.parent
	r.macros--
	r.leave()
	if errors.Is(err, errBreak) {
		err = nil
	}
	return err
}

// bind ties the parameters to the arguments: constants now, the others each
// time the parameter is used. Parameters without argument stay unbound.
func (n *macroNode) bind(r *run, f *frame) error {
	f.args = make([]binding, 0, len(n.macro.params)+1)
	for i, slot := range n.macro.params {
		if i >= len(n.args) {
			break
		}
		b := binding{slot: slot, arg: n.args[i]}
		if constant(b.arg) {
			v, err := b.arg.eval(r)
			if err != nil {
				return err
			}
			b.arg, b.value = nil, v
		}
		f.args = append(f.args, b)
	}
	if n.body != nil {
		body := r.block(n.body)
		body.ref.more.frame = f
		f.args = append(f.args, binding{slot: n.body.slot, value: body})
	}
	return r.step(1 + len(f.args))
}

func constant(e expr) bool {
	switch e.(type) {
	case constExpr, stringExpr:
		return true
	}
	return false
}
