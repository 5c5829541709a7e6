package iam

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/arn"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/identity"
	"gatehouse/internal/policy"
)

// Access lets the callers of the AWS APIs in: it knows their keys, and decides
// by their policies what they may call.
type Access struct {
	root awsrpc.Credential
	reg  *identity.Registry

	// Stage returns the API and the stage that a host and a path lead to, for
	// calls of @connections; nil: the host names the API.
	Stage func(host, path string) (api, stage string, ok bool)

	// Resources finds out what policies may ask about the thing that a call of
	// API Gateway is about; nil: such conditions let nobody in.
	Resources *Resources
	// Buckets gives the policies of buckets; nil: there are none.
	Buckets BucketPolicies
	// ChangeSets finds the stacks of change sets; nil: there are none.
	ChangeSets ChangeSets
}

// ChangeSets knows the stacks of change sets of CloudFormation.
type ChangeSets interface {
	// StackOf returns the ARN of the stack that a change set is of, by the set's
	// ARN; empty: there is no such set.
	StackOf(ctx context.Context, account, region, changeSet string) (string, error)
}

var (
	_ awsrpc.Credentials = (*Access)(nil)
	_ awsrpc.Authorizer  = (*Access)(nil)
)

// NewAccess returns the access of root, who may do everything, and of all whom
// reg knows.
func NewAccess(root awsrpc.Credential, reg *identity.Registry) *Access {
	return &Access{root: root, reg: reg}
}

// Lookup returns the credential of an access key and its session token.
func (a *Access) Lookup(accessKey, token string) (awsrpc.Credential, bool) {
	if c, ok := a.root.Lookup(accessKey, token); ok {
		return c, true
	}
	c, ok := a.reg.Find(accessKey, token)
	if !ok {
		return awsrpc.Credential{}, false
	}
	return awsrpc.Credential{
		AccessKey: c.AccessKey, SecretKey: awsrpc.Secret(c.Secret.Reveal()), SessionToken: awsrpc.Secret(c.Token.Reveal()), Expires: c.Expires,
		AccountID: c.Principal.Account, PrincipalARN: c.Principal.ARN, UserID: c.Principal.UserID, Root: c.Principal.Root, Keys: &c.Keys,
	}, true
}

// Authorize decides about a call by the caller's policies.
func (a *Access) Authorize(ctx context.Context, c *awsrpc.Call) error {
	who, err := a.principal(&c.Caller)
	switch {
	case err != nil:
		return err
	case c.API == "s3":
		return a.policyOf(ctx, c.Labels["Bucket"]).authorize(c, who)
	case c.Caller.Root:
		return nil
	case c.API == "sts" && (c.Operation == "GetCallerIdentity" || c.Operation == "GetSessionToken"):
		// AWS: nobody needs a permission for these, and no policy can deny
		// them (API_GetCallerIdentity, API_GetSessionToken).
		return nil
	case c.API == "sts" && c.Operation == "AssumeRole":
		return nil // decided with the role's trust policy, by its service
	case who.Temporary && c.API == "iam":
		// AWS: credentials of GetSessionToken cannot call IAM without MFA.
		return &awsrpc.Error{Code: "UnrecognizedClientException", Status: 403, Message: "The security token included in the request is invalid"}
	}
	action, resource := a.target(c)
	resources := []string{resource}
	switch c.API {
	case "cloudwatch":
		resources = alarmResources(c)
	case "ssm":
		resources = parameterResources(c)
	case "logs":
		resources = logsResources(c)
	case "cloudtrail":
		resources = trailResources(c)
	case "cloudformation":
		stack, err := a.stackResource(ctx, c)
		if err != nil {
			return err
		}
		resources = []string{stack}
	}
	for _, resource := range resources {
		resource = canonical(resource, c.Caller.Region)
		keys := &callKeys{call: c, who: who, resources: a.Resources, ctx: ctx}
		r := policy.Request{Principal: who.Principal, Action: action, Resource: resource, Now: time.Now(), Keys: keys}
		verdict := who.Decide(&r, nil, false)
		if keys.unknown != "" { // a statement that denies may have asked for it
			return denied(c, who.ARN, action, resource, keys.undecided())
		}
		if !verdict.Allowed {
			return denied(c, who.ARN, action, resource, string(verdict.AppendReason(nil, action)))
		}
	}
	return nil
}

