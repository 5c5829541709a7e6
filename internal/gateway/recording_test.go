package gateway

import (
	"context"
	"testing"
	"time"

	"gatehouse/internal/wire"
)

// The header by which a client asks for a recording is for the gateway alone,
// whatever it says. Without a token it is nobody's, and goes on.
func TestTokenIsWithheld(t *testing.T) {
	tests := []struct {
		name, token    string
		values         []string
		recorded, kept bool
	}{
		{"the token", "let-me-see", []string{"let-me-see"}, true, false},
		{"a guess", "let-me-see", []string{"guess"}, false, false},
		{"nothing", "let-me-see", []string{""}, false, false},
		{"a guess and the token", "let-me-see", []string{"guess", "let-me-see"}, true, false},
		{"where no header has it done", "", []string{"let-me-see"}, false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := &Gateway{Recorder: &Recorder{Token: tt.token, Keep: func(*Recording) {}}}
			x := new(Exchange)
			h := &x.MethodRequest.Header
			h.Add("A", "1")
			for _, v := range tt.values {
				h.Add("x-gateHouse-Trace", v)
			}
			h.Add("B", "2")
			g.Begin(x)
			if got := len(h.Values("X-Gatehouse-Trace")) > 0; got != tt.kept || h.Get("A") != "1" || h.Get("B") != "2" {
				t.Errorf("the header goes on: %v, want %v: %v", got, tt.kept, h.Fields)
			}
			if got := x.Recording != nil; got != tt.recorded {
				t.Errorf("recorded: %v, want %v", got, tt.recorded)
			}
			if !tt.kept && len(x.Withheld) != len(tt.values) {
				t.Errorf("%d lines are there for a signature, want %d", len(x.Withheld), len(tt.values))
			}
		})
	}
}

// Who asks for nothing costs no memory.
func TestNoTokenAllocatesNothing(t *testing.T) {
	r := &Recorder{Token: "let-me-see"}
	x := new(Exchange)
	x.MethodRequest.Header.Fields = []wire.Field{{Name: "X-Gatehouse-Tracy", Value: "let-me-see"}, {Name: "B", Value: "2"}}
	if n := testing.AllocsPerRun(1000, func() { r.begin(x) }); n != 0 || x.Recording != nil {
		t.Errorf("%v allocations, recorded: %v; want none", n, x.Recording != nil)
	}
}

// Events of a connection are recorded if its client has asked for that, or somebody
// waits for one; what has no recorder costs nothing.
func TestRecordingOfEvents(t *testing.T) {
	const id = "R0oXAdfD0kwCH6w="
	for _, tt := range []struct {
		name             string
		recorded, wanted bool
		want             int
	}{{"asked for", true, false, 1}, {"waited for", false, true, 1}, {"neither", false, false, 0}} {
		t.Run(tt.name, func(t *testing.T) {
			var kept []Recording
			r := &Recorder{Token: "let-me-see", Keep: func(r *Recording) { kept = append(kept, *r) }}
			if tt.wanted {
				r.Wanted.Store(&map[string]time.Time{id: time.Now().Add(time.Hour)})
			}
			g := &Gateway{Recorder: r}
			st := &Stage{Name: "s", Socket: &SocketStage{Left: &Plan{Request: []Step{answers{}}}}}
			x := new(Exchange)
			g.BeginEvent(x, g.Table(), st, nil, &Socket{Event: SocketDisconnect, ConnectionID: id, Recorded: tt.recorded}).Run(t.Context(), x)
			g.Finish(x, wire.Sent{})
			if len(kept) != tt.want {
				t.Fatalf("%d recordings, want %d", len(kept), tt.want)
			}
			for _, rec := range kept {
				if rec.ConnectionID != id || rec.Event != "DISCONNECT" || len(rec.Steps) != 1 || rec.Steps[0].Name != "gateway.answers" {
					t.Errorf("the recording is %+v", rec)
				}
			}
		})
	}
}

type answers struct{}

func (answers) Do(context.Context, *Exchange) error { return nil }
