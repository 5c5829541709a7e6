package cloudwatch

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// A function of metric math.
type function struct {
	least, most int // arguments; most < 0: any number
	call        func(e *evaluation, q *query, args []result) (result, error)
}

// functions are those of metric math, by name.
//
// AWS: "Using math expressions with CloudWatch metrics", table of functions.
func functions() map[string]function {
	all := map[string]function{
		"ABS": perValue(math.Abs), "CEIL": perValue(math.Ceil), "FLOOR": perValue(math.Floor),
		"LOG": perValue(math.Log), "LOG10": perValue(math.Log10),
		"DATAPOINT_COUNT": reducing(func(v []float64) float64 { return float64(len(v)) }),
		"FIRST":           {1, 1, func(_ *evaluation, _ *query, a []result) (result, error) { return pick(a[0], true) }},
		"LAST":            {1, 1, func(_ *evaluation, _ *query, a []result) (result, error) { return pick(a[0], false) }},
		"DIFF":            perSeries(difference), "DIFF_TIME": perSeries(timeDifference), "RATE": perSeries(rate), "RUNNING_SUM": perSeries(runningSum),
		"FILL":    {2, 2, fill},
		"IF":      {2, 3, choose},
		"METRICS": {0, 1, metricsOf},
		"METRIC_COUNT": {1, 1, func(_ *evaluation, _ *query, a []result) (result, error) {
			return ofNumber(float64(len(a[0].list))), nil
		}},
		"PERIOD":       {1, 1, periodOf},
		"REMOVE_EMPTY": {1, 1, removeEmpty},
		"SEARCH": {2, 3, func(e *evaluation, q *query, a []result) (result, error) {
			l, err := e.search(e.ctx, e, q, a)
			return ofList(l), err
		}},
		"SLICE":       {2, 3, slice},
		"SORT":        {2, 4, sorted},
		"TIME_SERIES": {1, 1, func(e *evaluation, q *query, a []result) (result, error) { return e.constant(q, a[0]) }},
		"MINUTE":      clock(func(t time.Time) int { return t.Minute() }), "HOUR": clock(time.Time.Hour), "DATE": clock(time.Time.Day),
		"DAY": clock(weekday), "MONTH": clock(func(t time.Time) int { return int(t.Month()) }), "YEAR": clock(time.Time.Year),
		"EPOCH": clock(func(t time.Time) int { return int(t.Unix()) }),
	}
	for name, f := range reducers {
		all[name] = reducing(f)
	}
	return all
}

// weekday is 1 on Mondays.
//
// AWS: "DAY: Monday is represented by 1 and Sunday is represented by 7".
func weekday(t time.Time) int { return (int(t.Weekday())+6)%7 + 1 }

// call calls a function.
func (e *evaluation) call(q *query, x *expression) (result, error) {
	f, ok := functions()[x.function]
	if !ok {
		return result{}, fmt.Errorf("the function %s is not supported by Gatehouse", x.function)
	}
	if len(x.args) < f.least || f.most >= 0 && len(x.args) > f.most {
		return result{}, fmt.Errorf("the function %s has other arguments than %d", x.function, len(x.args))
	}
	args := make([]result, len(x.args))
	for i, a := range x.args {
		var err error
		if args[i], err = e.eval(q, a); err != nil {
			return result{}, err
		}
	}
	r, err := f.call(e, q, args)
	if err != nil {
		err = fmt.Errorf("%s: %w", x.function, err)
	}
	return r, err
}

var (
	errNoSeries = errors.New("it takes a series, or an array of them")
	errNoNumber = errors.New("it takes a number there")
)

func (r *result) hasSeries() bool { return r.kind == isSeries || r.kind == isList }

// again is list as r was: a series, or an array.
func (r *result) again(list []*series) result {
	if r.kind == isSeries {
		return ofSeries(list[0])
	}
	return ofList(list)
}

// perSeries makes a function of what happens to a series.
func perSeries(f func(*series) *series) function {
	return function{1, 1, func(_ *evaluation, _ *query, a []result) (result, error) {
		if !a[0].hasSeries() {
			return result{}, errNoSeries
		}
		list := make([]*series, len(a[0].list))
		for i, s := range a[0].list {
			list[i] = f(s)
		}
		return a[0].again(list), nil
	}}
}

