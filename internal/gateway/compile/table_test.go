package compile_test

import (
	"testing"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

func (w *world) putDomain(name string) store.Op {
	op, err := w.DomainNames.Put(store.ID(name), record.DomainName{DomainName: api.DomainName{DomainName: &name}, Scope: w.Scope})
	return must(w.t, op, err)
}

func (w *world) putMapping(domain, path, restAPI, stage string) store.Op {
	rec := record.BasePathMapping{BasePathMapping: api.BasePathMapping{BasePath: &path, RestApiId: &restAPI}, Scope: w.Scope, DomainName: domain}
	if stage != "" {
		rec.Stage = &stage
	}
	op, err := w.BasePathMappings.Put(store.ID(domain, path), rec)
	return must(w.t, op, err)
}

func TestDomains(t *testing.T) {
	w := newWorld(t)
	w.deploy("a1", "prod", answering("one"))
	w.deploy("a2", "dev", answering("two"))
	check := func(want, host, path string) {
		t.Helper()
		if got := short(w.call("GET", path, "Host: "+host)); got != want {
			t.Errorf("GET http://%s%s = %s, want %s", host, path, got, want)
		}
	}
	check("403", "api.example.com", "/pets")
	w.commit(w.putDomain("api.example.com"))
	check("403", "api.example.com", "/pets")
	w.commit(w.putMapping("api.example.com", "(none)", "a1", "prod"), w.putMapping("api.example.com", "two", "a2", ""))
	check("one", "api.example.com", "/pets")
	check("one", "API.example.com:8080", "/pets")
	check("two", "api.example.com", "/two/dev/pets")
	check("403", "api.example.com", "/two/prod/pets")
	check("403", "other.example.com", "/pets")
	w.commit(w.putMapping("api.example.com", "two", "a2", "dev"))
	check("two", "api.example.com", "/two/pets")

	// What a mapping leads to is gone: its paths are not another's.
	w.commit(append(w.putDeployment("a1", "d1", define(map[string]api.Method{"GET": mock("root")}, "/{proxy+}")), w.Stages.Delete(store.ID("a2", "dev")))...)
	check("root", "api.example.com", "/anything/pets")
	check("403", "api.example.com", "/two/pets")
	w.commit(w.RestAPIs.Delete("a2"))
	check("403", "api.example.com", "/two/pets")
	w.commit(w.putAPI("a2"), w.putStage("a2", "dev", "d1"))
	check("two", "api.example.com", "/two/pets")

	// Names that differ in case are one name.
	w.commit(w.putDomain("API.example.com"), w.putDomain("*.example.org"), w.putMapping("*.example.org", "(none)", "a1", "prod"))
	check("root", "x.example.org", "/pets")
	w.commit(w.DomainNames.Delete("API.example.com"))
	check("root", "api.example.com", "/pets")
	w.commit(w.DomainNames.Delete("api.example.com"))
	check("403", "api.example.com", "/pets")
}
