package vtl

// A run is one rendering of a template.
type run struct {
	env  *Env
	out  []byte
	base int // length of out before this rendering

	vars  []Value // by slot
	frame *frame  // the innermost macro call
	stack []Value // arguments under evaluation
	mem   arena

	doc      Value // $input.path('$'), once parsed
	docState docState
	params   Value // $input.params(), once made
	touched  bool  // overrides were handed to the template

	line      int // of the last reference or directive, for errors
	steps     int // left before the next look at the clock
	stepsLeft int
	memory    int
	nesting   int
	macros    int
}

type docState uint8

const (
	docUnread docState = iota
	docText            // not JSON: a plain string
	docTree
)

// The variables every template begins with.
const (
	rootInput = iota
	rootUtil
	rootContext
	rootStage
	rootCount
)

var rootNames = [rootCount]string{"input", "util", "context", "stageVariables"}

func (r *run) begin(t *Template, env *Env, dst []byte) {
	r.env, r.out, r.base = env, dst, len(dst)
	if cap(dst)-len(dst) < t.text {
		r.out = append(make([]byte, 0, len(dst)+2*t.text+256), dst...)
	}
	if cap(r.vars) < len(t.slots) {
		r.vars = make([]Value, len(t.slots))
	}
	r.vars = r.vars[:len(t.slots)]
	r.steps, r.stepsLeft = stepsBetween, maxSteps-stepsBetween
	r.set(t.roots[rootInput], Value{kind: kindInput})
	r.set(t.roots[rootUtil], Value{kind: kindUtil})
	r.set(t.roots[rootContext], Value{kind: kindContext})
	if i := t.roots[rootStage]; i >= 0 && env.StageVariables != nil {
		r.vars[i] = r.group(env.StageVariables, "")
	}
}

func (r *run) set(slot int, v Value) {
	if slot >= 0 {
		r.vars[slot] = v
	}
}

// end forgets everything, so that nothing of an exchange outlives it.
func (r *run) end() {
	clear(r.vars)
	clear(r.stack[:cap(r.stack)])
	mem := r.mem
	mem.reset()
	*r = run{vars: r.vars[:0], stack: r.stack[:0], mem: mem}
	if cap(r.stack) > lastChunk {
		r.stack = nil
	}
}

// A frame is a call of a macro: its parameters, bound by name.
type frame struct {
	parent *frame
	macro  *macro
	args   []binding
}

// A binding is what a parameter stands for: an expression that is evaluated
// at each use in the caller's frame, or a value.
type binding struct {
	slot  int
	arg   expr // nil for a value
	value Value
}

// lookup returns the variable of a slot.
func (r *run) lookup(slot int) (Value, error) {
	for f := r.frame; f != nil; f = f.parent {
		for i := range f.args {
			b := &f.args[i]
			if b.slot == slot {
				return r.bound(f, b)
			}
		}
	}
	return r.vars[slot], nil
}

func (r *run) bound(f *frame, b *binding) (Value, error) {
	if b.arg == nil {
		return b.value, nil
	}
	if err := r.enter(); err != nil {
		return Value{}, err
	}
	defer r.leave()
	old := r.frame
	r.frame = f.parent
	v, err := b.arg.eval(r)
	r.frame = old
	return v, err
}

// assign sets the variable of a slot. Within a macro a parameter changes for
// the rest of the call, and nothing else does.
func (r *run) assign(slot int, v Value) error {
	for f := r.frame; f != nil; f = f.parent {
		for i := range f.args {
			if b := &f.args[i]; b.slot == slot {
				b.arg, b.value = nil, v
				return nil
			}
		}
	}
	r.vars[slot] = v
	return nil
}

// group returns a part of a scope as a value.
func (r *run) group(s Scope, path string) Value {
	o := r.mem.object()
	o.extra().scope = s
	return Value{kind: Group, str: path, ref: o}
}

// text returns the bytes written since mark as a string and takes them back.
func (r *run) text(mark int) (Value, error) {
	s := string(r.out[mark:])
	r.out = r.out[:mark]
	return NewString(s), r.grow(len(s))
}

// keepOverrides copies what the template set out of the memory of this run.
func (r *run) keepOverrides() error {
	if !r.touched || r.env.Overrides == nil {
		return nil
	}
	o := r.env.Overrides
	var err error
	if o.Request, err = r.clone(o.Request); err != nil {
		return err
	}
	o.Response, err = r.clone(o.Response)
	return err
}

// clone copies v and everything below it. What is not data becomes its text.
func (r *run) clone(v Value) (Value, error) {
	if v.ref == nil {
		return v, r.step(1)
	}
	if v.kind != List && v.kind != Map {
		text, err := r.appendText(nil, v)
		return NewString(string(text)), err
	}
	if err := r.enter(); err != nil {
		return Value{}, err
	}
	defer r.leave()
	o := &object{form: v.ref.form, vals: make([]Value, len(v.ref.vals))}
	o.keys = append([]string(nil), v.ref.keys...)
	if m := v.ref.more; m != nil && m.keyVals != nil {
		keys := make([]Value, len(m.keyVals))
		if err := r.cloneAll(keys, m.keyVals); err != nil {
			return Value{}, err
		}
		o.more = &extra{keyVals: keys}
	}
	if err := r.cloneAll(o.vals, v.ref.vals); err != nil {
		return Value{}, err
	}
	return Value{kind: v.kind, ref: o}, r.grow(64 * len(o.vals))
}

func (r *run) cloneAll(dst, src []Value) error {
	for i, e := range src {
		c, err := r.clone(e)
		if err != nil {
			return err
		}
		dst[i] = c
	}
	return nil
}
