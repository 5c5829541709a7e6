// Package cloudtrail is AWS CloudTrail: a record of every call of an AWS API, the
// history of these, and trails, which deliver them to buckets with signed
// digests.
//
// A [Service] is the [awsrpc.Auditor] of the server. What would change something
// is written to disk before it acts, what came of it afterwards; see keep.go for
// the promise. Records show no secrets; see redact.go.
package cloudtrail

import (
	"context"
	"crypto/rsa"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	api "gatehouse/internal/awsapi/cloudtrail"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/journal"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// Buckets is where trails deliver to.
type Buckets interface {
	// CheckBucket returns nil if an account has a bucket of a name.
	CheckBucket(ctx context.Context, account, bucket string) error
	// PutFile puts an object into a bucket of an account, with meta data.
	PutFile(ctx context.Context, account, bucket, key string, content []byte, meta map[string]string) error
}

// Groups is the log groups that trails deliver to.
type Groups interface {
	// CheckGroup returns nil if there is a log group of a name.
	CheckGroup(ctx context.Context, scope record.Scope, group string) error
	// WriteEvents adds events, of which the times and the texts count, to a stream of
	// a group, which is made if there is none. It returns when they are written.
	WriteEvents(ctx context.Context, scope record.Scope, group, stream string, events []journal.Entry) error
}

// Options are what a [Service] is told. Zero fields take their defaults.
type Options struct {
	Dir      string        // of what is kept of calls
	Mark     string        // a file elsewhere, by which it is seen that some was taken away; empty: none
	MaxBytes int64         // of it; 1 GiB
	Deliver  time.Duration // how often trails deliver; 5 minutes
	Digest   time.Duration // how often they sign what they delivered; an hour
	Buckets  Buckets       // nil: there are none to deliver to
	Groups   Groups        // the same
	Log      *slog.Logger
	// WatchAPIs is told whether requests to APIs are to be given to APICalled; nil:
	// nobody can.
	WatchAPIs func(on bool)
}

// A Service answers the operations of CloudTrail, and keeps what it tells.
type Service struct {
	api.UnimplementedServer
	st   store.Store
	opt  Options
	keep *keeper

	refreshing sync.Mutex               // held while wanted is found out
	wanted     atomic.Pointer[[]string] // types of data events that trails want

	delivering sync.Mutex // one delivery at a time

	keyOnce sync.Mutex
	signing *rsa.PrivateKey // nil until it is needed; guarded by keyOnce
}

var (
	_ api.Server     = (*Service)(nil)
	_ awsrpc.Auditor = (*Service)(nil)
)

// New returns a service over st. What an earlier process left without an outcome
// is recorded so.
func New(st store.Store, opt Options) (*Service, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.MaxBytes == 0 {
		opt.MaxBytes = 1 << 30
	}
	if opt.Deliver == 0 {
		opt.Deliver = 5 * time.Minute // AWS: on average within about 5 minutes
	}
	if opt.Digest == 0 {
		opt.Digest = time.Hour // AWS: every hour
	}
	keep, err := newKeeper(opt)
	if err != nil {
		return nil, err
	}
	if never, err := keep.neverKept(st); err != nil {
		return nil, err
	} else if never {
		opt.Log.Error("there are no records of calls, although things were changed: somebody removed the audit, unless this is a store from elsewhere", "directory", opt.Dir)
	}
	if len(keep.lacks) > 0 {
		opt.Log.Error("records of calls are missing: somebody removed or cut files of the audit while the server did not run (see gatehouse audit verify)", "directory", opt.Dir, "missing", strings.Join(keep.lacks, ", "))
	}
	return &Service{st: st, opt: opt, keep: keep}, nil
}

// Stats counts records since the start.
type Stats struct {
	Kept    uint64 // records
	Dropped uint64 // records of calls that changed nothing, and data events, lost for want of room
	Bytes   int64  // on disk
}

// Stats returns the counts.
func (s *Service) Stats() Stats {
	st, data := s.keep.events.Stats(), s.keep.dataSet.Stats()
	return Stats{Kept: st.Entries + data.Entries, Dropped: st.Dropped + data.Dropped + s.keep.dropped.Load(), Bytes: st.Bytes + data.Bytes}
}

// Run writes what is recorded and delivers it until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { s.deliverAll(ctx) })
	err := s.keep.run(ctx)
	wg.Wait()
	return err
}

func scopeOf(ctx context.Context) record.Scope {
	c := awsrpc.CallerFrom(ctx)
	return record.Scope{Account: c.Account, Region: c.Region}
}

// Begin writes what a call would change, or says why it must not.
func (s *Service) Begin(_ context.Context, c *awsrpc.Call) error {
	if !isManagement(c) {
		return nil
	}
	e := newEvent(c, nil)
	if err := s.keep.begin(e); err != nil {
		s.opt.Log.Error("call refused: its audit record cannot be written", "operation", c.Operation, "error", err)
		return &awsrpc.Error{Code: "ServiceUnavailableException", Status: 503,
			Message: "Gatehouse cannot write its audit trail, so it changes nothing: " + reason(err)}
	}
	return nil
}

// reason is what a client may know of why a record cannot be written.
func reason(err error) string {
	switch {
	case errors.Is(err, errNoSpace):
		return "there is no space left on its disk"
	case errors.Is(err, errRemoved), errors.Is(err, journal.ErrLost):
		return "its files were removed or replaced while it ran; put them back, or start the server anew"
	}
	return "see the server's log"
}

// End records a call and what came of it.
func (s *Service) End(_ context.Context, c *awsrpc.Call, o *awsrpc.Outcome) {
	if isManagement(c) {
		s.keep.end(newEvent(c, o))
		return
	}
	s.dataCall(c, o)
}

// isManagement tells management events, which are recorded, from data events.
//
// AWS: "Logging data events"; TestInvokeMethod and TestInvokeAuthorizer are not
// recorded ("Logging Amazon API Gateway API calls using AWS CloudTrail").
func isManagement(c *awsrpc.Call) bool {
	switch c.API {
	case "apigatewaymanagementapi":
		return false
	case "apigateway":
		if strings.HasPrefix(c.Operation, "TestInvoke") {
			return false
		}
	case "lambda":
		if strings.HasPrefix(c.Operation, "Invoke") {
			return false
		}
	case "s3":
		if isObjectCall(c.Operation) {
			return false
		}
	case "logs":
		if c.Operation == "PutLogEvents" {
			return false
		}
	case "cloudwatch":
		if strings.HasPrefix(c.Operation, "GetMetric") || c.Operation == "PutMetricData" {
			return false
		}
	case "servicediscovery":
		if strings.HasPrefix(c.Operation, "DiscoverInstances") {
			return false
		}
	case "xray":
		if c.Operation == "PutTelemetryRecords" || strings.Contains(c.Operation, "Trace") || c.Operation == "GetSamplingTargets" {
			return false
		}
	}
	return true
}

// isObjectCall reports whether an operation of S3 is about objects, not buckets.
func isObjectCall(operation string) bool {
	for _, word := range []string{"Object", "Upload", "Part"} {
		if strings.Contains(operation, word) && !strings.Contains(operation, "ObjectLock") {
			return true
		}
	}
	return false
}
