package lambda

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/lambda"
	"gatehouse/internal/policy"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// A statement is one permission, in the order of AWS's answers.
type statement struct {
	Sid       string                       `json:"Sid"`
	Effect    string                       `json:"Effect"`
	Principal any                          `json:"Principal"`
	Action    string                       `json:"Action"`
	Resource  string                       `json:"Resource"`
	Condition map[string]map[string]string `json:"Condition,omitempty"`
}

// maxPolicy is how long the policy of one qualifier may be.
//
// AWS: Lambda quotas, 20 KB.
const maxPolicy = 20 << 10

// AddPermission lets an AWS service, an account or everybody call a function.
func (s *Service) AddPermission(ctx context.Context, in *api.AddPermissionInput) (*api.AddPermissionResponse, error) {
	t, err := locate(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	text, err := s.newStatement(ctx, t, in)
	if err != nil {
		return nil, err
	}
	err = s.editFunction(ctx, t, nil, func(e *functionEdit) error {
		if err := s.checkPolicyTarget(ctx, e, in.RevisionId); err != nil {
			return err
		}
		list := e.rec.Policies[t.at()]
		if slices.ContainsFunc(list, func(v jsontext.Value) bool { return sidOf(v) == str(in.StatementId) }) {
			return errConflict("The statement id (" + str(in.StatementId) + ") provided already exists. Please provide a new statement id, or remove the existing statement.")
		}
		list = append(slices.Clone(list), text)
		if len(policyText(list)) > maxPolicy {
			return user(api.PolicyLengthExceededException("The final policy size is bigger than the limit (20480).")) // AWS: widely reported
		}
		e.rec.Policies = with(e.rec.Policies, t.at(), list)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.AddPermissionResponse{Statement: new(string(text))}, nil
}

// checkPolicyTarget refuses a change of the policy of a qualifier that is not
// there, or of another revision than the caller thinks, and gives it a new one.
//
// AWS: recorded.
func (s *Service) checkPolicyTarget(ctx context.Context, e *functionEdit, revision *string) error {
	at := e.at()
	newest := func(current **string) error {
		if revision != nil && *revision != str(*current) {
			return errRevision("GetFunction/GetAlias")
		}
		*current = new(record.NewUUID())
		return nil
	}
	switch {
	case at == latest:
		if e.qualifier == latest {
			return errParameter("We currently do not support adding policies for $LATEST.")
		}
		return newest(&e.rec.Latest.RevisionId)
	case isVersion(at):
		v, rev, err := e.tables.Versions.Find(ctx, errFunction(e.arn()), e.name, at)
		if err != nil {
			return err
		}
		if err := newest(&v.RevisionId); err != nil {
			return err
		}
		id := e.name + "/" + at
		e.change.Require(e.tables.Versions.Is(id, rev))
		store.Add(e.change, e.tables.Versions, id, v)
		return nil
	}
	alias, ok := e.rec.Aliases[at]
	if !ok {
		return errAlias(e.arn())
	}
	err := newest(&alias.RevisionId)
	e.rec.Aliases = with(e.rec.Aliases, at, alias)
	return err
}

func errPrincipal() error {
	return errParameter("The provided principal was invalid. Please check the principal and try again.")
}

var iamARN = regexp.MustCompile(`^arn:aws[a-zA-Z-]*:iam:`)

// newStatement words a permission, and checks it as what it will be: part of a
// policy.
func (s *Service) newStatement(ctx context.Context, t target, in *api.AddPermissionInput) (jsontext.Value, error) {
	err := firstRefusal([]refusal{
		{in.FunctionUrlAuthType != nil || in.InvokedViaFunctionUrl != nil, noFunctionURLPermission},
		{in.EventSourceToken != nil, noEventSourceToken},
	})
	if err != nil {
		return nil, err
	}
	st := statement{Sid: str(in.StatementId), Effect: "Allow", Action: str(in.Action), Resource: t.arn()}
	switch p := str(in.Principal); {
	case strings.HasSuffix(p, ".amazonaws.com") || strings.HasSuffix(p, ".amazonaws.com.cn"):
		st.Principal = map[string]string{"Service": p}
	case arn.ValidAccount(p):
		st.Principal = map[string]string{"AWS": "arn:" + arn.Partition(t.scope.Region) + ":iam::" + p + ":root"}
	case iamARN.MatchString(p):
		st.Principal = map[string]string{"AWS": p}
	case p == "*":
		st.Principal = p
	default:
		return nil, errPrincipal()
	}
	st.condition("StringEquals", "aws:PrincipalOrgID", in.PrincipalOrgID)
	st.condition("StringEquals", "AWS:SourceAccount", in.SourceAccount)
	st.condition("ArnLike", "AWS:SourceArn", in.SourceArn)
	text, err := json.Marshal(st, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	doc, err := policy.Parse(policyText([]jsontext.Value{text}))
	if err != nil {
		return nil, errParameter("The permission is no policy: " + err.Error()) // AWS: undocumented text
	}
	if s.opt.Directory != nil {
		err = s.opt.Directory.Check(ctx, t.scope.Account, doc, errPrincipal())
	}
	return text, err
}

func (st *statement) condition(operator, key string, value *string) {
	if value == nil {
		return
	}
	if st.Condition == nil {
		st.Condition = map[string]map[string]string{}
	}
	st.Condition[operator] = with(st.Condition[operator], key, *value)
}

// policyText is the policy of some statements.
func policyText(list []jsontext.Value) []byte {
	b := []byte(`{"Version":"2012-10-17","Id":"default","Statement":[`)
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, v...)
	}
	return append(b, "]}"...)
}

// sidOf is the name of a statement.
func sidOf(v jsontext.Value) string {
	var st struct{ Sid string }
	_ = json.Unmarshal(v, &st) // we wrote it
	return st.Sid
}

// RemovePermission takes a permission back.
//
// AWS: recorded.
func (s *Service) RemovePermission(ctx context.Context, in *api.RemovePermissionInput) error {
	t, err := locate(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return err
	}
	return s.editFunction(ctx, t, errNotFound("No policy found for: "+t.unqualified()), func(e *functionEdit) error {
		list := e.rec.Policies[t.at()]
		if t.qualifier != "" && t.qualifier != latest && isAlias(t.qualifier) {
			if _, ok := e.rec.Aliases[t.qualifier]; !ok {
				return errAlias(t.arn())
			}
		}
		if len(list) == 0 {
			return errNotFound("No policy is associated with the given resource.")
		}
		i := slices.IndexFunc(list, func(v jsontext.Value) bool { return sidOf(v) == str(in.StatementId) })
		if i < 0 {
			return errNotFound("Statement " + str(in.StatementId) + " is not found in resource policy.")
		}
		if err := s.checkPolicyTarget(ctx, e, in.RevisionId); err != nil {
			return err
		}
		if list = slices.Delete(slices.Clone(list), i, i+1); len(list) == 0 {
			e.rec.Policies = without(e.rec.Policies, t.at())
		} else {
			e.rec.Policies = with(e.rec.Policies, t.at(), list)
		}
		return nil
	})
}

// GetPolicy returns the policy of a function, or of one of its versions or
// aliases.
func (s *Service) GetPolicy(ctx context.Context, in *api.GetPolicyInput) (*api.GetPolicyResponse, error) {
	t, err := locate(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	rec, _, err := s.function(ctx, t, nil)
	if err != nil {
		return nil, err
	}
	list := rec.Policies[t.at()]
	if len(list) == 0 {
		return nil, errGone()
	}
	out := &api.GetPolicyResponse{Policy: new(string(policyText(list)))}
	switch alias, ok := rec.Aliases[t.at()]; {
	case ok:
		out.RevisionId = alias.RevisionId
	case t.at() == latest:
		out.RevisionId = rec.Latest.RevisionId
	default:
		v, _, err := s.tables(ctx).Versions.Find(ctx, errFunction(t.arn()), t.name, t.at())
		if err != nil {
			return nil, err
		}
		out.RevisionId = v.RevisionId
	}
	return out, nil
}
