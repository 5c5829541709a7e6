package sam

import (
	"regexp"
	"strings"
)

// domain reads what the property Domain has for APIs of both kinds.
func (t *translator) domain(r *resource) (object, bool) {
	d := asObject(t.resolve(r.props["Domain"]))
	if d == nil {
		return nil, false
	}
	if d["DomainName"] == nil || d["CertificateArn"] == nil {
		t.fault(r.id, "Custom Domains only works if both DomainName and CertificateArn are provided.")
		return nil, false
	}
	if d["Route53"] != nil {
		t.fault(r.id, "Gatehouse does not support the property Domain.Route53.")
		return nil, false
	}
	return d, true
}

// basePaths are the base paths of a domain; "" stands for none.
func basePaths(d object) []string {
	var list []string
	for _, v := range listed(d["BasePath"]) {
		list = append(list, text(v))
	}
	if list == nil {
		list = []string{""}
	}
	return list
}

var notAlphanumeric = regexp.MustCompile(`[^a-zA-Z0-9]`)

// restDomain makes the domain name of a REST API and what leads from it.
func (t *translator) restDomain(r *resource) {
	d, ok := t.domain(r)
	if !ok {
		return
	}
	id := "ApiGatewayDomainName" + shortHash(d["DomainName"])
	props := object{"DomainName": d["DomainName"]}
	certificate := "CertificateArn"
	kind := text(d["EndpointConfiguration"])
	switch kind {
	case "", "REGIONAL":
		kind, certificate = "REGIONAL", "RegionalCertificateArn"
	case "EDGE":
	default:
		t.fault(r.id, "Gatehouse does not support the EndpointConfiguration "+kind+" of Domain.")
		return
	}
	props[certificate], props["EndpointConfiguration"] = d["CertificateArn"], object{"Types": []any{kind}}
	copyTo(props, d, "MutualTlsAuthentication SecurityPolicy OwnershipVerificationCertificateArn")
	t.add(id, "AWS::ApiGateway::DomainName", props, r.passed())
	for _, base := range basePaths(d) {
		bare := notAlphanumeric.ReplaceAllString(base, "")
		props := object{"DomainName": ref(id), "RestApiId": ref(r.id), "Stage": ref(r.id + ".Stage")}
		if base != "" {
			if props["BasePath"] = bare; d["NormalizeBasePath"] == false {
				props["BasePath"] = base
			}
		}
		t.add(r.id+bare+"BasePathMapping", "AWS::ApiGateway::BasePathMapping", props, r.passed())
	}
	t.refs[r.id+".DomainName"] = id
}

var badBasePath = regexp.MustCompile(`[^0-9a-zA-Z/\-_]+`)

// httpDomain makes the domain name of an HTTP or WebSocket API and what leads
// from it.
func (t *translator) httpDomain(r *resource, tags any) {
	d, ok := t.domain(r)
	if !ok {
		return
	}
	if kind := d["EndpointConfiguration"]; kind != nil && kind != "REGIONAL" {
		t.fault(r.id, "EndpointConfiguration for Custom Domains must be one of ['REGIONAL'].")
		return
	}
	id := "ApiGatewayDomainNameV2" + shortHash(d["DomainName"])
	conf := object{"CertificateArn": d["CertificateArn"], "EndpointType": "REGIONAL"}
	copyTo(conf, d, "OwnershipVerificationCertificateArn SecurityPolicy")
	props := object{"DomainName": d["DomainName"], "DomainNameConfigurations": []any{conf}, "Tags": tags}
	copyTo(props, d, "MutualTlsAuthentication")
	t.add(id, "AWS::ApiGatewayV2::DomainName", props, r.passed())
	for _, base := range basePaths(d) {
		if badBasePath.MatchString(base) {
			t.fault(r.id, "Invalid Basepath name provided.")
			return
		}
		props := object{"DomainName": ref(id), "ApiId": ref(r.id), "Stage": ref(r.id + ".Stage")}
		if base != "" {
			props["ApiMappingKey"] = strings.Trim(base, "/")
		}
		t.add(r.id+notAlphanumeric.ReplaceAllString(base, "")+"ApiMapping", "AWS::ApiGatewayV2::ApiMapping", props, r.passed())
	}
	t.refs[r.id+".DomainName"] = id
}
