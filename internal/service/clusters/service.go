// Package clusters is an API of Gatehouse's own, spoken as those of AWS are: what
// operators change about the endpoints of clusters, as methods of [Service].
//
// A change lies over what the cluster finds by itself (discovery.Changes), is
// stored, and acts on every node that follows the store ([Service.Run]). Calls are
// signed for the service gatehouse, and policies of IAM name actions such as
// gatehouse:UpdateEndpoint on arn:aws:gatehouse:REGION:ACCOUNT:cluster/NAME.
// Clusters belong to the account of the server's root credential.
package clusters

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/discovery"
	"gatehouse/internal/store"
)

// A Keeper is what keeps the endpoints of clusters.
type Keeper interface {
	Has(cluster string) bool
	Knows(cluster, address string) bool
	Change(cluster string, ch discovery.Changes)
}

var _ Keeper = (*discovery.Keeper)(nil)

// A Service answers the operations. Its Run must be running for them to act.
type Service struct {
	st      store.Store
	account string
	changes store.Table[discovery.Changes] // by the cluster's name
	keeper  Keeper
	log     *slog.Logger

	progress store.Progress
}

// New returns a service over st, for the callers of one account.
func New(st store.Store, account string, keeper Keeper, log *slog.Logger) *Service {
	return &Service{
		st: st, account: account, keeper: keeper, log: log,
		changes: store.NewTable[discovery.Changes](st, store.Prefix(account, "-", "gatehouse", "cluster")),
	}
}

// Mount returns s together with the operations it answers.
func Mount(s *Service) awsrpc.Mount {
	op := func(name, method, uri string, in func() any, call func(s *Service, ctx context.Context, in any) (any, error)) awsrpc.Operation {
		return awsrpc.Operation{
			Name: name, Method: method, URI: uri, Code: 200, NewInput: in, Output: (*Endpoint)(nil),
			Invoke: func(ctx context.Context, s, in any) (any, error) { return call(s.(*Service), ctx, in) },
		}
	}
	return awsrpc.Mount{Server: s, Service: awsrpc.Service{
		Name: "gatehouse", SigningName: "gatehouse", Protocol: awsrpc.RestJSON1, Version: "2026-11-23", PlainNames: true,
		Operations: []awsrpc.Operation{
			op("AddEndpoint", "POST", "/gatehouse/clusters/{Cluster}/endpoints", func() any { return new(AddEndpointInput) },
				func(s *Service, ctx context.Context, in any) (any, error) {
					return s.AddEndpoint(ctx, in.(*AddEndpointInput))
				}),
			op("RemoveEndpoint", "DELETE", "/gatehouse/clusters/{Cluster}/endpoints/{Address}", func() any { return new(RemoveEndpointInput) },
				func(s *Service, ctx context.Context, in any) (any, error) {
					return s.RemoveEndpoint(ctx, in.(*RemoveEndpointInput))
				}),
			op("UpdateEndpoint", "PATCH", "/gatehouse/clusters/{Cluster}/endpoints/{Address}", func() any { return new(UpdateEndpointInput) },
				func(s *Service, ctx context.Context, in any) (any, error) {
					return s.UpdateEndpoint(ctx, in.(*UpdateEndpointInput))
				}),
			{Name: "UpdateCluster", Method: "PATCH", URI: "/gatehouse/clusters/{Cluster}", Code: 200,
				NewInput: func() any { return new(UpdateClusterInput) }, Output: (*Cluster)(nil),
				Invoke: func(ctx context.Context, s, in any) (any, error) {
					return s.(*Service).UpdateCluster(ctx, in.(*UpdateClusterInput))
				}},
		},
	}}
}

// Wait returns when what was committed up to revision rev is in force, or when
// ctx ends.
func (s *Service) Wait(ctx context.Context, rev store.Rev) error { return s.progress.Wait(ctx, rev) }

// Run puts stored changes in force until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	inForce := map[string]bool{} // clusters with changes
	for {
		err := s.follow(ctx, inForce)
		if ctx.Err() != nil || errors.Is(err, store.ErrClosed) {
			return nil
		}
		if errors.Is(err, store.ErrCompacted) {
			continue
		}
		s.log.Error("cannot follow the changes of clusters, the last ones stay in force", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

// follow lists all changes, then applies commit after commit. Changes in force that
// are gone from the list were taken back while nobody followed.
func (s *Service) follow(ctx context.Context, inForce map[string]bool) error {
	page, err := s.st.List(ctx, s.changes.Key(""), "", 0)
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	gone := maps.Clone(inForce)
	for _, kv := range page.KVs {
		delete(gone, s.put(inForce, store.Put(kv.Key, kv.Value)))
	}
	for cluster := range gone {
		delete(inForce, cluster)
		s.keeper.Change(cluster, discovery.Changes{})
	}
	s.progress.Reach(page.Rev)
	for batch, err := range s.st.Watch(ctx, "", page.Rev) {
		if err != nil {
			return fmt.Errorf("watch: %w", err)
		}
		for _, op := range batch.Ops {
			s.put(inForce, op)
		}
		s.progress.Reach(batch.Rev)
	}
	return ctx.Err()
}

// put puts in force what an operation says, and returns the cluster that it is
// about; empty: it is about none. Changes that cannot be read leave the last ones.
func (s *Service) put(inForce map[string]bool, op store.Op) (cluster string) {
	id, ok := s.changes.ID(op.Key)
	if !ok {
		return ""
	}
	cluster = store.Parts(id)[0]
	if op.Delete {
		delete(inForce, cluster)
		s.keeper.Change(cluster, discovery.Changes{})
		return cluster
	}
	row, err := s.changes.Decode(store.KV{Key: op.Key, Value: op.Value})
	if err != nil {
		s.log.Error("changes of a cluster not understood, the last ones stay in force", "key", op.Key, "error", err)
		return cluster
	}
	inForce[cluster] = true
	s.keeper.Change(cluster, row.Value)
	return cluster
}
