package integration_test

import (
	"errors"
	"strings"
	"testing"

	"gatehouse/internal/gateway/integration"
)

func TestParseURI(t *testing.T) {
	tests := []struct {
		uri  string
		want string // scheme host port authority variables
	}{
		{"http://backend", "http backend 80 backend "},
		{"https://Backend.Example.com/x", "https backend.example.com 443 Backend.Example.com "},
		{"HTTP://127.0.0.1:9000/a/{b}/{c}?d={b}", "http 127.0.0.1 9000 127.0.0.1:9000 b,c"},
		{"https://[::1]:8443/", "https ::1 8443 [::1]:8443 "},
		{"http://[::1]", "http ::1 80 [::1] "},
		{"http://h/{proxy+}#frag", "http h 80 h proxy"},
		{"http://h?x=1", "http h 80 h "},
		{"http://h_1/{", "http h_1 80 h_1 "},
		{"", ""},
		{"backend/x", ""},
		{"ftp://backend/x", ""},
		{"http://", ""},
		{"http:///x", ""},
		{"http://user@h/", ""},
		{"http://h:0/", ""},
		{"http://h:65536/", ""},
		{"http://h:/", ""},
		{"http://{sub}.example.com/", ""},
		{"http://[::zz]/", ""},
		{"http://h/a b", ""},
		{"http://h/é", ""},
		{"http://h/a\r\nX: y", ""},
		{"http://" + strings.Repeat("x", 300) + "/", ""},
	}
	for _, tt := range tests {
		t.Run(tt.uri, func(t *testing.T) {
			u, err := integration.ParseURI(tt.uri)
			if tt.want == "" {
				if !errors.Is(err, integration.ErrAddress) {
					t.Errorf("error %v, want ErrAddress", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := describe(u); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func describe(u *integration.URI) string {
	return strings.Join([]string{u.Scheme, u.Host, itoa(int(u.Port)), u.Authority(), strings.Join(u.Variables(), ",")}, " ")
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

// AWS: rest-execution.md §11.
func TestExpandVariables(t *testing.T) {
	vars := map[string]string{"host": "h:9000", "path": "a/b"}
	tests := []struct{ text, want string }{
		{"http://${stageVariables.host}/${stageVariables.path}/x", "http://h:9000/a/b/x"},
		{"http://x${stageVariables.none}/", "http://x/"},
		{"http://x/${stageVariables.path", "http://x/${stageVariables.path"},
		{"http://x/$stageVariables.path/{proxy}", "http://x/$stageVariables.path/{proxy}"},
		{"${stageVariables.none}", ""},
		{"plain", "plain"},
	}
	for _, tt := range tests {
		if got := integration.ExpandVariables(tt.text, vars); got != tt.want {
			t.Errorf("%q becomes %q, want %q", tt.text, got, tt.want)
		}
	}
}
