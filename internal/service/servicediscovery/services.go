package servicediscovery

import (
	"context"
	"errors"
	"maps"
	"regexp"

	api "gatehouse/internal/awsapi/servicediscovery"
	"gatehouse/internal/store"
)

// AWS: the pattern of ServiceName, without its look-ahead: labels of up to 63
// characters, 127 together.
var serviceForm = regexp.MustCompile(`^([a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?)(\.[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?)*$`)

// CreateService makes a service in a namespace.
func (s *Service) CreateService(ctx context.Context, in *api.CreateServiceInput) (*api.CreateServiceResponse, error) {
	name, id := str(in.Name), newID("srv-")
	if err := checkService(in); err != nil {
		return nil, err
	}
	dns, err := newDNSConfig(in.DnsConfig)
	if err != nil {
		return nil, err
	}
	tags, err := addTags(nil, in.Tags, "")
	if err != nil {
		return nil, err
	}
	t := s.tables(ctx)
	out := &api.CreateServiceResponse{}
	return out, s.update(ctx, func(c *store.Change) error {
		ns := idOf(ctx, kindNamespace, in.NamespaceId)
		if ns == "" && in.DnsConfig != nil {
			ns = idOf(ctx, kindNamespace, in.DnsConfig.NamespaceId)
		}
		at, rev, err := t.namespaces.Find(ctx, errNamespace(), ns)
		if err != nil {
			return err
		}
		kind, err := dns.typeIn(&at, in)
		if err != nil {
			return err
		}
		if there, err := t.service(ctx, ns, name); !errors.Is(err, errNothing) {
			if err == nil {
				e := api.ServiceAlreadyExists("Service already exists")
				e.Members = map[string]string{"ServiceId": str(there.Id), "CreatorRequestId": str(there.CreatorRequestId), "ServiceArn": str(there.Arn)}
				err = e
			}
			return err
		}
		if n, err := t.count(ctx, ns); err != nil || *n >= maxServices {
			return orElse(err, api.ResourceLimitExceeded("The limit of services in a namespace has been reached"))
		}
		if kind != typeHTTP {
			if err := t.distinct(ctx, ns, name); err != nil {
				return err
			}
		}
		rec := service{ServiceShape: api.ServiceShape{
			Id: &id, Arn: nameOf(scope(ctx), kindService, id), Name: &name, NamespaceId: &ns, Description: in.Description, InstanceCount: new(int32(0)),
			Type: &kind, DnsConfig: dns.shape(), HealthCheckCustomConfig: custom(in.HealthCheckCustomConfig), CreateDate: now(), CreatorRequestId: in.CreatorRequestId,
			ResourceOwner: new(scope(ctx).Account), CreatedByAccount: new(scope(ctx).Account),
		}, Tags: tags}
		out.Service = &rec.ServiceShape
		c.Require(t.namespaces.Is(store.ID(ns), rev))
		c.Require(t.serviceNames.Absent(store.ID(ns, name)))
		store.Add(c, t.namespaces, store.ID(ns), at) // as it is: it cannot be deleted meanwhile
		store.Add(c, t.serviceNames, store.ID(ns, name), id)
		store.Add(c, t.services, store.ID(id), rec)
		return nil
	})
}

// custom is a configuration as AWS keeps it.
//
// AWS: FailureThreshold "is no longer supported and is always set to 1".
func custom(h *api.HealthCheckCustomConfig) *api.HealthCheckCustomConfig {
	if h == nil {
		return nil
	}
	return &api.HealthCheckCustomConfig{FailureThreshold: new(int32(1))}
}