// denied is the refusal of a call, which ends in a reason.
//
// AWS: websocket-execution.md §9 and aws-solutions/innovation-sandbox-on-aws#59: the
// data plane has a name of its own for the message, and masks the account.
func denied(c *awsrpc.Call, who, action, resource, reason string) error {
	err := &awsrpc.Error{Code: "AccessDeniedException", Status: 403}
	if c.API == "apigatewaymanagementapi" {
		err.MessageName = "Message"
		if a, bad := arn.Parse(resource); bad == nil && len(a.Account) == 12 {
			a.Account = "********" + a.Account[8:]
			resource = a.String()
		}
	}
	err.Message = "User: " + who + " is not authorized to perform: " + action + " on resource: " + resource + reason
	return err
}

// principal returns who a caller is now.
func (a *Access) principal(c *awsrpc.Caller) (*identity.Principal, error) {
	if c.Root {
		return rootOf(c), nil
	}
	cred, ok := a.reg.Find(c.AccessKey, c.SessionToken.Reveal())
	switch {
	case !ok: // deleted since its signature was verified
		return nil, &awsrpc.Error{Code: "UnrecognizedClientException", Status: 403, Message: "The security token included in the request is invalid."}
	case cred.Expired(time.Now()): // since then, as CloudFormation works on for it
		return nil, &awsrpc.Error{Code: "ExpiredTokenException", Status: 403, Message: "The security token included in the request is expired"}
	}
	return cred.Principal, nil
}

// canonical is an ARN, which a caller may have written, with the partition of its
// Region: services do not look at that, so that it must not decide either.
func canonical(resource, region string) string {
	name, err := arn.Parse(resource)
	if err != nil {
		return resource
	}
	name.Partition = arn.Partition(cmp.Or(name.Region, region))
	return name.String()
}

// alarmResources are the ARNs of the alarms that a call of CloudWatch is about.
//
// AWS: service authorization reference of CloudWatch: metrics are no resources;
// DescribeAlarms is about all alarms, whichever it names.
func alarmResources(c *awsrpc.Call) []string {
	names := slices.Concat(c.Form["AlarmName"], c.Form["AlarmNames"])
	switch {
	case c.Operation == "DescribeAlarms" || c.Operation == "DescribeAlarmHistory" && len(names) == 0:
		names = []string{"*"}
	case strings.HasPrefix(c.Form.Get("ResourceARN"), "arn:"):
		return []string{c.Form.Get("ResourceARN")}
	case len(names) == 0:
		return []string{"*"}
	}
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = arn.ARN{Partition: arn.Partition(c.Caller.Region), Service: "cloudwatch", Region: c.Caller.Region, Account: c.Caller.Account, Resource: "alarm:" + name}.String()
	}
	return list
}

// target returns the action and the resource of a call.
//
// AWS: the service authorization reference names both for each operation.
func (a *Access) target(c *awsrpc.Call) (action, resource string) {
	caller := c.Caller
	switch c.API {
	case "apigateway", "apigatewayv2":
		// The action is the HTTP method, the resource the path; paths of the
		// second version are named without /v2.
		name := arn.ARN{Partition: arn.Partition(caller.Region), Service: "apigateway", Region: caller.Region, Resource: strings.TrimPrefix(canonicalPath(c), "/v2")}
		return "apigateway:" + c.Method, name.String()
	case "apigatewaymanagementapi":
		name := arn.ARN{Partition: arn.Partition(caller.Region), Service: "execute-api", Region: caller.Region, Account: caller.Account}
		api, _, _ := strings.Cut(caller.Host, ".")
		place := api + caller.Base
		if a.Stage != nil {
			if api, stage, ok := a.Stage(caller.Host, caller.Base); ok {
				place = api + "/" + stage
			}
		}
		// AWS: websocket-execution.md §9: the name of the label, not the id.
		name.Resource = place + "/" + c.Method + "/@connections/{connectionId}"
		if topic := c.Labels["Topic"]; topic != "" { // beyond AWS
			name.Resource = place + "/" + c.Method + "/@connections/topics/" + topic
		}
		return "execute-api:ManageConnections", name.String()
	case "acm":
		return "acm:" + c.Operation, cmp.Or(c.Form.Get("CertificateArn"), "*")
	case "iam":
		return "iam:" + c.Operation, a.iamResource(c)
	case "cloudformation":
		return "cloudformation:" + c.Operation, "" // see stackResource
	case "gatehouse":
		return "gatehouse:" + c.Operation, gatehouseResource(c)
	case "servicediscovery":
		return "servicediscovery:" + c.Operation, cloudMapResource(c)
	case "ssm":
		return "ssm:" + c.Operation, "" // see parameterResources
	case "lambda":
		return "lambda:" + lambdaAction(c.Operation), lambdaResource(c)
	case "logs":
		return "logs:" + c.Operation, "" // see logsResources
	case "xray":
		return "xray:" + c.Operation, xrayResource(c)
	}
	if c.API == "cloudwatch" {
		return "cloudwatch:" + c.Operation, "*" // signed as monitoring
	}
	return c.Service + ":" + c.Operation, "*"
}

