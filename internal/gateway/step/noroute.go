package step

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"gatehouse/internal/gateway"
)

// NoRoute refuses a request that no route is for. It ends a stage's fallback
// plan.
type NoRoute struct{}

var missingToken = gateway.NewFault(gateway.MissingAuthenticationToken, nil)

// Do returns the fault.
//
// AWS: rest-execution.md §2.2 and authorizers.md §5: an Authorization header
// that is not SigV4 is parsed as one, and fails.
func (NoRoute) Do(_ context.Context, x *gateway.Exchange) error {
	a := x.Vars.Authorization
	if a == "" || strings.HasPrefix(a, "AWS4-") {
		return missingToken
	}
	sum := sha256.Sum256([]byte(a))
	return &gateway.Fault{
		Type:      gateway.InvalidSignature,
		Status:    http.StatusForbidden,
		ErrorType: "IncompleteSignatureException",
		Message: "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '" +
			base64.StdEncoding.EncodeToString(sum[:]) + "'.",
	}
}

var _ gateway.Step = NoRoute{}
