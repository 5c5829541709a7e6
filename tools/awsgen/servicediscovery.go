package main

// servicediscoveryOperations are all of Cloud Map's.
func servicediscoveryOperations() []string {
	return []string{
		"CreateHttpNamespace", "CreatePrivateDnsNamespace", "CreatePublicDnsNamespace", "CreateService", "DeleteNamespace", "DeleteService",
		"DeleteServiceAttributes", "DeregisterInstance", "DiscoverInstances", "DiscoverInstancesRevision", "GetInstance",
		"GetInstancesHealthStatus", "GetNamespace", "GetOperation", "GetService", "GetServiceAttributes", "ListInstances", "ListNamespaces",
		"ListOperations", "ListServices", "ListTagsForResource", "RegisterInstance", "TagResource", "UntagResource", "UpdateHttpNamespace",
		"UpdateInstanceCustomHealthStatus", "UpdatePrivateDnsNamespace", "UpdatePublicDnsNamespace", "UpdateService", "UpdateServiceAttributes",
	}
}

// servicediscoveryErrors are the errors that these operations declare.
//
// AWS: the errors sections of the API reference.
func servicediscoveryErrors() map[string]int {
	all := map[string]int{}
	for _, name := range []string{
		"CustomHealthNotFound", "DuplicateRequest", "InstanceNotFound", "InvalidInput", "NamespaceAlreadyExists", "NamespaceNotFound",
		"OperationNotFound", "RequestLimitExceeded", "ResourceInUse", "ResourceLimitExceeded", "ResourceNotFoundException",
		"ServiceAlreadyExists", "ServiceAttributesLimitExceededException", "ServiceNotFound", "TooManyTagsException",
	} {
		all[name] = 400
	}
	return all
}
