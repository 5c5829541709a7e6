package robust_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"gatehouse/test/gatehousetest"
)

// TestKillServer kills the server at random points while clients create, edit
// and deploy through the AWS API, and looks after each restart whether all that
// was answered is there, nothing is half there, and what is stored is served.
func TestKillServer(t *testing.T) {
	kills := repeats("GATEHOUSE_SERVER_KILLS", 40)
	bin, err := gatehousetest.Build(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(t.TempDir(), "data")
	backend := newEcho(t)
	writers := []*writer{{name: "w0"}, {name: "w1"}, {name: "w2"}, {name: "w3"}}
	changes := 0
	for n := range kills + 1 {
		s, err := gatehousetest.Start(t.Context(), bin, data)
		if err != nil {
			t.Fatalf("start %d: %v", n, err)
		}
		t.Cleanup(s.Kill)
		api, err := s.Client()
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range writers {
			if err := w.check(t.Context(), api, s.DataPlane()); err != nil {
				t.Fatalf("after %d kills, %d changes answered: %s: %v", n, changes, w.name, err)
			}
		}
		if n == kills {
			if err := s.Stop(); err != nil {
				t.Error(err)
			}
			break
		}
		changes += write(t, s, api, writers, backend)
	}
	t.Logf("%d kills, %d changes answered, none lost", kills, changes)
	if changes < kills {
		t.Errorf("only %d changes were answered between %d kills: the test shows little", changes, kills)
	}
}

// write lets all writers change things until the server is killed, and returns
// how many changes were answered.
func write(t *testing.T, s *gatehousetest.Server, api *gatehousetest.Client, writers []*writer, backend string) int {
	var wg sync.WaitGroup
	answered := make([]int, len(writers))
	for i, w := range writers {
		wg.Go(func() {
			for {
				if err := w.change(t.Context(), api, backend); err != nil {
					var refusal *gatehousetest.Refusal
					if errors.As(err, &refusal) {
						t.Errorf("%s: %v", w.name, err)
					}
					return
				}
				answered[i]++
			}
		})
	}
	<-time.After(time.Duration(20+rand.IntN(400)) * time.Millisecond)
	s.Kill()
	wg.Wait()
	sum := 0
	for _, n := range answered {
		sum += n
	}
	return sum
}

// A writer owns one API and knows what it must look like. A change whose answer
// did not arrive may have been made or not: then maybe holds what it would
// have made.
type writer struct {
	name  string
	id    string // of the API; empty: none was answered yet
	root  string
	seq   int
	known state
	maybe *state
}

// A state is what can be read back of a writer's API.
type state struct {
	description string
	parts       []string // of resources, sorted
	version     string   // of the stage's variable; empty: no stage
	deployment  string   // of the stage; empty: not known
}

func (s state) clone() state {
	s.parts = slices.Clone(s.parts)
	return s
}

// change makes one change and notes what it was answered.
func (w *writer) change(ctx context.Context, api *gatehousetest.Client, backend string) error {
	w.seq++
	if w.id == "" {
		id, rootResource, err := importAPI(ctx, api, definition(w.name, backend))
		if err != nil {
			return err
		}
		w.id, w.root, w.known = id, rootResource, state{parts: []string{"v"}}
		return nil
	}
	next := w.known.clone()
	var do func() error
	switch rand.IntN(3) {
	case 0:
		next.description = fmt.Sprint("change ", w.seq)
		do = func() error {
			return api.Call(ctx, http.MethodPatch, "/restapis/"+w.id, map[string]any{"patchOperations": []map[string]string{
				{"op": "replace", "path": "/description", "value": next.description},
			}}, nil)
		}
	case 1:
		if len(next.parts) > 50 { // keep clear of AWS's limit of resources
			return w.overwrite(ctx, api, backend)
		}
		part := fmt.Sprint("r", w.seq)
		next.parts = append(next.parts, part)
		slices.Sort(next.parts)
		do = func() error {
			return api.Call(ctx, http.MethodPost, "/restapis/"+w.id+"/resources/"+w.root, map[string]string{"pathPart": part}, nil)
		}
	default:
		next.version, next.deployment = fmt.Sprint(w.seq), ""
		do = func() error {
			var err error
			next.deployment, err = deploy(ctx, api, w.id, next.version)
			return err
		}
	}
	return w.try(&next, do)
}

// overwrite replaces the definition, which takes away all added resources.
func (w *writer) overwrite(ctx context.Context, api *gatehousetest.Client, backend string) error {
	next := w.known.clone()
	next.parts, next.description = []string{"v"}, ""
	return w.try(&next, func() error {
		var out struct{ Description string }
		err := api.Call(ctx, http.MethodPut, "/restapis/"+w.id+"?mode=overwrite", definition(w.name, backend), &out)
		next.description = out.Description
		return err
	})
}

func (w *writer) try(next *state, do func() error) error {
	w.maybe = next
	if err := do(); err != nil {
		return err
	}
	w.known, w.maybe = *next, nil
	return nil
}

// check reads the API back and compares. What it finds is known from then on.
func (w *writer) check(ctx context.Context, api *gatehousetest.Client, dataPlane string) error {
	if w.id == "" {
		return nil
	}
	got, err := w.read(ctx, api)
	if err != nil {
		return err
	}
	switch {
	case w.known.matches(got):
	case w.maybe != nil && w.maybe.matches(got):
	default:
		return fmt.Errorf("found %+v, want %+v or %+v", got, w.known, w.maybe)
	}
	w.known, w.maybe = got, nil
	if got.version == "" {
		return nil
	}
	status, body, err := fetch(ctx, api.HTTP, dataPlane, w.id)
	if want := "/" + got.version; err != nil || status != http.StatusOK || body != want {
		return fmt.Errorf("served %d %q (%v), stored is %s", status, body, err, want)
	}
	return nil
}

// matches tells whether got is the state s. A state whose deployment is not
// known stands for any.
func (s state) matches(got state) bool {
	return s.description == got.description && slices.Equal(s.parts, got.parts) && s.version == got.version &&
		(s.deployment == "" || s.deployment == got.deployment)
}

func (w *writer) read(ctx context.Context, api *gatehousetest.Client) (state, error) {
	var got state
	var head struct{ Description string }
	if err := api.Call(ctx, http.MethodGet, "/restapis/"+w.id, nil, &head); err != nil {
		return got, err
	}
	got.description = head.Description
	var resources struct{ Item []struct{ PathPart string } }
	if err := api.Call(ctx, http.MethodGet, "/restapis/"+w.id+"/resources?limit=500", nil, &resources); err != nil {
		return got, err
	}
	for _, r := range resources.Item {
		if r.PathPart != "" {
			got.parts = append(got.parts, r.PathPart)
		}
	}
	slices.Sort(got.parts)
	var stage struct {
		DeploymentID string
		Variables    map[string]string
	}
	err := api.Call(ctx, http.MethodGet, "/restapis/"+w.id+"/stages/prod", nil, &stage)
	var refusal *gatehousetest.Refusal
	if errors.As(err, &refusal) && refusal.Status == http.StatusNotFound {
		return got, nil
	}
	if err != nil {
		return got, err
	}
	got.version, got.deployment = stage.Variables["v"], stage.DeploymentID
	// The stage's deployment must be there too: not half of a change.
	return got, api.Call(ctx, http.MethodGet, "/restapis/"+w.id+"/deployments/"+got.deployment, nil, nil)
}
