package takeout

import (
	"context"
	"net/url"
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
	v2 "gatehouse/internal/awsapi/apigatewayv2"
)

// domains takes custom domain names, what they lead to, and the associations of
// private ones.
func (t *taker) domains(ctx context.Context, b *builder) error {
	all, err := list[api.DomainName](ctx, t, "domain names", "/domainnames")
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(x, y api.DomainName) int { return strings.Compare(domainOf(&x), domainOf(&y)) })
	for i := range all {
		if err := t.domain(ctx, b, &all[i]); err != nil {
			return err
		}
	}
	links, err := list[api.DomainNameAccessAssociation](ctx, t, "domain name access associations", "/domainnameaccessassociations")
	if err != nil {
		return err
	}
	for _, l := range links {
		what := "Access association " + str(l.DomainNameAccessAssociationArn)
		b.add("AWS::ApiGateway::DomainNameAccessAssociation", what, b.properties("AWS::ApiGateway::DomainNameAccessAssociation", what, l, nil, "DomainNameAccessAssociationArn"))
	}
	return nil
}

// domainOf names a domain; of private ones several may have one name.
func domainOf(d *api.DomainName) string {
	return strings.TrimSuffix(str(d.DomainName)+" "+str(d.DomainNameId), " ")
}

func (t *taker) domain(ctx context.Context, b *builder, d *api.DomainName) error {
	name, what := str(d.DomainName), "Domain "+domainOf(d)
	kind, drop := "AWS::ApiGateway::DomainName", "DomainNameId DomainNameArn CertificateName CertificateUploadDate RegionalDomainName RegionalHostedZoneId "+
		"RegionalCertificateName DistributionDomainName DistributionHostedZoneId DomainNameStatus DomainNameStatusMessage ManagementPolicy"
	private := d.DomainNameId != nil
	if private {
		kind = "AWS::ApiGateway::DomainNameV2"
		shown, err := one[api.DomainName](ctx, t, "domain name "+name, "/domainnames/"+url.PathEscape(name)+"?domainNameId="+url.QueryEscape(*d.DomainNameId))
		if err != nil || shown == nil {
			return err
		}
		d = shown
		if d.ManagementPolicy != nil {
			t.leave("domain name "+name+": managementPolicy", "%s has no property for it", kind)
		}
	}
	if m := d.MutualTlsAuthentication; m != nil {
		m.TruststoreWarnings = nil
	}
	policy := d.Policy
	shape := *d
	shape.Policy = nil
	p := b.properties(kind, "domain name "+name, shape, nil, drop)
	if policy != nil {
		if doc, err := document([]byte(*unescaped(policy))); err == nil {
			p["Policy"] = doc
		} else {
			t.leave("domain name "+name+": policy", "it cannot be read: %v", err)
		}
	}
	for _, property := range []string{"CertificateArn", "RegionalCertificateArn"} {
		if arn, ok := p[property].(string); ok {
			parameter := b.logical(what) + property
			b.Parameters[parameter] = Parameter{Type: "String", Description: "the certificate of ACM for " + name, Default: arn}
			p[property] = ref(parameter)
			t.leave("domain name "+name+": certificate "+arn, "its private key cannot be read: elsewhere, put one into ACM and make its ARN the default of the parameter %s", parameter)
		}
	}
	if d.CertificateArn == nil && d.RegionalCertificateArn == nil && (d.CertificateName != nil || d.RegionalCertificateName != nil) {
		t.leave("domain name "+name+": certificate", "it was given as text, and its private key cannot be read: put it into ACM and its ARN into the template")
	}
	b.add(kind, what, p)
	arn := map[string]any{"Fn::GetAtt": []any{b.logical(what), "DomainNameArn"}}
	if private {
		return t.privateMappings(ctx, b, what, d, arn)
	}
	return t.mappings(ctx, b, what, name, arn)
}

// mappings takes what a public domain leads to. The newer API tells mappings to
// APIs of all kinds, and paths of several segments.
func (t *taker) mappings(ctx context.Context, b *builder, what, name string, arn any) error {
	path := "/v2/domainnames/" + url.PathEscape(name)
	all, err := list[v2.ApiMapping](ctx, t, "mappings of "+name, path+"/apimappings")
	if err != nil {
		return err
	}
	for _, m := range all {
		if !t.took(str(m.ApiId)) {
			t.leave("domain name "+name+": mapping /"+str(m.ApiMappingKey), "its API %s is not taken", str(m.ApiId))
			continue
		}
		p := b.properties("AWS::ApiGatewayV2::ApiMapping", "mapping of "+name, m, nil, "ApiMappingId")
		p["DomainName"] = ref(b.logical(what))
		b.add("AWS::ApiGatewayV2::ApiMapping", what+" mapping /"+str(m.ApiMappingKey), p)
	}
	rules, err := list[v2.RoutingRule](ctx, t, "routing rules of "+name, path+"/routingrules")
	if err != nil {
		return err
	}
	for i := range rules {
		if id := t.notTaken(rules[i].Actions); id != "" {
			t.leave("domain name "+name+": routing rule "+str(rules[i].RoutingRuleId), "its API %s is not taken", id)
			continue
		}
		p := b.properties("AWS::ApiGatewayV2::RoutingRule", "routing rule of "+name, rules[i], nil, "RoutingRuleArn RoutingRuleId")
		p["DomainNameArn"] = arn
		b.add("AWS::ApiGatewayV2::RoutingRule", what+" rule "+str(rules[i].RoutingRuleId), p)
	}
	return nil
}

// notTaken is the API that actions of a rule lead to and that was not taken; empty:
// there is none.
func (t *taker) notTaken(actions []v2.RoutingRuleAction) string {
	for _, a := range actions {
		if a.InvokeApi != nil && !t.took(str(a.InvokeApi.ApiId)) {
			return str(a.InvokeApi.ApiId)
		}
	}
	return ""
}

// privateMappings takes what a private domain leads to.
func (t *taker) privateMappings(ctx context.Context, b *builder, what string, d *api.DomainName, arn any) error {
	name := str(d.DomainName)
	all, err := list[api.BasePathMapping](ctx, t, "mappings of "+name, "/domainnames/"+url.PathEscape(name)+"/basepathmappings?domainNameId="+url.QueryEscape(str(d.DomainNameId)))
	if err != nil {
		return err
	}
	for _, m := range all {
		if !t.took(str(m.RestApiId)) {
			t.leave("domain name "+name+": mapping /"+str(m.BasePath), "its API %s is not taken", str(m.RestApiId))
			continue
		}
		p := b.properties("AWS::ApiGateway::BasePathMappingV2", "mapping of "+name, m, nil, "")
		p["DomainNameArn"] = arn
		b.add("AWS::ApiGateway::BasePathMappingV2", what+" mapping /"+str(m.BasePath), p)
	}
	if d.DomainNameArn != nil {
		t.ids[*d.DomainNameArn] = reference{stack: b.stack, logical: b.logical(what) + ".DomainNameArn"}
	}
	return nil
}
