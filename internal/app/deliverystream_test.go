package app

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/gateway/step"
)

// TestDeliveryStream: lines arrive as Firehose sends them, again if they are not
// taken; what is never taken is counted, and nobody who writes waits.
func TestDeliveryStream(t *testing.T) {
	var requests, refuse atomic.Int64
	lines := make(chan string, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if refuse.Add(-1) >= 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		var d delivery
		if err := json.NewDecoder(r.Body).Decode(&d); err != nil || d.RequestID != r.Header.Get("X-Amz-Firehose-Request-Id") {
			t.Errorf("bad delivery: %v %+v", err, d)
		}
		for _, rec := range d.Records {
			lines <- string(rec.Data)
		}
	}))
	defer srv.Close()
	run := func(write func(s *step.LogSink)) *step.LogSink {
		s := step.NewLogSink(newDeliveryStream(srv.URL).opener(t.Context()), step.LogOptions{Flush: time.Millisecond})
		write(s)
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // it writes what there is, and ends
		if err := s.Run(ctx); err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := run(func(s *step.LogSink) { s.Write(time.Time{}, []byte("one\n")); s.Write(time.Time{}, []byte("two\n")) })
	if got := []string{<-lines, <-lines}; strings.Join(got, "") != "one\ntwo\n" && strings.Join(got, "") != "two\none\n" || s.Dropped() != 0 {
		t.Errorf("got %q, %d dropped", got, s.Dropped())
	}
	refuse.Store(deliveryTries)
	before := requests.Load()
	s = run(func(s *step.LogSink) { s.Write(time.Time{}, []byte("lost\n")) })
	if s.Dropped() != 1 || requests.Load()-before != deliveryTries {
		t.Errorf("%d dropped after %d tries, want 1 after %d", s.Dropped(), requests.Load()-before, deliveryTries)
	}
}

// TestDeliveryStreamHangs: who does not answer holds up the end of the server no
// longer than it has patience, and what was not sent is counted.
func TestDeliveryStreamHangs(t *testing.T) {
	var requests atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	defer srv.Close()
	last, giveUp := context.WithCancel(t.Context())
	l := &accessLogs{
		every:    []*step.LogSink{step.NewLogSink(newDeliveryStream(srv.URL).opener(last), step.LogOptions{Flush: time.Millisecond})},
		patience: time.Millisecond, giveUp: giveUp, log: slog.New(slog.DiscardHandler),
	}
	l.every[0].Write(time.Time{}, []byte("lost\n"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if _, dropped := l.counts(); dropped != 1 || requests.Load() > 1 {
		t.Errorf("%d dropped after %d requests; want 1 after no more than 1", dropped, requests.Load())
	}
}
