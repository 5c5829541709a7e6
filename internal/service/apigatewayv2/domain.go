package apigatewayv2

import (
	"context"
	"slices"
	"strconv"

	rest "gatehouse/internal/awsapi/apigateway"
	api "gatehouse/internal/awsapi/apigatewayv2"
)

// The domain names of both versions are the same records, which the service of
// REST APIs keeps. Here its operations are called by their names of version 2.

// mappingSelection is the only one there is.
//
// AWS: API reference, DomainName: apiMappingSelectionExpression.
const mappingSelection = "$request.basepath"

// The names that version 2 has for the modes of routing.
//
// AWS: custom-domains.md §2.
var routingModes = [...][2]string{
	{api.RoutingModeApiMappingOnly, rest.RoutingModeBasePathMappingOnly},
	{api.RoutingModeRoutingRuleOnly, rest.RoutingModeRoutingRuleOnly},
	{api.RoutingModeRoutingRuleThenApiMapping, rest.RoutingModeRoutingRuleThenBasePathMapping},
}

// restMode is a mode of version 2 by the name of version 1.
func restMode(mode *string) *string {
	for _, m := range routingModes {
		if mode != nil && *mode == m[0] {
			return new(m[1])
		}
	}
	return mode
}

// shownDomain is a domain as version 2 shows it.
func shownDomain(d *rest.DomainName) api.DomainName {
	out := api.DomainName{
		ApiMappingSelectionExpression: new(mappingSelection), DomainName: d.DomainName, DomainNameArn: d.DomainNameArn, Tags: d.Tags, RoutingMode: d.RoutingMode,
	}
	for _, m := range routingModes {
		if str(d.RoutingMode) == m[1] {
			out.RoutingMode = new(m[0])
		}
	}
	if out.Tags == nil {
		out.Tags = map[string]string{}
	}
	c := api.DomainNameConfiguration{
		ApiGatewayDomainName: d.RegionalDomainName, HostedZoneId: d.RegionalHostedZoneId, CertificateName: d.RegionalCertificateName, CertificateArn: d.RegionalCertificateArn,
		CertificateUploadDate: d.CertificateUploadDate, DomainNameStatus: d.DomainNameStatus, DomainNameStatusMessage: d.DomainNameStatusMessage,
		SecurityPolicy: d.SecurityPolicy, EndpointType: new(api.EndpointTypeRegional), OwnershipVerificationCertificateArn: d.OwnershipVerificationCertificateArn,
	}
	if e := d.EndpointConfiguration; e != nil {
		c.IpAddressType = e.IpAddressType
		if len(e.Types) > 0 && e.Types[0] != rest.EndpointTypeRegional {
			c.EndpointType = &e.Types[0]
			c.ApiGatewayDomainName, c.HostedZoneId = d.DistributionDomainName, d.DistributionHostedZoneId
			c.CertificateName, c.CertificateArn = d.CertificateName, d.CertificateArn
		}
	}
	out.DomainNameConfigurations = []api.DomainNameConfiguration{c}
	if m := d.MutualTlsAuthentication; m != nil {
		out.MutualTlsAuthentication = new(api.MutualTlsAuthentication(*m))
	}
	return out
}

// domains is the service that keeps the domain names.
func (s *Service) domains() rest.Server {
	if s.opt.Domains == nil {
		return rest.UnimplementedServer{}
	}
	return s.opt.Domains
}

// configuration is the only one of a list.
//
// AWS: API reference, DomainNameConfiguration: only REGIONAL for version 2; a
// second one is for migration. The texts are ours.
func configuration(list []api.DomainNameConfiguration) (api.DomainNameConfiguration, error) {
	switch {
	case len(list) == 0:
		return api.DomainNameConfiguration{}, nil
	case len(list) > 1:
		return list[0], bad("Gatehouse does not support more than one of domainNameConfigurations of DomainName yet (see COVERAGE.md)")
	case list[0].EndpointType != nil && *list[0].EndpointType != api.EndpointTypeRegional:
		return list[0], bad("Only REGIONAL is supported as the endpointType of a domain name of version 2")
	}
	return list[0], nil
}

