// Package metrics counts requests: how many, how they ended, how long they
// took and how large they were.
//
// A [Series] counts the requests of one thing. Adding to it takes no lock and
// no memory, and processors that add at the same time seldom touch the same
// cache line. A [Registry] keeps series by key, so that they outlive the
// configuration that they belong to, and bounds how many there are. [Figures]
// are what a series has counted so far; they can be added and subtracted.
package metrics

import (
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// An Outcome says what became of a request, in one of AWS's classes.
type Outcome uint8

// The outcomes.
const (
	Fine           Outcome = iota
	ClientError            // 4XXError
	ServerError            // 5XXError; of WebSocket APIs IntegrationError
	ExecutionError         // of WebSocket APIs: a ServerError that is not of the backend's making
)

// A Lookup says what a cache did for a request.
type Lookup uint8

// The lookups.
const (
	NotAsked Lookup = iota
	Hit             // CacheHitCount
	Miss            // CacheMissCount
)

// A Request is what a series is told about one request.
type Request struct {
	Outcome     Outcome
	Cache       Lookup
	Connect     bool // of a WebSocket API: a client came
	Reply       bool // and: something was sent to it
	Called      bool // a backend was called, and took Integration
	Latency     time.Duration
	Integration time.Duration
	Received    int64 // bytes of the request
	Sent        int64 // bytes of the response
}

// A Series counts the requests of one thing. It is safe for any number of
// goroutines. Its zero value has counted nothing yet.
//
// One whose goroutines get into each other's way spreads over several shards.
// Most never do, and are a quarter as large.
type Series struct {
	first   shard
	more    atomic.Pointer[[moreShards]shard]
	clashes atomic.Uint32 // at most spreadAfter, or a few more
}

// A shard counts a part of the requests. How many there were is the sum of the
// latency's buckets.
type shard struct {
	clientErrors, serverErrors atomic.Uint64
	hits, misses               atomic.Uint64
	received, sent             atomic.Uint64
	connects, replies          atomic.Uint64
	executionErrors            atomic.Uint64
	latency, integration       histogram

	_ [64]byte // shards do not share a cache line
}

const (
	// moreShards are those after the first. More processors share them.
	moreShards = 3
	// spreadAfter is after how many clashes a series spreads: seconds where
	// thousands of requests a second come at several processors, and years
	// where ten do.
	spreadAfter = 64
)

// NewSeries returns a series that has counted nothing yet.
func NewSeries() *Series { return new(Series) }

// Add counts a request.
func (s *Series) Add(r *Request) {
	sh := &s.first
	if more := s.more.Load(); more != nil {
		if n := rand.Uint32() % (moreShards + 1); n < moreShards {
			sh = &more[n]
		}
		sh.latency.add(r.Latency)
	} else if !sh.latency.add(r.Latency) && s.clashes.Add(1) == spreadAfter {
		s.more.Store(new([moreShards]shard))
	}
	if r.Called {
		sh.integration.add(r.Integration)
	}
	sh.received.Add(uint64(max(0, r.Received)))
	sh.sent.Add(uint64(max(0, r.Sent)))
	switch r.Outcome {
	case ClientError:
		sh.clientErrors.Add(1)
	case ServerError:
		sh.serverErrors.Add(1)
	case ExecutionError:
		sh.serverErrors.Add(1)
		sh.executionErrors.Add(1)
	}
	if r.Connect {
		sh.connects.Add(1)
	}
	if r.Reply {
		sh.replies.Add(1)
	}
	switch r.Cache {
	case Hit:
		sh.hits.Add(1)
	case Miss:
		sh.misses.Add(1)
	}
}

// Figures are what a series has counted.
type Figures struct {
	Count        uint64 `json:"count"`
	ClientErrors uint64 `json:"4xx"`
	ServerErrors uint64 `json:"5xx"`
	Hits         uint64 `json:"cacheHits"`
	Misses       uint64 `json:"cacheMisses"`
	Received     uint64 `json:"bytesReceived"`
	Sent         uint64 `json:"bytesSent"`

	// Of WebSocket APIs.
	Connects        uint64 `json:"connects,omitempty"`
	Replies         uint64 `json:"replies,omitempty"`
	ExecutionErrors uint64 `json:"executionErrors,omitempty"` // of the 5xx

	Latency     Distribution `json:"latency"`
	Integration Distribution `json:"integrationLatency"`
}

// Figures returns what s has counted so far. Requests that are added meanwhile
// may be seen in part.
func (s *Series) Figures() Figures {
	var f Figures
	var latency, integration tally
	take := func(sh *shard) {
		// What is a part of all is read first, so that it is never more.
		f.ExecutionErrors += sh.executionErrors.Load()
		f.Connects += sh.connects.Load()
		f.Replies += sh.replies.Load()
		f.ClientErrors += sh.clientErrors.Load()
		f.ServerErrors += sh.serverErrors.Load()
		f.Hits += sh.hits.Load()
		f.Misses += sh.misses.Load()
		f.Received += sh.received.Load()
		f.Sent += sh.sent.Load()
		integration.take(&sh.integration)
		latency.take(&sh.latency)
	}
	take(&s.first)
	if more := s.more.Load(); more != nil {
		for i := range more {
			take(&more[i])
		}
	}
	f.Latency, f.Integration = latency.distribution(), integration.distribution()
	f.Count = f.Latency.Count
	return f
}

// Plus returns what f and g count together.
func (f *Figures) Plus(g *Figures) Figures {
	return Figures{
		Count:        f.Count + g.Count,
		ClientErrors: f.ClientErrors + g.ClientErrors,
		ServerErrors: f.ServerErrors + g.ServerErrors,
		Hits:         f.Hits + g.Hits,
		Misses:       f.Misses + g.Misses,
		Received:     f.Received + g.Received,
		Sent:         f.Sent + g.Sent,

		Connects:        f.Connects + g.Connects,
		Replies:         f.Replies + g.Replies,
		ExecutionErrors: f.ExecutionErrors + g.ExecutionErrors,

		Latency:     f.Latency.plus(&g.Latency),
		Integration: f.Integration.plus(&g.Integration),
	}
}

// Since returns what was counted between an earlier look at the same series
// and f. If the series began anew in between, that is all of f.
func (f *Figures) Since(earlier *Figures) Figures {
	if earlier.Count > f.Count {
		return *f
	}
	return Figures{
		Count:        f.Count - earlier.Count,
		ClientErrors: less(f.ClientErrors, earlier.ClientErrors),
		ServerErrors: less(f.ServerErrors, earlier.ServerErrors),
		Hits:         less(f.Hits, earlier.Hits),
		Misses:       less(f.Misses, earlier.Misses),
		Received:     less(f.Received, earlier.Received),
		Sent:         less(f.Sent, earlier.Sent),

		Connects:        less(f.Connects, earlier.Connects),
		Replies:         less(f.Replies, earlier.Replies),
		ExecutionErrors: less(f.ExecutionErrors, earlier.ExecutionErrors),

		Latency:     f.Latency.since(&earlier.Latency),
		Integration: f.Integration.since(&earlier.Integration),
	}
}

// less is a - b, and never below zero.
func less(a, b uint64) uint64 { return a - min(a, b) }
