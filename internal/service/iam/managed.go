package iam

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/iam"
	"gatehouse/internal/policy"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// AWS: quotas of managed policies.
const (
	maxManaged  = 6144
	maxVersions = 5
)

func errNoPolicy(name string) error {
	return api.NoSuchEntity("Policy " + name + " was not found.")
}

// policyName takes the name out of the ARN of one of the account's policies.
func policyName(t record.Identities, name string) (string, bool) {
	a, err := arn.Parse(name)
	path, ok := strings.CutPrefix(a.Resource, "policy/")
	if err != nil || !ok || a.Service != "iam" || a.Account != t.Account {
		return "", false
	}
	return path[strings.LastIndexByte(path, '/')+1:], true
}

// managed returns a policy by its ARN: one of the account's, or one of AWS's.
func (s *Service) managed(ctx context.Context, t record.Identities, name string) (record.ManagedPolicy, error) {
	if p, ok := awsManaged(name); ok {
		return p, nil
	}
	rec, _, err := s.ownPolicy(ctx, t, name, api.NoSuchEntity("Policy "+name+" does not exist or is not attachable."))
	return rec, err
}

// ownPolicy returns one of the account's policies by its ARN.
func (s *Service) ownPolicy(ctx context.Context, t record.Identities, name string, missing error) (record.ManagedPolicy, store.Rev, error) {
	short, ok := policyName(t, name)
	if !ok {
		return record.ManagedPolicy{}, 0, missing
	}
	rec, rev, err := get(ctx, t.Policies, short, missing)
	if err == nil && str(rec.Arn) != name {
		err = missing
	}
	return rec, rev, err
}

func checkManaged(document *string) error {
	if err := checkDocument(document, policy.Identity); err != nil {
		return err
	}
	if policy.Size([]byte(*document)) > maxManaged {
		return api.LimitExceeded("Cannot exceed quota for PolicySize: " + itoa(maxManaged))
	}
	return nil
}

// CreatePolicy creates a managed policy.
func (s *Service) CreatePolicy(ctx context.Context, in *api.CreatePolicyInput) (*api.CreatePolicyResponse, error) {
	name := str(in.PolicyName)
	path, err := checkPath(in.Path)
	for _, check := range []func() error{
		func() error { return checkName("policyName", name, 128) },
		func() error { return checkManaged(in.PolicyDocument) },
		func() error { return checkTags(in.Tags) },
	} {
		if err == nil {
			err = check()
		}
	}
	if err != nil {
		return nil, err
	}
	t, at := s.tables(ctx), now()
	rec := record.ManagedPolicy{Account: t.Account, Last: 1, Policy: api.Policy{
		PolicyName: &name, Path: &path, PolicyId: new(newID("ANPA")), Arn: resource(ctx, "policy", path, name), CreateDate: at, UpdateDate: at,
		DefaultVersionId: new("v1"), Description: in.Description, IsAttachable: new(true), Tags: in.Tags,
	}}
	rec.Versions = []api.PolicyVersion{{VersionId: new("v1"), IsDefaultVersion: new(true), Document: in.PolicyDocument, CreateDate: at}}
	err = s.commit(ctx, func(c *store.Change) error {
		if _, rev, err := get(ctx, t.Policies, name, nil); err != nil || rev != 0 {
			if err == nil {
				err = api.EntityAlreadyExists("A policy called " + name + " already exists. Duplicate names are not allowed.")
			}
			return err
		}
		return create(c, t.Policies, record.IdentityID(name), rec)
	})
	return &api.CreatePolicyResponse{Policy: &rec.Policy}, err
}

// usage counts who has a policy attached and whom it limits.
func usage(ctx context.Context, t record.Identities) (attached, limits map[string]int32, err error) {
	attached, limits = map[string]int32{}, map[string]int32{}
	err = eachHolder(ctx, t, func(h *holder) {
		for _, name := range h.Attached {
			attached[name]++
		}
		if h.boundary != nil {
			limits[str(h.boundary.PermissionsBoundaryArn)]++
		}
	})
	return attached, limits, err
}

func counted(p api.Policy, attached, limits map[string]int32) *api.Policy {
	p.AttachmentCount, p.PermissionsBoundaryUsageCount = new(attached[*p.Arn]), new(limits[*p.Arn])
	return &p
}

