package cloudtrail

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"sync"
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
// Calls that change nothing have no intent; where there is no room for their
// records these are dropped and counted.

const (
	// keepAge is how long events are kept. AWS: "the past 90 days".
	keepAge   = 90 * 24 * time.Hour
	keepFlush = 50 * time.Millisecond

	eventsName  = "events"
	intentsName = "intents"
	// mostIntents is how many intents a journal takes before the next one does.
	mostIntents = 4096
)

// intentsNames are the journals of intents, used in turn.
func intentsNames() [2]string { return [2]string{"a", "b"} }

// errNoSpace says that the disk is full.
var errNoSpace error = syscall.ENOSPC

// A keeper keeps records.
type keeper struct {
	events, intents *journal.Set
	log             *journal.Journal // of events

	mu      sync.Mutex // guards the fields below
	now     *intents
	before  *intents            // the one that was full last, while calls of it are under way; or nil
	running map[string]*intents // records of calls under way
	missed  bool                // an event found no room: intents stay for the next start
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
		events:  journal.NewSet(filepath.Join(opt.Dir, eventsName), journal.Options{MaxBytes: opt.MaxBytes, Flush: keepFlush, Fsync: true, Log: opt.Log}),
		intents: journal.NewSet(filepath.Join(opt.Dir, intentsName), journal.Options{Fsync: true, Log: opt.Log}),
		running: map[string]*intents{},
	}
	var err error
	if k.log, err = k.events.Open(eventsName); err != nil {
		return nil, err
	}
	k.log.SetMaxAge(keepAge)
	for _, name := range intentsNames() {
		if err := k.recover(name); err != nil {
			return nil, err
		}
	}
	k.now, err = k.open(intentsNames()[0])
	return k, err
}

func (k *keeper) open(name string) (*intents, error) {
	j, err := k.intents.Open(name)
	return &intents{name: name, journal: j}, err
}

// run writes what waits until ctx ends, then the rest.
func (k *keeper) run(ctx context.Context) error { return k.events.Run(ctx) }

// begin writes an intent.
func (k *keeper) begin(e *event) error {
	k.mu.Lock()
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
	k.running[e.ID] = to
	k.mu.Unlock()
	return to.journal.Write([]journal.Entry{e.entry()})
}

// end appends the record of a call that has ended.
func (k *keeper) end(e *event) {
	ok := k.log.Append(e.entry())
	k.mu.Lock()
	defer k.mu.Unlock()
	of := k.running[e.ID]
	if of == nil {
		return
	}
	delete(k.running, e.ID)
	of.running--
	k.missed = k.missed || !ok
	if of == k.before && of.running == 0 && !k.missed {
		// The disk must have the events first. If it has not, the intents stay.
		if k.log.Write(nil) == nil && k.intents.Remove(of.name) == nil {
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
