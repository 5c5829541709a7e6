package trace_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/trace"
)

func TestParseLocal(t *testing.T) {
	fits := func(change func(r *trace.Rule)) trace.Rule {
		r := trace.Default()
		change(&r)
		return r
	}
	tests := []struct {
		name, file string
		want       []trace.Rule
	}{
		{"default only", `{"version": 2, "default": {"fixed_target": 3, "rate": 0.5}}`,
			[]trace.Rule{fits(func(r *trace.Rule) { r.Reservoir, r.Rate = 3, 0.5 })}},
		{"version 2", `{"version": 2, "default": {"fixed_target": 1, "rate": 0}, "rules": [
			{"description": "d", "host": "*.example.com", "http_method": "GET", "url_path": "/a/*", "fixed_target": 2, "rate": 1},
			{"service_name": "shop/*", "service_type": "t", "resource_arn": "arn", "attributes": {"x-tenant": "gold"}, "rate": 1}]}`,
			[]trace.Rule{
				fits(func(r *trace.Rule) {
					r.Name, r.Priority, r.Reservoir, r.Rate, r.Host, r.Method, r.Path = "local/1", -2, 2, 1, "*.example.com", "GET", "/a/*"
				}),
				fits(func(r *trace.Rule) {
					r.Name, r.Priority, r.Reservoir, r.Rate, r.Service, r.Type, r.Resource = "local/2", -1, 0, 1, "shop/*", "t", "arn"
					r.Attributes = map[string]string{"x-tenant": "gold"}
				}),
				fits(func(r *trace.Rule) { r.Rate = 0 }),
			}},
		// AWS: X-Ray's SDKs take service_name of version 1 for the host.
		{"version 1", `{"version": 1, "default": {"fixed_target": 1, "rate": 0.05}, "rules": [{"service_name": "*.foo.com", "http_method": "*", "url_path": "/", "fixed_target": 0, "rate": 0}]}`,
			[]trace.Rule{
				fits(func(r *trace.Rule) {
					r.Name, r.Priority, r.Reservoir, r.Rate, r.Host, r.Path = "local/1", -1, 0, 0, "*.foo.com", "/"
				}),
				trace.Default(),
			}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := trace.ParseLocal([]byte(tt.file))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("rules (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseLocalRefuses(t *testing.T) {
	const good = `"default": {"fixed_target": 1, "rate": 0.05}`
	for file, want := range map[string]string{
		`{"version": 3, ` + good + `}`: "version 3",
		`{"version": 2}`:               "default is missing",
		`{"version": 2, "default": {"fixed_target": 1, "rate": 0.05, "url_path": "/a"}}`:      "fits all",
		`{"version": 2, "default": {"fixed_target": 1, "rate": 1.5}}`:                         "rate 1.5",
		`{"version": 2, "default": {"fixed_target": -1, "rate": 1}}`:                          "fixed_target",
		`{"version": 2, ` + good + `, "rules": [{"http_methd": "POST", "rate": 1}]}`:          "http_methd",
		`{"version": 1, ` + good + `, "rules": [{"host": "a", "rate": 1}]}`:                   "rule 1: host is of version 2",
		`{"version": 2, ` + good + `, "rules": [{"rate": 0}, {"host": "a", "rate": "much"}]}`: "rate",
		`{"version": 2, ` + good + `} and more`:                                               "",
	} {
		if _, err := trace.ParseLocal([]byte(file)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", file, err, want)
		}
	}
}