// GetPolicy returns a policy without its documents.
func (s *Service) GetPolicy(ctx context.Context, in *api.GetPolicyInput) (*api.GetPolicyResponse, error) {
	t := s.tables(ctx)
	rec, err := s.anyPolicy(ctx, t, str(in.PolicyArn))
	if err != nil {
		return nil, err
	}
	attached, limits, err := usage(ctx, t)
	if err != nil {
		return nil, err
	}
	return &api.GetPolicyResponse{Policy: counted(rec.Policy, attached, limits)}, nil
}

// anyPolicy is managed with the refusal of reading operations.
func (s *Service) anyPolicy(ctx context.Context, t record.Identities, name string) (record.ManagedPolicy, error) {
	if p, ok := awsManaged(name); ok {
		return p, nil
	}
	rec, _, err := s.ownPolicy(ctx, t, name, errNoPolicy(name))
	return rec, err
}

// ListPolicies lists the account's policies, AWS's, or both, by name.
func (s *Service) ListPolicies(ctx context.Context, in *api.ListPoliciesInput) (*api.ListPoliciesResponse, error) {
	t := s.tables(ctx)
	var recs []record.ManagedPolicy
	if scope := str(in.Scope); scope != "AWS" {
		own, err := all(ctx, t.Policies)
		if err != nil {
			return nil, err
		}
		recs = own
	}
	if scope := str(in.Scope); scope != "Local" {
		recs = append(recs, allAWSManaged()...)
	}
	attached, limits, err := usage(ctx, t)
	if err != nil {
		return nil, err
	}
	var list []api.Policy
	for i := range recs {
		p := counted(recs[i].Policy, attached, limits)
		used := *p.AttachmentCount > 0 || *p.PermissionsBoundaryUsageCount > 0
		if !below(p.Path, in.PathPrefix) || in.OnlyAttached != nil && *in.OnlyAttached && !used {
			continue
		}
		if f := str(in.PolicyUsageFilter); f == "PermissionsBoundary" && *p.PermissionsBoundaryUsageCount == 0 {
			continue
		}
		p.Tags = nil
		list = append(list, *p)
	}
	byName := func(p *api.Policy) string { return strings.ToLower(*p.PolicyName) + "\x00" + *p.Arn }
	slices.SortFunc(list, func(a, b api.Policy) int { return strings.Compare(byName(&a), byName(&b)) })
	out := &api.ListPoliciesResponse{}
	out.Policies, out.IsTruncated, out.Marker, err = page(list, byName, in.Marker, in.MaxItems)
	return out, err
}

