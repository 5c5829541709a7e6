package policy_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"gatehouse/internal/policy"
)

// none is a request without the key.
var none []string

// Each operator with values that match, that do not, and without the key.
//
// AWS: reference_policies_elements_condition_operators, and
// reference_policies_condition-single-vs-multi-valued-context-keys.
func TestConditions(t *testing.T) {
	tests := []struct {
		operator string
		values   string // of the policy, JSON
		has      []string
		want     bool
	}{
		{"StringEquals", `"a"`, []string{"a"}, true},
		{"StringEquals", `"a"`, []string{"A"}, false},
		{"StringEquals", `["a","b"]`, []string{"b"}, true},
		{"StringEquals", `"a*"`, []string{"ab"}, false},
		{"StringEquals", `"a"`, none, false},
		{"StringEquals", `[]`, []string{"a"}, false},
		{"StringEquals", `true`, []string{"true"}, true},
		{"StringEquals", `5`, []string{"5"}, true},
		{"StringNotEquals", `"a"`, []string{"b"}, true},
		{"StringNotEquals", `["a","b"]`, []string{"b"}, false},
		{"StringNotEquals", `"a"`, none, true},
		{"StringEqualsIgnoreCase", `"aB"`, []string{"Ab"}, true},
		{"StringNotEqualsIgnoreCase", `"aB"`, []string{"Ab"}, false},
		{"StringLike", `"a*c?"`, []string{"abbcd"}, true},
		{"StringLike", `"a*c?"`, []string{"abbc"}, false},
		{"StringLike", `"*"`, none, false},
		{"StringNotLike", `"a*"`, []string{"b"}, true},
		{"StringNotLike", `"a*"`, none, true},
		{"NumericEquals", `"5"`, []string{"5.0"}, true},
		{"NumericEquals", `5`, []string{"six"}, false},
		{"NumericNotEquals", `5`, []string{"6"}, true},
		{"NumericLessThan", `5`, []string{"4"}, true},
		{"NumericLessThan", `5`, []string{"5"}, false},
		{"NumericLessThanEquals", `5`, []string{"5"}, true},
		{"NumericGreaterThan", `-5`, []string{"1e1"}, true},
		{"NumericGreaterThanEquals", `5`, []string{"4"}, false},
		{"NumericLessThan", `5`, []string{"NaN"}, false},
		{"NumericLessThan", `5`, none, false},
		{"DateEquals", `"2026-05-04T12:30:00Z"`, []string{"1777897800"}, true},
		{"DateNotEquals", `"2026-05-04T12:30:00Z"`, []string{"2026-05-04T14:30:00+02:00"}, false},
		{"DateLessThan", `"2026-05-04"`, []string{"2026-05-03T23:59:59Z"}, true},
		{"DateLessThanEquals", `"2026"`, []string{"2026-01-01T00:00:00Z"}, true},
		{"DateGreaterThan", `"2026-05"`, []string{"2026-05-01T00:00:01Z"}, true},
		{"DateGreaterThanEquals", `"2026-05-04T12:30Z"`, []string{"yesterday"}, false},
		{"Bool", `"true"`, []string{"true"}, true},
		{"Bool", `true`, []string{"false"}, false},
		{"Bool", `"false"`, []string{"false"}, true},
		{"Bool", `"false"`, none, false},
		{"BinaryEquals", `"AQID"`, []string{"AQID"}, true},
		{"BinaryEquals", `"AQID"`, []string{"AQIE"}, false},
		{"IpAddress", `"10.0.0.0/8"`, []string{"10.1.2.3"}, true},
		{"IpAddress", `"10.1.2.3"`, []string{"10.1.2.4"}, false},
		{"IpAddress", `"10.0.0.0/8"`, []string{"::ffff:10.1.2.3"}, true},
		{"IpAddress", `"::ffff:10.0.0.0/104"`, []string{"10.1.2.3"}, true},
		{"NotIpAddress", `"::ffff:10.1.2.3"`, []string{"10.1.2.3"}, false},
		{"IpAddress", `"2001:db8::/32"`, []string{"2001:db8:1::1"}, true},
		{"IpAddress", `"0.0.0.0/0"`, []string{"2001:db8::1"}, false},
		{"IpAddress", `"0.0.0.0/0"`, []string{"nowhere"}, false},
		{"IpAddress", `"0.0.0.0/0"`, none, false},
		{"NotIpAddress", `"10.0.0.0/8"`, []string{"192.0.2.1"}, true},
		{"NotIpAddress", `"10.0.0.0/8"`, []string{"10.0.0.1"}, false},
		{"NotIpAddress", `"10.0.0.0/8"`, none, true},
		{"ArnEquals", `"arn:aws:sns:*:1:t"`, []string{"arn:aws:sns:eu-west-1:1:t"}, true},
		{"ArnEquals", `"arn:aws:sns:*:t"`, []string{"arn:aws:sns:eu-west-1:1:t"}, false},
		{"ArnLike", `"arn:aws:s3:::b/*"`, []string{"arn:aws:s3:::b/a/c:d"}, true},
		{"ArnNotEquals", `"arn:aws:s3:::b"`, []string{"arn:aws:s3:::c"}, true},
		{"ArnNotLike", `"arn:aws:s3:::*"`, []string{"arn:aws:s3:::c"}, false},
		{"Null", `"true"`, none, true},
		{"Null", `"true"`, []string{"x"}, false},
		{"Null", `"false"`, []string{"x"}, true},
		{"Null", `false`, none, false},

		{"StringEqualsIfExists", `"a"`, none, true},
		{"StringEqualsIfExists", `"a"`, []string{"b"}, false},
		{"BoolIfExists", `"true"`, none, true},
		{"StringNotEqualsIfExists", `"a"`, []string{"a"}, false},

		{"ForAllValues:StringEquals", `["a","b"]`, []string{"a", "b"}, true},
		{"ForAllValues:StringEquals", `["a","b"]`, []string{"a", "c"}, false},
		{"ForAllValues:StringEquals", `["a","b"]`, []string{}, true},
		{"ForAllValues:StringEquals", `["a","b"]`, none, true},
		{"ForAllValues:StringNotLike", `"x*"`, []string{"a", "xb"}, false},
		{"ForAnyValue:StringEquals", `["a","b"]`, []string{"c", "b"}, true},
		{"ForAnyValue:StringEquals", `["a","b"]`, []string{"c", "d"}, false},
		{"ForAnyValue:StringEquals", `["a","b"]`, none, false},
		{"ForAnyValue:StringNotEquals", `"a"`, []string{"a", "b"}, true},
		{"ForAnyValue:StringNotEquals", `"a"`, none, false},
		{"ForAnyValue:StringLikeIfExists", `"a*"`, none, true},
		{"StringEquals", `"a"`, []string{"b", "a"}, true},
		{"StringNotEquals", `"a"`, []string{"b", "a"}, false},
		{"StringEquals", `"a"`, []string{}, false},
	}
	for _, tt := range tests {
		d := parse(t, fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{%q:{"x:Key":%s}}}]}`, tt.operator, tt.values))
		keys := policy.Map{}
		if tt.has != nil {
			keys["x:key"] = tt.has
		}
		got := d.Evaluate(&policy.Request{Action: "a:b", Resource: "*", Now: now, Keys: keys}).Allowed()
		if got != tt.want {
			t.Errorf("%s %s of %q = %v, want %v", tt.operator, tt.values, tt.has, got, tt.want)
		}
	}
}

// All conditions of a statement must hold.
func TestConditionsTogether(t *testing.T) {
	d := parse(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*",
		"Condition":{"StringEquals":{"x:a":"1","x:b":"2"},"Bool":{"aws:SecureTransport":"true"},"DateGreaterThan":{"aws:CurrentTime":"2026-01-01T00:00:00Z","aws:EpochTime":"1700000000"}}}]}`)
	for _, tt := range []struct {
		keys string
		want bool
	}{
		{`{"x:a":["1"],"x:b":["2"],"aws:securetransport":["true"]}`, true},
		{`{"x:a":["1"],"x:b":["3"],"aws:securetransport":["true"]}`, false},
		{`{"x:a":["1"],"x:b":["2"],"aws:securetransport":["false"]}`, false},
		{`{"x:a":["1"],"aws:securetransport":["true"]}`, false},
	} {
		var keys policy.Map
		if err := json.Unmarshal([]byte(tt.keys), &keys); err != nil {
			t.Fatal(err)
		}
		if got := d.Evaluate(&policy.Request{Action: "a:b", Resource: "*", Now: now, Keys: keys}).Allowed(); got != tt.want {
			t.Errorf("with %s = %v, want %v", tt.keys, got, tt.want)
		}
	}
}

func TestVariables(t *testing.T) {
	ann := policy.Principal{UserName: "ann", UserID: "AIDA1"}
	odd := policy.Principal{UserName: "a*"}
	tests := []struct {
		version, resource string
		who               policy.Principal
		asked             string
		want              bool
	}{
		{"2012-10-17", "arn:aws:s3:::b/${aws:username}/*", ann, "arn:aws:s3:::b/ann/x", true},
		{"2012-10-17", "arn:aws:s3:::b/${AWS:UserName}/*", ann, "arn:aws:s3:::b/ann/x", true},
		{"2012-10-17", "arn:aws:s3:::b/${aws:username}/*", ann, "arn:aws:s3:::b/bob/x", false},
		{"2012-10-17", "arn:aws:s3:::b/${aws:username}/*", policy.Principal{}, "arn:aws:s3:::b//x", false},
		{"2012-10-17", "arn:aws:s3:::b/${aws:username, 'all'}/*", policy.Principal{}, "arn:aws:s3:::b/all/x", true},
		{"2012-10-17", "arn:aws:s3:::b/${aws:username, 'all'}/*", ann, "arn:aws:s3:::b/all/x", false},
		{"2012-10-17", "arn:aws:s3:::b/${aws:PrincipalTag/team}", ann, "arn:aws:s3:::b/blue", true},
		{"2012-10-17", "arn:aws:s3:::b/${*}", ann, "arn:aws:s3:::b/x", false},
		{"2012-10-17", "arn:aws:s3:::b/${*}", ann, "arn:aws:s3:::b/*", true},
		{"2012-10-17", "arn:aws:s3:::b/${?}${$}", ann, "arn:aws:s3:::b/?$", true},
		// What a variable brings in is no wildcard.
		{"2012-10-17", "arn:aws:s3:::b/${aws:username}", odd, "arn:aws:s3:::b/axxx", false},
		{"2012-10-17", "arn:aws:s3:::b/${aws:username}", odd, "arn:aws:s3:::b/a*", true},
		// The older version has no variables.
		{"2008-10-17", "arn:aws:s3:::b/${aws:username}/*", ann, "arn:aws:s3:::b/ann/x", false},
		{"2008-10-17", "arn:aws:s3:::b/${aws:username}/*", ann, "arn:aws:s3:::b/${aws:username}/x", true},
		// Keys with several values are none.
		{"2012-10-17", "arn:aws:s3:::b/${x:many}", ann, "arn:aws:s3:::b/1", false},
	}
	for _, tt := range tests {
		d := parse(t, fmt.Sprintf(`{"Version":%q,"Statement":[{"Effect":"Allow","Action":"*","Resource":%q}]}`, tt.version, tt.resource))
		r := policy.Request{Principal: tt.who, Action: "s3:GetObject", Resource: tt.asked, Now: now, Keys: policy.Map{"aws:principaltag/team": {"blue"}, "x:many": {"1", "2"}}}
		if got := d.Evaluate(&r).Allowed(); got != tt.want {
			t.Errorf("%s in %s for %+v allows %s = %v, want %v", tt.resource, tt.version, tt.who, tt.asked, got, tt.want)
		}
	}
}

