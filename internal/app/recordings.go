package app

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/gateway"
	"gatehouse/internal/journal"
	"gatehouse/internal/limit"
)

// recordings keep what happened to requests: those that failed, and those that
// were chosen to be recorded step by step.
type recordings struct {
	set     *journal.Set
	journal *journal.Journal
	to      *gateway.Recorder

	mu     sync.Mutex           // guards the field below
	wanted map[string]time.Time // ids that are waited for, and until when
}

// failureRate bounds how many failures a second are recorded: a flood of refused
// requests costs no more.
const (
	failureRate  = 200
	failureBurst = 1000
)

// openRecordings makes the place for recordings, or nil for none.
func openRecordings(cfg *Config, log *slog.Logger) (*recordings, error) {
	if cfg.TraceSize == 0 {
		return nil, nil
	}
	r := &recordings{set: journal.NewSet(filepath.Join(cfg.Data, "recordings"), journal.Options{MaxBytes: int64(cfg.TraceSize), Log: log})}
	var err error
	r.journal, err = r.set.Open("requests")
	return r, err
}

// recorder is what the gateway records with.
func (r *recordings) recorder(cfg *Config) *gateway.Recorder {
	if r == nil {
		return nil
	}
	share, _ := strconv.ParseFloat(cfg.TraceSample, 64) // it was checked
	r.to = &gateway.Recorder{Sample: share, Token: cfg.TraceToken, Keep: r.keep, Failures: limit.NewBucket(failureRate, failureBurst)}
	return r.to
}

// Bounds of what is waited for: ids beyond are refused, and what has not come by
// then is waited for no more.
const (
	mostWanted  = 64
	wantedFor   = 10 * time.Minute
	longestName = 128 // of an id
)

// want has the next requests with an id recorded step by step; false: too many are
// waited for.
func (r *recordings) want(id string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.wanted, func(_ string, until time.Time) bool { return !until.After(now) })
	if _, known := r.wanted[id]; !known && len(r.wanted) >= mostWanted || len(id) > longestName {
		return false
	}
	if r.wanted == nil {
		r.wanted = map[string]time.Time{}
	}
	r.wanted[id] = now.Add(wantedFor)
	ids := maps.Clone(r.wanted) // that does not change
	r.to.Wanted.Store(&ids)
	return true
}

func (r *recordings) keep(rec *gateway.Recording) {
	if b, err := json.Marshal(rec); err == nil { // of texts and numbers
		r.journal.Append(journal.Entry{Time: rec.Start.UnixMilli(), Text: b})
	}
}

// Run writes recordings until ctx ends.
func (r *recordings) Run(ctx context.Context) error {
	if r == nil {
		return nil
	}
	return r.set.Run(ctx)
}

// find returns the recordings of a request, by one of its ids.
func (r *recordings) find(ctx context.Context, id string) ([]json.RawMessage, error) {
	quoted, err := json.Marshal(id)
	if err != nil {
		return nil, err
	}
	res, err := r.journal.Select(ctx, journal.Query{
		Backward: true, Limit: 10, Literals: [][]byte{quoted},
		Match: func(e *journal.Entry) bool {
			if !bytes.Contains(e.Text, quoted) {
				return false
			}
			var rec gateway.Recording
			return json.Unmarshal(e.Text, &rec) == nil && (rec.RequestID == id || rec.ExtendedRequestID == id || rec.Trace == id || rec.ConnectionID == id)
		},
	})
	list := make([]json.RawMessage, len(res.Entries))
	for i := range res.Entries {
		list[i] = res.Entries[i].Text
	}
	return list, err
}

// A Failure is what failed for one reason: how often, and when last.
type Failure struct {
	Count     int       `json:"count"`
	Last      time.Time `json:"last"`
	API       string    `json:"api,omitempty"`
	Stage     string    `json:"stage,omitempty"`
	Route     string    `json:"route,omitempty"`
	Status    int       `json:"status"`
	Fault     string    `json:"fault,omitempty"`
	Reason    string    `json:"reason"`
	RequestID string    `json:"requestId"` // of the last
}

// mostFailures bounds how many failed requests are looked at.
const mostFailures = 100_000

