package logs

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	api "gatehouse/internal/awsapi/logs"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/journal"
)

// Bounds of a session.
//
// AWS: StartLiveTail: an update a second, up to 500 events in it, three hours.
const (
	tailEvery   = time.Second
	tailEvents  = 500
	tailSession = 3 * time.Hour
)

type tailStart struct {
	RequestID    string   `json:"requestId"`
	SessionID    string   `json:"sessionId"`
	Groups       []string `json:"logGroupIdentifiers"`
	StreamNames  []string `json:"logStreamNames"`
	StreamPrefix []string `json:"logStreamNamePrefixes"`
	Pattern      string   `json:"logEventFilterPattern"`
}

type tailUpdate struct {
	Metadata struct {
		Sampled bool `json:"sampled"`
	} `json:"sessionMetadata"`
	Results []tailEvent `json:"sessionResults"`
}

type tailEvent struct {
	Stream   string `json:"logStreamName"`
	Group    string `json:"logGroupIdentifier"`
	Message  string `json:"message"`
	Time     int64  `json:"timestamp"`
	Ingested int64  `json:"ingestionTime"`
}

// A tailed is a group of a session.
type tailed struct {
	l    *live
	from uint64 // number of the last event that was looked at
}

// StartLiveTail sends events of groups as they come.
func (s *Service) StartLiveTail(ctx context.Context, in *api.StartLiveTailInput) (*api.StartLiveTailResponse, error) {
	p, err := ParsePattern(str(in.LogEventFilterPattern))
	if err != nil {
		return nil, err
	}
	if (in.LogStreamNames != nil || in.LogStreamNamePrefixes != nil) && (len(in.LogGroupIdentifiers) > 1 || in.LogStreamNames != nil && in.LogStreamNamePrefixes != nil) {
		// AWS: StartLiveTail, logStreamNames.
		return nil, errInvalid("logStreamNames or logStreamNamePrefixes can be given with one log group only, and not both.")
	}
	var groups []*tailed
	for _, id := range in.LogGroupIdentifiers {
		l, err := s.find(ctx, nameOf(id))
		if err != nil {
			return nil, err
		}
		groups = append(groups, &tailed{l, l.journal.Last()})
	}
	c := awsrpc.CallerFrom(ctx)
	var session [16]byte
	_, _ = rand.Read(session[:]) // never fails: crypto/rand ends the process first
	start := tailStart{
		RequestID: c.RequestID, SessionID: hex.EncodeToString(session[:]), Groups: in.LogGroupIdentifiers,
		StreamNames: orEmpty(in.LogStreamNames), StreamPrefix: orEmpty(in.LogStreamNamePrefixes), Pattern: str(in.LogEventFilterPattern),
	}
	wants := func(st *stream) bool {
		if in.LogStreamNames == nil && in.LogStreamNamePrefixes == nil {
			return true
		}
		for _, name := range in.LogStreamNames {
			if st.name == name {
				return true
			}
		}
		for _, prefix := range in.LogStreamNamePrefixes {
			if strings.HasPrefix(st.name, prefix) {
				return true
			}
		}
		return false
	}
	return &api.StartLiveTailResponse{ResponseStream: func(yield func(awsrpc.Event, error) bool) {
		if yieldJSON(yield, "sessionStart", &start) {
			tail(ctx, groups, p, wants, yield)
		}
	}}, nil
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func yieldJSON(yield func(awsrpc.Event, error) bool, kind string, v any) bool {
	b, err := json.Marshal(v)
	return yield(awsrpc.Event{Type: kind, ContentType: "application/json", Payload: b}, err)
}

// tail sends an update every second, until the client leaves or the session is
// over.
func tail(ctx context.Context, groups []*tailed, p *Pattern, wants func(*stream) bool, yield func(awsrpc.Event, error) bool) {
	tick := time.NewTicker(tailEvery)
	defer tick.Stop()
	for end := time.Now().Add(tailSession); time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		u := tailUpdate{Results: []tailEvent{}}
		for _, g := range groups {
			g.read(ctx, p, wants, &u)
		}
		if !yieldJSON(yield, "sessionUpdate", &u) {
			return
		}
	}
	b, _ := json.Marshal(map[string]string{"message": "Session timed out"}) // of text
	yield(awsrpc.Event{Type: "SessionTimeoutException", ContentType: "application/json", Payload: b}, nil)
}

// read adds what has come since the last time. Of more events than an update
// takes some are left out, and it says so.
func (g *tailed) read(ctx context.Context, p *Pattern, wants func(*stream) bool, u *tailUpdate) {
	for last := g.l.journal.Last(); g.from < last; {
		entries, err := g.l.journal.Next(ctx, g.from)
		if err != nil {
			return // the next update tries again
		}
		if len(entries) == 0 { // what there was is gone
			g.from = last
			return
		}
		for i := range entries {
			g.add(&entries[i], p, wants, u)
		}
		g.from = entries[len(entries)-1].Seq
		if u.Metadata.Sampled {
			g.from = max(g.from, last)
		}
	}
}

func (g *tailed) add(e *journal.Entry, p *Pattern, wants func(*stream) bool, u *tailUpdate) {
	st := g.l.streams.numbered(e.Source)
	if st == nil || !wants(st) || !p.Match(e.Text) {
		return
	}
	if len(u.Results) >= tailEvents {
		u.Metadata.Sampled = true
		return
	}
	u.Results = append(u.Results, tailEvent{
		Stream: st.name, Group: g.l.at.Account + ":" + g.l.rec.Name, Message: string(e.Text), Time: e.Time, Ingested: e.Stored,
	})
}
