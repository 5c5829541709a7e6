package cloudwatch

import (
	"math"
	"slices"
	"time"
)

// A series is values at times, in order of time. It does not change once others
// have it.
type series struct {
	id, label string
	period    time.Duration
	at        []int64 // in seconds since 1970
	values    []float64
}

// push appends a value; what is no number is no value.
func (s *series) push(at int64, v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return
	}
	s.at, s.values = append(s.at, at), append(s.values, v)
}

// like is a series without values that is called as s is.
func (s *series) like() *series { return &series{id: s.id, label: s.label, period: s.period} }

// each is a series of what f makes of each value.
func (s *series) each(f func(float64) float64) *series {
	out := s.like()
	for i, v := range s.values {
		out.push(s.at[i], f(v))
	}
	return out
}

// with is a series of what f makes of the values that both have.
func (s *series) with(o *series, f func(a, b float64) float64) *series {
	out := s.like()
	out.period = max(s.period, o.period)
	for i, j := 0, 0; i < len(s.at) && j < len(o.at); {
		switch {
		case s.at[i] < o.at[j]:
			i++
		case s.at[i] > o.at[j]:
			j++
		default:
			out.push(s.at[i], f(s.values[i], o.values[j]))
			i, j = i+1, j+1
		}
	}
	return out
}

// value is the value at a time.
func (s *series) value(at int64) (float64, bool) {
	i, ok := slices.BinarySearch(s.at, at)
	if !ok {
		return 0, false
	}
	return s.values[i], true
}

// reduce makes one number of values; there is at least one.
type reduce func(values []float64) float64

// reducers are the functions that make one number of values.
var reducers = map[string]reduce{
	"AVG":    func(v []float64) float64 { return sum(v) / float64(len(v)) },
	"MAX":    slices.Max[[]float64],
	"MIN":    slices.Min[[]float64],
	"SUM":    sum,
	"STDDEV": deviation,
}

func sum(values []float64) float64 {
	t := 0.0
	for _, v := range values {
		t += v
	}
	return t
}

// deviation is the standard deviation of all there are.
func deviation(values []float64) float64 {
	mean, t := sum(values)/float64(len(values)), 0.0
	for _, v := range values {
		t += (v - mean) * (v - mean)
	}
	return math.Sqrt(t / float64(len(values)))
}

// across is a series of what f makes of the values of each time.
func across(list []*series, f reduce) *series {
	out := &series{}
	byTime := make(map[int64][]float64)
	for _, s := range list {
		out.period = max(out.period, s.period)
		for i, at := range s.at {
			byTime[at] = append(byTime[at], s.values[i])
		}
	}
	times := make([]int64, 0, len(byTime))
	for at := range byTime {
		times = append(times, at)
	}
	slices.Sort(times)
	for _, at := range times {
		out.push(at, f(byTime[at]))
	}
	return out
}