// CreateDomainName creates a host name of its own for APIs. Without a certificate
// the listener's serves.
func (s *Service) CreateDomainName(ctx context.Context, in *api.CreateDomainNameInput) (*api.CreateDomainNameResponse, error) {
	c, err := configuration(in.DomainNameConfigurations)
	if err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	call := &rest.CreateDomainNameInput{
		DomainName: in.DomainName, Tags: in.Tags, RoutingMode: restMode(in.RoutingMode), SecurityPolicy: c.SecurityPolicy,
		RegionalCertificateArn: c.CertificateArn, RegionalCertificateName: c.CertificateName, OwnershipVerificationCertificateArn: c.OwnershipVerificationCertificateArn,
		EndpointConfiguration: &rest.EndpointConfiguration{Types: []string{rest.EndpointTypeRegional}, IpAddressType: c.IpAddressType},
	}
	if m := in.MutualTlsAuthentication; m != nil {
		call.MutualTlsAuthentication = new(rest.MutualTlsAuthenticationInput(*m))
	}
	dom, err := s.domains().CreateDomainName(ctx, call)
	if err != nil {
		return nil, err
	}
	return new(api.CreateDomainNameResponse(shownDomain(dom))), nil
}

// GetDomainName returns one domain name.
func (s *Service) GetDomainName(ctx context.Context, in *api.GetDomainNameInput) (*api.GetDomainNameResponse, error) {
	dom, err := s.domains().GetDomainName(ctx, &rest.GetDomainNameInput{DomainName: in.DomainName})
	if err != nil {
		return nil, err
	}
	return new(api.GetDomainNameResponse(shownDomain(dom))), nil
}

// GetDomainNames lists the domain names.
func (s *Service) GetDomainNames(ctx context.Context, in *api.GetDomainNamesInput) (*api.GetDomainNamesResponse, error) {
	call := &rest.GetDomainNamesInput{Position: in.NextToken}
	if l := str(in.MaxResults); l != "" {
		n, err := strconv.ParseInt(l, 10, 32)
		if err != nil || n < 1 {
			return nil, bad("Invalid value for maxResults")
		}
		call.Limit = new(int32(n))
	}
	list, err := s.domains().GetDomainNames(ctx, call)
	if err != nil {
		return nil, err
	}
	out := &api.GetDomainNamesResponse{NextToken: list.Position, Items: make([]api.DomainName, 0, len(list.Items))}
	for i := range list.Items {
		d := &list.Items[i]
		// AWS: version 2 knows no private custom domain names.
		if e := d.EndpointConfiguration; e != nil && slices.Contains(e.Types, rest.EndpointTypePrivate) {
			continue
		}
		out.Items = append(out.Items, shownDomain(d))
	}
	return out, nil
}

// UpdateDomainName changes settings of a domain name: those that the call has.
func (s *Service) UpdateDomainName(ctx context.Context, in *api.UpdateDomainNameInput) (*api.UpdateDomainNameResponse, error) {
	c, err := configuration(in.DomainNameConfigurations)
	if err != nil {
		return nil, err
	}
	call := &rest.UpdateDomainNameInput{DomainName: in.DomainName}
	replace := func(path string, value *string) {
		if value != nil {
			call.PatchOperations = append(call.PatchOperations, rest.PatchOperation{Op: new(rest.OpReplace), Path: &path, Value: value})
		}
	}
	replace("/routingMode", restMode(in.RoutingMode))
	replace("/securityPolicy", c.SecurityPolicy)
	replace("/endpointConfiguration/ipAddressType", c.IpAddressType)
	replace("/regionalCertificateArn", c.CertificateArn)
	replace("/regionalCertificateName", c.CertificateName)
	replace("/ownershipVerificationCertificateArn", c.OwnershipVerificationCertificateArn)
	if m := in.MutualTlsAuthentication; m != nil {
		replace("/mutualTlsAuthentication/truststoreUri", m.TruststoreUri)
		replace("/mutualTlsAuthentication/truststoreVersion", m.TruststoreVersion)
	}
	if len(call.PatchOperations) == 0 {
		dom, err := s.GetDomainName(ctx, &api.GetDomainNameInput{DomainName: in.DomainName})
		if err != nil {
			return nil, err
		}
		return new(api.UpdateDomainNameResponse(*dom)), nil
	}
	dom, err := s.domains().UpdateDomainName(ctx, call)
	if err != nil {
		return nil, err
	}
	return new(api.UpdateDomainNameResponse(shownDomain(dom))), nil
}

// DeleteDomainName removes a domain name with its mappings.
func (s *Service) DeleteDomainName(ctx context.Context, in *api.DeleteDomainNameInput) error {
	return s.domains().DeleteDomainName(ctx, &rest.DeleteDomainNameInput{DomainName: in.DomainName})
}
