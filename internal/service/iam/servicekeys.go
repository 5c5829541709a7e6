package iam

import (
	"cmp"
	"slices"
	"strings"

	"gatehouse/internal/awsapi/acm"
	"gatehouse/internal/policy"
)

// memberKeys are condition keys of services that are a member of the input.
//
// AWS: service authorization reference of each service.
var memberKeys = map[string]string{
	"cloudformation:changesetname": "ChangeSetName", "cloudformation:rolearn": "RoleARN",
	"cloudformation:stackpolicyurl": "StackPolicyURL", "cloudformation:templateurl": "TemplateURL",
	"cloudwatch:namespace":           "Namespace",
	"iam:permissionsboundary":        "PermissionsBoundary",
	"iam:policyarn":                  "PolicyArn",
	"servicediscovery:namespacename": "NamespaceName", "servicediscovery:servicename": "ServiceName",
	"ssm:overwrite": "Overwrite", "ssm:recursive": "Recursive",
}

// untold are condition keys that AWS has for these operations, and Gatehouse cannot
// tell; for others they are not there, on AWS either.
//
// AWS: service authorization reference of each service.
var untold = map[string][]string{
	"cloudformation:importresourcetypes":  {"CreateChangeSet"},
	"cloudformation:resourcetypes":        {"CreateChangeSet", "CreateStack", "UpdateStack"},
	"cloudwatch:alarmactions":             {"PutCompositeAlarm", "PutMetricAlarm"},
	"lambda:codesigningconfigarn":         {"CreateFunction", "UpdateFunctionConfiguration"},
	"lambda:functionurlauthtype":          {"AddPermission", "RemovePermission"},
	"lambda:invokedviafunctionurl":        {"AddPermission"},
	"lambda:layer":                        {"CreateFunction", "UpdateFunctionConfiguration"},
	"lambda:principal":                    {"AddPermission", "RemovePermission"},
	"lambda:securitygroupids":             {"CreateFunction", "UpdateFunctionConfiguration"},
	"lambda:subnetids":                    {"CreateFunction", "UpdateFunctionConfiguration"},
	"lambda:vpcids":                       {"CreateFunction", "UpdateFunctionConfiguration"},
	"logs:deliverydestinationresourcearn": {"PutDeliveryDestination"},
	"logs:destinationarn":                 {"PutSubscriptionFilter"},
	"logs:loggeneratingresourcearns":      {"PutDeliverySource"},
	"servicediscovery:namespacearn":       {"CreateService"},
	"servicediscovery:servicearn":         {"DeregisterInstance", "RegisterInstance", "UpdateInstanceCustomHealthStatus"},
	"ssm:policies":                        {"PutParameter"},
}

// ofService returns the values of a key that only calls of one service have. known
// is false if it is none.
func (k *callKeys) ofService(name string) (v policy.Values, ok, known bool) {
	service, key, _ := strings.Cut(name, ":")
	if service == "aws" || service != k.call.API {
		return v, false, false
	}
	if member := memberKeys[name]; member != "" {
		return policy.One(k.call.Form.Get(member)), k.call.Form.Has(member), true
	}
	if slices.Contains(untold[name], k.call.Operation) || strings.HasPrefix(key, "resourcetag/") && service != "apigateway" {
		k.unknown = name
		return v, false, true
	}
	if service == "acm" && k.call.Operation == "RequestCertificate" {
		return k.ofCertificate(key)
	}
	return v, false, false
}

// ofCertificate returns what is asked for of a new certificate, as it will be.
//
// AWS: "Use condition keys with ACM".
func (k *callKeys) ofCertificate(key string) (v policy.Values, ok, known bool) {
	form := k.call.Form
	switch key {
	case "domainnames":
		names := slices.Concat(form["DomainName"], form["SubjectAlternativeNames"])
		for i := range names {
			names[i] = strings.ToLower(names[i])
		}
		return policy.Many(names), len(names) > 0, true
	case "keyalgorithm":
		return policy.One(cmp.Or(form.Get("KeyAlgorithm"), acm.KeyAlgorithmRsa2048)), true, true
	case "validationmethod":
		return policy.One(cmp.Or(form.Get("ValidationMethod"), acm.ValidationMethodDns)), true, true
	case "certificatetransparencylogging":
		return policy.One(acm.CertificateTransparencyLoggingPreferenceDisabled), true, true
	}
	return v, false, false
}
