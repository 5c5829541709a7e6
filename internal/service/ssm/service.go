// Package ssm is the parameter store of AWS Systems Manager, which templates take
// values from and the CDK keeps its version in: parameters with versions, paths
// and tags, as methods of [Service]. Secret ones are sealed in the store.
package ssm

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/ssm"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/seal"
	"gatehouse/internal/store"
)

// Limits.
//
// AWS: "AWS Systems Manager endpoints and quotas", parameter store.
const (
	maxParameters = 10_000
	maxStandard   = 4 << 10 // bytes of a value
	maxAdvanced   = 8 << 10
	maxVersions   = 100
	maxLevels     = 15
	maxTags       = 50
)

// A Service answers the operations of the parameter store. What is not
// implemented answers NotImplementedException, by the embedded type.
type Service struct {
	api.UnimplementedServer
	st   store.Store
	seal *seal.Sealer
}

var _ api.Server = (*Service)(nil)

// New returns a service over st. seal closes secret values.
func New(st store.Store, seal *seal.Sealer) *Service { return &Service{st: st, seal: seal} }

// A parameter as it is stored: its latest version. Earlier ones are records of
// their own.
type parameter struct {
	Name, Type, Value string // Value is sealed, in base64, if Type is SecureString
	Version           int64
	Modified          time.Time
	By                string // ARN
	Description       string
	Pattern           string
	Tier, DataType    string
	Tags              map[string]string
}

type tables struct {
	account, region string
	parameters      store.Table[parameter]
	history         store.Table[parameter]
}

func (s *Service) tables(ctx context.Context) tables {
	c := awsrpc.CallerFrom(ctx)
	prefix := func(kind string) string { return store.Prefix(c.Account, c.Region, "ssm", kind) }
	return tables{c.Account, c.Region, store.NewTable[parameter](s.st, prefix("parameter")), store.NewTable[parameter](s.st, prefix("history"))}
}

func (t tables) arn(name string) *string {
	a := arn.ARN{Partition: arn.Partition(t.region), Service: "ssm", Region: t.region, Account: t.account, Resource: "parameter/" + strings.TrimPrefix(name, "/")}
	return new(a.String())
}

var nameForm = regexp.MustCompile(`^[a-zA-Z0-9_.\-/]+$`)

// checkName refuses names that parameters cannot have.
//
// AWS: PutParameter, "Name".
func checkName(name string) error {
	lower := strings.ToLower(strings.TrimPrefix(name, "/"))
	switch {
	case len(name) > 1011 || !nameForm.MatchString(name) || strings.HasSuffix(name, "/") || strings.Contains(name, "//"),
		strings.Contains(name, "/") && !strings.HasPrefix(name, "/"):
		return awsrpc.Validation("Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_")
	case strings.HasPrefix(lower, "aws"):
		return &awsrpc.Error{Code: "AccessDeniedException", Status: 400, Message: "No access to reserved parameter name: " + name + "."}
	case strings.HasPrefix(lower, "ssm"):
		return awsrpc.Validation("Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_")
	case strings.Count(name, "/") > maxLevels:
		return api.HierarchyLevelLimitExceededException(fmt.Sprintf("A parameter hierarchy can have at most %d levels", maxLevels))
	}
	return nil
}

