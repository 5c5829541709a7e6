package sam

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// domain reads what the property Domain has for APIs of both kinds.
func (t *translator) domain(r *resource, rest bool) (object, bool) {
	d := asObject(t.resolve(r.props["Domain"]))
	if d == nil {
		return nil, false
	}
	for _, need := range []string{"DomainName", "CertificateArn"} {
		switch {
		case d[need] != nil:
			continue
		case rest:
			t.fault(r.id, "Property 'Domain."+need+"' is required.")
		default:
			t.fault(r.id, "Custom Domains only works if both DomainName and CertificateArn are provided.")
		}
		return nil, false
	}
	if zone := asObject(d["Route53"]); d["Route53"] != nil && zone["HostedZoneId"] == nil && zone["HostedZoneName"] == nil {
		t.fault(r.id, "HostedZoneId or HostedZoneName is required to enable Route53 support on Custom Domains.")
		return nil, false
	}
	return d, true
}

// records makes the records of Route 53 that lead to a domain. The stack refuses
// their type by name, unless the operator lists it.
func (t *translator) records(r *resource, d object, name any, target object, inOne bool) {
	zone := asObject(d["Route53"])
	if zone == nil {
		return
	}
	by := zone["HostedZoneId"]
	if by == nil {
		by = zone["HostedZoneName"]
	}
	id := "RecordSetGroup" + shortHash(by)
	if zone["SeparateRecordSetGroup"] == true && !inOne {
		id = "RecordSetGroup" + shortHash([]any{by, d["DomainName"]})
	}
	props := asObject(asObject(t.out[id])["Properties"])
	if props == nil {
		props = object{"RecordSets": []any{}}
		copyTo(props, zone, "HostedZoneId HostedZoneName")
		t.add(id, "AWS::Route53::RecordSetGroup", props, r.passed())
	}
	if v := zone["EvaluateTargetHealth"]; v != nil {
		target["EvaluateTargetHealth"] = v
	}
	kinds := []string{"A"}
	if zone["IpV6"] == true {
		kinds = append(kinds, "AAAA")
	}
	for _, kind := range kinds {
		set := object{"Name": name, "Type": kind, "AliasTarget": maps.Clone(target)}
		copyTo(set, zone, "Region SetIdentifier")
		props["RecordSets"] = append(listed(props["RecordSets"]), any(set))
	}
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
	d, ok := t.domain(r, true)
	if !ok {
		return
	}
	kind, isText := d["EndpointConfiguration"].(string)
	switch {
	case d["EndpointConfiguration"] == nil:
		kind = "REGIONAL"
	case !isText || !slices.Contains([]string{"EDGE", "REGIONAL", "PRIVATE"}, kind):
		t.fault(r.id, "EndpointConfiguration for Custom Domains must be one of ['EDGE', 'REGIONAL', 'PRIVATE'].")
		return
	}
	endpoint := object{"Types": []any{kind}}
	copyTo(endpoint, d, "IpAddressType")
	props := object{"DomainName": d["DomainName"], "EndpointConfiguration": endpoint, "CertificateArn": d["CertificateArn"]}
	copyTo(props, d, "SecurityPolicy EndpointAccessMode Policy OwnershipVerificationCertificateArn")
	if kind == "PRIVATE" {
		t.privateDomain(r, d, props)
		return
	}
	id := "ApiGatewayDomainName" + shortHash(d["DomainName"])
	target := object{"HostedZoneId": "Z2FDTNDATAQYW2", "DNSName": getAtt(id, "DistributionDomainName")} // AWS: the zone of CloudFront
	if kind == "REGIONAL" {
		props["RegionalCertificateArn"] = d["CertificateArn"]
		delete(props, "CertificateArn")
		target = object{"HostedZoneId": getAtt(id, "RegionalHostedZoneId"), "DNSName": getAtt(id, "RegionalDomainName")}
	} else if v := asObject(d["Route53"])["DistributionDomainName"]; v != nil {
		target["DNSName"] = v
	}
	copyTo(props, d, "MutualTlsAuthentication")
	t.add(id, "AWS::ApiGateway::DomainName", props, r.passed())
	t.restMappings(r, d, "AWS::ApiGateway::BasePathMapping", object{"DomainName": ref(id)})
	t.records(r, d, d["DomainName"], target, false)
	t.refs[r.id+".DomainName"] = id
}

// privateDomain makes a domain name that is reached from inside of VPCs only.
func (t *translator) privateDomain(r *resource, d, props object) {
	id := "ApiGatewayDomainNameV2" + shortHash(d["DomainName"])
	t.add(id, "AWS::ApiGateway::DomainNameV2", props, r.passed())
	t.restMappings(r, d, "AWS::ApiGateway::BasePathMappingV2", object{"DomainNameArn": ref(id)})
	if link := asObject(d["AccessAssociation"]); link != nil {
		at := link["VpcEndpointId"]
		t.add("DomainNameAccessAssociation"+shortHash([]any{at, id}), "AWS::ApiGateway::DomainNameAccessAssociation",
			object{"AccessAssociationSource": at, "AccessAssociationSourceType": "VPCE", "DomainNameArn": ref(id)}, r.passed())
	}
	zone := asObject(d["Route53"])
	t.records(r, d, d["DomainName"], object{"HostedZoneId": zone["VpcEndpointHostedZoneId"], "DNSName": zone["VpcEndpointDomainName"]}, false)
	t.refs[r.id+".DomainName"] = id
}

// restMappings lead from a domain to the API.
func (t *translator) restMappings(r *resource, d object, typ string, from object) {
	for _, base := range basePaths(d) {
		bare := notAlphanumeric.ReplaceAllString(base, "")
		props := maps.Clone(from)
		props["RestApiId"], props["Stage"] = ref(r.id), ref(r.id+".Stage")
		if base != "" {
			if props["BasePath"] = bare; d["NormalizeBasePath"] == false {
				props["BasePath"] = base
			}
		}
		t.add(r.id+bare+"BasePathMapping", typ, props, r.passed())
	}
}

var badBasePath = regexp.MustCompile(`[^0-9a-zA-Z/\-_]+`)

// httpDomain makes the domain name of an HTTP or WebSocket API and what leads
// from it.
func (t *translator) httpDomain(r *resource, tags any) {
	d, ok := t.domain(r, false)
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
	t.records(r, d, d["DomainName"], object{"HostedZoneId": getAtt(id, "RegionalHostedZoneId"), "DNSName": getAtt(id, "RegionalDomainName")}, true)
	t.refs[r.id+".DomainName"] = id
}
