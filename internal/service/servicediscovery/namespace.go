package servicediscovery

import (
	"context"
	"regexp"
	"strings"

	api "gatehouse/internal/awsapi/servicediscovery"
	"gatehouse/internal/store"
)

// AWS: the pattern of NamespaceNameHttp.
var namespaceForm = regexp.MustCompile(`^[!-~]+$`)

// CreateHttpNamespace makes a namespace.
func (s *Service) CreateHttpNamespace(ctx context.Context, in *api.CreateHttpNamespaceInput) (*api.CreateHttpNamespaceResponse, error) {
	n := newNamespace{kind: typeHTTP, name: str(in.Name), description: in.Description, request: in.CreatorRequestId, tags: in.Tags}
	if len(n.name) > 1024 || !namespaceForm.MatchString(n.name) {
		return nil, bad("The name of the namespace must have 1 to 1024 printable characters without spaces")
	}
	op, err := s.create(ctx, &n)
	return &api.CreateHttpNamespaceResponse{OperationId: op}, err
}

// A newNamespace is what is asked for, its name checked.
type newNamespace struct {
	kind, name           string
	description, request *string
	tags                 []api.Tag
	soa                  *api.SOA // nil: it is not one of DNS
}

func (n *newNamespace) properties() *api.NamespaceProperties {
	p := &api.NamespaceProperties{HttpProperties: &api.HttpProperties{HttpName: &n.name}}
	if n.soa != nil {
		p.DnsProperties = &api.DnsProperties{HostedZoneId: newZoneID(), SOA: n.soa}
	}
	return p
}

// create makes a namespace, and returns the operation that did.
func (s *Service) create(ctx context.Context, n *newNamespace) (operation *string, err error) {
	if err := checkLengths(n.description, n.request); err != nil {
		return nil, err
	}
	tags, err := addTags(nil, n.tags, "")
	if err != nil {
		return nil, err
	}
	t := s.tables(ctx)
	err = s.update(ctx, func(c *store.Change) error {
		there, err := existing(ctx, t, n.name)
		switch {
		case err != nil:
			return err
		case there != nil && str(n.request) != "" && str(there.CreatorRequestId) == str(n.request) && str(there.Type) == n.kind:
			operation = &there.Operation // the same request again
			return nil
		case there != nil:
			e := api.NamespaceAlreadyExists("Namespace already exists")
			e.Members = map[string]string{"NamespaceId": str(there.Id), "CreatorRequestId": str(there.CreatorRequestId)}
			return e
		}
		all, err := t.namespaces.List(ctx, "", "", maxNamespaces)
		if err != nil {
			return err
		}
		if len(all.Rows) >= maxNamespaces {
			return api.ResourceLimitExceeded("The limit of namespaces has been reached")
		}
		if n.soa != nil {
			if err := s.takeZone(ctx, c, n.name); err != nil {
				return err
			}
		}
		id := newID("ns-")
		op := begin(c, t, "CREATE_NAMESPACE", map[string]string{"NAMESPACE": id})
		rec := namespace{Namespace: api.Namespace{
			Id: &id, Arn: nameOf(scope(ctx), kindNamespace, id), Name: &n.name, Type: &n.kind, Description: n.description,
			Properties: n.properties(), CreateDate: now(), CreatorRequestId: n.request, ResourceOwner: new(scope(ctx).Account),
		}, Tags: tags, Operation: op}
		operation = &op
		c.Require(t.namespaceNames.Absent(store.ID(n.name)))
		store.Add(c, t.namespaceNames, store.ID(n.name), id)
		store.Add(c, t.namespaces, store.ID(id), rec)
		return nil
	})
	return operation, err
}

// existing returns the namespace of this name; nil: there is none.
func existing(ctx context.Context, t *tables, name string) (*namespace, error) {
	id, rev, err := t.namespaceNames.Find(ctx, nil, name)
	if err != nil || rev == 0 {
		return nil, err
	}
	rec, _, err := t.namespaces.Find(ctx, errNamespace(), id)
	return &rec, err
}

// count is how many services a namespace has.
func (t *tables) count(ctx context.Context, namespace string) (*int32, error) {
	rows, err := t.serviceNames.All(ctx, namespace)
	return new(int32(len(rows))), err
}

// GetNamespace returns a namespace.
func (s *Service) GetNamespace(ctx context.Context, in *api.GetNamespaceInput) (*api.GetNamespaceResponse, error) {
	t := s.tables(ctx)
	rec, _, err := t.namespaces.Find(ctx, errNamespace(), idOf(ctx, kindNamespace, in.Id))
	if err != nil {
		return nil, err
	}
	rec.ServiceCount, err = t.count(ctx, str(rec.Id))
	return &api.GetNamespaceResponse{Namespace: &rec.Namespace}, err
}

