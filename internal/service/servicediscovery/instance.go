package servicediscovery

import (
	"context"
	"maps"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	api "gatehouse/internal/awsapi/servicediscovery"
	"gatehouse/internal/discovery"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// Attributes that mean something, besides those that clusters know.
const (
	attrHealth = "AWS_INIT_HEALTH_STATUS"
	attrLease  = "GATEHOUSE_LEASE" // seconds: without a sign of life for so long the instance is deregistered
)

// AWS: bounds of the attributes of an instance (RegisterInstance).
const (
	maxAttributes     = 30
	maxAttributesSize = 5000
)

// Bounds of a lease in seconds.
const (
	minLease = 2
	maxLease = 24 * 60 * 60
)

var instanceForm = regexp.MustCompile(`^[0-9a-zA-Z_/:.@-]{1,64}$`)

// checkAttributes refuses attributes that cannot be, or that Gatehouse does not
// act upon.
func checkAttributes(attrs map[string]string) error {
	size, own := 0, 0
	for k, v := range attrs {
		if k == "" || len(k) > 255 || len(v) > 1024 {
			return bad("The attribute " + k[:min(len(k), 255)] + " is too long")
		}
		size += len(k) + len(v)
		if !strings.HasPrefix(k, "AWS_") && !strings.HasPrefix(k, "GATEHOUSE_") {
			own++
		}
		if err := checkAttribute(k, v); err != nil {
			return err
		}
	}
	if own > maxAttributes || size > maxAttributesSize {
		return bad("An instance may have 30 custom attributes, and 5000 characters of attributes in all")
	}
	return nil
}

func checkAttribute(k, v string) error {
	addr, err := netip.ParseAddr(v)
	ok := true
	switch k {
	case discovery.AttrIPv4:
		ok = err == nil && addr.Is4()
	case discovery.AttrIPv6:
		ok = err == nil && addr.Is6() && addr.Zone() == ""
	case discovery.AttrName:
		ok = serviceForm.MatchString(strings.TrimSuffix(v, ".")) && len(v) <= 253
	case discovery.AttrPort:
		ok = isNumber(v, 1, 65535)
	case attrHealth:
		ok = v == healthy || v == unhealthy
	case attrLease:
		ok = isNumber(v, minLease, maxLease)
	case discovery.AttrWeight:
		ok = isNumber(v, 1, 1000)
	case discovery.AttrDraining:
		ok = v == "true" || v == "false"
	case "AWS_EC2_INSTANCE_ID", "AWS_ALIAS_DNS_NAME":
		return bad(k + " is not supported: Gatehouse knows no instances of EC2 and no records of Route 53. Give the address in AWS_INSTANCE_IPV4")
	default:
		if strings.HasPrefix(k, "GATEHOUSE_") || strings.HasPrefix(k, "AWS_INSTANCE_") {
			return bad("There is no attribute " + k)
		}
	}
	if !ok {
		return bad("The value of " + k + " is not valid: " + v)
	}
	return nil
}

func isNumber(s string, least, most int) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= least && n <= most
}

// lease is how long an instance lives without a sign of life; 0: for ever.
func (i *instance) lease() time.Duration {
	n, _ := strconv.Atoi(i.Attributes[attrLease]) // checked before it was stored
	return time.Duration(n) * time.Second
}

// RegisterInstance adds an instance to a service, or replaces it. If it is there
// already as it is asked for, its lease begins anew and nothing is stored.
func (s *Service) RegisterInstance(ctx context.Context, in *api.RegisterInstanceInput) (*api.RegisterInstanceResponse, error) {
	id, srv := str(in.InstanceId), idOf(ctx, kindService, in.ServiceId)
	if !instanceForm.MatchString(id) {
		return nil, bad("The id of the instance must have 1 to 64 letters, digits and characters of _/:.@-")
	}
	if err := checkLengths(nil, in.CreatorRequestId); err != nil {
		return nil, err
	}
	if err := checkAttributes(in.Attributes); err != nil {
		return nil, err
	}
	out := &api.RegisterInstanceResponse{}
	rec := instance{Attributes: in.Attributes, Creator: str(in.CreatorRequestId)}
	return out, s.locked(ctx, srv, func(t *tables, c *store.Change, at *service) (func(), error) {
		there, rev, err := t.instances.Find(ctx, nil, srv, id)
		if err != nil {
			return nil, err
		}
		if err := checkRecords(at.DnsConfig, id, in.Attributes); err != nil {
			return nil, err
		}
		if err := rec.begin(at, &there, rev != 0); err != nil {
			return nil, err
		}
		renew := func() { s.leases.renew(instanceKey{scope(ctx), srv, id}, rec.lease()) }
		if rev != 0 && maps.Equal(there.Attributes, rec.Attributes) && there.Creator == rec.Creator {
			out.OperationId = &there.Operation
			return renew, nil
		}
		if rev == 0 {
			if *at.InstanceCount >= maxInstances {
				return nil, api.ResourceLimitExceeded("The limit of instances of a service has been reached")
			}
			at.InstanceCount = new(*at.InstanceCount + 1)
		}
		at.Revision++
		rec.Operation = begin(c, t, "REGISTER_INSTANCE", map[string]string{"SERVICE": srv, "INSTANCE": id})
		out.OperationId = &rec.Operation
		c.Require(t.instances.Is(store.ID(srv, id), rev))
		store.Add(c, t.instances, store.ID(srv, id), rec)
		return renew, nil
	})
}

