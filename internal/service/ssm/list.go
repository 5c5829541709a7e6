package ssm

import (
	"context"
	"fmt"
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/ssm"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/store"
)

// page cuts a page out of a list.
func page(list []parameter, most *int32, token *string, byDefault, highest int) ([]parameter, *string, error) {
	n := byDefault
	if most != nil {
		if n = int(*most); n < 1 || n > highest {
			return nil, nil, awsrpc.Validation(fmt.Sprintf("1 validation error detected: Value '%d' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to %d", n, highest))
		}
	}
	items, next, ok := awsrpc.Page(list, func(p *parameter) string { return p.Name }, token, n)
	if !ok {
		return nil, nil, api.InvalidNextToken("The specified token isn't valid.")
	}
	return items, next, nil
}

// GetParametersByPath returns the parameters below a path.
func (s *Service) GetParametersByPath(ctx context.Context, in *api.GetParametersByPathInput) (*api.GetParametersByPathResult, error) {
	path := *in.Path
	if !strings.HasPrefix(path, "/") {
		return nil, awsrpc.Validation("The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \"/\".")
	}
	if path != "/" {
		path = strings.TrimSuffix(path, "/") + "/"
	}
	t := s.tables(ctx)
	list, err := t.sorted(ctx)
	if err != nil {
		return nil, err
	}
	if list, err = filter(list, in.ParameterFilters); err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(p parameter) bool {
		rest, below := strings.CutPrefix(p.Name, path)
		return !below || strings.Contains(rest, "/") && !isTrue(in.Recursive)
	})
	list, next, err := page(list, in.MaxResults, in.NextToken, 10, 10)
	if err != nil {
		return nil, err
	}
	out := &api.GetParametersByPathResult{Parameters: []api.Parameter{}, NextToken: next}
	for i := range list {
		p, err := s.shown(t, &list[i], "", in.WithDecryption)
		if err != nil {
			return nil, err
		}
		out.Parameters = append(out.Parameters, *p)
	}
	return out, nil
}

// filter keeps the parameters that pass all filters.
func filter(list []parameter, filters []api.ParameterStringFilter) ([]parameter, error) {
	for _, f := range filters {
		of, err := member(str(f.Key))
		if err != nil {
			return nil, err
		}
		passes, err := option(&f)
		if err != nil {
			return nil, err
		}
		list = slices.DeleteFunc(list, func(p parameter) bool {
			v, has := of(&p)
			return !has || !passes(v)
		})
	}
	return list, nil
}

// member returns what a filter looks at.
func member(key string) (func(*parameter) (string, bool), error) {
	switch key {
	case "Name":
		return func(p *parameter) (string, bool) { return p.Name, true }, nil
	case "Type":
		return func(p *parameter) (string, bool) { return p.Type, true }, nil
	case "Tier":
		return func(p *parameter) (string, bool) { return p.Tier, true }, nil
	case "DataType":
		return func(p *parameter) (string, bool) { return p.DataType, true }, nil
	case "Path":
		return func(p *parameter) (string, bool) {
			i := strings.LastIndexByte(p.Name, '/')
			return p.Name[:max(i, 0)], i >= 0
		}, nil
	}
	if tag, ok := strings.CutPrefix(key, "tag:"); ok {
		return func(p *parameter) (string, bool) { v, has := p.Tags[tag]; return v, has }, nil
	}
	return nil, api.InvalidFilterKey("The following filter key is not valid: " + key + ". Valid filter keys include: [Name, Type, Tier, DataType, Path, tag:*].")
}

