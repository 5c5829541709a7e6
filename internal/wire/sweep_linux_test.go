package wire

import (
	"testing"
	"time"
)

// TestSweepShare: however many deadlines come one after the other, a loop does
// not look at all of its connections for each.
func TestSweepShare(t *testing.T) {
	l := &Loop{now: time.Now()}
	soon, late := l.now.Add(time.Minute), l.now.Add(time.Hour)
	for i := range 10_000 {
		deadline := late
		if i == 7 {
			deadline = soon
		}
		l.slots = append(l.slots, slot{client: &serverConn{in: &loopConn{deadline: deadline}}})
	}
	l.sweep()
	if !l.next.Equal(soon) {
		t.Errorf("next look at %v, want %v", l.next, soon)
	}
	if !l.notBefore.After(l.now) {
		t.Fatal("the next look may be at once")
	}
	l.next = time.Time{}
	l.until(l.now)
	if !l.next.Equal(l.notBefore) {
		t.Errorf("next look %v before it may be", l.notBefore.Sub(l.next))
	}
	l.slots[7].client.in.deadline = l.now.Add(time.Nanosecond)
	l.now = l.now.Add(-time.Second) // nothing is late
	l.sweep()
	if l.next.Before(l.notBefore) {
		t.Errorf("next look %v before it may be", l.notBefore.Sub(l.next))
	}
}
