package cloudwatch

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// A result is what an expression has come to: a number, one series or several,
// or a text.
type result struct {
	kind   resultKind
	number float64
	list   []*series // one, if kind is isSeries
	text   string
}

type resultKind int

const (
	isNumber resultKind = iota
	isSeries
	isList
	isText
)

func ofNumber(n float64) result { return result{kind: isNumber, number: n} }
func ofSeries(s *series) result { return result{kind: isSeries, list: []*series{s}} }
func ofList(l []*series) result { return result{kind: isList, list: l} }

// An evaluation is the work on a set of queries over a range of time. What was
// read and what was calculated is kept to its end.
type evaluation struct {
	ctx      context.Context //nolint:containedctx // it lives as long as one call
	place    place
	from, to time.Time
	sliding  bool // periods begin at from, not where those of the clock do
	queries  []*query
	done     map[string]result
	busy     map[string]bool // being calculated: who comes here again is in a circle
	read     func(e *evaluation, q *query) (*series, error)
	search   func(ctx context.Context, e *evaluation, q *query, args []result) ([]*series, error)
	budget   int // series that may still be read
}

// maxSeries is how many series one evaluation may read.
//
// AWS: 500 metrics in a GetMetricData request, and 100 found by a search each.
const maxSeries = 1000

var errBudget = errors.New("more metrics are read than one request may")

// start is where the periods of a length begin.
func (e *evaluation) start(period time.Duration) time.Time {
	if e.sliding {
		return e.from
	}
	step := int64(period / time.Second)
	return time.Unix(e.from.Unix()/step*step, 0)
}

// of is what a query has come to.
func (e *evaluation) of(q *query) (result, error) {
	if r, ok := e.done[q.id]; ok {
		return r, nil
	}
	if e.busy[q.id] {
		return result{}, fmt.Errorf("the expressions %s refer to each other", q.id)
	}
	e.busy[q.id] = true
	defer delete(e.busy, q.id)
	var r result
	var err error
	if q.expression != nil {
		r, err = e.eval(q, q.expression)
	} else {
		var s *series
		if s, err = e.fetch(q); err == nil {
			r = ofSeries(s)
		}
	}
	if err != nil {
		return result{}, err
	}
	if r.kind == isSeries && q.expression != nil {
		own := *r.list[0]
		own.id, own.label = q.id, q.name()
		r = ofSeries(&own)
	}
	e.done[q.id] = r
	return r, nil
}

func (e *evaluation) fetch(q *query) (*series, error) {
	if e.budget--; e.budget < 0 {
		return nil, errBudget
	}
	return e.read(e, q)
}

func (e *evaluation) eval(q *query, x *expression) (result, error) {
	if err := e.ctx.Err(); err != nil {
		return result{}, err
	}
	switch {
	case x.number != nil:
		return ofNumber(*x.number), nil
	case x.text != nil:
		return result{kind: isText, text: *x.text}, nil
	case x.operator != "":
		return e.operate(q, x)
	case x.function != "":
		return e.call(q, x)
	case x.array:
		return e.array(q, x)
	}
	for _, other := range e.queries {
		if other.id == x.word {
			return e.of(other)
		}
	}
	if words[x.word] {
		return result{kind: isText, text: x.word}, nil
	}
	return result{}, fmt.Errorf("%s is not the id of a metric or an expression", x.word)
}

// words are what functions are told without quotes.
var words = map[string]bool{"REPEAT": true, "LINEAR": true, "ASC": true, "DESC": true, "AVG": true, "MIN": true, "MAX": true, "SUM": true, "STDDEV": true}

func (e *evaluation) array(q *query, x *expression) (result, error) {
	var list []*series
	for _, a := range x.args {
		r, err := e.eval(q, a)
		if err != nil {
			return result{}, err
		}
		if r.kind != isSeries && r.kind != isList {
			return result{}, errors.New("an array has series only")
		}
		list = append(list, r.list...)
	}
	return ofList(list), nil
}

func (e *evaluation) operate(q *query, x *expression) (result, error) {
	left, err := e.eval(q, x.args[0])
	if err != nil {
		return result{}, err
	}
	if len(x.args) == 1 {
		return apply(ofNumber(0), left, func(a, b float64) float64 { return a - b })
	}
	right, err := e.eval(q, x.args[1])
	if err != nil {
		return result{}, err
	}
	return apply(left, right, arithmetic[x.operator])
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

var arithmetic = map[string]func(a, b float64) float64{
	"+":   func(a, b float64) float64 { return a + b },
	"-":   func(a, b float64) float64 { return a - b },
	"*":   func(a, b float64) float64 { return a * b },
	"/":   func(a, b float64) float64 { return a / b },
	"^":   math.Pow,
	"==":  func(a, b float64) float64 { return truth(a == b) },
	"!=":  func(a, b float64) float64 { return truth(a != b) },
	"<":   func(a, b float64) float64 { return truth(a < b) },
	">":   func(a, b float64) float64 { return truth(a > b) },
	"<=":  func(a, b float64) float64 { return truth(a <= b) },
	">=":  func(a, b float64) float64 { return truth(a >= b) },
	"&&":  func(a, b float64) float64 { return truth(a != 0 && b != 0) },
	"AND": func(a, b float64) float64 { return truth(a != 0 && b != 0) },
	"||":  func(a, b float64) float64 { return truth(a != 0 || b != 0) },
	"OR":  func(a, b float64) float64 { return truth(a != 0 || b != 0) },
}

// apply makes one of two. Of two series it is the values that both have.
//
// AWS: an operation on two arrays of series is refused.
func apply(a, b result, f func(a, b float64) float64) (result, error) {
	switch {
	case a.kind == isText || b.kind == isText:
		return result{}, errors.New("a text cannot be calculated with")
	case a.kind == isNumber && b.kind == isNumber:
		return ofNumber(f(a.number, b.number)), nil
	case a.kind == isList && b.kind == isList:
		return result{}, errors.New("two arrays of series cannot be calculated with")
	}
	var list []*series
	switch {
	case a.kind == isNumber:
		for _, s := range b.list {
			list = append(list, s.each(func(v float64) float64 { return f(a.number, v) }))
		}
	case b.kind == isNumber:
		for _, s := range a.list {
			list = append(list, s.each(func(v float64) float64 { return f(v, b.number) }))
		}
	case a.kind == isList:
		for _, s := range a.list {
			list = append(list, s.with(b.list[0], f))
		}
	default:
		for _, s := range b.list {
			out := a.list[0].with(s, f)
			out.id, out.label = s.id, s.label
			list = append(list, out)
		}
	}
	if a.kind == isList || b.kind == isList {
		return ofList(list), nil
	}
	return ofSeries(list[0]), nil
}
