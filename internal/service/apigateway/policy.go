package apigateway

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/policy"
	"gatehouse/internal/record"
)

// errPolicy is the answer to a policy that cannot be one.
//
// AWS: seen in aws/serverless-application-model issue 514 and others.
func errPolicy() error {
	return api.BadRequestException("Invalid policy document. Please check the policy syntax and ensure that Principals are valid.")
}

// settlePolicy checks the resource policy of an API and writes the short form
// of resources out, so that what is stored says what it means. before is the
// policy that the API had.
//
// AWS: "execute-api:/stage/…" stands for this API
// (apigateway-resource-policies-create-attach).
func (s *Service) settlePolicy(ctx context.Context, a *api.RestApi, scope record.Scope, before *string) error {
	full := arn.ARN{Partition: arn.Partition(scope.Region), Service: "execute-api", Region: scope.Region, Account: scope.Account, Resource: str(a.Id)}
	var err error
	a.Policy, err = s.settledPolicy(ctx, a.Policy, before, scope.Account, full.String())
	return err
}

// A Directory knows the users and roles that there are.
type Directory interface {
	// Check returns missing if a policy names a user or a role of an account that
	// is not there.
	Check(ctx context.Context, account string, d *policy.Document, missing error) error
}

// settledPolicy is a policy with the short form of resources written out: full
// is what "execute-api:" stands for. No policy, or an empty one, is nil. The
// users and roles of account that it names are there, unless the policy before
// was the same: it stays what it is when they are deleted.
//
// AWS: quotas of REST APIs: "Length, in characters, of resource policy".
func (s *Service) settledPolicy(ctx context.Context, given, before *string, account, full string) (*string, error) {
	if str(given) == "" {
		return nil, nil
	}
	var text bytes.Buffer
	if json.Compact(&text, []byte(*given)) != nil {
		return nil, errPolicy()
	}
	settled := strings.NewReplacer(`"execute-api:/`, `"`+full+`/`, `"execute-api:\/`, `"`+full+`/`).Replace(text.String())
	if limit := s.opt.Limits.PolicyBytes; len(settled) > limit {
		return nil, api.BadRequestException("Resource policy size exceeds the maximum of " + strconv.Itoa(limit) + " characters") // AWS: undocumented text
	}
	doc, err := policy.Parse([]byte(settled))
	if err == nil {
		err = doc.Check(policy.Resource)
	}
	if err != nil {
		return nil, errPolicy()
	}
	if s.opt.Directory != nil && settled != str(before) {
		err = s.opt.Directory.Check(ctx, account, doc, errPolicy())
	}
	return &settled, err
}

// shownPolicy is a policy as it is returned: JSON text, escaped once more as if
// it stood between quotes.
//
// AWS: terraform-provider-aws puts quotes around the value and reads it as JSON
// (aws_api_gateway_rest_api).
func shownPolicy(p *string) *string {
	if str(p) == "" {
		return nil
	}
	return new(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(*p))
}
