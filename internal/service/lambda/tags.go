package lambda

import (
	"context"
	"maps"
	"strings"

	api "gatehouse/internal/awsapi/lambda"
	"gatehouse/internal/record"
)

// Bounds of tags.
//
// AWS: "Tag naming and usage conventions".
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

// checkTags refuses tags that AWS does not take.
//
// AWS: the first text is recorded, the others are not.
func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return errParameter("Number of tags exceeds resource tag limit.")
	}
	for key, value := range tags {
		switch {
		case key == "" || len(key) > maxTagKey || strings.HasPrefix(strings.ToLower(key), "aws:"):
			return errParameter("The tag key '" + key + "' is not valid: it must have 1 to 128 characters and not begin with aws:")
		case len(value) > maxTagValue:
			return errParameter("The value of the tag '" + key + "' is longer than 256 characters")
		}
	}
	return nil
}

// shownTaggable is the pattern of what can be tagged in AWS's messages.
const shownTaggable = `arn:(aws[a-zA-Z-]*):lambda:[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:(function:[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?|layer:([a-zA-Z0-9-_]+)|code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})`

// taggable reads the ARN of a function.
//
// AWS: texts recorded.
func taggable(ctx context.Context, resource *string) (target, error) {
	if _, _, name := splitName(str(resource)); name == str(resource) || !strings.HasPrefix(str(resource), "arn:") {
		return target{}, violation(str(resource), "resource", "Member must satisfy regular expression pattern: "+shownTaggable)
	}
	t, err := locate(ctx, resource, nil)
	if err == nil && t.qualifier != "" {
		err = errParameter("Tags on function aliases and versions are not supported. Please specify a function ARN.")
	}
	return t, err
}

// ListTags returns the tags of a function.
func (s *Service) ListTags(ctx context.Context, in *api.ListTagsInput) (*api.ListTagsResponse, error) {
	t, err := taggable(ctx, in.Resource)
	if err != nil {
		return nil, err
	}
	rec, _, err := s.function(ctx, t, nil)
	if err != nil {
		return nil, err
	}
	tags := rec.Tags
	if tags == nil {
		tags = map[string]string{}
	}
	return &api.ListTagsResponse{Tags: tags}, nil
}

// TagResource adds tags to a function, or changes them.
func (s *Service) TagResource(ctx context.Context, in *api.TagResourceInput) error {
	if len(in.Tags) == 0 {
		return errParameter("An error occurred and the request cannot be processed.")
	}
	return s.editTags(ctx, in.Resource, func(tags map[string]string) { maps.Copy(tags, in.Tags) })
}

// UntagResource removes tags.
func (s *Service) UntagResource(ctx context.Context, in *api.UntagResourceInput) error {
	return s.editTags(ctx, in.Resource, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
}

func (s *Service) editTags(ctx context.Context, resource *string, edit func(map[string]string)) error {
	t, err := taggable(ctx, resource)
	if err != nil {
		return err
	}
	return s.editFunction(ctx, t, nil, func(e *functionEdit) error {
		next := map[string]string{}
		maps.Copy(next, e.rec.Tags)
		edit(next)
		e.rec.Tags = next
		e.rec.Latest.RevisionId = new(record.NewUUID()) // AWS: recorded
		return checkTags(next)
	})
}