// PutParameter makes a parameter, or a new version of one.
func (s *Service) PutParameter(ctx context.Context, in *api.PutParameterInput) (*api.PutParameterResult, error) {
	if err := checkName(*in.Name); err != nil {
		return nil, err
	}
	if err := refuse(in); err != nil {
		return nil, err
	}
	t := s.tables(ctx)
	var done parameter
	err := store.Update(ctx, s.st, func(c *store.Change) error {
		old, rev, err := t.parameters.Get(ctx, store.ID(*in.Name))
		fresh := errors.Is(err, store.ErrNotFound)
		switch {
		case err != nil && !fresh:
			return err
		case !fresh && !isTrue(in.Overwrite):
			return api.ParameterAlreadyExists("The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
		case !fresh && len(in.Tags) > 0:
			return awsrpc.Validation("Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.")
		case fresh && in.Type == nil:
			return awsrpc.Validation("A parameter type is required when you create a parameter.")
		}
		if done, err = s.next(in, old, fresh); err != nil {
			return err
		}
		done.By = awsrpc.CallerFrom(ctx).PrincipalARN
		if fresh {
			all, err := t.parameters.All(ctx)
			if err != nil {
				return err
			}
			if len(all) >= maxParameters {
				return api.ParameterLimitExceeded("Number of Parameters limit exceeded: " + strconv.Itoa(maxParameters))
			}
			c.Require(t.parameters.Absent(store.ID(*in.Name)))
		} else {
			c.Require(t.parameters.Is(store.ID(*in.Name), rev))
			store.Add(c, t.history, versionID(old.Name, old.Version), old)
			if old.Version >= maxVersions {
				c.Do(t.history.Delete(versionID(old.Name, old.Version-maxVersions+1)))
			}
		}
		store.Add(c, t.parameters, store.ID(*in.Name), done)
		return nil
	})
	return &api.PutParameterResult{Version: new(done.Version), Tier: new(done.Tier)}, err
}

func versionID(name string, version int64) string {
	return store.ID(name, fmt.Sprintf("%020d", version))
}

// refuse refuses what does not act.
func refuse(in *api.PutParameterInput) error {
	switch {
	case in.KeyId != nil && str(in.KeyId) != "alias/aws/ssm":
		return api.InvalidKeyId("Gatehouse has no keys of KMS: secret parameters are sealed with the server's own key, alias/aws/ssm")
	case str(in.Policies) != "":
		return awsrpc.Validation("Gatehouse does not support Policies of parameters")
	case in.DataType != nil && *in.DataType != "text":
		return awsrpc.Validation("Gatehouse does not support the data type " + *in.DataType)
	}
	return nil
}

// next is the version that follows old.
func (s *Service) next(in *api.PutParameterInput, old parameter, fresh bool) (parameter, error) {
	p := old
	p.Name, p.Version, p.Modified = *in.Name, old.Version+1, time.Now().UTC().Truncate(time.Millisecond)
	if fresh {
		p.Tier, p.DataType, p.Tags = "Standard", "text", map[string]string{}
		for _, tag := range in.Tags {
			p.Tags[str(tag.Key)] = str(tag.Value)
		}
		if len(p.Tags) > maxTags {
			return p, api.TooManyTagsError("You can assign at most 50 tags to a parameter")
		}
	}
	if in.Type != nil {
		if !fresh && *in.Type != old.Type && (*in.Type == api.ParameterTypeSecureString || old.Type == api.ParameterTypeSecureString) {
			return p, api.HierarchyTypeMismatchException("Parameter Store doesn't support changing a parameter type in a hierarchy.")
		}
		p.Type = *in.Type
	}
	limit := maxStandard
	switch tier := str(in.Tier); {
	case tier == "Advanced", tier == "Intelligent-Tiering" && len(*in.Value) > maxStandard:
		p.Tier, limit = "Advanced", maxAdvanced
	case p.Tier == "Advanced" && tier != "Standard":
		limit = maxAdvanced
	case p.Tier == "Advanced":
		return p, awsrpc.Validation("This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier.")
	}
	if *in.Value == "" || len(*in.Value) > limit {
		return p, awsrpc.Validation(fmt.Sprintf("Parameter value must have at least 1 character and at most %d bytes in the tier %s", limit, p.Tier))
	}
	if in.Description != nil {
		p.Description = *in.Description
	}
	if in.AllowedPattern != nil {
		p.Pattern = *in.AllowedPattern
	}
	if p.Pattern != "" {
		form, err := regexp.Compile("^(?:" + p.Pattern + ")$")
		if err != nil {
			return p, api.InvalidAllowedPatternException("The request does not meet the regular expression requirement.")
		}
		if !form.MatchString(*in.Value) {
			return p, api.ParameterPatternMismatchException("Parameter value, cannot be validated against allowedPattern: " + p.Pattern)
		}
	}
	if p.Value = *in.Value; p.Type == api.ParameterTypeSecureString {
		p.Value = base64.StdEncoding.EncodeToString(s.seal.Close([]byte(*in.Value)))
	}
	return p, nil
}

// value is what a call shows: of a secret parameter the ciphertext, unless it is
// to be decrypted.
func (s *Service) value(p *parameter, open *bool) (string, error) {
	if p.Type != api.ParameterTypeSecureString || !isTrue(open) {
		return p.Value, nil
	}
	sealed, err := base64.StdEncoding.DecodeString(p.Value)
	if err != nil {
		return "", err
	}
	text, err := s.seal.Open(sealed)
	return string(text), err
}

// find returns a parameter by its name or ARN; the latest version or, behind a
// colon, another.
func (t tables) find(ctx context.Context, name string) (p parameter, selector string, err error) {
	if a, err := arn.Parse(name); err == nil {
		name = strings.TrimPrefix(a.Resource, "parameter/")
		if _, _, err := t.parameters.Get(ctx, store.ID(name)); errors.Is(err, store.ErrNotFound) {
			name = "/" + name
		}
	}
	name, version, has := strings.Cut(name, ":")
	p, _, err = t.parameters.Find(ctx, api.ParameterNotFound(""), name)
	if err != nil || !has {
		return p, "", err
	}
	missing := api.ParameterVersionNotFound("Systems Manager could not find version " + version + " of " + name + ". Verify the version and try again.")
	n, numErr := strconv.ParseInt(version, 10, 64)
	switch {
	case numErr != nil: // a label, which no parameter has
		return p, "", missing
	case n != p.Version:
		p, _, err = t.history.Find(ctx, missing, name, fmt.Sprintf("%020d", n))
	}
	return p, ":" + version, err
}

func (s *Service) shown(t tables, p *parameter, selector string, open *bool) (*api.Parameter, error) {
	value, err := s.value(p, open)
	if err != nil {
		return nil, err
	}
	out := &api.Parameter{Name: new(p.Name), Type: new(p.Type), Value: new(value), Version: new(p.Version), LastModifiedDate: new(p.Modified), ARN: t.arn(p.Name), DataType: new(p.DataType)}
	if selector != "" {
		out.Selector = new(selector)
	}
	return out, nil
}

// GetParameter returns a parameter.
func (s *Service) GetParameter(ctx context.Context, in *api.GetParameterInput) (*api.GetParameterResult, error) {
	t := s.tables(ctx)
	p, selector, err := t.find(ctx, *in.Name)
	if err != nil {
		return nil, err
	}
	out, err := s.shown(t, &p, selector, in.WithDecryption)
	return &api.GetParameterResult{Parameter: out}, err
}

// GetParameters returns as many as ten parameters.
func (s *Service) GetParameters(ctx context.Context, in *api.GetParametersInput) (*api.GetParametersResult, error) {
	if len(in.Names) == 0 || len(in.Names) > 10 {
		return nil, awsrpc.Validation("1 validation error detected: Value at 'names' failed to satisfy constraint: Member must have length less than or equal to 10")
	}
	t := s.tables(ctx)
	out := &api.GetParametersResult{Parameters: []api.Parameter{}, InvalidParameters: []string{}}
	for _, name := range in.Names {
		p, selector, err := t.find(ctx, name)
		var e *awsrpc.Error
		if errors.As(err, &e) {
			out.InvalidParameters = append(out.InvalidParameters, name)
			continue
		}
		if err != nil {
			return nil, err
		}
		one, err := s.shown(t, &p, selector, in.WithDecryption)
		if err != nil {
			return nil, err
		}
		out.Parameters = append(out.Parameters, *one)
	}
	return out, nil
}

func isTrue(p *bool) bool { return p != nil && *p }

func str(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// sorted are all parameters, in the order of their names.
func (t tables) sorted(ctx context.Context) ([]parameter, error) {
	rows, err := t.parameters.All(ctx)
	list := make([]parameter, len(rows))
	for i, row := range rows {
		list[i] = row.Value
	}
	slices.SortFunc(list, func(a, b parameter) int { return strings.Compare(a.Name, b.Name) })
	return list, err
}
