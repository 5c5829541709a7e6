package wsapi

import (
	"strings"
	"testing"
)

func TestIDs(t *testing.T) {
	id := newID(513)
	message := newMessageID(id)
	if len(id) != 20 || !ValidID(id) || !ValidID(message) || message == id || !strings.HasSuffix(id, "CAQ==") {
		t.Errorf("ids %q and %q", id, message)
	}
	// The ids of the version before, and any.
	if old := newMessageID("RxLdhmqevFHeHVb0AAA="); !strings.HasSuffix(old, "HVb0AAA=") || len(newMessageID("1")) == 0 || len(newMessageID(strings.Repeat("A", 99))) == 0 {
		t.Errorf("message id %q", old)
	}
	// AWS: websocket-execution.md §3: the same last part.
	if id[12:] != message[12:] || id[:8] == message[:8] {
		t.Errorf("message id %q does not end like connection id %q", message, id)
	}
	if n := testing.AllocsPerRun(100, func() { message = newMessageID(id) }); n > 2 { // the race detector has one
		t.Errorf("an id takes %v allocations, want that of its text", n)
	}
	for id, want := range map[string]bool{"R0oXAdfD0kwCH6w=": true, "eHrdFcnvvHcCE-w=": true, "x": false, "": false, "R0oXAdfD0kwCH6ww": false, "R0oXAdfD0kwCH/w=": false,
		"gbik1K9kzQAYKEilnA==": true, "RxLdhmqevFHeHVb0AAA=": true, "R0oXAdfD0kwCHw==": false, "gbik1K9kzQAYKEilnAAA": false} {
		if got := ValidID(id); got != want {
			t.Errorf("ValidID(%q) = %v, want %v", id, got, want)
		}
	}
}

// Commands take an argument that begins with a hyphen for an option.
func TestIDsBeginWithoutHyphen(t *testing.T) {
	id := newID(1)
	for range 2000 { // one in 64 would
		if id, message := newID(1), newMessageID(id); id[0] == '-' || message[0] == '-' {
			t.Fatalf("ids %q and %q", id, message)
		}
	}
}
