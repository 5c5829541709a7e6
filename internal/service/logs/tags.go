package logs

import (
	"context"
	"maps"
	"strings"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/logs"
)

// maxTags is how many tags a group may have.
//
// AWS: TagResource.
const maxTags = 50

// checkTags refuses tags that AWS does not take.
func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return api.TooManyTagsException("Too many tags: a log group may have 50.")
	}
	for key, value := range tags {
		if key == "" || len(key) > 128 || len(value) > 256 || strings.HasPrefix(strings.ToLower(key), "aws:") {
			return errInvalid("The tag '" + key + "' is not valid: keys have 1 to 128 characters and do not begin with aws:, values have at most 256.")
		}
	}
	return nil
}

// taggedName is the group that an ARN names.
func (s *Service) taggedName(ctx context.Context, resource string) (string, error) {
	a, err := arn.Parse(resource)
	scope := scopeOf(ctx)
	name, isGroup := strings.CutPrefix(a.Resource, "log-group:")
	if err != nil || a.Service != "logs" || !isGroup || a.Account != scope.Account || a.Region != scope.Region {
		return "", errInvalid("The ARN of a log group of this account and Region is needed.")
	}
	return strings.TrimSuffix(name, ":*"), nil
}

func (s *Service) editTags(ctx context.Context, name string, change func(tags map[string]string)) error {
	return s.edit(ctx, name, func(rec *groupRecord) error {
		next := map[string]string{}
		maps.Copy(next, rec.Tags)
		change(next)
		rec.Tags = next
		return checkTags(next)
	})
}

// TagResource adds tags to a group, or changes them.
func (s *Service) TagResource(ctx context.Context, in *api.TagResourceInput) error {
	name, err := s.taggedName(ctx, *in.ResourceArn)
	if err != nil {
		return err
	}
	return s.editTags(ctx, name, func(tags map[string]string) { maps.Copy(tags, in.Tags) })
}

// UntagResource removes tags.
func (s *Service) UntagResource(ctx context.Context, in *api.UntagResourceInput) error {
	name, err := s.taggedName(ctx, *in.ResourceArn)
	if err != nil {
		return err
	}
	return s.editTags(ctx, name, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
}

// ListTagsForResource returns the tags of a group.
func (s *Service) ListTagsForResource(ctx context.Context, in *api.ListTagsForResourceInput) (*api.ListTagsForResourceResponse, error) {
	name, err := s.taggedName(ctx, *in.ResourceArn)
	if err != nil {
		return nil, err
	}
	tags, err := s.tags(ctx, name)
	return &api.ListTagsForResourceResponse{Tags: tags}, err
}

func (s *Service) tags(ctx context.Context, name string) (map[string]string, error) {
	l, err := s.find(ctx, name)
	if err != nil {
		return nil, err
	}
	if l.rec.Tags == nil {
		return map[string]string{}, nil
	}
	return l.rec.Tags, nil
}

// TagLogGroup is TagResource by the group's name.
func (s *Service) TagLogGroup(ctx context.Context, in *api.TagLogGroupInput) error {
	return s.editTags(ctx, *in.LogGroupName, func(tags map[string]string) { maps.Copy(tags, in.Tags) })
}

// UntagLogGroup is UntagResource by the group's name.
func (s *Service) UntagLogGroup(ctx context.Context, in *api.UntagLogGroupInput) error {
	return s.editTags(ctx, *in.LogGroupName, func(tags map[string]string) {
		for _, key := range in.Tags {
			delete(tags, key)
		}
	})
}

// ListTagsLogGroup is ListTagsForResource by the group's name.
func (s *Service) ListTagsLogGroup(ctx context.Context, in *api.ListTagsLogGroupInput) (*api.ListTagsLogGroupResponse, error) {
	tags, err := s.tags(ctx, *in.LogGroupName)
	return &api.ListTagsLogGroupResponse{Tags: tags}, err
}
