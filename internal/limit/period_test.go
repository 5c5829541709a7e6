package limit_test

import (
	"testing"
	"time"

	"gatehouse/internal/limit"
)

func day(t testing.TB, s string) limit.Day {
	t.Helper()
	at, err := time.Parse(time.DateOnly, s)
	if err != nil {
		t.Fatal(err)
	}
	return limit.DayOf(at)
}

func TestQuotaSettingPeriod(t *testing.T) {
	tests := []struct {
		period     limit.Period
		offset     int
		day        string
		start, end string
	}{
		{limit.Daily, 0, "2024-02-29", "2024-02-29", "2024-03-01"},
		{limit.Daily, 0, "1969-12-31", "1969-12-31", "1970-01-01"},
		{limit.Weekly, 0, "2026-11-22", "2026-11-22", "2026-11-29"}, // a Sunday
		{limit.Weekly, 0, "2026-11-21", "2026-11-15", "2026-11-22"},
		{limit.Weekly, 1, "2026-11-22", "2026-11-16", "2026-11-23"},
		{limit.Weekly, 1, "2026-11-23", "2026-11-23", "2026-11-30"},
		{limit.Weekly, 6, "2026-11-22", "2026-11-21", "2026-11-28"},
		{limit.Weekly, 0, "2027-01-01", "2026-12-27", "2027-01-03"},
		{limit.Monthly, 0, "2026-11-30", "2026-11-01", "2026-12-01"},
		{limit.Monthly, 0, "2026-12-01", "2026-12-01", "2027-01-01"},
		{limit.Monthly, 0, "2024-02-29", "2024-02-01", "2024-03-01"},
		{limit.Monthly, 0, "2023-02-28", "2023-02-01", "2023-03-01"},
		{limit.Monthly, 27, "2023-03-27", "2023-02-28", "2023-03-28"},
		{limit.Monthly, 27, "2024-02-28", "2024-02-28", "2024-03-28"},
		{limit.Monthly, 27, "2024-02-27", "2024-01-28", "2024-02-28"},
		{limit.Monthly, 14, "2026-01-14", "2025-12-15", "2026-01-15"},
		{limit.Monthly, 14, "2026-01-15", "2026-01-15", "2026-02-15"},
		{limit.Monthly, 0, "2000-02-29", "2000-02-01", "2000-03-01"},
		{limit.Monthly, 0, "2100-02-28", "2100-02-01", "2100-03-01"},
	}
	for _, tt := range tests {
		s := limit.QuotaSetting{Period: tt.period, Offset: tt.offset}
		d := day(t, tt.day)
		if start, end := s.Start(d).String(), s.End(d).String(); start != tt.start || end != tt.end {
			t.Errorf("period %d, offset %d of %s: %s to %s, want %s to %s", tt.period, tt.offset, tt.day, start, end, tt.start, tt.end)
		}
	}
}

// Periods follow each other without gap or overlap, whatever the offset.
func TestQuotaSettingPeriodsMeet(t *testing.T) {
	first, last := day(t, "1999-12-01"), day(t, "2005-02-01")
	for _, s := range []limit.QuotaSetting{{Period: limit.Daily}, {Period: limit.Weekly}, {Period: limit.Weekly, Offset: 3},
		{Period: limit.Weekly, Offset: 6}, {Period: limit.Monthly}, {Period: limit.Monthly, Offset: 1}, {Period: limit.Monthly, Offset: 27}} {
		for d := first; d < last; d++ {
			start, end := s.Start(d), s.End(d)
			if d < start || d >= end || s.Start(start) != start || s.Start(end) != end || s.Start(end-1) != start {
				t.Fatalf("%+v: %v is in %v to %v", s, d, start, end)
			}
		}
	}
}
