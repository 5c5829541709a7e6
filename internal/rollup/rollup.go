// Package rollup keeps what was measured: a [Point] a minute for each series,
// for fifteen days, in bounded space on disk.
//
// A [Store] is a directory. What is put into it goes to a log at once and stays
// in memory until it is flushed to blocks: files of one hour each, in which a
// series' points lie together, and which do not change. What was put survives a
// killed process; a power cut costs at most the last minute. Points add up, in
// whatever order they come, so nothing is lost when one comes late, or twice in
// its minute.
//
// The package does not know what is measured, nor who asks.
package rollup

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
	"time"
)

// A Source is what is measured: all its metrics have its dimensions.
type Source struct {
	Account, Region string
	Namespace       string
	Dimensions      []Dimension // by name
}

// A Dimension tells sources of one namespace apart.
type Dimension struct{ Name, Value string }

// A Metric is one of the things that are measured of a source.
type Metric struct{ Name, Unit string }

// A Sample is what was measured of a source in the minute of At.
type Sample struct {
	Source *Source
	At     time.Time
	Values []Value
	// Ours says that the sample does not count against the limit of series: what
	// makes it has a bound of its own.
	Ours bool
}

// A Value is one metric of a sample.
type Value struct {
	Metric Metric
	Point  Point
}

// What a store refuses.
var (
	ErrTooMany = errors.New("there are as many series as are kept")
	ErrFull    = errors.New("what was measured cannot be written to disk")
)

// Sort puts the dimensions in the order that makes sources equal.
func (s *Source) Sort() {
	slices.SortFunc(s.Dimensions, func(a, b Dimension) int { return cmp.Compare(a.Name, b.Name) })
}

// id is s as one text, which no other source has.
func (s *Source) id() string {
	b := make([]byte, 0, 128)
	b = appendText(appendText(appendText(b, s.Account), s.Region), s.Namespace)
	for _, d := range s.Dimensions {
		b = appendText(appendText(b, d.Name), d.Value)
	}
	return string(b)
}

// parseID is the source of an id.
func parseID(id string) (Source, error) {
	r := reader{b: []byte(id)}
	s := Source{Account: r.text(), Region: r.text(), Namespace: r.text()}
	for len(r.b) > 0 && r.err == nil {
		s.Dimensions = append(s.Dimensions, Dimension{r.text(), r.text()})
	}
	return s, r.err
}

// minuteOf is the number of a minute since 1970, hourOf that of an hour.
func minuteOf(t time.Time) int64 { return floorDiv(t.Unix(), 60) }
func hourOf(minute int64) int64  { return floorDiv(minute, 60) }

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// errDamaged is anything that was read and cannot have been written.
var errDamaged = errors.New("damaged")

// A reader reads what was appended. Once something was wrong it reads zeros.
type reader struct {
	b   []byte
	err error
}

func (r *reader) uvarint() uint64 {
	x, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.b, r.err = nil, errDamaged
		return 0
	}
	r.b = r.b[n:]
	return x
}

func (r *reader) varint() int64 {
	x, n := binary.Varint(r.b)
	if n <= 0 {
		r.b, r.err = nil, errDamaged
		return 0
	}
	r.b = r.b[n:]
	return x
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.err = errDamaged
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) text() string {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.b, r.err = nil, errDamaged
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}
