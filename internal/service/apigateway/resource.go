package apigateway

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// Resources form a tree. The rules of the tree are the same whether a resource
// is created, renamed or moved; checkPlace holds them.

// resource returns a resource of a definition.
func resource(def *record.Definition, id *string) (api.Resource, error) {
	r, ok := def.Resources[str(id)]
	if !ok {
		return r, errResource()
	}
	return r, nil
}

// CreateResource adds a resource below another.
func (s *Service) CreateResource(ctx context.Context, in *api.CreateResourceInput) (*api.Resource, error) {
	var out api.Resource
	err := s.editAPI(ctx, in.RestApiId, errResource(), func(e *apiEdit, _ *store.Change) error {
		if _, err := resource(e.def, in.ParentId); err != nil {
			return err
		}
		if len(e.def.Resources) > e.limits.ResourcesPerAPI { // the root does not count
			return errLimitOfAPI("Resources")
		}
		id := freshID(shortIDLen, func(id string) bool { _, ok := e.def.Resources[id]; return ok })
		out = api.Resource{Id: new(id), ParentId: in.ParentId, PathPart: in.PathPart}
		if err := checkPlace(e.def, &out); err != nil {
			return err
		}
		e.def.Resources[id] = out
		out = setPaths(e.def, id)
		return nil
	})
	return &out, err
}

// pathPart is what one segment of a resource's path may be.
var pathPart = regexp.MustCompile(`^(\{[a-zA-Z0-9._\-:]+\+?\}|[a-zA-Z0-9._\-:]+)$`)

// checkPlace refuses a resource that cannot stand where it says.
//
// AWS: recorded (test_update_resource_behaviour, test_create_proxy_resource_validation);
// the text about the path part is AWS's, but not recorded.
func checkPlace(def *record.Definition, r *api.Resource) error {
	part, parent := str(r.PathPart), def.Resources[str(r.ParentId)]
	if !pathPart.MatchString(part) {
		return api.BadRequestException("Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces at the beginning and the end.")
	}
	if isGreedy(str(parent.PathPart)) {
		return api.BadRequestException("Cannot create a child of a resource with a greedy path variable: " + *parent.PathPart)
	}
	for _, id := range sortedKeys(def.Resources) {
		sibling := def.Resources[id]
		if id == str(r.Id) || sibling.ParentId == nil || *sibling.ParentId != str(r.ParentId) {
			continue
		}
		if str(sibling.PathPart) == part {
			return api.ConflictException("Another resource with the same parent already has this name: " + part)
		}
		if isVariable(part) && isVariable(str(sibling.PathPart)) {
			return api.BadRequestException("A sibling (" + *sibling.PathPart +
				") of this resource already has a variable path part -- only one is allowed")
		}
	}
	return nil
}

func isVariable(part string) bool { return strings.HasPrefix(part, "{") }

func isGreedy(part string) bool { return strings.HasSuffix(part, "+}") }

// setPaths sets the paths of a resource and of everything below it, and
// returns the resource.
func setPaths(def *record.Definition, id string) api.Resource {
	r := def.Resources[id]
	if r.ParentId != nil {
		r.Path = new(strings.TrimSuffix(str(def.Resources[*r.ParentId].Path), "/") + "/" + str(r.PathPart))
		def.Resources[id] = r
	}
	for _, child := range children(def, id) {
		setPaths(def, child)
	}
	return r
}

// children are the ids of the resources right below one.
func children(def *record.Definition, id string) []string {
	var ids []string
	for c, r := range def.Resources {
		if r.ParentId != nil && *r.ParentId == id {
			ids = append(ids, c)
		}
	}
	return ids
}

// below are the ids of a resource and of everything below it.
func below(def *record.Definition, id string) []string {
	ids := []string{id}
	for i := 0; i < len(ids); i++ {
		ids = append(ids, children(def, ids[i])...)
	}
	return ids
}

// GetResource returns one resource.
func (s *Service) GetResource(ctx context.Context, in *api.GetResourceInput) (*api.Resource, error) {
	def, err := s.definition(ctx, in.RestApiId, errResource())
	if err != nil {
		return nil, err
	}
	r, err := resource(def, in.ResourceId)
	if err != nil {
		return nil, err
	}
	return new(shownResource(r, in.Embed)), nil
}

