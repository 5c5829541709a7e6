package record

import (
	"log/slog"
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

// A Secret is text that is stored, and never shown: every way of printing it
// yields ***.
type Secret string

const hidden = "***"

// String returns ***.
func (Secret) String() string { return hidden }

// GoString returns ***.
func (Secret) GoString() string { return hidden }

// LogValue returns ***.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }
