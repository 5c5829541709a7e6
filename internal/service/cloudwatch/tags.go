package cloudwatch

import (
	"context"
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/cloudwatch"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/store"
)

// maxTags is how many tags an alarm has.
//
// AWS: API reference of TagResource.
const maxTags = 50

func checkTags(tags []api.Tag) error {
	if len(tags) > maxTags {
		return api.InvalidParameterValueException("A resource has at most 50 tags.")
	}
	for i := range tags {
		if strings.HasPrefix(*tags[i].Key, "aws:") {
			return api.InvalidParameterValueException("aws: prefixed tag key names are not allowed for external use.")
		}
	}
	return nil
}

// editTags changes the tags of the alarm of an ARN.
func (s *Service) editTags(ctx context.Context, resource string, edit func([]api.Tag) []api.Tag) ([]api.Tag, error) {
	at := placeOf(awsrpc.CallerFrom(ctx))
	name, ok := strings.CutPrefix(resource, at.alarmARN(""))
	missing := api.ResourceNotFoundException(resource + " does not exist")
	if !ok {
		return nil, missing
	}
	t := s.alarms(at)
	var tags []api.Tag
	err := store.Update(ctx, s.st, func(c *store.Change) error {
		rec, rev, err := t.Find(ctx, missing, name)
		if err != nil {
			return err
		}
		if tags = rec.Tags; edit == nil {
			return nil
		}
		rec.Tags = edit(slices.Clone(rec.Tags))
		if err := checkTags(rec.Tags); err != nil {
			return err
		}
		tags = rec.Tags
		c.Require(t.Is(store.ID(name), rev))
		store.Add(c, t, store.ID(name), rec)
		return nil
	})
	return tags, err
}

// ListTagsForResource tells the tags of an alarm.
func (s *Service) ListTagsForResource(ctx context.Context, in *api.ListTagsForResourceInput) (*api.ListTagsForResourceOutput, error) {
	tags, err := s.editTags(ctx, *in.ResourceARN, nil)
	return &api.ListTagsForResourceOutput{Tags: list(tags)}, err
}

// TagResource adds tags to an alarm, or replaces them.
func (s *Service) TagResource(ctx context.Context, in *api.TagResourceInput) (*api.TagResourceOutput, error) {
	_, err := s.editTags(ctx, *in.ResourceARN, func(tags []api.Tag) []api.Tag {
		for _, t := range in.Tags {
			tags = append(without(tags, *t.Key), t)
		}
		return tags
	})
	return &api.TagResourceOutput{}, err
}

// UntagResource takes tags off an alarm.
func (s *Service) UntagResource(ctx context.Context, in *api.UntagResourceInput) (*api.UntagResourceOutput, error) {
	_, err := s.editTags(ctx, *in.ResourceARN, func(tags []api.Tag) []api.Tag {
		for _, key := range in.TagKeys {
			tags = without(tags, key)
		}
		return tags
	})
	return &api.UntagResourceOutput{}, err
}

func without(tags []api.Tag, key string) []api.Tag {
	return slices.DeleteFunc(tags, func(t api.Tag) bool { return *t.Key == key })
}
