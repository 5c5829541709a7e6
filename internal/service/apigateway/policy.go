package apigateway

import (
	"bytes"
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
// of resources out, so that what is stored says what it means.
//
// AWS: "execute-api:/stage/…" stands for this API
// (apigateway-resource-policies-create-attach).
func settlePolicy(a *api.RestApi, s record.Scope, limit int) error {
	full := arn.ARN{Partition: arn.Partition(s.Region), Service: "execute-api", Region: s.Region, Account: s.Account, Resource: str(a.Id)}
	var err error
	a.Policy, err = settledPolicy(a.Policy, full.String(), limit)
	return err
}

// settledPolicy is a policy with the short form of resources written out: full
// is what "execute-api:" stands for. No policy, or an empty one, is nil. It has
// at most limit bytes.
//
// AWS: quotas of REST APIs: "Length, in characters, of resource policy".
func settledPolicy(given *string, full string, limit int) (*string, error) {
	if str(given) == "" {
		return nil, nil
	}
	var text bytes.Buffer
	if json.Compact(&text, []byte(*given)) != nil {
		return nil, errPolicy()
	}
	settled := strings.NewReplacer(`"execute-api:/`, `"`+full+`/`, `"execute-api:\/`, `"`+full+`/`).Replace(text.String())
	if len(settled) > limit {
		return nil, api.BadRequestException("Resource policy size exceeds the maximum of " + strconv.Itoa(limit) + " characters") // AWS: undocumented text
	}
	doc, err := policy.Parse([]byte(settled))
	if err == nil {
		err = doc.Check(policy.Resource)
	}
	if err != nil {
		return nil, errPolicy()
	}
	return &settled, nil
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
