package apigatewayv2

import (
	"context"
	"maps"
	"slices"
	"strings"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// checkTags refuses tags that AWS does not take.
//
// AWS: the restrictions are those of "Tag your API Gateway resources"; none of
// the texts is recorded.
func checkTags(tags map[string]string) error {
	if len(tags) > 50 {
		return bad("Too many tags specified. At most 50 tags are allowed")
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		switch {
		case key == "" || len(key) > 128:
			return bad("Invalid tag key specified. Tag keys must have between 1 and 128 characters")
		case isSystemTag(key):
			return errSystemTag()
		case len(tags[key]) > 256:
			return bad("Invalid tag value specified. Tag values must have at most 256 characters")
		}
	}
	return nil
}

// GetTags returns the tags of an API, a stage, a VPC link or a domain name.
func (s *Service) GetTags(ctx context.Context, in *api.GetTagsInput) (*api.GetTagsResponse, error) {
	out := &api.GetTagsResponse{Tags: map[string]string{}}
	return out, s.editTags(ctx, str(in.ResourceArn), func(tags map[string]string) (bool, error) {
		maps.Copy(out.Tags, tags)
		return false, nil
	})
}

// TagResource adds tags, or changes them.
func (s *Service) TagResource(ctx context.Context, in *api.TagResourceInput) (*api.TagResourceResponse, error) {
	return &api.TagResourceResponse{}, s.editTags(ctx, str(in.ResourceArn), func(tags map[string]string) (bool, error) {
		maps.Copy(tags, in.Tags)
		return true, checkTagging(ctx, in.Tags, tags)
	})
}

// checkTagging refuses to add tags to a thing that then has all. Only the
// services themselves set tags that begin with aws:, and these do not count.
//
// AWS: "System created tags that begin with aws: … don't count against your
// tags per resource limit" (tagging guide).
func checkTagging(ctx context.Context, added, all map[string]string) error {
	if awsrpc.CallerFrom(ctx).Via == "" {
		if err := checkTags(added); err != nil {
			return err
		}
	}
	return checkTags(ownTags(all))
}

// ownTags are the tags that services have not set.
func ownTags(all map[string]string) map[string]string {
	own := maps.Clone(all)
	maps.DeleteFunc(own, func(key, _ string) bool { return isSystemTag(key) })
	return own
}

// withSystemTags are tags with those of the system that were there before: nobody
// takes these away by saying nothing of them.
func withSystemTags(tags, before map[string]string) map[string]string {
	tags = maps.Clone(tags)
	for key, value := range before {
		if isSystemTag(key) {
			if tags == nil {
				tags = map[string]string{}
			}
			tags[key] = value
		}
	}
	return tags
}

func isSystemTag(key string) bool { return strings.HasPrefix(strings.ToLower(key), "aws:") }

func errSystemTag() error {
	return bad("aws: prefixed tag key names are not allowed for external use.")
}

// UntagResource removes tags.
func (s *Service) UntagResource(ctx context.Context, in *api.UntagResourceInput) error {
	return s.editTags(ctx, str(in.ResourceArn), func(tags map[string]string) (bool, error) {
		for _, key := range in.TagKeys {
			if isSystemTag(key) && awsrpc.CallerFrom(ctx).Via == "" {
				return false, errSystemTag()
			}
			delete(tags, key)
		}
		return true, nil
	})
}

// editTags changes the tags of the thing an ARN names,
// arn:aws:apigateway:{region}::/apis/{id}, …/apis/{id}/stages/{name},
// …/vpclinks/{id} or …/domainnames/{name}. do gets
// a map of its own and tells whether it changed it.
func (s *Service) editTags(ctx context.Context, name string, do func(tags map[string]string) (bool, error)) error {
	a, err := arn.Parse(name)
	if err != nil || a.Service != "apigateway" {
		return bad("Invalid ARN. ARN is not well formed " + name)
	}
	path := strings.Split(a.Resource, "/")
	t := s.tables(ctx)
	if a.Region != awsrpc.CallerFrom(ctx).Region || len(path) < 3 {
		return errTarget()
	}
	return answer(store.Update(ctx, s.st, func(c *store.Change) error {
		switch {
		case path[1] == "vpclinks" && len(path) == 3:
			return tagsOf(ctx, c, t.APIVPCLinks, func(r *record.APIVPCLink) *map[string]string { return &r.Tags }, do, path[2])
		case path[1] == "domainnames" && len(path) == 3:
			return tagsOf(ctx, c, t.DomainNames, func(r *record.DomainName) *map[string]string { return &r.Tags }, do, strings.ToLower(path[2]))
		case path[1] != "apis":
			return errTarget()
		case len(path) == 3:
			return tagsOf(ctx, c, t.APIs, func(r *record.API) *map[string]string { return &r.Tags }, do, path[2])
		case len(path) == 5 && path[3] == "stages":
			return tagsOf(ctx, c, t.APIStages, func(r *record.APIStage) *map[string]string { return &r.Tags }, do, path[2], path[4])
		}
		return errTarget()
	}))
}

func errTarget() error { return api.NotFoundException("Invalid Resource identifier specified") }

// tagsOf adds a change of one record's tags to c.
func tagsOf[T any](ctx context.Context, c *store.Change, t store.Table[T], tags func(*T) *map[string]string,
	do func(map[string]string) (bool, error), id ...string) error {
	rec, rev, err := t.Find(ctx, errTarget(), id...)
	if err != nil {
		return err
	}
	next := maps.Clone(*tags(&rec))
	if next == nil {
		next = map[string]string{}
	}
	changed, err := do(next)
	if err != nil || !changed {
		return err
	}
	*tags(&rec) = next
	c.Require(t.Is(store.ID(id...), rev))
	store.Add(c, t, store.ID(id...), rec)
	return nil
}
