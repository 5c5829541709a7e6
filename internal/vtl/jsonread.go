package vtl

import (
	"math"
	"strings"
)

// A reader evaluates one path on one document.
type reader struct {
	r     *run
	root  Value
	path  *Path
	found []Value
	miss  bool // a definite part of the path is not in the document
}

// read evaluates p on a document. What is not there is null; paths that can
// match several values give a list.
//
// AWS: a path that leads nowhere gives null, not an error.
func (p *Path) read(r *run, doc Value) (v Value, found bool, err error) {
	if v, found, ok := p.readPlain(doc); ok {
		return v, found, nil
	}
	e := reader{r: r, root: doc, path: p}
	return e.read(doc)
}

// readPlain is read for paths of names alone.
func (p *Path) readPlain(doc Value) (v Value, found, ok bool) {
	v = doc
	for i := range p.steps {
		s := &p.steps[i]
		if s.kind != stepName {
			return Value{}, false, false
		}
		if v.kind != Map {
			return Value{}, false, true
		}
		at := v.ref.find(s.name)
		if at < 0 {
			return Value{}, false, true
		}
		v = v.ref.vals[at]
	}
	return v, true, true
}

// Read evaluates p on a JSON text and appends the result as a mapping of a
// body member puts it: a string as it is, everything else as JSON.
//
// AWS: integrations.md §2.3: unlike $input, a mapping takes a body that begins
// with an apostrophe for JSON.
func (p *Path) Read(dst []byte, body string) (out []byte, found bool, err error) {
	r := runs.Get().(*run)
	r.begin(&Template{roots: [rootCount]int{-1, -1, -1, -1}}, &Env{Body: body}, dst)
	defer func() {
		r.end()
		runs.Put(r)
	}()
	doc, err := r.document()
	if text := strings.TrimSpace(body); err == nil && strings.HasPrefix(text, "'") {
		if doc, err = parseJSON(&r.mem, text); err != nil {
			err = &PayloadError{Message: err.Error()}
		}
	}
	if err != nil {
		return dst, false, err
	}
	v, found, err := p.read(r, doc)
	if err != nil || !found || v.kind == Null {
		return dst, false, err
	}
	if v.kind == String {
		return append(dst, v.str...), true, nil
	}
	out, err = r.appendJSON(dst, v, false)
	return out, err == nil, err
}

func (e *reader) read(doc Value) (Value, bool, error) {
	if err := e.step(doc, 0); err != nil {
		return Value{}, false, err
	}
	if !e.path.definite {
		if e.miss {
			return Value{}, false, nil
		}
		return newList(formJSON, e.found), true, nil
	}
	if len(e.found) == 0 {
		return Value{}, false, nil
	}
	return e.found[len(e.found)-1], true, nil
}

// step takes v down from step i on.
func (e *reader) step(v Value, i int) error {
	if err := e.r.step(1); err != nil {
		return err
	}
	if i == len(e.path.steps) {
		e.found = append(e.found, v)
		return e.r.grow(40)
	}
	s := &e.path.steps[i]
	switch s.kind {
	case stepName:
		return e.name(v, s.name, i)
	case stepNames:
		return e.names(v, s.names, i)
	case stepIndex:
		return e.indexes(v, s.indexes, i)
	case stepSlice:
		return e.slice(v, s, i)
	case stepAll:
		return e.all(v, i)
	case stepFilter:
		return e.filtered(v, i)
	case stepScan:
		return e.scan(v, i+1)
	}
	return e.function(v, i)
}

func (e *reader) name(v Value, name string, i int) error {
	if v.kind == Map {
		if at := v.ref.find(name); at >= 0 {
			return e.step(v.ref.vals[at], i+1)
		}
	}
	e.missing(i)
	return nil
}

// missing notes that step i leads nowhere.
func (e *reader) missing(i int) {
	if i <= e.path.lead {
		e.miss = true
	}
}

// names makes a map of several members.
func (e *reader) names(v Value, names []string, i int) error {
	if v.kind != Map {
		e.missing(i)
		return nil
	}
	if i+1 < len(e.path.steps) {
		for _, name := range names {
			if err := e.name(v, name, i); err != nil {
				return err
			}
		}
		return nil
	}
	m := newMap()
	for _, name := range names {
		if at := v.ref.find(name); at >= 0 {
			m.ref.put(NewString(name), v.ref.vals[at])
		}
	}
	return e.step(m, i+1)
}

