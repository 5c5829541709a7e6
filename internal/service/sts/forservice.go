package sts

import (
	"strings"
	"time"

	api "gatehouse/internal/awsapi/sts"
	"gatehouse/internal/identity"
	"gatehouse/internal/policy"
)

// AssumeForService gives a session of a role to a service that acts for an
// account: API Gateway calls integrations so. The role's trust policy must name
// the service, and the role must be the account's own.
//
// AWS: a service is passed roles within one account only ("Cross-account pass
// role is not allowed").
func (s *Service) AssumeForService(service, account, roleARN, session string) (*api.Credentials, error) {
	role, err := s.trusting(service, account, roleARN)
	if err != nil {
		return nil, err
	}
	return s.issue(&identity.Session{Role: role.ID, Name: session}, min(defaultRole, role.MaxDuration))
}

// AssumeForWork is as AssumeForService, for work that is done in this process and
// whose credentials never leave it. They last as long as the longest there are:
// AWS renews those of a service as long as its work takes.
func (s *Service) AssumeForWork(service, account, roleARN, session string) (*api.Credentials, error) {
	role, err := s.trusting(service, account, roleARN)
	if err != nil {
		return nil, err
	}
	return s.issue(&identity.Session{Role: role.ID, Name: session}, maxSession)
}

// trusting returns a role of an account that trusts a service.
func (s *Service) trusting(service, account, roleARN string) (*identity.Role, error) {
	role, ok := s.reg.Directory().Role(roleARN)
	who := strings.TrimSuffix(service, ".amazonaws.com")
	switch {
	case !ok:
		return nil, denied("there is no role " + roleARN)
	case role.Account != account:
		return nil, denied("Cross-account pass role is not allowed.")
	case role.Trust == nil || role.Broken:
		return nil, denied("the trust policy of " + roleARN + " cannot be read")
	}
	r := policy.Request{
		Principal: policy.Principal{Service: service}, Action: "sts:AssumeRole", Resource: role.ARN, Now: time.Now(),
		Keys: &serviceKeys{account: account},
	}
	if !role.Trust.Evaluate(&r).Allowed() {
		return nil, denied(who + " may not assume " + roleARN + ": its trust policy does not allow sts:AssumeRole to " + service)
	}
	return role, nil
}

// serviceKeys are the condition keys of a service that assumes a role.
type serviceKeys struct{ account string }

// Key returns the values of a key.
func (k *serviceKeys) Key(name string) (policy.Values, bool) {
	switch name {
	case "aws:sourceaccount":
		return policy.One(k.account), true
	case "aws:principalisawsservice":
		return policy.One("true"), true
	}
	return policy.Values{}, false
}
