package xray

import (
	"context"
	"errors"
	"slices"
	"strings"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/xray"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// Limits of groups.
//
// AWS: "AWS X-Ray endpoints and quotas": 25 groups.
const (
	maxGroups   = 25
	groupsAPage = 100
)

// defaultGroup is the group of all traces, which there always is.
const defaultGroup = "Default"

// A groupRecord is a group as it is stored.
type groupRecord struct {
	Name   string
	ID     string // the end of its ARN
	Filter string
	Tags   map[string]string
}

func (s *Service) groupTable(scope record.Scope) store.Table[groupRecord] {
	return store.NewTable[groupRecord](s.st, store.Prefix(scope.Account, scope.Region, keyService, keyGroup))
}

func (g *groupRecord) arn(scope record.Scope) string {
	if g.ID == "" {
		return newARN(scope, "group/"+g.Name)
	}
	return newARN(scope, "group/"+g.Name+"/"+g.ID)
}

func (g *groupRecord) shown(scope record.Scope) *api.Group {
	return &api.Group{
		GroupName: new(g.Name), GroupARN: new(g.arn(scope)), FilterExpression: optional(g.Filter),
		InsightsConfiguration: &api.InsightsConfiguration{InsightsEnabled: new(false), NotificationsEnabled: new(false)},
	}
}

func errNoGroup() error { return invalid("Group not found") }

// group returns a group by its name or ARN.
func (s *Service) group(ctx context.Context, scope record.Scope, name string) (groupRecord, error) {
	rec, _, err := s.findGroup(ctx, scope, name)
	return rec, err
}

func (s *Service) findGroup(ctx context.Context, scope record.Scope, name string) (groupRecord, store.Rev, error) {
	full := name
	if a, err := arn.Parse(name); err == nil {
		parts := strings.Split(a.Resource, "/")
		if a.Service != "xray" || parts[0] != "group" || len(parts) < 2 || a.Account != scope.Account || a.Region != scope.Region {
			return groupRecord{}, 0, errNoGroup()
		}
		name = parts[1]
	}
	rec, rev := groupRecord{Name: defaultGroup}, store.Rev(0)
	if name != defaultGroup {
		var err error
		if rec, rev, err = s.groupTable(scope).Find(ctx, errNoGroup(), name); err != nil {
			return rec, rev, err
		}
	}
	if full != name && full != rec.arn(scope) {
		return rec, rev, errNoGroup() // of an earlier group of this name
	}
	return rec, rev, nil
}

// oneGroup is the name or ARN that a call names a group by.
func oneGroup(name, resource *string) (string, error) {
	switch {
	case str(name) != "" && str(resource) != "":
		return "", invalid("Either GroupName or GroupARN must be specified, but not both")
	case str(name) != "":
		return *name, nil
	case str(resource) != "":
		if !strings.HasPrefix(*resource, "arn:") {
			return "", errNoGroup()
		}
		return *resource, nil
	}
	return "", invalid("Either GroupName or GroupARN must be specified")
}

// checkGroup refuses what a group cannot be.
//
// AWS: CreateGroup; names are case-sensitive and have letters, digits and dashes.
func (s *Service) checkGroup(ctx context.Context, scope record.Scope, g *groupRecord, insights *api.InsightsConfiguration) error {
	bad := strings.IndexFunc(g.Name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
	if g.Name == "" || len(g.Name) > 32 || bad >= 0 {
		return invalid("GroupName has 1 to 32 letters, digits, dashes and underscores")
	}
	if insights != nil && (isSet(insights.InsightsEnabled) || isSet(insights.NotificationsEnabled)) {
		return noInsights.refuse()
	}
	_, err := s.filter(ctx, scope, g.Filter)
	return err
}

func isSet(p *bool) bool { return p != nil && *p }

// CreateGroup makes a group.
func (s *Service) CreateGroup(ctx context.Context, in *api.CreateGroupInput) (*api.CreateGroupResponse, error) {
	scope := scopeOf(ctx)
	tags, err := newTags(in.Tags)
	if err != nil {
		return nil, err
	}
	id := record.NewID(32)
	g := groupRecord{Name: *in.GroupName, ID: strings.ToUpper(id), Filter: str(in.FilterExpression), Tags: tags}
	if err := s.checkGroup(ctx, scope, &g, in.InsightsConfiguration); err != nil {
		return nil, err
	}
	t := s.groupTable(scope)
	err = store.Update(ctx, s.st, func(c *store.Change) error {
		all, err := t.All(ctx)
		if err != nil {
			return err
		}
		exists := func(r store.Row[groupRecord]) bool { return r.Value.Name == g.Name }
		switch {
		case g.Name == defaultGroup, slices.ContainsFunc(all, exists):
			return invalid("A group with the name %s already exists", g.Name)
		case len(all) >= maxGroups:
			return invalid("The maximum number of groups has been reached")
		}
		c.Require(t.Absent(store.ID(g.Name)))
		store.Add(c, t, store.ID(g.Name), g)
		return nil
	})
	if err != nil {
		return nil, busy(err)
	}
	return &api.CreateGroupResponse{Group: g.shown(scope)}, nil
}

// busy words that others were faster each time.
func busy(err error) error {
	if errors.Is(err, store.ErrConflict) {
		return api.ThrottledException("Too many changes of this resource at once")
	}
	return err
}

// editGroup changes a group.
func (s *Service) editGroup(ctx context.Context, scope record.Scope, name string, change func(g *groupRecord) error) (groupRecord, error) {
	t := s.groupTable(scope)
	var next groupRecord
	err := store.Update(ctx, s.st, func(c *store.Change) error {
		rec, rev, err := s.findGroup(ctx, scope, name)
		if err != nil {
			return err
		}
		if rec.Name == defaultGroup {
			return invalid("The default group cannot be changed")
		}
		if err := change(&rec); err != nil {
			return err
		}
		next = rec
		c.Require(t.Is(store.ID(rec.Name), rev))
		store.Add(c, t, store.ID(rec.Name), rec)
		return nil
	})
	return next, busy(err)
}

// UpdateGroup changes the expression of a group.
func (s *Service) UpdateGroup(ctx context.Context, in *api.UpdateGroupInput) (*api.UpdateGroupResponse, error) {
	scope := scopeOf(ctx)
	name, err := oneGroup(in.GroupName, in.GroupARN)
	if err != nil {
		return nil, err
	}
	g, err := s.editGroup(ctx, scope, name, func(g *groupRecord) error {
		if in.FilterExpression != nil {
			g.Filter = *in.FilterExpression
		}
		return s.checkGroup(ctx, scope, g, in.InsightsConfiguration)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateGroupResponse{Group: g.shown(scope)}, nil
}

// DeleteGroup removes a group.
func (s *Service) DeleteGroup(ctx context.Context, in *api.DeleteGroupInput) error {
	scope := scopeOf(ctx)
	name, err := oneGroup(in.GroupName, in.GroupARN)
	if err != nil {
		return err
	}
	t := s.groupTable(scope)
	return busy(store.Update(ctx, s.st, func(c *store.Change) error {
		rec, rev, err := s.findGroup(ctx, scope, name)
		if err != nil {
			return err
		}
		if rec.Name == defaultGroup {
			return invalid("The default group cannot be deleted")
		}
		c.Require(t.Is(store.ID(rec.Name), rev))
		c.Do(t.Delete(store.ID(rec.Name)))
		return nil
	}))
}

// GetGroup returns a group.
func (s *Service) GetGroup(ctx context.Context, in *api.GetGroupInput) (*api.GetGroupResponse, error) {
	scope := scopeOf(ctx)
	name, err := oneGroup(in.GroupName, in.GroupARN)
	if err != nil {
		return nil, err
	}
	g, err := s.group(ctx, scope, name)
	if err != nil {
		return nil, err
	}
	return &api.GetGroupResponse{Group: g.shown(scope)}, nil
}

// GetGroups returns all groups.
func (s *Service) GetGroups(ctx context.Context, in *api.GetGroupsInput) (*api.GetGroupsResponse, error) {
	scope := scopeOf(ctx)
	rows, err := s.groupTable(scope).All(ctx)
	if err != nil {
		return nil, err
	}
	list := []api.GroupSummary{api.GroupSummary(*(&groupRecord{Name: defaultGroup}).shown(scope))}
	for i := range rows {
		list = append(list, api.GroupSummary(*rows[i].Value.shown(scope)))
	}
	page, next, ok := awsrpc.Page(list, func(g *api.GroupSummary) string { return *g.GroupName }, in.NextToken, groupsAPage)
	if !ok {
		return nil, errToken()
	}
	return &api.GetGroupsResponse{Groups: page, NextToken: next}, nil
}
