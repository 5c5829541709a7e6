package sts_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	api "gatehouse/internal/awsapi/sts"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/identity"
	"gatehouse/internal/policy"
	"gatehouse/internal/service/sts"
)

const (
	account = "111122223333"
	ofAnn   = "arn:aws:iam::111122223333:user/ann"
	ofWeb   = "arn:aws:iam::111122223333:role/web"
)

func parse(t *testing.T, document string) *policy.Document {
	t.Helper()
	d, err := policy.Parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A world is ann, who has a policy, and the role web, which has a trust policy.
func newWorld(t *testing.T, own, trust string) (*sts.Service, *identity.Registry) {
	t.Helper()
	seal, err := identity.NewSeal(bytes.Repeat([]byte{3}, 32))
	if err != nil {
		t.Fatal(err)
	}
	ann := &identity.Principal{Principal: policy.Principal{ARN: ofAnn, Account: account, UserID: "AIDAANN", UserName: "ann"}, ID: "AIDAANN", Name: "ann"}
	if own != "" {
		ann.Add(identity.Policy{Document: parse(t, own)})
	}
	role := &identity.Role{
		Principal: identity.Principal{Principal: policy.Principal{ARN: ofWeb, Account: account}, ID: "AROAWEB", Name: "web", Tags: map[string]string{"team": "red"}}, MaxDuration: 2 * time.Hour,
	}
	if trust != "" {
		role.Trust = parse(t, trust)
	}
	role.Add(identity.Policy{Document: parse(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)})
	reg := new(identity.Registry)
	reg.Publish(identity.NewDirectory(identity.Contents{
		Keys:  []*identity.Credential{{AccessKey: "AKIAANN", Principal: ann, Active: true}},
		Users: []*identity.Principal{ann}, Roles: []*identity.Role{role}, Seal: seal,
	}))
	managed := func(_, name string) (string, bool) {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`, name == "arn:aws:iam::aws:policy/S3"
	}
	return sts.New(reg, managed), reg
}

func as(t *testing.T, c awsrpc.Caller) context.Context {
	c.Account, c.Region = account, "us-east-1"
	return awsrpc.WithCaller(t.Context(), c)
}

func trusting(principal, condition string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":["sts:AssumeRole","sts:SetSourceIdentity"]` + condition + `}]}`
}

const allowed = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:*","Resource":"` + ofWeb + `"}]}`

// Who may assume a role. An empty want is a success.
func TestAssumeRole(t *testing.T) {
	const denied = "AccessDeniedException: User: " + ofAnn + " is not authorized to perform: sts:AssumeRole on resource: "
	id := `,"Condition":{"StringEquals":{"sts:ExternalId":"x1"}}`
	tests := []struct {
		name, own, trust string
		in               api.AssumeRoleInput
		want             string
	}{
		{"named", "", trusting(`{"AWS":"`+ofAnn+`"}`, ""), api.AssumeRoleInput{}, ""},
		{"account named, no policy", "", trusting(`{"AWS":"`+account+`"}`, ""), api.AssumeRoleInput{}, denied + ofWeb},
		{"account named, and a policy", allowed, trusting(`{"AWS":"`+account+`"}`, ""), api.AssumeRoleInput{}, ""},
		{"only a policy", allowed, trusting(`{"AWS":"arn:aws:iam::111122223333:user/bob"}`, ""), api.AssumeRoleInput{}, denied + ofWeb},
		{"no trust policy", allowed, "", api.AssumeRoleInput{}, denied + ofWeb},
		{"own policy denies", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"sts:*","Resource":"*"}]}`, trusting(`{"AWS":"`+ofAnn+`"}`, ""), api.AssumeRoleInput{}, denied + ofWeb},
		{"unknown role", allowed, trusting(`"*"`, ""), api.AssumeRoleInput{RoleArn: new("arn:aws:iam::111122223333:role/none")}, denied + "arn:aws:iam::111122223333:role/none"},
		{"external id", allowed, trusting(`{"AWS":"`+ofAnn+`"}`, id), api.AssumeRoleInput{ExternalId: new("x1")}, ""},
		{"wrong external id", allowed, trusting(`{"AWS":"`+ofAnn+`"}`, id), api.AssumeRoleInput{ExternalId: new("x2")}, denied + ofWeb},
		{"no external id", allowed, trusting(`{"AWS":"`+ofAnn+`"}`, id), api.AssumeRoleInput{}, denied + ofWeb},
		{"tags without permission", "", trusting(`{"AWS":"`+ofAnn+`"}`, ""), api.AssumeRoleInput{Tags: []api.Tag{{Key: new("a"), Value: new("b")}}},
			"AccessDeniedException: User: " + ofAnn + " is not authorized to perform: sts:TagSession on resource: " + ofWeb},
		{"tags that differ in case only", "", trusting(`{"AWS":"`+ofAnn+`"}`, ""), api.AssumeRoleInput{Tags: []api.Tag{{Key: new("Team"), Value: new("b")}, {Key: new("team"), Value: new("c")}}},
			"ValidationException: Duplicate tag keys found."},
		{"reserved tag", "", trusting(`{"AWS":"`+ofAnn+`"}`, ""), api.AssumeRoleInput{Tags: []api.Tag{{Key: new("AWS:a"), Value: new("b")}}}, "ValidationException: Tag keys that begin with aws:"},
		{"source identity", "", trusting(`{"AWS":"`+ofAnn+`"}`, ""), api.AssumeRoleInput{SourceIdentity: new("ann")}, ""},
		{"not a role", "", trusting(`"*"`, ""), api.AssumeRoleInput{RoleArn: new(ofAnn)}, "ValidationException: " + ofAnn + " is invalid"},
		{"bad session name", "", trusting(`"*"`, ""), api.AssumeRoleInput{RoleSessionName: new("a b")}, "ValidationException: 1 validation error detected: Value 'a b' at 'roleSessionName'"},
		{"too short", "", trusting(`{"AWS":"`+ofAnn+`"}`, ""), api.AssumeRoleInput{DurationSeconds: new(int32(10))}, "ValidationException: 1 validation error detected: Value '10' at 'durationSeconds'"},
		{"longer than the role's", "", trusting(`{"AWS":"`+ofAnn+`"}`, ""), api.AssumeRoleInput{DurationSeconds: new(int32(7201))}, "ValidationException: The requested DurationSeconds exceeds the MaxSessionDuration set for this role."},
		{"malformed session policy", "", trusting(`{"AWS":"`+ofAnn+`"}`, ""), api.AssumeRoleInput{Policy: new("{}")}, "MalformedPolicyDocument: Syntax errors in policy."},
		{"large session policy", "", trusting(`{"AWS":"`+ofAnn+`"}`, ""),
			api.AssumeRoleInput{Policy: new(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::` + strings.Repeat("x", 2048) + `"}]}`)},
			"ValidationException: 1 validation error detected: Value at 'policy'"},
		{"unknown managed policy", "", trusting(`{"AWS":"`+ofAnn+`"}`, ""), api.AssumeRoleInput{PolicyArns: []api.PolicyDescriptorType{{Arn: new("arn:aws:iam::aws:policy/No")}}}, "ValidationException: Policy arn:aws:iam::aws:policy/No does not exist"},
		{"MFA", "", trusting(`{"AWS":"`+ofAnn+`"}`, ""), api.AssumeRoleInput{TokenCode: new("123456")}, "ValidationException: Gatehouse has no MFA devices"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, reg := newWorld(t, tt.own, tt.trust)
			in := tt.in
			if in.RoleArn == nil {
				in.RoleArn = new(ofWeb)
			}
			if in.RoleSessionName == nil {
				in.RoleSessionName = new("s1")
			}
			out, err := s.AssumeRole(as(t, awsrpc.Caller{AccessKey: "AKIAANN", PrincipalARN: ofAnn}), &in)
			if tt.want != "" {
				if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
					t.Fatalf("AssumeRole = %v, want %s", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			cred, ok := reg.Find(*out.Credentials.AccessKeyId, *out.Credentials.SessionToken)
			if !ok || cred.Principal.ARN != *out.AssumedRoleUser.Arn || cred.Secret.Reveal() != *out.Credentials.SecretAccessKey {
				t.Errorf("the credentials are not those of %s", *out.AssumedRoleUser.Arn)
			}
		})
	}
}

