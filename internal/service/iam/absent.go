package iam

import (
	"context"

	api "gatehouse/internal/awsapi/iam"
	"gatehouse/internal/record"
)

// Tools ask for these things before they delete a user or a role. Gatehouse has
// none of them, and says so truthfully.

// ListInstanceProfilesForRole answers an empty list.
func (s *Service) ListInstanceProfilesForRole(ctx context.Context, in *api.ListInstanceProfilesForRoleInput) (*api.ListInstanceProfilesForRoleResponse, error) {
	_, err := s.hold(ctx, record.KindRole, in.RoleName)
	return &api.ListInstanceProfilesForRoleResponse{InstanceProfiles: []api.InstanceProfile{}, IsTruncated: new(false)}, err
}

// ListMFADevices answers an empty list.
func (s *Service) ListMFADevices(context.Context, *api.ListMFADevicesInput) (*api.ListMFADevicesResponse, error) {
	return &api.ListMFADevicesResponse{MFADevices: []api.MFADevice{}, IsTruncated: new(false)}, nil
}

// ListSSHPublicKeys answers an empty list.
func (s *Service) ListSSHPublicKeys(context.Context, *api.ListSSHPublicKeysInput) (*api.ListSSHPublicKeysResponse, error) {
	return &api.ListSSHPublicKeysResponse{SSHPublicKeys: []api.SSHPublicKeyMetadata{}, IsTruncated: new(false)}, nil
}

// ListSigningCertificates answers an empty list.
func (s *Service) ListSigningCertificates(context.Context, *api.ListSigningCertificatesInput) (*api.ListSigningCertificatesResponse, error) {
	return &api.ListSigningCertificatesResponse{Certificates: []api.SigningCertificate{}, IsTruncated: new(false)}, nil
}

// ListServiceSpecificCredentials answers an empty list.
func (s *Service) ListServiceSpecificCredentials(context.Context, *api.ListServiceSpecificCredentialsInput) (*api.ListServiceSpecificCredentialsResponse, error) {
	return &api.ListServiceSpecificCredentialsResponse{ServiceSpecificCredentials: []api.ServiceSpecificCredentialMetadata{}}, nil
}

// ListAccountAliases answers an empty list.
func (s *Service) ListAccountAliases(context.Context, *api.ListAccountAliasesInput) (*api.ListAccountAliasesResponse, error) {
	return &api.ListAccountAliasesResponse{AccountAliases: []string{}, IsTruncated: new(false)}, nil
}

// GetLoginProfile answers that there is none: users have no passwords.
func (s *Service) GetLoginProfile(_ context.Context, in *api.GetLoginProfileInput) (*api.GetLoginProfileResponse, error) {
	return nil, api.NoSuchEntity("Login Profile for User " + str(in.UserName) + " cannot be found.")
}

// ListEntitiesForPolicy lists who uses a policy.
func (s *Service) ListEntitiesForPolicy(ctx context.Context, in *api.ListEntitiesForPolicyInput) (*api.ListEntitiesForPolicyResponse, error) {
	t := s.tables(ctx)
	if _, err := s.anyPolicy(ctx, t, str(in.PolicyArn)); err != nil {
		return nil, err
	}
	out := &api.ListEntitiesForPolicyResponse{
		PolicyUsers: []api.PolicyUser{}, PolicyGroups: []api.PolicyGroup{}, PolicyRoles: []api.PolicyRole{}, IsTruncated: new(false),
	}
	err := eachHolder(ctx, t, func(h *holder) {
		if !h.uses(in) {
			return
		}
		switch h.kind {
		case record.KindUser:
			out.PolicyUsers = append(out.PolicyUsers, api.PolicyUser{UserName: &h.name, UserId: &h.id})
		case record.KindGroup:
			out.PolicyGroups = append(out.PolicyGroups, api.PolicyGroup{GroupName: &h.name, GroupId: &h.id})
		case record.KindRole:
			out.PolicyRoles = append(out.PolicyRoles, api.PolicyRole{RoleName: &h.name, RoleId: &h.id})
		}
	})
	return out, err
}

// uses reports whether the holder is among what the call asks for.
func (h *holder) uses(in *api.ListEntitiesForPolicyInput) bool {
	if !below(&h.path, in.PathPrefix) {
		return false
	}
	if f := str(in.EntityFilter); f != "" && map[string]record.Kind{"User": record.KindUser, "Group": record.KindGroup, "Role": record.KindRole}[f] != h.kind {
		return false
	}
	limited := h.boundary != nil && str(h.boundary.PermissionsBoundaryArn) == str(in.PolicyArn)
	attached := false
	for _, name := range h.Attached {
		attached = attached || name == str(in.PolicyArn)
	}
	switch str(in.PolicyUsageFilter) {
	case "PermissionsBoundary":
		return limited
	case "PermissionsPolicy":
		return attached
	}
	return limited || attached
}