func (e *reader) indexes(v Value, indexes []int, i int) error {
	if v.kind != List {
		e.missing(i)
		return nil
	}
	for _, n := range indexes {
		if n < 0 {
			n += len(v.ref.vals)
		}
		if n < 0 || n >= len(v.ref.vals) {
			if len(indexes) == 1 {
				e.missing(i)
			}
			continue
		}
		if err := e.step(v.ref.vals[n], i+1); err != nil {
			return err
		}
	}
	return nil
}

func (e *reader) slice(v Value, s *pathStep, i int) error {
	if v.kind != List {
		e.missing(i)
		return nil
	}
	n := len(v.ref.vals)
	from, to := 0, n
	if s.from.given {
		from = fromEnd(s.from.n, n)
	}
	if s.to.given {
		to = fromEnd(s.to.n, n)
	}
	for _, item := range v.ref.vals[min(from, n):max(min(from, n), to)] {
		if err := e.step(item, i+1); err != nil {
			return err
		}
	}
	return nil
}

func fromEnd(i, n int) int {
	if i < 0 {
		i += n
	}
	return min(max(i, 0), n)
}

// all takes every member down, if v has members.
func (e *reader) all(v Value, i int) error {
	if v.kind != Map && v.kind != List {
		return nil
	}
	for _, m := range v.ref.vals {
		if err := e.step(m, i+1); err != nil {
			return err
		}
	}
	return nil
}

