package iam

import (
	"context"

	api "gatehouse/internal/awsapi/iam"
	"gatehouse/internal/record"
)

// GetAccountSummary counts what an account has, beside the quotas that hold.
// What there cannot be here, as MFA devices and certificates, is none.
func (s *Service) GetAccountSummary(ctx context.Context, _ *api.GetAccountSummaryInput) (*api.GetAccountSummaryResponse, error) {
	t := s.tables(ctx)
	counts := map[string]int32{
		"AccessKeysPerUserQuota": maxAccessKeys, "GroupsPerUserQuota": maxGroups, "PolicySizeQuota": maxManaged, "VersionsPerPolicyQuota": maxVersions,
		"AttachedPoliciesPerGroupQuota": maxAttached, "AttachedPoliciesPerRoleQuota": maxAttached, "AttachedPoliciesPerUserQuota": maxAttached,
		"UserPolicySizeQuota": int32(inlineQuota[record.KindUser]), "GroupPolicySizeQuota": int32(inlineQuota[record.KindGroup]),
		"RolePolicySizeQuota": int32(inlineQuota[record.KindRole]), "AssumeRolePolicySizeQuota": maxTrust,
		"Users": 0, "Groups": 0, "Roles": 0, "AccountMFAEnabled": 0, "AccountSigningCertificatesPresent": 0, "InstanceProfiles": 0,
		"MFADevices": 0, "MFADevicesInUse": 0, "Providers": 0, "ServerCertificates": 0,
	}
	err := eachHolder(ctx, t, func(h *holder) {
		counts[map[record.Kind]string{record.KindUser: "Users", record.KindGroup: "Groups", record.KindRole: "Roles"}[h.kind]]++
	})
	if err != nil {
		return nil, err
	}
	policies, err := all(ctx, t.Policies)
	if err != nil {
		return nil, err
	}
	attached, limits, err := usage(ctx, t)
	if err != nil {
		return nil, err
	}
	counts["Policies"], counts["PolicyVersionsInUse"] = int32(len(policies)), 0
	for i := range policies {
		if name := str(policies[i].Arn); attached[name]+limits[name] > 0 {
			counts["PolicyVersionsInUse"]++
		}
	}
	return &api.GetAccountSummaryResponse{SummaryMap: counts}, nil
}
