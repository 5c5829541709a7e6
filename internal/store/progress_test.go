package store_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"gatehouse/internal/store"
)

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p store.Progress
		if p.Reached() != -1 {
			t.Errorf("begins at %d", p.Reached())
		}
		done := make(chan store.Rev, 3)
		for _, rev := range []store.Rev{0, 5, 9} {
			go func() {
				if p.Wait(t.Context(), rev) == nil {
					done <- rev
				}
			}()
		}
		for _, step := range []struct {
			reach store.Rev
			want  int // who are done
		}{{0, 1}, {4, 1}, {7, 2}, {3, 2}, {9, 3}} {
			p.Reach(step.reach)
			synctest.Wait()
			if len(done) != step.want {
				t.Errorf("at %d: %d are done, want %d", step.reach, len(done), step.want)
			}
		}
		if p.Reached() != 9 {
			t.Errorf("reached %d, want 9", p.Reached())
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := p.Wait(ctx, 10); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want that of the context", err)
		}
		if err := p.Wait(ctx, 9); err != nil {
			t.Errorf("error %v for what is reached", err)
		}
	})
}
