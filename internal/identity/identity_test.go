package identity_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/identity"
	"gatehouse/internal/policy"
)

func seal(t *testing.T, b byte) *identity.Seal {
	t.Helper()
	s, err := identity.NewSeal(bytes.Repeat([]byte{b}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func contents(t *testing.T) identity.Contents {
	t.Helper()
	d, err := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	ann := &identity.Principal{Principal: policy.Principal{ARN: "arn:aws:iam::111122223333:user/team/ann", Account: "111122223333"}, ID: "AIDAANN", Name: "ann"}
	ann.Add(identity.Policy{Document: d})
	role := &identity.Role{Principal: identity.Principal{Principal: policy.Principal{ARN: "arn:aws:iam::111122223333:role/web", Account: "111122223333"}, ID: "AROAWEB", Name: "web",
		Tags: map[string]string{"team": "blue", "kind": "x"}}}
	role.Add(identity.Policy{Document: d})
	return identity.Contents{
		Keys:  []*identity.Credential{{AccessKey: "AKIAANN", Secret: "s", Principal: ann, Active: true}},
		Users: []*identity.Principal{ann}, Roles: []*identity.Role{role}, Seal: seal(t, 1), Others: []string{"arn:aws:iam::111122223333:group/ops/Admins"},
	}
}

var session = identity.Session{AccessKey: "ASIAX", Secret: "t", Role: "AROAWEB", Name: "s1", Issued: 1, Expires: 2, Tags: map[string]string{"team": "red"}}

func token(t *testing.T, s *identity.Seal, in identity.Session) string {
	t.Helper()
	text, err := s.Token(&in)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestFind(t *testing.T) {
	var reg identity.Registry
	if _, ok := reg.Find("AKIAANN", ""); ok {
		t.Error("an empty registry knows somebody")
	}
	c := contents(t)
	reg.Publish(identity.NewDirectory(c))
	if cred, ok := reg.Find("AKIAANN", ""); !ok || cred.Principal.Name != "ann" {
		t.Errorf("Find(AKIAANN) = %v, %v", cred, ok)
	}
	good := token(t, c.Seal, session)
	cred, ok := reg.Find("ASIAX", good)
	if !ok {
		t.Fatal("a session is not found")
	}
	p := cred.Principal
	if p.ARN != "arn:aws:sts::111122223333:assumed-role/web/s1" || p.UserID != "AROAWEB:s1" || p.Role != "arn:aws:iam::111122223333:role/web" {
		t.Errorf("the session's principal is %+v", p.Principal)
	}
	for key, want := range map[string]string{"aws:principaltag/team": "red", "aws:principaltag/kind": "x"} {
		if v, _ := p.Key(key); v.One != want {
			t.Errorf("%s = %q, want %q", key, v.One, want)
		}
	}
	if !cred.Expired(time.Unix(2, 0)) || cred.Expired(time.Unix(1, 0)) {
		t.Error("the session does not end when it should")
	}
	other := session
	other.Role = "AROAGONE"
	for what, tt := range map[string]struct{ key, token string }{
		"unknown key":           {"AKIANOBODY", ""},
		"session without token": {"ASIAX", ""},
		"token of another key":  {"AKIAANN", good},
		"token altered":         {"ASIAX", good[:30] + "x" + good[31:]},
		"token cut":             {"ASIAX", good[:len(good)-4]},
		"token with a newline":  {"ASIAX", good + "\n"},
		"token of another seal": {"ASIAX", token(t, seal(t, 2), session)},
		"role is gone":          {"ASIAX", token(t, c.Seal, other)},
		"of nobody":             {"ASIAX", token(t, c.Seal, identity.Session{AccessKey: "ASIAX"})},
		"garbage":               {"ASIAX", "x"},
		"too long":              {"ASIAX", strings.Repeat("A", 100_000)},
	} {
		if _, ok := reg.Find(tt.key, tt.token); ok {
			t.Errorf("%s: found", what)
		}
	}
	// A role that is deleted ends its sessions, remembered or not.
	c.Roles = nil
	reg.Publish(identity.NewDirectory(c))
	if _, ok := reg.Find("ASIAX", good); ok {
		t.Error("the session outlives its role")
	}
}

func TestSessionPolicies(t *testing.T) {
	c := contents(t)
	var reg identity.Registry
	reg.Publish(identity.NewDirectory(c))
	ask := func(in identity.Session) bool {
		cred, ok := reg.Find("ASIAX", token(t, c.Seal, in))
		if !ok {
			t.Fatal("not found")
		}
		r := policy.Request{Principal: cred.Principal.Principal, Action: "s3:GetObject", Resource: "*"}
		return cred.Principal.Decide(&r, nil, false).Allowed
	}
	in := session
	if !ask(in) {
		t.Error("a session without policies may do nothing")
	}
	in.Limited = true
	if ask(in) {
		t.Error("a session limited to nothing may do something")
	}
	in.Policies = []string{`{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`}
	if !ask(in) {
		t.Error("the session policy does not allow")
	}
	in.Policies = append(in.Policies, "broken")
	if ask(in) {
		t.Error("a session with a policy that cannot be read may do something")
	}
}

func TestNamed(t *testing.T) {
	d := identity.NewDirectory(contents(t))
	for _, tt := range []struct{ kind, name, want string }{
		{"user", "ANN", "arn:aws:iam::111122223333:user/team/ann"},
		{"group", "admins", "arn:aws:iam::111122223333:group/ops/Admins"},
		{"role", "web", "arn:aws:iam::111122223333:role/web"},
		{"user", "web", ""},
	} {
		if got, _ := d.Named("111122223333", tt.kind, tt.name); got != tt.want {
			t.Errorf("Named(%s, %s) = %q, want %q", tt.kind, tt.name, got, tt.want)
		}
	}
	if _, ok := d.Named("999988887777", "user", "ann"); ok {
		t.Error("found in another account")
	}
}

func TestSecretsAreHidden(t *testing.T) {
	c := contents(t)
	c.Keys[0].Secret = "very secret"
	if text := fmt.Sprintf("%v %+v %#v %s", c.Keys[0].Secret, c.Keys[0].Secret, c.Keys[0].Secret, c.Keys[0].Secret); strings.Contains(text, "very") {
		t.Errorf("printed as %s", text)
	}
}

// FuzzOpen wants no panic and no session out of what we did not seal.
func FuzzOpen(f *testing.F) {
	f.Add("")
	f.Add("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	s, err := identity.NewSeal(bytes.Repeat([]byte{9}, 32))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if _, ok := s.Open(token); ok {
			t.Errorf("opened %q", token)
		}
	})
}
