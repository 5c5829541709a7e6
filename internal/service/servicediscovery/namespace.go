package servicediscovery

import (
	"context"
	"regexp"

	api "gatehouse/internal/awsapi/servicediscovery"
	"gatehouse/internal/store"
)

// AWS: the pattern of NamespaceNameHttp.
var namespaceForm = regexp.MustCompile(`^[!-~]+$`)

// CreateHttpNamespace makes a namespace.
func (s *Service) CreateHttpNamespace(ctx context.Context, in *api.CreateHttpNamespaceInput) (*api.CreateHttpNamespaceResponse, error) {
	name := str(in.Name)
	if len(name) > 1024 || !namespaceForm.MatchString(name) {
		return nil, bad("The name of the namespace must have 1 to 1024 printable characters without spaces")
	}
	if err := checkLengths(in.Description, in.CreatorRequestId); err != nil {
		return nil, err
	}
	tags, err := addTags(nil, in.Tags, "")
	if err != nil {
		return nil, err
	}
	t := s.tables(ctx)
	out := &api.CreateHttpNamespaceResponse{}
	return out, s.update(ctx, func(c *store.Change) error {
		if there, err := existing(ctx, t, name); err != nil || there != nil {
			if there != nil && str(in.CreatorRequestId) != "" && str(there.CreatorRequestId) == str(in.CreatorRequestId) {
				out.OperationId = &there.Operation // the same request again
				return nil
			}
			if err == nil {
				e := api.NamespaceAlreadyExists("Namespace already exists")
				e.Members = map[string]string{"NamespaceId": str(there.Id), "CreatorRequestId": str(there.CreatorRequestId)}
				err = e
			}
			return err
		}
		all, err := t.namespaces.List(ctx, "", "", maxNamespaces)
		if err != nil {
			return err
		}
		if len(all.Rows) >= maxNamespaces {
			return api.ResourceLimitExceeded("The limit of namespaces has been reached")
		}
		id := newID("ns-")
		op := begin(c, t, "CREATE_NAMESPACE", map[string]string{"NAMESPACE": id})
		rec := namespace{Namespace: api.Namespace{
			Id: &id, Arn: nameOf(scope(ctx), kindNamespace, id), Name: &name, Type: new(typeHTTP), Description: in.Description,
			Properties: &api.NamespaceProperties{HttpProperties: &api.HttpProperties{HttpName: &name}},
			CreateDate: now(), CreatorRequestId: in.CreatorRequestId, ResourceOwner: new(scope(ctx).Account),
		}, Tags: tags, Operation: op}
		out.OperationId = &op
		c.Require(t.namespaceNames.Absent(store.ID(name)))
		store.Add(c, t.namespaceNames, store.ID(name), id)
		store.Add(c, t.namespaces, store.ID(id), rec)
		return nil
	})
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
	if err := checkLengths(in.Namespace.Description, in.UpdaterRequestId); err != nil {
		return nil, err
	}
	t := s.tables(ctx)
	out := &api.UpdateHttpNamespaceResponse{}
	return out, s.update(ctx, func(c *store.Change) error {
		id := idOf(ctx, kindNamespace, in.Id)
		rec, rev, err := t.namespaces.Find(ctx, errNamespace(), id)
		if err != nil {
			return err
		}
		rec.Description = in.Namespace.Description
		out.OperationId = new(begin(c, t, "UPDATE_NAMESPACE", map[string]string{"NAMESPACE": id}))
		c.Require(t.namespaces.Is(store.ID(id), rev))
		store.Add(c, t.namespaces, store.ID(id), rec)
		return nil
	})
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