// gatehouseResource returns the ARN of the cluster or release that a call of
// Gatehouse's own API is about.
func gatehouseResource(c *awsrpc.Call) string {
	kind, name := "cluster/", cmp.Or(c.Labels["Cluster"], c.Labels["Name"])
	if strings.Contains(c.URI, "/releases") {
		kind = "release/"
	}
	if name == "" {
		name = "*"
	}
	return arn.ARN{Partition: arn.Partition(c.Caller.Region), Service: "gatehouse", Region: c.Caller.Region, Account: c.Caller.Account, Resource: kind + name}.String()
}

// canonicalPath is the path of the operation with its labels filled in: however
// a client escapes a path, policies see one form of it.
func canonicalPath(c *awsrpc.Call) string {
	path, _, _ := strings.Cut(c.URI, "?")
	parts := strings.Split(strings.TrimSuffix(path, "/"), "/")
	for i, p := range parts {
		if strings.HasPrefix(p, "{") {
			parts[i] = url.PathEscape(c.Labels[strings.Trim(p, "{}+")])
		}
	}
	return strings.Join(parts, "/")
}

// iamResource returns the ARN of the user, group, role or policy that a call of
// IAM is about.
func (a *Access) iamResource(c *awsrpc.Call) string {
	type target struct{ member, kind string }
	targets := []target{{"UserName", "user"}, {"GroupName", "group"}, {"RoleName", "role"}, {"PolicyName", "policy"}}
	switch c.Operation {
	case "AddUserToGroup", "RemoveUserFromGroup":
		targets = targets[1:2] // AWS: these are about the group
	case "CreatePolicy":
		targets = targets[3:]
	default:
		targets = targets[:3] // elsewhere PolicyName is of an inline policy
	}
	for _, t := range targets {
		if !c.Form.Has(t.member) {
			continue
		}
		name := c.Form.Get(t.member)
		path := c.Form.Get("Path")
		switch c.Operation {
		case "CreateUser", "CreateGroup", "CreateRole", "CreatePolicy":
		default:
			if text, ok := a.reg.Directory().Named(c.Caller.Account, t.kind, name); ok {
				return text
			}
			path = ""
		}
		if path == "" {
			path = "/"
		}
		return iamARN(c, t.kind+path+name)
	}
	for _, member := range []string{"PolicyArn", "PolicySourceArn"} {
		if name := c.Form.Get(member); name != "" {
			return name
		}
	}
	switch c.Operation {
	case "ListUsers":
		return iamARN(c, "user/")
	case "ListGroups":
		return iamARN(c, "group/")
	case "ListRoles":
		return iamARN(c, "role/")
	case "ListPolicies":
		return iamARN(c, "policy/")
	case "GetUser", "CreateAccessKey", "ListAccessKeys", "UpdateAccessKey", "DeleteAccessKey":
		return c.Caller.PrincipalARN // without a name they are about the caller
	}
	return "*"
}

func iamARN(c *awsrpc.Call, resource string) string {
	return arn.ARN{Partition: arn.Partition(c.Caller.Region), Service: "iam", Account: c.Caller.Account, Resource: resource}.String()
}

// stackResource returns the ARN of the stack that a call of CloudFormation is
// about.
//
// AWS: of a stack called by its name, policies see arn:…:stack/NAME/*. A change set
// may be called by its ARN alone.
func (a *Access) stackResource(ctx context.Context, c *awsrpc.Call) (string, error) {
	name := c.Form.Get("StackName")
	if set := c.Form.Get("ChangeSetName"); name == "" && set != "" && a.ChangeSets != nil {
		var err error
		if name, err = a.ChangeSets.StackOf(ctx, c.Caller.Account, c.Caller.Region, set); err != nil {
			return "", err
		}
	}
	switch {
	case name == "":
		return "*", nil
	case strings.HasPrefix(name, "arn:"):
		return name, nil
	}
	full := arn.ARN{Partition: arn.Partition(c.Caller.Region), Service: "cloudformation", Region: c.Caller.Region, Account: c.Caller.Account, Resource: "stack/" + name + "/*"}
	return full.String(), nil
}

