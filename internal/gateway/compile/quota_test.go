package compile_test

import (
	"sync"
	"sync/atomic"
	"testing"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// putQuota is a plan with a quota.
func (w *world) putQuota(id string, quota *api.QuotaSettings, throttle *api.ThrottleSettings, stages ...api.ApiStage) store.Op {
	op, err := w.UsagePlans.Put(store.ID(id), record.UsagePlan{UsagePlan: api.UsagePlan{Id: &id, Quota: quota, Throttle: throttle, ApiStages: stages}, Scope: w.Scope})
	return must(w.t, op, err)
}

func perMonth(n int32) *api.QuotaSettings {
	return &api.QuotaSettings{Limit: &n, Period: new(api.QuotaPeriodTypeMonth)}
}

// A quota holds for a key on all stages of its plan together, and for each key
// by itself; changes of the configuration leave what was counted alone.
func TestQuotas(t *testing.T) {
	w := newWorld(t)
	w.deploy("a1", "prod", answering("one", keyRequired))
	w.deploy("a2", "prod", answering("two", keyRequired))
	stages := []api.ApiStage{planStage("a1", "prod"), planStage("a2", "prod")}
	w.commit(w.putKey("k", "secret", true), w.putMember("p", "k"), w.putKey("k2", "other", true), w.putMember("p", "k2"),
		w.putQuota("p", nil, nil, stages...))
	const sent, other = "X-API-Key: secret", "X-API-Key: other"
	w.expect("one", "a1", "prod", "/pets", sent) // before there is a quota: not counted
	w.commit(w.putQuota("p", perMonth(3), nil, stages...))
	w.expect("one", "a1", "prod", "/pets", sent)
	w.expect("two", "a2", "prod", "/pets", sent)
	w.commit(w.putDeployment("a1", "d1", answering("new", keyRequired))...)
	w.expect("new", "a1", "prod", "/pets", sent)
	w.expect("429", "a1", "prod", "/pets", sent)
	w.expect("429", "a2", "prod", "/pets", sent)
	w.expect("two", "a2", "prod", "/pets", other)
	w.commit(w.putQuota("p", perMonth(4), nil, stages...))
	w.expect("two", "a2", "prod", "/pets", sent)
	w.expect("429", "a2", "prod", "/pets", sent)
	w.commit(w.UsagePlanKeys.Delete(store.ID("p", "k")))
	w.commit(w.putQuota("p", nil, nil, stages...), w.putMember("p", "k"))
	w.expect("two", "a2", "prod", "/pets", sent)
}

// What is throttled does not count, neither by the plan nor by the stage; and
// a quota that is used up comes before the stage's throttle.
func TestQuotaAndThrottles(t *testing.T) {
	w := newWorld(t)
	one := func(rec *record.Stage) {
		rec.MethodSettings = map[string]api.MethodSetting{"~1pets/GET": {ThrottlingRateLimit: new(1e-6), ThrottlingBurstLimit: new(int32(1))}}
	}
	w.deploy("a1", "prod", answering("one"), one)
	w.deploy("a2", "prod", answering("two"))
	stages := []api.ApiStage{planStage("a1", "prod"), planStage("a2", "prod")}
	w.commit(w.putKey("k", "secret", true), w.putMember("p", "k"), w.putQuota("p", perMonth(3), never(9), stages...))
	const sent = "X-API-Key: secret"
	answers := func(path string, want ...string) {
		t.Helper()
		for _, want := range want {
			if got := w.call("GET", "/_aws/execute-api/a1/prod"+path, sent).Body; got != want {
				t.Errorf("GET %s: %s, want %s", path, got, want)
			}
		}
	}
	const throttled, exceeded = `{"message":"Too Many Requests"}`, `{"message":"Limit Exceeded"}`
	answers("/pets", "one", throttled, throttled) // one of three counts
	w.expect("two", "a2", "prod", "/pets", sent)
	w.expect("two", "a2", "prod", "/pets", sent)
	answers("/pets", exceeded, exceeded)
	w.commit(w.putQuota("p", perMonth(3), never(0), stages...))
	answers("/pets", throttled)
}

// Exactly the quota passes, however many clients come at once.
func TestQuotaExact(t *testing.T) {
	w := newWorld(t)
	w.deploy("a1", "prod", answering("one"))
	w.commit(w.putKey("k", "secret", true), w.putMember("p", "k"), w.putQuota("p", perMonth(500), nil, planStage("a1", "prod")))
	var passed atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if w.get("a1", "prod", "/pets", "X-API-Key: secret") == "one" {
					passed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if passed.Load() != 500 {
		t.Errorf("%d requests passed, want 500", passed.Load())
	}
}
