package compile_test

import (
	"testing"
	"time"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/gateway/compile"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
	"gatehouse/internal/store/memstore"
)

func (w *world) putKey(id, value string, enabled bool) store.Op {
	op, err := w.APIKeys.Put(store.ID(id), record.APIKey{ApiKey: api.ApiKey{Id: &id, Value: &value, Enabled: &enabled}, Scope: w.Scope})
	return must(w.t, op, err)
}

func (w *world) putPlan(id string, throttle *api.ThrottleSettings, stages ...api.ApiStage) store.Op {
	op, err := w.UsagePlans.Put(store.ID(id), record.UsagePlan{UsagePlan: api.UsagePlan{Id: &id, Throttle: throttle, ApiStages: stages}, Scope: w.Scope})
	return must(w.t, op, err)
}

func (w *world) putMember(plan, key string) store.Op {
	op, err := w.UsagePlanKeys.Put(store.ID(plan, key), record.UsagePlanKey{UsagePlan: plan, APIKey: key, Scope: w.Scope})
	return must(w.t, op, err)
}

func planStage(restAPI, stage string) api.ApiStage {
	return api.ApiStage{ApiId: &restAPI, Stage: &stage}
}

// never is a throttle whose tokens do not come back during a test.
func never(burst int32) *api.ThrottleSettings {
	return &api.ThrottleSettings{RateLimit: new(1e-6), BurstLimit: &burst}
}

// Keys and plans act without a deployment, and leave routers alone.
func TestKeysAndPlansAct(t *testing.T) {
	w := newWorld(t)
	w.deploy("a1", "prod", answering("one", keyRequired))
	router := w.router("a1", "prod")
	const sent = "X-API-Key: secret"
	check := func(want string) {
		t.Helper()
		w.expect(want, "a1", "prod", "/pets", sent)
		if w.router("a1", "prod") != router {
			t.Error("the stage was compiled anew")
		}
	}
	w.expect("403", "a1", "prod", "/pets")
	check("403")
	w.commit(w.putKey("k", "secret", true))
	check("403")
	w.commit(w.putPlan("p", nil, planStage("a1", "dev")), w.putMember("p", "k"))
	check("403")
	w.commit(w.putPlan("p", nil, planStage("a1", "prod")))
	check("one")
	w.commit(w.putKey("k", "secret", false))
	check("403")
	w.commit(w.putKey("k", "secret", true))
	check("one")
	w.commit(w.UsagePlanKeys.Delete(store.ID("p", "k")))
	check("403")
	w.commit(w.putMember("p", "k"))
	check("one")
	w.commit(w.putKey("k", "changed", true))
	check("403")
	w.commit(w.putKey("k", "secret", true))
	w.commit(w.UsagePlans.Delete("p"))
	check("403")
	w.commit(w.APIKeys.Delete("k"), w.UsagePlanKeys.Delete(store.ID("p", "k")))
	check("403")
}

// A bucket is as empty after a change of configuration as it was before.
func TestBucketsSurvive(t *testing.T) {
	w := newWorld(t)
	limited := func(rec *record.Stage) {
		rec.MethodSettings = map[string]api.MethodSetting{"~1pets/GET": {ThrottlingRateLimit: new(1e-6), ThrottlingBurstLimit: new(int32(3))}}
	}
	w.deploy("a1", "prod", answering("one", keyRequired), limited)
	w.commit(w.putKey("k", "secret", true), w.putMember("p", "k"), w.putPlan("p", never(5), planStage("a1", "prod")))
	const sent = "X-API-Key: secret"
	w.expect("one", "a1", "prod", "/pets", sent)
	w.commit(w.putDeployment("a1", "d1", answering("two", keyRequired))...)
	w.expect("two", "a1", "prod", "/pets", sent)
	w.commit(w.putKey("k2", "other", true))
	w.expect("two", "a1", "prod", "/pets", sent)
	w.expect("429", "a1", "prod", "/pets", sent)
	// The fourth took a token of the plan's five too: one is left.
	w.expect("two", "a1", "prod", "/", sent)
	w.expect("429", "a1", "prod", "/", sent)
	w.commit(w.putPlan("p", nil, planStage("a1", "prod")))
	w.expect("two", "a1", "prod", "/", sent)
	w.expect("429", "a1", "prod", "/pets", sent)
}

