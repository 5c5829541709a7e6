package record

import (
	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/store"
)

// A DomainName is a host name of its own for APIs.
type DomainName struct {
	api.DomainName
	Scope
}

// A BasePathMapping says which stage of which API is served below a path of a
// domain name.
type BasePathMapping struct {
	api.BasePathMapping
	Scope
	DomainName string
}

// A DomainOwner reserves a domain name for an account, so that no two have the
// same.
type DomainOwner struct {
	Account string
}

// DomainOwners are the reserved domain names of all accounts and regions: a
// host leads to one place.
func DomainOwners(st store.Store) store.Table[DomainOwner] {
	return store.NewTable[DomainOwner](st, store.Prefix("-", "-", service, "domainowner"))
}
