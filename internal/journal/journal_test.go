package journal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/journal"
)

// run runs the writer of a set until the test ends, or until stop is called.
func run(t testing.TB, s *journal.Set) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func open(t testing.TB, s *journal.Set, name string) *journal.Journal {
	t.Helper()
	j, err := s.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// texts selects and returns the texts.
func texts(t testing.TB, j *journal.Journal, q journal.Query) []string {
	t.Helper()
	r, err := j.Select(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range r.Entries {
		out = append(out, string(e.Text))
	}
	return out
}

func numbered(n int) []journal.Entry {
	var out []journal.Entry
	for i := range n {
		out = append(out, journal.Entry{Time: int64(1000 + i), Source: uint32(i % 3), Text: fmt.Appendf(nil, "line %06d of the log %s", i, strings.Repeat("x", 40))})
	}
	return out
}

// TestWritten: what Write has returned for is there after a kill, which is that
// nobody closes anything.
func TestWritten(t *testing.T) {
	dir := t.TempDir()
	opt := journal.Options{Block: 4 << 10, Segment: 8 << 10}
	all := numbered(5000)
	j := open(t, journal.NewSet(dir, opt), "a/b")
	for len(all) > 0 {
		if err := j.Write(all[:50]); err != nil {
			t.Fatal(err)
		}
		all = all[50:]
	}
	files, _ := filepath.Glob(filepath.Join(dir, "a/b/*.segment"))
	if len(files) < 2 {
		t.Errorf("%d closed segments, want some", len(files))
	}
	again := open(t, journal.NewSet(dir, opt), "a/b")
	got := texts(t, again, journal.Query{})
	if len(got) != 5000 || got[4999] != string(numbered(5000)[4999].Text) {
		t.Fatalf("%d entries after the kill, want 5000 in order", len(got))
	}
	if again.Last() != 5000 {
		t.Errorf("last number %d, want 5000", again.Last())
	}
}

// TestCut: a file that ends anywhere costs the block it ends in, and no other.
func TestCut(t *testing.T) {
	dir := t.TempDir()
	opt := journal.Options{Block: 2 << 10}
	j := open(t, journal.NewSet(dir, opt), "j")
	if err := j.Write(numbered(400)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"*.open", "tail"} {
		files, _ := filepath.Glob(filepath.Join(dir, "j", name))
		if len(files) != 1 {
			t.Fatalf("%s: %v", name, files)
		}
		whole, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		before := 0
		for n := 0; n < len(whole); n += 37 {
			cut := t.TempDir()
			if err := os.CopyFS(cut, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			at := filepath.Join(cut, "j", filepath.Base(files[0]))
			if err := os.WriteFile(at, whole[:n], 0o600); err != nil {
				t.Fatal(err)
			}
			again := open(t, journal.NewSet(cut, opt), "j")
			got := len(texts(t, again, journal.Query{}))
			if got < before || got > 400 {
				t.Fatalf("%s cut at %d: %d entries, after %d", name, n, got, before)
			}
			before = got
			// It goes on where it is.
			if err := again.Write(numbered(60)); err != nil {
				t.Fatal(err)
			}
			third := open(t, journal.NewSet(cut, opt), "j")
			if n := len(texts(t, third, journal.Query{})); n != got+60 {
				t.Fatalf("%s cut at %d: %d entries after 60 more, want %d", name, n, n, got+60)
			}
		}
	}
}

// TestDamaged: a wrong bit anywhere costs one block.
func TestDamaged(t *testing.T) {
	dir := t.TempDir()
	opt := journal.Options{Block: 2 << 10, Segment: 16 << 10}
	s := journal.NewSet(dir, opt)
	j := open(t, s, "j")
	if err := j.Write(numbered(3000)); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "j", "*.segment"))
	whole, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	const perBlock = 2<<10/60 + 2 // entries, at most
	for at := 0; at < len(whole); at += 101 {
		b := bytes.Clone(whole)
		b[at] ^= 0x10
		if err := os.WriteFile(files[0], b, 0o600); err != nil {
			t.Fatal(err)
		}
		again := journal.NewSet(dir, opt)
		if n := len(texts(t, open(t, again, "j"), journal.Query{})); n < 3000-perBlock || n >= 3000 {
			t.Fatalf("bit of byte %d: %d of 3000 entries left", at, n)
		}
		if again.Stats().Damaged == 0 {
			t.Fatalf("bit of byte %d: no damage counted", at)
		}
	}
}

func TestSelect(t *testing.T) {
	entries := numbered(1000)
	// One that comes late, and one that is early.
	entries = append(entries, journal.Entry{Time: 1500, Text: []byte("late")})
	entries = append([]journal.Entry{{Time: 1990, Text: []byte("early")}}, entries...)
	j := open(t, journal.NewSet(t.TempDir(), journal.Options{Block: 1 << 10, Segment: 8 << 10}), "j")
	if err := j.Write(entries); err != nil {
		t.Fatal(err)
	}
	head := func(list []string) string {
		var out []string
		for _, s := range list {
			s, _, _ = strings.Cut(s, " of")
			out = append(out, s)
		}
		return strings.Join(out, ",")
	}
	tests := []struct {
		name string
		q    journal.Query
		want string
	}{
		{"first", journal.Query{Limit: 2}, "line 000000,line 000001"},
		{"last", journal.Query{Limit: 2, Backward: true}, "line 000999,line 000998"},
		{"late stands where it belongs", journal.Query{From: 1499, To: 1502}, "line 000499,line 000500,late,line 000501"},
		{"early too", journal.Query{From: 1989, To: 1992}, "line 000989,early,line 000990,line 000991"},
		{"backward", journal.Query{From: 1499, To: 1502, Backward: true}, "line 000501,late,line 000500,line 000499"},
		{"after", journal.Query{After: &journal.Position{Time: 1500, Seq: 502}, Limit: 2}, "late,line 000501"},
		{"after, backward", journal.Query{After: &journal.Position{Time: 1500, Seq: 502}, Limit: 2, Backward: true}, "line 000499,line 000498"},
		{"source", journal.Query{Sources: []uint32{2}, Limit: 2}, "line 000002,line 000005"},
		{"literal", journal.Query{Literals: [][]byte{[]byte("nowhere"), []byte("000777")}, Match: func(e *journal.Entry) bool { return bytes.Contains(e.Text, []byte("000777")) }}, "line 000777"},
		{"two literals", journal.Query{Literals: [][]byte{[]byte("000777"), []byte("000005")}, Match: func(e *journal.Entry) bool { return bytes.HasPrefix(e.Text, []byte("line 000")) }}, "line 000005,line 000777"},
		{"bytes", journal.Query{Bytes: 150}, "line 000000,line 000001"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := head(texts(t, j, tt.q)); got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
		})
	}
	t.Run("pages", func(t *testing.T) {
		n := 0
		for q := (journal.Query{Limit: 77}); ; {
			r, err := j.Select(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			n += len(r.Entries)
			if !r.More {
				break
			}
			last := r.Entries[len(r.Entries)-1]
			q.After = &journal.Position{Time: last.Time, Seq: last.Seq}
		}
		if n != len(entries) {
			t.Errorf("%d entries in pages, want %d", n, len(entries))
		}
	})
}

// TestFollow: who follows gets every entry once, in the order of appending,
// whether it is in memory or in a file.
func TestFollow(t *testing.T) {
	s := journal.NewSet(t.TempDir(), journal.Options{Block: 1 << 10, Segment: 8 << 10})
	run(t, s)
	j := open(t, s, "j")
	go func() {
		for _, e := range numbered(2000) {
			j.Append(e)
		}
	}()
	for after := uint64(0); after < 2000; {
		list, err := j.Follow(t.Context(), after)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			if e.Seq != after+1 || e.Time != int64(1000+after) {
				t.Fatalf("entry %d with time %d after %d", e.Seq, e.Time, after)
			}
			after++
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := j.Follow(ctx, 2000); err != context.Canceled { //nolint:errorlint // as it is
		t.Errorf("Follow at the end: %v", err)
	}
}

// TestBounds: old segments go, by age and by size, and nothing else.
func TestBounds(t *testing.T) {
	s := journal.NewSet(t.TempDir(), journal.Options{Block: 1 << 10, MaxBytes: 64 << 10})
	old, young := open(t, s, "old"), open(t, s, "young")
	now := time.UnixMilli(1000).Add(time.Hour)
	write := func(j *journal.Journal, from time.Time, n int) {
		for i := range n {
			text := fmt.Appendf(nil, "%x", uint64(i)*0x9E3779B97F4A7C15)
			if err := j.Write([]journal.Entry{{Time: from.UnixMilli() + int64(i), Text: text}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(old, now.Add(-time.Hour), 8000)
	write(young, now, 2000)
	before := len(texts(t, young, journal.Query{}))
	s.Trim(now)
	if b := s.Stats().Bytes; b > 64<<10 {
		t.Errorf("%d bytes, want at most 64 KiB", b)
	}
	if n := len(texts(t, young, journal.Query{})); n != before {
		t.Errorf("%d entries of the young one, had %d", n, before)
	}
	if n := len(texts(t, old, journal.Query{Limit: 20_000})); n == 0 || n >= 8000 {
		t.Errorf("%d entries of the old one", n)
	}
	old.SetMaxAge(time.Minute)
	s.Trim(now)
	if list, err := old.Next(t.Context(), 0); err != nil || len(list) > 0 {
		t.Errorf("%d entries of the old one after it grew too old, %v", len(list), err)
	}
}

// What is older than the journal's age is not selected, and leaves the disk, however
// little there is; numbers go on after a restart.
func TestAge(t *testing.T) {
	dir := t.TempDir()
	const day = 24 * time.Hour
	synctest.Test(t, func(t *testing.T) {
		s := journal.NewSet(dir, journal.Options{})
		j := open(t, s, "j")
		write := func() {
			t.Helper()
			if err := j.Write([]journal.Entry{{Time: time.Now().UnixMilli(), Text: []byte("x")}}); err != nil {
				t.Fatal(err)
			}
		}
		j.SetMaxAge(16 * day)
		for range 40 { // one a day: no block is ever full
			write()
			s.Trim(time.Now())
			time.Sleep(day)
		}
		if n := len(texts(t, j, journal.Query{})); n != 16 {
			t.Errorf("%d entries are selected, want those of 16 days", n)
		}
		n := 0
		for after := uint64(0); after < j.Last(); {
			list, err := j.Next(t.Context(), after)
			if err != nil || len(list) == 0 {
				t.Fatalf("after %d of %d: %d entries, %v", after, j.Last(), len(list), err)
			}
			n, after = n+len(list), list[len(list)-1].Seq
		}
		if n < 16 || n > 19 {
			t.Errorf("%d entries are on disk, want those of 16 days and hardly more", n)
		}
		time.Sleep(20 * day)
		s.Trim(time.Now())
		files, err := filepath.Glob(filepath.Join(dir, "j", "*"))
		if err != nil || s.Stats().Bytes != 0 {
			t.Errorf("%d bytes are left (%v)", s.Stats().Bytes, err)
		}
		for _, name := range files {
			if f, err := os.Stat(name); err != nil || f.Size() > 0 {
				t.Errorf("%s is left (%v)", name, err)
			}
		}
		last := j.Last()
		s = journal.NewSet(dir, journal.Options{})
		if j = open(t, s, "j"); j.Last() != last || !j.Empty() {
			t.Errorf("after a restart the last number is %d, want %d", j.Last(), last)
		}
		write()
		s = journal.NewSet(dir, journal.Options{})
		if j = open(t, s, "j"); j.Last() != last+1 || j.Empty() {
			t.Errorf("after another entry and a restart the last number is %d, want %d", j.Last(), last+1)
		}
	})
}

// TestNoDisk: where nothing can be written, nobody waits; entries are kept as
// far as there is room, the rest is counted, and all goes on once it can.
func TestNoDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "in the way")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// A journal is opened where there is nothing yet.
	sub := filepath.Join(t.TempDir(), "d")
	s := journal.NewSet(sub, journal.Options{Block: 1 << 10, Queue: 8 << 10})
	j := open(t, s, "j")
	if err := os.WriteFile(sub, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	taken := 0
	for _, e := range numbered(1000) {
		if j.Append(e) {
			taken++
		}
	}
	if taken == 0 || taken == 1000 || s.Stats().Dropped != uint64(1000-taken) {
		t.Fatalf("%d of 1000 taken, %d counted as dropped", taken, s.Stats().Dropped)
	}
	if err := j.Write(numbered(1)); err == nil {
		t.Fatal("Write without a disk succeeds")
	}
	if err := os.Remove(sub); err != nil {
		t.Fatal(err)
	}
	if err := j.Write(nil); err != nil {
		t.Fatal(err)
	}
	again := open(t, journal.NewSet(sub, journal.Options{}), "j")
	if n := len(texts(t, again, journal.Query{})); n < taken {
		t.Errorf("%d entries once the disk was there, want %d", n, taken)
	}
}

// TestIdle: what fills no block is put into one when no more comes.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		s := journal.NewSet(dir, journal.Options{})
		stop := run(t, s)
		j := open(t, s, "j")
		for _, e := range numbered(200) {
			j.Append(e)
		}
		time.Sleep(time.Second)
		if files, _ := filepath.Glob(filepath.Join(dir, "j", "tail")); len(files) != 1 {
			t.Errorf("no tail after a second: %v", files)
		}
		time.Sleep(time.Minute)
		if j.Bytes() == 0 {
			t.Error("nothing in a segment after a minute")
		}
		stop()
	})
}

func TestRemove(t *testing.T) {
	dir := t.TempDir()
	s := journal.NewSet(dir, journal.Options{})
	j := open(t, s, "j")
	if err := j.Write(numbered(10)); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove("j"); err != nil {
		t.Fatal(err)
	}
	if j.Append(numbered(1)[0]) {
		t.Error("a removed journal takes entries")
	}
	if n := len(texts(t, open(t, s, "j"), journal.Query{})); n != 0 {
		t.Errorf("%d entries in a new journal of the same name", n)
	}
	for _, name := range []string{"", "../x", "/x", "a/../../x"} {
		if _, err := s.Open(name); err == nil {
			t.Errorf("name %q is taken", name)
		}
	}
}

func TestAppendAllocs(t *testing.T) {
	j := open(t, journal.NewSet(t.TempDir(), journal.Options{Queue: 1 << 30, Waiting: 1 << 30}), "j")
	text := []byte(strings.Repeat("x", 100))
	j.Append(journal.Entry{Text: text})
	if n := testing.AllocsPerRun(2000, func() { j.Append(journal.Entry{Time: 1, Text: text}) }); n != 0 {
		t.Errorf("Append allocates %v times, budget 0", n)
	}
}

// TestRemoved: a journal whose files are taken away begins new ones, with what
// it has in memory; one that must be whole says so instead.
func TestRemoved(t *testing.T) {
	for _, whole := range []bool{false, true} {
		dir := t.TempDir()
		opt := journal.Options{Block: 4 << 10, Whole: whole}
		j := open(t, journal.NewSet(dir, opt), "j")
		all := numbered(400)
		if err := j.Write(all[:100]); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		err := j.Write(all[100:])
		if whole {
			if !errors.Is(err, journal.ErrLost) || !errors.Is(j.Err(), journal.ErrLost) {
				t.Errorf("whole: Write to files that are gone = %v, Err %v; want ErrLost", err, j.Err())
			}
			continue
		}
		if err != nil || j.Err() != nil {
			t.Fatal(err, j.Err())
		}
		got := texts(t, open(t, journal.NewSet(dir, opt), "j"), journal.Query{})
		if len(got) < 300 || got[len(got)-1] != string(all[399].Text) {
			t.Errorf("%d entries after the files were begun anew, want those since, in order", len(got))
		}
		info, err := os.Stat(filepath.Join(dir, "j", "tail"))
		if err != nil || info.Size() > 8<<10 {
			t.Errorf("tail: %v %v", info, err)
		}
	}
}

// What a reader looks at does not change, though memory of blocks is used again
// while it does.
func TestEntriesStay(t *testing.T) {
	s := journal.NewSet(t.TempDir(), journal.Options{Block: 8 << 10})
	j := open(t, s, "j")
	stop := run(t, s)
	defer stop()
	fill := func(round int) {
		text := bytes.Repeat([]byte{byte('a' + round)}, 100)
		for range 60 { // most of a block
			for !j.Append(journal.Entry{Time: int64(round), Text: text}) {
				runtime.Gosched()
			}
		}
	}
	for round := range 20 {
		fill(round)
		var once sync.Once
		_, err := j.Select(t.Context(), journal.Query{Match: func(e *journal.Entry) bool {
			once.Do(func() { // all that is in memory now is written, and its memory free
				before := j.Bytes()
				for j.Bytes() < before+10*100 {
					fill(25)
				}
			})
			if want := bytes.Repeat([]byte{byte('a' + e.Time)}, 100); !bytes.Equal(e.Text, want) {
				t.Errorf("entry %d of round %d is %q", e.Seq, e.Time, e.Text)
			}
			return false
		}})
		if err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			return
		}
	}
}

// What was appended is in a file after Options.Flush, and what fills blocks faster
// than that is written once.
func TestFlush(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := journal.NewSet(dir, journal.Options{Block: 1 << 10, Flush: 200 * time.Millisecond})
		j := open(t, s, "j")
		stop := run(t, s)
		defer stop()
		time.Sleep(30 * time.Millisecond) // between two ticks
		for n := range 3 {
			j.Append(journal.Entry{Text: []byte("slow")})
			time.Sleep(200 * time.Millisecond)
			synctest.Wait()
			// What a process that was killed now would find.
			if got := texts(t, open(t, journal.NewSet(dir, journal.Options{}), "j"), journal.Query{}); len(got) != n+1 {
				t.Errorf("%d entries are in files, want %d", len(got), n+1)
			}
		}
		for range 40 {
			for range 11 { // more than a block
				j.Append(journal.Entry{Text: make([]byte, 100)})
			}
			time.Sleep(50 * time.Millisecond)
		}
		synctest.Wait()
		if info, err := os.Stat(filepath.Join(dir, "j", "tail")); err == nil && info.Size() > 0 {
			t.Errorf("the tail has %d bytes: all were written twice", info.Size())
		}
	})
}

