package servicediscovery

import (
	"context"
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/servicediscovery"
	"gatehouse/internal/discovery"
	"gatehouse/internal/store"
)

// The records of a service and how instances are chosen for an answer.
const (
	typeDNS    = "DNS_HTTP" // of services that are found by DNS and by DiscoverInstances
	multivalue = "MULTIVALUE"
	weighted   = "WEIGHTED"
)

// A dnsConfig is a DnsConfig that was checked; nil: there is none.
type dnsConfig api.DnsConfig

// newDNSConfig checks what is asked for.
//
// AWS: CreateService names the combinations: A, AAAA, both, SRV, CNAME. Which
// policy holds without one is undocumented; we take MULTIVALUE, and WEIGHTED for
// CNAME, which can be no other.
func newDNSConfig(in *api.DnsConfig) (*dnsConfig, error) {
	if in == nil {
		return nil, nil
	}
	kinds, err := recordKinds(in.DnsRecords)
	if err != nil {
		return nil, err
	}
	policy := str(in.RoutingPolicy)
	switch {
	case policy == "" && kinds == "CNAME":
		policy = weighted
	case policy == "":
		policy = multivalue
	case policy == multivalue && kinds == "CNAME":
		return nil, bad("A CNAME record needs the routing policy WEIGHTED")
	}
	return &dnsConfig{DnsRecords: in.DnsRecords, RoutingPolicy: &policy}, nil
}

// recordKinds are the types of records, which go together, in their order.
func recordKinds(records []api.DnsRecord) (string, error) {
	var list []string
	for _, r := range records {
		if err := checkTTL(r.TTL); err != nil {
			return "", err
		}
		list = append(list, str(r.Type))
	}
	slices.Sort(list)
	kinds := strings.Join(list, " ")
	switch kinds {
	case "A", "AAAA", "A AAAA", "SRV", "CNAME":
		return kinds, nil
	}
	return "", bad("The records of a service are A, AAAA, A and AAAA, SRV, or CNAME, each once")
}

func (d *dnsConfig) shape() *api.DnsConfig { return (*api.DnsConfig)(d) }

// typeIn is the type of a service that in asks for in a namespace.
//
// AWS: CreateService. A service of type HTTP has no records, wherever it is.
func (d *dnsConfig) typeIn(at *namespace, in *api.CreateServiceInput) (string, error) {
	switch http := str(at.Type) == typeHTTP; {
	case http && d != nil:
		return "", bad("DnsConfig needs a namespace of DNS")
	case http:
		return typeHTTP, nil
	case str(in.Type) == typeHTTP && d != nil:
		return "", bad("A service of the type HTTP has no DnsConfig")
	case str(in.Type) == typeHTTP:
		return typeHTTP, nil
	case d == nil:
		return "", bad("A service of a namespace of DNS needs a DnsConfig, or the type HTTP")
	case len(str(in.Name))+1+len(str(at.Name)) > maxDomain || !domainForm.MatchString(str(in.Name)):
		return "", bad("The names of service and namespace together are no domain")
	}
	return typeDNS, nil
}

// distinct refuses a name that differs by case only from that of another service.
//
// AWS: CreateService, Name.
func (t *tables) distinct(ctx context.Context, namespace, name string) error {
	rows, err := t.serviceNames.All(ctx, namespace)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if parts := store.Parts(row.ID); strings.EqualFold(parts[len(parts)-1], name) {
			return api.ServiceAlreadyExists("Service already exists")
		}
	}
	return nil
}

// updateDNS changes the times to live of the records of a service.
//
// AWS: UpdateService: what is left out is deleted; types of records do not change.
func updateDNS(rec *service, ch *api.DnsConfigChange) error {
	switch {
	case ch == nil:
		rec.DnsConfig = nil
		return nil
	case str(rec.Type) == typeHTTP:
		return bad("The service has no DNS records")
	}
	kinds, err := recordKinds(ch.DnsRecords)
	if err != nil {
		return err
	}
	policy := multivalue
	if rec.DnsConfig != nil {
		if was, _ := recordKinds(rec.DnsConfig.DnsRecords); was != kinds {
			return bad("The types of the records of a service cannot change")
		}
		policy = str(rec.DnsConfig.RoutingPolicy)
	} else if kinds == "CNAME" {
		policy = weighted
	}
	rec.DnsConfig = &api.DnsConfig{DnsRecords: ch.DnsRecords, RoutingPolicy: &policy}
	return nil
}

// checkRecords refuses an instance without what the records of its service say.
//
// AWS: RegisterInstance, Attributes.
func checkRecords(d *api.DnsConfig, id string, attrs map[string]string) error {
	if d == nil {
		return nil
	}
	for _, r := range d.DnsRecords {
		var missing string
		switch str(r.Type) {
		case "A":
			missing = lacks(attrs, discovery.AttrIPv4)
		case "AAAA":
			missing = lacks(attrs, discovery.AttrIPv6)
		case "CNAME":
			missing = lacks(attrs, discovery.AttrName)
		case "SRV":
			if missing = lacks(attrs, discovery.AttrPort); missing == "" && lacks(attrs, discovery.AttrIPv6) != "" {
				missing = lacks(attrs, discovery.AttrIPv4)
			}
			if !domainForm.MatchString(id) {
				return bad("The id of an instance of a service with SRV records is a part of their names: " + id + " is no domain") // AWS: undocumented
			}
		}
		if missing != "" {
			return bad("The service has " + str(r.Type) + " records: the attribute " + missing + " is missing")
		}
	}
	return nil
}

// lacks is the name of an attribute that is not there, or nothing.
func lacks(attrs map[string]string, name string) string {
	if attrs[name] == "" {
		return name
	}
	return ""
}