func option(f *api.ParameterStringFilter) (func(string) bool, error) {
	anyOf := func(is func(value, want string) bool) func(string) bool {
		return func(v string) bool {
			return len(f.Values) == 0 || slices.ContainsFunc(f.Values, func(want string) bool { return is(v, want) })
		}
	}
	switch o := str(f.Option); {
	case o == "Recursive" && str(f.Key) == "Path":
		return anyOf(func(v, want string) bool {
			want = strings.TrimSuffix(want, "/")
			return v == want || strings.HasPrefix(v, want+"/")
		}), nil
	case o == "OneLevel" && str(f.Key) == "Path":
		return anyOf(func(v, want string) bool { return v == strings.TrimSuffix(want, "/") }), nil
	case o == "" || o == "Equals":
		return anyOf(func(v, want string) bool { return v == want }), nil
	case o == "BeginsWith":
		return anyOf(strings.HasPrefix), nil
	case o == "Contains":
		return anyOf(strings.Contains), nil
	}
	return nil, api.InvalidFilterOption("The following filter option is not valid: " + str(f.Option) + ". Valid options include: [BeginsWith, Contains, Equals].")
}

// DescribeParameters tells about parameters, without their values.
func (s *Service) DescribeParameters(ctx context.Context, in *api.DescribeParametersInput) (*api.DescribeParametersResult, error) {
	t := s.tables(ctx)
	list, err := t.sorted(ctx)
	if err != nil {
		return nil, err
	}
	filters := slices.Clone(in.ParameterFilters)
	for _, f := range in.Filters { // the older form
		option := "Equals"
		if str(f.Key) == "Name" {
			option = "BeginsWith"
		}
		filters = append(filters, api.ParameterStringFilter{Key: f.Key, Option: new(option), Values: f.Values})
	}
	if list, err = filter(list, filters); err != nil {
		return nil, err
	}
	list, next, err := page(list, in.MaxResults, in.NextToken, 50, 50)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeParametersResult{Parameters: []api.ParameterMetadata{}, NextToken: next}
	for i := range list {
		p := &list[i]
		m := api.ParameterMetadata{Name: new(p.Name), ARN: t.arn(p.Name), Type: new(p.Type), LastModifiedDate: new(p.Modified), LastModifiedUser: new(p.By), Version: new(p.Version),
			Tier: new(p.Tier), DataType: new(p.DataType), Policies: []api.ParameterInlinePolicy{}, KeyId: p.keyID()}
		if p.Description != "" {
			m.Description = new(p.Description)
		}
		if p.Pattern != "" {
			m.AllowedPattern = new(p.Pattern)
		}
		out.Parameters = append(out.Parameters, m)
	}
	return out, nil
}

func (p *parameter) keyID() *string {
	if p.Type == api.ParameterTypeSecureString {
		return new("alias/aws/ssm")
	}
	return nil
}

// GetParameterHistory returns the versions of a parameter, the oldest first.
func (s *Service) GetParameterHistory(ctx context.Context, in *api.GetParameterHistoryInput) (*api.GetParameterHistoryResult, error) {
	t := s.tables(ctx)
	latest, _, err := t.find(ctx, *in.Name)
	if err != nil {
		return nil, err
	}
	rows, err := t.history.All(ctx, latest.Name)
	if err != nil {
		return nil, err
	}
	out := &api.GetParameterHistoryResult{Parameters: []api.ParameterHistory{}}
	list := make([]parameter, 0, len(rows)+1)
	for _, row := range rows {
		list = append(list, row.Value)
	}
	for _, p := range append(list, latest) {
		value, err := s.value(&p, in.WithDecryption)
		if err != nil {
			return nil, err
		}
		out.Parameters = append(out.Parameters, api.ParameterHistory{Name: new(p.Name), Type: new(p.Type), Value: new(value), Version: new(p.Version), LastModifiedDate: new(p.Modified),
			LastModifiedUser: new(p.By), Description: new(p.Description), Tier: new(p.Tier), DataType: new(p.DataType), Labels: []string{}, Policies: []api.ParameterInlinePolicy{}, KeyId: p.keyID()})
	}
	return out, nil
}

// DeleteParameter deletes a parameter with all of its versions.
func (s *Service) DeleteParameter(ctx context.Context, in *api.DeleteParameterInput) (*api.DeleteParameterResult, error) {
	t := s.tables(ctx)
	err := store.Update(ctx, s.st, func(c *store.Change) error {
		_, rev, err := t.parameters.Find(ctx, api.ParameterNotFound(""), *in.Name)
		if err != nil {
			return err
		}
		rows, err := t.history.All(ctx, *in.Name)
		if err != nil {
			return err
		}
		c.Require(t.parameters.Is(store.ID(*in.Name), rev))
		c.Do(t.parameters.Delete(store.ID(*in.Name)))
		for _, row := range rows {
			c.Do(t.history.Delete(row.ID))
		}
		return nil
	})
	return &api.DeleteParameterResult{}, err
}

