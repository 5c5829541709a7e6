package record

import (
	"time"

	api "gatehouse/internal/awsapi/apigateway"
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

// A BasePathMapping says which stage of which API is served below a path of a
// domain name.
type BasePathMapping struct {
	api.BasePathMapping
	Scope
	DomainName string
	MappingID  string `json:",omitzero"` // of version 2; empty: it was made by version 1
}

// A DomainOwner reserves a domain name for an account in all Regions, so that
// no two accounts have the same. It is written whenever the name comes to
// another Region.
type DomainOwner struct {
	Account string
}

// DomainOwners are the reserved domain names of all accounts.
func DomainOwners(st store.Store) store.Table[DomainOwner] {
	return store.NewTable[DomainOwner](st, store.Prefix("-", "-", service, "domainowner"))
}
