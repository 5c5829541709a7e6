package step_test

import (
	"testing"

	"gatehouse/internal/gateway/step"
)

// AWS: websocket-execution.md §2.
func TestSelection(t *testing.T) {
	const message = `{"service":"chat","action":"join","data":{"room":"room1234"},"n":7}`
	tests := []struct{ expr, message, want string }{
		{"$request.body.action", message, "join"},
		{"${request.body.action}", message, "join"},
		{"${request.body.service}/${request.body.action}", message, "chat/join"},
		{"${request.body.action}-${request.body.invalidPath}", message, "join-"},
		{"$request.body.data.room", message, "room1234"},
		{"$request.body.n", message, "7"},
		{"action", message, "action"},
		{`\$default`, message, "$default"},
		{"$request.body.action", "no JSON", ""},
		{"$request.body.action", "", ""},
		{"$request.body.action", `{"other":1}`, ""},
	}
	for _, tt := range tests {
		s, err := step.ParseSelection(tt.expr)
		if err != nil {
			t.Errorf("ParseSelection(%q): %v", tt.expr, err)
			continue
		}
		if got := string(s.AppendKey(nil, []byte(tt.message))); got != tt.want {
			t.Errorf("%q of %q = %q, want %q", tt.expr, tt.message, got, tt.want)
		}
	}
	for _, expr := range []string{"", "$context.routeKey", "$request.header.x", "${request.body.a"} {
		if _, err := step.ParseSelection(expr); err == nil {
			t.Errorf("ParseSelection(%q) is accepted", expr)
		}
	}
}
