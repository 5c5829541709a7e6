package iam

import (
	"context"
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/iam"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

const maxTags = 50

// checkTags checks the tags of a call.
//
// AWS: keys are compared without regard to case.
func checkTags(tags []api.Tag) error {
	if len(tags) > maxTags {
		return awsrpc.Validation("1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50")
	}
	seen := map[string]bool{}
	for _, t := range tags {
		key := strings.ToLower(str(t.Key))
		switch {
		case key == "" || len(key) > 128 || len(str(t.Value)) > 256:
			return awsrpc.Validation("1 validation error detected: Value at 'tags' failed to satisfy constraint: keys have 1 to 128 characters, values up to 256")
		case strings.HasPrefix(key, "aws:"):
			return api.InvalidInput("Tag keys prefixed with aws: are reserved for AWS use.")
		case seen[key]:
			return api.InvalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		seen[key] = true
	}
	return nil
}

// tagged returns tags with others added.
func tagged(tags, add []api.Tag) ([]api.Tag, error) {
	if err := checkTags(add); err != nil {
		return nil, err
	}
	next := slices.Clone(tags)
	for _, t := range add {
		i := slices.IndexFunc(next, func(o api.Tag) bool { return strings.EqualFold(str(o.Key), str(t.Key)) })
		if i >= 0 {
			next[i] = t
		} else {
			next = append(next, t)
		}
	}
	if len(next) > maxTags {
		return nil, api.LimitExceeded("The number of tags has reached the maximum limit.")
	}
	return next, nil
}

// untagged returns tags without those of some keys.
func untagged(tags []api.Tag, keys []string) []api.Tag {
	return slices.DeleteFunc(slices.Clone(tags), func(t api.Tag) bool {
		return slices.ContainsFunc(keys, func(k string) bool { return strings.EqualFold(k, str(t.Key)) })
	})
}

func tagKey(t *api.Tag) string { return strings.ToLower(str(t.Key)) }

func sortedTags(tags []api.Tag) []api.Tag {
	return slices.SortedFunc(slices.Values(tags), func(a, b api.Tag) int { return strings.Compare(tagKey(&a), tagKey(&b)) })
}

func (s *Service) editUserTags(ctx context.Context, name *string, edit func([]api.Tag) ([]api.Tag, error)) error {
	t := s.tables(ctx)
	return s.commit(ctx, func(c *store.Change) error {
		rec, rev, err := get(ctx, t.Users, str(name), errNoUser(str(name)))
		if err == nil {
			rec.Tags, err = edit(rec.Tags)
		}
		if err != nil {
			return err
		}
		return replace(c, t.Users, record.IdentityID(str(name)), rec, rev)
	})
}

// TagUser adds tags to a user.
func (s *Service) TagUser(ctx context.Context, in *api.TagUserInput) error {
	return s.editUserTags(ctx, in.UserName, func(tags []api.Tag) ([]api.Tag, error) { return tagged(tags, in.Tags) })
}

// UntagUser removes tags from a user.
func (s *Service) UntagUser(ctx context.Context, in *api.UntagUserInput) error {
	return s.editUserTags(ctx, in.UserName, func(tags []api.Tag) ([]api.Tag, error) { return untagged(tags, in.TagKeys), nil })
}

// ListUserTags lists the tags of a user.
func (s *Service) ListUserTags(ctx context.Context, in *api.ListUserTagsInput) (*api.ListUserTagsResponse, error) {
	rec, _, err := get(ctx, s.tables(ctx).Users, str(in.UserName), errNoUser(str(in.UserName)))
	if err != nil {
		return nil, err
	}
	out := &api.ListUserTagsResponse{}
	out.Tags, out.IsTruncated, out.Marker, err = page(sortedTags(rec.Tags), tagKey, in.Marker, in.MaxItems)
	return out, err
}

// TagRole adds tags to a role.
func (s *Service) TagRole(ctx context.Context, in *api.TagRoleInput) error {
	_, err := s.editRole(ctx, in.RoleName, func(r *record.IAMRole) (err error) {
		r.Tags, err = tagged(r.Tags, in.Tags)
		return err
	})
	return err
}

// UntagRole removes tags from a role.
func (s *Service) UntagRole(ctx context.Context, in *api.UntagRoleInput) error {
	_, err := s.editRole(ctx, in.RoleName, func(r *record.IAMRole) error {
		r.Tags = untagged(r.Tags, in.TagKeys)
		return nil
	})
	return err
}

// ListRoleTags lists the tags of a role.
func (s *Service) ListRoleTags(ctx context.Context, in *api.ListRoleTagsInput) (*api.ListRoleTagsResponse, error) {
	rec, _, err := get(ctx, s.tables(ctx).Roles, str(in.RoleName), errNoRole(str(in.RoleName)))
	if err != nil {
		return nil, err
	}
	out := &api.ListRoleTagsResponse{}
	out.Tags, out.IsTruncated, out.Marker, err = page(sortedTags(rec.Tags), tagKey, in.Marker, in.MaxItems)
	return out, err
}

// TagPolicy adds tags to a policy.
func (s *Service) TagPolicy(ctx context.Context, in *api.TagPolicyInput) error {
	return s.editPolicy(ctx, in.PolicyArn, func(p *record.ManagedPolicy, _ record.Identities) (_ bool, err error) {
		p.Tags, err = tagged(p.Tags, in.Tags)
		return false, err
	})
}

// UntagPolicy removes tags from a policy.
func (s *Service) UntagPolicy(ctx context.Context, in *api.UntagPolicyInput) error {
	return s.editPolicy(ctx, in.PolicyArn, func(p *record.ManagedPolicy, _ record.Identities) (bool, error) {
		p.Tags = untagged(p.Tags, in.TagKeys)
		return false, nil
	})
}

// ListPolicyTags lists the tags of a policy.
func (s *Service) ListPolicyTags(ctx context.Context, in *api.ListPolicyTagsInput) (*api.ListPolicyTagsResponse, error) {
	rec, err := s.anyPolicy(ctx, s.tables(ctx), str(in.PolicyArn))
	if err != nil {
		return nil, err
	}
	out := &api.ListPolicyTagsResponse{}
	out.Tags, out.IsTruncated, out.Marker, err = page(sortedTags(rec.Tags), tagKey, in.Marker, in.MaxItems)
	return out, err
}
