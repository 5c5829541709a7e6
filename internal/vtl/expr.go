package vtl

import "fmt"

// An expr is a part of a template that has a value.
type expr interface {
	eval(r *run) (Value, error)
	// test is the value as a condition. Velocity takes literals other than
	// true for false.
	test(r *run) (bool, error)
}

// A constExpr is a literal that always has the same value.
type constExpr struct {
	value Value
	truth bool
}

func (e constExpr) eval(*run) (Value, error) { return e.value, nil }
func (e constExpr) test(*run) (bool, error)  { return e.truth, nil }

// A stringExpr is a string without references.
type stringExpr string

func (e stringExpr) eval(*run) (Value, error) { return NewString(string(e)), nil }
func (e stringExpr) test(*run) (bool, error)  { return false, nil }

// A wordExpr is a bare word among the arguments of a directive.
type wordExpr string

func (e wordExpr) eval(*run) (Value, error) { return NewString(string(e)), nil }
func (e wordExpr) test(*run) (bool, error)  { return false, nil }

// An interpolation is a string in double quotes with references in it.
type interpolation struct{ nodes []node }

func (e *interpolation) eval(r *run) (Value, error) {
	if err := r.enter(); err != nil {
		return Value{}, err
	}
	defer r.leave()
	mark := len(r.out)
	if err := r.nodes(e.nodes); err != nil {
		return Value{}, err
	}
	return r.text(mark)
}

func (e *interpolation) test(*run) (bool, error) { return false, nil }

type listExpr []expr

func (e listExpr) eval(r *run) (Value, error) {
	if err := r.grow(64 * (1 + len(e))); err != nil {
		return Value{}, err
	}
	vals := make([]Value, len(e))
	for i, x := range e {
		v, err := x.eval(r)
		if err != nil {
			return Value{}, err
		}
		vals[i] = v
	}
	return newList(formList, vals), nil
}

func (e listExpr) test(*run) (bool, error) { return false, nil }

type rangeExpr struct{ first, last expr }

func (e rangeExpr) eval(r *run) (Value, error) {
	first, err := e.first.eval(r)
	if err != nil {
		return Value{}, err
	}
	last, err := e.last.eval(r)
	if err != nil || first.kind != Int || last.kind != Int {
		return Value{}, err
	}
	step := int64(1)
	if first.num > last.num {
		step = -1
	}
	n := (last.num-first.num)*step + 1
	if n <= 0 || n > maxMemory/64 {
		return Value{}, r.fail("Range is too large")
	}
	if err := r.grow(64 * int(n)); err != nil {
		return Value{}, err
	}
	vals := make([]Value, n)
	for i := range vals {
		vals[i] = NewInt(first.num + int64(i)*step)
	}
	return newList(formList, vals), nil
}

func (e rangeExpr) test(*run) (bool, error) { return false, nil }

type pair struct{ key, value expr }

type mapExpr []pair

func (e mapExpr) eval(r *run) (Value, error) {
	m := newMap()
	if err := r.grow(64 * (1 + len(e))); err != nil {
		return Value{}, err
	}
	for _, p := range e {
		k, err := p.key.eval(r)
		if err != nil {
			return Value{}, err
		}
		v, err := p.value.eval(r)
		if err != nil {
			return Value{}, err
		}
		m.ref.put(k, v)
	}
	return m, nil
}

func (e mapExpr) test(*run) (bool, error) { return false, nil }

type notExpr struct{ of expr }

func (e notExpr) eval(r *run) (Value, error) {
	ok, err := e.test(r)
	return NewBool(ok), err
}

func (e notExpr) test(r *run) (bool, error) {
	ok, err := e.of.test(r)
	return !ok, err
}

// An op is a binary operator.
type op uint8

const (
	opOr op = iota
	opAnd
	opEqual
	opUnequal
	opLess
	opLessEqual
	opGreater
	opGreaterEqual
	opAdd
	opSubtract
	opMultiply
	opDivide
	opModulo
)

func newBinary(o op, left, right expr, leftText, rightText string) expr {
	switch {
	case o <= opAnd:
		return &logicExpr{o == opOr, left, right}
	case o <= opGreaterEqual:
		return &compareExpr{o, left, right}
	}
	return &mathExpr{"+-*/%"[o-opAdd], left, right, leftText, rightText}
}

type logicExpr struct {
	or          bool
	left, right expr
}