// A journal that cannot be written says so until it can be, though others are
// written meanwhile; and the operator is told once, not once for each.
func TestFailed(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := journal.NewSet(dir, journal.Options{Block: 1 << 10, Log: slog.New(slog.NewTextHandler(&log, nil))})
		bad, good := open(t, s, "bad"), open(t, s, "good")
		if err := os.WriteFile(filepath.Join(dir, "bad"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		stop := run(t, s)
		defer stop()
		bad.Append(journal.Entry{Text: []byte("waits")})
		time.Sleep(time.Second)
		synctest.Wait()
		if bad.Err() == nil {
			t.Fatal("a journal without a directory has no error")
		}
		for range 20 { // a block, which is written at once
			good.Append(journal.Entry{Text: make([]byte, 100)})
		}
		synctest.Wait()
		if good.Bytes() == 0 || bad.Err() == nil {
			t.Errorf("%d bytes of the other are written, and the error is %v", good.Bytes(), bad.Err())
		}
		time.Sleep(time.Second)
		if err := os.Remove(filepath.Join(dir, "bad")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if bad.Err() != nil {
			t.Error(bad.Err())
		}
		stop()
		if failed, again := strings.Count(log.String(), "cannot be written"), strings.Count(log.String(), "written again"); failed != 1 || again != 1 {
			t.Errorf("the operator is told %d times that writing fails, %d times that it goes again; want 1 of each:\n%s", failed, again, &log)
		}
	})
}

// Journals that rest hold no memory for blocks, however they came to rest.
func TestRestingHoldNothing(t *testing.T) {
	const block, many = 1 << 20, 20
	tests := []struct {
		name  string
		sizes []int // of the entries of each
	}{
		{"after half a block", []int{block / 2}},
		{"after a block", []int{block}},
		{"after a block and a line", []int{block, 100}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				s := journal.NewSet(dir, journal.Options{Block: block})
				stop := run(t, s)
				defer stop()
				held := func() int64 {
					runtime.GC()
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					return int64(m.HeapAlloc)
				}
				before := held()
				for i := range many {
					j := open(t, s, fmt.Sprint(i))
					for _, size := range tt.sizes {
						j.Append(journal.Entry{Text: make([]byte, size)})
					}
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if n := held() - before; n > many*block/4 {
					t.Errorf("%d journals that rest hold %d bytes", many, n)
				}
			})
		})
	}
}