// begin sets the health that i begins with in a service: that of the one it
// replaces, or what it says itself.
func (i *instance) begin(at *service, before *instance, replaces bool) error {
	first, said := i.Attributes[attrHealth]
	if at.HealthCheckCustomConfig == nil {
		if said {
			return bad("AWS_INIT_HEALTH_STATUS needs a service with HealthCheckCustomConfig")
		}
		return nil
	}
	switch {
	case replaces && before.Health != "" && before.Attributes[attrHealth] == first:
		i.Health = before.Health
	case said:
		i.Health = first
	default:
		i.Health = healthy // AWS: RegisterInstance, AWS_INIT_HEALTH_STATUS
	}
	return nil
}

// locked changes the instances of a service: nobody else does meanwhile. The
// record of the service is put if prepare asks for anything; what it returns is
// done when the change is stored.
func (s *Service) locked(ctx context.Context, srv string, prepare func(*tables, *store.Change, *service) (func(), error)) error {
	defer s.locks.Lock(srv)()
	t := s.tables(ctx)
	var after func()
	err := s.update(ctx, func(c *store.Change) error {
		rec, rev, err := t.services.Find(ctx, errService(), srv)
		if err != nil {
			return err
		}
		if after, err = prepare(t, c, &rec); err != nil || len(c.Ops) == 0 {
			return err
		}
		c.Require(t.services.Is(store.ID(srv), rev))
		store.Add(c, t.services, store.ID(srv), rec)
		return nil
	})
	if err == nil && after != nil {
		after()
	}
	return err
}

// DeregisterInstance removes an instance of a service.
func (s *Service) DeregisterInstance(ctx context.Context, in *api.DeregisterInstanceInput) (*api.DeregisterInstanceResponse, error) {
	id, srv := str(in.InstanceId), idOf(ctx, kindService, in.ServiceId)
	out := &api.DeregisterInstanceResponse{}
	return out, s.locked(ctx, srv, func(t *tables, c *store.Change, at *service) (func(), error) {
		ops, err := removeInstances(ctx, t, c, at, []string{id})
		if err == nil && len(ops) == 0 {
			err = errInstance()
		}
		if err != nil {
			return nil, err
		}
		out.OperationId = &ops[0]
		return func() { s.leases.end(instanceKey{scope(ctx), srv, id}) }, nil
	})
}

// removeInstances removes those of ids that are there, and tells the operations.
func removeInstances(ctx context.Context, t *tables, c *store.Change, at *service, ids []string) (ops []string, err error) {
	srv := str(at.Id)
	for _, id := range ids {
		_, rev, err := t.instances.Find(ctx, nil, srv, id)
		if err != nil {
			return nil, err
		}
		if rev == 0 {
			continue
		}
		ops = append(ops, begin(c, t, "DEREGISTER_INSTANCE", map[string]string{"SERVICE": srv, "INSTANCE": id}))
		c.Require(t.instances.Is(store.ID(srv, id), rev))
		c.Do(t.instances.Delete(store.ID(srv, id)))
	}
	if len(ops) > 0 {
		at.InstanceCount = new(*at.InstanceCount - int32(len(ops)))
		at.Revision++
	}
	return ops, nil
}

// GetInstance returns an instance.
func (s *Service) GetInstance(ctx context.Context, in *api.GetInstanceInput) (*api.GetInstanceResponse, error) {
	rec, err := s.instance(ctx, in.ServiceId, in.InstanceId)
	if err != nil {
		return nil, err
	}
	i := &api.Instance{Id: in.InstanceId, Attributes: rec.Attributes, CreatedByAccount: new(scope(ctx).Account)}
	if rec.Creator != "" {
		i.CreatorRequestId = &rec.Creator
	}
	return &api.GetInstanceResponse{Instance: i, ResourceOwner: new(scope(ctx).Account)}, nil
}

func (s *Service) instance(ctx context.Context, srv, id *string) (instance, error) {
	t, key := s.tables(ctx), idOf(ctx, kindService, srv)
	if _, _, err := t.services.Find(ctx, errService(), key); err != nil {
		return instance{}, err
	}
	rec, _, err := t.instances.Find(ctx, errInstance(), key, str(id))
	return rec, err
}

// ListInstances lists the instances of a service by their ids.
func (s *Service) ListInstances(ctx context.Context, in *api.ListInstancesInput) (*api.ListInstancesResponse, error) {
	t, srv := s.tables(ctx), idOf(ctx, kindService, in.ServiceId)
	if _, _, err := t.services.Find(ctx, errService(), srv); err != nil {
		return nil, err
	}
	rows, err := t.instances.All(ctx, srv)
	if err != nil {
		return nil, err
	}
	out := &api.ListInstancesResponse{ResourceOwner: new(scope(ctx).Account)}
	list, next, err := page(rows, func(r *store.Row[instance]) string { return r.ID }, in.NextToken, in.MaxResults)
	out.Instances, out.NextToken = make([]api.InstanceSummary, len(list)), next
	for i := range list {
		out.Instances[i] = api.InstanceSummary{Id: new(instanceID(list[i].ID)), Attributes: list[i].Value.Attributes, CreatedByAccount: out.ResourceOwner}
	}
	return out, err
}

// instanceID takes the id of an instance out of that of its record.
func instanceID(record string) string {
	parts := store.Parts(record)
	return parts[len(parts)-1]
}

// An instanceKey tells an instance from all others.
type instanceKey struct {
	scope             record.Scope
	service, instance string
}
