package record

import (
	"strings"
	"time"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/apigateway"
	v2 "gatehouse/internal/awsapi/apigatewayv2"
)

// A VPCLink names the load balancer behind which the backends of integrations
// stand. What its ARN means is static configuration.
type VPCLink struct {
	api.VpcLink
	Scope
	Created time.Time // gives the order
}

// An APIVPCLink is a VPC link of version 2: what private integrations of HTTP
// APIs call through. They name the listener themselves.
type APIVPCLink struct {
	v2.VpcLink
	Scope
	Created time.Time // as CreatedDate, but exact: gives the order
}

// OwnsBalancer reports whether a load balancer or listener is of an account.
//
// AWS: "Considerations" of private integrations: load balancer, link and API are
// owned by the same account.
func OwnsBalancer(account, name string) bool {
	a, err := arn.Parse(name)
	return err == nil && a.Account == account
}

// LoadBalancerOf returns the addresses of a listener: its own or, for all
// listeners, those of its load balancer; "" if nobody said where they are.
func LoadBalancerOf(balancers map[string]string, listener string) string {
	if where := balancers[listener]; where != "" {
		return where
	}
	name := strings.Replace(listener, ":listener/", ":loadbalancer/", 1)
	return balancers[name[:max(strings.LastIndexByte(name, '/'), 0)]]
}

// A ClientCertificate is what stages show to their backends. Its private key
// never leaves the store but to the compiler.
type ClientCertificate struct {
	api.ClientCertificate
	Scope
	Key     Secret    // PKCS #8, in PEM
	Created time.Time // as CreatedDate, but exact: gives the order
}