// Next passes over what is gone, and does not wait.
func TestNext(t *testing.T) {
	dir := t.TempDir()
	s := journal.NewSet(dir, journal.Options{Block: 1 << 10, Segment: 2 << 10})
	j := open(t, s, "j")
	if err := j.Write(numbered(400)); err != nil {
		t.Fatal(err)
	}
	j.SetMaxAge(time.Nanosecond)
	s.Trim(time.Now())
	list, err := j.Next(t.Context(), 0)
	if err != nil || len(list) > 0 {
		t.Fatalf("after all are gone: %d entries, %v", len(list), err)
	}
	j.SetMaxAge(0)
	if err := j.Write(numbered(1)); err != nil {
		t.Fatal(err)
	}
	if list, err = j.Next(t.Context(), 0); err != nil || len(list) != 1 || list[0].Seq != 401 {
		t.Fatalf("after the oldest are gone: %d entries, %v", len(list), err)
	}
	if list, err := j.Next(t.Context(), j.Last()); err != nil || len(list) > 0 {
		t.Errorf("after the last one: %d entries, %v", len(list), err)
	}
	if err := s.Remove("j"); err != nil {
		t.Fatal(err)
	}
	if list, err := j.Next(t.Context(), 0); err != nil || len(list) > 0 {
		t.Errorf("of a journal that was removed: %d entries, %v", len(list), err)
	}
}
