package cloudformation

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	api "gatehouse/internal/awsapi/cloudformation"
)

var (
	randomRuns = flag.Int("randomruns", 0, "operations of TestRandom and, a third as many, of TestKillAtRandom; 0: 1000, or 60 if short")
	randomSeed = flag.Uint64("randomseed", 1, "seed of TestRandom")
)

// runs is how many operations random tests do.
func runs() int {
	switch {
	case *randomRuns > 0:
		return *randomRuns
	case testing.Short():
		return 60
	}
	return 1000
}

// TestRandom makes, changes, fails and deletes stacks by chance, and stops the
// server in the middle of some. In the end nothing is left.
func TestRandom(t *testing.T) {
	w := newWorld(t)
	before := w.records()
	chance := rand.New(rand.NewPCG(*randomSeed, 0))
	ids := map[string]string{}
	for i := range runs() {
		name := fmt.Sprintf("s%d", chance.IntN(3))
		if chance.IntN(4) == 0 {
			w.left.Store(int64(1 + chance.IntN(25)))
		}
		template := of(1+chance.IntN(4), fmt.Sprint(i), chance.IntN(3) == 0)
		id, made := ids[name]
		switch {
		case !made:
			id, err := w.create(name, template)
			if err != nil {
				t.Fatalf("run %d: create: %v", i, err)
			}
			ids[name] = id
		case chance.IntN(3) == 0:
			if err := w.DeleteStack(w.ctx, &api.DeleteStackInput{StackName: new(name)}); err != nil {
				t.Fatalf("run %d: delete: %v", i, err)
			}
			w.work()
			delete(ids, name)
		default:
			if err := w.update(name, template); err != nil && !strings.Contains(err.Error(), "ROLLBACK_COMPLETE state") {
				t.Fatalf("run %d: update: %v", i, err)
			}
		}
		w.restart()
		if got := w.status(id); id != "" && !strings.HasSuffix(got, "_COMPLETE") {
			w.tellEvents(id)
			t.Fatalf("run %d: stack is %s", i, got)
		}
	}
	for name, id := range ids {
		w.delete(name, id)
	}
	if after := w.records(); !slices.Equal(before, after) {
		t.Errorf("left over: %q", after)
	}
}

// TestSweep: a deleted stack is described for 90 days, and then nothing of it is
// left.
func TestSweep(t *testing.T) {
	w := newWorld(t)
	id, err := w.create("s", "Resources:\n  A: {Type: AWS::IAM::User}\n")
	if err != nil {
		t.Fatal(err)
	}
	kept, err := w.create("kept", "Resources:\n  A: {Type: AWS::IAM::User}\n")
	if err != nil {
		t.Fatal(err)
	}
	w.delete("s", id)
	if err := w.sweep(w.ctx, time.Now().Add(keptFor-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got := w.status(id); got != "DELETE_COMPLETE" {
		t.Errorf("swept too early: %s", got)
	}
	if err := w.sweep(w.ctx, time.Now().Add(keptFor+time.Hour)); err != nil {
		t.Fatal(err)
	}
	short := id[strings.LastIndexByte(id, '/')+1:]
	page, err := w.st.List(w.ctx, "", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, kv := range page.KVs {
		if strings.Contains(kv.Key, short) {
			t.Errorf("left over: %s", kv.Key)
		}
	}
	if got := w.status(kept); got != "CREATE_COMPLETE" {
		t.Errorf("the other stack is %s", got)
	}
}