func (e *logicExpr) eval(r *run) (Value, error) {
	ok, err := e.test(r)
	return NewBool(ok), err
}

func (e *logicExpr) test(r *run) (bool, error) {
	ok, err := e.left.test(r)
	if err != nil || ok == e.or {
		return ok, err
	}
	return e.right.test(r)
}

type compareExpr struct {
	op          op
	left, right expr
}

func (e *compareExpr) eval(r *run) (Value, error) {
	ok, err := e.test(r)
	return NewBool(ok), err
}

func (e *compareExpr) test(r *run) (bool, error) {
	a, err := e.left.eval(r)
	if err != nil {
		return false, err
	}
	b, err := e.right.eval(r)
	if err != nil {
		return false, err
	}
	if e.op <= opUnequal {
		same, err := r.equal(a, b)
		return same == (e.op == opEqual), err
	}
	if !a.isNumber() || !b.isNumber() {
		return false, nil
	}
	switch c := compareNumbers(a, b); e.op {
	case opLess:
		return c < 0, nil
	case opLessEqual:
		return c <= 0, nil
	case opGreater:
		return c > 0, nil
	default:
		return c >= 0, nil
	}
}

// equal is ==: numbers by value, values of one class by equals, others by
// their text.
//
// AWS: null equals the empty string (localstack,
// test_input_path_template_formatting: isEmptyString of a missing member);
// Velocity itself says it does not.
func (r *run) equal(a, b Value) (bool, error) {
	switch {
	case a.isNumber() && b.isNumber():
		return compareNumbers(a, b) == 0, nil
	case a.kind == Null || b.kind == Null:
		return a.kind == b.kind || a.kind+b.kind == String && a.str+b.str == "", nil
	case a.kind == String && b.kind == String:
		return a.str == b.str, nil
	case a.kind == b.kind:
		return r.equals(a, b)
	}
	x, err := r.string(a)
	if err != nil {
		return false, err
	}
	y, err := r.string(b)
	return x == y, err
}

// string returns the text of v.
func (r *run) string(v Value) (string, error) {
	if v.kind == String {
		return v.str, nil
	}
	mark := len(r.out)
	out, err := r.appendText(r.out, v)
	if err != nil {
		return "", err
	}
	s := string(out[mark:])
	r.out = out[:mark]
	return s, r.grow(len(s))
}

// equals is Java's equals.
func (r *run) equals(a, b Value) (bool, error) {
	if err := r.step(1); err != nil || a.kind != b.kind {
		return false, err
	}
	if a.kind != List && a.kind != Map && a.kind != kindEntry {
		return sameObject(a, b), nil
	}
	if a.ref == b.ref {
		return true, nil
	}
	if len(a.ref.vals) != len(b.ref.vals) || a.ref.form == formArray {
		return false, nil
	}
	if err := r.enter(); err != nil {
		return false, err
	}
	defer r.leave()
	for i, v := range a.ref.vals {
		j := i
		if a.kind == Map {
			j = b.ref.findKey(a.ref.key(i))
		}
		if j < 0 {
			return false, nil
		}
		if same, err := r.equals(v, b.ref.vals[j]); err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

// A mathExpr is arithmetic, or the joining of texts.
type mathExpr struct {
	op                  byte
	left, right         expr
	leftText, rightText string // what Velocity joins when an operand is null
}

func (e *mathExpr) eval(r *run) (Value, error) {
	a, err := e.left.eval(r)
	if err != nil {
		return Value{}, err
	}
	b, err := e.right.eval(r)
	if err != nil {
		return Value{}, err
	}
	if e.op == '+' && (a.kind == String || b.kind == String) {
		return e.join(r, a, b)
	}
	v, _ := arith(e.op, a, b)
	if len(v.str) > maxDigits {
		return Value{}, r.fail(fmt.Sprintf("Number has more than %d digits", maxDigits))
	}
	return v, r.step(1 + len(v.str))
}

func (e *mathExpr) join(r *run, a, b Value) (Value, error) {
	if a.kind == Null {
		a = NewString(e.leftText)
	}
	if b.kind == Null {
		b = NewString(e.rightText)
	}
	mark := len(r.out)
	out, err := r.appendText(r.out, a)
	if err != nil {
		return Value{}, err
	}
	if r.out, err = r.appendText(out, b); err != nil {
		return Value{}, err
	}
	return r.text(mark)
}

func (e *mathExpr) test(*run) (bool, error) { return false, nil }