func (e *reader) filtered(v Value, i int) error {
	f := e.path.steps[i].filter
	switch v.kind {
	case Map:
		ok, err := e.holds(f, v)
		if err != nil || !ok {
			return err
		}
		return e.step(v, i+1)
	case List:
		for _, m := range v.ref.vals {
			ok, err := e.holds(f, m)
			if err == nil && ok {
				err = e.step(m, i+1)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	e.missing(i)
	return nil
}

// scan applies step i to v and to everything below it that the step fits.
func (e *reader) scan(v Value, i int) error {
	if v.kind != Map && v.kind != List {
		return nil
	}
	if err := e.r.enter(); err != nil {
		return err
	}
	defer e.r.leave()
	if err := e.scanHere(v, i); err != nil {
		return err
	}
	for _, m := range v.ref.vals {
		if err := e.scan(m, i); err != nil {
			return err
		}
	}
	return nil
}

func (e *reader) scanHere(v Value, i int) error {
	s := &e.path.steps[i]
	switch s.kind {
	case stepName:
		if v.kind != Map || v.ref.find(s.name) < 0 {
			return nil
		}
	case stepNames:
		if v.kind != Map {
			return nil
		}
		for _, name := range s.names {
			if v.ref.find(name) < 0 {
				return nil
			}
		}
	case stepIndex, stepSlice:
		if v.kind != List {
			return nil
		}
	case stepFilter:
		if v.kind != List {
			return nil
		}
	case stepFunction, stepScan:
		return nil
	}
	return e.step(v, i)
}

// holds evaluates a filter on a value.
func (e *reader) holds(f *filter, v Value) (bool, error) {
	if err := e.r.step(1); err != nil {
		return false, err
	}
	switch f.op {
	case "!":
		ok, err := e.holds(f.parts[0], v)
		return !ok, err
	case "&&", "||":
		for _, part := range f.parts {
			ok, err := e.holds(part, v)
			if err != nil || ok == (f.op == "||") {
				return ok, err
			}
		}
		return f.op == "&&", nil
	}
	a, exists, err := e.operand(f.left, v)
	if err != nil || f.op == "exists" {
		return exists, err
	}
	b, some, err := e.operand(f.right, v)
	if err != nil {
		return false, err
	}
	if f.op == "=~" {
		if f.right.regexp == nil || !exists {
			return false, nil
		}
		text := a.Text()
		return f.right.regexp.MatchString(text), e.r.step(f.right.regexp.cost(text))
	}
	return e.compare(f.op, compared{a, exists}, compared{b, some})
}

func (e *reader) operand(o operand, v Value) (Value, bool, error) {
	if o.path == nil {
		return o.value, true, nil
	}
	if o.root {
		v = e.root
	}
	if err := e.r.enter(); err != nil {
		return Value{}, false, err
	}
	defer e.r.leave()
	sub := reader{r: e.r, root: e.root, path: o.path}
	return sub.read(v)
}

// A compared is an operand with its value.
type compared struct {
	Value
	exists bool
}

func (e *reader) compare(op string, a, b compared) (bool, error) {
	switch op {
	case "==", "!=", "===", "!==":
		same, err := e.same(a, b)
		return same == (op[0] == '='), err
	case "<", "<=", ">", ">=":
		return ordered(op, a, b), nil
	case "in", "nin":
		ok, err := e.in(b.Value, a.Value)
		return ok == (op == "in"), err
	case "contains":
		if a.kind == String && b.kind == String {
			return strings.Contains(a.str, b.str), nil
		}
		return e.in(a.Value, b.Value)
	case "size":
		return b.kind == Int && int64(memberCount(a.Value)) == b.num, nil
	case "empty":
		return b.kind == Bool && a.kind >= String && (memberCount(a.Value) == 0) == (b.num != 0), nil
	}
	return e.compareLists(op, a.Value, b.Value)
}

func memberCount(v Value) int {
	switch v.kind {
	case String:
		return units(v.str)
	case List, Map:
		return len(v.ref.vals)
	}
	return -1
}

func (e *reader) same(a, b compared) (bool, error) {
	if a.exists != b.exists {
		return false, nil
	}
	if a.isNumber() && b.isNumber() {
		return compareNumbers(a.Value, b.Value) == 0, nil
	}
	return e.r.equals(a.Value, b.Value)
}

func ordered(op string, a, b compared) bool {
	var c int
	switch {
	case a.isNumber() && b.isNumber():
		c = compareNumbers(a.Value, b.Value)
	case a.kind == String && b.kind == String,
		a.kind == String && b.isNumber(), a.isNumber() && b.kind == String:
		c = strings.Compare(a.Text(), b.Text())
	default:
		return false
	}
	switch op {
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	}
	return c >= 0
}

// in tells whether a list has a member.
func (e *reader) in(list, v Value) (bool, error) {
	if list.kind != List {
		return false, nil
	}
	for _, m := range list.ref.vals {
		same, err := e.same(compared{m, true}, compared{v, true})
		if err != nil || same {
			return same, err
		}
	}
	return false, nil
}

// compareLists is all, subsetof, anyof and noneof.
func (e *reader) compareLists(op string, a, b Value) (bool, error) {
	if a.kind != List || b.kind != List {
		return op == "noneof", nil
	}
	if op == "all" {
		a, b = b, a
	}
	matches := 0
	for _, m := range a.ref.vals {
		ok, err := e.in(b, m)
		if err != nil {
			return false, err
		}
		if ok {
			matches++
		}
	}
	switch op {
	case "anyof":
		return matches > 0, nil
	case "noneof":
		return matches == 0, nil
	}
	return matches == len(a.ref.vals), nil
}

// pathFunctions are the functions a path may end with, on the numbers of a
// list. Jayway knows them since 2.1.
var pathFunctions = map[string]func(numbers []float64) float64{
	"min": func(n []float64) float64 {
		least := math.Inf(1)
		for _, f := range n {
			least = min(least, f)
		}
		return least
	},
	"max": func(n []float64) float64 {
		most := math.Inf(-1)
		for _, f := range n {
			most = max(most, f)
		}
		return most
	},
	"sum": sum,
	"avg": func(n []float64) float64 { return sum(n) / float64(len(n)) },
	"stddev": func(n []float64) float64 {
		mean := sum(n) / float64(len(n))
		var squares float64
		for _, f := range n {
			squares += (f - mean) * (f - mean)
		}
		return math.Sqrt(squares / float64(len(n)))
	},
	"length": sum, "size": sum, "keys": sum, "first": sum, "last": sum, // see function
}

func sum(n []float64) float64 {
	var total float64
	for _, f := range n {
		total += f
	}
	return total
}

func (e *reader) function(v Value, i int) error {
	var out Value
	switch name := e.path.steps[i].name; name {
	case "length", "size":
		if n := memberCount(v); n >= 0 {
			out = NewInt(int64(n))
		}
	case "keys":
		if v.kind != Map {
			break
		}
		out = newList(formSet, nil)
		for _, k := range v.ref.keys {
			out.ref.vals = append(out.ref.vals, NewString(k))
		}
	case "first", "last":
		if v.kind != List || len(v.ref.vals) == 0 {
			break
		}
		out = v.ref.vals[0]
		if name == "last" {
			out = v.ref.vals[len(v.ref.vals)-1]
		}
	default:
		numbers := numbersOf(v)
		if len(numbers) == 0 {
			return e.r.fail("Aggregation function attempted to calculate value using empty array")
		}
		out = newDouble(pathFunctions[name](numbers))
	}
	return e.step(out, i+1)
}

func numbersOf(v Value) []float64 {
	if v.kind != List {
		return nil
	}
	var list []float64
	for _, m := range v.ref.vals {
		if m.isNumber() {
			list = append(list, toFloat(m))
		}
	}
	return list
}