// ListNamespaces lists namespaces by their ids.
func (s *Service) ListNamespaces(ctx context.Context, in *api.ListNamespacesInput) (*api.ListNamespacesResponse, error) {
	t := s.tables(ctx)
	rows, err := t.namespaces.All(ctx)
	if err != nil {
		return nil, err
	}
	var list []api.NamespaceSummary
	for i := range rows {
		n := &rows[i].Value
		ok, err := matchesAll(in.Filters, func(f *api.NamespaceFilter) (bool, error) {
			switch str(f.Name) {
			case "TYPE":
				return matches(f.Condition, f.Values, str(n.Type))
			case "NAME", "HTTP_NAME":
				return matches(f.Condition, f.Values, str(n.Name))
			case "RESOURCE_OWNER":
				return matches(f.Condition, f.Values, "SELF")
			}
			return false, bad("Unknown filter " + str(f.Name))
		})
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		if n.ServiceCount, err = t.count(ctx, str(n.Id)); err != nil {
			return nil, err
		}
		list = append(list, api.NamespaceSummary{Id: n.Id, Arn: n.Arn, Name: n.Name, Type: n.Type, Description: n.Description,
			ServiceCount: n.ServiceCount, Properties: n.Properties, CreateDate: n.CreateDate, ResourceOwner: n.ResourceOwner})
	}
	out := &api.ListNamespacesResponse{}
	out.Namespaces, out.NextToken, err = page(list, func(n *api.NamespaceSummary) string { return str(n.Id) }, in.NextToken, in.MaxResults)
	return out, err
}

// UpdateHttpNamespace changes the description of a namespace.
func (s *Service) UpdateHttpNamespace(ctx context.Context, in *api.UpdateHttpNamespaceInput) (*api.UpdateHttpNamespaceResponse, error) {
	if in.Namespace == nil || in.Namespace.Description == nil {
		return nil, bad("The description is missing")
	}
	op, err := s.change(ctx, in.Id, &namespaceChange{kind: typeHTTP, description: in.Namespace.Description, request: in.UpdaterRequestId})
	return &api.UpdateHttpNamespaceResponse{OperationId: op}, err
}

// A namespaceChange is what is to change about a namespace of a kind; nil: that
// stays.
type namespaceChange struct {
	kind                 string
	description, request *string
	soa                  *int64
}

// change changes a namespace, and returns the operation that did.
func (s *Service) change(ctx context.Context, namespace *string, ch *namespaceChange) (operation *string, err error) {
	if err := checkLengths(ch.description, ch.request); err != nil {
		return nil, err
	}
	if ch.soa != nil {
		if err := checkTTL(ch.soa); err != nil {
			return nil, err
		}
	}
	t := s.tables(ctx)
	err = s.update(ctx, func(c *store.Change) error {
		id := idOf(ctx, kindNamespace, namespace)
		rec, rev, err := t.namespaces.Find(ctx, errNamespace(), id)
		if err != nil {
			return err
		}
		if str(rec.Type) != ch.kind {
			return bad("The namespace is of the type " + str(rec.Type)) // AWS: undocumented
		}
		if ch.description != nil {
			rec.Description = ch.description
		}
		if ch.soa != nil {
			rec.Properties.DnsProperties.SOA = &api.SOA{TTL: ch.soa}
		}
		operation = new(begin(c, t, "UPDATE_NAMESPACE", map[string]string{"NAMESPACE": id}))
		c.Require(t.namespaces.Is(store.ID(id), rev))
		store.Add(c, t.namespaces, store.ID(id), rec)
		return nil
	})
	return operation, err
}

// DeleteNamespace removes a namespace without services.
func (s *Service) DeleteNamespace(ctx context.Context, in *api.DeleteNamespaceInput) (*api.DeleteNamespaceResponse, error) {
	t := s.tables(ctx)
	out := &api.DeleteNamespaceResponse{}
	return out, s.update(ctx, func(c *store.Change) error {
		id := idOf(ctx, kindNamespace, in.Id)
		rec, rev, err := t.namespaces.Find(ctx, errNamespace(), id)
		if err != nil {
			return err
		}
		services, err := t.serviceNames.All(ctx, id)
		if err != nil {
			return err
		}
		if len(services) > 0 {
			return api.ResourceInUse("Namespace has associated services; delete the services before deleting the namespace")
		}
		out.OperationId = new(begin(c, t, "DELETE_NAMESPACE", map[string]string{"NAMESPACE": id}))
		c.Require(t.namespaces.Is(store.ID(id), rev)) // who makes a service puts the namespace anew
		c.Do(t.namespaces.Delete(store.ID(id)), t.namespaceNames.Delete(store.ID(str(rec.Name))))
		if str(rec.Type) != typeHTTP {
			c.Do(s.zones().Delete(store.ID(strings.ToLower(str(rec.Name)))))
		}
		return nil
	})
}

// checkLengths checks a description and an id of a request.
//
// AWS: ResourceDescription has up to 1024 characters, ResourceId up to 64.
func checkLengths(description, request *string) error {
	if len(str(description)) > 1024 {
		return bad("The description has more than 1024 characters")
	}
	if len(str(request)) > 64 {
		return bad("The id of the request has more than 64 characters")
	}
	return nil
}
