package iam

import (
	"context"
	"strings"

	api "gatehouse/internal/awsapi/iam"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/policy"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

func errNoUser(name string) error {
	return api.NoSuchEntity("The user with name " + name + " cannot be found.")
}

// userName is the user that an operation names, or the caller itself.
func userName(ctx context.Context, name *string) (string, error) {
	if name != nil {
		return *name, nil
	}
	c := awsrpc.CallerFrom(ctx)
	_, path, ok := strings.Cut(c.PrincipalARN, ":user/")
	if !ok || c.Root {
		return "", awsrpc.Validation("Must specify userName when calling with non-User credentials")
	}
	return path[strings.LastIndexByte(path, '/')+1:], nil
}

// CreateUser creates a user.
func (s *Service) CreateUser(ctx context.Context, in *api.CreateUserInput) (*api.CreateUserResponse, error) {
	name := str(in.UserName)
	path, err := checkPath(in.Path)
	if err == nil {
		err = checkName("userName", name, 64)
	}
	if err == nil {
		err = checkTags(in.Tags)
	}
	if err != nil {
		return nil, err
	}
	t := s.tables(ctx)
	user := record.IAMUser{Account: t.Account, User: api.User{
		UserName: &name, Path: &path, UserId: new(newID("AIDA")), Arn: resource(ctx, "user", path, name), CreateDate: now(), Tags: in.Tags,
	}}
	if user.PermissionsBoundary, err = s.boundary(ctx, t, in.PermissionsBoundary); err != nil {
		return nil, err
	}
	err = s.commit(ctx, func(c *store.Change) error {
		if _, rev, err := get(ctx, t.Users, name, nil); err != nil || rev != 0 {
			if err == nil {
				err = api.EntityAlreadyExists("User with name " + name + " already exists.")
			}
			return err
		}
		return create(c, t.Users, record.IdentityID(name), user)
	})
	return &api.CreateUserResponse{User: &user.User}, err
}

// GetUser returns a user, or the caller.
func (s *Service) GetUser(ctx context.Context, in *api.GetUserInput) (*api.GetUserResponse, error) {
	if c := awsrpc.CallerFrom(ctx); in.UserName == nil && c.Root {
		return &api.GetUserResponse{User: &api.User{Arn: &c.PrincipalARN, UserId: &c.Account, CreateDate: now()}}, nil
	}
	name, err := userName(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	user, _, err := get(ctx, s.tables(ctx).Users, name, errNoUser(name))
	return &api.GetUserResponse{User: &user.User}, err
}

// ListUsers lists users by name.
func (s *Service) ListUsers(ctx context.Context, in *api.ListUsersInput) (*api.ListUsersResponse, error) {
	recs, err := all(ctx, s.tables(ctx).Users)
	if err != nil {
		return nil, err
	}
	var users []api.User
	for i := range recs {
		if u := recs[i].User; below(u.Path, in.PathPrefix) {
			u.Tags, u.PermissionsBoundary = nil, nil // AWS: lists do not show them
			users = append(users, u)
		}
	}
	out := new(api.ListUsersResponse)
	out.Users, out.IsTruncated, out.Marker, err = page(users, func(u *api.User) string { return strings.ToLower(*u.UserName) }, in.Marker, in.MaxItems)
	return out, err
}

// UpdateUser renames a user or moves it to another path.
func (s *Service) UpdateUser(ctx context.Context, in *api.UpdateUserInput) error {
	t := s.tables(ctx)
	name := str(in.UserName)
	if in.NewUserName != nil {
		if err := checkName("newUserName", *in.NewUserName, 64); err != nil {
			return err
		}
	}
	return s.commit(ctx, func(c *store.Change) error {
		user, rev, err := get(ctx, t.Users, name, errNoUser(name))
		if err != nil {
			return err
		}
		if in.NewPath != nil {
			path, err := checkPath(in.NewPath)
			if err != nil {
				return err
			}
			user.Path = &path
		}
		next := name
		if in.NewUserName != nil {
			next = *in.NewUserName
		}
		user.UserName, user.Arn = &next, resource(ctx, "user", str(user.Path), next)
		if record.IdentityID(next) == record.IdentityID(name) {
			return replace(c, t.Users, record.IdentityID(name), user, rev)
		}
		if _, taken, err := get(ctx, t.Users, next, nil); err != nil || taken != 0 {
			if err == nil {
				err = api.EntityAlreadyExists("User with name " + next + " already exists.")
			}
			return err
		}
		keys, err := s.keysOf(ctx, t, name)
		if err != nil {
			return err
		}
		for _, k := range keys {
			k.Value.UserName = &next
			if err := replace(c, t.Keys, k.ID, k.Value, k.Rev); err != nil {
				return err
			}
		}
		remove(c, t.Users, record.IdentityID(name), rev)
		return create(c, t.Users, record.IdentityID(next), user)
	})
}

// DeleteUser deletes a user that nothing is attached to.
func (s *Service) DeleteUser(ctx context.Context, in *api.DeleteUserInput) error {
	t := s.tables(ctx)
	name := str(in.UserName)
	return s.commit(ctx, func(c *store.Change) error {
		user, rev, err := get(ctx, t.Users, name, errNoUser(name))
		if err != nil {
			return err
		}
		keys, err := s.keysOf(ctx, t, name)
		switch {
		case err != nil:
			return err
		case len(user.Groups) > 0:
			return api.DeleteConflict("Cannot delete entity, must remove user from groups first.")
		case len(keys) > 0:
			return api.DeleteConflict("Cannot delete entity, must delete access keys first.")
		}
		if err := checkDetached(&user.Attachments); err != nil {
			return err
		}
		remove(c, t.Users, record.IdentityID(name), rev)
		return nil
	})
}

// checkDetached refuses to delete what has policies.
func checkDetached(a *record.Attachments) error {
	switch {
	case len(a.Attached) > 0:
		return api.DeleteConflict("Cannot delete entity, must detach all policies first.")
	case len(a.Inline) > 0:
		return api.DeleteConflict("Cannot delete entity, must delete policies first.")
	}
	return nil
}

// boundary checks the policy that is to limit somebody.
func (s *Service) boundary(ctx context.Context, t record.Identities, name *string) (*api.AttachedPermissionsBoundary, error) {
	if name == nil {
		return nil, nil
	}
	if _, err := s.managed(ctx, t, *name); err != nil {
		return nil, err
	}
	return &api.AttachedPermissionsBoundary{PermissionsBoundaryArn: name, PermissionsBoundaryType: new("Policy")}, nil
}

// checkDocument checks a policy document of one kind.
func checkDocument(document *string, kind policy.Kind) error {
	d, err := policy.Parse([]byte(str(document)))
	if err == nil {
		err = d.Check(kind)
	}
	if err != nil {
		return api.MalformedPolicyDocument(err.Error())
	}
	return nil
}
