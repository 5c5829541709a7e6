package xray

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/xray"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// maxTags is how many tags a rule or a group may have. AWS: TagResource.
const maxTags = 50

// newTags are the tags of something that is made.
func newTags(list []api.Tag) (map[string]string, error) {
	tags := map[string]string{}
	for _, t := range list {
		tags[*t.Key] = *t.Value
	}
	return tags, checkTags(tags)
}

// checkTags refuses tags that AWS does not take.
func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return api.TooManyTagsException("A resource can have 50 tags")
	}
	for key, value := range tags {
		if key == "" || len(key) > 128 || len(value) > 256 || strings.HasPrefix(strings.ToLower(key), "aws:") {
			return invalid("The tag '%s' is not valid: keys have 1 to 128 characters and do not begin with aws:, values have at most 256", key)
		}
	}
	return nil
}

// tagged reads the tags of a rule or group by its ARN and, with change, changes
// them.
func (s *Service) tagged(ctx context.Context, resource string, change func(tags map[string]string)) (tags map[string]string, err error) {
	scope := scopeOf(ctx)
	missing := api.ResourceNotFoundException("The resource " + resource + " does not exist")
	a, err := arn.Parse(resource)
	if err != nil || a.Service != "xray" || a.Account != scope.Account || a.Region != scope.Region {
		return nil, missing
	}
	apply := func(had map[string]string) (map[string]string, error) {
		tags = map[string]string{}
		maps.Copy(tags, had)
		if change != nil {
			change(tags)
		}
		return tags, checkTags(tags)
	}
	kind, name, _ := strings.Cut(a.Resource, "/")
	switch kind {
	case "sampling-rule":
		err = s.tagRule(ctx, scope, name, missing, change != nil, apply)
	case "group":
		err = s.tagGroup(ctx, scope, resource, missing, change != nil, apply)
	default:
		err = missing
	}
	return tags, err
}

func (s *Service) tagRule(ctx context.Context, scope record.Scope, name string, missing error, write bool, apply func(map[string]string) (map[string]string, error)) error {
	t := s.rules(scope)
	return busy(store.Update(ctx, s.st, func(c *store.Change) error {
		rec, rev, err := t.Find(ctx, missing, name)
		if err != nil {
			return err
		}
		if rec.Tags, err = apply(rec.Tags); err != nil || !write {
			return err
		}
		c.Require(t.Is(store.ID(name), rev))
		store.Add(c, t, store.ID(name), rec)
		return nil
	}))
}

func (s *Service) tagGroup(ctx context.Context, scope record.Scope, resource string, missing error, write bool, apply func(map[string]string) (map[string]string, error)) error {
	g, err := s.group(ctx, scope, resource)
	if e := new(awsrpc.Error); errors.As(err, &e) || g.ID == "" && err == nil {
		return missing
	}
	if err != nil {
		return err
	}
	if !write {
		_, err = apply(g.Tags)
		return err
	}
	_, err = s.editGroup(ctx, scope, resource, func(g *groupRecord) error {
		var err error
		g.Tags, err = apply(g.Tags)
		return err
	})
	return err
}

// TagResource adds tags to a rule or a group, or changes them.
func (s *Service) TagResource(ctx context.Context, in *api.TagResourceInput) error {
	next, err := newTags(in.Tags)
	if err != nil {
		return err
	}
	_, err = s.tagged(ctx, *in.ResourceARN, func(tags map[string]string) { maps.Copy(tags, next) })
	return err
}

// UntagResource removes tags.
func (s *Service) UntagResource(ctx context.Context, in *api.UntagResourceInput) error {
	_, err := s.tagged(ctx, *in.ResourceARN, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
	return err
}

// ListTagsForResource returns the tags of a rule or a group.
func (s *Service) ListTagsForResource(ctx context.Context, in *api.ListTagsForResourceInput) (*api.ListTagsForResourceResponse, error) {
	if str(in.NextToken) != "" { // all is in the first answer
		return nil, errToken()
	}
	tags, err := s.tagged(ctx, *in.ResourceARN, nil)
	if err != nil {
		return nil, err
	}
	out := &api.ListTagsForResourceResponse{Tags: []api.Tag{}}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out.Tags = append(out.Tags, api.Tag{Key: new(key), Value: new(tags[key])})
	}
	return out, nil
}