// DeletePolicy deletes a policy that nobody uses and that has one version.
func (s *Service) DeletePolicy(ctx context.Context, in *api.DeletePolicyInput) error {
	return s.editPolicy(ctx, in.PolicyArn, func(p *record.ManagedPolicy, t record.Identities) (bool, error) {
		attached, limits, err := usage(ctx, t)
		switch {
		case err != nil:
			return false, err
		case attached[*p.Arn]+limits[*p.Arn] > 0:
			return false, api.DeleteConflict("Cannot delete a policy attached to entities.")
		case len(p.Versions) > 1:
			return false, api.DeleteConflict("This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
		}
		return true, nil
	})
}

// editPolicy changes a policy of the account, or removes it if edit says so.
func (s *Service) editPolicy(ctx context.Context, name *string, edit func(p *record.ManagedPolicy, t record.Identities) (remove bool, err error)) error {
	t := s.tables(ctx)
	if _, ok := awsManaged(str(name)); ok {
		return errNoPolicy(str(name))
	}
	return s.commit(ctx, func(c *store.Change) error {
		rec, rev, err := s.ownPolicy(ctx, t, str(name), errNoPolicy(str(name)))
		if err != nil {
			return err
		}
		gone, err := edit(&rec, t)
		if err != nil {
			return err
		}
		id := record.IdentityID(str(rec.PolicyName))
		if gone {
			remove(c, t.Policies, id, rev)
			return nil
		}
		return replace(c, t.Policies, id, rec, rev)
	})
}

// CreatePolicyVersion adds a version, which becomes the one that acts if asked.
func (s *Service) CreatePolicyVersion(ctx context.Context, in *api.CreatePolicyVersionInput) (*api.CreatePolicyVersionResponse, error) {
	if err := checkManaged(in.PolicyDocument); err != nil {
		return nil, err
	}
	var made api.PolicyVersion
	err := s.editPolicy(ctx, in.PolicyArn, func(p *record.ManagedPolicy, _ record.Identities) (bool, error) {
		if len(p.Versions) >= maxVersions {
			return false, api.LimitExceeded("A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.")
		}
		p.Last++
		made = api.PolicyVersion{VersionId: new("v" + itoa(p.Last)), IsDefaultVersion: new(false), Document: in.PolicyDocument, CreateDate: now()}
		p.Versions = slices.Insert(p.Versions, 0, made)
		if in.SetAsDefault != nil && *in.SetAsDefault {
			made.IsDefaultVersion = new(true)
			return false, setDefault(p, *made.VersionId)
		}
		return false, nil
	})
	made.Document = nil // AWS: not shown here
	return &api.CreatePolicyVersionResponse{PolicyVersion: &made}, err
}

func errNoVersion(p *record.ManagedPolicy, id string) error {
	return api.NoSuchEntity("Policy " + str(p.Arn) + " version " + id + " does not exist or is not attachable.")
}

func setDefault(p *record.ManagedPolicy, id string) error {
	if !slices.ContainsFunc(p.Versions, func(v api.PolicyVersion) bool { return str(v.VersionId) == id }) {
		return errNoVersion(p, id)
	}
	for i := range p.Versions {
		p.Versions[i].IsDefaultVersion = new(str(p.Versions[i].VersionId) == id)
	}
	p.DefaultVersionId, p.UpdateDate = &id, now()
	return nil
}

// SetDefaultPolicyVersion says which version acts.
func (s *Service) SetDefaultPolicyVersion(ctx context.Context, in *api.SetDefaultPolicyVersionInput) error {
	return s.editPolicy(ctx, in.PolicyArn, func(p *record.ManagedPolicy, _ record.Identities) (bool, error) {
		return false, setDefault(p, str(in.VersionId))
	})
}

// DeletePolicyVersion deletes a version that does not act.
func (s *Service) DeletePolicyVersion(ctx context.Context, in *api.DeletePolicyVersionInput) error {
	return s.editPolicy(ctx, in.PolicyArn, func(p *record.ManagedPolicy, _ record.Identities) (bool, error) {
		id := str(in.VersionId)
		if id == str(p.DefaultVersionId) {
			return false, api.DeleteConflict("Cannot delete the default version of a policy.")
		}
		n := len(p.Versions)
		p.Versions = slices.DeleteFunc(p.Versions, func(v api.PolicyVersion) bool { return str(v.VersionId) == id })
		if len(p.Versions) == n {
			return false, errNoVersion(p, id)
		}
		return false, nil
	})
}

// GetPolicyVersion returns a version with its document.
func (s *Service) GetPolicyVersion(ctx context.Context, in *api.GetPolicyVersionInput) (*api.GetPolicyVersionResponse, error) {
	rec, err := s.anyPolicy(ctx, s.tables(ctx), str(in.PolicyArn))
	if err != nil {
		return nil, err
	}
	for _, v := range rec.Versions {
		if str(v.VersionId) == str(in.VersionId) {
			v.Document = encoded(str(v.Document))
			return &api.GetPolicyVersionResponse{PolicyVersion: &v}, nil
		}
	}
	return nil, errNoVersion(&rec, str(in.VersionId))
}

// ListPolicyVersions lists versions, the newest first.
func (s *Service) ListPolicyVersions(ctx context.Context, in *api.ListPolicyVersionsInput) (*api.ListPolicyVersionsResponse, error) {
	rec, err := s.anyPolicy(ctx, s.tables(ctx), str(in.PolicyArn))
	if err != nil {
		return nil, err
	}
	list := slices.Clone(rec.Versions)
	for i := range list {
		list[i].Document = nil
	}
	return &api.ListPolicyVersionsResponse{Versions: list, IsTruncated: new(false)}, nil
}

// awsManagedDocuments are the policies of AWS that a gateway's operator meets,
// by their path and name below arn:aws:iam::aws:policy.
//
// AWS: the managed policy reference, for what each grants of the services there
// are here.
var awsManagedDocuments = map[string]string{
	"/AdministratorAccess": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`,
	"/ReadOnlyAccess": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["acm:Describe*","acm:Get*","acm:List*","apigateway:GET","cloudformation:Describe*","cloudformation:Get*",` +
		`"cloudformation:List*","cloudformation:ValidateTemplate","cloudtrail:Describe*","cloudtrail:Get*","cloudtrail:List*","cloudtrail:LookupEvents",` +
		`"cloudwatch:Describe*","cloudwatch:Get*","cloudwatch:List*","iam:Generate*","iam:Get*","iam:List*","iam:Simulate*","lambda:Get*","lambda:List*",` +
		`"logs:Describe*","logs:FilterLogEvents","logs:Get*","logs:List*","logs:StartQuery","logs:StopQuery","logs:TestMetricFilter","s3:Get*","s3:List*",` +
		`"servicediscovery:Get*","servicediscovery:List*","ssm:Describe*","ssm:Get*","ssm:List*","sts:GetAccessKeyInfo","sts:GetCallerIdentity",` +
		`"sts:GetSessionToken","xray:BatchGet*","xray:Get*"],"Resource":"*"}]}`,
	"/AWSCloudFormationReadOnlyAccess": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["cloudformation:Describe*","cloudformation:EstimateTemplateCost",` +
		`"cloudformation:Get*","cloudformation:List*","cloudformation:ValidateTemplate","cloudformation:Detect*"],"Resource":"*"}]}`,
	"/IAMFullAccess":                                     `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:*"],"Resource":"*"}]}`,
	"/IAMReadOnlyAccess":                                 `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:Get*","iam:List*","iam:Simulate*"],"Resource":"*"}]}`,
	"/AmazonAPIGatewayAdministrator":                     `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["apigateway:*"],"Resource":"arn:aws:apigateway:*::/*"}]}`,
	"/AmazonAPIGatewayInvokeFullAccess":                  `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["execute-api:Invoke","execute-api:ManageConnections"],"Resource":"arn:aws:execute-api:*:*:*"}]}`,
	"/AWSLambda_FullAccess":                              `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["lambda:*"],"Resource":"*"}]}`,
	"/AWSLambda_ReadOnlyAccess":                          `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["lambda:Get*","lambda:List*"],"Resource":"*"}]}`,
	"/service-role/AWSLambdaRole":                        `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["lambda:InvokeFunction"],"Resource":["*"]}]}`,
	"/service-role/AWSLambdaBasicExecutionRole":          `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}]}`,
	"/service-role/AmazonAPIGatewayPushToCloudWatchLogs": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:DescribeLogGroups","logs:DescribeLogStreams","logs:PutLogEvents","logs:GetLogEvents","logs:FilterLogEvents"],"Resource":"*"}]}`,
}