// GetResources lists the resources of an API.
func (s *Service) GetResources(ctx context.Context, in *api.GetResourcesInput) (*api.Resources, error) {
	def, err := s.definition(ctx, in.RestApiId, errAPI(ctx, in.RestApiId))
	if err != nil {
		return nil, err
	}
	items, next, err := page(byPath(def), func(r *api.Resource) string { return *r.Id }, in.Position, in.Limit)
	if err != nil {
		return nil, err
	}
	items = slices.Clone(items)
	for i := range items {
		items[i] = shownResource(items[i], in.Embed)
	}
	return &api.Resources{Items: items, Position: next}, nil
}

// byPath are the resources of a definition in the order of their paths.
func byPath(def *record.Definition) []api.Resource {
	return slices.SortedFunc(maps.Values(def.Resources), func(a, b api.Resource) int {
		return strings.Compare(str(a.Path), str(b.Path))
	})
}

// shownResource is a resource as it is returned: with its methods whole if the
// caller asked for it, otherwise with their names alone.
//
// AWS: recorded (test_import_swagger_api: resourceMethods {"GET": {}}).
func shownResource(r api.Resource, embed []string) api.Resource {
	if slices.Contains(embed, "methods") || r.ResourceMethods == nil {
		return r
	}
	names := map[string]api.Method{}
	for name := range r.ResourceMethods {
		names[name] = api.Method{}
	}
	r.ResourceMethods = names
	return r
}

// UpdateResource renames or moves a resource, with everything below it.
func (s *Service) UpdateResource(ctx context.Context, in *api.UpdateResourceInput) (*api.Resource, error) {
	var out api.Resource
	err := s.editAPI(ctx, in.RestApiId, errResource(), func(e *apiEdit, _ *store.Change) error {
		r, err := resource(e.def, in.ResourceId)
		if err != nil {
			return err
		}
		re := resourceEdit{def: e.def, r: r}
		if err := resourcePatches.apply(&re, in.PatchOperations); err != nil {
			return err
		}
		if re.touched {
			if err := checkPlace(e.def, &re.r); err != nil {
				return err
			}
			e.def.Resources[*r.Id] = re.r
		}
		out = shownResource(setPaths(e.def, *r.Id), nil)
		return nil
	})
	return &out, err
}

// A resourceEdit is a resource being patched.
type resourceEdit struct {
	def     *record.Definition
	r       api.Resource
	touched bool
}

// resourcePatches is UpdateResource.
//
// AWS: recorded (test_update_resource_behaviour, test_update_resource_on_root).
var resourcePatches = patchTable[resourceEdit]{refuse: refuseListing[resourceEdit], rules: []patchRule[resourceEdit]{
	{path: "/parentId", replace: func(re *resourceEdit, o patchOp) error {
		if re.r.ParentId == nil {
			return api.BadRequestException("Root resource cannot update its parentId.")
		}
		if _, err := resource(re.def, &o.value); err != nil {
			return err
		}
		if slices.Contains(below(re.def, *re.r.Id), o.value) {
			return api.BadRequestException("Resources cannot be cyclical.")
		}
		re.r.ParentId, re.touched = new(o.value), true
		return nil
	}},
	{path: "/pathPart", replace: func(re *resourceEdit, o patchOp) error {
		if re.r.ParentId == nil {
			return api.BadRequestException("Root resource cannot update its pathPart.")
		}
		if isGreedy(o.value) && len(children(re.def, *re.r.Id)) > 0 {
			// AWS: undocumented text, after that of CreateResource.
			return api.BadRequestException("Cannot create a child of a resource with a greedy path variable: " + o.value)
		}
		re.r.PathPart, re.touched = new(o.value), true
		return nil
	}},
}}

// DeleteResource removes a resource and everything below it.
func (s *Service) DeleteResource(ctx context.Context, in *api.DeleteResourceInput) error {
	return s.editAPI(ctx, in.RestApiId, errResource(), func(e *apiEdit, _ *store.Change) error {
		r, err := resource(e.def, in.ResourceId)
		if err != nil {
			return err
		}
		if r.ParentId == nil {
			return api.BadRequestException("Root resource cannot be deleted.") // AWS: undocumented text
		}
		for _, id := range below(e.def, *r.Id) {
			delete(e.def.Resources, id)
		}
		return nil
	})
}
