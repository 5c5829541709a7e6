package servicediscovery_test

import (
	"strings"
	"testing"

	"gatehouse/internal/service/servicediscovery"
)

func TestParseTokensRefuses(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"nothing to register", "0123456789abcdef", "line 1: want a token and what it may register"},
		{"short", "# comment\nshort prod/orders", "line 2: the token is shorter than 16 characters"},
		{"no service", "0123456789abcdef prod", `line 1: "prod" is not NAMESPACE/SERVICE`},
		{"bad pattern", "0123456789abcdef prod/[", `line 1: "prod/[" is not NAMESPACE/SERVICE`},
		{"too long a line", strings.Repeat("x", 1<<20), "token too long"},
		{"good", "\n0123456789abcdef prod/* dev/orders\n", "<nil>"},
	}
	for _, tt := range tests {
		_, err := servicediscovery.ParseTokens([]byte(tt.text))
		got := "<nil>"
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		if strings.Contains(got, "0123456789abcdef") {
			t.Errorf("%s: the error tells the token: %s", tt.name, got)
		}
	}
}
