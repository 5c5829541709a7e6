package main

// What is generated of the awsQuery services. IAM has 180 operations; those of
// a gateway's operator are these. The status codes of errors are those of the
// API references.

func iamOperations() []string {
	return []string{
		"CreateUser", "GetUser", "ListUsers", "UpdateUser", "DeleteUser", "TagUser", "UntagUser", "ListUserTags",
		"CreateAccessKey", "ListAccessKeys", "UpdateAccessKey", "DeleteAccessKey", "GetAccessKeyLastUsed",
		"CreateGroup", "GetGroup", "ListGroups", "UpdateGroup", "DeleteGroup", "AddUserToGroup", "RemoveUserFromGroup", "ListGroupsForUser",
		"CreateRole", "GetRole", "ListRoles", "UpdateRole", "UpdateRoleDescription", "UpdateAssumeRolePolicy", "DeleteRole", "TagRole", "UntagRole", "ListRoleTags",
		"CreatePolicy", "GetPolicy", "ListPolicies", "DeletePolicy", "TagPolicy", "UntagPolicy", "ListPolicyTags", "ListEntitiesForPolicy",
		"CreatePolicyVersion", "GetPolicyVersion", "ListPolicyVersions", "DeletePolicyVersion", "SetDefaultPolicyVersion",
		"PutUserPolicy", "GetUserPolicy", "ListUserPolicies", "DeleteUserPolicy",
		"PutGroupPolicy", "GetGroupPolicy", "ListGroupPolicies", "DeleteGroupPolicy",
		"PutRolePolicy", "GetRolePolicy", "ListRolePolicies", "DeleteRolePolicy",
		"AttachUserPolicy", "DetachUserPolicy", "ListAttachedUserPolicies",
		"AttachGroupPolicy", "DetachGroupPolicy", "ListAttachedGroupPolicies",
		"AttachRolePolicy", "DetachRolePolicy", "ListAttachedRolePolicies",
		"PutUserPermissionsBoundary", "DeleteUserPermissionsBoundary", "PutRolePermissionsBoundary", "DeleteRolePermissionsBoundary",
		"SimulatePrincipalPolicy", "SimulateCustomPolicy", "ListAccountAliases", "GetAccountSummary",
		"ListInstanceProfilesForRole", "ListSSHPublicKeys", "ListSigningCertificates", "ListServiceSpecificCredentials",
		"ListMFADevices", "GetLoginProfile",
	}
}

func iamErrors() map[string]int {
	return map[string]int{
		"NoSuchEntity": 404, "EntityAlreadyExists": 409, "DeleteConflict": 409, "LimitExceeded": 409, "MalformedPolicyDocument": 400,
		"InvalidInput": 400, "PolicyEvaluation": 500, "PolicyNotAttachable": 400, "UnmodifiableEntity": 400, "ConcurrentModification": 409,
	}
}

func stsOperations() []string {
	return []string{"AssumeRole", "GetCallerIdentity", "GetSessionToken", "GetFederationToken", "GetAccessKeyInfo"}
}

func stsErrors() map[string]int {
	return map[string]int{"MalformedPolicyDocument": 400, "PackedPolicyTooLarge": 400, "ExpiredToken": 400, "RegionDisabled": 403}
}

func cloudformationOperations() []string {
	return []string{
		"CreateStack", "UpdateStack", "DeleteStack", "DescribeStacks", "DescribeStackEvents", "DescribeStackResources",
		"DescribeStackResource", "ListStackResources", "ListStacks", "GetTemplate", "GetTemplateSummary", "ValidateTemplate",
		"CreateChangeSet", "DescribeChangeSet", "ExecuteChangeSet", "DeleteChangeSet", "ListChangeSets", "ListExports", "ListImports", "UpdateTerminationProtection",
		"CancelUpdateStack", "ContinueUpdateRollback", "RollbackStack", "SetStackPolicy", "GetStackPolicy", "SignalResource", "DescribeChangeSetHooks", "DescribeAccountLimits",
		"DetectStackDrift", "DetectStackResourceDrift", "DescribeStackDriftDetectionStatus", "DescribeStackResourceDrifts",
	}
}

func cloudformationErrors() map[string]int {
	return map[string]int{
		"AlreadyExistsException": 400, "ChangeSetNotFound": 404, "InvalidChangeSetStatus": 400, "LimitExceededException": 400,
		"InsufficientCapabilitiesException": 400, "TokenAlreadyExistsException": 400,
	}
}