// failures groups what failed since a time by reason, most frequent first.
func (r *recordings) failures(ctx context.Context, since time.Time) ([]Failure, error) {
	type key struct{ api, stage, route, fault, reason, status string }
	byKey := map[key]*Failure{}
	q := journal.Query{From: since.UnixMilli(), Backward: true}
	for seen := 0; seen < mostFailures; {
		res, err := r.journal.Select(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range res.Entries {
			var rec gateway.Recording
			if json.Unmarshal(res.Entries[i].Text, &rec) != nil || rec.Fault == "" && rec.Status < 500 {
				continue
			}
			f := Failure{API: rec.API, Stage: rec.Stage, Route: rec.Route, Status: rec.Status, Fault: rec.Fault, Reason: reasonOf(&rec), RequestID: rec.RequestID, Last: rec.Start}
			k := key{f.API, f.Stage, f.Route, f.Fault, withoutNumbers(f.Reason), strconv.Itoa(f.Status)}
			if byKey[k] == nil {
				byKey[k] = &f
			}
			byKey[k].Count++
		}
		seen += len(res.Entries)
		if !res.More {
			break
		}
		last := res.Entries[len(res.Entries)-1]
		q.After = &journal.Position{Time: last.Time, Seq: last.Seq}
	}
	list := []Failure{}
	for _, f := range byKey {
		list = append(list, *f)
	}
	slices.SortFunc(list, func(a, b Failure) int { return cmp.Or(cmp.Compare(b.Count, a.Count), b.Last.Compare(a.Last)) })
	return list, nil
}

// reasonOf is the most that is known of why a request failed.
func reasonOf(rec *gateway.Recording) string {
	backend := ""
	if rec.BackendStatus >= 500 {
		backend = fmt.Sprintf("the backend answered %d", rec.BackendStatus)
	}
	return cmp.Or(rec.AuthorizerError, rec.BackendError, rec.Cause, rec.Message, backend, fmt.Sprintf("answered %d", rec.Status))
}

// withoutNumbers makes texts the same that differ in numbers and in ids of
// hexadecimal digits.
func withoutNumbers(text string) string {
	return hexIDs.ReplaceAllStringFunc(text, func(id string) string {
		if strings.ContainsAny(id, "0123456789") {
			return "#"
		}
		return id
	})
}

// hexIDs are numbers and words of hexadecimal digits and dashes.
var hexIDs = regexp.MustCompile(`\b[0-9a-fA-F][0-9a-fA-F-]{7,}\b|[0-9]+`)

func (a *admin) showRecording(w http.ResponseWriter, r *http.Request) {
	if a.recorded == nil {
		writeJSON(w, http.StatusNotFound, map[string]string{"error": "no requests are recorded: trace-size is 0"})
		return
	}
	list, err := a.recorded.find(r.Context(), r.PathValue("id"))
	switch {
	case err != nil:
		a.log.Error("recordings not read", "error", err)
		writeJSON(w, http.StatusInternalServerError, map[string]string{"error": "recordings cannot be read: see the server's log"})
	case len(list) == 0:
		writeJSON(w, http.StatusNotFound, map[string]string{"error": "no recording of this request: it did not fail and was not chosen, or it is too long ago"})
	default:
		writeJSON(w, http.StatusOK, list)
	}
}

// wantRecording has the requests with an id recorded that come in the next minutes.
func (a *admin) wantRecording(w http.ResponseWriter, r *http.Request) {
	switch {
	case a.recorded == nil:
		writeJSON(w, http.StatusNotFound, map[string]string{"error": "no requests are recorded: trace-size is 0"})
	case !a.recorded.want(r.PathValue("id"), time.Now()):
		writeJSON(w, http.StatusTooManyRequests, map[string]string{"error": fmt.Sprintf("%d ids are waited for already, or this one is too long", mostWanted)})
	default:
		writeJSON(w, http.StatusAccepted, map[string]string{"until": time.Now().Add(wantedFor).UTC().Format(time.RFC3339)})
	}
}

func (a *admin) showFailures(w http.ResponseWriter, r *http.Request) {
	last, err := time.ParseDuration(cmp.Or(r.URL.Query().Get("last"), "15m"))
	if a.recorded == nil || err != nil || last < 0 {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "no requests are recorded (trace-size is 0), or last is no time such as 15m"})
		return
	}
	list, err := a.recorded.failures(r.Context(), time.Now().Add(-last))
	if err != nil {
		a.log.Error("recordings not read", "error", err)
		writeJSON(w, http.StatusInternalServerError, map[string]string{"error": "recordings cannot be read: see the server's log"})
		return
	}
	writeJSON(w, http.StatusOK, list)
}
