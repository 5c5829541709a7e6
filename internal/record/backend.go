package record

import (
	"time"

	api "gatehouse/internal/awsapi/apigateway"
)

// A VPCLink names the load balancer behind which the backends of integrations
// stand. What its ARN means is static configuration.
type VPCLink struct {
	api.VpcLink
	Scope
	Created time.Time // gives the order
}

// A ClientCertificate is what stages show to their backends. Its private key
// never leaves the store but to the compiler.
type ClientCertificate struct {
	api.ClientCertificate
	Scope
	Key     Secret    // PKCS #8, in PEM
	Created time.Time // as CreatedDate, but exact: gives the order
}
