package policy_test

import (
	"strings"
	"testing"
	"time"

	"gatehouse/internal/policy"
)

var now = time.Date(2026, 5, 4, 12, 30, 0, 0, time.UTC)

const methodARN = "arn:aws:execute-api:us-east-1:111122223333:a1b2c3/prod/GET/pets/7"

func parse(t testing.TB, document string) *policy.Document {
	t.Helper()
	d, err := policy.Parse([]byte(document))
	if err != nil {
		t.Fatalf("Parse(%s): %v", document, err)
	}
	return d
}

func TestEvaluateResource(t *testing.T) {
	tests := []struct {
		pattern  string
		resource string
		want     bool
	}{
		{"*", methodARN, true},
		{methodARN, methodARN, true},
		{"arn:aws:execute-api:us-east-1:111122223333:a1b2c3/prod/GET/pets/*", methodARN, true},
		{"arn:aws:execute-api:us-east-1:111122223333:a1b2c3/*/GET/*", methodARN, true},
		{"arn:aws:execute-api:us-east-1:111122223333:a1b2c3/*/POST/*", methodARN, false},
		{"arn:aws:execute-api:us-east-1:111122223333:a1b2c3/pro?/GET/pets/?", methodARN, true},
		{"arn:aws:execute-api:us-east-1:111122223333:a1b2c3/pro?/GET/pets/??", methodARN, false},
		{"arn:aws:execute-api:*:*:a1b2c3/*", methodARN, true},
		{"arn:aws:execute-api:us-west-2:*:a1b2c3/*", methodARN, false},
		// A wildcard spans segments only at the end.
		{"arn:aws:execute-api:*/prod/GET/pets/7", methodARN, false},
		{"arn:aws:execute-api:*", methodARN, true},
		{"arn:aws:execute-api", methodARN, true},
		{"arn:aws:lambda", methodARN, false},
		{"arn:*:execute-api:*:*:*", methodARN, true},
		// Upper and lower case differ.
		{"arn:aws:execute-api:us-east-1:111122223333:A1B2C3/*", methodARN, false},
		{"arn:aws:execute-api:us-east-1:111122223333:a1b2c3/prod/GET/p*s*7*", methodARN, true},
		{"", methodARN, false},
		{"*", "*", true},
		{methodARN, "*", false},
	}
	for _, tt := range tests {
		d := parse(t, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"`+tt.pattern+`"}}`)
		got := d.Evaluate(&policy.Request{Action: "execute-api:Invoke", Resource: tt.resource}).Allowed()
		if got != tt.want {
			t.Errorf("%q allows %q = %v, want %v", tt.pattern, tt.resource, got, tt.want)
		}
	}
}

func TestEvaluateAction(t *testing.T) {
	tests := []struct {
		element, action string
		want            bool
	}{
		{`"Action":"execute-api:Invoke"`, "execute-api:Invoke", true},
		{`"Action":"execute-api:invoke"`, "execute-api:Invoke", true},
		{`"Action":"EXECUTE-API:*"`, "execute-api:Invoke", true},
		{`"Action":["s3:*","execute-api:In*"]`, "execute-api:Invoke", true},
		{`"Action":"execute-api:Invok"`, "execute-api:Invoke", false},
		{`"Action":"execute-api:Invok?"`, "execute-api:Invoke", true},
		{`"Action":"*"`, "s3:GetObject", true},
		{`"NotAction":"s3:*"`, "s3:GetObject", false},
		{`"NotAction":["s3:*","iam:*"]`, "execute-api:Invoke", true},
	}
	for _, tt := range tests {
		d := parse(t, `{"Statement":[{"Effect":"Allow",`+tt.element+`,"Resource":"*"}]}`)
		got := d.Evaluate(&policy.Request{Action: tt.action, Resource: "*"}).Allowed()
		if got != tt.want {
			t.Errorf("%s allows %s = %v, want %v", tt.element, tt.action, got, tt.want)
		}
	}
}

// A statement that denies decides, wherever it stands.
func TestEvaluateDenyFirst(t *testing.T) {
	d := parse(t, `{"Version":"2012-10-17","Statement":[
		{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"},
		{"Sid":"D","Effect":"Deny","Action":"execute-api:*","NotResource":"arn:aws:execute-api:*:*:a1b2c3/*"}]}`)
	tests := []struct {
		resource string
		want     policy.Decision
	}{
		{methodARN, policy.Decision{Effect: policy.Allow, Statement: 0}},
		{strings.Replace(methodARN, "a1b2c3", "other", 1), policy.Decision{Effect: policy.Deny, Statement: 1}},
	}
	for _, tt := range tests {
		got := d.Evaluate(&policy.Request{Action: "execute-api:Invoke", Resource: tt.resource})
		if got != tt.want {
			t.Errorf("Evaluate(%s) = %+v, want %+v", tt.resource, got, tt.want)
		}
	}
	if got := d.Evaluate(&policy.Request{Action: "s3:GetObject", Resource: "*"}); got.Statement != 0 {
		t.Errorf("an action that the deny does not name: %+v, want statement 0", got)
	}
	if got := d.Sid(1); got != "D" {
		t.Errorf("Sid(1) = %q, want D", got)
	}
}

func TestEvaluatePrincipal(t *testing.T) {
	user := policy.Principal{ARN: "arn:aws:iam::111122223333:user/ann", Account: "111122223333", Type: "User"}
	session := policy.Principal{
		ARN: "arn:aws:sts::111122223333:assumed-role/web/s1", Account: "111122223333",
		Role: "arn:aws:iam::111122223333:role/web", Type: "AssumedRole",
	}
	service := policy.Principal{Service: "apigateway.amazonaws.com", Account: "111122223333"}
	byID, sessionByID := user, session
	byID.UserID, sessionByID.UserID = "AIDAANNANNANNANN", "AROAWEBWEBWEBWEB:s1"
	var anonymous policy.Principal
	tests := []struct {
		element string
		who     policy.Principal
		want    policy.Decision
	}{
		{`"Principal":"*"`, anonymous, policy.Decision{Effect: policy.Allow, Grant: policy.GrantEveryone}},
		{`"Principal":{"AWS":"*"}`, user, policy.Decision{Effect: policy.Allow, Grant: policy.GrantEveryone}},
		{`"Principal":{"AWS":["` + user.ARN + `"]}`, user, policy.Decision{Effect: policy.Allow, Grant: policy.GrantCaller}},
		{`"Principal":{"AWS":["` + user.ARN + `"]}`, session, policy.Decision{Statement: -1}},
		{`"Principal":{"AWS":"` + user.ARN + `"}`, anonymous, policy.Decision{Statement: -1}},
		{`"Principal":{"AWS":"111122223333"}`, user, policy.Decision{Effect: policy.Allow, Delegated: true, Grant: policy.GrantAccount}},
		{`"Principal":{"AWS":"arn:aws:iam::111122223333:root"}`, session, policy.Decision{Effect: policy.Allow, Delegated: true, Grant: policy.GrantAccount}},
		{`"Principal":{"AWS":"arn:aws:iam::999988887777:root"}`, session, policy.Decision{Statement: -1}},
		{`"Principal":{"AWS":"arn:aws:iam::111122223333:role/web"}`, session, policy.Decision{Effect: policy.Allow, Grant: policy.GrantRole}},
		{`"Principal":{"AWS":"AIDAANNANNANNANN"}`, byID, policy.Decision{Effect: policy.Allow, Grant: policy.GrantCaller}},
		{`"Principal":{"AWS":"AIDAANNANNANNANN"}`, user, policy.Decision{Statement: -1}},
		{`"Principal":{"AWS":"AROAWEBWEBWEBWEB"}`, sessionByID, policy.Decision{Effect: policy.Allow, Grant: policy.GrantRole}},
		{`"Principal":{"AWS":"AROAWEBWEBWEBWEB:s1"}`, sessionByID, policy.Decision{Effect: policy.Allow, Grant: policy.GrantCaller}},
		{`"Principal":{"AWS":"arn:aws:sts::111122223333:assumed-role/web/s1"}`, session, policy.Decision{Effect: policy.Allow, Grant: policy.GrantCaller}},
		{`"Principal":{"Service":"apigateway.amazonaws.com"}`, service, policy.Decision{Effect: policy.Allow, Grant: policy.GrantCaller}},
		{`"Principal":{"Service":"lambda.amazonaws.com"}`, service, policy.Decision{Statement: -1}},
		{`"Principal":{"AWS":"111122223333"}`, service, policy.Decision{Statement: -1}},
		{`"Principal":{"Federated":"accounts.google.com"}`, policy.Principal{Identity: "accounts.google.com"}, policy.Decision{Effect: policy.Allow, Grant: policy.GrantCaller}},
		{`"NotPrincipal":{"AWS":"` + user.ARN + `"}`, user, policy.Decision{Statement: -1}},
		{`"NotPrincipal":{"AWS":"` + user.ARN + `"}`, session, policy.Decision{Effect: policy.Allow, Grant: policy.GrantEveryone}},
	}
	for _, tt := range tests {
		d := parse(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",`+tt.element+`,"Action":"*","Resource":"*"}]}`)
		got := d.Evaluate(&policy.Request{Principal: tt.who, Action: "execute-api:Invoke", Resource: methodARN})
		if got != tt.want {
			t.Errorf("%s for %s = %+v, want %+v", tt.element, tt.who.ARN, got, tt.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const good = `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`
	tests := []struct{ document, want string }{
		{``, "This policy contains invalid Json"},
		{`{`, "This policy contains invalid Json"},
		{`{"Statement":[]} x`, "This policy contains invalid Json"},
		{`{"Statement":[` + good + `],"Statement":[]}`, "This policy contains invalid Json"},
		{strings.Repeat("[", 10_000), "This policy contains invalid Json"},
		{`[]`, "Syntax errors in policy."},
		{`"x"`, "Syntax errors in policy."},
		{`{}`, "Syntax errors in policy."},
		{`{"Version":"2012-10-18","Statement":[` + good + `]}`, "Syntax errors in policy."},
		{`{"Version":2012,"Statement":[` + good + `]}`, "Syntax errors in policy."},
		{`{"Id":1,"Statement":[` + good + `]}`, "Syntax errors in policy."},
		{`{"statement":[` + good + `]}`, "Syntax errors in policy."},
		{`{"Statement":"x"}`, "Syntax errors in policy."},
		{`{"Statement":["x"]}`, "Syntax errors in policy."},
		{`{"Statement":[{"Action":"s3:*","Resource":"*"}]}`, "Syntax errors in policy."},
		{`{"Statement":[{"Effect":"allow","Action":"s3:*","Resource":"*"}]}`, "Syntax errors in policy."},
		{`{"Statement":[{"Effect":"Allow","Resource":"*"}]}`, "Policy statement must contain actions."},
		{`{"Statement":[{"Effect":"Allow","Action":[],"Resource":"*"}]}`, "Policy statement must contain actions."},
		{`{"Statement":[{"Effect":"Allow","Action":1,"Resource":"*"}]}`, "Syntax errors in policy."},
		{`{"Statement":[{"Effect":"Allow","Action":"s3:*","NotAction":"s3:*","Resource":"*"}]}`, "Syntax errors in policy."},
		{`{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","NotResource":"*"}]}`, "Syntax errors in policy."},
		{`{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Extra":"*"}]}`, "Syntax errors in policy."},
		{`{"Statement":[{"Effect":"Allow","Action":"invoke","Resource":"*"}]}`, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."},
		{`{"Statement":[{"Effect":"Allow","Action":"a:b:c","Resource":"*"}]}`, "Actions/Condition can contain only one colon."},
		{`{"Statement":[{"Effect":"Allow","Action":"a b:c","Resource":"*"}]}`, "Vendor a b is not valid"},
		{`{"Statement":[{"Sid":"a","Effect":"Allow","Action":"s3:*","Resource":"*"},{"Sid":"a","Effect":"Deny","Action":"s3:*","Resource":"*"}]}`, "Statement IDs (SID) in a single policy must be unique."},
		{`{"Statement":[{"Effect":"Allow","Principal":"ann","Action":"s3:*","Resource":"*"}]}`, "Syntax errors in policy."},
		{`{"Statement":[{"Effect":"Allow","Principal":{},"Action":"s3:*","Resource":"*"}]}`, "Syntax errors in policy."},
		{`{"Statement":[{"Effect":"Allow","Principal":{"Aws":"*"},"Action":"s3:*","Resource":"*"}]}`, "Syntax errors in policy."},
		{`{"Statement":[{"Effect":"Allow","Principal":"*","NotPrincipal":"*","Action":"s3:*","Resource":"*"}]}`, "Syntax errors in policy."},
		{`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::${aws:username"}]}`, "The policy failed legacy parsing"},
		{`{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEqual":{"a:b":"c"}}}]}`, "Syntax errors in policy."},
		{`{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":"c"}}]}`, "Syntax errors in policy."},
		{`{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"b":"c"}}}]}`, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."},
		{`{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"a:b":{}}}}]}`, "Syntax errors in policy."},
		{`{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"NumericEquals":{"a:b":"x"}}}]}`, "Syntax errors in policy."},
		{`{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"DateLessThan":{"a:b":"x"}}}]}`, "The policy failed legacy parsing"},
		{`{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"a:b":"yes"}}}]}`, "Syntax errors in policy."},
		{`{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"IpAddress":{"a:b":"10.0.0.0/99"}}}]}`, "Syntax errors in policy."},
		{`{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"NullIfExists":{"a:b":"true"}}}]}`, "Syntax errors in policy."},
	}
	for _, tt := range tests {
		_, err := policy.Parse([]byte(tt.document))
		if err == nil || err.Error() != tt.want {
			t.Errorf("Parse(%.200s) = %v, want %s", tt.document, err, tt.want)
		}
	}
}
