package servicediscovery

import (
	"context"
	"errors"
	"math/rand/v2"

	api "gatehouse/internal/awsapi/servicediscovery"
	"gatehouse/internal/store"
)

// find returns the service that a namespace and a service are called.
func (s *Service) find(ctx context.Context, t *tables, namespace, name, owner *string) (service, error) {
	if owner := str(owner); owner != "" && owner != scope(ctx).Account {
		return service{}, errNamespace() // nothing is shared between accounts here
	}
	ns, _, err := t.namespaceNames.Find(ctx, errNamespace(), str(namespace))
	if err != nil {
		return service{}, err
	}
	srv, err := t.service(ctx, ns, str(name))
	if errors.Is(err, errNothing) {
		err = errService()
	}
	return srv, err
}

// DiscoverInstances returns the instances of a service.
func (s *Service) DiscoverInstances(ctx context.Context, in *api.DiscoverInstancesInput) (*api.DiscoverInstancesResponse, error) {
	limit := 100 // AWS: if MaxResults is left out
	if in.MaxResults != nil {
		limit = int(*in.MaxResults)
	}
	if limit < 1 || limit > 1000 {
		return nil, bad("MaxResults must be between 1 and 1000")
	}
	t := s.tables(ctx)
	srv, err := s.find(ctx, t, in.NamespaceName, in.ServiceName, in.OwnerAccount)
	if err != nil {
		return nil, err
	}
	rows, err := t.instances.All(ctx, str(srv.Id))
	if err != nil {
		return nil, err
	}
	rows = withAttributes(rows, in.QueryParameters)
	if len(in.OptionalParameters) > 0 {
		if better := withAttributes(rows, in.OptionalParameters); len(better) > 0 {
			rows = better
		}
	}
	if srv.HealthCheckCustomConfig != nil {
		if rows, err = withHealth(rows, str(in.HealthStatus)); err != nil {
			return nil, err
		}
	}
	// AWS: "returns a randomized list of instances", so that who takes the first ones
	// does not always take the same.
	rand.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	out := &api.DiscoverInstancesResponse{Instances: []api.HttpInstanceSummary{}, InstancesRevision: &srv.Revision}
	for i := range rows[:min(len(rows), limit)] {
		out.Instances = append(out.Instances, api.HttpInstanceSummary{
			InstanceId: new(instanceID(rows[i].ID)), NamespaceName: in.NamespaceName, ServiceName: in.ServiceName,
			HealthStatus: new(rows[i].Value.health()), Attributes: rows[i].Value.Attributes,
		})
	}
	return out, nil
}

// withAttributes are those of rows that have all of these attributes.
func withAttributes(rows []store.Row[instance], want map[string]string) (list []store.Row[instance]) {
	for _, r := range rows {
		if hasAttributes(r.Value.Attributes, want) {
			list = append(list, r)
		}
	}
	return list
}

func hasAttributes(have, want map[string]string) bool {
	for k, v := range want {
		if got, ok := have[k]; !ok || got != v {
			return false
		}
	}
	return true
}

// withHealth are those of rows that a filter leaves.
//
// AWS: undocumented which filter holds without one; we take HEALTHY.
func withHealth(rows []store.Row[instance], filter string) ([]store.Row[instance], error) {
	want := healthy
	switch filter {
	case "ALL":
		return rows, nil
	case unhealthy:
		want = unhealthy
	case "", healthy, "HEALTHY_OR_ELSE_ALL":
	default:
		return nil, bad("The health status " + filter + " is not valid")
	}
	var list []store.Row[instance]
	for _, r := range rows {
		if r.Value.Health == want {
			list = append(list, r)
		}
	}
	if len(list) == 0 && filter == "HEALTHY_OR_ELSE_ALL" {
		return rows, nil
	}
	return list, nil
}

// DiscoverInstancesRevision returns the revision of the instances of a service.
func (s *Service) DiscoverInstancesRevision(ctx context.Context, in *api.DiscoverInstancesRevisionInput) (*api.DiscoverInstancesRevisionResponse, error) {
	srv, err := s.find(ctx, s.tables(ctx), in.NamespaceName, in.ServiceName, in.OwnerAccount)
	if err != nil {
		return nil, err
	}
	return &api.DiscoverInstancesRevisionResponse{InstancesRevision: &srv.Revision}, nil
}
