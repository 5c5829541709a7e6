package robust_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/internal/journal"
)

func journalOptions() journal.Options {
	return journal.Options{Block: 16 << 10, Segment: 128 << 10, Flush: 10 * time.Millisecond}
}

// text is the text of an entry: of any length, and to be told from others.
func text(n int) []byte {
	rng := rand.New(rand.NewPCG(uint64(n), 7))
	b := fmt.Appendf(nil, "entry %d ", n)
	for range rng.IntN(300) {
		b = append(b, byte(' '+rng.IntN(90)))
	}
	return b
}

// logger writes entries to the journal at args[0] for ever, some waiting until they
// are written, most not. It acknowledges what was waited for.
func logger(args []string) error {
	s := journal.NewSet(args[0], journalOptions())
	j, err := s.Open("j")
	if err != nil {
		return err
	}
	go s.Run(context.Background()) //nolint:errcheck // never ends
	for n := int(j.Last()) + 1; ; n++ {
		e := journal.Entry{Time: int64(n), Text: text(n)}
		if n%7 != 0 {
			for !j.Append(e) {
			}
			continue
		}
		if err := j.Write([]journal.Entry{e}); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(os.Stdout, n); err != nil {
			return err
		}
	}
}

// TestJournalKilled: whatever a process that is killed was writing, entries that
// were acknowledged are there, all before them too, and each as it was written.
func TestJournalKilled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	acknowledged, before := 0, 0
	kills := repeats("GATEHOUSE_JOURNAL_KILLS", 100)
	for i := range kills {
		c := start(t, "logger", dir)
		after := 1 + rng.IntN(300)
		alarm := time.AfterFunc(2*time.Second, c.kill)
		moment := time.Duration(rng.IntN(3000)) * time.Microsecond
		lines := 0
		for line, ok := c.line(); ok; line, ok = c.line() {
			if _, err := fmt.Sscan(line, &acknowledged); err != nil {
				t.Fatalf("child wrote %q", line)
			}
			if lines++; lines == after {
				time.AfterFunc(moment, c.kill)
			}
		}
		alarm.Stop()
		_ = c.wait() // killed
		s := journal.NewSet(dir, journalOptions())
		j, err := s.Open("j")
		if err != nil {
			t.Fatalf("kill %d: %v", i, err)
		}
		if last := int(j.Last()); last < acknowledged {
			t.Fatalf("kill %d: last entry %d, acknowledged was %d", i, last, acknowledged)
		}
		before = checkJournal(t, j, before)
		if st := s.Stats(); t.Failed() {
			t.Fatalf("kill %d: %+v", i, st)
		}
	}
	t.Logf("%d kills, %d entries acknowledged, none lost", kills, acknowledged)
	if acknowledged < kills {
		t.Error("hardly anything was written")
	}
}

// checkJournal looks at all entries after a number, and returns that of the last.
func checkJournal(t *testing.T, j *journal.Journal, after int) int {
	for uint64(after) < j.Last() {
		list, err := j.Follow(t.Context(), uint64(after))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			after++
			if e.Seq != uint64(after) || e.Time != int64(after) || string(e.Text) != string(text(after)) {
				t.Errorf("entry %d is %d at %d: %.60s", after, e.Seq, e.Time, e.Text)
				return after
			}
		}
	}
	return after
}