const awsPolicyPrefix = "arn:aws:iam::aws:policy"

// awsManaged returns a policy of AWS's by its ARN.
func awsManaged(name string) (record.ManagedPolicy, bool) {
	path, ok := strings.CutPrefix(name, awsPolicyPrefix)
	document, known := awsManagedDocuments[path]
	if !ok || !known {
		return record.ManagedPolicy{}, false
	}
	cut := strings.LastIndexByte(path, '/') + 1
	made := time.Date(2015, 2, 6, 18, 39, 46, 0, time.UTC)
	id := "ANPA" + strings.ToUpper(strings.Map(func(r rune) rune {
		if r == '/' || r == '-' || r == '_' {
			return -1
		}
		return r
	}, path))
	return record.ManagedPolicy{Account: "aws", Policy: api.Policy{
		PolicyName: new(path[cut:]), Path: new(path[:cut]), Arn: &name, PolicyId: &id, CreateDate: &made, UpdateDate: &made,
		DefaultVersionId: new("v1"), IsAttachable: new(true),
	}, Versions: []api.PolicyVersion{{VersionId: new("v1"), IsDefaultVersion: new(true), Document: &document, CreateDate: &made}}}, true
}

func allAWSManaged() []record.ManagedPolicy {
	var list []record.ManagedPolicy
	for path := range awsManagedDocuments {
		p, _ := awsManaged(awsPolicyPrefix + path)
		list = append(list, p)
	}
	return list
}

var errKind = errors.New("iam: not a kind that holds policies")

// Document returns the document of a managed policy of an account, or of AWS's.
func (s *Service) Document(account, name string) (string, bool) {
	p, err := s.managed(context.Background(), record.IdentitiesOf(s.st, account), name)
	return p.DefaultDocument(), err == nil
}
