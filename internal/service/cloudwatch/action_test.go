package cloudwatch

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	api "gatehouse/internal/awsapi/cloudwatch"
)

// hanging are actions of which those to "dead" do not answer.
type hanging struct {
	mu    sync.Mutex
	done  map[string]time.Time // by alarm
	tried int                  // times that dead was
}

func (*hanging) Can(string) bool { return true }

func (h *hanging) Do(ctx context.Context, action string, n *Notification) error {
	h.mu.Lock()
	if !strings.HasSuffix(action, ":dead") {
		h.done[n.Alarm[strings.LastIndexByte(n.Alarm, ':')+1:]] = time.Now()
		h.mu.Unlock()
		return nil
	}
	h.tried++
	h.mu.Unlock()
	<-ctx.Done()
	return ctx.Err()
}

// Actions that do not answer hold up neither those that are asked for at the same
// time nor those that are asked for later.
func TestHangingActions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		h := &hanging{done: map[string]time.Time{}}
		w.opt.Actions = h
		const dead = 40
		for i := range dead {
			w.alarm(fmt.Sprintf("a%02d", i), "a", func(in *api.PutMetricAlarmInput) {
				in.AlarmActions = []string{"arn:aws:sns:eu-west-1:123456789012:dead"}
			})
		}
		for _, name := range []string{"z", "later"} {
			w.alarm(name, "a", func(in *api.PutMetricAlarmInput) {
				in.AlarmActions = []string{"arn:aws:sns:eu-west-1:123456789012:page"}
			})
		}
		off := func(name string) {
			if err := w.SetAlarmState(w.ctx, &api.SetAlarmStateInput{AlarmName: &name, StateValue: new(api.StateValueAlarm), StateReason: new("try")}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range dead {
			off(fmt.Sprintf("a%02d", i))
		}
		off("z")
		start := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.runActions(ctx) }()
		time.Sleep(time.Second)
		off("later")
		asked := time.Now()
		time.Sleep(time.Hour)
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if d := h.done["z"].Sub(start); h.done["z"].IsZero() || d > 0 {
			t.Errorf("what was asked for at the same time was done after %v", d)
		}
		if d := h.done["later"].Sub(asked); h.done["later"].IsZero() || d > roundTime+actionTime {
			t.Errorf("what was asked for later was done after %v", d)
		}
		if h.tried != dead*actionTries {
			t.Errorf("%d attempts at what does not answer, want %d", h.tried, dead*actionTries)
		}
	})
}
