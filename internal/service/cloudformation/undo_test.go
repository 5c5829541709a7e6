package cloudformation

import (
	"errors"
	"fmt"
	"testing"

	"gatehouse/internal/store"
)

// TestLargeDeed: what is as large as a commit can be is not refused for its note.
func TestLargeDeed(t *testing.T) {
	w := newWorld(t)
	tb := w.tables(w.ctx)
	made := &worker{s: w.Service, t: tb, deed: "stack/A"}
	for name, want := range map[string]bool{"few": true, "ops": false, "conditions": false, "bytes": false} {
		err := store.Update(made.noting(w.ctx), w.st, func(c *store.Change) error {
			put := func(n int, value []byte) {
				for i := range n {
					c.Do(store.Put(fmt.Sprintf("/%s/%d", name, i), value))
				}
			}
			switch name {
			case "few":
				put(3, nil)
			case "ops":
				put(store.MaxOps, nil)
			case "conditions":
				put(60, nil)
				for i := range 60 {
					c.Require(store.Cond{Key: fmt.Sprintf("/absent/%d", i)})
				}
			case "bytes":
				put(1, make([]byte, store.MaxValueSize))
				put(1, make([]byte, store.MaxCommitSize-store.MaxValueSize-len("/bytes/0/bytes/0")))
				c.Ops[1].Key = "/bytes/1"
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_, rev, err := tb.deeds.Get(w.ctx, made.deed)
		if noted := err == nil; noted != want {
			t.Errorf("%s: noted %v, %v", name, noted, err)
		}
		if err == nil {
			if _, err := w.st.Commit(w.ctx, []store.Cond{tb.deeds.Is(made.deed, rev)}, []store.Op{tb.deeds.Delete(made.deed)}); err != nil {
				t.Fatal(err)
			}
		} else if !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
	}
}
