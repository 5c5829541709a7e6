package function_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/function"
)

func TestEvents(t *testing.T) {
	h := newHost(t, function.Options{Retry: time.Millisecond})
	outcomes := make(chan *function.Outcome, 10)
	def := latest(function.Version{Code: testCode(t)})
	one := 1
	def.Versions["1"] = def.Versions["$LATEST"]
	def.Events = map[string]function.EventConfig{
		"$LATEST": {Done: func(o *function.Outcome) { outcomes <- o }},
		"1":       {Retries: &one, Done: func(o *function.Outcome) { outcomes <- o }},
	}
	mustSet(t, h, def)
	tests := []struct {
		name, arn, payload string
		want               function.Outcome
	}{
		{"success", testARN, `{"Do":"echo"}`, function.Outcome{Condition: "Success", Attempts: 1}},
		{"fails", testARN, `{"Do":"error"}`, function.Outcome{Condition: "RetriesExhausted", Attempts: 3}},
		{"fails, one retry", testARN + ":1", `{"Do":"exit","N":1}`, function.Outcome{Condition: "RetriesExhausted", Attempts: 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			payload := []byte(tt.payload)
			r, err := h.Invoke(t.Context(), &function.Invocation{Function: tt.arn, Kind: function.Event, Payload: payload})
			if err != nil || r.Status != 202 || len(r.Payload) > 0 || r.RequestID == "" {
				t.Fatalf("%+v, %v", r, err)
			}
			clear(payload) // is the caller's again
			o := <-outcomes
			if diff := cmp.Diff(tt.want, function.Outcome{Condition: o.Condition, Attempts: o.Attempts}); diff != "" {
				t.Error(diff)
			}
			if o.RequestID != r.RequestID || o.Result.RequestID != r.RequestID || string(o.Invocation.Payload) != tt.payload {
				t.Errorf("got %+v of %s", o, r.RequestID)
			}
		})
	}
}

// An event that meets a limit waits until there is room; one that grows too old
// is given up.
func TestEventsThrottled(t *testing.T) {
	h := newHost(t, function.Options{Queue: 2})
	outcomes, refused := make(chan *function.Outcome, 10), make(chan struct{})
	def := latest(function.Version{Code: testCode(t)})
	def.Reserved = new(int) // nothing runs
	def.Events = map[string]function.EventConfig{"$LATEST": {MaxAge: time.Millisecond, Done: func(o *function.Outcome) {
		<-refused // it has its place in the queue until this returns
		outcomes <- o
	}}}
	mustSet(t, h, def)
	in := &function.Invocation{Function: testARN, Kind: function.Event}
	for range 2 {
		if _, err := h.Invoke(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	_, err := h.Invoke(t.Context(), in)
	var e *function.Error
	if !errors.As(err, &e) || e.Name != "TooManyRequestsException" {
		t.Errorf("third event: %v", err)
	}
	close(refused)
	for range 2 {
		if o := <-outcomes; o.Condition != "EventAgeExceeded" || o.Attempts != 0 || o.Result != nil {
			t.Errorf("got %+v", o)
		}
	}
}

// What was accepted is made by the next host, if the first one ends before.
func TestEventsOutliveHost(t *testing.T) {
	dir, code := t.TempDir(), testCode(t)
	t.Run("accept", func(t *testing.T) {
		h := newHost(t, function.Options{Dir: dir})
		def := latest(function.Version{Code: code})
		def.Reserved = new(int) // nothing runs
		mustSet(t, h, def)
		r, err := h.Invoke(t.Context(), &function.Invocation{Function: testARN, Kind: function.Event, Payload: []byte(`{"N":7}`), RequestID: "id-7", TraceID: "trace"})
		if err != nil || r.Status != 202 {
			t.Fatalf("%+v, %v", r, err)
		}
	})
	for _, name := range []string{"torn.event", "begun.event.new", "begun.held.new"} {
		if err := os.WriteFile(filepath.Join(dir, "events", name), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h := newHost(t, function.Options{Dir: dir})
	outcomes := make(chan *function.Outcome, 1)
	def := latest(function.Version{Code: code})
	def.Events = map[string]function.EventConfig{"$LATEST": {Done: func(o *function.Outcome) { outcomes <- o }}}
	mustSet(t, h, def)
	o := <-outcomes
	if o.Condition != "Success" || o.RequestID != "id-7" || string(o.Result.Payload) != `{"N":7}` || o.Invocation.TraceID != "trace" {
		t.Errorf("got %+v", o)
	}
	if !await(func() bool {
		left, _ := filepath.Glob(filepath.Join(dir, "events", "*"))
		return len(left) == 1 && filepath.Base(left[0]) == "torn.event"
	}) {
		t.Error("files of events are left")
	}
}
