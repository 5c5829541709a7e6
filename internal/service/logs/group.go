package logs

import (
	"context"
	"errors"
	"slices"
	"strings"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/logs"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// isExists reports whether an error is that of a thing that is there already.
func isExists(err error) bool {
	var e *awsrpc.Error
	return errors.As(err, &e) && e.Code == "ResourceAlreadyExistsException"
}

// create makes a group.
func (s *Service) create(ctx context.Context, scope record.Scope, rec groupRecord) error {
	rec.ID, rec.Created = record.NewID(20), now()
	t := s.table(scope)
	err := store.Update(ctx, s.st, func(c *store.Change) error {
		_, _, err := t.Get(ctx, store.ID(rec.Name))
		if err == nil {
			return api.ResourceAlreadyExistsException("The specified log group already exists")
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		c.Require(t.Absent(store.ID(rec.Name)))
		store.Add(c, t, store.ID(rec.Name), rec)
		return nil
	})
	if err != nil {
		return err
	}
	_, err = s.put(scope, rec)
	return err
}

// CreateLogGroup makes a log group.
func (s *Service) CreateLogGroup(ctx context.Context, in *api.CreateLogGroupInput) error {
	switch {
	case in.KmsKeyId != nil:
		return noKMS.refuse()
	case in.LogGroupClass != nil && *in.LogGroupClass != classStandard:
		return noClass.refuse()
	case is(in.DeletionProtectionEnabled):
		return noProtection.refuse()
	case strings.HasPrefix(*in.LogGroupName, "aws/"):
		// AWS: CreateLogGroup: names may not begin so.
		return errInvalid("Log groups starting with AWS/ are reserved for AWS.")
	}
	if err := checkTags(in.Tags); err != nil {
		return err
	}
	return s.create(ctx, scopeOf(ctx), groupRecord{Name: *in.LogGroupName, Tags: in.Tags})
}

// DeleteLogGroup deletes a log group with its events.
func (s *Service) DeleteLogGroup(ctx context.Context, in *api.DeleteLogGroupInput) error {
	scope := scopeOf(ctx)
	t := s.table(scope)
	err := store.Update(ctx, s.st, func(c *store.Change) error {
		_, rev, err := t.Find(ctx, errNoGroup(), *in.LogGroupName)
		if err != nil {
			return err
		}
		c.Require(t.Is(store.ID(*in.LogGroupName), rev))
		c.Do(t.Delete(store.ID(*in.LogGroupName)))
		return nil
	})
	if err != nil {
		return err
	}
	return s.drop(place{scope, *in.LogGroupName})
}

const classStandard = "STANDARD"

// listed are the caller's groups, in the order of their names.
func (s *Service) listed(ctx context.Context, keep func(rec *groupRecord) bool) ([]groupRecord, error) {
	rows, err := s.table(scopeOf(ctx)).All(ctx)
	if err != nil {
		return nil, err
	}
	var list []groupRecord
	for i := range rows {
		if keep(&rows[i].Value) {
			list = append(list, rows[i].Value)
		}
	}
	// The order of keys is that of names with their slashes escaped.
	slices.SortFunc(list, func(a, b groupRecord) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func groupName(rec *groupRecord) string { return rec.Name }

// DescribeLogGroups lists log groups.
func (s *Service) DescribeLogGroups(ctx context.Context, in *api.DescribeLogGroupsInput) (*api.DescribeLogGroupsResponse, error) {
	if in.LogGroupNamePrefix != nil && in.LogGroupNamePattern != nil {
		// AWS: recorded.
		return nil, errInvalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	}
	list, err := s.listed(ctx, func(rec *groupRecord) bool {
		// AWS: a pattern is a part of the name, in its case.
		return strings.HasPrefix(rec.Name, str(in.LogGroupNamePrefix)) && strings.Contains(rec.Name, str(in.LogGroupNamePattern)) &&
			(in.LogGroupClass == nil || *in.LogGroupClass == classStandard) &&
			(in.LogGroupIdentifiers == nil || slices.ContainsFunc(in.LogGroupIdentifiers, func(id string) bool { return nameOf(id) == rec.Name }))
	})
	if err != nil {
		return nil, err
	}
	page, next, ok := awsrpc.Page(list, groupName, in.NextToken, limit(in.Limit, 50))
	if !ok {
		return nil, errToken()
	}
	scope := scopeOf(ctx)
	out := &api.DescribeLogGroupsResponse{LogGroups: make([]api.LogGroup, len(page)), NextToken: next}
	for i := range page {
		rec := &page[i]
		l, err := s.put(scope, *rec)
		if err != nil {
			return nil, err
		}
		a := groupARN(scope, rec.Name)
		g := &out.LogGroups[i]
		*g = api.LogGroup{
			LogGroupName: &rec.Name, CreationTime: &rec.Created, MetricFilterCount: new(int32(len(rec.MetricFilters))),
			Arn: new(a + ":*"), LogGroupArn: &a, StoredBytes: new(l.journal.Bytes()), LogGroupClass: new(classStandard),
		}
		if rec.Retention != 0 {
			g.RetentionInDays = &rec.Retention
		}
	}
	return out, nil
}

// ListLogGroups lists log groups in short.
func (s *Service) ListLogGroups(ctx context.Context, in *api.ListLogGroupsInput) (*api.ListLogGroupsResponse, error) {
	if in.DataSources != nil || in.FieldIndexNames != nil {
		return nil, noDataSource.refuse()
	}
	match, err := listPattern(str(in.LogGroupNamePattern))
	if err != nil {
		return nil, err
	}
	list, err := s.listed(ctx, func(rec *groupRecord) bool {
		for _, want := range in.LogGroupTags {
			value, ok := rec.Tags[str(want.Key)]
			if !ok || len(want.Values) > 0 && !slices.Contains(want.Values, value) {
				return false
			}
		}
		return match(rec.Name) && (in.LogGroupClass == nil || *in.LogGroupClass == classStandard)
	})
	if err != nil {
		return nil, err
	}
	page, next, ok := awsrpc.Page(list, groupName, in.NextToken, limit(in.Limit, 1000))
	if !ok {
		return nil, errToken()
	}
	out := &api.ListLogGroupsResponse{LogGroups: make([]api.LogGroupSummary, len(page)), NextToken: next}
	for i := range page {
		out.LogGroups[i] = api.LogGroupSummary{LogGroupName: &page[i].Name, LogGroupArn: new(groupARN(scopeOf(ctx), page[i].Name)), LogGroupClass: new(classStandard)}
	}
	return out, nil
}

// listPattern compiles the pattern of ListLogGroups: parts of names, or with ^
// their beginnings, joined by |.
//
// AWS: ListLogGroups, logGroupNamePattern.
func listPattern(text string) (func(name string) bool, error) {
	parts := strings.Split(text, "|")
	if len(parts) > 5 {
		return nil, errInvalid("The log group name pattern has more than 5 parts.")
	}
	return func(name string) bool {
		return slices.ContainsFunc(parts, func(part string) bool {
			if begin, ok := strings.CutPrefix(part, "^"); ok {
				return strings.HasPrefix(name, begin)
			}
			return strings.Contains(name, part)
		})
	}, nil
}

func limit(n *int32, standard int) int {
	if n == nil {
		return standard
	}
	return int(*n)
}

// nameOf is the name of a group in what may be its ARN.
func nameOf(identifier string) string {
	if a, err := arn.Parse(identifier); err == nil && a.Service == "logs" {
		name, _ := strings.CutPrefix(a.Resource, "log-group:")
		return strings.TrimSuffix(name, ":*")
	}
	return identifier
}

// named is the group that one of two members names.
//
// AWS: recorded for DescribeLogStreams.
func named(name, identifier *string) (string, error) {
	switch {
	case name != nil && identifier != nil:
		return "", awsrpc.Validation("LogGroup name and LogGroup ARN are mutually exclusive parameters.")
	case name != nil:
		return *name, nil
	case identifier != nil:
		return nameOf(*identifier), nil
	}
	return "", awsrpc.Validation("At least one of LogGroup name and LogGroup ARN must be provided.")
}

// retentions are the numbers of days that events may be kept.
//
// AWS: PutRetentionPolicy, retentionInDays.
var retentions = [...]int32{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

// PutRetentionPolicy says how long a group keeps its events.
func (s *Service) PutRetentionPolicy(ctx context.Context, in *api.PutRetentionPolicyInput) error {
	if !slices.Contains(retentions[:], *in.RetentionInDays) {
		// AWS: in public issues.
		return errInvalid("The specified retention period is invalid. Valid values are: [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]")
	}
	return s.edit(ctx, *in.LogGroupName, func(rec *groupRecord) error { rec.Retention = *in.RetentionInDays; return nil })
}

// DeleteRetentionPolicy makes a group keep its events for ever, within the bound
// on all logs.
func (s *Service) DeleteRetentionPolicy(ctx context.Context, in *api.DeleteRetentionPolicyInput) error {
	return s.edit(ctx, *in.LogGroupName, func(rec *groupRecord) error { rec.Retention = 0; return nil })
}