func orElse(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// checkService refuses what a service cannot be. A setting that Gatehouse does
// not act upon is refused by name.
func checkService(in *api.CreateServiceInput) error {
	name := str(in.Name)
	switch {
	case len(name) > 127 || !serviceForm.MatchString(name):
		return bad("The name of the service is not valid")
	case in.HealthCheckConfig != nil:
		return bad("HealthCheckConfig is not supported: Gatehouse checks the health of instances where a cluster uses them. HealthCheckCustomConfig is supported")
	case in.DnsConfig != nil && str(in.DnsConfig.NamespaceId) != "" && str(in.NamespaceId) != "" && *in.DnsConfig.NamespaceId != *in.NamespaceId:
		return bad("NamespaceId and that of DnsConfig, which is deprecated, differ")
	case str(in.NamespaceId) == "" && (in.DnsConfig == nil || str(in.DnsConfig.NamespaceId) == ""):
		return bad("NamespaceId is missing")
	case str(in.Type) != "" && str(in.Type) != typeHTTP:
		return bad("The type of a service can only be HTTP")
	}
	return checkLengths(in.Description, in.CreatorRequestId)
}

// errNothing: there is no service of that name.
var errNothing = errors.New("no such service")

// service returns the service that is called so in a namespace, or errNothing.
func (t *tables) service(ctx context.Context, namespace, name string) (service, error) {
	id, _, err := t.serviceNames.Find(ctx, errNothing, namespace, name)
	if err != nil {
		return service{}, err
	}
	rec, _, err := t.services.Find(ctx, errNothing, id)
	return rec, err
}

// notThere is missing if err says so, else err.
func notThere(err, missing error) error {
	if errors.Is(err, store.ErrNotFound) {
		return missing
	}
	return err
}

// GetService returns a service.
func (s *Service) GetService(ctx context.Context, in *api.GetServiceInput) (*api.GetServiceResponse, error) {
	rec, _, err := s.tables(ctx).services.Find(ctx, errService(), idOf(ctx, kindService, in.Id))
	if err != nil {
		return nil, err
	}
	return &api.GetServiceResponse{Service: &rec.ServiceShape}, nil
}

// ListServices lists services by their ids.
func (s *Service) ListServices(ctx context.Context, in *api.ListServicesInput) (*api.ListServicesResponse, error) {
	rows, err := s.tables(ctx).services.All(ctx)
	if err != nil {
		return nil, err
	}
	var list []api.ServiceSummary
	for i := range rows {
		r := &rows[i].Value
		ok, err := matchesAll(in.Filters, func(f *api.ServiceFilter) (bool, error) {
			switch str(f.Name) {
			case "NAMESPACE_ID":
				ids := make([]string, len(f.Values))
				for i := range f.Values {
					ids[i] = idOf(ctx, kindNamespace, &f.Values[i])
				}
				return matches(f.Condition, ids, str(r.NamespaceId))
			case "RESOURCE_OWNER":
				return matches(f.Condition, f.Values, "SELF")
			}
			return false, bad("Unknown filter " + str(f.Name))
		})
		if err != nil {
			return nil, err
		}
		if ok {
			list = append(list, api.ServiceSummary{Id: r.Id, Arn: r.Arn, Name: r.Name, Type: r.Type, Description: r.Description, InstanceCount: r.InstanceCount, DnsConfig: r.DnsConfig,
				HealthCheckCustomConfig: r.HealthCheckCustomConfig, CreateDate: r.CreateDate, ResourceOwner: r.ResourceOwner, CreatedByAccount: r.CreatedByAccount})
		}
	}
	out := &api.ListServicesResponse{}
	out.Services, out.NextToken, err = page(list, func(r *api.ServiceSummary) string { return str(r.Id) }, in.NextToken, in.MaxResults)
	return out, err
}

// edit changes the record of a service.
func (s *Service) edit(ctx context.Context, service *string, do func(t *tables, c *store.Change, rec *service) error) error {
	id := idOf(ctx, kindService, service)
	defer s.locks.Lock(id)()
	t := s.tables(ctx)
	return s.update(ctx, func(c *store.Change) error {
		rec, rev, err := t.services.Find(ctx, errService(), id)
		if err != nil {
			return err
		}
		if err := do(t, c, &rec); err != nil {
			return err
		}
		c.Require(t.services.Is(store.ID(id), rev))
		store.Add(c, t.services, store.ID(id), rec)
		return nil
	})
}

// UpdateService changes the description of a service, and the times to live of its
// records.
func (s *Service) UpdateService(ctx context.Context, in *api.UpdateServiceInput) (*api.UpdateServiceResponse, error) {
	switch ch := in.Service; {
	case ch == nil:
		return nil, bad("The change is missing")
	case ch.HealthCheckConfig != nil:
		return nil, bad("HealthCheckConfig is not supported")
	default:
		if err := checkLengths(ch.Description, nil); err != nil {
			return nil, err
		}
	}
	out := &api.UpdateServiceResponse{}
	return out, s.edit(ctx, in.Id, func(t *tables, c *store.Change, rec *service) error {
		if in.Service.Description != nil {
			rec.Description = in.Service.Description
		}
		if err := updateDNS(rec, in.Service.DnsConfig); err != nil {
			return err
		}
		out.OperationId = new(begin(c, t, "UPDATE_SERVICE", map[string]string{"SERVICE": str(rec.Id)}))
		return nil
	})
}

// DeleteService removes a service without instances.
func (s *Service) DeleteService(ctx context.Context, in *api.DeleteServiceInput) error {
	id := idOf(ctx, kindService, in.Id)
	defer s.locks.Lock(id)()
	t := s.tables(ctx)
	return s.update(ctx, func(c *store.Change) error {
		rec, rev, err := t.services.Find(ctx, errService(), id)
		if err != nil {
			return err
		}
		if *rec.InstanceCount > 0 {
			// AWS: recorded in hashicorp/terraform-provider-aws#4853.
			return api.ResourceInUse("Service contains registered instances; delete the instances before deleting the service")
		}
		c.Require(t.services.Is(store.ID(id), rev)) // who registers an instance puts the service anew
		c.Do(t.services.Delete(store.ID(id)), t.serviceNames.Delete(store.ID(str(rec.NamespaceId), str(rec.Name))))
		return nil
	})
}

// GetServiceAttributes returns the attributes of a service.
func (s *Service) GetServiceAttributes(ctx context.Context, in *api.GetServiceAttributesInput) (*api.GetServiceAttributesResponse, error) {
	rec, _, err := s.tables(ctx).services.Find(ctx, errService(), idOf(ctx, kindService, in.ServiceId))
	if err != nil {
		return nil, err
	}
	attrs := rec.Attributes
	if attrs == nil {
		attrs = map[string]string{}
	}
	return &api.GetServiceAttributesResponse{ServiceAttributes: &api.ServiceAttributes{Attributes: attrs, ServiceArn: rec.Arn, ResourceOwner: rec.ResourceOwner}}, nil
}

// UpdateServiceAttributes adds attributes to a service, or changes them.
func (s *Service) UpdateServiceAttributes(ctx context.Context, in *api.UpdateServiceAttributesInput) error {
	return s.edit(ctx, in.ServiceId, func(_ *tables, _ *store.Change, rec *service) error {
		next := maps.Clone(rec.Attributes)
		if next == nil {
			next = map[string]string{}
		}
		for k, v := range in.Attributes {
			if k == "" || len(k) > 255 || len(v) > 1024 {
				return bad("The attribute " + k + " is too long")
			}
			next[k] = v
		}
		if len(next) > maxAttributes {
			return api.ServiceAttributesLimitExceededException("A service may have 30 attributes")
		}
		rec.Attributes = next
		return nil
	})
}

// DeleteServiceAttributes removes attributes of a service.
func (s *Service) DeleteServiceAttributes(ctx context.Context, in *api.DeleteServiceAttributesInput) error {
	return s.edit(ctx, in.ServiceId, func(_ *tables, _ *store.Change, rec *service) error {
		rec.Attributes = maps.Clone(rec.Attributes)
		for _, k := range in.Attributes {
			delete(rec.Attributes, k)
		}
		return nil
	})
}
