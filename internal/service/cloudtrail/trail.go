package cloudtrail

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/cloudtrail"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// A trail as it is stored. What it has delivered is a record of its own, so that
// deliveries and changes do not meet.
type trail struct {
	Name, Account, Region string
	Bucket, Prefix        string
	LogGroup, LogRole     string // ARNs; empty: to no log group
	Global, MultiRegion   bool
	Validation            bool
	Logging               bool
	Started, Stopped      time.Time
	// After and Until are the numbers of the last events before it was started, and
	// stopped: of management events, then of data events.
	After, Until         uint64
	AfterData, UntilData uint64
	Basic                []api.EventSelector         // none: all management events
	Advanced             []api.AdvancedEventSelector // instead
	Tags                 map[string]string
}

// maxTrails is AWS's quota of trails of a Region.
const maxTrails = 5

// maxTags is how many tags a trail may have. AWS: AddTags.
const maxTags = 50

// Trails of all accounts stand together: those who deliver look at all.
func (s *Service) trails() store.Table[trail] {
	return store.NewTable[trail](s.st, store.Prefix(record.Everywhere.Account, record.Everywhere.Region, "cloudtrail", "trail"))
}

func (t *trail) id() string { return store.ID(t.Account, t.Region, t.Name) }

func (t *trail) arn() string {
	return arn.ARN{Partition: arn.Partition(t.Region), Service: "cloudtrail", Region: t.Region, Account: t.Account, Resource: "trail/" + t.Name}.String()
}

// find returns the trail of the caller that a name or an ARN names.
func (s *Service) find(ctx context.Context, name string) (trail, store.Rev, error) {
	scope := scopeOf(ctx)
	if strings.HasPrefix(name, "arn:") {
		a, err := arn.Parse(name)
		last, isTrail := strings.CutPrefix(a.Resource, "trail/")
		if err != nil || !isTrail || a.Service != "cloudtrail" {
			return trail{}, 0, api.CloudTrailARNInvalidException("The trail ARN " + name + " is not valid.")
		}
		if a.Account != scope.Account {
			return trail{}, 0, noTrail(name, scope.Account)
		}
		scope.Region, name = a.Region, last
	} else if err := checkName(name); err != nil {
		return trail{}, 0, err
	}
	return s.trails().Find(ctx, noTrail(name, scope.Account), scope.Account, scope.Region, name)
}

func noTrail(name, account string) error {
	return api.TrailNotFoundException("Unknown trail: " + name + " for the user: " + account)
}

var trailName = regexp.MustCompile(`^[A-Za-z0-9](?:[._-]?[A-Za-z0-9])*$`)

// checkName refuses names that a trail must not have.
//
// AWS: CreateTrail: 3 to 128 characters; letters, digits, and between them single
// periods, underscores and dashes; not in the form of an IP address.
func checkName(name string) error {
	if len(name) < 3 || len(name) > 128 || !trailName.MatchString(name) {
		return api.InvalidTrailNameException("Trail name must be between 3 and 128 characters of letters, numbers, periods, underscores and dashes, start and end with a letter or number, and have no adjacent periods, underscores or dashes.")
	}
	return nil
}

// edit changes a trail of the caller.
func (s *Service) edit(ctx context.Context, name string, change func(t *trail) error) (trail, error) {
	var out trail
	err := store.Update(ctx, s.st, func(c *store.Change) error {
		t, rev, err := s.find(ctx, name)
		if err != nil {
			return err
		}
		if err := change(&t); err != nil {
			return err
		}
		out = t
		c.Require(s.trails().Is(t.id(), rev))
		store.Add(c, s.trails(), t.id(), t)
		return nil
	})
	if err == nil {
		s.refresh(ctx)
	}
	return out, err
}

