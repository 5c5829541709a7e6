package cloudwatch

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	api "gatehouse/internal/awsapi/cloudwatch"
	"gatehouse/internal/awsrpc"
)

func (w *world) composite(name, rule string) {
	w.t.Helper()
	if err := w.PutCompositeAlarm(w.ctx, &api.PutCompositeAlarmInput{AlarmName: &name, AlarmRule: &rule}); err != nil {
		w.t.Fatal(err)
	}
}

// What composite alarms depend on cannot be deleted, but with what depends on it.
func TestDeleteAlarms(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"a", "b", "c"} {
		w.alarm(name, "m", nil)
	}
	w.composite("one", `ALARM(a) AND NOT OK("b")`)
	w.composite("two", `ALARM(a) OR ALARM(one)`)
	w.composite("ring", `ALARM(a)`)
	w.composite("round", `ALARM(ring)`)
	w.composite("ring", `ALARM(round)`)
	tests := []struct{ names, want string }{
		{"a", "Cannot delete a as there are composite alarm(s) depending on it."},
		{"c b a", "Cannot delete a,b as there are composite alarm(s) depending on them."},
		{"one", "Cannot delete one as there are composite alarm(s) depending on it."},
		{"one two", "Only one composite alarm can be deleted at a time."},
		{"ring", "Cannot delete ring as there are composite alarm(s) depending on it."},
		{"a none", "Alarms that do not exist: [none]"},
		{"c c", ""},
		{"two", ""},
		{"one b", ""},
		{"a", ""},
	}
	for _, tt := range tests {
		err := w.DeleteAlarms(w.ctx, &api.DeleteAlarmsInput{AlarmNames: strings.Fields(tt.names)})
		if err == nil && tt.want != "" || err != nil && (tt.want == "" || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.names, err, tt.want)
		}
	}
	// As Amazon says of rings: an alarm's rule is made to be false.
	w.composite("ring", "FALSE")
	for _, name := range []string{"round", "ring"} {
		if err := w.DeleteAlarms(w.ctx, &api.DeleteAlarmsInput{AlarmNames: []string{name}}); err != nil {
			t.Error(err)
		}
	}
	if rows, err := w.alarms(placeOf(awsrpc.CallerFrom(w.ctx))).All(w.ctx); err != nil || len(rows) != 0 {
		t.Errorf("%d alarms are left, %v", len(rows), err)
	}
}

// The history tells what was made, changed and deleted, and outlives the alarm, but not
// thirty days.
func TestHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
		w.alarm("a", "m", func(in *api.PutMetricAlarmInput) { in.Dimensions = []api.Dimension{{Name: new("n"), Value: new("v")}} })
		w.composite("c", "ALARM(a)")
		w.composite("c", "OK(a)")
		for _, name := range []string{"c", "a"} {
			if err := w.DeleteAlarms(w.ctx, &api.DeleteAlarmsInput{AlarmNames: []string{name}}); err != nil {
				t.Fatal(err)
			}
		}
		type data struct {
			Type                                     string
			CreatedAlarm, UpdatedAlarm, DeletedAlarm map[string]any
		}
		history := func(types ...string) (list []string, first data) {
			t.Helper()
			out, err := w.DescribeAlarmHistory(w.ctx, &api.DescribeAlarmHistoryInput{AlarmTypes: types, HistoryItemType: new(api.HistoryItemTypeConfigurationUpdate),
				ScanBy: new(api.ScanByTimestampAscending)})
			if err != nil {
				t.Fatal(err)
			}
			for i, item := range out.AlarmHistoryItems {
				var d data
				if err := json.Unmarshal([]byte(*item.HistoryData), &d); err != nil {
					t.Fatal(err)
				}
				if i == 0 {
					first = d
				}
				list = append(list, *item.HistorySummary+" "+d.Type)
			}
			return list, first
		}
		list, first := history()
		if diff := cmp.Diff([]string{`Alarm "a" created Create`, `Alarm "a" deleted Delete`}, list); diff != "" {
			t.Error(diff)
		}
		a := first.CreatedAlarm
		if a["alarmName"] != "a" || a["okactions"] == nil || a["alarmActions"] == nil || a["threshold"] != 5.0 || a["stateValue"] != "INSUFFICIENT_DATA" || a["stateReason"] != nil ||
			a["dimensions"].([]any)[0].(map[string]any)["name"] != "n" || !strings.HasSuffix(a["stateUpdatedTimestamp"].(string), "+0000") {
			t.Errorf("the alarm is told as %v", a)
		}
		list, _ = history(api.AlarmTypeCompositeAlarm)
		if diff := cmp.Diff([]string{`Alarm "c" created Create`, `Alarm "c" updated Update`, `Alarm "c" deleted Delete`}, list); diff != "" {
			t.Error(diff)
		}
		time.Sleep(historyFor + 2*forgetEvery)
		synctest.Wait()
		if rows, err := w.history(placeOf(awsrpc.CallerFrom(w.ctx))).All(w.ctx); err != nil || len(rows) != 0 {
			t.Errorf("%d items are kept for ever, %v", len(rows), err)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// Composite alarms follow those that they ask about in one go, however deep they
// stand. Those in a cycle, and all that ask about them, stay as they are.
func TestComposites(t *testing.T) {
	w := newWorld(t)
	at := placeOf(awsrpc.CallerFrom(w.ctx))
	states := func() map[string]string {
		rows, err := w.alarms(at).All(w.ctx)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, r := range rows {
			got[r.Value.name()] = r.Value.state().value
		}
		return got
	}
	w.alarm("m", "a", nil)
	const depth = 25
	name := func(i int) string { return fmt.Sprintf("deep%02d", depth-i) } // the order of names is the wrong one
	w.composite(name(0), "ALARM(m)")
	for i := 1; i < depth; i++ {
		w.composite(name(i), "ALARM("+name(i-1)+")")
	}
	w.composite("left", "FALSE")
	w.composite("right", "NOT ALARM(left)")
	w.composite("asks", "ALARM(right) OR ALARM(m)")
	w.composites(w.ctx)
	before := states()
	w.composite("left", "ALARM(right)") // neither can be true
	if err := w.SetAlarmState(w.ctx, &api.SetAlarmStateInput{AlarmName: new("m"), StateValue: new(api.StateValueAlarm), StateReason: new("try")}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		w.composites(w.ctx)
		got := states()
		for i := range depth {
			if got[name(i)] != api.StateValueAlarm {
				t.Errorf("%s, %d alarms above the metric's, is %s", name(i), i+1, got[name(i)])
			}
		}
		for _, n := range []string{"left", "right", "asks"} {
			if got[n] != before[n] {
				t.Errorf("%s went from %s to %s", n, before[n], got[n])
			}
		}
	}
	w.composite("left", "FALSE")
	w.composites(w.ctx)
	if got := states(); got["left"] != api.StateValueOk || got["right"] != api.StateValueAlarm || got["asks"] != api.StateValueAlarm {
		t.Errorf("when the cycle is broken: %v", got)
	}
}
