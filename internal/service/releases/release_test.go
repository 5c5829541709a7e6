package releases

import (
	"context"
	"strings"
	"testing"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/discovery"
	"gatehouse/internal/store/memstore"
	"gatehouse/internal/upstream"
)

// A fakeBackend finds nothing wrong, and counts nothing.
type fakeBackend struct{ Backend }

func (fakeBackend) Check(*discovery.Definition) error        { return nil }
func (fakeBackend) CheckRelease(def *upstream.Release) error { return def.Check(nil) }
func (fakeBackend) ReleaseStatus(string) (upstream.ReleaseStatus, bool) {
	return upstream.ReleaseStatus{}, false
}

// A told is a service with a release called shop, of the clusters old and new.
type told struct {
	*Service
	t   *testing.T
	ctx context.Context //nolint:containedctx // of the test
}

func newTold(t *testing.T, release string) told {
	t.Helper()
	s := told{New(memstore.New(memstore.Options{}), "000000000000", fakeBackend{}, nil), t, awsrpc.WithCaller(t.Context(), awsrpc.Caller{Account: "000000000000"})}
	for _, name := range []string{"old", "new"} {
		if _, err := s.putCluster(s.ctx, &put{&name, []byte("endpoints: [a:1]")}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.putRelease(s.ctx, &put{new("shop"), []byte(release)}); err != nil {
		t.Fatal(err)
	}
	return s
}

// do makes a call about the release, and wants its weights of new and its phase to be
// these afterwards.
func (s told) do(call func(context.Context, *named) (*document, error), weight int, phase Phase) {
	s.t.Helper()
	if _, err := call(s.ctx, &named{new("shop")}); err != nil {
		s.t.Fatal(err)
	}
	rec, _, err := s.releases.Find(s.ctx, nil, "shop")
	if err != nil {
		s.t.Fatal(err)
	}
	if rec.Weights["new"] != weight || rec.Canary.Phase != phase {
		s.t.Errorf("new has %d and is %s, want %d and %s", rec.Weights["new"], rec.Canary.Phase, weight, phase)
	}
}

func (s told) to(target string) func(context.Context, *named) (*document, error) {
	return func(ctx context.Context, in *named) (*document, error) {
		return s.switchRelease(ctx, &switching{in.Name, &target})
	}
}

// TestReturn: what a canary is said to have come to is what is in force, whatever is
// done and undone.
func TestReturn(t *testing.T) {
	s := newTold(t, "targets: [{cluster: old, weight: 1}, {cluster: new}]\ncanary: {target: new, steps: [10%, 50%]}")
	s.do(s.promoteRelease, 1000, Promoted)
	s.do(s.returnRelease, 100, Paused)
	s.do(s.returnRelease, 1000, Promoted)
	s.do(s.to("old"), 0, Paused)
	s.do(s.returnRelease, 1000, Promoted)
	s.do(s.abortRelease, 0, RolledBack)
	s.do(s.returnRelease, 1000, Promoted)
	s.do(s.abortRelease, 0, RolledBack)
	s.do(s.resumeRelease, 100, Running)
	s.do(s.to("new"), 1000, Paused)
	s.do(s.returnRelease, 100, Paused)
	s.do(s.resumeRelease, 100, Running)
}

// TestPutZeros: zeros that would stand for a default are refused when they are put.
func TestPutZeros(t *testing.T) {
	s := newTold(t, "targets: [{cluster: old, weight: 1}, {cluster: new, weight: 0}]")
	if _, err := s.putCluster(s.ctx, &put{new("old"), []byte(`{"endpoints": [{"address": "a:1", "weight": 0}]}`)}); err == nil || !strings.Contains(err.Error(), "endpoints.weight: 0") {
		t.Errorf("cluster: %v", err)
	}
	if _, err := s.putRelease(s.ctx, &put{new("shop"), []byte("targets: [{cluster: old, weight: 1}, {cluster: new}]\ncanary: {target: new, minimum: 0}")}); err == nil || !strings.Contains(err.Error(), "canary.minimum: 0") {
		t.Errorf("release: %v", err)
	}
}
