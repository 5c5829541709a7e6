package vtl

import "math"

// A Kind says what a [Value] is.
type Kind uint8

// The kinds of values a template can hold.
const (
	Null Kind = iota
	Bool
	Int     // java.lang.Integer or Long, by its size
	Double  // java.lang.Double
	BigInt  // java.math.BigInteger
	Decimal // java.math.BigDecimal
	String
	List // a list, a set or an array: see object.form
	Map
	Group // a part of a [Scope] that has members

	kindEntry   // an entry of a map: keys[0]=vals[0]
	kindInput   // $input
	kindUtil    // $util
	kindContext // $context
	kindLoop    // $foreach
	kindBlock   // what #define made
)

// A Value is one value of a template. The zero Value is null.
type Value struct {
	kind Kind
	num  int64   // Bool, Int; the bits of Double
	str  string  // String; the digits of BigInt and Decimal; the path of Group
	ref  *object // List, Map and everything that is not a plain value
}

// An object is what a Value that has an identity refers to.
type object struct {
	vals []Value
	keys []string // of a Map: keys[i] is the key of vals[i]
	form form
	more *extra
}

// A form is what kind of Java collection an object is.
type form uint8

const (
	formList   form = iota // java.util.ArrayList: printed [a, b]
	formJSON               // net.minidev.json.JSONArray: printed as JSON
	formSet                // a set or another collection without an order to index
	formArray              // a Java array
	formSilent             // a map that prints as nothing: $context.requestOverride
)

// An extra holds what few objects have.
type extra struct {
	keyVals []Value          // of a Map with keys that are not strings
	index   map[string]int32 // of a large Map
	scope   Scope            // of a Group
	loop    *loop
	block   *defineNode
	frame   *frame // where the block was made
	depth   int    // of the block within itself
}

// NewString returns a string.
func NewString(s string) Value { return Value{kind: String, str: s} }

// NewInt returns an integer.
func NewInt(n int64) Value { return Value{kind: Int, num: n} }

// NewBool returns a truth value.
func NewBool(b bool) Value {
	if b {
		return Value{kind: Bool, num: 1}
	}
	return Value{kind: Bool}
}

// NewGroup returns what a [Scope] answers for a name that has members.
func NewGroup() Value { return Value{kind: Group} }

func newDouble(f float64) Value { return Value{kind: Double, num: int64(math.Float64bits(f))} }

func newList(f form, vals []Value) Value {
	return Value{kind: List, ref: &object{vals: vals, form: f}}
}

func newMap() Value { return Value{kind: Map, ref: &object{}} }

// Kind returns what v is.
func (v Value) Kind() Kind { return v.kind }

// Text returns v as a template prints it; what is not plain prints as nothing.
func (v Value) Text() string {
	if v.kind == String {
		return v.str
	}
	return string(appendPlain(nil, v))
}

// Int returns v as an integer, if it is one or the text of one.
func (v Value) Int() (n int64, ok bool) {
	switch v.kind {
	case Int:
		return v.num, true
	case String:
		return parseLong(v.str)
	}
	return 0, false
}

// Each calls yield with the members of a Map in their order, until it
// returns false.
func (v Value) Each(yield func(name string, member Value) bool) {
	if v.kind != Map {
		return
	}
	for i, k := range v.ref.keys {
		if !yield(k, v.ref.vals[i]) {
			return
		}
	}
}

// Get returns the member of a Map called name, or null.
func (v Value) Get(name string) Value {
	if v.kind == Map {
		if i := v.ref.find(name); i >= 0 {
			return v.ref.vals[i]
		}
	}
	return Value{}
}

func (v Value) float() float64 { return math.Float64frombits(uint64(v.num)) }

func (v Value) isNumber() bool { return v.kind >= Int && v.kind <= Decimal }

// truth is what #if makes of the value of a reference.
func (v Value) truth() bool { return v.kind != Null && (v.kind != Bool || v.num != 0) }

// indexFrom is the number of members from which a map has an index. Below it
// comparing the lengths of keys is faster than hashing one.
const indexFrom = 24

// find returns the place of the member called name, or -1.
func (o *object) find(name string) int {
	if o.more != nil && o.more.keyVals != nil {
		return o.findKey(NewString(name))
	}
	if len(o.keys) < indexFrom {
		for i, k := range o.keys {
			if k == name {
				return i
			}
		}
		return -1
	}
	m := o.extra()
	if m.index == nil {
		m.index = make(map[string]int32, len(o.keys))
		for i, k := range o.keys {
			m.index[k] = int32(i)
		}
	}
	if i, ok := m.index[name]; ok {
		return int(i)
	}
	return -1
}

// findKey is find for maps whose keys need not be strings.
func (o *object) findKey(key Value) int {
	if o.more == nil || o.more.keyVals == nil {
		if key.kind != String {
			return -1
		}
		return o.find(key.str)
	}
	for i, k := range o.more.keyVals {
		if k.kind == key.kind && sameObject(k, key) {
			return i
		}
	}
	return -1
}

// key returns the key of member i.
func (o *object) key(i int) Value {
	if o.more != nil && o.more.keyVals != nil {
		return o.more.keyVals[i]
	}
	return NewString(o.keys[i])
}

// put sets a member and returns what it was before.
func (o *object) put(key, v Value) Value {
	if i := o.findKey(key); i >= 0 {
		old := o.vals[i]
		o.vals[i] = v
		return old
	}
	if key.kind != String && (o.more == nil || o.more.keyVals == nil) {
		m := o.extra()
		m.keyVals = make([]Value, 0, len(o.keys)+1)
		for _, k := range o.keys {
			m.keyVals = append(m.keyVals, NewString(k))
		}
	}
	name := key.str
	if m := o.more; m != nil {
		if m.keyVals != nil {
			m.keyVals = append(m.keyVals, key)
			name = key.Text()
		}
		if m.index != nil {
			m.index[name] = int32(len(o.keys))
		}
	}
	o.keys = append(o.keys, name)
	o.vals = append(o.vals, v)
	return Value{}
}

// remove takes out member i.
func (o *object) remove(i int) Value {
	old := o.vals[i]
	o.vals = append(o.vals[:i:i], o.vals[i+1:]...)
	if o.keys == nil {
		return old
	}
	o.keys = append(o.keys[:i:i], o.keys[i+1:]...)
	if m := o.more; m != nil {
		m.index = nil
		if m.keyVals != nil {
			m.keyVals = append(m.keyVals[:i:i], m.keyVals[i+1:]...)
		}
	}
	return old
}

func (o *object) clear() {
	o.vals = nil
	o.keys = nil
	o.more = nil
}

func (o *object) extra() *extra {
	if o.more == nil {
		o.more = &extra{}
	}
	return o.more
}

// sameObject is Java's equals for values of one kind that are not collections.
func sameObject(a, b Value) bool {
	switch a.kind {
	case Double:
		return a.num == b.num
	case String, BigInt, Decimal, Null:
		return a.str == b.str
	case Bool, Int:
		return a.num == b.num
	}
	return a.ref == b.ref
}
