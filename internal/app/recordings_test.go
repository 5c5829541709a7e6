package app

import (
	"fmt"
	"testing"
	"time"

	"gatehouse/internal/gateway"
)

// Failures are grouped by reason, whatever numbers and ids it names.
func TestWithoutNumbers(t *testing.T) {
	tests := []struct{ a, b string }{
		{"dial 10.0.0.1:80: refused", "dial 10.2.13.14:8080: refused"},
		{"RequestId: 0e1f2d3c-aaaa-bbbb-cccc-1234567890ab Error: exit", "RequestId: fe1f2d3c-aaab-bbbb-cccc-0234567890ab Error: exit"},
		{"instance 3f9ab2c4d5e6f7a8 is gone", "instance aa9ab2c4d5e6f7a8 is gone"},
	}
	for _, tt := range tests {
		if a, b := withoutNumbers(tt.a), withoutNumbers(tt.b); a != b {
			t.Errorf("%q and %q are two reasons, want one", a, b)
		}
	}
	if withoutNumbers("defaced") == withoutNumbers("effaced!") || withoutNumbers("deadbeef") != "deadbeef" {
		t.Error("words are taken for ids")
	}
}

// What is waited for is bounded, in number and in time.
func TestWant(t *testing.T) {
	r := &recordings{to: new(gateway.Recorder)}
	now := time.Unix(1_000_000, 0)
	for i := range mostWanted {
		if !r.want(fmt.Sprint(i), now) {
			t.Fatalf("id %d is refused", i)
		}
	}
	if r.want("one more", now) {
		t.Error("an id more is taken")
	}
	if !r.want("0", now) {
		t.Error("an id that is waited for is refused")
	}
	if !r.want("one more", now.Add(wantedFor+time.Second)) || len(*r.to.Wanted.Load()) != 1 {
		t.Errorf("after their time %d ids are waited for, want 1", len(*r.to.Wanted.Load()))
	}
}
