package servicediscovery

import (
	"context"
	"regexp"
	"strings"

	api "gatehouse/internal/awsapi/servicediscovery"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// The types of namespaces whose services are found by DNS too.
const (
	typePrivate = "DNS_PRIVATE"
	typePublic  = "DNS_PUBLIC"
)

// soaTime is for how many seconds resolvers remember that there is no such name,
// unless the namespace says otherwise.
//
// AWS: the default of Cloud Map's console; that of the API is undocumented.
const soaTime = 15

// domainForm is a domain name: labels of up to 63 characters.
var domainForm = regexp.MustCompile(`^([a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?)(\.[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?)*$`)

// maxDomain bounds a domain name, as DNS does, without the dot at its end.
const maxDomain = 253

// CreatePrivateDnsNamespace makes a namespace whose services this server's DNS
// knows. Which VPC it is for does not matter here: who reaches the DNS may ask.
func (s *Service) CreatePrivateDnsNamespace(ctx context.Context, in *api.CreatePrivateDnsNamespaceInput) (*api.CreatePrivateDnsNamespaceResponse, error) {
	n := newNamespace{kind: typePrivate, name: str(in.Name), description: in.Description, request: in.CreatorRequestId, tags: in.Tags}
	if in.Properties != nil && in.Properties.DnsProperties != nil {
		n.soa = in.Properties.DnsProperties.SOA
	}
	op, err := s.createDNS(ctx, &n)
	return &api.CreatePrivateDnsNamespaceResponse{OperationId: op}, err
}

// CreatePublicDnsNamespace makes a namespace whose services this server's DNS
// knows. That the world asks this server is for the keeper of the domain to see to.
func (s *Service) CreatePublicDnsNamespace(ctx context.Context, in *api.CreatePublicDnsNamespaceInput) (*api.CreatePublicDnsNamespaceResponse, error) {
	n := newNamespace{kind: typePublic, name: str(in.Name), description: in.Description, request: in.CreatorRequestId, tags: in.Tags}
	if in.Properties != nil && in.Properties.DnsProperties != nil {
		n.soa = in.Properties.DnsProperties.SOA
	}
	if !strings.Contains(n.name, ".") {
		return nil, bad("The name of a public namespace must be a domain such as example.com") // AWS: the pattern of NamespaceNamePublic
	}
	op, err := s.createDNS(ctx, &n)
	return &api.CreatePublicDnsNamespaceResponse{OperationId: op}, err
}

func (s *Service) createDNS(ctx context.Context, n *newNamespace) (operation *string, err error) {
	if !s.opt.DNS {
		return nil, bad("DNS namespaces are not supported by a server without DNS: start it with the setting dns, as in --dns 127.0.0.1:5353")
	}
	if len(n.name) > maxDomain || !domainForm.MatchString(n.name) {
		return nil, bad("The name of the namespace is no domain")
	}
	if n.soa == nil {
		n.soa = &api.SOA{TTL: new(int64(soaTime))}
	}
	if err := checkTTL(n.soa.TTL); err != nil {
		return nil, err
	}
	return s.create(ctx, n)
}

// checkTTL refuses a time to live that cannot be.
//
// AWS: RecordTTL is between 0 and 2147483647.
func checkTTL(ttl *int64) error {
	if ttl == nil || *ttl < 0 || *ttl > 1<<31-1 {
		return bad("The TTL must be between 0 and 2147483647")
	}
	return nil
}

// zones are the domains of all accounts and Regions: a question to a DNS server
// names none, so that each domain is there once. Its value is where it is.
func (s *Service) zones() store.Table[record.Scope] {
	return store.NewTable[record.Scope](s.st, store.Prefix("-", "-", keyService, "zone"))
}

// takeZone makes the name of a namespace of DNS that of this one.
func (s *Service) takeZone(ctx context.Context, c *store.Change, name string) error {
	id, zones := store.ID(strings.ToLower(name)), s.zones()
	at, rev, err := zones.Find(ctx, nil, strings.ToLower(name))
	if err != nil {
		return err
	}
	if rev != 0 {
		if at == scope(ctx) {
			return api.NamespaceAlreadyExists("Namespace already exists") // under a name that differs by case
		}
		return api.NamespaceAlreadyExists("Namespace already exists in another account or Region of this server")
	}
	c.Require(zones.Absent(id))
	store.Add(c, zones, id, scope(ctx))
	return nil
}

// newZoneID is the id of a hosted zone, as Route 53 would have made one.
func newZoneID() *string { return new("Z" + strings.ToUpper(record.NewID(20))) }

// UpdatePrivateDnsNamespace changes a namespace of DNS.
func (s *Service) UpdatePrivateDnsNamespace(ctx context.Context, in *api.UpdatePrivateDnsNamespaceInput) (*api.UpdatePrivateDnsNamespaceResponse, error) {
	if in.Namespace == nil {
		return nil, bad("The change is missing")
	}
	ch := namespaceChange{kind: typePrivate, description: in.Namespace.Description, request: in.UpdaterRequestId}
	if p := in.Namespace.Properties; p != nil && p.DnsProperties != nil && p.DnsProperties.SOA != nil {
		ch.soa = p.DnsProperties.SOA.TTL
	}
	op, err := s.change(ctx, in.Id, &ch)
	return &api.UpdatePrivateDnsNamespaceResponse{OperationId: op}, err
}

// UpdatePublicDnsNamespace changes a namespace of DNS.
func (s *Service) UpdatePublicDnsNamespace(ctx context.Context, in *api.UpdatePublicDnsNamespaceInput) (*api.UpdatePublicDnsNamespaceResponse, error) {
	if in.Namespace == nil {
		return nil, bad("The change is missing")
	}
	ch := namespaceChange{kind: typePublic, description: in.Namespace.Description, request: in.UpdaterRequestId}
	if p := in.Namespace.Properties; p != nil && p.DnsProperties != nil && p.DnsProperties.SOA != nil {
		ch.soa = p.DnsProperties.SOA.TTL
	}
	op, err := s.change(ctx, in.Id, &ch)
	return &api.UpdatePublicDnsNamespaceResponse{OperationId: op}, err
}
