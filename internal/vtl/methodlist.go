package vtl

// The methods of java.util.List, of sets and of arrays.

func listSize(_ *run, c call) (Value, error) { return NewInt(int64(len(c.recv.ref.vals))), nil }

func listIsEmpty(_ *run, c call) (Value, error) { return NewBool(len(c.recv.ref.vals) == 0), nil }

func listGet(r *run, c call) (Value, error) {
	o := c.recv.ref
	i, ok := c.args[0].index()
	if !ok || o.form == formSet {
		return Value{}, nil
	}
	if i < 0 || i >= len(o.vals) {
		return Value{}, r.fail("Index is out of bounds")
	}
	return o.vals[i], nil
}

// fixed tells whether a collection cannot grow: arrays, and views of maps.
func (o *object) fixed() bool { return o.form == formArray || o.form == formSet }

func listAdd(r *run, c call) (Value, error) {
	o := c.recv.ref
	if o.fixed() {
		return Value{}, r.fail("The collection cannot be changed")
	}
	if len(c.args) == 1 {
		o.vals = append(o.vals, c.args[0])
		return NewBool(true), r.grow(40)
	}
	i, ok := c.args[0].index()
	if !ok {
		return Value{}, nil
	}
	if i < 0 || i > len(o.vals) {
		return Value{}, r.fail("Index is out of bounds")
	}
	if err := r.step(1 + len(o.vals)/8); err != nil {
		return Value{}, err
	}
	o.vals = append(o.vals, Value{})
	copy(o.vals[i+1:], o.vals[i:])
	o.vals[i] = c.args[1]
	return Value{}, r.grow(40)
}

func listAddAll(r *run, c call) (Value, error) {
	if c.args[0].kind != List {
		return Value{}, nil
	}
	if c.recv.ref.fixed() {
		return Value{}, r.fail("The collection cannot be changed")
	}
	more := c.args[0].ref.vals
	if err := r.grow(40 * len(more)); err != nil {
		return Value{}, err
	}
	c.recv.ref.vals = append(c.recv.ref.vals, more...)
	return NewBool(len(more) > 0), nil
}

func listSet(r *run, c call) (Value, error) {
	old, err := listGet(r, c)
	if err == nil && c.args[0].kind == Int && c.recv.ref.form != formSet {
		c.recv.ref.vals[c.args[0].num] = c.args[1]
	}
	return old, err
}

// listRemove removes by index, or by value where the argument is no integer.
func listRemove(r *run, c call) (Value, error) {
	o := c.recv.ref
	if o.fixed() {
		return Value{}, r.fail("The collection cannot be changed")
	}
	if err := r.grow(40 * len(o.vals)); err != nil {
		return Value{}, err
	}
	if _, ok := c.args[0].index(); ok {
		old, err := listGet(r, c)
		if err == nil {
			o.remove(int(c.args[0].num))
		}
		return old, err
	}
	i, err := r.find(o, c.args[0])
	if err == nil && i >= 0 {
		o.remove(i)
	}
	return NewBool(i >= 0), err
}

// find returns the place of the first value that equals v, or -1.
func (r *run) find(o *object, v Value) (int, error) {
	for i, e := range o.vals {
		same, err := r.equals(e, v)
		if err != nil || same {
			return i, err
		}
	}
	return -1, nil
}

func listClear(r *run, c call) (Value, error) {
	if c.recv.ref.fixed() {
		return Value{}, r.fail("The collection cannot be changed")
	}
	c.recv.ref.clear()
	return Value{}, nil
}

func listContains(r *run, c call) (Value, error) {
	i, err := r.find(c.recv.ref, c.args[0])
	return NewBool(i >= 0), err
}

func listContainsAll(r *run, c call) (Value, error) {
	if c.args[0].kind != List {
		return Value{}, nil
	}
	for _, v := range c.args[0].ref.vals {
		if i, err := r.find(c.recv.ref, v); err != nil || i < 0 {
			return NewBool(false), err
		}
	}
	return NewBool(true), nil
}

func listIndexOf(r *run, c call) (Value, error) {
	if c.recv.ref.form == formSet {
		return Value{}, nil
	}
	i, err := r.find(c.recv.ref, c.args[0])
	return NewInt(int64(i)), err
}

func listLastIndexOf(r *run, c call) (Value, error) {
	vals := c.recv.ref.vals
	for i := len(vals) - 1; i >= 0; i-- {
		if same, err := r.equals(vals[i], c.args[0]); err != nil || same {
			return NewInt(int64(i)), err
		}
	}
	return NewInt(-1), nil
}

// listSubList returns a copy, where Java gives a view.
func listSubList(r *run, c call) (Value, error) {
	from, ok := c.args[0].index()
	to, ok2 := c.args[1].index()
	if !ok || !ok2 || c.recv.ref.form == formSet {
		return Value{}, nil
	}
	vals := c.recv.ref.vals
	if from < 0 || to > len(vals) || from > to {
		return Value{}, r.fail("Index is out of bounds")
	}
	return newList(formList, append([]Value(nil), vals[from:to]...)), r.grow(40 * (to - from))
}

func listToJSON(r *run, c call) (Value, error) {
	if c.recv.ref.form != formJSON {
		return Value{}, nil
	}
	s, err := r.string(c.recv)
	return NewString(s), err
}
