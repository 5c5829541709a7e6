package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	api "gatehouse/internal/awsapi/cloudformation"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/store"
)

// A mortal store dies after some commits, as that of a server that is killed: what
// was committed is there, and nothing more can be until it lives again.
type mortal struct {
	store.Store
	left atomic.Int64 // commits; less than 0: it does not die
	dead atomic.Bool

	meddled string // part of a key; before it is written, do is called once
	do      func()
}

// meddle calls do before the next commit that writes such a key. It is for tests whose
// commits come one after the other.
func (m *mortal) meddle(key string, do func()) { m.meddled, m.do = key, do }

var errKilled = errors.New("killed")

// Commit commits, or does not any more.
func (m *mortal) Commit(ctx context.Context, ifs []store.Cond, ops []store.Op) (store.Rev, error) {
	if m.dead.Load() {
		return 0, errKilled
	}
	if do := m.do; do != nil && slices.ContainsFunc(ops, func(op store.Op) bool { return strings.Contains(op.Key, m.meddled) }) {
		m.do = nil
		do()
	}
	rev, err := m.Store.Commit(ctx, ifs, ops)
	if err == nil && m.left.Add(-1) == 0 {
		m.dead.Store(true)
	}
	return rev, err
}

// revive starts the server again.
func (w *world) revive() {
	w.mortal.dead.Store(false)
	w.mortal.left.Store(-1)
	for len(w.Service.work) > 0 {
		<-w.Service.work
	}
	w.restart()
}

// TestKill kills the server after each commit of a creation in turn, and of an
// update: in the end there is nothing that nobody knows of.
func TestKill(t *testing.T) {
	creation, update := of(1, "one", false), strings.Replace(of(2, "two", false), "PathPart: p0", "PathPart: other", 1)
	for commits := int64(1); ; commits++ {
		w := newWorld(t)
		before := w.records()
		w.mortal.left.Store(commits)
		id, err := w.create("s", creation)
		if err == nil && !w.mortal.dead.Load() {
			if commits < 30 {
				t.Errorf("a creation has only %d commits", commits)
			}
			break
		}
		w.revive()
		if err != nil { // nobody was told that there is a stack
			if got := w.status("s"); strings.HasPrefix(got, "CREATE") {
				t.Errorf("after %d commits: %s", commits, got)
			}
			if id = ""; w.status("s") == "ROLLBACK_COMPLETE" {
				out, err := w.DescribeStacks(w.ctx, &api.DescribeStacksInput{StackName: new("s")})
				if err != nil {
					t.Fatal(err)
				}
				id = *out.Stacks[0].StackId
			}
		}
		if id != "" {
			w.delete("s", id)
		}
		if after := w.records(); !slices.Equal(before, after) {
			t.Errorf("killed after %d commits of a creation, left over: %q", commits, missing(after, before))
		}
	}
	for commits := int64(1); ; commits++ {
		w := newWorld(t)
		id, err := w.create("s", creation)
		if err != nil {
			t.Fatal(err)
		}
		before := w.records()
		w.mortal.left.Store(commits)
		if _ = w.update("s", update); !w.mortal.dead.Load() {
			break
		}
		w.revive()
		switch got := w.status("s"); got {
		case "UPDATE_ROLLBACK_COMPLETE":
			if after := w.records(); !slices.Equal(before, after) {
				t.Errorf("killed after %d commits of an update: lost %q, left over %q", commits, missing(before, after), missing(after, before))
			}
		case "UPDATE_COMPLETE", "CREATE_COMPLETE":
		default:
			t.Errorf("killed after %d commits of an update: %s", commits, got)
			w.tellEvents("s")
		}
		w.delete("s", id)
	}
}

// tellEvents logs what happened to a stack.
func (w *world) tellEvents(name string) {
	out, err := w.DescribeStackEvents(w.ctx, &api.DescribeStackEventsInput{StackName: new(name)})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range slices.Backward(out.StackEvents) {
		w.t.Log(str(e.LogicalResourceId), str(e.ResourceStatus), str(e.ResourceStatusReason))
	}
}

// missing are those of a that b does not have.
func missing(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(k string) bool { return slices.Contains(b, k) })
}

// TestKillAtRandom makes, changes, fails and deletes stacks, and kills the server
// at any commit of most.
func TestKillAtRandom(t *testing.T) {
	w := newWorld(t)
	before := w.records()
	chance := rand.New(rand.NewPCG(*randomSeed, 1))
	for i := range runs() / 3 {
		name := fmt.Sprintf("s%d", chance.IntN(2))
		template := of(1+chance.IntN(3), fmt.Sprint(i), chance.IntN(4) == 0)
		if chance.IntN(3) > 0 {
			w.mortal.left.Store(int64(1 + chance.IntN(60)))
		}
		status := w.status(name)
		var err error
		switch {
		case strings.Contains(status, "does not exist"):
			_, err = w.create(name, template)
		case status == "ROLLBACK_COMPLETE" || chance.IntN(4) == 0:
			err = w.DeleteStack(w.ctx, &api.DeleteStackInput{StackName: new(name)})
			w.work()
		default:
			err = w.update(name, template)
		}
		var told *awsrpc.Error
		if err != nil && !errors.Is(err, errKilled) && !errors.As(err, &told) {
			t.Fatalf("run %d: %v", i, err)
		}
		w.revive()
		if got := w.status(name); !strings.HasSuffix(got, "_COMPLETE") && !strings.Contains(got, "does not exist") {
			w.tellEvents(name)
			t.Fatalf("run %d: %s", i, got)
		}
	}
	for _, name := range []string{"s0", "s1"} {
		if err := w.DeleteStack(w.ctx, &api.DeleteStackInput{StackName: new(name)}); err != nil {
			t.Fatal(err)
		}
		w.work()
	}
	if after := w.records(); !slices.Equal(before, after) {
		t.Errorf("left over: %q", missing(after, before))
	}
}