func TestThrottles(t *testing.T) {
	perMethod := func(key string) api.ApiStage {
		st := planStage("a1", "prod")
		st.Throttle = map[string]api.ThrottleSettings{key: *never(1)}
		return st
	}
	settings := func(kv map[string]api.MethodSetting) func(*record.Stage) {
		return func(rec *record.Stage) { rec.MethodSettings = kv }
	}
	one := api.MethodSetting{ThrottlingRateLimit: new(1e-6), ThrottlingBurstLimit: new(int32(1))}
	none := api.MethodSetting{ThrottlingRateLimit: new(0.0), ThrottlingBurstLimit: new(int32(0))}
	free := api.MethodSetting{ThrottlingRateLimit: new(-1.0), ThrottlingBurstLimit: new(int32(-1))}
	get := define(map[string]api.Method{"GET": mock("ok")}, "/pets")
	anyMethod := define(map[string]api.Method{"ANY": mock("ok")}, "/pets")
	tests := []struct {
		name   string
		def    *record.Definition
		stage  func(*record.Stage)
		plan   *api.ThrottleSettings
		stages api.ApiStage
		path   string
		want   string // of three requests
	}{
		{"nothing", get, nil, nil, planStage("a1", "prod"), "/pets", "ok ok ok"},
		{"plan", get, nil, never(2), planStage("a1", "prod"), "/pets", "ok ok 429"},
		{"plan of another stage", get, nil, never(1), planStage("a1", "dev"), "/pets", "ok ok ok"},
		{"plan, burst left out", get, nil, &api.ThrottleSettings{RateLimit: new(0.5)}, planStage("a1", "prod"), "/pets", "ok 429 429"},
		{"plan, rate left out", get, nil, &api.ThrottleSettings{BurstLimit: new(int32(0))}, planStage("a1", "prod"), "/pets", "429 429 429"},
		{"plan, one method", get, nil, nil, perMethod("/pets/GET"), "/pets", "ok 429 429"},
		{"plan, one method without slash", get, nil, nil, perMethod("pets/GET"), "/pets", "ok 429 429"},
		{"plan, another method", get, nil, nil, perMethod("/pets/POST"), "/pets", "ok ok ok"},
		{"plan, the root", get, nil, nil, perMethod("/GET"), "/", "ok 429 429"},
		{"plan, GET of ANY", anyMethod, nil, nil, perMethod("/pets/GET"), "/pets", "ok 429 429"},
		{"plan, ANY", anyMethod, nil, nil, perMethod("/pets/ANY"), "/pets", "ok 429 429"},
		{"plan, POST of ANY", anyMethod, nil, nil, perMethod("/pets/POST"), "/pets", "ok ok ok"},
		{"stage", get, settings(map[string]api.MethodSetting{"*/*": one}), nil, planStage("a1", "prod"), "/pets", "ok 429 429"},
		{"method", get, settings(map[string]api.MethodSetting{"~1pets/GET": one, "*/*": none}), nil, planStage("a1", "prod"), "/pets", "ok 429 429"},
		{"method without limit", get, settings(map[string]api.MethodSetting{"~1pets/GET": free, "*/*": one}), nil, planStage("a1", "prod"), "/pets", "ok ok ok"},
		{"nothing passes", get, settings(map[string]api.MethodSetting{"*/*": none}), nil, planStage("a1", "prod"), "/pets", "429 429 429"},
		{"GET of ANY", anyMethod, settings(map[string]api.MethodSetting{"~1pets/GET": one}), nil, planStage("a1", "prod"), "/pets", "ok 429 429"},
		{"POST of ANY", anyMethod, settings(map[string]api.MethodSetting{"~1pets/POST": one}), nil, planStage("a1", "prod"), "/pets", "ok ok ok"},
		{"GET of ANY elsewhere", anyMethod, settings(map[string]api.MethodSetting{"~1pets/GET": one}), nil, planStage("a1", "prod"), "/", "ok ok ok"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			change := []func(*record.Stage){}
			if tt.stage != nil {
				change = append(change, tt.stage)
			}
			w.deploy("a1", "prod", tt.def, change...)
			w.commit(w.putKey("k", "secret", true), w.putMember("p", "k"), w.putPlan("p", tt.plan, tt.stages))
			got := ""
			for range 3 {
				got += " " + w.get("a1", "prod", tt.path, "X-API-Key: secret")
			}
			if got = got[1:]; got != tt.want {
				t.Errorf("answers: %s, want %s", got, tt.want)
			}
		})
	}
}

func TestAccountThrottle(t *testing.T) {
	st := memstore.New(memstore.Options{})
	defer st.Close()
	w := openWorld(t, st, compile.Options{AccountRate: 1, AccountBurst: 2})
	w.start()
	w.deploy("a1", "prod", answering("one"))
	w.deploy("a2", "prod", answering("two"))
	w.expect("one", "a1", "prod", "/pets")
	w.expect("two", "a2", "prod", "/pets")
	w.expect("429", "a2", "prod", "/pets")
}

// Two keys of one value are no reason to shut all others out: the older has it.
func TestTwinKeys(t *testing.T) {
	w := newWorld(t)
	w.deploy("a1", "prod", answering("one", keyRequired))
	old := record.APIKey{ApiKey: api.ApiKey{Id: new("z"), Value: new("secret"), Enabled: new(true)}, Created: time.Unix(1, 0)}
	op, err := w.APIKeys.Put("z", old)
	w.commit(must(t, op, err), w.putPlan("p", nil, planStage("a1", "prod")), w.putMember("p", "z"), w.putMember("p", "k2"))
	young := old
	young.Id, young.Created = new("a"), time.Unix(2, 0)
	op, err = w.APIKeys.Put("a", young)
	w.commit(must(t, op, err), w.putKey("k2", "other", true))
	w.expect("one", "a1", "prod", "/pets", "X-API-Key: secret")
	w.expect("one", "a1", "prod", "/pets", "X-API-Key: other")
}
