package usage_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"gatehouse/internal/limit"
	"gatehouse/internal/store"
	"gatehouse/internal/store/boltstore"
	"gatehouse/internal/store/memstore"
	"gatehouse/internal/usage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	scope = usage.Scope{Account: "000000000000", Region: "eu-west-1"}
	plan  = usage.Plan{Scope: scope, ID: "p"}
	month = limit.QuotaSetting{Limit: 100, Period: limit.Monthly}
	quiet = slog.New(slog.DiscardHandler)
)

func bind(t testing.TB, m *usage.Meter, s limit.QuotaSetting, keys ...string) []*limit.Quota {
	t.Helper()
	bound := m.Bind(t.Context(), scope, map[string]usage.PlanQuota{plan.ID: {QuotaSetting: s, Keys: keys}})
	var quotas []*limit.Quota
	for _, key := range keys {
		quotas = append(quotas, bound[plan.ID][key])
	}
	return quotas
}

func take(q *limit.Quota, n int) (taken int) {
	for range n {
		if q.TakeAt(time.Now()) {
			taken++
		}
	}
	return taken
}

func left(q *limit.Quota) int64 { return q.LeftAt(time.Now()) }

func flush(t testing.TB, m *usage.Meter) {
	t.Helper()
	if err := m.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// counts returns what a meter tells of a key, day by day.
func counts(t testing.TB, m *usage.Meter, key string) []limit.Count {
	t.Helper()
	got, err := m.Usage(t.Context(), plan, []string{key}, 0, limit.DayOf(time.Now())+1)
	if err != nil {
		t.Fatal(err)
	}
	list := got[key]
	slices.SortFunc(list, func(a, b limit.Count) int { return int(a.Day - b.Day) })
	return list
}

// inMemory runs a test in a bubble, where time begins on 2000-01-01, over a
// store that outlives meters.
func inMemory(t *testing.T, f func(t *testing.T, st store.Store)) {
	synctest.Test(t, func(t *testing.T) {
		st := memstore.New(memstore.Options{})
		defer st.Close()
		f(t, st)
	})
}

// Counts are the same after a restart as before it, and are told before they
// are written.
func TestRestart(t *testing.T) {
	inMemory(t, func(t *testing.T, st store.Store) {
		m := usage.New(st, quiet)
		q := bind(t, m, month, "a", "b")
		first := limit.DayOf(time.Now())
		take(q[0], 10)
		time.Sleep(24 * time.Hour)
		take(q[0], 20)
		take(q[1], 1)
		want := []limit.Count{{Day: first, Used: 10}, {Day: first + 1, Used: 20}}
		if diff := cmp.Diff(want, counts(t, m, "a")); diff != "" {
			t.Errorf("before it is written (-want +got):\n%s", diff)
		}
		flush(t, m)
		take(q[0], 5) // lost: the process is killed before it is written
		m = usage.New(st, quiet)
		if diff := cmp.Diff(want, counts(t, m, "a")); diff != "" {
			t.Errorf("after a restart (-want +got):\n%s", diff)
		}
		q = bind(t, m, month, "a", "b")
		if left(q[0]) != 70 || left(q[1]) != 99 {
			t.Errorf("%d and %d left after a restart, want 70 and 99", left(q[0]), left(q[1]))
		}
		if n := take(q[0], 200); n != 70 {
			t.Errorf("%d more, want 70", n)
		}
		flush(t, m)
		want[1].Used = 90
		if diff := cmp.Diff(want, counts(t, usage.New(st, quiet), "a")); diff != "" {
			t.Errorf("after another (-want +got):\n%s", diff)
		}
		time.Sleep(30 * 24 * time.Hour) // until February
		if left(bind(t, usage.New(st, quiet), month, "a")[0]) != 100 {
			t.Error("the next month begins with less than 100")
		}
	})
}

// Keys lists who used something, wherever its counts are at the moment.
func TestKeys(t *testing.T) {
	inMemory(t, func(t *testing.T, st store.Store) {
		m := usage.New(st, quiet)
		q := bind(t, m, month, "a", "b", "c", "d")
		today := limit.DayOf(time.Now())
		take(q[1], 1)
		flush(t, m)
		time.Sleep(24 * time.Hour)
		take(q[0], 1)
		flush(t, m)
		take(q[3], 1)
		for _, tt := range []struct {
			first, last limit.Day
			want        []string
		}{{today, today, []string{"b"}}, {today + 1, today + 1, []string{"a", "d"}}, {today - 9, today + 9, []string{"a", "b", "d"}}, {today + 2, today + 9, nil}} {
			got, err := m.Keys(t.Context(), plan, tt.first, tt.last)
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("keys from %v to %v = %v, %v, want %v", tt.first, tt.last, got, err, tt.want)
			}
		}
	})
}

