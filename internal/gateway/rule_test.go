package gateway_test

import (
	"testing"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// AWS: custom-domains.md §2.2, whose tables these cases are.
func TestTableResolveByRule(t *testing.T) {
	stage := func(name string) *gateway.Stage { return &gateway.Stage{API: "a", Name: name} }
	match := gateway.NewHeaderMatch
	rules := []gateway.Rule{
		{ID: "host", Headers: []gateway.HeaderMatch{match("Host", "eu.*")}, Stage: stage("host")},
		{ID: "exact", Headers: []gateway.HeaderMatch{match("X-Version", "beta")}, Stage: stage("exact")},
		{ID: "both", Headers: []gateway.HeaderMatch{match("x-version", "v*"), match("x-tier", "*gold*")}, Stage: stage("both")},
		{ID: "json", Headers: []gateway.HeaderMatch{match("accept", "*json")}, Stage: stage("json")},
		{ID: "there", BasePath: "there", Headers: []gateway.HeaderMatch{match("x-any", "*")}, Stage: stage("there")},
		{ID: "deep", BasePath: "PetStoreShopper/dogs", Strip: true, Stage: stage("deep")},
		{ID: "strip", BasePath: "PetStoreShopper", Strip: true, Stage: stage("strip")},
		{ID: "keep", BasePath: "cats", Stage: stage("keep")},
		{ID: "dead", BasePath: "dead"},
	}
	mapped := &gateway.API{ID: "mapped", Stages: map[string]*gateway.Stage{"m": stage("m")}}
	hosts := []*gateway.Host{
		{Name: "*.example.com", Rules: rules, Mappings: []gateway.Mapping{{BasePath: "(none)", API: mapped, Stage: mapped.Stages["m"]}}},
		{Name: "only.example.org", Rules: rules},
	}
	table, err := gateway.NewTable(1, nil, hosts)
	if err != nil {
		t.Fatal(err)
	}
	field := func(name, value string) wire.Field { return wire.Field{Name: name, Value: value} }
	tests := []struct {
		name, host, path string
		header           []wire.Field
		want             string // stage, path in it, path as it was
	}{
		{"host", "eu.example.com", "/x", nil, "host /x /x"},
		{"exact value", "a.example.com", "/x", []wire.Field{field("x-VERSION", "beta")}, "exact /x /x"},
		{"value with case", "a.example.com", "/x", []wire.Field{field("x-version", "Beta")}, "m /x /x"},
		{"value longer", "a.example.com", "/x", []wire.Field{field("x-version", "beta2")}, "m /x /x"},
		{"one of two conditions", "a.example.com", "/x", []wire.Field{field("x-version", "v1")}, "m /x /x"},
		{"both conditions", "a.example.com", "/x", []wire.Field{field("x-version", "v1"), field("x-tier", "a gold one")}, "both /x /x"},
		{"a line of several", "a.example.com", "/x", []wire.Field{field("Accept", "application/json"), field("Accept", "text/xml")}, "json /x /x"},
		{"within a line", "a.example.com", "/x", []wire.Field{field("Accept", "application/json,text/xml")}, "m /x /x"},
		{"there with a value", "a.example.com", "/there", []wire.Field{field("x-any", "1")}, "there /there /there"},
		{"there without", "a.example.com", "/there", nil, "m /there /there"},
		{"deep base path", "a.example.com", "/PetStoreShopper/dogs", nil, "deep  /PetStoreShopper/dogs"},
		{"base path", "a.example.com", "/PetStoreShopper/cats", nil, "strip /cats /PetStoreShopper/cats"},
		{"base path alone", "a.example.com", "/PetStoreShopper", nil, "strip  /PetStoreShopper"},
		{"base path in other case", "a.example.com", "/petstoreshopper/cats", nil, "m /petstoreshopper/cats /petstoreshopper/cats"},
		{"not at a slash", "a.example.com", "/PetStoreShoppers", nil, "m /PetStoreShoppers /PetStoreShoppers"},
		{"not stripped", "a.example.com", "/cats/1", nil, "keep /cats/1 /cats/1"},
		{"to nothing", "a.example.com", "/dead", nil, ""},
		{"nothing but rules", "only.example.org", "/x", nil, ""},
		{"a rule of those", "only.example.org", "/cats", nil, "keep /cats /cats"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := table.ResolveRequest(&wire.Request{Host: tt.host, Path: tt.path, Header: wire.Header{Fields: tt.header}})
			if got != tt.want {
				t.Errorf("resolve = %q, want %q", got, tt.want)
			}
		})
	}
	r := &wire.Request{Host: "a.example.com", Path: "/cats/1", Header: wire.Header{Fields: []wire.Field{field("X-Version", "v1")}}}
	if n := testing.AllocsPerRun(100, func() { table.ResolveOnly(r) }); n != 0 {
		t.Errorf("resolving by rules allocates %v times, budget 0", n)
	}
}
