package iam

import (
	"context"
	"strings"
	"unicode/utf8"

	api "gatehouse/internal/awsapi/iam"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/policy"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// AWS: quotas of IAM, "ACLSizePerRole" and the maximum session duration.
const (
	maxTrust      = 2048
	minSession    = 3600
	maxSession    = 12 * 3600
	sessionLength = "Member must have value greater than or equal to 3600"
)

func errNoRole(name string) error {
	return api.NoSuchEntity("The role with name " + name + " cannot be found.")
}

// CreateRole creates a role.
func (s *Service) CreateRole(ctx context.Context, in *api.CreateRoleInput) (*api.CreateRoleResponse, error) {
	name := str(in.RoleName)
	path, err := checkPath(in.Path)
	if err == nil {
		err = checkName("roleName", name, 64)
	}
	if err == nil {
		err = checkTags(in.Tags)
	}
	if err == nil {
		err = s.checkRole(in.AssumeRolePolicyDocument, in.Description, in.MaxSessionDuration)
	}
	if err != nil {
		return nil, err
	}
	duration := in.MaxSessionDuration
	if duration == nil {
		duration = new(int32(minSession))
	}
	t := s.tables(ctx)
	role := record.IAMRole{Account: t.Account, Role: api.Role{
		RoleName: &name, Path: &path, RoleId: new(newID("AROA")), Arn: resource(ctx, "role", path, name), CreateDate: now(),
		Description: in.Description, MaxSessionDuration: duration, Tags: in.Tags,
	}}
	if role.PermissionsBoundary, err = s.boundary(ctx, t, in.PermissionsBoundary); err != nil {
		return nil, err
	}
	if role.AssumeRolePolicyDocument, err = bindTrust(ctx, t, in.AssumeRolePolicyDocument); err != nil {
		return nil, err
	}
	err = s.commit(ctx, func(c *store.Change) error {
		if _, rev, err := get(ctx, t.Roles, name, nil); err != nil || rev != 0 {
			if err == nil {
				err = api.EntityAlreadyExists("Role with name " + name + " already exists.")
			}
			return err
		}
		return create(c, t.Roles, record.IdentityID(name), role)
	})
	if err == nil {
		err = showTrust(ctx, t, &role.Role)
	}
	return &api.CreateRoleResponse{Role: &role.Role}, err
}

func (s *Service) checkRole(trust, description *string, duration *int32) error {
	if trust != nil {
		if err := checkDocument(trust, policy.Trust); err != nil {
			return err
		}
		if policy.Size([]byte(*trust)) > maxTrust {
			return api.LimitExceeded("Cannot exceed quota for ACLSizePerRole: " + itoa(maxTrust))
		}
	}
	if utf8.RuneCountInString(str(description)) > 1000 {
		return awsrpc.Validation("1 validation error detected: Value at 'description' failed to satisfy constraint: Member must have length less than or equal to 1000")
	}
	if duration != nil && (*duration < minSession || *duration > maxSession) {
		what := sessionLength
		if *duration > maxSession {
			what = "Member must have value less than or equal to " + itoa(maxSession)
		}
		return awsrpc.Validation("1 validation error detected: Value '" + itoa(int(*duration)) + "' at 'maxSessionDuration' failed to satisfy constraint: " + what)
	}
	return nil
}

// GetRole returns a role.
func (s *Service) GetRole(ctx context.Context, in *api.GetRoleInput) (*api.GetRoleResponse, error) {
	t := s.tables(ctx)
	role, _, err := get(ctx, t.Roles, str(in.RoleName), errNoRole(str(in.RoleName)))
	if err != nil {
		return nil, err
	}
	role.RoleLastUsed = &api.RoleLastUsed{}
	err = showTrust(ctx, t, &role.Role)
	return &api.GetRoleResponse{Role: &role.Role}, err
}

// ListRoles lists roles by name.
func (s *Service) ListRoles(ctx context.Context, in *api.ListRolesInput) (*api.ListRolesResponse, error) {
	t := s.tables(ctx)
	recs, err := all(ctx, t.Roles)
	if err != nil {
		return nil, err
	}
	var roles []api.Role
	for i := range recs {
		if r := recs[i].Role; below(r.Path, in.PathPrefix) {
			r.Tags, r.PermissionsBoundary = nil, nil // AWS: lists do not show them
			roles = append(roles, r)
		}
	}
	out := &api.ListRolesResponse{}
	out.Roles, out.IsTruncated, out.Marker, err = page(roles, func(r *api.Role) string { return strings.ToLower(*r.RoleName) }, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	shown := make([]*api.Role, len(out.Roles))
	for i := range out.Roles {
		shown[i] = &out.Roles[i]
	}
	return out, showTrust(ctx, t, shown...)
}

// editRole changes a role.
func (s *Service) editRole(ctx context.Context, name *string, edit func(r *record.IAMRole) error) (record.IAMRole, error) {
	t := s.tables(ctx)
	var role record.IAMRole
	err := s.commit(ctx, func(c *store.Change) (err error) {
		rec, rev, err := get(ctx, t.Roles, str(name), errNoRole(str(name)))
		if err != nil {
			return err
		}
		role = rec
		if err := edit(&role); err != nil {
			return err
		}
		return replace(c, t.Roles, record.IdentityID(str(name)), role, rev)
	})
	return role, err
}

// UpdateRole changes the description and the longest session of a role.
func (s *Service) UpdateRole(ctx context.Context, in *api.UpdateRoleInput) error {
	_, err := s.editRole(ctx, in.RoleName, func(r *record.IAMRole) error {
		if in.Description != nil {
			r.Description = in.Description
		}
		if in.MaxSessionDuration != nil {
			r.MaxSessionDuration = in.MaxSessionDuration
		}
		return s.checkRole(nil, in.Description, in.MaxSessionDuration)
	})
	return err
}

// UpdateRoleDescription changes the description of a role.
func (s *Service) UpdateRoleDescription(ctx context.Context, in *api.UpdateRoleDescriptionInput) (*api.UpdateRoleDescriptionResponse, error) {
	role, err := s.editRole(ctx, in.RoleName, func(r *record.IAMRole) error {
		r.Description = in.Description
		return s.checkRole(nil, in.Description, nil)
	})
	if err == nil {
		err = showTrust(ctx, s.tables(ctx), &role.Role)
	}
	return &api.UpdateRoleDescriptionResponse{Role: &role.Role}, err
}

// UpdateAssumeRolePolicy changes who may assume a role.
func (s *Service) UpdateAssumeRolePolicy(ctx context.Context, in *api.UpdateAssumeRolePolicyInput) error {
	if err := s.checkRole(in.PolicyDocument, nil, nil); err != nil {
		return err
	}
	_, err := s.editRole(ctx, in.RoleName, func(r *record.IAMRole) (err error) {
		r.AssumeRolePolicyDocument, err = bindTrust(ctx, s.tables(ctx), in.PolicyDocument)
		return err
	})
	return err
}

// DeleteRole deletes a role that has no policies.
func (s *Service) DeleteRole(ctx context.Context, in *api.DeleteRoleInput) error {
	t := s.tables(ctx)
	name := str(in.RoleName)
	return s.commit(ctx, func(c *store.Change) error {
		role, rev, err := get(ctx, t.Roles, name, errNoRole(name))
		if err != nil {
			return err
		}
		if err := checkDetached(&role.Attachments); err != nil {
			return err
		}
		remove(c, t.Roles, record.IdentityID(name), rev)
		return nil
	})
}