// Run writes every few seconds, and when it ends.
func TestRun(t *testing.T) {
	inMemory(t, func(t *testing.T, st store.Store) {
		m := usage.New(st, quiet)
		q := bind(t, m, month, "a")[0]
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- m.Run(ctx) }()
		take(q, 3)
		time.Sleep(5 * time.Second)
		if got := left(bind(t, usage.New(st, quiet), month, "a")[0]); got != 97 {
			t.Errorf("%d left 5 s later, want 97", got)
		}
		take(q, 4)
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if got := left(bind(t, usage.New(st, quiet), month, "a")[0]); got != 93 {
			t.Errorf("%d left after the end, want 93", got)
		}
	})
}

// A quota is the same one as long as its key is in its plan.
func TestBind(t *testing.T) {
	inMemory(t, func(t *testing.T, st store.Store) {
		m := usage.New(st, quiet)
		q := bind(t, m, month, "a", "b")
		take(q[0], 7)
		time.Sleep(24 * time.Hour)
		take(q[0], 1)
		q2 := bind(t, m, limit.QuotaSetting{Limit: 10}, "a", "c")
		if q2[0] != q[0] || left(q2[0]) != 9 {
			t.Errorf("%d left of the day, want 9 of the same quota", left(q2[0]))
		}
		if got := left(bind(t, m, month, "a")[0]); got != 92 {
			t.Errorf("%d left of the month again, want 92", got)
		}
		bind(t, m, month, "b") // a leaves the plan
		if got := left(bind(t, m, month, "a")[0]); got != 92 {
			t.Errorf("%d left after it came back, want 92", got)
		}
		m.Bind(t.Context(), scope, nil)
		if got := counts(t, m, "a"); len(got) != 2 {
			t.Errorf("counts of a plan that has no quota any more: %v, want two days", got)
		}
		other := m.Bind(t.Context(), usage.Scope{Account: "1", Region: scope.Region}, map[string]usage.PlanQuota{plan.ID: {QuotaSetting: month, Keys: []string{"a"}}})
		if got := left(other[plan.ID]["a"]); got != 100 {
			t.Errorf("%d left in another account, want 100", got)
		}
	})
}

func TestGrant(t *testing.T) {
	inMemory(t, func(t *testing.T, st store.Store) {
		m := usage.New(st, quiet)
		q := bind(t, m, month, "a")[0]
		take(q, 100)
		grant := func(m *usage.Meter, key string, n int64) {
			if err := m.Grant(t.Context(), plan, key, month, n); err != nil {
				t.Fatal(err)
			}
		}
		grant(m, "a", 5)
		if left(q) != 5 {
			t.Errorf("%d left, want 5", left(q))
		}
		grant(m, "new", 300) // before the data plane knows the key
		m = usage.New(st, quiet)
		r := bind(t, m, month, "a", "new")
		if left(r[0]) != 5 || left(r[1]) != 300 {
			t.Errorf("%d and %d left after a restart without a flush, want 5 and 300", left(r[0]), left(r[1]))
		}
		time.Sleep(24 * time.Hour)
		take(r[0], 2)
		grant(m, "a", 1)
		if n := take(r[0], 9); n != 1 {
			t.Errorf("%d after the second grant, want 1", n)
		}
		grant(m, "new", 0)
		if n := take(bind(t, usage.New(st, quiet), month, "new")[0], 9); n != 0 {
			t.Errorf("%d after everything was taken away, want none", n)
		}
	})
}

