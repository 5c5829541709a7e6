package iam

import (
	"context"
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/iam"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// AWS: quota of the groups of a user.
const maxGroups = 10

func errNoGroup(name string) error {
	return api.NoSuchEntity("The group with name " + name + " cannot be found.")
}

// CreateGroup creates a group.
func (s *Service) CreateGroup(ctx context.Context, in *api.CreateGroupInput) (*api.CreateGroupResponse, error) {
	name := str(in.GroupName)
	path, err := checkPath(in.Path)
	if err == nil {
		err = checkName("groupName", name, 128)
	}
	if err != nil {
		return nil, err
	}
	t := s.tables(ctx)
	group := record.IAMGroup{Account: t.Account, Group: api.Group{
		GroupName: &name, Path: &path, GroupId: new(newID("AGPA")), Arn: resource(ctx, "group", path, name), CreateDate: now(),
	}}
	err = s.commit(ctx, func(c *store.Change) error {
		if _, rev, err := get(ctx, t.Groups, name, nil); err != nil || rev != 0 {
			if err == nil {
				err = api.EntityAlreadyExists("Group with name " + name + " already exists.")
			}
			return err
		}
		return create(c, t.Groups, record.IdentityID(name), group)
	})
	return &api.CreateGroupResponse{Group: &group.Group}, err
}

// members returns the users of a group, by name.
func members(ctx context.Context, t record.Identities, group string) ([]api.User, error) {
	recs, err := all(ctx, t.Users)
	var users []api.User
	for i := range recs {
		if slices.Contains(recs[i].Groups, strings.ToLower(group)) {
			users = append(users, recs[i].User)
		}
	}
	return users, err
}

// GetGroup returns a group and its members.
func (s *Service) GetGroup(ctx context.Context, in *api.GetGroupInput) (*api.GetGroupResponse, error) {
	t := s.tables(ctx)
	group, _, err := get(ctx, t.Groups, str(in.GroupName), errNoGroup(str(in.GroupName)))
	if err != nil {
		return nil, err
	}
	users, err := members(ctx, t, str(in.GroupName))
	if err != nil {
		return nil, err
	}
	out := &api.GetGroupResponse{Group: &group.Group}
	out.Users, out.IsTruncated, out.Marker, err = page(users, func(u *api.User) string { return strings.ToLower(*u.UserName) }, in.Marker, in.MaxItems)
	return out, err
}

// ListGroups lists groups by name.
func (s *Service) ListGroups(ctx context.Context, in *api.ListGroupsInput) (*api.ListGroupsResponse, error) {
	recs, err := all(ctx, s.tables(ctx).Groups)
	if err != nil {
		return nil, err
	}
	var groups []api.Group
	for i := range recs {
		if below(recs[i].Path, in.PathPrefix) {
			groups = append(groups, recs[i].Group)
		}
	}
	out := &api.ListGroupsResponse{}
	out.Groups, out.IsTruncated, out.Marker, err = page(groups, groupKey, in.Marker, in.MaxItems)
	return out, err
}

func groupKey(g *api.Group) string { return strings.ToLower(*g.GroupName) }

// DeleteGroup deletes a group that has neither members nor policies.
func (s *Service) DeleteGroup(ctx context.Context, in *api.DeleteGroupInput) error {
	t := s.tables(ctx)
	name := str(in.GroupName)
	return s.commit(ctx, func(c *store.Change) error {
		group, rev, err := get(ctx, t.Groups, name, errNoGroup(name))
		if err != nil {
			return err
		}
		users, err := members(ctx, t, name)
		if err != nil {
			return err
		}
		if len(users) > 0 {
			return api.DeleteConflict("Cannot delete entity, must remove users from group first.")
		}
		if err := checkDetached(&group.Attachments); err != nil {
			return err
		}
		remove(c, t.Groups, record.IdentityID(name), rev)
		return nil
	})
}

// AddUserToGroup makes a user a member.
func (s *Service) AddUserToGroup(ctx context.Context, in *api.AddUserToGroupInput) error {
	return s.membership(ctx, in.GroupName, in.UserName, func(groups []string, name string) []string {
		if slices.Contains(groups, name) {
			return groups
		}
		return append(groups, name)
	})
}

// RemoveUserFromGroup ends a membership.
func (s *Service) RemoveUserFromGroup(ctx context.Context, in *api.RemoveUserFromGroupInput) error {
	return s.membership(ctx, in.GroupName, in.UserName, func(groups []string, name string) []string {
		return slices.DeleteFunc(groups, func(g string) bool { return g == name })
	})
}

func (s *Service) membership(ctx context.Context, group, user *string, edit func([]string, string) []string) error {
	t := s.tables(ctx)
	return s.commit(ctx, func(c *store.Change) error {
		g, groupRev, err := get(ctx, t.Groups, str(group), errNoGroup(str(group)))
		if err != nil {
			return err
		}
		u, rev, err := get(ctx, t.Users, str(user), errNoUser(str(user)))
		if err != nil {
			return err
		}
		u.Groups = edit(u.Groups, strings.ToLower(str(g.GroupName)))
		if len(u.Groups) > maxGroups {
			return api.LimitExceeded("Cannot exceed quota for GroupsPerUser: " + itoa(maxGroups))
		}
		// Put again, so that it cannot be deleted meanwhile.
		if err := replace(c, t.Groups, record.IdentityID(str(group)), g, groupRev); err != nil {
			return err
		}
		return replace(c, t.Users, record.IdentityID(str(user)), u, rev)
	})
}

// ListGroupsForUser lists the groups of a user.
func (s *Service) ListGroupsForUser(ctx context.Context, in *api.ListGroupsForUserInput) (*api.ListGroupsForUserResponse, error) {
	t := s.tables(ctx)
	u, _, err := get(ctx, t.Users, str(in.UserName), errNoUser(str(in.UserName)))
	if err != nil {
		return nil, err
	}
	var groups []api.Group
	for _, name := range slices.Sorted(slices.Values(u.Groups)) {
		g, _, err := get(ctx, t.Groups, name, errNoGroup(name))
		if err != nil {
			return nil, err
		}
		groups = append(groups, g.Group)
	}
	out := &api.ListGroupsForUserResponse{}
	out.Groups, out.IsTruncated, out.Marker, err = page(groups, groupKey, in.Marker, in.MaxItems)
	return out, err
}

// UpdateGroup renames a group or moves it to another path. Its members stay.
func (s *Service) UpdateGroup(ctx context.Context, in *api.UpdateGroupInput) error {
	t := s.tables(ctx)
	name := str(in.GroupName)
	if in.NewGroupName != nil {
		if err := checkName("newGroupName", *in.NewGroupName, 128); err != nil {
			return err
		}
	}
	return s.commit(ctx, func(c *store.Change) error {
		group, rev, err := get(ctx, t.Groups, name, errNoGroup(name))
		if err != nil {
			return err
		}
		if in.NewPath != nil {
			path, err := checkPath(in.NewPath)
			if err != nil {
				return err
			}
			group.Path = &path
		}
		next := str(group.GroupName)
		if in.NewGroupName != nil {
			next = *in.NewGroupName
		}
		group.GroupName, group.Arn = &next, resource(ctx, "group", str(group.Path), next)
		if record.IdentityID(next) == record.IdentityID(name) {
			return replace(c, t.Groups, record.IdentityID(name), group, rev)
		}
		if _, taken, err := get(ctx, t.Groups, next, nil); err != nil || taken != 0 {
			if err == nil {
				err = api.EntityAlreadyExists("Group with name " + next + " already exists.")
			}
			return err
		}
		remove(c, t.Groups, record.IdentityID(name), rev)
		if err := create(c, t.Groups, record.IdentityID(next), group); err != nil {
			return err
		}
		return renameMembership(ctx, c, t, strings.ToLower(name), strings.ToLower(next))
	})
}

// renameMembership puts the new name of a group into its members.
func renameMembership(ctx context.Context, c *store.Change, t record.Identities, name, next string) error {
	rows, err := t.Users.List(ctx, "", "", 0)
	if err != nil {
		return err
	}
	for i := range rows.Rows {
		row := &rows.Rows[i]
		at := slices.Index(row.Value.Groups, name)
		if at < 0 {
			continue
		}
		row.Value.Groups = slices.Clone(row.Value.Groups)
		row.Value.Groups[at] = next
		if err := replace(c, t.Users, row.ID, row.Value, row.Rev); err != nil {
			return err
		}
	}
	return nil
}