func TestCheck(t *testing.T) {
	tests := []struct {
		kind           policy.Kind
		document, want string
	}{
		{policy.Identity, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`, ""},
		{policy.Identity, `{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`, "Policy document must be version 2012-10-17 or greater."},
		{policy.Identity, `{"Version":"2012-10-17","Statement":[]}`, "Syntax errors in policy."},
		{policy.Identity, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*"}]}`, "Policy statement must contain resources."},
		{policy.Identity, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":[]}]}`, "Policy statement must contain resources."},
		{policy.Identity, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}]}`, "Policy document should not specify a principal."},
		{policy.Identity, `{"Version":"2012-10-17","Statement":[{"Sid":"a b","Effect":"Allow","Action":"s3:*","Resource":"*"}]}`, "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"},
		{policy.Identity, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"bucket"}]}`, `Resource bucket must be in ARN format or "*".`},
		{policy.Identity, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:moon:s3:::b"}]}`, `Partition "moon" is not valid for resource "arn:moon:s3:*:*:b".`},
		{policy.Identity, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s*:::b"}]}`, "Resource vendor must be fully qualified and cannot contain regexes."},
		{policy.Identity, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam:us-east-1:1:user/x"}]}`, "IAM resource arn:aws:iam:us-east-1:1:user/x cannot contain region information."},
		{policy.Session, `{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`, ""},
		{policy.Trust, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"apigateway.amazonaws.com"},"Action":"sts:AssumeRole"}]}`, ""},
		{policy.Trust, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole"}]}`, "Missing required field Principal"},
		{policy.Trust, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Resource":"*"}]}`, "Has prohibited field Resource"},
		{policy.Trust, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*"}]}`, "AssumeRole policy may only specify STS AssumeRole actions."},
		{policy.Trust, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"ann"},"Action":"sts:AssumeRole"}]}`, `Invalid principal in policy: "AWS":"ann"`},
		{policy.Resource, `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":{"CanonicalUser":"79a5"},"Action":"s3:*","Resource":"*"}]}`, `Invalid principal in policy: "CanonicalUser":"79a5"`},
		{policy.Resource, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/*"},"Action":"s3:*","Resource":"*"}]}`, `Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:user/*"`},
		{policy.Resource, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["111122223333","arn:aws:sts::111122223333:assumed-role/r/s"]},"Action":"s3:*","Resource":"*"}]}`, ""},
		{policy.Resource, `{"Statement":{"Effect":"Deny","Principal":"*","Action":"*","Resource":["*","execute-api:prod/*"]}}`, "The policy failed legacy parsing"},
	}
	for _, tt := range tests {
		got := ""
		if err := parse(t, tt.document).Check(tt.kind); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("Check(%d) of %s = %q, want %q", tt.kind, tt.document, got, tt.want)
		}
	}
}