func perValue(f func(float64) float64) function {
	of := perSeries(func(s *series) *series { return s.each(f) })
	return function{1, 1, func(e *evaluation, q *query, a []result) (result, error) {
		if a[0].kind == isNumber {
			return ofNumber(f(a[0].number)), nil
		}
		return of.call(e, q, a)
	}}
}

// reducing makes one number of a series, and one series of an array.
func reducing(f reduce) function {
	return function{1, 1, func(_ *evaluation, _ *query, a []result) (result, error) {
		switch a[0].kind {
		case isNumber:
			return a[0], nil
		case isSeries:
			if len(a[0].list[0].values) == 0 {
				return ofNumber(math.NaN()), nil // whatever is made of it has no value
			}
			return ofNumber(f(a[0].list[0].values)), nil
		case isList:
			return ofSeries(across(a[0].list, f)), nil
		}
		return result{}, errNoSeries
	}}
}

func pick(r result, first bool) (result, error) {
	if r.kind == isList && len(r.list) > 0 {
		if first {
			return ofSeries(r.list[0]), nil
		}
		return ofSeries(r.list[len(r.list)-1]), nil
	}
	if r.kind != isSeries {
		return result{}, errNoSeries
	}
	v := r.list[0].values
	switch {
	case len(v) == 0:
		return ofNumber(math.NaN()), nil
	case first:
		return ofNumber(v[0]), nil
	}
	return ofNumber(v[len(v)-1]), nil
}

func difference(s *series) *series {
	out := s.like()
	for i := 1; i < len(s.at); i++ {
		out.push(s.at[i], s.values[i]-s.values[i-1])
	}
	return out
}

func timeDifference(s *series) *series {
	out := s.like()
	for i := 1; i < len(s.at); i++ {
		out.push(s.at[i], float64(s.at[i]-s.at[i-1]))
	}
	return out
}

func rate(s *series) *series {
	out := s.like()
	for i := 1; i < len(s.at); i++ {
		out.push(s.at[i], (s.values[i]-s.values[i-1])/float64(s.at[i]-s.at[i-1]))
	}
	return out
}

func runningSum(s *series) *series {
	total := 0.0
	return s.each(func(v float64) float64 { total += v; return total })
}

// fill gives a value to the times that have none.
func fill(e *evaluation, _ *query, a []result) (result, error) {
	if !a[0].hasSeries() || a[1].kind == isList || a[1].kind == isText && a[1].text != "REPEAT" && a[1].text != "LINEAR" {
		return result{}, errNoSeries
	}
	list := make([]*series, len(a[0].list))
	for i, s := range a[0].list {
		list[i] = s.like()
		for _, at := range e.times(s.period) {
			if v, ok := s.value(at); ok {
				list[i].push(at, v)
			} else {
				list[i].push(at, filled(s, at, &a[1]))
			}
		}
	}
	return a[0].again(list), nil
}

// filled is the value of a time that has none; not a number if there is nothing
// to make it of.
func filled(s *series, at int64, with *result) float64 {
	if with.kind == isNumber {
		return with.number
	}
	if with.kind == isSeries {
		if v, ok := with.list[0].value(at); ok {
			return v
		}
		return math.NaN()
	}
	i, _ := slices.BinarySearch(s.at, at)
	switch {
	case i == 0:
		return math.NaN()
	case with.text == "REPEAT":
		return s.values[i-1]
	case i == len(s.at):
		return math.NaN()
	}
	share := float64(at-s.at[i-1]) / float64(s.at[i]-s.at[i-1])
	return s.values[i-1] + share*(s.values[i]-s.values[i-1])
}

// times are the beginnings of all periods of the evaluation.
func (e *evaluation) times(period time.Duration) []int64 {
	step := max(int64(period/time.Second), minuteSeconds)
	var list []int64
	for at := e.start(time.Duration(step) * time.Second).Unix(); at < e.to.Unix(); at += step {
		list = append(list, at)
	}
	return list
}

// constant is a series that has the same value at every time.
func (e *evaluation) constant(q *query, r result) (result, error) {
	if r.kind != isNumber {
		return result{}, errNoNumber
	}
	s := &series{id: q.id, period: q.periodOr(time.Minute)}
	for _, at := range e.times(s.period) {
		s.push(at, r.number)
	}
	return ofSeries(s), nil
}