// A source identity that was set goes along when a role's session assumes
// another role: it cannot be changed, nor be left behind.
func TestSourceIdentityPersists(t *testing.T) {
	s, reg := newWorld(t, "", trusting(`"*"`, ""))
	out, err := s.AssumeRole(as(t, awsrpc.Caller{AccessKey: "AKIAANN", PrincipalARN: ofAnn}),
		&api.AssumeRoleInput{RoleArn: new(ofWeb), RoleSessionName: new("s1"), SourceIdentity: new("ann")})
	if err != nil {
		t.Fatal(err)
	}
	chained := as(t, awsrpc.Caller{AccessKey: *out.Credentials.AccessKeyId,
		SessionToken: awsrpc.Secret(*out.Credentials.SessionToken), PrincipalARN: *out.AssumedRoleUser.Arn})
	for _, asked := range []*string{nil, new("ann")} {
		out, err := s.AssumeRole(chained, &api.AssumeRoleInput{RoleArn: new(ofWeb), RoleSessionName: new("s2"), SourceIdentity: asked})
		if err != nil {
			t.Fatal(err)
		}
		cred, ok := reg.Find(*out.Credentials.AccessKeyId, *out.Credentials.SessionToken)
		if !ok || cred.Principal.SourceIdentity != "ann" || out.SourceIdentity == nil || *out.SourceIdentity != "ann" {
			t.Errorf("the chained session is of %q", cred.Principal.SourceIdentity)
		}
	}
	_, err = s.AssumeRole(chained, &api.AssumeRoleInput{RoleArn: new(ofWeb), RoleSessionName: new("s2"), SourceIdentity: new("bob")})
	if err == nil || !strings.Contains(err.Error(), "is not authorized to perform: sts:SetSourceIdentity on resource: "+ofWeb) {
		t.Errorf("with another source identity: %v", err)
	}
}

