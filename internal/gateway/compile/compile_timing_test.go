package compile_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/gateway/compile"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
	"gatehouse/internal/store/boltstore"
)

// A town is a store with many APIs of 30 resources with three methods each.
const (
	townAPIs      = 1000
	townResources = 30
)

// Budgets: a start with a town takes at most 2 s, a change in it 20 ms.

func openBolt(b *testing.B) store.Store {
	st, err := boltstore.Open(filepath.Join(b.TempDir(), "store.db"), boltstore.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = st.Close() })
	return st
}

// build fills a store with a town.
func (w *world) build() {
	var ops []store.Op
	for i := range townAPIs {
		id := townAPI(i)
		ops = append(ops, w.putDeployment(id, "d1", townDefinition(i))...)
		ops = append(ops, w.putAPI(id), w.putStage(id, "prod", "d1", townStage))
		if len(ops) > store.MaxOps-10 || i == townAPIs-1 {
			w.write(ops...)
			ops = nil
		}
	}
}

func townAPI(i int) string { return fmt.Sprintf("api%07d", i) }

func townStage(rec *record.Stage) {
	rec.Variables = map[string]string{"host": "127.0.0.1:8081"}
}

func townDefinition(n int) *record.Definition {
	def := &record.Definition{RestAPI: api.RestApi{Id: new(townAPI(n)), Name: new("town")}, Resources: map[string]api.Resource{}}
	for i := range townResources {
		id, path := fmt.Sprintf("r%05d", i), fmt.Sprintf("/things%d/{id}", i)
		methods := map[string]api.Method{}
		for _, verb := range []string{"GET", "PUT", "DELETE"} {
			methods[verb] = api.Method{
				HttpMethod: new(verb), AuthorizationType: new("NONE"), ApiKeyRequired: new(false),
				RequestParameters: map[string]bool{"method.request.path.id": true},
				MethodIntegration: &api.Integration{
					Type: new("HTTP_PROXY"), HttpMethod: new(verb), Uri: new(fmt.Sprintf("http://${stageVariables.host}/v1/things%d/{id}", i)),
					ConnectionType: new("INTERNET"), PassthroughBehavior: new("WHEN_NO_MATCH"), TimeoutInMillis: new(int32(29000)),
					RequestParameters: map[string]string{"integration.request.path.id": "method.request.path.id"},
					CacheNamespace:    new(id), CacheKeyParameters: []string{},
				},
			}
		}
		def.Resources[id] = api.Resource{Id: &id, Path: &path, PathPart: new("{id}"), ResourceMethods: methods}
	}
	return def
}

// BenchmarkStart is from an opened store to a table of all.
func BenchmarkStart(b *testing.B) {
	st := openBolt(b)
	w := openWorld(b, st, compile.Options{})
	w.build()
	rev := w.write(store.Put("/end", nil))
	b.ReportAllocs()
	var before, after runtime.MemStats
	for b.Loop() {
		b.StopTimer()
		fresh := openWorld(b, st, compile.Options{})
		runtime.GC()
		runtime.ReadMemStats(&before)
		b.StartTimer()
		stop := fresh.run()
		fresh.wait(rev)
		b.StopTimer()
		stop()
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/townAPIs/townResources/3, "B/method")
		fresh.expect("504", townAPI(7), "prod", "/things3/x") // nobody listens there
		b.StartTimer()
	}
}

// BenchmarkChange is from a commit to the table that serves it.
func BenchmarkChange(b *testing.B) {
	for _, store := range []struct {
		name string
		ops  func(w *world, i int) []store.Op
	}{
		{"stage", func(w *world, i int) []store.Op {
			return []store.Op{w.putStage(townAPI(i%townAPIs), "prod", "d1", townStage)}
		}},
		{"deployment", func(w *world, i int) []store.Op {
			return w.putDeployment(townAPI(i%townAPIs), "d1", townDefinition(i))
		}},
		{"key", func(w *world, i int) []store.Op { return []store.Op{w.putKey("k", fmt.Sprint(i), true)} }},
	} {
		b.Run(store.name, func(b *testing.B) {
			w := openWorld(b, openBolt(b), compile.Options{})
			w.build()
			w.start()
			i := 0
			var committing time.Duration
			for b.Loop() {
				begun := time.Now()
				rev := w.write(store.ops(w, i)...)
				committing += time.Since(begun)
				w.wait(rev)
				i++
			}
			b.ReportMetric(float64(committing.Nanoseconds())/float64(i), "commit-ns/op")
		})
	}
}