// choose is IF(condition, then, else); without else, times at which the
// condition does not hold have no value.
func choose(_ *evaluation, _ *query, a []result) (result, error) {
	if len(a) == 2 {
		a = append(a, ofNumber(math.NaN()))
	}
	if a[0].kind == isNumber {
		if a[0].number != 0 {
			return a[1], nil
		}
		return a[2], nil
	}
	if a[0].kind != isSeries || a[1].kind == isList || a[2].kind == isList || a[1].kind == isText || a[2].kind == isText {
		return result{}, errNoSeries
	}
	cond := a[0].list[0]
	out := cond.like()
	for i, at := range cond.at {
		from := &a[1]
		if cond.values[i] == 0 {
			from = &a[2]
		}
		if from.kind == isNumber {
			out.push(at, from.number)
		} else if v, ok := from.list[0].value(at); ok {
			out.push(at, v)
		}
	}
	return ofSeries(out), nil
}

// metricsOf is all metrics of the request, or those whose ids contain a text.
func metricsOf(e *evaluation, _ *query, a []result) (result, error) {
	part := ""
	if len(a) == 1 {
		if part = a[0].text; a[0].kind != isText {
			return result{}, errors.New("it takes a text")
		}
	}
	list := []*series{}
	for _, other := range e.queries {
		if other.expression == nil && strings.Contains(other.id, part) {
			r, err := e.of(other)
			if err != nil {
				return result{}, err
			}
			list = append(list, r.list...)
		}
	}
	return ofList(list), nil
}

func periodOf(_ *evaluation, _ *query, a []result) (result, error) {
	if a[0].kind != isSeries {
		return result{}, errNoSeries
	}
	return ofNumber(a[0].list[0].period.Seconds()), nil
}

func removeEmpty(_ *evaluation, _ *query, a []result) (result, error) {
	if a[0].kind != isList {
		return result{}, errNoSeries
	}
	return ofList(slices.DeleteFunc(slices.Clone(a[0].list), func(s *series) bool { return len(s.values) == 0 })), nil
}

func slice(_ *evaluation, _ *query, a []result) (result, error) {
	if a[0].kind != isList {
		return result{}, errNoSeries
	}
	bounds := []int{0, len(a[0].list)}
	for i, r := range a[1:] {
		if r.kind != isNumber || r.number < 0 {
			return result{}, errNoNumber
		}
		bounds[i] = int(min(r.number, float64(len(a[0].list))))
	}
	if len(a) == 2 { // one series: the one of that number
		bounds[1] = min(bounds[0]+1, len(a[0].list))
	}
	return ofList(a[0].list[bounds[0]:max(bounds[0], bounds[1])]), nil
}

// sorted is SORT(array, function, order, n).
func sorted(_ *evaluation, _ *query, a []result) (result, error) {
	f := reducers[a[1].text]
	order := "ASC"
	if len(a) > 2 {
		order = a[2].text
	}
	if a[0].kind != isList || f == nil || order != "ASC" && order != "DESC" {
		return result{}, errors.New("it takes an array, AVG, MIN, MAX, SUM or STDDEV, and ASC or DESC")
	}
	type ranked struct {
		s *series
		v float64
	}
	var list []ranked
	for _, s := range a[0].list {
		if len(s.values) > 0 {
			list = append(list, ranked{s, f(s.values)})
		}
	}
	slices.SortStableFunc(list, func(x, y ranked) int {
		if order == "DESC" {
			x, y = y, x
		}
		return cmp.Compare(x.v, y.v)
	})
	n := len(list)
	if len(a) == 4 {
		if a[3].kind != isNumber || a[3].number < 0 {
			return result{}, errNoNumber
		}
		n = min(n, int(a[3].number))
	}
	out := make([]*series, 0, n)
	for _, r := range list[:n] {
		out = append(out, r.s)
	}
	return ofList(out), nil
}

// clock makes a function of the times of a series.
func clock(f func(time.Time) int) function {
	return perSeries(func(s *series) *series {
		out := s.like()
		for _, at := range s.at {
			out.push(at, float64(f(time.Unix(at, 0).UTC())))
		}
		return out
	})
}

// functionNames are the names of all functions, for messages and pages.
func functionNames() []string { return slices.Sorted(maps.Keys(functions())) }
