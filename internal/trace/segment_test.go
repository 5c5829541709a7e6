package trace_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gatehouse/internal/trace"
)

func TestDocument(t *testing.T) {
	s := trace.Segment{
		Name: "shop/prod", ID: "70de5b6f19ff9a0a", TraceID: "1-581cf771-a006649127e371903a2de979", Start: trace.Seconds(time.UnixMicro(1478293361271123)), End: 1478293361.449,
		HTTP:        &trace.HTTP{Request: &trace.Request{Method: "GET", URL: "https://a/b"}, Response: &trace.Response{Status: 429, Length: 7}},
		Cause:       &trace.Cause{ID: "53995c3f42cd8ad8"},
		Annotations: map[string]any{"n": 1.5, "b": true},
		Subsegments: []trace.Segment{{Name: "c", ID: "53995c3f42cd8ad9", Start: 1, Namespace: "remote", Cause: &trace.Cause{Exceptions: []trace.Exception{{Message: "m"}}}}},
		Account:     "not told",
	}
	s.Fail(429)
	const want = `{"name":"shop/prod","id":"70de5b6f19ff9a0a","trace_id":"1-581cf771-a006649127e371903a2de979","start_time":1478293361.271123,"end_time":1478293361.449,` +
		`"http":{"request":{"method":"GET","url":"https://a/b"},"response":{"status":429,"content_length":7}},"error":true,"throttle":true,"cause":"53995c3f42cd8ad8",` +
		`"annotations":{"b":true,"n":1.5},"subsegments":[{"name":"c","id":"53995c3f42cd8ad9","start_time":1,"namespace":"remote","cause":{"exceptions":[{"message":"m"}]}}]}`
	if got := string(s.Document()); got != want {
		t.Errorf("the document is\n%s\nwant\n%s", got, want)
	}
	var back trace.Segment
	if err := json.Unmarshal([]byte(want), &back); err != nil {
		t.Fatal(err)
	}
	back.Account = s.Account
	if diff := cmp.Diff(s, back, cmpopts.IgnoreUnexported(trace.Segment{})); diff != "" {
		t.Errorf("read back it differs (-was +is):\n%s", diff)
	}
}

// Some SDKs send lengths as text.
func TestNumber(t *testing.T) {
	for text, want := range map[string]trace.Number{`7`: 7, `"7"`: 7, `7.0`: 7, `"many"`: 0, `null`: 0} {
		var r trace.Response
		if err := json.Unmarshal([]byte(`{"content_length":`+text+`}`), &r); err != nil || r.Length != want {
			t.Errorf("%s is %d, %v; want %d", text, r.Length, err, want)
		}
	}
}

func TestParseHeader(t *testing.T) {
	const root = "1-5759e988-bd862e3fe1be46a994272793"
	tests := []struct {
		in   string
		want trace.Header
	}{
		{"Root=" + root + ";Parent=53995c3f42cd8ad8;Sampled=1", trace.Header{Root: root, Parent: "53995c3f42cd8ad8", Sampled: "1"}},
		{" sampled=? ; root=" + root + ";Lineage=a:1", trace.Header{Root: root, Sampled: "?"}},
		{"Self=1-67891233-abcdef012345678912345678;Root=" + root, trace.Header{Root: root}},
		{"Root=" + root + "and much more", trace.Header{}},
		{";;=;", trace.Header{}},
		{"", trace.Header{}},
	}
	for _, tt := range tests {
		if got := trace.ParseHeader(tt.in); got != tt.want {
			t.Errorf("ParseHeader(%q) = %+v, want %+v", tt.in, got, tt.want)
		}
	}
	h := tests[0].want
	if h.String() != tests[0].in {
		t.Errorf("String() = %q, want %q", h, tests[0].in)
	}
}
