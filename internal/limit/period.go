package limit

import "time"

// A Day is a day of UTC, counted from 1970-01-01.
type Day int32

const secondsPerDay = 24 * 60 * 60

// DayOf returns the day of a time.
func DayOf(t time.Time) Day {
	s := t.Unix()
	d := s / secondsPerDay
	if s%secondsPerDay < 0 {
		d--
	}
	return Day(d)
}

// Time returns the moment at which the day begins.
func (d Day) Time() time.Time { return time.Unix(int64(d)*secondsPerDay, 0).UTC() }

// String writes the day as 2006-01-02.
func (d Day) String() string { return d.Time().Format(time.DateOnly) }

// A Period is how long a quota lasts before it begins anew.
type Period uint8

// The periods. A week begins on Sunday, a month on its first day.
const (
	Daily Period = iota
	Weekly
	Monthly
)

// A QuotaSetting is a number of requests and how long it has to do. Periods
// begin Offset days after those of the calendar: 0 to 6 of a week, 0 to 27 of
// a month (so that every month has the day), and 0 of a day.
type QuotaSetting struct {
	Limit  int64
	Period Period
	Offset int
}

// Start returns the first day of the period that d is in.
func (s QuotaSetting) Start(d Day) Day {
	shifted := d - Day(s.Offset) // in whose calendar periods have no offset
	switch s.Period {
	case Weekly:
		return d - Day(shifted.Time().Weekday())
	case Monthly:
		return d - Day(shifted.Time().Day()-1)
	}
	return d
}

// End returns the first day of the period after the one that d is in.
func (s QuotaSetting) End(d Day) Day {
	switch s.Period {
	case Weekly:
		return s.Start(d) + 7
	case Monthly:
		first := (s.Start(d) - Day(s.Offset)).Time()
		return DayOf(first.AddDate(0, 1, 0)) + Day(s.Offset)
	}
	return d + 1
}
