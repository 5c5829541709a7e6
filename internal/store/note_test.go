package store_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"gatehouse/internal/store"
	"gatehouse/internal/store/memstore"
)

// A note goes with each change, or the change is not made and the reason is told.
func TestNoting(t *testing.T) {
	st := memstore.New(memstore.Options{})
	defer func() { _ = st.Close() }()
	notes, things := store.NewTable[string](st, "/note/"), store.NewTable[string](st, "/thing/")
	refused := errors.New("no paper")
	for _, tt := range []struct {
		name string
		note func(ctx context.Context, c *store.Change) error
		why  string // there is no change; empty: there is
	}{
		{"noted", func(_ context.Context, c *store.Change) error { store.Add(c, notes, "n", "made"); return nil }, ""},
		{"refused", func(context.Context, *store.Change) error { return refused }, "no paper"},
		{"illegible", func(_ context.Context, c *store.Change) error { store.Add(c, notes, "n", "\xff"); return nil }, "encode /note/n"},
	} {
		ctx := store.Noting(t.Context(), tt.note)
		var once store.Change
		store.Add(&once, things, tt.name+" once", "x")
		_, onceErr := store.Once(ctx, st, once)
		err := store.Update(ctx, st, func(c *store.Change) error { store.Add(c, things, tt.name, "x"); return nil })
		for id, err := range map[string]error{tt.name + " once": onceErr, tt.name: err} {
			_, _, missing := things.Get(t.Context(), id)
			if made := missing == nil; made != (tt.why == "") || made != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.why) {
				t.Errorf("%s: made %v, told %v", id, made, err)
			}
		}
		if note, _, err := notes.Get(t.Context(), "n"); err != nil || note != "made" {
			t.Errorf("%s: the note is %q, %v", tt.name, note, err)
		}
	}
}
