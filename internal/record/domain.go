package record

import api "gatehouse/internal/awsapi/apigateway"

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
