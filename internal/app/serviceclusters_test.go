package app

import (
	"log/slog"
	"testing"
	"time"

	"gatehouse/internal/discovery"
	"gatehouse/internal/record"
	"gatehouse/internal/service/servicediscovery"
	"gatehouse/internal/store/memstore"
	"gatehouse/internal/upstream"
)

// TestServiceClusters: the cluster of a service is there as long as somebody calls it,
// or has just asked for it.
func TestServiceClusters(t *testing.T) {
	st := memstore.New(memstore.Options{})
	defer st.Close() //nolint:errcheck // of a test
	reg := upstream.NewRegistry(upstream.Options{})
	defer reg.Close()
	log := slog.New(slog.DiscardHandler)
	keeper := discovery.NewKeeper(nil, reg, log)
	s := &serviceClusters{clusters: reg, keeper: keeper, sources: discovery.Surroundings{Registry: servicediscovery.NewFollower(st, log)}, asked: map[string]time.Time{}}
	const name = "srv-0123456789abcdef.cloud-map"
	get := func() {
		t.Helper()
		host, err := s.get(record.Scope{Account: "000000000000", Region: "us-east-1"}, "arn:aws:servicediscovery:us-east-1:000000000000:service/srv-0123456789abcdef")
		if err != nil || host != name+".cluster" {
			t.Fatalf("%q, %v", host, err)
		}
	}
	get()
	s.sweep(time.Now())
	if !keeper.Has(name) {
		t.Fatal("gone at once")
	}
	key := upstream.Key{Scheme: "http", Host: name + ".cluster", Port: 80}
	if _, err := reg.Cluster(key, nil); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(idleServices)
	s.sweep(later)
	if !keeper.Has(name) {
		t.Fatal("gone while it is called")
	}
	reg.Retain(nil)
	s.sweep(later)
	if keeper.Has(name) || len(s.asked) != 0 || len(reg.Status()) != 0 {
		t.Errorf("still there when nobody calls it: %v", reg.Status())
	}
	get()
	if !keeper.Has(name) {
		t.Error("not made again")
	}
}