// Conditions may ask where the call comes from, and for tags of the role.
func TestAssumeRoleConditions(t *testing.T) {
	for condition, want := range map[string]bool{
		`{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`:        true,
		`{"IpAddress":{"aws:SourceIp":"198.51.100.0/24"}}`:     false,
		`{"NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`:     false,
		`{"Bool":{"aws:SecureTransport":"true"}}`:              true,
		`{"StringEquals":{"aws:RequestedRegion":"us-east-1"}}`: true,
		`{"StringEquals":{"aws:ResourceTag/team":"red"}}`:      true,
		`{"StringEquals":{"iam:ResourceTag/Team":"blue"}}`:     false,
	} {
		s, _ := newWorld(t, "", trusting(`{"AWS":"`+ofAnn+`"}`, `,"Condition":`+condition))
		caller := awsrpc.Caller{AccessKey: "AKIAANN", PrincipalARN: ofAnn, RemoteAddr: "192.0.2.7:1000", TLS: true}
		_, err := s.AssumeRole(as(t, caller), &api.AssumeRoleInput{RoleArn: new(ofWeb), RoleSessionName: new("s1")})
		if (err == nil) != want {
			t.Errorf("%s: %v, want it assumed: %v", condition, err, want)
		}
	}
}

// A session may do what its role and its session policies allow, for as long as
// it was asked for, and a role assumed by a session an hour at most.
func TestSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, reg := newWorld(t, "", trusting(`"*"`, ""))
		ann := as(t, awsrpc.Caller{AccessKey: "AKIAANN", PrincipalARN: ofAnn})
		out, err := s.AssumeRole(ann, &api.AssumeRoleInput{RoleArn: new(ofWeb), RoleSessionName: new("s1"), DurationSeconds: new(int32(900)),
			PolicyArns: []api.PolicyDescriptorType{{Arn: new("arn:aws:iam::aws:policy/S3")}}})
		if err != nil {
			t.Fatal(err)
		}
		c := out.Credentials
		cred, ok := reg.Find(*c.AccessKeyId, *c.SessionToken)
		if !ok {
			t.Fatal("not found")
		}
		for action, want := range map[string]bool{"s3:GetObject": true, "lambda:InvokeFunction": false} {
			r := policy.Request{Principal: cred.Principal.Principal, Action: action, Resource: "*", Now: time.Now()}
			if got := cred.Principal.Decide(&r, nil, false).Allowed; got != want {
				t.Errorf("%s allowed: %v, want %v", action, got, want)
			}
		}
		time.Sleep(899 * time.Second)
		if cred.Expired(time.Now()) {
			t.Error("ended too early")
		}
		whole, err := s.AssumeRole(ann, &api.AssumeRoleInput{RoleArn: new(ofWeb), RoleSessionName: new("s2")})
		if err != nil {
			t.Fatal(err)
		}
		chained := as(t, awsrpc.Caller{
			AccessKey: *whole.Credentials.AccessKeyId, SessionToken: awsrpc.Secret(*whole.Credentials.SessionToken), PrincipalARN: *whole.AssumedRoleUser.Arn,
		})
		_, err = s.AssumeRole(chained, &api.AssumeRoleInput{RoleArn: new(ofWeb), RoleSessionName: new("s3"), DurationSeconds: new(int32(3601))})
		if err == nil || !strings.Contains(err.Error(), "1 hour session limit for roles assumed by role chaining") {
			t.Errorf("a chained session over an hour: %v", err)
		}
		if _, err := s.GetSessionToken(chained, &api.GetSessionTokenInput{}); err == nil {
			t.Error("a session got a session token")
		}
		time.Sleep(time.Second)
		if !cred.Expired(time.Now()) {
			t.Error("does not end")
		}
	})
}

