package clusters

import (
	"context"
	"errors"
	"strconv"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/discovery"
	"gatehouse/internal/store"
)

// An AddEndpointInput names an endpoint to add to a cluster.
type AddEndpointInput struct {
	Cluster *string `json:"cluster,omitzero" aws:"uri=Cluster,required"`
	Address *string `json:"address,omitzero" aws:"required"` // host:port
	Weight  *int32  `json:"weight,omitzero" range:"1,1000"`
}

// A RemoveEndpointInput names an endpoint that was added.
type RemoveEndpointInput struct {
	Cluster *string `json:"cluster,omitzero" aws:"uri=Cluster,required"`
	Address *string `json:"address,omitzero" aws:"uri=Address,required"`
}

// An UpdateEndpointInput says what to change about an endpoint, of whatever
// source. What is left out stays.
type UpdateEndpointInput struct {
	Cluster  *string `json:"cluster,omitzero" aws:"uri=Cluster,required"`
	Address  *string `json:"address,omitzero" aws:"uri=Address,required"`
	Weight   *int32  `json:"weight,omitzero" range:"0,1000"` // 0: that of the source again
	Draining *bool   `json:"draining,omitzero"`
}

// An UpdateClusterInput says what to change about a cluster.
type UpdateClusterInput struct {
	Cluster *string `json:"cluster,omitzero" aws:"uri=Cluster,required"`
	Off     *bool   `json:"off,omitzero" aws:"required"` // no endpoint gets new requests
}

// An Endpoint is what is changed about one.
type Endpoint struct {
	Cluster  *string `json:"cluster,omitzero"`
	Address  *string `json:"address,omitzero"`
	Added    *bool   `json:"added,omitzero"`
	Draining *bool   `json:"draining,omitzero"`
	Weight   *int32  `json:"weight,omitzero"`
}

// A Cluster is what is changed about one.
type Cluster struct {
	Cluster *string `json:"cluster,omitzero"`
	Off     *bool   `json:"off,omitzero"`
}

// AddEndpoint adds an endpoint beside those that the cluster finds.
func (s *Service) AddEndpoint(ctx context.Context, in *AddEndpointInput) (*Endpoint, error) {
	return s.edit(ctx, *in.Cluster, *in.Address, func(ch *discovery.Change) error {
		if !ch.Added && s.keeper.Knows(*in.Cluster, *in.Address) {
			return conflict("The cluster has the endpoint " + *in.Address + " already")
		}
		ch.Added = true
		if in.Weight != nil {
			ch.Weight = int(*in.Weight)
		}
		return nil
	})
}

// RemoveEndpoint removes an endpoint that was added.
func (s *Service) RemoveEndpoint(ctx context.Context, in *RemoveEndpointInput) (*Endpoint, error) {
	return s.edit(ctx, *in.Cluster, *in.Address, func(ch *discovery.Change) error {
		switch {
		case ch.Added:
			*ch = discovery.Change{Address: ch.Address}
			return nil
		case s.keeper.Knows(*in.Cluster, *in.Address):
			return conflict("The endpoint " + *in.Address + " was not added by hand: drain it, or remove it where the cluster finds it")
		}
		return noEndpoint(*in.Cluster, *in.Address)
	})
}

// UpdateEndpoint drains an endpoint, takes that back, or changes its weight.
func (s *Service) UpdateEndpoint(ctx context.Context, in *UpdateEndpointInput) (*Endpoint, error) {
	return s.edit(ctx, *in.Cluster, *in.Address, func(ch *discovery.Change) error {
		if *ch == (discovery.Change{Address: ch.Address}) && !s.keeper.Knows(*in.Cluster, *in.Address) {
			return noEndpoint(*in.Cluster, *in.Address)
		}
		if in.Weight != nil {
			ch.Weight = int(*in.Weight)
		}
		if in.Draining != nil {
			ch.Drained = *in.Draining
		}
		return nil
	})
}

// UpdateCluster switches a cluster off and on.
func (s *Service) UpdateCluster(ctx context.Context, in *UpdateClusterInput) (*Cluster, error) {
	err := s.update(ctx, *in.Cluster, func(ch discovery.Changes) (discovery.Changes, error) {
		ch.Off = *in.Off
		return ch, nil
	})
	return &Cluster{Cluster: in.Cluster, Off: in.Off}, err
}

// edit changes what is decided about one endpoint.
func (s *Service) edit(ctx context.Context, cluster, address string, do func(*discovery.Change) error) (*Endpoint, error) {
	var after discovery.Change
	err := s.update(ctx, cluster, func(ch discovery.Changes) (discovery.Changes, error) {
		return ch.Edit(address, func(e *discovery.Change) error {
			err := do(e)
			after = *e
			return err
		})
	})
	out := &Endpoint{Cluster: &cluster, Address: &address, Added: &after.Added, Draining: &after.Drained}
	if after.Weight > 0 {
		out.Weight = new(int32(after.Weight))
	}
	return out, err
}

// update stores what do makes of the changes of a cluster.
func (s *Service) update(ctx context.Context, cluster string, do func(discovery.Changes) (discovery.Changes, error)) error {
	if awsrpc.CallerFrom(ctx).Account != s.account || !s.keeper.Has(cluster) {
		return &awsrpc.Error{Code: "ResourceNotFoundException", Status: 404, Message: "There is no cluster " + strconv.Quote(cluster)}
	}
	id := store.ID(cluster)
	err := store.Update(ctx, s.st, func(c *store.Change) error {
		ch, rev, err := s.changes.Find(ctx, nil, cluster)
		if err != nil {
			return err
		}
		next, err := do(ch)
		var refused *awsrpc.Error
		if err != nil && !errors.As(err, &refused) {
			return awsrpc.Validation(err.Error())
		}
		if err != nil {
			return err
		}
		c.Require(s.changes.Is(id, rev))
		if next.Empty() {
			c.Do(s.changes.Delete(id))
			return nil
		}
		store.Add(c, s.changes, id, next)
		return nil
	})
	if errors.Is(err, store.ErrConflict) {
		return conflict("The cluster is being changed by other requests. Try again.")
	}
	return err
}

func conflict(text string) error {
	return &awsrpc.Error{Code: "ConflictException", Status: 409, Message: text}
}

func noEndpoint(cluster, address string) error {
	return &awsrpc.Error{Code: "ResourceNotFoundException", Status: 404, Message: "The cluster " + strconv.Quote(cluster) + " has no endpoint " + address}
}
