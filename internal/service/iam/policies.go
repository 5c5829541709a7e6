package iam

import (
	"context"

	api "gatehouse/internal/awsapi/iam"
	"gatehouse/internal/record"
)

// The operations on the policies of users, groups and roles: the same for each
// kind of holder, see attachment.go.

// PutUserPolicy adds or replaces an inline policy of a user.
func (s *Service) PutUserPolicy(ctx context.Context, in *api.PutUserPolicyInput) error {
	return s.putInline(ctx, record.KindUser, in.UserName, in.PolicyName, in.PolicyDocument)
}

// GetUserPolicy returns an inline policy of a user.
func (s *Service) GetUserPolicy(ctx context.Context, in *api.GetUserPolicyInput) (*api.GetUserPolicyResponse, error) {
	document, err := s.inline(ctx, record.KindUser, in.UserName, in.PolicyName)
	return &api.GetUserPolicyResponse{UserName: in.UserName, PolicyName: in.PolicyName, PolicyDocument: document}, err
}

// DeleteUserPolicy deletes an inline policy of a user.
func (s *Service) DeleteUserPolicy(ctx context.Context, in *api.DeleteUserPolicyInput) error {
	return s.deleteInline(ctx, record.KindUser, in.UserName, in.PolicyName)
}

// ListUserPolicies lists the names of the inline policies of a user.
func (s *Service) ListUserPolicies(ctx context.Context, in *api.ListUserPoliciesInput) (out *api.ListUserPoliciesResponse, err error) {
	out = new(api.ListUserPoliciesResponse)
	out.PolicyNames, out.IsTruncated, out.Marker, err = s.inlineNames(ctx, record.KindUser, in.UserName, in.Marker, in.MaxItems)
	return out, err
}

// AttachUserPolicy attaches a managed policy to a user.
func (s *Service) AttachUserPolicy(ctx context.Context, in *api.AttachUserPolicyInput) error {
	return s.attach(ctx, record.KindUser, in.UserName, in.PolicyArn)
}

// DetachUserPolicy detaches a managed policy from a user.
func (s *Service) DetachUserPolicy(ctx context.Context, in *api.DetachUserPolicyInput) error {
	return s.detach(ctx, record.KindUser, in.UserName, in.PolicyArn)
}

// ListAttachedUserPolicies lists the managed policies of a user.
func (s *Service) ListAttachedUserPolicies(ctx context.Context, in *api.ListAttachedUserPoliciesInput) (out *api.ListAttachedUserPoliciesResponse, err error) {
	out = new(api.ListAttachedUserPoliciesResponse)
	out.AttachedPolicies, out.IsTruncated, out.Marker, err = s.attached(ctx, record.KindUser, in.UserName, in.PathPrefix, in.Marker, in.MaxItems)
	return out, err
}

// PutUserPermissionsBoundary limits a user to what a policy allows.
func (s *Service) PutUserPermissionsBoundary(ctx context.Context, in *api.PutUserPermissionsBoundaryInput) error {
	return s.limit(ctx, record.KindUser, in.UserName, in.PermissionsBoundary)
}

// DeleteUserPermissionsBoundary removes the limit of a user.
func (s *Service) DeleteUserPermissionsBoundary(ctx context.Context, in *api.DeleteUserPermissionsBoundaryInput) error {
	return s.limit(ctx, record.KindUser, in.UserName, nil)
}

// PutGroupPolicy adds or replaces an inline policy of a group.
func (s *Service) PutGroupPolicy(ctx context.Context, in *api.PutGroupPolicyInput) error {
	return s.putInline(ctx, record.KindGroup, in.GroupName, in.PolicyName, in.PolicyDocument)
}

// GetGroupPolicy returns an inline policy of a group.
func (s *Service) GetGroupPolicy(ctx context.Context, in *api.GetGroupPolicyInput) (*api.GetGroupPolicyResponse, error) {
	document, err := s.inline(ctx, record.KindGroup, in.GroupName, in.PolicyName)
	return &api.GetGroupPolicyResponse{GroupName: in.GroupName, PolicyName: in.PolicyName, PolicyDocument: document}, err
}

// DeleteGroupPolicy deletes an inline policy of a group.
func (s *Service) DeleteGroupPolicy(ctx context.Context, in *api.DeleteGroupPolicyInput) error {
	return s.deleteInline(ctx, record.KindGroup, in.GroupName, in.PolicyName)
}