// cloudMapResource returns the ARN of the namespace or service that a call of
// Cloud Map is about, which may be called by its id or by its ARN.
//
// AWS: service authorization reference; DiscoverInstances is about no resource
// but has condition keys.
func cloudMapResource(c *awsrpc.Call) string {
	kind, id := "service/", c.Form.Get("ServiceId")
	switch c.Operation {
	case "CreateService":
		config, _ := c.Parameters()["DnsConfig"].(map[string]any)
		deprecated, _ := config["NamespaceId"].(string)
		kind, id = "namespace/", cmp.Or(c.Form.Get("NamespaceId"), deprecated)
	case "GetNamespace", "DeleteNamespace", "UpdateHttpNamespace", "UpdatePrivateDnsNamespace", "UpdatePublicDnsNamespace":
		kind, id = "namespace/", c.Form.Get("Id")
	case "GetService", "DeleteService", "UpdateService":
		id = c.Form.Get("Id")
	case "TagResource", "UntagResource", "ListTagsForResource":
		id = c.Form.Get("ResourceARN")
	}
	switch {
	case id == "":
		return "*"
	case strings.HasPrefix(id, "arn:"):
		return id
	}
	return arn.ARN{Partition: arn.Partition(c.Caller.Region), Service: "servicediscovery", Region: c.Caller.Region, Account: c.Caller.Account, Resource: kind + id}.String()
}

// xrayResource returns the ARN of the group or sampling rule that a call of X-Ray
// is about.
//
// AWS: service authorization reference of X-Ray: calls that change or show one; the
// ARN of a group that is named ends in an id. All other calls are about *.
func xrayResource(c *awsrpc.Call) string {
	switch c.Operation {
	case "CreateGroup", "UpdateGroup", "DeleteGroup", "GetGroup", "CreateSamplingRule", "UpdateSamplingRule", "DeleteSamplingRule",
		"TagResource", "UntagResource", "ListTagsForResource":
	default:
		return "*"
	}
	in := c.Parameters()
	for _, part := range []string{"SamplingRule", "SamplingRuleUpdate"} {
		if inner, ok := in[part].(map[string]any); ok {
			in = inner
		}
	}
	for _, member := range []string{"GroupARN", "RuleARN", "ResourceARN"} {
		if id, _ := in[member].(string); id != "" && member != "ResourceARN" || id != "" && strings.HasSuffix(c.Operation, "Resource") {
			return id
		}
	}
	name := ""
	if group, _ := in["GroupName"].(string); group != "" {
		name = "group/" + group + "/*"
	} else if rule, _ := in["RuleName"].(string); rule != "" {
		name = "sampling-rule/" + rule
	}
	if name == "" {
		return "*"
	}
	return arn.ARN{Partition: arn.Partition(c.Caller.Region), Service: "xray", Region: c.Caller.Region, Account: c.Caller.Account, Resource: name}.String()
}

// lambdaAction returns the action of an operation of Lambda.
//
// AWS: lambda:InvokeFunction covers all ways to invoke.
func lambdaAction(operation string) string {
	switch operation {
	case "Invoke", "InvokeAsync", "InvokeWithResponseStream":
		return "InvokeFunction"
	}
	return operation
}

// lambdaResource returns the ARN of the function or layer that a call of Lambda
// is about. A function may be called by its name, by its ARN or by a part of it.
func lambdaResource(c *awsrpc.Call) string {
	name := arn.ARN{Partition: arn.Partition(c.Caller.Region), Service: "lambda", Region: c.Caller.Region, Account: c.Caller.Account}
	layer := c.Labels["LayerName"]
	if c.Operation == "GetLayerVersionByArn" {
		layer = c.Query.Get("Arn")
	}
	if layer != "" {
		if full, err := arn.Parse(layer); err == nil {
			name, layer = full, strings.TrimPrefix(full.Resource, "layer:")
		}
		layer, _, _ = strings.Cut(layer, ":") // the version
		name.Resource = "layer:" + layer
		return name.String()
	}
	function := c.Labels["FunctionName"]
	if c.Operation == "CreateFunction" {
		function, _ = c.Parameters()["FunctionName"].(string)
	}
	if tagged := c.Labels["Resource"]; function == "" && strings.HasPrefix(tagged, "arn:") {
		return tagged
	}
	if function == "" {
		return "*"
	}
	qualifier := c.Query.Get("Qualifier")
	if full, err := arn.Parse(function); err == nil {
		name, function = full, full.Resource
	} else if account, rest, ok := strings.Cut(function, ":"); ok && arn.ValidAccount(account) {
		name.Account, function = account, rest
	}
	function = strings.TrimPrefix(function, "function:")
	if short, q, ok := strings.Cut(function, ":"); ok {
		function, qualifier = short, q
	}
	name.Resource = "function:" + function
	if qualifier != "" {
		name.Resource += ":" + qualifier
	}
	return name.String()
}
