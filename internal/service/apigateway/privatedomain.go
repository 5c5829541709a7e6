package apigateway

import (
	"context"
	"strings"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// Private custom domain names.
//
// AWS: custom-domains.md §1 and §5; DG "Custom domain names for private APIs in
// API Gateway". None of the texts is recorded.

// privateDomainIDLen is the length of a domainNameId. AWS: the examples have 8
// and 10 characters.
const privateDomainIDLen = 10

// domainKey is what the domain name that a call means is kept under. A private
// one is found with its id only.
func domainKey(name, id *string) string {
	if record.IsPrivateDomain(str(name)) {
		return "+" // nothing's
	}
	return record.DomainKey(str(name), str(id))
}

// wantsPrivate tells whether a call is to create a private domain name.
func wantsPrivate(in *api.CreateDomainNameInput) bool {
	e := in.EndpointConfiguration
	return e != nil && len(e.Types) == 1 && e.Types[0] == api.EndpointTypePrivate
}

// makePrivate makes a new domain name a private one.
func (s *Service) makePrivate(ctx context.Context, dom *record.DomainName, in *api.CreateDomainNameInput) error {
	name := str(dom.DomainName.DomainName)
	if strings.HasPrefix(name, "*.") {
		return api.BadRequestException("Private custom domain names cannot have wildcards")
	}
	if e := in.EndpointConfiguration; e.IpAddressType != nil && *e.IpAddressType != api.IpAddressTypeDualstack {
		return api.BadRequestException("Only dualstack ipAddressType is supported for private custom domain names.")
	}
	dom.DomainNameId = new(newID(privateDomainIDLen))
	dom.DomainNameArn = new(arn.ARN{Partition: arn.Partition(dom.Region), Service: "apigateway", Region: dom.Region, Account: dom.Account,
		Resource: "/domainnames/" + record.DomainKey(name, *dom.DomainNameId)}.String())
	dom.EndpointConfiguration.IpAddressType = new(api.IpAddressTypeDualstack)
	dom.Policy = in.Policy
	return s.settleDomainPolicies(ctx, dom, nil, nil)
}

// settleDomainPolicies checks the policies of a private domain name, and writes
// the short form of resources out. The last two are those that it had.
func (s *Service) settleDomainPolicies(ctx context.Context, dom *record.DomainName, call, manage *string) (err error) {
	if dom.DomainNameId == nil {
		if dom.Policy != nil || dom.ManagementPolicy != nil {
			return api.BadRequestException("Only private custom domain names have policies")
		}
		return nil
	}
	if dom.Policy, err = s.settledPolicy(ctx, dom.Policy, call, dom.Account, dom.PolicyARN()); err != nil {
		return err
	}
	dom.ManagementPolicy, err = s.settledPolicy(ctx, dom.ManagementPolicy, manage, dom.Account, dom.PolicyARN())
	return err
}

// createPrivateDomain keeps a new private domain name. Others may have the same.
func (s *Service) createPrivateDomain(ctx context.Context, t record.Tables, dom *record.DomainName) error {
	id := store.ID(record.DomainKey(*dom.DomainName.DomainName, *dom.DomainNameId))
	return s.commit(ctx, func(c *store.Change) error {
		if err := checkCount(ctx, s.st, t.DomainNames, s.opt.Limits.DomainNames, errLimit("Domain Names")); err != nil {
			return err
		}
		if err := s.takeCertificate(ctx, c, dom, dom.Created); err != nil {
			return err
		}
		c.Require(t.DomainNames.Absent(id))
		store.Add(c, t.DomainNames, id, *dom)
		return nil
	})
}

// checkPrivacy refuses to map private domain names to public APIs, and the
// other way round.
func checkPrivacy(domain string, target *record.RestAPI) error {
	private := endpoint(&target.RestApi).Types[0] == api.EndpointTypePrivate
	switch {
	case record.IsPrivateDomain(domain) && !private:
		return api.BadRequestException("Private custom domain names can be mapped to private APIs only")
	case !record.IsPrivateDomain(domain) && private:
		return api.BadRequestException("Private APIs can be mapped to private custom domain names only")
	}
	return nil
}

// checkStaysPrivate refuses to take an API that a private domain name serves
// to another type of endpoint.
func checkStaysPrivate(ctx context.Context, t record.Tables, id string) error {
	rows, err := t.BasePathMappings.All(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if str(row.Value.RestApiId) == id && record.IsPrivateDomain(row.Value.DomainName) {
			return api.BadRequestException("The endpoint type of an API cannot change while a private custom domain name is mapped to it")
		}
	}
	return nil
}

// patchPolicy replaces a policy of a private domain name.
func patchPolicy(field func(*api.DomainName) **string) patchFunc[api.DomainName] {
	return func(d *api.DomainName, o patchOp) error {
		*field(d) = text(&o.value)
		return nil
	}
}
