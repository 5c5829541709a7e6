package record

import (
	"context"
	"strings"
	"time"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/apigateway"
	v2 "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/store"
)

// A DomainName is a host name of its own for APIs.
type DomainName struct {
	api.DomainName
	Scope

	// Created is when it was created: of several Regions with the same name the
	// oldest is served.
	Created time.Time `json:",omitzero"`

	// Certificate is what TLS shows for the name, with its chain, and Key its
	// private key, both in PEM; empty: what the listener has.
	Certificate string `json:",omitzero"`
	Key         Secret `json:",omitzero"`

	// Truststore is what MutualTlsAuthentication names, in PEM.
	Truststore string `json:",omitzero"`
}

// DomainKey is what a domain name is kept under: its name, and for a private
// one its id too, as in its ARN. Both are in lower case.
func DomainKey(name, id string) string {
	if id != "" {
		name += "+" + id
	}
	return strings.ToLower(name)
}

// IsPrivateDomain tells whether a key is that of a private domain name.
func IsPrivateDomain(key string) bool { return strings.Contains(key, "+") }

// DomainOfKey is the name in a key.
func DomainOfKey(key string) string {
	name, _, _ := strings.Cut(key, "+")
	return name
}

// PolicyARN is what the policy of a private domain speaks of.
//
// AWS: "Share your private custom domain name using the API Gateway AWS CLI".
func (d *DomainName) PolicyARN() string {
	return arn.ARN{Partition: arn.Partition(d.Region), Service: "execute-api", Region: d.Region, Account: d.Account,
		Resource: "/domainnames/" + DomainKey(deref(d.DomainName.DomainName), deref(d.DomainNameId))}.String()
}

// A DomainAccess lets what comes in by a VPC endpoint reach a private domain
// name. It is kept for all accounts together, by Region, endpoint and name.
type DomainAccess struct {
	api.DomainNameAccessAssociation
	Scope         // of who made it
	Domain string // the key of the domain name
	Owner  string // the account of the domain name
}

// DomainAccesses are the access associations of all accounts.
func DomainAccesses(st store.Store) store.Table[DomainAccess] {
	return store.NewTable[DomainAccess](st, Everywhere.prefix(KindDomainAccess))
}

// A BasePathMapping says which stage of which API is served below a path of a
// domain name.
type BasePathMapping struct {
	api.BasePathMapping
	Scope
	DomainName string
	MappingID  string `json:",omitzero"` // of version 2; empty: it was made by version 1
}

// ServesSockets tells whether the APIs that a domain name leads to, by mappings
// other than one, are WebSocket APIs: one speaks for all, for they are not mixed. known is
// false if there are none.
func (t Tables) ServesSockets(ctx context.Context, mappings []store.Row[BasePathMapping], other string) (sockets, known bool, err error) {
	for i := range mappings {
		if mappings[i].ID == other {
			continue
		}
		a, _, err := t.APIs.Find(ctx, nil, deref(mappings[i].Value.RestApiId))
		return deref(a.ProtocolType) == v2.ProtocolTypeWebsocket, true, err
	}
	return false, false, nil
}

// MixedKinds is what who would mix WebSocket APIs with others is told.
//
// AWS: the text is in CodeGenieApp/serverless-express#596.
const MixedKinds = "Mixing of REST APIs and HTTP APIs on the same domain name can only be accomplished through API Gateway's V2 DomainName interface. " +
	"Currently, WebSocket APIs can only be attached to a domain name with other WebSocket APIs. This must also occur through API Gateway's V2 DomainName interface."

// A RoutingRule leads requests to a domain name to a stage by their path and
// header, in the order of priorities.
type RoutingRule struct {
	v2.RoutingRule
	Scope
	DomainName string // the key of the domain name
}

// A DomainOwner reserves a domain name for an account in all Regions, so that
// no two accounts have the same. It is written whenever the name comes to
// another Region.
type DomainOwner struct {
	Account string
}

// DomainOwners are the reserved domain names of all accounts.
func DomainOwners(st store.Store) store.Table[DomainOwner] {
	return store.NewTable[DomainOwner](st, Everywhere.prefix("domainowner"))
}
