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

// Long lines are few: what waits for a successor is bounded by its bytes, too.
func TestLateIsBounded(t *testing.T) {
	l := newLate()
	long := make([]byte, 1<<20)
	taken := 0
	for range 40 {
		if l.add(record.Scope{}, "group", "stream", 1, long) {
			taken++
		}
	}
	if taken != maxLateBytes/len(long) || l.lost.Load() != int64(40-taken) {
		t.Errorf("%d of 40 lines were taken, %d are counted as lost", taken, l.lost.Load())
	}
	if !l.add(record.Scope{}, "group", "stream", 1, nil) {
		t.Error("a line without text finds no room, though it needs none")
	}
}