func TestGetSessionToken(t *testing.T) {
	s, reg := newWorld(t, "", "")
	out, err := s.GetSessionToken(as(t, awsrpc.Caller{AccessKey: "AKIAANN", PrincipalARN: ofAnn}), &api.GetSessionTokenInput{})
	if err != nil {
		t.Fatal(err)
	}
	cred, ok := reg.Find(*out.Credentials.AccessKeyId, *out.Credentials.SessionToken)
	if !ok || cred.Principal.ARN != ofAnn || !cred.Principal.Temporary {
		t.Errorf("found %v, %+v", ok, cred)
	}
	root := as(t, awsrpc.Caller{AccessKey: "AKIAROOT", PrincipalARN: "arn:aws:iam::111122223333:root", Root: true})
	if out, err = s.GetSessionToken(root, &api.GetSessionTokenInput{DurationSeconds: new(int32(7200))}); err != nil {
		t.Fatal(err)
	}
	if left := time.Until(*out.Credentials.Expiration); left > time.Hour {
		t.Errorf("a session of the root lasts %v", left)
	}
	if cred, ok := reg.Find(*out.Credentials.AccessKeyId, *out.Credentials.SessionToken); !ok || !cred.Principal.Root {
		t.Error("the root's session is not the root's")
	}
}

// A service that a role trusts gets sessions of it: what it hands out lasts no longer
// than others, what works in this process as long as work may take.
func TestAssumeForServices(t *testing.T) {
	const service = "cloudformation.amazonaws.com"
	synctest.Test(t, func(t *testing.T) {
		s, reg := newWorld(t, "", trusting(`{"Service":"`+service+`"}`, ""))
		for what, tt := range map[string]struct {
			assume func(service, account, role, session string) (*api.Credentials, error)
			lasts  time.Duration
		}{"service": {s.AssumeForService, time.Hour}, "work": {s.AssumeForWork, 36 * time.Hour}} {
			cred, err := tt.assume(service, account, ofWeb, "s")
			if err != nil {
				t.Fatal(err)
			}
			if got := time.Until(*cred.Expiration); got != tt.lasts {
				t.Errorf("for a %s: lasts %v, want %v", what, got, tt.lasts)
			}
			if found, ok := reg.Find(*cred.AccessKeyId, *cred.SessionToken); !ok || found.Principal.Role != ofWeb {
				t.Errorf("for a %s: speaks for %+v", what, found)
			}
			if _, err := tt.assume("lambda.amazonaws.com", account, ofWeb, "s"); err == nil || !strings.Contains(err.Error(), "does not allow sts:AssumeRole to lambda") {
				t.Errorf("for a %s that is not trusted: %v", what, err)
			}
		}
	})
}
