package servicediscovery

import (
	"context"

	api "gatehouse/internal/awsapi/servicediscovery"
	"gatehouse/internal/store"
)

// UpdateInstanceCustomHealthStatus says how an instance does. It is a sign of
// life: a lease begins anew.
//
// AWS: a change takes effect after 30 seconds there; here at once.
func (s *Service) UpdateInstanceCustomHealthStatus(ctx context.Context, in *api.UpdateInstanceCustomHealthStatusInput) error {
	id, srv := str(in.InstanceId), idOf(ctx, kindService, in.ServiceId)
	status := str(in.Status)
	if status != healthy && status != unhealthy {
		return bad("The status must be HEALTHY or UNHEALTHY")
	}
	return s.locked(ctx, srv, func(t *tables, c *store.Change, at *service) (func(), error) {
		if at.HealthCheckCustomConfig == nil {
			return nil, api.CustomHealthNotFound("The service has no custom health check")
		}
		rec, rev, err := t.instances.Find(ctx, errInstance(), srv, id)
		if err != nil {
			return nil, err
		}
		if rec.Health != status {
			rec.Health = status
			c.Require(t.instances.Is(store.ID(srv, id), rev))
			store.Add(c, t.instances, store.ID(srv, id), rec)
		}
		return func() { s.leases.renew(instanceKey{scope(ctx), srv, id}, rec.lease()) }, nil
	})
}

// health is the status of an instance as AWS shows it.
func (i *instance) health() string {
	if i.Health == "" {
		return unknownHealth // AWS: of a service without a health check
	}
	return i.Health
}

// GetInstancesHealthStatus returns the health of instances, by their ids.
func (s *Service) GetInstancesHealthStatus(ctx context.Context, in *api.GetInstancesHealthStatusInput) (*api.GetInstancesHealthStatusResponse, error) {
	t, srv := s.tables(ctx), idOf(ctx, kindService, in.ServiceId)
	if _, _, err := t.services.Find(ctx, errService(), srv); err != nil {
		return nil, err
	}
	var rows []store.Row[instance]
	var err error
	if in.Instances == nil {
		rows, err = t.instances.All(ctx, srv)
	} else {
		rows, err = t.these(ctx, srv, in.Instances)
	}
	if err != nil {
		return nil, err
	}
	list, next, err := page(rows, func(r *store.Row[instance]) string { return r.ID }, in.NextToken, in.MaxResults)
	out := &api.GetInstancesHealthStatusResponse{Status: map[string]string{}, NextToken: next}
	for i := range list {
		out.Status[instanceID(list[i].ID)] = list[i].Value.health()
	}
	return out, err
}

// these are the instances of a service with these ids, all of which there must be.
func (t *tables) these(ctx context.Context, srv string, ids []string) (rows []store.Row[instance], err error) {
	if len(ids) == 0 || len(ids) > maxInstances {
		return nil, bad("Instances must name at least one instance")
	}
	for _, id := range ids {
		rec, rev, err := t.instances.Find(ctx, errInstance(), srv, id)
		if err != nil {
			return nil, err
		}
		rows = append(rows, store.Row[instance]{ID: store.ID(srv, id), Value: rec, Rev: rev})
	}
	return rows, nil
}
