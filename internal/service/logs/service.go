// Package logs is Amazon CloudWatch Logs: log groups, their streams and events,
// metric filters and subscriptions, as methods of [Service].
//
// What was configured of a group is a record in the store. Its events and its
// streams belong to the node that took them: events stand in a journal, the names
// of streams in a file beside it. Other parts of Gatehouse write by [Stream]s,
// which never wait: what finds no room is dropped and counted.
package logs

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/logs"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/journal"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// Options are what a [Service] is told. Zero fields take their defaults.
type Options struct {
	Dir       string // of journals
	Journal   journal.Options
	Metrics   Metrics // takes what metric filters count; nil: nothing does
	Functions Invoker // calls functions that subscribe; nil: none can
	Stages    Stages  // whose logs are delivered; nil: none are
	Buckets   Buckets // that logs are delivered to; nil: there are none
	// Streams is what takes the lines of a delivery stream, by its name; nil: nobody
	// knows that one, or any.
	Streams    func(name string) DeliveryStream
	BucketPace time.Duration // between objects that a delivery puts into a bucket; 5 minutes
	Log        *slog.Logger
}

// A Service answers the operations of CloudWatch Logs. What is not implemented
// answers NotImplementedException, by the embedded type.
type Service struct {
	api.UnimplementedServer
	st   store.Store
	opt  Options
	set  *journal.Set
	deli delivery

	dropped atomic.Uint64 // lines for groups that there are not

	// diverted takes what is written; nil: it stays here. See Divert.
	diverted atomic.Pointer[Diversion]

	progress store.Progress

	// following is held while it is found out which groups deliveries follow, and
	// while a delivery is made.
	following sync.Mutex

	mu      sync.Mutex // guards the fields below
	groups  map[place]*Group
	wanted  map[*Group]bool // groups to make, which lines came for
	changed chan struct{}   // something for Run to look at
}

var _ api.Server = (*Service)(nil)

// New returns a service over st.
func New(st store.Store, opt Options) *Service {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	opt.Journal.Log = opt.Log
	return &Service{
		st: st, opt: opt, set: journal.NewSet(opt.Dir, opt.Journal), deli: newDelivery(),
		groups: map[place]*Group{}, wanted: map[*Group]bool{}, changed: make(chan struct{}, 1),
	}
}

// Stats counts what happened to events since the start.
type Stats struct {
	journal.Stats
	Homeless uint64 // lines dropped because their group does not exist
}

// Stats returns the counts.
func (s *Service) Stats() Stats { return Stats{s.set.Stats(), s.dropped.Load()} }

// A groupRecord is a log group as it is stored. Filters stand in it, so that a
// group goes with all that belongs to it.
type groupRecord struct {
	Name          string
	ID            string // of its journal: a group of the same name made anew has another
	Created       int64
	Retention     int32 // days; 0: for ever
	Tags          map[string]string
	MetricFilters []api.MetricFilter
	Subscriptions []api.SubscriptionFilter
}

// A place is where a group stands.
type place struct {
	record.Scope
	name string
}

const (
	keyService = "logs"
	keyGroup   = "group"
)

func (s *Service) table(scope record.Scope) store.Table[groupRecord] {
	return store.NewTable[groupRecord](s.st, store.Prefix(scope.Account, scope.Region, keyService, keyGroup))
}

// scopeOf is where the caller's groups stand.
func scopeOf(ctx context.Context) record.Scope {
	c := awsrpc.CallerFrom(ctx)
	return record.Scope{Account: c.Account, Region: c.Region}
}

// journalName is the name of the journal of a group.
func journalName(scope record.Scope, id string) string {
	return filepath.Join(scope.Account, scope.Region, id)
}

func groupARN(scope record.Scope, name string) string {
	return arn.ARN{Partition: arn.Partition(scope.Region), Service: "logs", Region: scope.Region, Account: scope.Account, Resource: "log-group:" + name}.String()
}

// find returns a group of the caller by its name.
func (s *Service) find(ctx context.Context, name string) (*live, error) {
	scope := scopeOf(ctx)
	rec, _, err := s.table(scope).Find(ctx, errNoGroup(), name)
	if err != nil {
		return nil, err
	}
	return s.put(scope, rec)
}

// edit changes a group of the caller.
func (s *Service) edit(ctx context.Context, name string, change func(rec *groupRecord) error) error {
	scope := scopeOf(ctx)
	t := s.table(scope)
	var next groupRecord
	err := store.Update(ctx, s.st, func(c *store.Change) error {
		rec, rev, err := t.Find(ctx, errNoGroup(), name)
		if err != nil {
			return err
		}
		if err := change(&rec); err != nil {
			return err
		}
		next = rec
		c.Require(t.Is(store.ID(name), rev))
		store.Add(c, t, store.ID(name), rec)
		return nil
	})
	if errors.Is(err, store.ErrConflict) {
		return api.OperationAbortedException("A conflicting operation is currently in progress against this resource. Please try again.")
	}
	if errors.Is(err, store.ErrTooLarge) {
		return api.LimitExceededException("Resource limit exceeded.")
	}
	if err != nil {
		return err
	}
	_, err = s.put(scope, next)
	return err
}

func now() int64 { return time.Now().UnixMilli() }

// str is what p points to, or "".
func str(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// is reports whether p points to true.
func is(p *bool) bool { return p != nil && *p }
