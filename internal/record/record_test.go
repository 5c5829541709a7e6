package record

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/store"
	"gatehouse/internal/store/memstore"
)

func TestParseKey(t *testing.T) {
	st := memstore.New(memstore.Options{})
	defer st.Close()
	tables := In(st, store.NewBlobs(st, "/"), Scope{"000000000000", "eu-west-1"})
	tests := []struct {
		name string
		key  string
		want Key
		ok   bool
	}{
		{"an API", tables.RestAPIs.Key(store.ID("a1")), Key{tables.Scope, KindRestAPI, []string{"a1"}}, true},
		{"a stage", tables.Stages.Key(store.ID("a1", "prod")), Key{tables.Scope, KindStage, []string{"a1", "prod"}}, true},
		{"a slash in an id", tables.BasePathMappings.Key(store.ID("d", "v1/pets")), Key{tables.Scope, KindBasePathMapping, []string{"d", "v1/pets"}}, true},
		{"a blob", "/000000000000/eu-west-1/apigateway/blob/head/abc", Key{}, false},
		{"another service", "/000000000000/eu-west-1/lambda/stage/a1/prod", Key{}, false},
		{"too short", "/000000000000/eu-west-1/apigateway/stage", Key{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := ParseKey(tt.key)
			if ok != tt.ok || ok && !cmp.Equal(got, tt.want) {
				t.Errorf("ParseKey(%q) = %v, %v, want %v, %v", tt.key, got, ok, tt.want, tt.ok)
			}
		})
	}
}

// What a caller sent as empty must not be lost, nor what was absent appear.
func TestRecordKeepsEmptyAndAbsentApart(t *testing.T) {
	st := memstore.New(memstore.Options{})
	defer st.Close()
	tables := In(st, store.NewBlobs(st, "/"), Scope{"000000000000", "eu-west-1"})
	want := Stage{Scope: tables.Scope, RestAPI: "a1"}
	want.MethodSettings = map[string]api.MethodSetting{}
	want.Description = new("")
	put, err := tables.Stages.Put("a1/s", want)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Commit(t.Context(), nil, []store.Op{put}); err != nil {
		t.Fatal(err)
	}
	got, _, err := tables.Stages.Get(t.Context(), "a1/s")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("after storing (-want +got):\n%s", diff)
	}
	if strings.Contains(string(put.Value), "variables") {
		t.Errorf("%s mentions what is absent", put.Value)
	}
}

func TestDefinitionRoundTrip(t *testing.T) {
	d := &Definition{
		Resources: map[string]api.Resource{"r": {Id: new("r"), Path: new("/"), ResourceMethods: map[string]api.Method{
			"GET": {HttpMethod: new("GET"), MethodResponses: map[string]api.MethodResponse{"200": {ResponseModels: map[string]string{}}},
				MethodIntegration: &api.Integration{Type: new("MOCK"), CacheKeyParameters: []string{}}},
		}}},
		Models: map[string]api.Model{},
	}
	d.Freeze(api.RestApi{Id: new("a1"), Tags: map[string]string{"k": "v"}})
	if d.RestAPI.Tags != nil {
		t.Errorf("frozen settings have tags %v, want none", d.RestAPI.Tags)
	}
	b, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeDefinition(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d, got); diff != "" {
		t.Errorf("after decoding (-want +got):\n%s", diff)
	}
	again, err := got.Encode()
	if err != nil || string(again) != string(b) {
		t.Errorf("encoded again = %s, %v, want %s", again, err, b)
	}
}

func TestSplitMethodKey(t *testing.T) {
	tests := []struct{ key, path, method string }{
		{"*/*", "*", "*"},
		{"~1pets/GET", "/pets", "GET"},
		{"pets/GET", "/pets", "GET"},
		{"~1pets~1{id}/ANY", "/pets/{id}", "ANY"},
		{"pets/{id}/ANY", "/pets/{id}", "ANY"},
		{"~1/GET", "/", "GET"},
		{"/GET", "/", "GET"},
	}
	for _, tt := range tests {
		if path, method := SplitMethodKey(tt.key); path != tt.path || method != tt.method {
			t.Errorf("SplitMethodKey(%q) = %q, %q, want %q, %q", tt.key, path, method, tt.path, tt.method)
		}
	}
}
