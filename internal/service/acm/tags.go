package acm

import (
	"context"
	"maps"
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/acm"
	"gatehouse/internal/record"
)

const maxTags = 50 // AWS: API_AddTagsToCertificate

// tagMap adds a list of tags to those that there are.
func tagMap(list []api.Tag, old map[string]string) (map[string]string, error) {
	tags := maps.Clone(old)
	for _, t := range list {
		if key := *t.Key; key == "" || len(key) > 128 || len(str(t.Value)) > 256 || strings.HasPrefix(strings.ToLower(key), "aws:") {
			return nil, api.InvalidTagException("The tag " + key + " is not valid") // AWS: undocumented text
		}
		if tags == nil {
			tags = map[string]string{}
		}
		tags[*t.Key] = str(t.Value)
	}
	if len(tags) > maxTags {
		return nil, api.TooManyTagsException("A certificate can have at most 50 tags") // AWS: undocumented text
	}
	return tags, nil
}

// AddTagsToCertificate adds tags, or gives them other values.
func (s *Service) AddTagsToCertificate(ctx context.Context, in *api.AddTagsToCertificateInput) error {
	return s.change(ctx, in.CertificateArn, func(c *record.Certificate) (err error) {
		c.Tags, err = tagMap(in.Tags, c.Tags)
		return err
	})
}

// RemoveTagsFromCertificate takes tags away: with a value only those that have
// it.
func (s *Service) RemoveTagsFromCertificate(ctx context.Context, in *api.RemoveTagsFromCertificateInput) error {
	return s.change(ctx, in.CertificateArn, func(c *record.Certificate) error {
		c.Tags = maps.Clone(c.Tags)
		for _, t := range in.Tags {
			if t.Value == nil || c.Tags[*t.Key] == *t.Value {
				delete(c.Tags, *t.Key)
			}
		}
		return nil
	})
}

// ListTagsForCertificate lists the tags of a certificate.
func (s *Service) ListTagsForCertificate(ctx context.Context, in *api.ListTagsForCertificateInput) (*api.ListTagsForCertificateResponse, error) {
	cert, _, err := s.find(ctx, in.CertificateArn)
	if err != nil {
		return nil, err
	}
	out := &api.ListTagsForCertificateResponse{Tags: []api.Tag{}}
	for _, k := range slices.Sorted(maps.Keys(cert.Tags)) {
		out.Tags = append(out.Tags, api.Tag{Key: new(k), Value: new(cert.Tags[k])})
	}
	return out, nil
}
