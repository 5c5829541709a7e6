package app

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"

	"gatehouse/internal/handover"
	"gatehouse/internal/record"
)

// Lines that wait for a successor are told, also if it serves when there is nothing
// else to wait for.
func TestTellLate(t *testing.T) {
	for range 30 { // of two things that have come either may be seen first
		n := &node{late: newLate(), log: slog.New(slog.DiscardHandler)}
		link, other, err := handover.NewLink()
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := net.FileConn(other)
		if err != nil {
			t.Fatal(err)
		}
		other.Close()
		n.late.add(record.Scope{Account: "000000000000", Region: "us-east-1"}, "group", "stream", 1, []byte("late"))
		n.late.link <- link
		ctx, end := context.WithCancel(t.Context())
		end()
		if err := n.tellLate(ctx); err != nil {
			t.Error(err)
		}
		link.Close() // ends the reading, if nothing was told
		b := make([]byte, 1024)
		if m, err := theirs.Read(b); err != nil || !strings.Contains(string(b[:m]), `"Group":"group"`) {
			t.Fatalf("got %q, %v; want the line", b[:m], err)
		}
		theirs.Close()
	}
}
