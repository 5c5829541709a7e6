package gateway_test

import (
	"net/url"
	"strings"
	"testing"

	"gatehouse/internal/gateway"
)

// AWS: rest-execution.md §3.
func TestNextPair(t *testing.T) {
	tests := []struct{ query, want string }{
		{"", ""},
		{"a=1&b=2", "a:1 b:2 "},
		{"a=1;b=2", "a:1 b:2 "},
		{"a", "a: "},
		{"a=", "a: "},
		{"=1", ":1 "},
		{"&&a=1&;&b&", "a:1 b: "},
		{"a=1=2&a[]=3", "a:1=2 a[]:3 "},
		{"%61=%20", "%61:%20 "},
	}
	for _, tt := range tests {
		got := ""
		for q := tt.query; ; {
			name, value, rest, ok := gateway.NextPair(q)
			if !ok {
				break
			}
			got += name + ":" + value + " "
			q = rest
		}
		if got != tt.want {
			t.Errorf("%q has %q, want %q", tt.query, got, tt.want)
		}
	}
}

// FuzzEncoding compares with net/url where it has an opinion.
func FuzzEncoding(f *testing.F) {
	for _, s := range []string{"", "a b+c", "%41%zz%", "é/%2F~", "%2e%2E/", "a%", "%e", "\x00\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, plus := range []bool{false, true} {
			got := string(gateway.AppendDecoded(nil, s, plus))
			unescape := url.PathUnescape
			if plus {
				unescape = url.QueryUnescape
			}
			if want, err := unescape(s); err == nil && got != want {
				t.Errorf("%q decodes to %q, want %q", s, got, want)
			}
			if gateway.Encoded(s, plus) == (got == s) && !strings.Contains(s, "%") {
				t.Errorf("Encoded(%q, %v) = %v, but it decodes to %q", s, plus, gateway.Encoded(s, plus), got)
			}
			if !gateway.EqualDecoded(strings.ReplaceAll(s, "+", "%2B"), string(gateway.AppendDecoded(nil, s, false))) {
				t.Errorf("%q is not equal to what it decodes to", s)
			}
		}
		enc := string(gateway.AppendEncoded(nil, s))
		if back, err := url.PathUnescape(enc); err != nil || back != s {
			t.Errorf("%q encodes to %q, which is %q, %v", s, enc, back, err)
		}
		again := string(gateway.AppendReencoded(nil, s))
		if gateway.PlainPath(s) && again != s {
			t.Errorf("plain path %q becomes %q", s, again)
		}
		if !gateway.PlainPath(strings.ReplaceAll(again, "%", "")) || strings.Count(again, "/") != strings.Count(s, "/") {
			t.Errorf("%q becomes %q", s, again)
		}
		if twice := string(gateway.AppendReencoded(nil, again)); twice != again {
			t.Errorf("%q becomes %q, and that %q", s, again, twice)
		}
	})
}
