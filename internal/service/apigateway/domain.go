package apigateway

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// None of the texts about domain names and base path mappings is recorded;
// those without a comment are widely reported.

func errDomain() error {
	return api.NotFoundException("Invalid domain name identifier specified")
}

var hostName = regexp.MustCompile(`^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// notForDomains tells whether a host name has a meaning already: the names of
// APIs, with which one account would take the requests of another, and IP
// addresses, at which all APIs are reached by their paths.
func notForDomains(name string) bool {
	_, rest, _ := strings.Cut(name, ".")
	_, err := netip.ParseAddr(name)
	return err == nil || strings.HasPrefix(rest, "execute-api.")
}

// CreateDomainName creates a host name of its own for APIs.
func (s *Service) CreateDomainName(ctx context.Context, in *api.CreateDomainNameInput) (*api.DomainName, error) {
	t := s.tables(ctx)
	name := strings.ToLower(str(in.DomainName))
	switch {
	case name == "":
		return nil, api.BadRequestException("No Domain Name specified")
	case !hostName.MatchString(name) || len(name) > 255 || notForDomains(name):
		return nil, api.BadRequestException("Invalid domain name specified: " + name) // AWS: undocumented text
	}
	if err := checkNewDomain(in); err != nil {
		return nil, err
	}
	dom := record.DomainName{Scope: t.Scope, Created: time.Now().UTC(), DomainName: api.DomainName{
		DomainName: new(name), DomainNameStatus: new(api.DomainNameStatusAvailable),
		DomainNameArn:         new(arn.ARN{Partition: arn.Partition(t.Scope.Region), Service: "apigateway", Region: t.Scope.Region, Resource: "/domainnames/" + name}.String()),
		EndpointConfiguration: &api.EndpointConfiguration{Types: []string{api.EndpointTypeEdge}, IpAddressType: new(api.IpAddressTypeIpv4)},
		SecurityPolicy:        new(api.SecurityPolicyTls12), RoutingMode: new(api.RoutingModeBasePathMappingOnly),
	}}
	if len(in.Tags) > 0 {
		dom.Tags = in.Tags
	}
	if in.RoutingMode != nil {
		dom.RoutingMode = in.RoutingMode
	}
	if e := in.EndpointConfiguration; e != nil && len(e.Types) > 0 {
		dom.EndpointConfiguration.Types = e.Types
		if e.IpAddressType != nil {
			dom.EndpointConfiguration.IpAddressType = e.IpAddressType
		}
	}
	if err := setCertificate(&dom, in, dom.Created); err != nil {
		return nil, err
	}
	setMutualTLS(&dom.DomainName, in.MutualTlsAuthentication)
	if err := s.readTruststore(ctx, &dom); err != nil {
		return nil, err
	}
	if wantsPrivate(in) {
		if err := s.makePrivate(ctx, &dom, in); err != nil {
			return nil, err
		}
		return &dom.DomainName, s.createPrivateDomain(ctx, t, &dom)
	}
	setDomainTarget(&dom.DomainName, t.Scope.Region)
	return &dom.DomainName, s.createPublicDomain(ctx, t, &dom)
}

// createPublicDomain keeps a new domain name that no other account may have.
func (s *Service) createPublicDomain(ctx context.Context, t record.Tables, dom *record.DomainName) error {
	owners, name := record.DomainOwners(s.st), *dom.DomainName.DomainName
	return s.commit(ctx, func(c *store.Change) error {
		if err := checkCount(ctx, s.st, t.DomainNames, s.opt.Limits.DomainNames, errLimit("Domain Names")); err != nil {
			return err
		}
		owner, rev, err := owners.Find(ctx, nil, name)
		if err != nil {
			return err
		}
		if rev != 0 && owner.Account != t.Scope.Account {
			return errDomainExists()
		}
		if _, here, err := t.DomainNames.Find(ctx, nil, name); err != nil || here != 0 {
			return cmp.Or(err, errDomainExists())
		}
		if err := s.checkDomainElsewhere(ctx, t, dom); err != nil {
			return err
		}
		if err := s.takeCertificate(ctx, c, dom, dom.Created); err != nil {
			return err
		}
		c.Require(owners.Is(store.ID(name), rev)) // revision 0 if it is new
		c.Require(t.DomainNames.Absent(store.ID(name)))
		store.Add(c, owners, store.ID(name), record.DomainOwner{Account: t.Scope.Account})
		store.Add(c, t.DomainNames, store.ID(name), *dom)
		return nil
	})
}

func errDomainExists() error {
	return api.ConflictException("The domain name you provided already exists.")
}

// domainRegions are the account's domains of a name, in all Regions.
func (s *Service) domainRegions(ctx context.Context, account, name string) ([]record.DomainName, error) {
	regions, err := record.Regions(ctx, s.st, account)
	if err != nil {
		return nil, err
	}
	var list []record.DomainName
	for _, region := range regions {
		t := record.In(s.st, s.blobs, record.Scope{Account: account, Region: region})
		dom, rev, err := t.DomainNames.Find(ctx, nil, name)
		if err != nil {
			return nil, err
		}
		if rev != 0 {
			list = append(list, dom)
		}
	}
	return list, nil
}

// checkDomainElsewhere refuses a second EDGE domain of a name.
//
// AWS: custom-domains.md §1: a name is unique in a Region. That there is one
// EDGE domain of it is CloudFront's rule. Undocumented for REGIONAL ones is that
// another account may have the name in another Region: here it may not.
func (s *Service) checkDomainElsewhere(ctx context.Context, t record.Tables, dom *record.DomainName) error {
	list, err := s.domainRegions(ctx, t.Scope.Account, *dom.DomainName.DomainName)
	if err != nil {
		return err
	}
	edge := func(d record.DomainName) bool {
		return slices.Contains(d.EndpointConfiguration.Types, api.EndpointTypeEdge)
	}
	if edge(*dom) && slices.ContainsFunc(list, func(d record.DomainName) bool { return d.Region != t.Scope.Region && edge(d) }) {
		return errDomainExists()
	}
	return nil
}

// checkNewDomain refuses what would not act.
func checkNewDomain(in *api.CreateDomainNameInput) error {
	switch {
	case in.Policy != nil && !wantsPrivate(in):
		return api.BadRequestException("Only private custom domain names have policies") // AWS: undocumented text
	case in.RoutingMode != nil && !slices.Contains(routingModes, *in.RoutingMode):
		return errRoutingMode()
	case in.SecurityPolicy != nil && *in.SecurityPolicy != api.SecurityPolicyTls12:
		return noDomainSecurity.refuse(*in.SecurityPolicy)
	case str(in.EndpointAccessMode) == api.EndpointAccessModeStrict:
		return noDomainSecurity.refuse(*in.EndpointAccessMode)
	}
	if e := in.EndpointConfiguration; e != nil {
		if len(e.VpcEndpointIds) > 0 {
			return api.BadRequestException("Domain names have no vpcEndpointIds") // AWS: they are for APIs; undocumented text
		}
		if len(e.Types) > 1 {
			return errManyEndpoints() // AWS: undocumented text, after that of APIs
		}
	}
	return checkTags(in.Tags)
}

// setDomainTarget gives a domain the DNS name that AWS would tell its clients
// to point to. Here nothing depends on it.
//
// AWS: forms from "Custom domain name for public REST APIs"; the hosted zone
// of edge domains is fixed.
func setDomainTarget(d *api.DomainName, region string) {
	d.RegionalDomainName, d.DistributionDomainName, d.DistributionHostedZoneId = nil, nil, nil
	if d.EndpointConfiguration.Types[0] == api.EndpointTypeRegional {
		d.RegionalDomainName = new("d-" + newID(10) + ".execute-api." + region + ".amazonaws.com")
		return
	}
	d.DistributionDomainName = new("d" + newID(12) + ".cloudfront.net")
	d.DistributionHostedZoneId = new("Z2FDTNDATAQYW2")
}

// GetDomainName returns one domain name.
func (s *Service) GetDomainName(ctx context.Context, in *api.GetDomainNameInput) (*api.DomainName, error) {
	dom, _, err := s.tables(ctx).DomainNames.Find(ctx, errDomain(), domainKey(in.DomainName, in.DomainNameId))
	if err != nil {
		return nil, err
	}
	dom.Tags = shownTags(dom.Tags)
	return &dom.DomainName, nil
}

// GetDomainNames lists domain names.
func (s *Service) GetDomainNames(ctx context.Context, in *api.GetDomainNamesInput) (*api.DomainNames, error) {
	// AWS: OTHER_ACCOUNTS are the private ones that others share by AWS RAM,
	// which is not here: who may associate an endpoint is told the ARN.
	if str(in.ResourceOwner) == api.ResourceOwnerOtherAccounts {
		return &api.DomainNames{Items: []api.DomainName{}}, nil
	}
	rows, err := s.tables(ctx).DomainNames.All(ctx)
	if err != nil {
		return nil, err
	}
	var list []api.DomainName
	for _, row := range rows {
		list = append(list, row.Value.DomainName)
	}
	items, next, err := page(list, func(d *api.DomainName) string { return record.DomainKey(*d.DomainName, str(d.DomainNameId)) }, in.Position, in.Limit)
	if err != nil {
		return nil, err
	}
	return &api.DomainNames{Items: items, Position: next}, nil
}

// UpdateDomainName changes a domain name.
func (s *Service) UpdateDomainName(ctx context.Context, in *api.UpdateDomainNameInput) (*api.DomainName, error) {
	t := s.tables(ctx)
	name := domainKey(in.DomainName, in.DomainNameId)
	var dom record.DomainName
	err := s.commit(ctx, func(c *store.Change) (err error) {
		var rev store.Rev
		if dom, rev, err = t.DomainNames.Find(ctx, errDomain(), name); err != nil {
			return err
		}
		before, shown := dom.EndpointConfiguration.Types[0], dom.CertificateARN()
		call, manage := dom.Policy, dom.ManagementPolicy
		if err := domainPatches.apply(&dom.DomainName, in.PatchOperations); err != nil {
			return err
		}
		if touchesTruststore(in.PatchOperations) {
			if err := s.readTruststore(ctx, &dom); err != nil {
				return err
			}
		}
		if err := checkRoutingMode(ctx, t, name, &dom); err != nil {
			return err
		}
		if err := s.settleDomainPolicies(ctx, &dom, call, manage); err != nil {
			return err
		}
		if dom.EndpointConfiguration.Types[0] != before {
			if err := s.checkDomainElsewhere(ctx, t, &dom); err != nil {
				return err
			}
			setDomainTarget(&dom.DomainName, t.Scope.Region)
		}
		if dom.CertificateARN() != shown || dom.EndpointConfiguration.Types[0] != before {
			if err := s.takeCertificate(ctx, c, &dom, time.Now().UTC()); err != nil {
				return err
			}
		}
		c.Require(t.DomainNames.Is(store.ID(name), rev))
		store.Add(c, t.DomainNames, store.ID(name), dom)
		return nil
	})
	dom.Tags = shownTags(dom.Tags)
	return &dom.DomainName, err
}

// routingModes are what leads the requests to a domain to an API: mappings, the
// rules of version 2, or both.
var routingModes = []string{api.RoutingModeBasePathMappingOnly, api.RoutingModeRoutingRuleOnly, api.RoutingModeRoutingRuleThenBasePathMapping}

// AWS: undocumented text, after that of endpoint types.
func errRoutingMode() error {
	return api.BadRequestException("Invalid RoutingMode specified. Valid options are " + strings.Join(routingModes, ","))
}

// checkRoutingMode refuses rules beside mappings to APIs of version 2.
//
// AWS: custom-domains.md §2.2; undocumented text.
func checkRoutingMode(ctx context.Context, t record.Tables, name string, dom *record.DomainName) error {
	if *dom.RoutingMode == api.RoutingModeBasePathMappingOnly {
		return nil
	}
	mappings, err := t.BasePathMappings.All(ctx, name)
	if err != nil {
		return err
	}
	for _, m := range mappings {
		if _, rev, err := t.APIs.Find(ctx, nil, str(m.Value.RestApiId)); err != nil {
			return err
		} else if rev != 0 {
			return api.BadRequestException("Routing rules are not supported for domain names with mappings to HTTP or WebSocket APIs")
		}
	}
	return nil
}

// refusePatch is the operation on a setting that does not act yet.
func refusePatch[T any](no unsupportedID) patchFunc[T] {
	return func(*T, patchOp) error { return no.refuse("") }
}

// inertPatch accepts one value of a setting that does not act yet: the one it
// has anyway.
func inertPatch[T any](no unsupportedID, inert string) patchFunc[T] {
	return func(_ *T, o patchOp) error {
		if o.value == inert {
			return nil
		}
		return no.refuse(o.value)
	}
}

// domainPatches is UpdateDomainName.
var domainPatches = patchTable[api.DomainName]{refuse: refuseListing[api.DomainName], rules: []patchRule[api.DomainName]{
	certificateRule("/certificateName"),
	{path: "/certificateArn", add: patchCertificate, replace: patchCertificate, remove: func(d *api.DomainName, _ patchOp) error {
		d.CertificateArn = nil
		return nil
	}},
	{path: "/endpointConfiguration/types", add: patchDomainType, remove: func(d *api.DomainName, o patchOp) error {
		if d.EndpointConfiguration.Types[0] == o.value {
			return errNoEndpoint() // AWS: undocumented text, after that of APIs
		}
		return nil
	}},
	{path: "/endpointConfiguration/types/{type}", replace: patchDomainType, alias: true},
	{path: "/endpointConfiguration/ipAddressType", replace: func(d *api.DomainName, o patchOp) error {
		if o.value != api.IpAddressTypeIpv4 && o.value != api.IpAddressTypeDualstack {
			return api.BadRequestException("ipAddressType must be either ipv4 or dualstack.")
		}
		d.EndpointConfiguration.IpAddressType = new(o.value)
		return nil
	}},
	{path: "/endpointAccessMode", replace: inertPatch[api.DomainName](noDomainSecurity, api.EndpointAccessModeBasic)},
	{path: "/managementPolicy", replace: patchPolicy(func(d *api.DomainName) **string { return &d.ManagementPolicy })},
	{path: "/mutualTlsAuthentication/truststoreUri", add: patchTruststore, replace: patchTruststore, remove: patchTruststore},
	{path: "/mutualTlsAuthentication/truststoreVersion", add: patchTruststoreVersion, replace: patchTruststoreVersion, remove: patchTruststoreVersion},
	{path: "/policy", replace: patchPolicy(func(d *api.DomainName) **string { return &d.Policy })},
	certificateRule("/regionalCertificateName"),
	{path: "/regionalCertificateArn", add: patchRegionalCertificate, replace: patchRegionalCertificate, remove: func(d *api.DomainName, _ patchOp) error {
		d.RegionalCertificateArn = nil
		return nil
	}},
	{path: "/routingMode", replace: func(d *api.DomainName, o patchOp) error {
		if !slices.Contains(routingModes, o.value) {
			return errRoutingMode()
		}
		d.RoutingMode = new(o.value)
		return nil
	}},
	{path: "/securityPolicy", replace: inertPatch[api.DomainName](noDomainSecurity, api.SecurityPolicyTls12)},
	certificateRule("/ownershipVerificationCertificateArn"),
}}

func certificateRule(path string) patchRule[api.DomainName] {
	no := refusePatch[api.DomainName](noCertificate)
	return patchRule[api.DomainName]{path: path, add: no, replace: no, remove: no}
}

// patchCertificate and patchRegionalCertificate name another certificate of ACM,
// which is looked at in the end: takeCertificate.
func patchCertificate(d *api.DomainName, o patchOp) error {
	d.CertificateArn, d.RegionalCertificateArn = text(&o.value), nil
	return nil
}

func patchRegionalCertificate(d *api.DomainName, o patchOp) error {
	d.CertificateArn, d.RegionalCertificateArn = nil, text(&o.value)
	return nil
}

// patchDomainType moves a domain between edge and regional.
func patchDomainType(d *api.DomainName, o patchOp) error {
	switch o.value {
	case api.EndpointTypePrivate, api.EndpointTypeEdge, api.EndpointTypeRegional:
		if private := d.DomainNameId != nil; private != (o.value == api.EndpointTypePrivate) {
			return api.BadRequestException("Domain names cannot be moved between private and public") // AWS: undocumented text
		}
		d.EndpointConfiguration.Types = []string{o.value}
		return nil
	}
	return api.BadRequestException("Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE")
}

// DeleteDomainName removes a domain name with its mappings and rules.
func (s *Service) DeleteDomainName(ctx context.Context, in *api.DeleteDomainNameInput) error {
	t := s.tables(ctx)
	name := domainKey(in.DomainName, in.DomainNameId)
	owners := record.DomainOwners(s.st)
	err := s.commit(ctx, func(c *store.Change) error {
		_, rev, err := t.DomainNames.Find(ctx, errDomain(), name)
		if err != nil {
			return err
		}
		mappings, err := t.BasePathMappings.All(ctx, name)
		if err != nil {
			return err
		}
		rules, err := t.RoutingRules.All(ctx, name)
		if err != nil {
			return err
		}
		list, err := s.domainRegions(ctx, t.Scope.Account, name)
		if err != nil {
			return err
		}
		_, owned, err := owners.Find(ctx, nil, name)
		if err != nil {
			return err
		}
		// Who creates it in another Region meanwhile writes the owner.
		c.Require(t.DomainNames.Is(store.ID(name), rev))
		c.Require(owners.Is(store.ID(name), owned))
		accesses, err := s.accesses(ctx, func(r *record.DomainAccess) bool {
			return r.Owner == t.Scope.Account && r.Region == t.Scope.Region && r.Domain == name
		})
		if err != nil {
			return err
		}
		var below []store.Op
		for _, row := range mappings {
			below = append(below, t.BasePathMappings.Delete(row.ID))
		}
		for _, row := range rules {
			below = append(below, t.RoutingRules.Delete(row.ID))
		}
		for _, row := range accesses {
			below = append(below, record.DomainAccesses(s.st).Delete(row.ID))
		}
		if room := store.MaxOps - 2; len(below) > room {
			below = below[:room] // too many for one commit: those first, the name at the end
		} else {
			c.Do(t.DomainNames.Delete(store.ID(name)))
			if len(list) == 1 && owned != 0 {
				c.Do(owners.Delete(store.ID(name)))
			}
		}
		for _, op := range below {
			c.Do(op)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if _, _, err := t.DomainNames.Get(ctx, store.ID(name)); !errors.Is(err, store.ErrNotFound) {
		return s.DeleteDomainName(ctx, in)
	}
	return nil
}
