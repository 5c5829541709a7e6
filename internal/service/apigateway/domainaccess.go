package apigateway

import (
	"context"
	"strings"
	"time"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/policy"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// Access associations let what comes in by a VPC endpoint reach a private custom
// domain name. None of the texts is recorded.

func errAccess() error {
	return api.NotFoundException("Invalid domain name access association identifier specified")
}

// actAssociate is the action that a managementPolicy allows to other accounts.
//
// AWS: "Share your private custom domain name using the API Gateway AWS CLI".
const actAssociate = "apigateway:CreateAccessAssociation"

// CreateDomainNameAccessAssociation lets a VPC endpoint use a private domain
// name.
func (s *Service) CreateDomainNameAccessAssociation(ctx context.Context, in *api.CreateDomainNameAccessAssociationInput) (*api.DomainNameAccessAssociation, error) {
	t := s.tables(ctx)
	endpoint := str(in.AccessAssociationSource)
	if !vpcEndpointForm.MatchString(endpoint) {
		return nil, api.BadRequestException("Invalid access association source specified: " + endpoint)
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	owner, domain, err := privateDomainARN(t.Scope, str(in.DomainNameArn))
	if err != nil {
		return nil, err
	}
	name := record.DomainOfKey(domain)
	a := record.DomainAccess{Scope: t.Scope, Domain: domain, Owner: owner, DomainNameAccessAssociation: api.DomainNameAccessAssociation{
		DomainNameAccessAssociationArn: new(arn.ARN{Partition: arn.Partition(t.Scope.Region), Service: "apigateway", Region: t.Scope.Region, Account: t.Scope.Account,
			Resource: "/domainnameaccessassociations/domainname/" + domain + "/vpcesource/" + endpoint}.String()),
		DomainNameArn: in.DomainNameArn, AccessAssociationSourceType: in.AccessAssociationSourceType, AccessAssociationSource: &endpoint,
	}}
	if len(in.Tags) > 0 {
		a.Tags = in.Tags
	}
	accesses := record.DomainAccesses(s.st)
	id := store.ID(t.Scope.Region, endpoint, name)
	err = s.commit(ctx, func(c *store.Change) error {
		rev, err := s.mayAssociate(ctx, t.Scope, owner, domain)
		if err != nil {
			return err
		}
		if _, taken, err := accesses.Find(ctx, nil, t.Scope.Region, endpoint, name); err != nil || taken != 0 {
			if err == nil {
				err = api.ConflictException("The VPC endpoint is associated with a domain name of this name already")
			}
			return err
		}
		if mine, err := s.accesses(ctx, func(r *record.DomainAccess) bool { return r.Scope == t.Scope }); err != nil || len(mine) >= s.opt.Limits.AccessAssociations {
			if err == nil {
				err = errLimit("Domain Name Access Associations")
			}
			return err
		}
		at := record.In(s.st, s.blobs, record.Scope{Account: owner, Region: t.Scope.Region})
		c.Require(at.DomainNames.Is(store.ID(domain), rev))
		c.Require(accesses.Absent(id))
		store.Add(c, accesses, id, a)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &a.DomainNameAccessAssociation, nil
}

// privateDomainARN takes the ARN of a private domain name of the caller's
// Region apart.
func privateDomainARN(s record.Scope, name string) (owner, domain string, err error) {
	a, err := arn.Parse(name)
	domain, ok := strings.CutPrefix(a.Resource, "/domainnames/")
	if err != nil || !ok || a.Service != "apigateway" || !record.IsPrivateDomain(domain) || strings.Contains(domain, "/") {
		return "", "", api.BadRequestException("Invalid private custom domain name ARN specified: " + name)
	}
	if a.Region != s.Region {
		return "", "", errDomain()
	}
	return a.Account, strings.ToLower(domain), nil
}

// mayAssociate demands that the caller may associate endpoints with a domain
// name: one of its own account, or one whose managementPolicy says so. It
// returns the revision of the domain name. Who may not is not told whether
// there is one.
func (s *Service) mayAssociate(ctx context.Context, scope record.Scope, owner, domain string) (store.Rev, error) {
	at := record.In(s.st, s.blobs, record.Scope{Account: owner, Region: scope.Region})
	dom, rev, err := at.DomainNames.Find(ctx, errDomain(), domain)
	if err != nil || owner == scope.Account {
		return rev, err
	}
	doc, err := policy.Parse([]byte(str(dom.ManagementPolicy)))
	if err != nil { // there is none
		return 0, errDomain()
	}
	who := awsrpc.CallerFrom(ctx)
	asked := &policy.Request{
		Principal: policy.Principal{ARN: who.PrincipalARN, Account: who.Account, UserID: who.UserID},
		Action:    actAssociate, Resource: str(dom.DomainNameArn), Now: time.Now(), Keys: policy.Map{},
	}
	if !doc.Evaluate(asked).Allowed() {
		return 0, errDomain()
	}
	return rev, nil
}

// accesses are the associations of all accounts that are wanted.
func (s *Service) accesses(ctx context.Context, want func(*record.DomainAccess) bool) ([]store.Row[record.DomainAccess], error) {
	rows, err := record.DomainAccesses(s.st).All(ctx)
	if err != nil {
		return nil, err
	}
	var list []store.Row[record.DomainAccess]
	for _, row := range rows {
		if want(&row.Value) {
			list = append(list, row)
		}
	}
	return list, nil
}

// GetDomainNameAccessAssociations lists the caller's associations or, of
// OTHER_ACCOUNTS, those of others with the caller's domain names.
func (s *Service) GetDomainNameAccessAssociations(ctx context.Context, in *api.GetDomainNameAccessAssociationsInput) (*api.DomainNameAccessAssociations, error) {
	scope := s.tables(ctx).Scope
	others := str(in.ResourceOwner) == api.ResourceOwnerOtherAccounts
	rows, err := s.accesses(ctx, func(r *record.DomainAccess) bool {
		if others {
			return r.Owner == scope.Account && r.Region == scope.Region && r.Account != scope.Account
		}
		return r.Scope == scope
	})
	if err != nil {
		return nil, err
	}
	var list []api.DomainNameAccessAssociation
	for _, row := range rows {
		list = append(list, row.Value.DomainNameAccessAssociation)
	}
	items, next, err := page(list, func(a *api.DomainNameAccessAssociation) string { return *a.DomainNameAccessAssociationArn }, in.Position, in.Limit)
	if err != nil {
		return nil, err
	}
	return &api.DomainNameAccessAssociations{Items: items, Position: next}, nil
}

// DeleteDomainNameAccessAssociation removes an association of the caller's.
func (s *Service) DeleteDomainNameAccessAssociation(ctx context.Context, in *api.DeleteDomainNameAccessAssociationInput) error {
	scope := s.tables(ctx).Scope
	return s.dropAccess(ctx, str(in.DomainNameAccessAssociationArn), func(r *record.DomainAccess) bool { return r.Scope == scope })
}

// RejectDomainNameAccessAssociation removes an association of another account
// with a domain name of the caller's.
func (s *Service) RejectDomainNameAccessAssociation(ctx context.Context, in *api.RejectDomainNameAccessAssociationInput) error {
	scope := s.tables(ctx).Scope
	return s.dropAccess(ctx, str(in.DomainNameAccessAssociationArn), func(r *record.DomainAccess) bool {
		return r.Owner == scope.Account && r.Region == scope.Region && str(r.DomainNameArn) == str(in.DomainNameArn)
	})
}

// dropAccess removes the association of a name that is among those the caller
// may remove.
func (s *Service) dropAccess(ctx context.Context, name string, may func(*record.DomainAccess) bool) error {
	accesses := record.DomainAccesses(s.st)
	return s.commit(ctx, func(c *store.Change) error {
		rows, err := s.accesses(ctx, func(r *record.DomainAccess) bool {
			return str(r.DomainNameAccessAssociationArn) == name && may(r)
		})
		switch {
		case err != nil:
			return err
		case len(rows) == 0:
			return errAccess()
		}
		c.Require(accesses.Is(rows[0].ID, rows[0].Rev))
		c.Do(accesses.Delete(rows[0].ID))
		return nil
	})
}
