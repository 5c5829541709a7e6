package journal

import (
	"testing"
	"time"
)

// A clock that is set forward does not make entries older, one that is set back
// makes them younger.
func TestSteady(t *testing.T) {
	began := time.Now()
	if got := steady(began, began.Add(400*24*time.Hour).Round(0)); got.Sub(began.Round(0)) > time.Hour {
		t.Errorf("400 days forward: %v after the beginning", got.Sub(began))
	}
	back := began.Add(-400 * 24 * time.Hour).Round(0)
	if got := steady(began, back); !got.Equal(back) {
		t.Errorf("400 days back: %v", got)
	}
}
