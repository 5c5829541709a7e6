package cloudtrail

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/journal"
)

func keeperIn(t *testing.T, dir string) *keeper {
	t.Helper()
	k, err := newKeeper(Options{Dir: dir, MaxBytes: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func someEvent(id string) *event {
	now := time.Now().UTC()
	return &event{ID: id, Name: "CreateThing", Recipient: "000000000000", Region: "us-east-1", Time: now.Format(time.RFC3339), at: now}
}

func kept(t *testing.T, k *keeper) map[string]string {
	t.Helper()
	got := map[string]string{}
	if err := each(k.log, journal.Query{}, func(e *journal.Entry) { got[idOf(e.Text)] = string(e.Text) }); err != nil {
		t.Fatal(err)
	}
	return got
}

// A process that ends between a change and its record leaves an intent, and the
// next one records it.
func TestRecoverIntents(t *testing.T) {
	dir := t.TempDir()
	k := keeperIn(t, dir)
	for _, id := range []string{"ended", "lost"} {
		if err := k.begin(someEvent(id)); err != nil {
			t.Fatal(err)
		}
	}
	k.end(someEvent("ended"))
	if err := k.log.Write(nil); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second start finds it done
		k = keeperIn(t, dir)
		got := kept(t, k)
		if len(got) != 2 || got["lost"] == "" || got["ended"] == "" {
			t.Fatalf("after a start there are %v", got)
		}
	}
}

// Intents go when their calls have ended, so that they stay few.
func TestIntentsAreBounded(t *testing.T) {
	k := keeperIn(t, t.TempDir())
	held := someEvent("held")
	if err := k.begin(held); err != nil {
		t.Fatal(err)
	}
	k.now.written = mostIntents
	for i := range 3 {
		e := someEvent(fmt.Sprint(i))
		if err := k.begin(e); err != nil {
			t.Fatal(err)
		}
		k.end(e)
	}
	if k.before == nil || k.now.written != 3 {
		t.Fatal("a full journal of intents did not give way to the next")
	}
	k.end(held)
	if k.before != nil || len(k.running) != 0 {
		t.Fatal("intents stay although all their calls have ended")
	}
}

// They go too where calls come one after the other, so that none is under way when
// the next journal takes over.
func TestIntentsOfCallsInTurn(t *testing.T) {
	k := keeperIn(t, t.TempDir())
	for round := range 3 {
		k.now.written = mostIntents
		e := someEvent(fmt.Sprint(round))
		if err := k.begin(e); err != nil {
			t.Fatal(err)
		}
		k.end(e)
		if k.before != nil || k.now.written != 1 {
			t.Fatalf("round %d: the journal that was full is there still, the next has %d intents", round, k.now.written)
		}
	}
}

// An event that finds no room comes when there is some, and the intents of its
// journal go then.
func TestLateEvents(t *testing.T) {
	k := keeperIn(t, t.TempDir())
	late, next := someEvent("late"), someEvent("next")
	if err := k.begin(late); err != nil {
		t.Fatal(err)
	}
	for k.log.Append(journal.Entry{Text: make([]byte, 100<<10)}) {
	}
	k.now.written = mostIntents
	k.end(late)
	if err := k.log.Write(nil); err != nil {
		t.Fatal(err)
	}
	if err := k.begin(next); err != nil {
		t.Fatal(err)
	}
	k.end(next)
	if got := kept(t, k); got["late"] == "" || got["next"] == "" {
		t.Error("an event of a change that found no room is lost")
	}
	if k.before != nil || k.now.written != 1 {
		t.Error("intents stay although all their calls have ended")
	}
}

// What cannot be recorded must not happen.
func TestBeginFailsWithTheDisk(t *testing.T) {
	dir := t.TempDir()
	k := keeperIn(t, dir)
	// In the place of the journal's directory stands a file.
	name := filepath.Join(dir, intentsName)
	if err := os.RemoveAll(name); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := k.begin(someEvent("a")); err == nil {
		t.Fatal("an intent that cannot be written was accepted")
	}
}

// Whoever takes records away under a server that runs ends its changes; put
// back, they go on.
func TestRemovedUnderneath(t *testing.T) {
	for _, what := range []string{".", eventsName, intentsName, "intents/a", "intents/a/tail"} {
		dir := filepath.Join(t.TempDir(), "audit")
		k := keeperIn(t, dir)
		e := someEvent("first")
		if err := k.begin(e); err != nil {
			t.Fatal(err)
		}
		k.end(e)
		if err := k.log.Write(nil); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, what)
		if err := os.Rename(name, dir+".away"); err != nil {
			t.Fatal(err)
		}
		if err := k.begin(someEvent("refused")); !errors.Is(err, errRemoved) && !errors.Is(err, journal.ErrLost) {
			t.Errorf("%s was removed, a change is begun: %v", what, err)
		}
		if what == "." || what == eventsName {
			// Another directory in its place is not it.
			if err := os.MkdirAll(name, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := k.begin(someEvent("refused")); !errors.Is(err, errRemoved) {
				t.Errorf("%s was replaced, a change is begun: %v", what, err)
			}
		}
		if err := os.RemoveAll(name); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(dir+".away", name); err != nil {
			t.Fatal(err)
		}
		if err := k.begin(someEvent("second")); err != nil {
			t.Errorf("%s was put back: %v", what, err)
		}
	}
}

// Changes that are refused for want of room do not pile up until even room does
// not help.
func TestRefusedLeaveNothing(t *testing.T) {
	dir := t.TempDir()
	k := keeperIn(t, dir)
	tail := filepath.Join(dir, intentsName, "a", "tail")
	if err := os.MkdirAll(tail, 0o700); err != nil { // cannot be written
		t.Fatal(err)
	}
	long := someEvent("long")
	long.UserAgent = strings.Repeat("u", 100_000)
	for range 200 { // more than the journal takes
		if err := k.begin(long); err == nil {
			t.Fatal("an intent that cannot be written was accepted")
		}
	}
	if err := os.Remove(tail); err != nil {
		t.Fatal(err)
	}
	if err := k.begin(someEvent("then")); err != nil {
		t.Errorf("a change once it can be written: %v", err)
	}
}
