package limit_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/limit"
)

// takeAll takes until there is nothing left, at most 1000 times.
func takeAll(q *limit.Quota, at time.Time) (n int) {
	for n < 1000 && q.TakeAt(at) {
		n++
	}
	return n
}

func newQuota(s limit.QuotaSetting, at time.Time) *limit.Quota {
	return limit.NewQuota(s, limit.DayOf(at), nil)
}

// A quota begins anew exactly at the end of its period, in UTC.
func TestQuotaBegins(t *testing.T) {
	tests := []struct {
		name    string
		setting limit.QuotaSetting
		from    string // when it is used up
		until   string // the moment it begins anew
	}{
		{"midnight", limit.QuotaSetting{Period: limit.Daily}, "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"},
		{"midnight elsewhere", limit.QuotaSetting{Period: limit.Daily}, "2026-11-22T23:30:00-05:00", "2026-11-24T00:00:00Z"},
		{"Sunday", limit.QuotaSetting{Period: limit.Weekly}, "2026-11-16T08:00:00Z", "2026-11-22T00:00:00Z"},
		{"Sunday and three days", limit.QuotaSetting{Period: limit.Weekly, Offset: 3}, "2026-11-22T08:00:00Z", "2026-11-25T00:00:00Z"},
		{"February", limit.QuotaSetting{Period: limit.Monthly}, "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"},
		{"leap year", limit.QuotaSetting{Period: limit.Monthly}, "2028-02-28T00:00:00Z", "2028-03-01T00:00:00Z"},
		{"31 days", limit.QuotaSetting{Period: limit.Monthly}, "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z"},
		{"the 15th", limit.QuotaSetting{Period: limit.Monthly, Offset: 14}, "2026-11-15T00:00:00Z", "2026-12-15T00:00:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			from, err := time.Parse(time.RFC3339, tt.from)
			if err != nil {
				t.Fatal(err)
			}
			until, err := time.Parse(time.RFC3339, tt.until)
			if err != nil {
				t.Fatal(err)
			}
			tt.setting.Limit = 3
			q := newQuota(tt.setting, from)
			if n := takeAll(q, from); n != 3 {
				t.Fatalf("%d at first, want 3", n)
			}
			for at := from; at.Before(until); at = at.Add(time.Hour) {
				if q.TakeAt(at) {
					t.Fatalf("one at %v, want none before %v", at, until)
				}
			}
			if q.TakeAt(until.Add(-time.Nanosecond)) || q.LeftAt(until.Add(-time.Second)) != 0 {
				t.Errorf("one just before %v", until)
			}
			if got := q.LeftAt(until); got != 3 {
				t.Errorf("%d left at %v, want 3", got, until)
			}
			if n := takeAll(q, until); n != 3 {
				t.Errorf("%d at %v, want 3", n, until)
			}
		})
	}
}

// The clock of a test's bubble stands for the machine's.
func TestQuotaOverDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // begins at midnight, Saturday 2000-01-01
		q := newQuota(limit.QuotaSetting{Limit: 10, Period: limit.Weekly}, time.Now())
		for range 4 {
			q.TakeAt(time.Now())
		}
		time.Sleep(24*time.Hour - time.Nanosecond)
		if got := q.LeftAt(time.Now()); got != 6 {
			t.Errorf("%d left on Saturday, want 6", got)
		}
		time.Sleep(time.Nanosecond)
		if got := q.LeftAt(time.Now()); got != 10 {
			t.Errorf("%d left on Sunday, want 10", got)
		}
		for range 6 {
			for range 2 {
				if !q.TakeAt(time.Now()) && q.LeftAt(time.Now()) > 0 {
					t.Error("refused with something left")
				}
			}
			time.Sleep(24 * time.Hour)
		}
		if q.TakeAt(time.Now()) {
			t.Errorf("one on %v though 10 were taken on the days before", time.Now())
		}
	})
}

