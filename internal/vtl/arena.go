package vtl

// An arena is where the values of one rendering live. It hands out parts of
// large slices, so that a document of a hundred values costs a few
// allocations and the next rendering none: reset makes all of it free again.
type arena struct {
	values  []Value
	names_  []string
	objects []object

	stack []Value  // values under construction
	names []string // names under construction
}

// chunks grow from the first to the last size; more than the last is not kept.
const (
	firstChunk = 64
	lastChunk  = 4096
)

func (a *arena) reset() {
	a.values = recycle(a.values)
	a.names_ = recycle(a.names_)
	a.objects = recycle(a.objects)
	a.stack = recycle(a.stack)
	a.names = recycle(a.names)
}

func recycle[T any](s []T) []T {
	if cap(s) > lastChunk {
		return nil
	}
	clear(s[:cap(s)][:len(s)])
	return s[:0]
}

// take returns room for n of them, and what is left of the chunk.
func take[T any](chunk []T, n int) (part, rest []T) {
	if len(chunk)+n > cap(chunk) {
		chunk = make([]T, 0, max(n, min(max(2*cap(chunk), firstChunk), lastChunk)))
	}
	end := len(chunk) + n
	return chunk[len(chunk):end:end], chunk[:end]
}

// object returns a new object.
func (a *arena) object() *object {
	part, rest := take(a.objects, 1)
	a.objects = rest
	return &part[0]
}

// list makes a list of a document of what stands on the stack from mark on.
func (a *arena) list(mark int) Value {
	o := a.object()
	o.form = formJSON
	o.vals, a.values = take(a.values, len(a.stack)-mark)
	copy(o.vals, a.stack[mark:])
	a.drop(mark, len(a.names))
	return Value{kind: List, ref: o}
}

// dict makes a map of what stands on the stacks from the marks on. A name
// that comes again replaces the value and keeps the place.
func (a *arena) dict(mark, names int) Value {
	o := a.object()
	n := len(a.stack) - mark
	o.vals, a.values = take(a.values, n)
	o.keys, a.names_ = take(a.names_, n)
	o.vals, o.keys = o.vals[:0], o.keys[:0]
	for i, name := range a.names[names:] {
		v := a.stack[mark+i]
		if at := o.find(name); at >= 0 {
			o.vals[at] = v
			continue
		}
		if o.more != nil && o.more.index != nil {
			o.more.index[name] = int32(len(o.keys))
		}
		o.keys = append(o.keys, name)
		o.vals = append(o.vals, v)
	}
	a.drop(mark, names)
	return Value{kind: Map, ref: o}
}

// drop takes the stacks back to the marks.
func (a *arena) drop(mark, names int) {
	clear(a.stack[mark:])
	clear(a.names[names:])
	a.stack, a.names = a.stack[:mark], a.names[:names]
}
