package xray

import (
	"errors"
	"strings"
	"testing"

	"gatehouse/internal/trace"
)

// shopTrace is a request to an API that calls a function, which asks a table and
// another service that fails. The function's subsegments were sent apart.
func shopTrace() *traced {
	const id = "1-581cf771-a006649127e371903a2de979"
	segs := []trace.Segment{
		{Name: "shop/prod", ID: "a1", TraceID: id, Start: 100, End: 100.5, Origin: "AWS::ApiGateway::Stage", Resource: "arn:aws:apigateway:eu-west-1::/restapis/a/stages/prod",
			HTTP:        &trace.HTTP{Request: &trace.Request{Method: "GET", URL: "https://h/prod/pets?q=1", ClientIP: "10.0.0.1", UserAgent: "curl/8"}, Response: &trace.Response{Status: 200}},
			Annotations: map[string]any{"aws:api_id": "a", "age": 30.0, "vip": true},
			Subsegments: []trace.Segment{{Name: "Lambda", ID: "a2", Start: 100.1, End: 100.4, Namespace: "aws", AWS: map[string]any{"function_name": "pets"}}}},
		{Name: "pets", ID: "b1", TraceID: id, ParentID: "a2", Start: 100.1, End: 100.4, Origin: "AWS::Lambda", Resource: "arn:aws:lambda:eu-west-1:111122223333:function:pets"},
		{Name: "pets", ID: "b2", TraceID: id, ParentID: "b1", Start: 100.2, End: 100.4, Origin: "AWS::Lambda::Function", Resource: "arn:aws:lambda:eu-west-1:111122223333:function:pets",
			Subsegments: []trace.Segment{{Name: "Invocation", ID: "b3", Start: 100.2, End: 100.4}}},
		{Name: "DynamoDB", ID: "c1", TraceID: id, ParentID: "b3", Type: "subsegment", Start: 100.25, End: 100.3, Namespace: "aws", AWS: map[string]any{"table_name": "Pets"}},
		{Name: "stock.example.com", ID: "c2", TraceID: id, ParentID: "b3", Type: "subsegment", Start: 100.3, End: 101, Namespace: "remote", Fault: true, User: "eve",
			HTTP: &trace.HTTP{Response: &trace.Response{Status: 503}}, Cause: &trace.Cause{Exceptions: []trace.Exception{{Message: "no stock"}}}},
	}
	return assemble(id, "000000000000", segs, nil)
}

// AWS: xray-console-filters, with its examples.
func TestFilter(t *testing.T) {
	tests := []struct {
		text string
		want bool
	}{
		{"", true},
		{"ok", true},
		{"!ok", false},
		{"ok = false", false},
		{"error != true", true},
		{"fault OR throttle", false},
		{"partial", false},
		{"responsetime > 5", false},
		{"responsetime >= 0.5 AND responsetime <= 0.5", true},
		{"duration = 1", true},
		{"ok !partial duration <3", true},
		{"http.status != 200", false},
		{"http.status = 200", true},
		{`http.url CONTAINS "/pets"`, true},
		{`http.url BEGINSWITH "https://h/" AND http.url ENDSWITH "q=1" AND !service("api.example.com")`, true},
		{`http.method = "POST"`, false},
		{`http.useragent BEGINSWITH "curl"`, true},
		{`http.clientip = "10.0.0.1"`, true},
		{`user CONTAINS ""`, true},
		{`user = "adam"`, false},
		{`message CONTAINS "stock"`, true},
		{`resource.arn ENDSWITH "function:pets"`, true},
		{`instance.id CONTAINS ""`, false},
		{`annotation.age > 29`, true},
		{`annotation.age = "30"`, false},
		{`annotation.vip = true`, true},
		{`annotation.vip != true`, false},
		{`annotation[aws:api_id] = "a"`, true},
		{`annotation[aws:api_id]`, true},
		{`annotation.nobody`, false},
		{`service("pets")`, true},
		{`service("cats")`, false},
		{`service() { fault }`, true},
		{`service("pets") { fault }`, false},
		{`service("stock.example.com") { fault AND http.status = 503 }`, true},
		{`service(id(name: "pets", type: "AWS::Lambda::Function")) { responsetime > 0.25 }`, false},
		{`service(id(name: "pets", type: "AWS::Lambda", account.id: "111122223333")) { responsetime > 0.25 }`, true},
		{`service(id(type: "AWS::DynamoDB::Table"))`, true},
		{`service(id(type: "AWS::DynamoDB::Table")) { inferred }`, true},
		{`edge("pets", "stock.example.com") { fault }`, true},
		{`edge("shop/prod", "stock.example.com")`, false},
		{`edge(id(type: "AWS::Lambda"), id(type: "AWS::Lambda::Function"))`, true},
		{`edge("shop/prod")`, true},
		{`(fault or ok) and (duration > 0.9)`, true},
		{`group.name = "stocks"`, true},
		{`!group.name = "stocks"`, false},
	}
	groups := func(name string) (filter, error) {
		if name != "stocks" {
			return nil, errors.New("no such group")
		}
		return parseFilter(`service("stock.example.com")`, nil)
	}
	tr := shopTrace()
	for _, tt := range tests {
		f, err := parseFilter(tt.text, groups)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if got := f == nil || f.holds(tr); got != tt.want {
			t.Errorf("%s holds: %v, want %v", tt.text, got, tt.want)
		}
	}
}

// What is not understood is refused by name.
func TestFilterRefused(t *testing.T) {
	tests := []struct{ text, want string }{
		{"colour", `"colour" is no keyword`},
		{`rootcause.fault.service { name = "a" }`, `keyword "rootcause.fault.service" is not supported`},
		{"fault = maybe", `"maybe" is neither true nor false`},
		{"duration > fast", `"fast" is no number`},
		{`duration > "5"`, `"5" is no number`},
		{"duration CONTAINS 5", "duration is compared by one of"},
		{"http.url = h", "must stand in quotation marks"},
		{`http.url = "h`, "has no end"},
		{"ok AND", "ends too early"},
		{"(ok", `ends where ")" is expected`},
		{"ok)", `")" is out of place`},
		{`service("a"`, `ends where ")" is expected`},
		{"service(a)", "must stand in quotation marks"},
		{`service(id(colour: "red"))`, `id() knows name, type and account.id, not "colour"`},
		{`service("a") { annotation.b = 1 }`, "annotations cannot be asked for inside"},
		{`service("a") { service("b") { ok } }`, "cannot stand in one another"},
		{`annotation.a > "b"`, "an annotation cannot be compared"},
		{`group.name = "no"`, "no such group"},
		{strings.Repeat("(", deepestFilter+1), "nested deeper"},
		{strings.Repeat(" ", longestFilter) + "ok", "longer than"},
	}
	for _, tt := range tests {
		_, err := parseFilter(tt.text, func(string) (filter, error) { return nil, errors.New("no such group") })
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.60s: %v, want %q", tt.text, err, tt.want)
		}
	}
}

func FuzzFilter(f *testing.F) {
	f.Add(`service(id(name: "a", type: "b")) { fault } AND annotation[k] != 5 OR !(http.url CONTAINS "\"")`)
	f.Add(`edge("a","b"){error}`)
	tr := shopTrace()
	f.Fuzz(func(_ *testing.T, text string) {
		if f, err := parseFilter(text, nil); err == nil && f != nil {
			f.holds(tr)
		}
	})
}