// A clock that steps back neither resets nor doubles what was counted.
func TestQuotaClockBack(t *testing.T) {
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	q := newQuota(limit.QuotaSetting{Limit: 3, Period: limit.Daily}, noon)
	takeAll(q, noon)
	for _, back := range []time.Duration{time.Second, 13 * time.Hour, 40 * 24 * time.Hour} {
		if q.TakeAt(noon.Add(-back)) {
			t.Errorf("one more %v earlier", back)
		}
	}
	midnight := noon.Add(12 * time.Hour)
	if !q.TakeAt(midnight) || q.TakeAt(midnight.Add(-time.Second)) != true || !q.TakeAt(midnight) || q.TakeAt(midnight) {
		t.Error("not three around midnight, forth and back")
	}
	want := []limit.Count{{Day: limit.DayOf(midnight), Used: 3}, {Day: limit.DayOf(noon), Used: 3}}
	if diff := cmp.Diff(want, q.Counts(nil)); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

func TestQuotaHistory(t *testing.T) {
	now := day(t, "2026-11-22")
	s := limit.QuotaSetting{Limit: 100, Period: limit.Monthly}
	q := limit.NewQuota(s, now, []limit.Count{{now - 30, 50, 0}, {now - 3, 20, 5}, {now, 7, 1}, {now + 400, 9, 9}})
	if got, want := q.LeftAt(now.Time()), int64(100-20+5-7+1); got != want {
		t.Errorf("%d left, want %d", got, want)
	}
	q = limit.NewQuota(s, now, []limit.Count{{now, 7, 0}, {now + 1, 2, 0}})
	if got := q.LeftAt(now.Time()); got != 91 {
		t.Errorf("%d left where the clock was set back over midnight, want 91", got)
	}
}

func TestQuotaSet(t *testing.T) {
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	q := newQuota(limit.QuotaSetting{Limit: 5, Period: limit.Daily}, at)
	takeAll(q, at)
	at = at.Add(24 * time.Hour)
	takeAll(q, at)
	q.Set(limit.QuotaSetting{Limit: 100, Period: limit.Monthly}, []limit.Count{{limit.DayOf(at) - 3, 10, 0}, {limit.DayOf(at) - 1, 2, 0}})
	if got := q.LeftAt(at); got != 100-10-5-5 {
		t.Errorf("%d left of the month, want 80: its own count of yesterday is newer", got)
	}
	q.Set(limit.QuotaSetting{Limit: 3, Period: limit.Daily}, nil)
	if got := q.LeftAt(at); got != 0 || q.TakeAt(at) {
		t.Errorf("%d left below what was used, want 0", got)
	}
	if got := q.LeftAt(at.Add(24 * time.Hour)); got != 3 {
		t.Errorf("%d left the day after, want 3", got)
	}
}

func TestQuotaGrant(t *testing.T) {
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	q := newQuota(limit.QuotaSetting{Limit: 5, Period: limit.Monthly}, at)
	takeAll(q, at)
	want := limit.Count{Day: limit.DayOf(at) + 1, Granted: 7}
	if got := q.Grant(at.Add(24*time.Hour), 7); got != want {
		t.Errorf("Grant = %+v, want %+v", got, want)
	}
	at = at.Add(48 * time.Hour)
	if n := takeAll(q, at); n != 7 {
		t.Errorf("%d after a grant of 7", n)
	}
	q.Grant(at, 0)
	q.Grant(at, 2)
	if n := takeAll(q, at); n != 2 {
		t.Errorf("%d after a grant of 2", n)
	}
	if got := q.LeftAt(at.Add(30 * 24 * time.Hour)); got != 5 {
		t.Errorf("%d left of the next month, want 5: grants do not carry over", got)
	}
}

// TestQuotaTogether takes from many goroutines while days turn, settings
// change and grants come: nothing is lost and nothing taken twice.
func TestQuotaTogether(t *testing.T) {
	const most = 20_000
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	q := newQuota(limit.QuotaSetting{Limit: most, Period: limit.Monthly}, at)
	var passed, turned atomic.Int64
	var takers, others sync.WaitGroup
	stop := make(chan struct{})
	others.Go(func() {
		for i := range 20 {
			turned.Store(int64(i)) // up to 19 days on
			q.Set(limit.QuotaSetting{Limit: most + int64(i%2), Period: limit.Monthly}, nil)
			q.LeftAt(at.Add(time.Duration(i) * 24 * time.Hour))
		}
		q.Set(limit.QuotaSetting{Limit: most, Period: limit.Monthly}, nil)
		close(stop)
	})
	for range 8 {
		takers.Go(func() {
			for ended := false; ; {
				if q.TakeAt(at.Add(time.Duration(turned.Load()) * 24 * time.Hour)) {
					passed.Add(1)
				} else if ended {
					return
				}
				select {
				case <-stop:
					ended = true
				default:
				}
			}
		})
	}
	takers.Wait()
	others.Wait()
	counted := int64(0)
	for _, c := range q.Counts(nil) {
		counted += c.Used
	}
	// Most + 1 while the limit was that.
	if passed.Load() != counted || counted < most || counted > most+1 {
		t.Errorf("%d requests passed, %d were counted, want %d", passed.Load(), counted, most)
	}
}

// TestQuotaExact takes at one moment: exactly the limit passes.
func TestQuotaExact(t *testing.T) {
	const most = 1000
	at := time.Now()
	q := newQuota(limit.QuotaSetting{Limit: most}, at)
	var passed atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range most {
				if q.TakeAt(at) {
					passed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if passed.Load() != most {
		t.Errorf("%d requests passed, want %d", passed.Load(), most)
	}
}

func TestQuotaTakeAllocs(t *testing.T) {
	at := time.Now()
	q := newQuota(limit.QuotaSetting{Limit: 500}, at)
	if n := testing.AllocsPerRun(1000, func() { q.LeftAt(at); q.TakeAt(at) }); n != 0 {
		t.Errorf("LeftAt and TakeAt allocate %v times, budget 0", n)
	}
}

func BenchmarkQuotaTakeAt(b *testing.B) {
	at := time.Now()
	q := newQuota(limit.QuotaSetting{Limit: 1 << 40}, at)
	b.ReportAllocs()
	for b.Loop() {
		q.TakeAt(at)
	}
}
