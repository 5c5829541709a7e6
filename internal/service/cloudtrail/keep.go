package cloudtrail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"gatehouse/internal/journal"
)

// How records are kept, and what is promised:
//
// Before a call that may change something acts, its record stands on disk, as an
// intent; if it cannot, the call is refused. When the call has ended, its record
// with what came of it is appended to the events, which the disk has within
// keepFlush. An intent without an event, which a process left that was killed or
// lost its power, becomes an event at the next start, and says that it is not
// known what came of it. So no change is without its record.
//
// Calls that change nothing have no intent; while records cannot be written theirs
// are dropped and counted.
//
// Whoever takes the directory or its files away, under a server that runs, ends
// all changes until they are back, or until the server is started anew.

const (
	// keepAge is how long events are kept. AWS: "the past 90 days".
	keepAge   = 90 * 24 * time.Hour
	keepFlush = 50 * time.Millisecond

	// dataAge is how long data events wait for their delivery.
	dataAge = 7 * 24 * time.Hour
	// dataShare is what part of the room of events data events have besides.
	dataShare = 4

	eventsName  = "events"
	dataName    = "data"
	intentsName = "intents"
	// mostIntents is how many intents a journal takes before the next one does.
	mostIntents = 4096
	// mostLate is how many events of changes wait in memory where the disk is slow.
	mostLate = 1024
)

// intentsNames are the journals of intents, used in turn.
func intentsNames() [2]string { return [2]string{"a", "b"} }

// errRemoved says that the directory of the records is not there any more.
var errRemoved = errors.New("the directory of the audit was removed or replaced")

// errNoSpace says that the disk is full.
var errNoSpace error = syscall.ENOSPC

// A keeper keeps records.
type keeper struct {
	events, intents *journal.Set
	log             *journal.Journal // of events
	dataSet         *journal.Set
	data            *journal.Journal // of data events
	homes           []home
	mark            mark
	lacks           []string      // what was missing of the records at the start
	dropped         atomic.Uint64 // records of calls that changed nothing

	mu      sync.Mutex // guards the fields below
	now     *intents
	before  *intents            // the one that was full last, while calls of it are under way; or nil
	running map[string]*intents // records of calls under way
	late    []journal.Entry     // events that found no room yet: intents stay until they do
	missed  bool                // late ones were too many: intents stay for the next start
}

// A home is a directory as it was at the start. It is held open, so that the file
// system, whichever it is, keeps its number.
type home struct {
	name string
	held *os.File
	was  fs.FileInfo
}

// intents are some in one journal, which goes when all their calls have ended.
type intents struct {
	name    string
	journal *journal.Journal
	written int
	running int
}

func newKeeper(opt Options) (*keeper, error) {
	k := &keeper{
		events:  journal.NewSet(filepath.Join(opt.Dir, eventsName), journal.Options{MaxBytes: opt.MaxBytes, Flush: keepFlush, Fsync: true, Whole: true, Log: opt.Log}),
		intents: journal.NewSet(filepath.Join(opt.Dir, intentsName), journal.Options{Fsync: true, Whole: true, Log: opt.Log}),
		running: map[string]*intents{},
		mark:    mark(opt.Mark),
	}
	err := k.settle(opt.Dir, filepath.Join(opt.Dir, eventsName), filepath.Join(opt.Dir, intentsName))
	if err != nil {
		return nil, err
	}
	if k.log, err = k.events.Open(eventsName); err != nil {
		return nil, err
	}
	k.lacks = k.lacking()
	k.log.SetMaxAge(keepAge)
	if err := k.openData(journal.NewSet(filepath.Join(opt.Dir, dataName), journal.Options{MaxBytes: opt.MaxBytes / dataShare, Log: opt.Log})); err != nil {
		return nil, err
	}
	for _, name := range intentsNames() {
		if err := k.recover(name); err != nil {
			return nil, err
		}
	}
	k.now, err = k.open(intentsNames()[0])
	return k, err
}

// settle makes the directories of the records, and notes which they are.
func (k *keeper) settle(names ...string) error {
	for _, name := range names {
		if err := os.MkdirAll(name, 0o700); err != nil {
			return err
		}
		held, err := os.Open(name)
		if err != nil {
			return err
		}
		was, err := held.Stat()
		if err != nil {
			return errors.Join(err, held.Close())
		}
		k.homes = append(k.homes, home{name, held, was})
	}
	return nil
}

// ready says why records cannot be kept.
func (k *keeper) ready() error {
	for i := range k.homes {
		h := &k.homes[i]
		now, err := os.Stat(h.name)
		if err != nil {
			return fmt.Errorf("%w: %w", errRemoved, err)
		}
		if !os.SameFile(now, h.was) {
			return fmt.Errorf("%w: %s is another one", errRemoved, h.name)
		}
	}
	if k.log.Err() == nil {
		return nil
	}
	if err := k.log.Write(nil); err != nil { // there may be room by now
		return fmt.Errorf("events: %w", err)
	}
	return nil
}

