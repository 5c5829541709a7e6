package policy_test

import (
	"testing"

	"gatehouse/internal/policy"
)

// typical is a policy with the conditions that API owners write.
const typical = `{"Version":"2012-10-17","Statement":[
	{"Effect":"Deny","Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:us-east-1:111122223333:a1b2c3/*/*/admin/*",
	 "Condition":{"NotIpAddress":{"aws:SourceIp":["10.0.0.0/8","192.0.2.0/24"]}}},
	{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:us-east-1:111122223333:a1b2c3/prod/POST/*"},
	{"Effect":"Allow","Action":["execute-api:Invoke","execute-api:ManageConnections"],
	 "Resource":["arn:aws:execute-api:us-east-1:111122223333:zzzzzz/*","arn:aws:execute-api:us-east-1:111122223333:a1b2c3/*/GET/pets/*"],
	 "Condition":{"StringEquals":{"aws:PrincipalTag/team":"${aws:PrincipalTag/team,'none'}"},"IpAddress":{"aws:SourceIp":"192.0.2.0/24"},
	  "DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:00Z"}}}]}`

func typicalRequest() *policy.Request {
	return &policy.Request{
		Principal: policy.Principal{ARN: "arn:aws:iam::111122223333:user/ann", Account: "111122223333", UserName: "ann"},
		Action:    "execute-api:Invoke", Resource: methodARN, Now: now,
		Keys: policy.Map{"aws:sourceip": {"192.0.2.7"}, "aws:principaltag/team": {"blue"}},
	}
}

func TestEvaluateAllocs(t *testing.T) {
	d, r := parse(t, typical), typicalRequest()
	if got := d.Evaluate(r); got.Effect != policy.Allow || got.Statement != 2 {
		t.Fatalf("Evaluate = %+v, want Allow by statement 2", got)
	}
	set := policy.Set{Identity: []*policy.Document{d}, Boundary: d, Session: []*policy.Document{d}}
	if n := testing.AllocsPerRun(1000, func() { d.Evaluate(r); set.Decide(r) }); n != 0 {
		t.Errorf("a decision allocates %v times, budget 0", n)
	}
}

func BenchmarkEvaluate(b *testing.B) {
	d, r := parse(b, typical), typicalRequest()
	b.ReportAllocs()
	for b.Loop() {
		if !d.Evaluate(r).Allowed() {
			b.Fatal("not allowed")
		}
	}
}
