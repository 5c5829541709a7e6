package compile_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/gateway/compile"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
	"gatehouse/internal/store/memstore"
)

// Whatever the order of changes, a compiler that followed all of them serves
// the same as one that starts now.
func TestRestartEqualsIncremental(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		st := memstore.New(memstore.Options{History: 50})
		w := openWorld(t, st, compile.Options{})
		stop := w.run()
		defer func() { stop(); _ = st.Close() }()
		g := &changes{world: w, rt: rt, deployed: map[string]bool{}}
		for range rapid.IntRange(1, 40).Draw(rt, "commits") {
			ops := g.commit()
			if rapid.IntRange(0, 3).Draw(rt, "wait") > 0 {
				w.commit(ops...)
			} else {
				w.write(ops...)
			}
		}
		rev := w.write(store.Put("/end", nil))
		w.wait(rev)
		fresh := openWorld(t, st, compile.Options{})
		stopFresh := fresh.run()
		defer stopFresh()
		fresh.wait(rev)
		if diff := cmp.Diff(fresh.seen(), w.seen()); diff != "" {
			rt.Errorf("served after a restart (-), and without it (+):\n%s", diff)
		}
		if diff := cmp.Diff(fresh.refusedStages(), w.refusedStages()); diff != "" {
			rt.Errorf("refused after a restart (-), and without it (+):\n%s", diff)
		}
	})
}

// run starts the compiler and returns what ends it.
func (w *world) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.c.Run(ctx) }()
	return func() {
		cancel()
		<-done
	}
}

var (
	someAPIs    = []string{"a1", "a2"}
	someStages  = []string{"prod", "dev"}
	someDeploys = []string{"d1", "d2"}
	someKeys    = []string{"k1", "k2"}
	somePlans   = []string{"p1", "p2"}
	someDomains = []string{"x.example.com", "*.example.com"}
	somePaths   = []string{"(none)", "v1"}
)

// changes draws commits. None leaves a stage that shows a deployment which is
// not there: such a stage keeps its last good version, which a restart has not.
type changes struct {
	*world
	rt       *rapid.T
	deployed map[string]bool
	count    int
}

func (g *changes) one(of []string) string { return rapid.SampledFrom(of).Draw(g.rt, "which") }

func (g *changes) yes() bool { return rapid.Bool().Draw(g.rt, "yes") }

func (g *changes) commit() []store.Op {
	byKey := map[string]store.Op{}
	for range rapid.IntRange(1, 3).Draw(g.rt, "changes") {
		for _, op := range g.change() {
			byKey[op.Key] = op
		}
	}
	ops := make([]store.Op, 0, len(byKey))
	for _, op := range byKey {
		ops = append(ops, op)
	}
	return ops
}

func (g *changes) change() []store.Op {
	a, s := g.one(someAPIs), g.one(someStages)
	gone := g.yes()
	gone = g.yes() && gone // one in four
	switch rapid.IntRange(0, 7).Draw(g.rt, "kind") {
	case 0:
		if gone {
			return []store.Op{g.RestAPIs.Delete(a)}
		}
		return []store.Op{g.putAPI(a)}
	case 1, 2:
		if gone {
			return []store.Op{g.Stages.Delete(store.ID(a, s))}
		}
		return g.stageChange(a, s)
	case 3:
		return g.deployment(a, g.one(someDeploys))
	case 4:
		k := g.one(someKeys)
		if gone {
			return []store.Op{g.APIKeys.Delete(k)}
		}
		return []store.Op{g.putKey(k, "value of "+k, g.yes())}
	case 5:
		p := g.one(somePlans)
		if gone {
			return []store.Op{g.UsagePlans.Delete(p)}
		}
		return []store.Op{g.putPlan(p, nil, planStage(a, s))}
	case 6:
		p, k := g.one(somePlans), g.one(someKeys)
		if gone {
			return []store.Op{g.UsagePlanKeys.Delete(store.ID(p, k))}
		}
		return []store.Op{g.putMember(p, k)}
	}
	d, path := g.one(someDomains), g.one(somePaths)
	switch {
	case gone && g.yes():
		return []store.Op{g.DomainNames.Delete(d)}
	case gone:
		return []store.Op{g.BasePathMappings.Delete(store.ID(d, path))}
	case g.yes():
		return []store.Op{g.putDomain(d)}
	}
	return []store.Op{g.putMapping(d, path, a, s)}
}

func (g *changes) deployment(a, d string) []store.Op {
	g.count++
	g.deployed[a+d] = true
	def := answering(fmt.Sprintf("%s %d", a, g.count), func(m *api.Method) { m.ApiKeyRequired = new(g.yes()) })
	return g.putDeployment(a, d, def)
}

// stageChange puts a stage, and the deployments it shows if they are not there.
func (g *changes) stageChange(a, s string) []store.Op {
	d, other := g.one(someDeploys), g.one(someDeploys)
	canary := g.yes()
	var ops []store.Op
	for _, id := range []string{d, other} {
		if !g.deployed[a+id] {
			ops = append(ops, g.deployment(a, id)...)
		}
	}
	return append(ops, g.putStage(a, s, d, func(rec *record.Stage) {
		rec.Variables = map[string]string{"v": fmt.Sprint(g.count)}
		if canary {
			rec.CanarySettings = &api.CanarySettings{DeploymentId: &other, PercentTraffic: new(100.0)}
		}
	}))
}

// seen is all that clients can see of a world.
func (w *world) seen() map[string]string {
	got := map[string]string{}
	ask := func(target string, lines ...string) {
		a := w.call("GET", target, lines...)
		got[fmt.Sprint(target, lines)] = fmt.Sprint(a.Status, " ", a.Body, " ", headerOf(a, "V"))
	}
	for _, key := range append(someKeys, "none") {
		sent := "X-API-Key: value of " + key
		for _, a := range someAPIs {
			for _, s := range someStages {
				ask("/_aws/execute-api/"+a+"/"+s+"/pets", sent)
			}
		}
		for _, host := range []string{"x.example.com", "y.example.com"} {
			for _, path := range []string{"/", "/pets", "/v1", "/v1/pets"} {
				ask(path, sent, "Host: "+host)
			}
		}
	}
	return got
}

func (w *world) refusedStages() []string {
	var list []string
	for _, r := range w.c.Status().Refused {
		list = append(list, r.API+"/"+r.Stage+": "+r.Reason)
	}
	return list
}