func (k *keeper) open(name string) (*intents, error) {
	j, err := k.intents.Open(name)
	return &intents{name: name, journal: j}, err
}

// run writes what waits until ctx ends, then the rest.
func (k *keeper) run(ctx context.Context) error {
	var wg sync.WaitGroup
	var err error
	wg.Go(func() { err = k.dataSet.Run(ctx) })
	wg.Go(func() { k.follow(ctx) })
	events := k.events.Run(ctx)
	wg.Wait()
	if k.mark != "" && events == nil && k.log.Err() == nil {
		_ = k.mark.write(k.log.Last()) // an older one is true as well
	}
	return errors.Join(events, err)
}

// begin writes an intent.
func (k *keeper) begin(e *event) error {
	if err := k.ready(); err != nil {
		return err
	}
	to := k.take(e.ID)
	var err error
	if to.journal.Err() != nil {
		err = to.journal.Write(nil) // what could not be written waits still, and must not grow
	}
	if err == nil {
		err = to.journal.Write([]journal.Entry{e.entry()})
	}
	if err != nil {
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.running, e.ID) // it is refused: its event may be lost
		to.running--
	}
	return err
}

// take returns where the intent of a call goes, and counts the call as running.
func (k *keeper) take(id string) *intents {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.now.written >= mostIntents && k.before == nil && !k.missed {
		names := intentsNames()
		name := names[0]
		if k.now.name == name {
			name = names[1]
		}
		if next, err := k.open(name); err == nil {
			k.before, k.now = k.now, next
		}
	}
	to := k.now
	to.written++
	to.running++
	k.running[id] = to
	return to
}

// end appends the record of a call that has ended.
func (k *keeper) end(e *event) {
	if e.ReadOnly && k.log.Err() != nil {
		k.dropped.Add(1) // what room there is belongs to changes
		return
	}
	entry := e.entry()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.late = slices.DeleteFunc(k.late, k.log.Append)
	ok := k.log.Append(entry)
	of := k.running[e.ID]
	if of == nil {
		return
	}
	delete(k.running, e.ID)
	of.running--
	switch {
	case !ok && len(k.late) < mostLate:
		k.late = append(k.late, entry)
	case !ok:
		k.missed = true
	}
	if b := k.before; b != nil && b.running == 0 && !k.missed && len(k.late) == 0 {
		// The disk must have the events first. If it has not, the next call tries.
		if k.log.Write(nil) == nil && k.intents.Remove(b.name) == nil {
			k.before = nil
		}
	}
}

// entry is the record as the journal takes it.
func (e *event) entry() journal.Entry {
	return journal.Entry{Time: e.at.UnixMilli(), Source: source(e.Recipient, e.Region), Text: e.text()}
}

// recover makes events of the intents that have none.
func (k *keeper) recover(name string) error {
	pending, err := k.intents.Open(name)
	if err != nil {
		return err
	}
	left := map[string]journal.Entry{}
	oldest := int64(0)
	err = each(pending, journal.Query{}, func(e *journal.Entry) {
		if id := idOf(e.Text); id != "" {
			left[id] = *e
		}
		if oldest == 0 || e.Time < oldest {
			oldest = e.Time
		}
	})
	if err != nil || len(left) == 0 {
		return err
	}
	// A clock that was set back since must not hide their events.
	const slack = int64(time.Hour / time.Millisecond)
	err = each(k.log, journal.Query{From: oldest - slack}, func(e *journal.Entry) { delete(left, idOf(e.Text)) })
	if err != nil {
		return err
	}
	var list []journal.Entry
	for _, e := range left {
		if e.Text, err = unknownOutcome(e.Text); err == nil {
			list = append(list, e)
		}
	}
	if len(list) > 0 {
		if err := k.log.Write(list); err != nil {
			return err
		}
	}
	return k.intents.Remove(name)
}

// each calls yield for all entries that a query asks for.
func each(j *journal.Journal, q journal.Query, yield func(e *journal.Entry)) error {
	for {
		found, err := j.Select(context.Background(), q)
		if err != nil {
			return err
		}
		for i := range found.Entries {
			yield(&found.Entries[i])
		}
		if !found.More || len(found.Entries) == 0 {
			return nil
		}
		last := found.Entries[len(found.Entries)-1]
		q.After = &journal.Position{Time: last.Time, Seq: last.Seq}
	}
}

func idOf(text []byte) string {
	var e struct {
		ID string `json:"eventID"`
	}
	_ = json.Unmarshal(text, &e) // what is no record has no id
	return e.ID
}

// unknownOutcome makes an event of an intent.
func unknownOutcome(intent []byte) ([]byte, error) {
	var e event
	if err := json.Unmarshal(intent, &e); err != nil {
		return nil, err
	}
	if e.ID == "" {
		return nil, errors.New("intent without an id")
	}
	e.Additional = map[string]string{"outcome": "unknown: the server ended before it could record what came of the call"}
	return e.text(), nil
}
