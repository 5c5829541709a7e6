package vtl

// The methods of java.util.Map and Map.Entry, and of $foreach.

// entries returns the members of what a map's methods are called on.
func (r *run) entries(v Value) *object {
	if v.kind == Map {
		return v.ref
	}
	return r.members(v)
}

func mapSize(r *run, c call) (Value, error) { return NewInt(int64(len(r.entries(c.recv).vals))), nil }

func mapIsEmpty(r *run, c call) (Value, error) {
	return NewBool(len(r.entries(c.recv).vals) == 0), nil
}

func mapGet(r *run, c call) (Value, error) {
	if c.recv.kind != Map {
		return r.scoped(c.recv, c.args[0].Text()), nil
	}
	if i := c.recv.ref.findKey(c.args[0]); i >= 0 {
		return c.recv.ref.vals[i], nil
	}
	return Value{}, nil
}

func mapGetOrDefault(r *run, c call) (Value, error) {
	v, err := mapGet(r, c)
	if v.kind == Null {
		v = c.args[1]
	}
	return v, err
}

// lent tells whether a map is not the template's to change.
func lent(c call) bool { return c.recv.kind != Map }

func mapPut(r *run, c call) (Value, error) {
	if lent(c) {
		return Value{}, nil
	}
	if err := r.grow(64); err != nil {
		return Value{}, err
	}
	return c.recv.ref.put(c.args[0], c.args[1]), nil
}

func mapPutIfAbsent(r *run, c call) (Value, error) {
	old, err := mapGet(r, c)
	if err != nil || old.kind != Null {
		return old, err
	}
	return mapPut(r, c)
}

func mapPutAll(r *run, c call) (Value, error) {
	if lent(c) || c.args[0].kind != Map {
		return Value{}, nil
	}
	from := c.args[0].ref
	if err := r.grow(64 * len(from.vals)); err != nil {
		return Value{}, err
	}
	for i, v := range from.vals {
		c.recv.ref.put(from.key(i), v)
	}
	return Value{}, nil
}

func mapRemove(r *run, c call) (Value, error) {
	if lent(c) {
		return Value{}, nil
	}
	i := c.recv.ref.findKey(c.args[0])
	if i < 0 {
		return Value{}, nil
	}
	return c.recv.ref.remove(i), r.grow(40 * len(c.recv.ref.vals))
}

func mapClear(_ *run, c call) (Value, error) {
	if !lent(c) {
		c.recv.ref.clear()
	}
	return Value{}, nil
}

func mapContainsKey(r *run, c call) (Value, error) {
	return NewBool(r.entries(c.recv).findKey(c.args[0]) >= 0), nil
}

func mapContainsValue(r *run, c call) (Value, error) {
	i, err := r.find(r.entries(c.recv), c.args[0])
	return NewBool(i >= 0), err
}

func mapKeySet(r *run, c call) (Value, error) {
	o := r.entries(c.recv)
	vals := make([]Value, len(o.vals))
	for i := range vals {
		vals[i] = o.key(i)
	}
	return newList(formSet, vals), r.grow(40 * len(vals))
}

func mapValues(r *run, c call) (Value, error) {
	o := r.entries(c.recv)
	return newList(formSet, append([]Value(nil), o.vals...)), r.grow(40 * len(o.vals))
}

func mapEntrySet(r *run, c call) (Value, error) {
	o := r.entries(c.recv)
	if err := r.grow(120 * len(o.vals)); err != nil {
		return Value{}, err
	}
	vals := make([]Value, len(o.vals))
	for i, v := range o.vals {
		e := &object{vals: []Value{v}, keys: []string{""}}
		if key := o.key(i); key.kind == String {
			e.keys[0] = key.str
		} else {
			e.more = &extra{keyVals: []Value{key}}
		}
		vals[i] = Value{kind: kindEntry, ref: e}
	}
	return newList(formSet, vals), nil
}

func entryKey(_ *run, c call) (Value, error) {
	if c.recv.kind != kindEntry {
		return Value{}, nil
	}
	return c.recv.ref.key(0), nil
}

func entryValue(_ *run, c call) (Value, error) {
	if c.recv.kind != kindEntry {
		return Value{}, nil
	}
	return c.recv.ref.vals[0], nil
}

func entrySetValue(r *run, c call) (Value, error) {
	return Value{}, r.fail("setValue is not supported")
}

// loopGetters are the methods of $foreach by what they give.
var loopGetters = map[string]string{
	"hasNext": "hasNext", "getHasNext": "hasNext", "getIndex": "index", "getCount": "count", "isFirst": "first",
	"getFirst": "first", "isLast": "last", "getLast": "last", "getParent": "parent",
}

func loopMember(_ *run, c call) (Value, error) {
	if c.recv.kind != kindLoop {
		return Value{}, nil
	}
	return loopProperty(c.recv, loopGetters[c.s.name]), nil
}
