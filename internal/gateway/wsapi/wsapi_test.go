package wsapi

import (
	"strings"
	"testing"
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
		s, err := ParseSelection(tt.expr)
		if err != nil {
			t.Errorf("ParseSelection(%q): %v", tt.expr, err)
			continue
		}
		if got := s.Key([]byte(tt.message)); got != tt.want {
			t.Errorf("%q of %q = %q, want %q", tt.expr, tt.message, got, tt.want)
		}
	}
	for _, expr := range []string{"", "$context.routeKey", "$request.header.x", "${request.body.a"} {
		if _, err := ParseSelection(expr); err == nil {
			t.Errorf("ParseSelection(%q) is accepted", expr)
		}
	}
}

func TestIDs(t *testing.T) {
	id := newID(513)
	message := newMessageID(id)
	if len(id) != 20 || !ValidID(id) || !ValidID(message) || message == id || !strings.HasSuffix(id, "AgE=") {
		t.Errorf("ids %q and %q", id, message)
	}
	// AWS: websocket-execution.md §3: the same last part.
	if id[12:] != message[12:] || id[:8] == message[:8] {
		t.Errorf("message id %q does not end like connection id %q", message, id)
	}
	for id, want := range map[string]bool{"R0oXAdfD0kwCH6w=": true, "eHrdFcnvvHcCE-w=": true, "x": false, "": false, "R0oXAdfD0kwCH6ww": false, "R0oXAdfD0kwCH/w=": false} {
		if got := ValidID(id); got != want {
			t.Errorf("ValidID(%q) = %v, want %v", id, got, want)
		}
	}
}