// ListGroupPolicies lists the names of the inline policies of a group.
func (s *Service) ListGroupPolicies(ctx context.Context, in *api.ListGroupPoliciesInput) (out *api.ListGroupPoliciesResponse, err error) {
	out = new(api.ListGroupPoliciesResponse)
	out.PolicyNames, out.IsTruncated, out.Marker, err = s.inlineNames(ctx, record.KindGroup, in.GroupName, in.Marker, in.MaxItems)
	return out, err
}

// AttachGroupPolicy attaches a managed policy to a group.
func (s *Service) AttachGroupPolicy(ctx context.Context, in *api.AttachGroupPolicyInput) error {
	return s.attach(ctx, record.KindGroup, in.GroupName, in.PolicyArn)
}

// DetachGroupPolicy detaches a managed policy from a group.
func (s *Service) DetachGroupPolicy(ctx context.Context, in *api.DetachGroupPolicyInput) error {
	return s.detach(ctx, record.KindGroup, in.GroupName, in.PolicyArn)
}

// ListAttachedGroupPolicies lists the managed policies of a group.
func (s *Service) ListAttachedGroupPolicies(ctx context.Context, in *api.ListAttachedGroupPoliciesInput) (out *api.ListAttachedGroupPoliciesResponse, err error) {
	out = new(api.ListAttachedGroupPoliciesResponse)
	out.AttachedPolicies, out.IsTruncated, out.Marker, err = s.attached(ctx, record.KindGroup, in.GroupName, in.PathPrefix, in.Marker, in.MaxItems)
	return out, err
}

// PutRolePolicy adds or replaces an inline policy of a role.
func (s *Service) PutRolePolicy(ctx context.Context, in *api.PutRolePolicyInput) error {
	return s.putInline(ctx, record.KindRole, in.RoleName, in.PolicyName, in.PolicyDocument)
}

// GetRolePolicy returns an inline policy of a role.
func (s *Service) GetRolePolicy(ctx context.Context, in *api.GetRolePolicyInput) (*api.GetRolePolicyResponse, error) {
	document, err := s.inline(ctx, record.KindRole, in.RoleName, in.PolicyName)
	return &api.GetRolePolicyResponse{RoleName: in.RoleName, PolicyName: in.PolicyName, PolicyDocument: document}, err
}

// DeleteRolePolicy deletes an inline policy of a role.
func (s *Service) DeleteRolePolicy(ctx context.Context, in *api.DeleteRolePolicyInput) error {
	return s.deleteInline(ctx, record.KindRole, in.RoleName, in.PolicyName)
}

// ListRolePolicies lists the names of the inline policies of a role.
func (s *Service) ListRolePolicies(ctx context.Context, in *api.ListRolePoliciesInput) (out *api.ListRolePoliciesResponse, err error) {
	out = new(api.ListRolePoliciesResponse)
	out.PolicyNames, out.IsTruncated, out.Marker, err = s.inlineNames(ctx, record.KindRole, in.RoleName, in.Marker, in.MaxItems)
	return out, err
}

// AttachRolePolicy attaches a managed policy to a role.
func (s *Service) AttachRolePolicy(ctx context.Context, in *api.AttachRolePolicyInput) error {
	return s.attach(ctx, record.KindRole, in.RoleName, in.PolicyArn)
}

// DetachRolePolicy detaches a managed policy from a role.
func (s *Service) DetachRolePolicy(ctx context.Context, in *api.DetachRolePolicyInput) error {
	return s.detach(ctx, record.KindRole, in.RoleName, in.PolicyArn)
}

// ListAttachedRolePolicies lists the managed policies of a role.
func (s *Service) ListAttachedRolePolicies(ctx context.Context, in *api.ListAttachedRolePoliciesInput) (out *api.ListAttachedRolePoliciesResponse, err error) {
	out = new(api.ListAttachedRolePoliciesResponse)
	out.AttachedPolicies, out.IsTruncated, out.Marker, err = s.attached(ctx, record.KindRole, in.RoleName, in.PathPrefix, in.Marker, in.MaxItems)
	return out, err
}

// PutRolePermissionsBoundary limits a role to what a policy allows.
func (s *Service) PutRolePermissionsBoundary(ctx context.Context, in *api.PutRolePermissionsBoundaryInput) error {
	return s.limit(ctx, record.KindRole, in.RoleName, in.PermissionsBoundary)
}

// DeleteRolePermissionsBoundary removes the limit of a role.
func (s *Service) DeleteRolePermissionsBoundary(ctx context.Context, in *api.DeleteRolePermissionsBoundaryInput) error {
	return s.limit(ctx, record.KindRole, in.RoleName, nil)
}
