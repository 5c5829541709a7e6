package integration_test

import (
	"context"
	"errors"
	"testing"

	"gatehouse/internal/awsclient"
	"gatehouse/internal/function"
	"gatehouse/internal/gateway/integration"
	"gatehouse/internal/identity"
	"gatehouse/internal/policy"
	"gatehouse/internal/sigv4"
)

// session is a role's session, or why there is none.
type session struct {
	key string
	err error
}

func (s session) Credentials(context.Context) (awsclient.Credentials, error) {
	return awsclient.Credentials{Key: sigv4.Key{AccessKey: s.key}}, s.err
}

// Whatever is not clearly allowed is not called.
func TestAsRole(t *testing.T) {
	doc, err := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"` + functionARN + `"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	caller := func(account string, broken bool) *identity.Principal {
		p := &identity.Principal{Principal: policy.Principal{ARN: "arn:aws:sts::" + account + ":assumed-role/r/s", Account: account}, Broken: broken}
		p.Add(identity.Policy{Document: doc})
		return p
	}
	ids := new(identity.Registry)
	ids.Publish(identity.NewDirectory(identity.Contents{Keys: []*identity.Credential{
		{AccessKey: "GOOD", Principal: caller("000000000000", false), Active: true},
		{AccessKey: "OFF", Principal: caller("000000000000", false)},
		{AccessKey: "BROKEN", Principal: caller("000000000000", true), Active: true},
		{AccessKey: "STRANGER", Principal: caller("111111111111", false), Active: true},
	}}))
	tests := []struct {
		name, key, function string
		err                 error
		want                bool
	}{
		{"allowed", "GOOD", functionARN, nil, true},
		{"another function", "GOOD", functionARN + "2", nil, false},
		{"an alias that is not allowed", "GOOD", functionARN + ":live", nil, false},
		{"another account's function", "GOOD", "arn:aws:lambda:eu-west-1:111111111111:function:f", nil, false},
		{"another account's role", "STRANGER", functionARN, nil, false},
		{"a key that is off", "OFF", functionARN, nil, false},
		{"a policy that did not compile", "BROKEN", functionARN, nil, false},
		{"an unknown role", "NONE", functionARN, nil, false},
		{"no session", "GOOD", functionARN, errors.New("no"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			called := false
			next := invokerFunc(func(_ context.Context, in *function.Invocation) (*function.Result, error) {
				called = true
				if in.Source != (function.Source{}) {
					t.Errorf("called with the source %v, so the function's policy is asked", in.Source)
				}
				return &function.Result{}, nil
			})
			a := &integration.AsRole{Next: next, Role: session{tt.key, tt.err}, Identities: ids, Account: "000000000000"}
			_, err := a.Invoke(t.Context(), &function.Invocation{Function: tt.function, Source: function.Source{Service: "apigateway.amazonaws.com"}})
			var refused *function.Error
			if called != tt.want || (err == nil) != tt.want || !tt.want && (!errors.As(err, &refused) || refused.Name != "AccessDeniedException") {
				t.Errorf("called %v, error %v", called, err)
			}
		})
	}
}
