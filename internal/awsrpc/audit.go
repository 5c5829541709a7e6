package awsrpc

import (
	"context"
	"reflect"
	"time"
)

// An Auditor keeps a record of calls: of who they came from, what was asked and
// what came of it. It is called from many goroutines.
type Auditor interface {
	// Begin is called before an operation that may change something acts, and
	// returns when what is asked for is on disk. An error refuses the call.
	Begin(ctx context.Context, c *Call) error
	// End is called once for every call, refused or not, before it is answered.
	// c and o must not be kept.
	End(ctx context.Context, c *Call, o *Outcome)
}

// An Outcome is what came of a call.
type Outcome struct {
	Err     error          // nil: it went well
	Refused bool           // nothing was done: the caller may not, or Begin said no
	Output  map[string]any // members of the output, by their names on the wire, without contents
}

// A Map is a value of [Call.Parameters] whose keys are the caller's words, not
// names of members.
type Map map[string]any

// Mutates reports whether the operation may change something.
func (c *Call) Mutates() bool { return c.op != nil && c.op.mutates() }

// Parameters are the members of the input, by their names on the wire, without
// contents (bodies, code, objects); nil if it could not be read.
func (c *Call) Parameters() map[string]any {
	return c.parameters(func(location) bool { return true })
}

// InAddress are those of Parameters that stand in the address and the header of the
// request, those of its path by the names that they have there.
func (c *Call) InAddress() map[string]any {
	m := c.parameters(func(at location) bool { return at != inBody })
	if m == nil {
		return nil
	}
	for i := range c.op.in.fields {
		f := &c.op.in.fields[i]
		if v, ok := m[f.name]; ok && f.where == inURI && f.key != f.name {
			delete(m, f.name)
			m[f.key] = v
		}
	}
	return m
}

// InBody are those of Parameters that stand in the body of the request.
func (c *Call) InBody() map[string]any {
	return c.parameters(func(at location) bool { return at == inBody })
}

func (c *Call) parameters(want func(location) bool) map[string]any {
	if c.Input == nil || c.op == nil || c.op.in == nil {
		return nil
	}
	in, _ := c.Input() // what is wrong with it is told elsewhere
	if in == nil {
		return nil
	}
	return document(reflect.ValueOf(in).Elem(), c.op.in, want)
}

// perform decides about a call, makes it, and has it recorded.
func (h *Handler) perform(ctx context.Context, m *mounted, c *Call) (out any, err error) {
	if h.audit == nil {
		return h.act(ctx, m, c, nil)
	}
	o := Outcome{Refused: true, Err: internalFailure()} // if it panics
	defer func() { h.audit.End(ctx, c, &o) }()
	out, err = h.act(ctx, m, c, &o)
	o.Err = err
	if err == nil && c.Mutates() && c.op.out != nil && out != nil && !reflect.ValueOf(out).IsNil() {
		o.Output = document(reflect.ValueOf(out).Elem(), c.op.out, func(location) bool { return true })
	}
	return out, err
}

// act decides about a call and makes it. o is told when the call is no longer
// refused; nil: nobody records.
func (h *Handler) act(ctx context.Context, m *mounted, c *Call, o *Outcome) (any, error) {
	if err := h.authorize.Authorize(ctx, c); err != nil {
		return nil, err
	}
	in, err := c.Input()
	if err != nil {
		return nil, err
	}
	if o != nil {
		if c.Mutates() {
			if err := h.audit.Begin(ctx, c); err != nil {
				return nil, err
			}
		}
		o.Refused = false
	}
	return c.op.call(WithCaller(ctx, c.Caller), m.server, in)
}

// document is what a record of a call shows of a structure: all members that are
// wanted, by where they travel, but those that are contents.
func document(v reflect.Value, n *node, want func(location) bool) map[string]any {
	m := make(map[string]any, len(n.fields))
	for i := range n.fields {
		f := &n.fields[i]
		fv := v.Field(f.index)
		switch fv.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			if fv.IsNil() {
				continue
			}
		}
		if f.where == inStatus || !want(f.where) {
			continue
		}
		if f.pointer {
			fv = fv.Elem()
		}
		if x := shown(fv, f.value); x != nil {
			m[f.name] = x
		}
	}
	return m
}

// shown is a value of a document; nil: it is not shown.
func shown(v reflect.Value, n *node) any {
	switch n.kind {
	case kindString:
		return v.String()
	case kindBool:
		return v.Bool()
	case kindInt32, kindInt64:
		return v.Int()
	case kindFloat:
		return v.Float()
	case kindTime:
		return v.Interface().(time.Time).UTC().Format(time.RFC3339)
	case kindStruct:
		return document(v, n, func(location) bool { return true })
	case kindList:
		list := make([]any, 0, v.Len())
		for i := range v.Len() {
			if x := shown(v.Index(i), n.elem); x != nil {
				list = append(list, x)
			}
		}
		return list
	case kindMap:
		m := make(Map, v.Len())
		for _, k := range v.MapKeys() {
			if x := shown(v.MapIndex(k), n.elem); x != nil {
				m[k.String()] = x
			}
		}
		return m
	}
	return nil
}
