package robust_test

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"gatehouse/test/gatehousetest"
)

// TestDeploymentStorm deploys again and again, changes stages and makes and
// deletes other APIs, while clients call without pause. No request may fail,
// and each must be served from a version that was deployed: never from half of
// one, and never from one older than the last that was answered before the
// request began.
func TestDeploymentStorm(t *testing.T) {
	deployments := repeats("GATEHOUSE_DEPLOYMENTS", 2000)
	bin, err := gatehousetest.Build(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s, err := gatehousetest.Start(t.Context(), bin, filepath.Join(t.TempDir(), "data"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	backend := newEcho(t)

	load, endLoad := context.WithCancel(t.Context())
	defer endLoad()
	var clients sync.WaitGroup
	var storms errgroup.Group
	var list []*storm
	for i := range 2 {
		st := newStorm(t, s, fmt.Sprintf("storm%d", i), backend)
		list = append(list, st)
		for range 3 {
			clients.Go(func() { st.call(load, s.DataPlane()) })
		}
		storms.Go(func() error { return st.deploy(t.Context(), deployments/2) })
	}
	err = storms.Wait()
	endLoad()
	clients.Wait()
	if err != nil {
		t.Fatalf("%v\n%s", err, s.Log())
	}
	var served, failed int64
	for _, st := range list {
		served += st.served.Load()
		failed += st.failed.Load()
		if f := st.failure.Load(); f != nil {
			t.Errorf("first failure: %s", *f)
		}
	}
	t.Logf("%d deployments; %d requests served, %d failed", deployments, served, failed)
	if failed > 0 || served < int64(deployments)/10 {
		t.Errorf("%d requests served, %d failed; want many and none", served, failed)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

// A storm is one API that is deployed all the time.
type storm struct {
	api     *gatehousetest.Client
	id      string
	backend string
	name    string

	answered atomic.Int64 // version of the last deployment that was answered
	begun    atomic.Int64 // version of the last deployment that was asked for
	served   atomic.Int64
	failed   atomic.Int64
	failure  atomic.Pointer[string]
}

func newStorm(t *testing.T, s *gatehousetest.Server, name, backend string) *storm {
	api, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	st := &storm{api: api, backend: backend, name: name}
	if st.id, _, err = importAPI(t.Context(), api, definition(name, backend)); err != nil {
		t.Fatal(err)
	}
	if _, err := deploy(t.Context(), api, st.id, "0"); err != nil {
		t.Fatal(err)
	}
	return st
}

// deploy deploys n times. Between deployments it does other things that a
// compiler has to digest. Old deployments are deleted, as any pipeline does.
func (st *storm) deploy(ctx context.Context, n int) error {
	var before string
	for v := 1; v <= n; v++ {
		st.begun.Store(int64(v))
		id, err := deploy(ctx, st.api, st.id, fmt.Sprint(v))
		if err != nil {
			return fmt.Errorf("deployment %d: %w", v, err)
		}
		st.answered.Store(int64(v))
		if before != "" {
			if err := st.api.Call(ctx, http.MethodDelete, "/restapis/"+st.id+"/deployments/"+before, nil, nil); err != nil {
				return fmt.Errorf("delete deployment: %w", err)
			}
		}
		before = id
		if v%20 == 0 {
			if err := st.disturb(ctx, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// disturb makes another API, deploys it and deletes it, and writes the
// definition of this one anew.
func (st *storm) disturb(ctx context.Context, v int) error {
	other, _, err := importAPI(ctx, st.api, definition(fmt.Sprintf("%s-%d", st.name, v), st.backend))
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	if _, err := deploy(ctx, st.api, other, "x"); err != nil {
		return fmt.Errorf("deploy another: %w", err)
	}
	if err := st.api.Call(ctx, http.MethodDelete, "/restapis/"+other, nil, nil); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	if err := st.api.Call(ctx, http.MethodPut, "/restapis/"+st.id+"?mode=overwrite", definition(st.name, st.backend), nil); err != nil {
		return fmt.Errorf("overwrite: %w", err)
	}
	return nil
}

// call calls the API until ctx ends.
func (st *storm) call(ctx context.Context, base string) {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	for ctx.Err() == nil {
		oldest := st.answered.Load()
		status, body, err := fetch(ctx, client, base, st.id)
		if ctx.Err() != nil {
			return
		}
		newest := st.begun.Load()
		var v int64
		_, scanErr := fmt.Sscanf(body, "/%d", &v)
		if err != nil || status != http.StatusOK || scanErr != nil || v < oldest || v > newest {
			st.failed.Add(1)
			text := fmt.Sprintf("status %d, body %q, error %v; want 200 and a version from %d to %d", status, body, err, oldest, newest)
			st.failure.CompareAndSwap(nil, &text)
			continue
		}
		st.served.Add(1)
	}
}
