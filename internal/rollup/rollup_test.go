package rollup_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/rollup"
)

var start = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

func source(name string) *rollup.Source {
	return &rollup.Source{Account: "123456789012", Region: "eu-west-1", Namespace: "Own", Dimensions: []rollup.Dimension{{Name: "Name", Value: name}}}
}

// sample is a sample of metric m in a minute after start.
func sample(name string, minute int, values ...float64) rollup.Sample {
	var p rollup.Point
	for _, v := range values {
		p.AddValue(v, 1)
	}
	return rollup.Sample{Source: source(name), At: start.Add(time.Duration(minute) * time.Minute), Values: []rollup.Value{{Metric: rollup.Metric{Name: "m", Unit: "Count"}, Point: p}}}
}

func open(t *testing.T, dir string, opt rollup.Options) *rollup.Store {
	t.Helper()
	s, err := rollup.Open(dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func put(t *testing.T, s *rollup.Store, samples ...rollup.Sample) {
	t.Helper()
	if err := s.Put(samples); err != nil {
		t.Fatal(err)
	}
}

// sums reads the sums of m by minutes after start, over three days.
func sums(t *testing.T, s *rollup.Store, name string) map[int]float64 {
	t.Helper()
	series, err := s.Read(t.Context(), source(name), "m", start.Add(-24*time.Hour), start.Add(48*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	got := map[int]float64{}
	for _, se := range series {
		for _, p := range se.Points {
			got[int(p.At.Sub(start)/time.Minute)] += p.Sum
		}
	}
	return got
}

func flush(t *testing.T, s *rollup.Store) {
	t.Helper()
	if err := s.Flush(start.Add(3 * time.Hour)); err != nil {
		t.Fatal(err)
	}
}

// What was put is read: from memory, from blocks and from both, before and after
// a restart, and each value once.
func TestStore(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, rollup.Options{})
	check := func(when string, want map[int]float64) {
		t.Helper()
		if diff := cmp.Diff(want, sums(t, s, "a")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	put(t, s, sample("a", 0, 1), sample("a", 61, 2), sample("b", 0, 100))
	put(t, s, sample("a", 0, 4))
	check("in memory", map[int]float64{0: 5, 61: 2})
	flush(t, s)
	check("in blocks", map[int]float64{0: 5, 61: 2})
	put(t, s, sample("a", 0, 8), sample("a", -1, 16))
	check("in both", map[int]float64{-1: 16, 0: 13, 61: 2})

	// The process ends without a word: no Close.
	s = open(t, dir, rollup.Options{})
	check("after a restart", map[int]float64{-1: 16, 0: 13, 61: 2})
	flush(t, s)
	put(t, s, sample("a", 0, 32))
	flush(t, s)
	s = open(t, dir, rollup.Options{})
	check("flushed again", map[int]float64{-1: 16, 0: 45, 61: 2})
	if got := sums(t, s, "b"); got[0] != 100 {
		t.Errorf("b = %v", got)
	}
	var names []string
	s.List("123456789012", "eu-west-1", start, func(l *rollup.Listed) bool {
		names = append(names, l.Dimensions[0].Value+"."+l.Name)
		return true
	})
	if want := []string{"a.m", "b.m"}; !slices.Equal(names, want) {
		t.Errorf("listed %v, want %v", names, want)
	}
	s.List("123456789012", "eu-west-2", start, func(l *rollup.Listed) bool {
		t.Errorf("another region has %v", l)
		return true
	})
}

// glob is the files of a directory.
func glob(t *testing.T, dir, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no %s: %v", pattern, err)
	}
	return files
}

// A crash between the writing of a block and the removal of the log does not
// count anything twice.
func TestCrashInFlush(t *testing.T) {
	dir, copied := t.TempDir(), t.TempDir()
	s := open(t, dir, rollup.Options{})
	put(t, s, sample("a", 0, 1), sample("a", 61, 2))
	for _, f := range glob(t, dir, "*.log") {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(copied, filepath.Base(f)), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	flush(t, s)
	first := glob(t, dir, "*.block")[0] // of the first hour; the second was not written yet
	if err := os.Rename(first, filepath.Join(copied, filepath.Base(first))); err != nil {
		t.Fatal(err)
	}
	s = open(t, copied, rollup.Options{})
	if diff := cmp.Diff(map[int]float64{0: 1, 61: 2}, sums(t, s, "a")); diff != "" {
		t.Errorf("after the crash (-want +got):\n%s", diff)
	}
	flush(t, s)
	if diff := cmp.Diff(map[int]float64{0: 1, 61: 2}, sums(t, open(t, copied, rollup.Options{}), "a")); diff != "" {
		t.Errorf("flushed again (-want +got):\n%s", diff)
	}
}

// Damage costs what is damaged, and is told.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, rollup.Options{})
	put(t, s, sample("a", 0, 1))
	put(t, s, sample("a", 1, 2))
	log := glob(t, dir, "*.log")[0]
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range b {
		if err := os.WriteFile(log, b[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		got := sums(t, open(t, dir, rollup.Options{}), "a")
		if cut > len(b)/2 && got[0] != 1 || got[1] != 0 {
			t.Fatalf("of %d bytes of %d: %v", cut, len(b), got)
		}
	}
	if err := os.WriteFile(log, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, rollup.Options{})
	put(t, s, sample("a", 61, 4))
	flush(t, s)
	block := glob(t, dir, "*.block")[0]
	if b, err = os.ReadFile(block); err != nil {
		t.Fatal(err)
	}
	for i := range b {
		b[i] ^= 0x55
		if err := os.WriteFile(block, b, 0o600); err != nil {
			t.Fatal(err)
		}
		b[i] ^= 0x55
		s = open(t, dir, rollup.Options{})
		got := sums(t, s, "a")
		if got[61] != 4 {
			t.Fatalf("byte %d: another hour is gone: %v", i, got)
		}
		if (got[0] != 1 || got[1] != 2) && s.Damaged() == 0 && len(got) > 1 {
			t.Fatalf("byte %d: nobody was told: %v", i, got)
		}
	}
	if err := os.Remove(filepath.Join(dir, "catalog")); err != nil {
		t.Fatal(err)
	}
	if all, _ := open(t, dir, rollup.Options{}).Counts(); all != 1 {
		t.Errorf("%d series after the catalog was lost, want 1", all)
	}
}

// Clients cannot make more series than there may be; ours have room.
func TestBounds(t *testing.T) {
	s := open(t, t.TempDir(), rollup.Options{MaxSeries: 10})
	turned := 0
	for i := range 1000 {
		err := s.Put([]rollup.Sample{sample(fmt.Sprint(i), 0, 1)})
		if errors.Is(err, rollup.ErrTooMany) {
			turned++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if all, limited := s.Counts(); turned != 990 || all != 10 || limited != 10 || s.Lost() != 990 {
		t.Errorf("turned away %d, lost %d, kept %d, %d", turned, s.Lost(), all, limited)
	}
	put(t, s, sample("3", 1, 1)) // one that there is
	ours := sample("ours", 0, 1)
	ours.Ours = true
	put(t, s, ours)

	// What was not measured for as long as points are kept makes room.
	if err := s.Flush(start.Add(rollup.Kept + 48*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if all, limited := s.Counts(); all != 0 || limited != 0 {
		t.Errorf("kept %d, %d", all, limited)
	}
}

// What clients add to a source of ours counts.
func TestBoundsOfOurs(t *testing.T) {
	s := open(t, t.TempDir(), rollup.Options{MaxSeries: 2})
	ours := sample("ours", 0, 1)
	ours.Ours = true
	put(t, s, ours)
	for i := range 3 {
		more := sample("ours", 0, 1)
		more.Values[0].Metric.Name = fmt.Sprint(i)
		if err := s.Put([]rollup.Sample{more}); errors.Is(err, rollup.ErrTooMany) != (i == 2) {
			t.Errorf("metric %d: %v", i, err)
		}
	}
}

// What counts against the limit of series counts after a restart too, from the log
// as from the blocks, with the catalog and without.
func TestBoundsAfterRestart(t *testing.T) {
	tests := []struct {
		name string
		do   func(t *testing.T, dir string, s *rollup.Store)
	}{
		{"from the log", func(*testing.T, string, *rollup.Store) {}},
		{"from the catalog", func(t *testing.T, _ string, s *rollup.Store) { flush(t, s) }},
		{"from blocks", func(t *testing.T, dir string, s *rollup.Store) {
			flush(t, s)
			if err := os.Remove(filepath.Join(dir, "catalog")); err != nil {
				t.Fatal(err)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			ours := sample("ours", 0, 1)
			ours.Ours = true
			s := open(t, dir, rollup.Options{MaxSeries: 4})
			put(t, s, ours, sample("a", 0, 1), sample("b", 0, 1), sample("c", 0, 1))
			tt.do(t, dir, s)
			s = open(t, dir, rollup.Options{MaxSeries: 4})
			put(t, s, ours) // as it is each minute
			if all, limited := s.Counts(); all != 4 || limited != 3 {
				t.Errorf("%d series, %d of them limited; want 4 and 3", all, limited)
			}
			put(t, s, sample("d", 0, 1))
			if err := s.Put([]rollup.Sample{sample("e", 0, 1)}); !errors.Is(err, rollup.ErrTooMany) {
				t.Errorf("one more than there may be: %v", err)
			}
		})
	}
}

// A million distinct values of a dimension make as many series as there may be and
// no more, and neither memory nor disk keep anything of the rest.
func TestMillionDimensions(t *testing.T) {
	const most, at = 1000, 1000
	dir := t.TempDir()
	s := open(t, dir, rollup.Options{MaxSeries: most})
	refused := 0
	samples := make([]rollup.Sample, at)
	for n := range 1_000_000 / at {
		for i := range samples {
			samples[i] = sample(fmt.Sprint(n*at+i), 0, 1)
		}
		if err := s.Put(samples); errors.Is(err, rollup.ErrTooMany) {
			refused++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if all, limited := s.Counts(); all != most || limited != most || refused != 1_000_000/at-1 {
		t.Errorf("%d series, %d of them limited, %d of the calls were refused", all, limited, refused)
	}
	put(t, s, sample("7", 1, 1)) // those that there are go on
	size := int64(0)
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if size > 200*most {
		t.Errorf("%d bytes on disk for %d series", size, most)
	}
}

// Old hours go: a few at a time if they are old, at once if all are too large.
func TestExpire(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, rollup.Options{})
	for h := range 10 {
		put(t, s, sample("a", 60*h, 1))
	}
	flush(t, s)
	if n := len(glob(t, dir, "*.block")); n != 10 {
		t.Fatalf("%d blocks", n)
	}
	years := start.Add(10 * 365 * 24 * time.Hour)
	if err := s.Flush(years); err != nil {
		t.Fatal(err)
	}
	if n := len(glob(t, dir, "*.block")); n != 8 {
		t.Errorf("a clock that is ahead leaves %d blocks, want 8", n)
	}
	s = open(t, dir, rollup.Options{MaxBytes: 1})
	put(t, s, sample("a", 600, 1))
	flush(t, s)
	if got := sums(t, s, "a"); len(got) != 1 || got[600] != 1 {
		t.Errorf("of what is too large stays %v", got)
	}
}

// When blocks cannot be written, memory is bounded, and all is there when they
// can be again.
func TestDiskFails(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, rollup.Options{MaxSeries: 1 << 30})
	put(t, s, sample("a", 0, 1))
	temp := filepath.Join(dir, fmt.Sprintf("%012d-%020d.block.tmp", start.Unix()/3600, 1))
	if err := os.Mkdir(temp, 0o700); err != nil { // in the way of the block
		t.Fatal(err)
	}
	if err := s.Flush(start); err == nil {
		t.Fatal("a block was written over a directory")
	}
	n := 0
	for ; n < 1<<20; n++ {
		if err := s.Put([]rollup.Sample{sample(fmt.Sprint(n), 0, 1)}); errors.Is(err, rollup.ErrFull) {
			break
		}
	}
	if n < 1000 || n == 1<<20 {
		t.Errorf("refused after %d samples", n)
	}
	if err := os.Remove(temp); err != nil {
		t.Fatal(err)
	}
	flush(t, s) // what could not be
	flush(t, s) // what came since
	put(t, s, sample("a", 1, 2))
	if diff := cmp.Diff(map[int]float64{0: 1, 1: 2}, sums(t, s, "a")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := sums(t, s, "999"); got[0] != 1 {
		t.Errorf("what came meanwhile: %v", got)
	}
}

// Points add up in any order, survive the disk, and their quantiles are within
// a sixteenth.
func TestPoint(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var all []float64
	var parts []rollup.Point
	var whole rollup.Point
	for range 20 {
		var p rollup.Point
		for range 200 {
			v := rng.NormFloat64() * math.Pow(10, float64(rng.IntN(4)))
			if rng.IntN(10) == 0 {
				v = 0
			}
			all = append(all, v)
			p.AddValue(v, 1)
			whole.AddValue(v, 1)
		}
		parts = append(parts, p)
	}
	var sum rollup.Point
	for i := len(parts) - 1; i >= 0; i-- {
		sum.Add(&parts[i])
	}
	approx := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-6 })
	if diff := cmp.Diff(whole, sum, approx); diff != "" {
		t.Errorf("in parts (-want +got):\n%s", diff)
	}
	s := open(t, t.TempDir(), rollup.Options{})
	put(t, s, rollup.Sample{Source: source("a"), At: start, Values: []rollup.Value{{Metric: rollup.Metric{Name: "m"}, Point: whole}}})
	flush(t, s)
	series, err := s.Read(t.Context(), source("a"), "m", start, start.Add(time.Minute))
	if err != nil || len(series) != 1 {
		t.Fatal(series, err)
	}
	if diff := cmp.Diff(whole, series[0].Points[0].Point); diff != "" {
		t.Errorf("from disk (-want +got):\n%s", diff)
	}
	slices.Sort(all)
	for _, q := range []float64{0, 0.01, 0.25, 0.5, 0.9, 0.99, 1} {
		truth := all[min(len(all)-1, int(q*float64(len(all))))]
		got, ok := whole.Quantile(q)
		if !ok || math.Abs(got-truth) > math.Abs(truth)/8+0.01 {
			t.Errorf("quantile %v = %v %v, truth %v", q, got, ok, truth)
		}
	}
	if n, total := whole.Within(math.Inf(-1), math.Inf(1)); n != whole.Count || math.Abs(total-whole.Sum) > math.Abs(whole.Sum)/8+float64(len(all)) {
		t.Errorf("all values: %v, sum %v, want %v, %v", n, total, whole.Count, whole.Sum)
	}
}

// Of sets of values that are not known there are no quantiles, unless all are
// equal.
func TestUnknownValues(t *testing.T) {
	set := rollup.Point{Count: 3, Sum: 6, Min: 1, Max: 3}
	if _, ok := set.Quantile(0.5); ok {
		t.Error("a quantile of a set")
	}
	known := rollup.PointOf(2, 5)
	if got, ok := known.Quantile(0.9); !ok || got != 2 {
		t.Errorf("quantile of equal values = %v, %v", got, ok)
	}
	known.Add(&set)
	if _, ok := known.Quantile(0.5); ok || known.Count != 8 || known.Sum != 16 {
		t.Errorf("with a set: %+v", known)
	}
}

// Whoever takes the directory away costs what only it had: what is in memory,
// and what comes, is read, and is there after the next flush and start.
func TestRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "metrics")
	s := open(t, dir, rollup.Options{})
	put(t, s, sample("a", 0, 1))
	flush(t, s)
	put(t, s, sample("a", 61, 2))
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	put(t, s, sample("a", 62, 4), sample("a", 1, 8))
	if diff := cmp.Diff(map[int]float64{1: 8, 61: 2, 62: 4}, sums(t, s, "a")); diff != "" {
		t.Errorf("after the directory was removed (-want +got):\n%s", diff)
	}
	put(t, s, sample("a", 63, 16))
	flush(t, s)
	again := open(t, dir, rollup.Options{})
	if diff := cmp.Diff(map[int]float64{1: 8, 61: 2, 62: 4, 63: 16}, sums(t, again, "a")); diff != "" {
		t.Errorf("after a flush and a start (-want +got):\n%s", diff)
	}
}
