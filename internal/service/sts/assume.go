package sts

import (
	"context"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/sts"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/identity"
	"gatehouse/internal/policy"
)

var (
	sessionNameForm = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	externalIDForm  = regexp.MustCompile(`^[\w+=,.@:/-]+$`)
)

// maxSessionPolicy is AWS's quota of the session policies in sum.
const maxSessionPolicy = 2048

// AssumeRole gives temporary credentials for a role to who its trust policy
// names.
func (s *Service) AssumeRole(ctx context.Context, in *api.AssumeRoleInput) (*api.AssumeRoleResponse, error) {
	if err := checkAssume(in); err != nil {
		return nil, err
	}
	c := awsrpc.CallerFrom(ctx)
	caller, chained, err := s.caller(c)
	if err != nil {
		return nil, err
	}
	source, refused := sourceIdentity(in, caller), ""
	role, ok := s.reg.Directory().Role(*in.RoleArn)
	if !ok {
		refused = actionAssume // AWS: like one that does not trust the caller
	} else {
		refused = mayNot(&assumeKeys{in: in, source: source, caller: caller, role: role, from: &c})
	}
	if refused != "" {
		return nil, denied("User: " + c.PrincipalARN + " is not authorized to perform: " + refused + " on resource: " + *in.RoleArn)
	}
	longest := role.MaxDuration
	if chained {
		longest = min(longest, maxChained)
	}
	length, err := duration(in.DurationSeconds, min(defaultRole, longest), 12*time.Hour)
	if err != nil {
		return nil, err
	}
	if length > role.MaxDuration {
		return nil, awsrpc.Validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	if length > longest {
		return nil, awsrpc.Validation("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	}
	session := &identity.Session{Role: role.ID, Name: *in.RoleSessionName, Source: str(source), Tags: tagMap(in.Tags)}
	if err := s.limit(session, role.Account, in); err != nil {
		return nil, err
	}
	cred, err := s.issue(session, length)
	if err != nil {
		return nil, err
	}
	partition := arn.Partition(c.Region)
	return &api.AssumeRoleResponse{
		Credentials: cred,
		AssumedRoleUser: &api.AssumedRoleUser{
			Arn:           new("arn:" + partition + ":sts::" + role.Account + ":assumed-role/" + role.Name + "/" + session.Name),
			AssumedRoleId: new(role.ID + ":" + session.Name),
		},
		SourceIdentity: source,
	}, nil
}

// What a caller must be allowed.
const (
	actionAssume = "sts:AssumeRole"
	actionTag    = "sts:TagSession"
	actionSource = "sts:SetSourceIdentity"
)

// sourceIdentity returns the source identity of the session that is asked for;
// nil: none.
//
// AWS: one that was set persists when a role's session assumes another role
// (IAM User Guide, "Monitor and control actions taken with assumed roles").
func sourceIdentity(in *api.AssumeRoleInput, caller *identity.Principal) *string {
	if in.SourceIdentity == nil && caller.SourceIdentity != "" {
		return &caller.SourceIdentity
	}
	return in.SourceIdentity
}

// checkAssume checks what the model does not.
func checkAssume(in *api.AssumeRoleInput) error {
	bad := func(member, value, constraint string) error {
		return awsrpc.Validation("1 validation error detected: Value '" + value + "' at '" + member + "' failed to satisfy constraint: " + constraint)
	}
	name, err := arn.Parse(*in.RoleArn)
	switch {
	case err != nil || name.Service != "iam" || !strings.HasPrefix(name.Resource, "role/"):
		return awsrpc.Validation(*in.RoleArn + " is invalid")
	case !sessionNameForm.MatchString(*in.RoleSessionName):
		return bad("roleSessionName", *in.RoleSessionName, `Member must satisfy regular expression pattern: [\w+=,.@-]*`)
	case in.ExternalId != nil && (len(*in.ExternalId) < 2 || len(*in.ExternalId) > 1224 || !externalIDForm.MatchString(*in.ExternalId)):
		return bad("externalId", *in.ExternalId, `Member must satisfy regular expression pattern: [\w+=,.@:\/-]*`)
	case in.SourceIdentity != nil && !sessionNameForm.MatchString(*in.SourceIdentity):
		return bad("sourceIdentity", *in.SourceIdentity, `Member must satisfy regular expression pattern: [\w+=,.@-]*`)
	case in.SerialNumber != nil || in.TokenCode != nil:
		return awsrpc.Validation("Gatehouse has no MFA devices: SerialNumber and TokenCode are not supported")
	case len(in.ProvidedContexts) > 0 || len(in.TransitiveTagKeys) > 0:
		return awsrpc.Validation("ProvidedContexts and TransitiveTagKeys are not supported by Gatehouse")
	case len(in.Tags) > 50:
		return bad("tags", "", "Member must have length less than or equal to 50")
	}
	return checkTags(in.Tags)
}

// checkTags checks the keys of session tags. Which case they are written in
// does not count.
//
// AWS: IAM User Guide, "Pass session tags in AWS STS", and "Tags for IAM
// resources"; the texts are those of IAM.
func checkTags(tags []api.Tag) error {
	seen := make(map[string]bool, len(tags))
	for _, t := range tags {
		key := strings.ToLower(str(t.Key))
		switch {
		case strings.HasPrefix(key, "aws:"):
			return awsrpc.Validation("Tag keys that begin with aws: are reserved for system use")
		case seen[key]:
			return awsrpc.Validation("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		seen[key] = true
	}
	return nil
}

// caller returns the principal that calls, and whether it is a role's session.
func (s *Service) caller(c awsrpc.Caller) (*identity.Principal, bool, error) {
	if c.Root {
		root := identity.Root(c.Account, arn.Partition(c.Region))
		// AWS: the root itself cannot assume roles (API_AssumeRole). In dev
		// mode everybody is root, and may.
		return &root, false, nil
	}
	cred, ok := s.reg.Find(c.AccessKey, c.SessionToken.Reveal())
	if !ok {
		return nil, false, denied("The security token included in the request is invalid.")
	}
	return cred.Principal, cred.Principal.Role != "", nil
}

// mayNot asks the trust policy of the role and the caller's own policies: in
// one account a trust policy that names the caller suffices, otherwise both must
// allow. Tags and a source identity need permissions of their own. It returns
// the action that is refused; empty: none.
func mayNot(keys *assumeKeys) string {
	in, caller, role := keys.in, keys.caller, keys.role
	if role.Trust == nil || role.Broken {
		return actionAssume
	}
	actions := []string{actionAssume}
	if len(in.Tags) > 0 {
		actions = append(actions, actionTag)
	}
	if keys.source != nil {
		if caller.SourceIdentity != "" && caller.SourceIdentity != *keys.source {
			return actionSource // AWS: it cannot be changed once it is set
		}
		actions = append(actions, actionSource)
	}
	for _, action := range actions {
		r := policy.Request{Principal: caller.Principal, Action: action, Resource: role.ARN, Now: time.Now(), Keys: keys}
		// AWS: a role's trust policy must name the caller; permissions of its
		// own do not suffice, not even in one account.
		if !role.Trust.Evaluate(&r).Allowed() {
			return action
		}
		if !caller.Decide(&r, role.Trust, caller.Account != role.Account).Allowed {
			return action
		}
	}
	return ""
}

// assumeKeys are the condition keys of AssumeRole.
type assumeKeys struct {
	in     *api.AssumeRoleInput
	source *string // the source identity of the session that is asked for
	caller *identity.Principal
	role   *identity.Role
	from   *awsrpc.Caller // where the call comes from
}

// Key returns the values of a key.
func (k *assumeKeys) Key(name string) (policy.Values, bool) {
	const tag = "aws:requesttag/"
	switch {
	case name == "aws:sourceip":
		addr, err := netip.ParseAddrPort(k.from.RemoteAddr)
		return policy.One(addr.Addr().Unmap().WithZone("").String()), err == nil
	case name == "aws:securetransport":
		return policy.One(strconv.FormatBool(k.from.TLS)), true
	case name == "aws:requestedregion":
		return policy.One(k.from.Region), true
	case strings.HasPrefix(name, "aws:resourcetag/"), strings.HasPrefix(name, "iam:resourcetag/"):
		_, key, _ := strings.Cut(name, "/")
		v, ok := k.role.Tags[key]
		return policy.One(v), ok
	case name == "sts:externalid":
		return policy.One(str(k.in.ExternalId)), k.in.ExternalId != nil
	case name == "sts:rolesessionname":
		return policy.One(*k.in.RoleSessionName), true
	case name == "sts:sourceidentity":
		return policy.One(str(k.source)), k.source != nil
	case name == "aws:tagkeys":
		var keys []string
		for _, t := range k.in.Tags {
			keys = append(keys, str(t.Key))
		}
		return policy.Many(keys), len(keys) > 0
	case strings.HasPrefix(name, tag):
		v, ok := tagMap(k.in.Tags)[name[len(tag):]]
		return policy.One(v), ok
	}
	return k.caller.Key(name)
}

func tagMap(tags []api.Tag) map[string]string {
	if len(tags) == 0 {
		return nil
	}
	m := map[string]string{}
	for _, t := range tags {
		m[strings.ToLower(str(t.Key))] = str(t.Value)
	}
	return m
}

// limit adds the session policies of a call to its session.
func (s *Service) limit(session *identity.Session, account string, in *api.AssumeRoleInput) error {
	size := 0
	if in.Policy != nil {
		d, err := policy.Parse([]byte(*in.Policy))
		if err == nil {
			err = d.Check(policy.Session)
		}
		if err != nil {
			return api.MalformedPolicyDocument(err.Error())
		}
		size = len(*in.Policy)
		session.Limited, session.Policies = true, append(session.Policies, *in.Policy)
	}
	if size > maxSessionPolicy {
		return awsrpc.Validation("1 validation error detected: Value at 'policy' failed to satisfy constraint: Member must have length less than or equal to " + strconv.Itoa(maxSessionPolicy))
	}
	if len(in.PolicyArns) > 10 {
		return awsrpc.Validation("1 validation error detected: Value at 'policyArns' failed to satisfy constraint: Member must have length less than or equal to 10")
	}
	for _, p := range in.PolicyArns {
		text, ok := s.managed(account, str(p.Arn))
		if !ok {
			return awsrpc.Validation("Policy " + str(p.Arn) + " does not exist or is not attachable.")
		}
		session.Limited, session.Policies = true, append(session.Policies, text)
	}
	return nil
}