// DeleteParameters deletes as many as ten parameters.
func (s *Service) DeleteParameters(ctx context.Context, in *api.DeleteParametersInput) (*api.DeleteParametersResult, error) {
	if len(in.Names) == 0 || len(in.Names) > 10 {
		return nil, awsrpc.Validation("1 validation error detected: Value at 'names' failed to satisfy constraint: Member must have length less than or equal to 10")
	}
	out := &api.DeleteParametersResult{DeletedParameters: []string{}, InvalidParameters: []string{}}
	for _, name := range in.Names {
		_, err := s.DeleteParameter(ctx, &api.DeleteParameterInput{Name: &name})
		if e, ok := err.(*awsrpc.Error); ok && e.Code == "ParameterNotFound" { //nolint:errorlint // is not wrapped
			out.InvalidParameters = append(out.InvalidParameters, name)
			continue
		}
		if err != nil {
			return nil, err
		}
		out.DeletedParameters = append(out.DeletedParameters, name)
	}
	return out, nil
}

// changeTags changes the tags of a parameter.
func (s *Service) changeTags(ctx context.Context, kind, name string, how func(tags map[string]string)) error {
	if kind != "Parameter" {
		return api.InvalidResourceType("The resource type isn't valid: Gatehouse has parameters only.")
	}
	t := s.tables(ctx)
	return store.Update(ctx, s.st, func(c *store.Change) error {
		p, rev, err := t.parameters.Find(ctx, api.InvalidResourceId("The resource ID isn't valid. Verify that you entered the correct ID and try again."), name)
		if err != nil {
			return err
		}
		if p.Tags == nil {
			p.Tags = map[string]string{}
		}
		if how(p.Tags); len(p.Tags) > maxTags {
			return api.TooManyTagsError("You can assign at most 50 tags to a parameter")
		}
		c.Require(t.parameters.Is(store.ID(name), rev))
		store.Add(c, t.parameters, store.ID(name), p)
		return nil
	})
}

// AddTagsToResource adds tags to a parameter.
func (s *Service) AddTagsToResource(ctx context.Context, in *api.AddTagsToResourceInput) (*api.AddTagsToResourceResult, error) {
	return &api.AddTagsToResourceResult{}, s.changeTags(ctx, *in.ResourceType, *in.ResourceId, func(tags map[string]string) {
		for _, t := range in.Tags {
			tags[str(t.Key)] = str(t.Value)
		}
	})
}

// RemoveTagsFromResource takes tags from a parameter.
func (s *Service) RemoveTagsFromResource(ctx context.Context, in *api.RemoveTagsFromResourceInput) (*api.RemoveTagsFromResourceResult, error) {
	return &api.RemoveTagsFromResourceResult{}, s.changeTags(ctx, *in.ResourceType, *in.ResourceId, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
}

// ListTagsForResource returns the tags of a parameter.
func (s *Service) ListTagsForResource(ctx context.Context, in *api.ListTagsForResourceInput) (*api.ListTagsForResourceResult, error) {
	if *in.ResourceType != "Parameter" {
		return nil, api.InvalidResourceType("The resource type isn't valid: Gatehouse has parameters only.")
	}
	p, _, err := s.tables(ctx).parameters.Find(ctx, api.InvalidResourceId("The resource ID isn't valid. Verify that you entered the correct ID and try again."), *in.ResourceId)
	out := &api.ListTagsForResourceResult{TagList: []api.Tag{}}
	keys := make([]string, 0, len(p.Tags))
	for k := range p.Tags {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		out.TagList = append(out.TagList, api.Tag{Key: new(k), Value: new(p.Tags[k])})
	}
	return out, err
}