// CreateTrail makes a trail. It delivers nothing before StartLogging.
func (s *Service) CreateTrail(ctx context.Context, in *api.CreateTrailInput) (*api.CreateTrailResponse, error) {
	if err := refuseTrail(in.KmsKeyId, in.SnsTopicName, in.IsOrganizationTrail); err != nil {
		return nil, err
	}
	if err := checkName(*in.Name); err != nil {
		return nil, err
	}
	scope := scopeOf(ctx)
	t := trail{
		Name: *in.Name, Account: scope.Account, Region: scope.Region, Bucket: *in.S3BucketName, Prefix: str(in.S3KeyPrefix),
		Global: in.IncludeGlobalServiceEvents == nil || *in.IncludeGlobalServiceEvents, MultiRegion: is(in.IsMultiRegionTrail),
		Validation: is(in.EnableLogFileValidation), LogGroup: str(in.CloudWatchLogsLogGroupArn), LogRole: str(in.CloudWatchLogsRoleArn), Tags: map[string]string{},
	}
	if err := t.tag(in.TagsList); err != nil {
		return nil, err
	}
	if err := s.check(ctx, &t); err != nil {
		return nil, err
	}
	err := store.Update(ctx, s.st, func(c *store.Change) error {
		rows, err := s.trails().All(ctx, t.Account, t.Region)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if row.Value.Name == t.Name {
				return api.TrailAlreadyExistsException("Trail " + t.Name + " already exists for customer: " + t.Account)
			}
		}
		if len(rows) >= maxTrails {
			return api.MaximumNumberOfTrailsExceededException("User: " + t.Account + " already has 5 trails in " + t.Region + ".")
		}
		c.Require(s.trails().Absent(t.id()))
		store.Add(c, s.trails(), t.id(), t)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateTrailResponse{
		IncludeGlobalServiceEvents: &t.Global, IsMultiRegionTrail: &t.MultiRegion, IsOrganizationTrail: new(false), LogFileValidationEnabled: &t.Validation,
		Name: &t.Name, S3BucketName: &t.Bucket, S3KeyPrefix: optional(t.Prefix), TrailARN: new(t.arn()),
		CloudWatchLogsLogGroupArn: optional(t.LogGroup), CloudWatchLogsRoleArn: optional(t.LogRole),
	}, nil
}

// check holds a trail to what it needs.
func (s *Service) check(ctx context.Context, t *trail) error {
	if len(t.Prefix) > 200 || strings.HasPrefix(t.Prefix, "/") || strings.HasSuffix(t.Prefix, "/") {
		return api.InvalidS3PrefixException("The S3 prefix must have at most 200 characters, and no slash at its ends.")
	}
	if t.MultiRegion && !t.Global {
		return api.InvalidParameterCombinationException("Multi-Region trail must include global service events.")
	}
	if s.opt.Buckets == nil || s.opt.Buckets.CheckBucket(ctx, t.Account, t.Bucket) != nil {
		return api.S3BucketDoesNotExistException("S3 bucket " + t.Bucket + " does not exist!")
	}
	return s.checkGroup(ctx, t)
}

// checkGroup holds a trail to what its delivery to a log group needs.
//
// AWS: CreateTrail: a group and a role, "you must use a log group that exists in
// your account". What the role may do is not asked for here.
func (s *Service) checkGroup(ctx context.Context, t *trail) error {
	if t.LogGroup == "" && t.LogRole == "" {
		return nil
	}
	if a, err := arn.Parse(t.LogRole); err != nil || a.Service != "iam" || !strings.HasPrefix(a.Resource, "role/") {
		return api.InvalidCloudWatchLogsRoleArnException("A CloudWatch Logs role ARN must be specified with a log group ARN.")
	}
	scope, group, ok := t.group()
	if !ok || scope.Account != t.Account || scope.Region != t.Region || s.opt.Groups == nil || s.opt.Groups.CheckGroup(ctx, scope, group) != nil {
		return api.InvalidCloudWatchLogsLogGroupArnException("CloudTrail cannot validate the specified log group ARN: it must be that of a log group of this account and Region.")
	}
	return nil
}

// group is the log group that t delivers to, too.
func (t *trail) group() (scope record.Scope, name string, ok bool) {
	a, err := arn.Parse(t.LogGroup)
	name, is := strings.CutPrefix(a.Resource, "log-group:")
	return record.Scope{Account: a.Account, Region: a.Region}, strings.TrimSuffix(name, ":*"), err == nil && is && a.Service == "logs"
}

// UpdateTrail changes what a trail delivers, and where.
func (s *Service) UpdateTrail(ctx context.Context, in *api.UpdateTrailInput) (*api.UpdateTrailResponse, error) {
	if err := refuseTrail(in.KmsKeyId, in.SnsTopicName, in.IsOrganizationTrail); err != nil {
		return nil, err
	}
	t, err := s.edit(ctx, *in.Name, func(t *trail) error {
		set(&t.Bucket, in.S3BucketName)
		set(&t.Prefix, in.S3KeyPrefix)
		set(&t.Global, in.IncludeGlobalServiceEvents)
		set(&t.MultiRegion, in.IsMultiRegionTrail)
		set(&t.Validation, in.EnableLogFileValidation)
		set(&t.LogGroup, in.CloudWatchLogsLogGroupArn)
		set(&t.LogRole, in.CloudWatchLogsRoleArn)
		return s.check(ctx, t)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateTrailResponse{
		IncludeGlobalServiceEvents: &t.Global, IsMultiRegionTrail: &t.MultiRegion, IsOrganizationTrail: new(false), LogFileValidationEnabled: &t.Validation,
		Name: &t.Name, S3BucketName: &t.Bucket, S3KeyPrefix: optional(t.Prefix), TrailARN: new(t.arn()),
		CloudWatchLogsLogGroupArn: optional(t.LogGroup), CloudWatchLogsRoleArn: optional(t.LogRole),
	}, nil
}

// DeleteTrail deletes a trail, but not what it delivered.
func (s *Service) DeleteTrail(ctx context.Context, in *api.DeleteTrailInput) error {
	err := store.Update(ctx, s.st, func(c *store.Change) error {
		t, rev, err := s.find(ctx, *in.Name)
		if err != nil {
			return err
		}
		c.Require(s.trails().Is(t.id(), rev))
		c.Do(s.trails().Delete(t.id()))
		c.Do(s.deliveries().Delete(t.id()))
		return nil
	})
	if err == nil {
		s.refresh(ctx)
	}
	return err
}

func (t *trail) shown() api.Trail {
	return api.Trail{
		Name: &t.Name, S3BucketName: &t.Bucket, S3KeyPrefix: optional(t.Prefix), IncludeGlobalServiceEvents: &t.Global, IsMultiRegionTrail: &t.MultiRegion,
		HomeRegion: &t.Region, TrailARN: new(t.arn()), LogFileValidationEnabled: &t.Validation, HasCustomEventSelectors: new(len(t.Basic)+len(t.Advanced) > 0),
		HasInsightSelectors: new(false), IsOrganizationTrail: new(false), CloudWatchLogsLogGroupArn: optional(t.LogGroup), CloudWatchLogsRoleArn: optional(t.LogRole),
	}
}

// visible lists the trails of the caller's account that act in a Region.
func (s *Service) visible(ctx context.Context, everywhere bool) ([]trail, error) {
	scope := scopeOf(ctx)
	rows, err := s.trails().All(ctx, scope.Account)
	var list []trail
	for _, row := range rows {
		if t := row.Value; everywhere || t.Region == scope.Region || t.MultiRegion {
			list = append(list, t)
		}
	}
	return list, err
}

// DescribeTrails lists trails: those named, or all that act in the Region.
func (s *Service) DescribeTrails(ctx context.Context, in *api.DescribeTrailsInput) (*api.DescribeTrailsResponse, error) {
	out := &api.DescribeTrailsResponse{TrailList: []api.Trail{}}
	all, err := s.visible(ctx, false)
	if err != nil {
		return nil, err
	}
	shadows := in.IncludeShadowTrails == nil || *in.IncludeShadowTrails
	for _, t := range all {
		named := slices.Contains(in.TrailNameList, t.Name) || slices.Contains(in.TrailNameList, t.arn())
		if (named || len(in.TrailNameList) == 0) && (shadows || t.Region == scopeOf(ctx).Region) {
			out.TrailList = append(out.TrailList, t.shown())
		}
	}
	return out, nil
}

// GetTrail returns one trail.
func (s *Service) GetTrail(ctx context.Context, in *api.GetTrailInput) (*api.GetTrailResponse, error) {
	t, _, err := s.find(ctx, *in.Name)
	if err != nil {
		return nil, err
	}
	return &api.GetTrailResponse{Trail: new(t.shown())}, nil
}

// ListTrails lists the trails of the account, of all Regions.
func (s *Service) ListTrails(ctx context.Context, _ *api.ListTrailsInput) (*api.ListTrailsResponse, error) {
	all, err := s.visible(ctx, true)
	out := &api.ListTrailsResponse{Trails: []api.TrailInfo{}}
	for _, t := range all {
		out.Trails = append(out.Trails, api.TrailInfo{HomeRegion: &t.Region, Name: &t.Name, TrailARN: new(t.arn())})
	}
	return out, err
}

// StartLogging has a trail deliver what happens from now on.
func (s *Service) StartLogging(ctx context.Context, in *api.StartLoggingInput) error {
	_, err := s.edit(ctx, *in.Name, func(t *trail) error {
		if !t.Logging {
			t.Logging, t.Started, t.After, t.AfterData = true, time.Now().UTC(), s.keep.log.Last(), s.keep.data.Last()
		}
		return nil
	})
	return err
}

// StopLogging ends that. What happened before is delivered still: now, or else
// when it can be.
func (s *Service) StopLogging(ctx context.Context, in *api.StopLoggingInput) error {
	t, err := s.edit(ctx, *in.Name, func(t *trail) error {
		if t.Logging {
			t.Logging, t.Stopped, t.Until, t.UntilData = false, time.Now().UTC(), s.keep.log.Last(), s.keep.data.Last()
		}
		return nil
	})
	if err == nil {
		s.deliverOne(ctx, &t, time.Now())
	}
	return err
}

// GetTrailStatus tells whether a trail delivers, and how it went.
func (s *Service) GetTrailStatus(ctx context.Context, in *api.GetTrailStatusInput) (*api.GetTrailStatusResponse, error) {
	t, _, err := s.find(ctx, *in.Name)
	if err != nil {
		return nil, err
	}
	d, _, err := s.deliveries().Get(ctx, t.id())
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	text := func(at time.Time) *string {
		if at.IsZero() {
			return new("")
		}
		return new(at.UTC().Format(time.RFC3339))
	}
	return &api.GetTrailStatusResponse{
		IsLogging: &t.Logging, StartLoggingTime: moment(t.Started), StopLoggingTime: moment(t.Stopped),
		TimeLoggingStarted: text(t.Started), TimeLoggingStopped: text(t.Stopped),
		LatestDeliveryTime: moment(d.Latest), LatestDeliveryError: optional(d.Error),
		LatestCloudWatchLogsDeliveryTime: moment(d.Group.Latest), LatestCloudWatchLogsDeliveryError: optional(d.Group.Error), LatestDigestDeliveryTime: moment(d.LatestDigest),
		LatestDeliveryAttemptTime: text(d.Latest), LatestDeliveryAttemptSucceeded: text(d.Latest), LatestNotificationAttemptTime: new(""), LatestNotificationAttemptSucceeded: new(""),
	}, nil
}

// tag sets tags.
func (t *trail) tag(tags []api.Tag) error {
	for _, tag := range tags {
		if *tag.Key == "" || len(*tag.Key) > 128 || len(str(tag.Value)) > 256 || strings.HasPrefix(strings.ToLower(*tag.Key), "aws:") {
			return api.InvalidTagParameterException("The tag " + *tag.Key + " is not valid.")
		}
		t.Tags[*tag.Key] = str(tag.Value)
	}
	if len(t.Tags) > maxTags {
		return api.TagsLimitExceededException("A trail may have 50 tags.")
	}
	return nil
}

// AddTags sets tags of a trail.
func (s *Service) AddTags(ctx context.Context, in *api.AddTagsInput) error {
	_, err := s.edit(ctx, *in.ResourceId, func(t *trail) error {
		if t.Tags == nil {
			t.Tags = map[string]string{}
		}
		return t.tag(in.TagsList)
	})
	return err
}

// RemoveTags removes tags of a trail.
func (s *Service) RemoveTags(ctx context.Context, in *api.RemoveTagsInput) error {
	_, err := s.edit(ctx, *in.ResourceId, func(t *trail) error {
		for _, tag := range in.TagsList {
			delete(t.Tags, *tag.Key)
		}
		return nil
	})
	return err
}

// ListTags lists the tags of trails.
func (s *Service) ListTags(ctx context.Context, in *api.ListTagsInput) (*api.ListTagsResponse, error) {
	out := &api.ListTagsResponse{}
	if len(in.ResourceIdList) > 20 {
		return nil, api.InvalidParameterException("At most 20 resources may be named.")
	}
	for _, id := range in.ResourceIdList {
		t, _, err := s.find(ctx, id)
		if err != nil {
			return nil, err
		}
		list := api.ResourceTag{ResourceId: &id, TagsList: []api.Tag{}}
		for k, v := range t.Tags {
			list.TagsList = append(list.TagsList, api.Tag{Key: &k, Value: &v})
		}
		slices.SortFunc(list.TagsList, func(a, b api.Tag) int { return strings.Compare(*a.Key, *b.Key) })
		out.ResourceTagList = append(out.ResourceTagList, list)
	}
	return out, nil
}

func set[T any](to, v *T) {
	if v != nil {
		*to = *v
	}
}

func str(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func is(p *bool) bool { return p != nil && *p }

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
