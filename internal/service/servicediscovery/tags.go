package servicediscovery

import (
	"context"
	"maps"
	"slices"
	"strings"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/servicediscovery"
	"gatehouse/internal/store"
)

// addTags returns tags with more, held to AWS's bounds: 50 tags, keys of up to
// 128 characters that do not begin with aws:, values of up to 256.
func addTags(tags map[string]string, more []api.Tag, resource string) (map[string]string, error) {
	next := maps.Clone(tags)
	for i := range more {
		key, value := str(more[i].Key), str(more[i].Value)
		if key == "" || len(key) > 128 || len(value) > 256 || strings.HasPrefix(strings.ToLower(key), "aws:") {
			return nil, bad("The tag " + key + " is not valid")
		}
		if next == nil {
			next = map[string]string{}
		}
		next[key] = value
	}
	if len(next) > 50 {
		e := api.TooManyTagsException("A resource may have 50 tags")
		e.Members = map[string]string{"ResourceName": resource}
		return nil, e
	}
	return next, nil
}

// ListTagsForResource returns the tags of a namespace or service.
func (s *Service) ListTagsForResource(ctx context.Context, in *api.ListTagsForResourceInput) (*api.ListTagsForResourceResponse, error) {
	out := &api.ListTagsForResourceResponse{Tags: []api.Tag{}}
	return out, s.editTags(ctx, str(in.ResourceARN), func(tags map[string]string) (map[string]string, error) {
		for _, key := range slices.Sorted(maps.Keys(tags)) {
			out.Tags = append(out.Tags, api.Tag{Key: &key, Value: new(tags[key])})
		}
		return nil, nil
	})
}

// TagResource adds tags, or changes them.
func (s *Service) TagResource(ctx context.Context, in *api.TagResourceInput) error {
	return s.editTags(ctx, str(in.ResourceARN), func(tags map[string]string) (map[string]string, error) {
		return addTags(tags, in.Tags, str(in.ResourceARN))
	})
}

// UntagResource removes tags.
func (s *Service) UntagResource(ctx context.Context, in *api.UntagResourceInput) error {
	return s.editTags(ctx, str(in.ResourceARN), func(tags map[string]string) (map[string]string, error) {
		next := maps.Clone(tags)
		if next == nil {
			next = map[string]string{}
		}
		for _, key := range in.TagKeys {
			delete(next, key)
		}
		return next, nil
	})
}

// editTags puts what do makes of the tags of a resource in their place; nil: it
// leaves them.
func (s *Service) editTags(ctx context.Context, name string, do func(map[string]string) (map[string]string, error)) error {
	missing := api.ResourceNotFoundException("Resource not found")
	a, err := arn.Parse(name)
	kind, _, _ := strings.Cut(a.Resource, "/")
	id := idOf(ctx, kind, &name)
	if err != nil || id == "" {
		return missing
	}
	t := s.tables(ctx)
	return s.update(ctx, func(c *store.Change) error {
		switch kind {
		case kindNamespace:
			return tagsOf(ctx, c, t.namespaces, id, func(r *namespace) *map[string]string { return &r.Tags }, do)
		case kindService:
			return tagsOf(ctx, c, t.services, id, func(r *service) *map[string]string { return &r.Tags }, do)
		}
		return missing
	})
}

func tagsOf[T any](ctx context.Context, c *store.Change, t store.Table[T], id string, tags func(*T) *map[string]string,
	do func(map[string]string) (map[string]string, error)) error {
	rec, rev, err := t.Find(ctx, api.ResourceNotFoundException("Resource not found"), id)
	if err != nil {
		return err
	}
	next, err := do(*tags(&rec))
	if err != nil || next == nil {
		return err
	}
	*tags(&rec) = next
	c.Require(t.Is(store.ID(id), rev))
	store.Add(c, t, store.ID(id), rec)
	return nil
}