// A failing store loses nothing: what could not be written is written later.
func TestStoreFails(t *testing.T) {
	inMemory(t, func(t *testing.T, st store.Store) {
		broken := &failing{Store: st}
		m := usage.New(broken, quiet)
		q := bind(t, m, month, "a")[0]
		take(q, 10)
		broken.err = errors.New("disk full")
		if err := m.Flush(t.Context()); !errors.Is(err, broken.err) {
			t.Errorf("Flush = %v", err)
		}
		if err := m.Grant(t.Context(), plan, "a", month, 5); !errors.Is(err, broken.err) {
			t.Errorf("Grant = %v", err)
		}
		time.Sleep(48 * time.Hour)
		take(q, 3)
		broken.err = nil
		flush(t, m)
		got := counts(t, usage.New(st, quiet), "a")
		if len(got) != 2 || got[0].Used != 10 || got[1].Used != 3 {
			t.Errorf("counts %v, want 10 and 3", got)
		}
	})
}

type failing struct {
	store.Store
	err error
}

func (f *failing) Commit(ctx context.Context, ifs []store.Cond, ops []store.Op) (store.Rev, error) {
	if f.err != nil {
		return 0, f.err
	}
	return f.Store.Commit(ctx, ifs, ops)
}

// A record that is damaged costs its own counts and nothing else.
func TestDamage(t *testing.T) {
	inMemory(t, func(t *testing.T, st store.Store) {
		m := usage.New(st, quiet)
		q := bind(t, m, month, "a", "b", "c")
		for i := range q {
			take(q[i], 10)
		}
		flush(t, m)
		page, err := st.List(t.Context(), "", "", 0)
		if err != nil || len(page.KVs) != 3 {
			t.Fatalf("%d records, want 3: %v", len(page.KVs), err)
		}
		for _, value := range [][]byte{{9}, {1, 200}, page.KVs[0].Value[:3], {1, 1, 'a', 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 0}} {
			if _, err := st.Commit(t.Context(), nil, []store.Op{store.Put(page.KVs[0].Key, value)}); err != nil {
				t.Fatal(err)
			}
			m = usage.New(st, quiet)
			q = bind(t, m, month, "a", "b", "c")
			if sum := left(q[0]) + left(q[1]) + left(q[2]); sum != 280 {
				t.Errorf("%d left in all after %v, want 280", sum, value)
			}
		}
		take(q[0], 1)
		take(q[1], 1)
		take(q[2], 1)
		flush(t, m)
		q = bind(t, usage.New(st, quiet), month, "a", "b", "c")
		if sum := left(q[0]) + left(q[1]) + left(q[2]); sum != 277 {
			t.Errorf("%d left in all after going on, want 277", sum)
		}
	})
}

// Days are kept for more than a year, then dropped.
func TestSweep(t *testing.T) {
	inMemory(t, func(t *testing.T, st store.Store) {
		m := usage.New(st, quiet)
		q := bind(t, m, month, "a")[0]
		for range 3 {
			take(q, 1)
			flush(t, m)
			time.Sleep(usage.Kept / 2 * 24 * time.Hour)
		}
		flush(t, m)
		if got := counts(t, usage.New(st, quiet), "a"); len(got) != 2 {
			t.Errorf("counts %v, want two days", got)
		}
	})
}

// Many keys over the file that the server uses: several commits, one restart.
func TestManyKeys(t *testing.T) {
	open := func(file string) *boltstore.Store {
		st, err := boltstore.Open(file, boltstore.Options{History: 1})
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	file := filepath.Join(t.TempDir(), "usage.db")
	st := open(file)
	m := usage.New(st, quiet)
	keys := make([]string, 2000)
	for i := range keys {
		keys[i] = fmt.Sprintf("key%07d", i)
	}
	for i, q := range bind(t, m, month, keys...) {
		take(q, i%50)
	}
	flush(t, m)
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	st = open(file)
	defer st.Close()
	for i, q := range bind(t, usage.New(st, quiet), month, keys...) {
		if got := left(q); got != int64(100-i%50) {
			t.Fatalf("%s: %d left, want %d", keys[i], got, 100-i%50)
		}
	}
}
