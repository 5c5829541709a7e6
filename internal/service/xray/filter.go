package xray

import (
	"slices"
	"strings"
)

// A filter is a filter expression, read.
//
// AWS: xray-console-filters.
type filter interface {
	holds(s subject) bool
}

// A subject is what simple keywords are asked of: a trace, one of its nodes, or a
// call from one node to another.
type subject interface {
	is(keyword string) bool
	number(keyword string) (float64, bool)
	texts(keyword string) []string
	// trace is the trace that it is, or is a part of.
	trace() *traced
}

type (
	allOf  []filter
	anyOf  []filter
	negate struct{ f filter }

	isTrue struct {
		keyword string
		want    bool
	}
	compareNumber struct {
		keyword, op string
		value       float64
	}
	compareText struct {
		keyword, op, value string
	}
	annotated struct {
		key, op string
		value   any // bool, float64 or string; nil: any
	}
	onService struct {
		of   nodeID
		with filter // nil: any
	}
	onEdge struct {
		from, to nodeID
		with     filter // nil: any
	}
)

func (f allOf) holds(s subject) bool {
	return !slices.ContainsFunc(f, func(f filter) bool { return !f.holds(s) })
}
func (f anyOf) holds(s subject) bool {
	return slices.ContainsFunc(f, func(f filter) bool { return f.holds(s) })
}
func (f negate) holds(s subject) bool { return !f.f.holds(s) }
func (f isTrue) holds(s subject) bool { return s.is(f.keyword) == f.want }

func (f compareNumber) holds(s subject) bool {
	n, ok := s.number(f.keyword)
	return ok && numberHolds(n, f.op, f.value)
}

func numberHolds(n float64, op string, value float64) bool {
	switch op {
	case "=":
		return n == value
	case "!=":
		return n != value
	case "<":
		return n < value
	case "<=":
		return n <= value
	case ">":
		return n > value
	}
	return n >= value
}

func (f compareText) holds(s subject) bool {
	return slices.ContainsFunc(s.texts(f.keyword), func(t string) bool { return textHolds(t, f.op, f.value) })
}

func textHolds(t, op, value string) bool {
	switch op {
	case "=":
		return t == value
	case "!=":
		return t != value
	case "BEGINSWITH":
		return strings.HasPrefix(t, value)
	case "ENDSWITH":
		return strings.HasSuffix(t, value)
	}
	return strings.Contains(t, value)
}

func (f annotated) holds(s subject) bool {
	return slices.ContainsFunc(s.trace().annotations[f.key], func(a annotation) bool {
		switch want := f.value.(type) {
		case nil:
			return true
		case bool:
			b, ok := a.value.(bool)
			return ok && (b == want) == (f.op == "=")
		case float64:
			n, ok := a.value.(float64)
			return ok && numberHolds(n, f.op, want)
		case string:
			t, ok := a.value.(string)
			return ok && textHolds(t, f.op, want)
		}
		return false
	})
}

func (f onService) holds(s subject) bool {
	return slices.ContainsFunc(s.trace().nodes, func(n *node) bool { return f.of.fits(&n.id) && (f.with == nil || n.anyCall(f.with)) })
}

func (f onEdge) holds(s subject) bool {
	return slices.ContainsFunc(s.trace().edges, func(e *edge) bool {
		return f.from.fits(&e.from.id) && f.to.fits(&e.to.id) && (f.with == nil || f.with.holds(e.call))
	})
}
