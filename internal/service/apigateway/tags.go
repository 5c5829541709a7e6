package apigateway

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"strings"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// checkTags refuses tags that AWS does not take.
//
// AWS: the restrictions are those of "Tag your API Gateway resources"; none of
// the texts is recorded.
func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return api.BadRequestException("Too many tags specified. At most 50 tags are allowed")
	}
	for _, key := range sortedKeys(tags) {
		switch {
		case key == "" || len(key) > maxTagKey:
			return api.BadRequestException("Invalid tag key specified. Tag keys must have between 1 and 128 characters")
		case isSystemTag(key):
			return errSystemTag()
		case len(tags[key]) > maxTagValue:
			return api.BadRequestException("Invalid tag value specified. Tag values must have at most 256 characters")
		}
	}
	return nil
}

// shownTags are tags as they are returned with a thing that was named: no tags
// are an empty map (recorded: test_update_rest_api_behaviour).
func shownTags(tags map[string]string) map[string]string {
	if tags == nil {
		return map[string]string{}
	}
	return tags
}

// GetTags returns the tags of anything that has tags.
func (s *Service) GetTags(ctx context.Context, in *api.GetTagsInput) (*api.Tags, error) {
	var out *api.Tags
	err := s.editTags(ctx, str(in.ResourceArn), func(tags map[string]string) (map[string]string, error) {
		out = &api.Tags{Tags: shownTags(maps.Clone(tags))}
		return nil, errUnchanged
	})
	if errors.Is(err, errUnchanged) {
		err = nil
	}
	return out, err
}

// TagResource adds tags, or changes them.
func (s *Service) TagResource(ctx context.Context, in *api.TagResourceInput) error {
	return s.editTags(ctx, str(in.ResourceArn), func(tags map[string]string) (map[string]string, error) {
		next := maps.Clone(tags)
		for key, value := range in.Tags {
			next = setEntry(next, key, value)
		}
		return next, checkTagging(ctx, in.Tags, next)
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
	own := maps.Clone(all)
	maps.DeleteFunc(own, func(key, _ string) bool { return isSystemTag(key) })
	return checkTags(own)
}

func isSystemTag(key string) bool { return strings.HasPrefix(strings.ToLower(key), "aws:") }

func errSystemTag() error {
	return api.BadRequestException("aws: prefixed tag key names are not allowed for external use.")
}

// UntagResource removes tags.
func (s *Service) UntagResource(ctx context.Context, in *api.UntagResourceInput) error {
	return s.editTags(ctx, str(in.ResourceArn), func(tags map[string]string) (map[string]string, error) {
		next := maps.Clone(tags)
		for _, key := range in.TagKeys {
			if isSystemTag(key) && awsrpc.CallerFrom(ctx).Via == "" {
				return nil, errSystemTag()
			}
			next = dropEntry(next, key)
		}
		return next, nil
	})
}

// editTags changes the tags of the thing an ARN names: things that have tags
// are told apart by the path in their ARN.
func (s *Service) editTags(ctx context.Context, name string, edit func(tags map[string]string) (map[string]string, error)) error {
	path, err := resourcePath(ctx, name)
	if err != nil {
		return err
	}
	t := s.tables(ctx)
	return s.commit(ctx, func(c *store.Change) error {
		switch {
		case len(path) == 2 && path[0] == "restapis":
			return editTagsOf(ctx, c, t.RestAPIs, func(r *record.RestAPI) *map[string]string { return &r.Tags }, edit, path[1])
		case len(path) == 4 && path[0] == "restapis" && path[2] == "stages":
			return editTagsOf(ctx, c, t.Stages, func(r *record.Stage) *map[string]string { return &r.Tags }, edit, path[1], path[3])
		case len(path) == 2 && path[0] == "apikeys":
			return editTagsOf(ctx, c, t.APIKeys, func(r *record.APIKey) *map[string]string { return &r.Tags }, edit, path[1])
		case len(path) == 2 && path[0] == "usageplans":
			return editTagsOf(ctx, c, t.UsagePlans, func(r *record.UsagePlan) *map[string]string { return &r.Tags }, edit, path[1])
		case len(path) == 2 && path[0] == "domainnames":
			return editTagsOf(ctx, c, t.DomainNames, func(r *record.DomainName) *map[string]string { return &r.Tags }, edit, path[1])
		case len(path) == 5 && path[0] == "domainnameaccessassociations":
			name := record.DomainOfKey(path[2])
			accesses, id := record.DomainAccesses(s.st), []string{t.Scope.Region, path[4], name}
			if a, _, err := accesses.Find(ctx, errTagTarget(), id...); err != nil || a.Scope != t.Scope {
				return cmp.Or(err, errTagTarget())
			}
			return editTagsOf(ctx, c, accesses, func(r *record.DomainAccess) *map[string]string { return &r.Tags }, edit, id...)
		case len(path) == 2 && path[0] == "vpclinks":
			return editTagsOf(ctx, c, t.VPCLinks, func(r *record.VPCLink) *map[string]string { return &r.Tags }, edit, path[1])
		case len(path) == 2 && path[0] == "clientcertificates":
			return editTagsOf(ctx, c, t.ClientCertificates, func(r *record.ClientCertificate) *map[string]string { return &r.Tags }, edit, path[1])
		}
		return errTagTarget()
	})
}

// editTagsOf adds a change of one record's tags to c.
func editTagsOf[T any](ctx context.Context, c *store.Change, t store.Table[T], tags func(*T) *map[string]string,
	edit func(map[string]string) (map[string]string, error), id ...string) error {
	rec, rev, err := t.Find(ctx, errTagTarget(), id...)
	if err != nil {
		return err
	}
	next, err := edit(*tags(&rec))
	if err != nil {
		return err
	}
	*tags(&rec) = next
	c.Require(t.Is(store.ID(id...), rev))
	store.Add(c, t, store.ID(id...), rec)
	return nil
}

func errTagTarget() error {
	return api.NotFoundException("Invalid Resource identifier specified") // AWS: undocumented text
}

// resourcePath is the path in an ARN of the caller's region,
// arn:aws:apigateway:{region}::/restapis/{id}.
func resourcePath(ctx context.Context, name string) ([]string, error) {
	caller := awsrpc.CallerFrom(ctx)
	a, err := arn.Parse(name)
	if err != nil || a.Service != "apigateway" || !strings.HasPrefix(a.Resource, "/") {
		return nil, api.BadRequestException("Invalid ARN. ARN is not well formed " + name) // AWS: as recorded for VPC links
	}
	if a.Region != caller.Region || a.Account != "" && a.Account != caller.Account {
		return nil, errTagTarget()
	}
	return strings.Split(strings.TrimPrefix(a.Resource, "/"), "/"), nil
}
