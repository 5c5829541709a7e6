package integration

import (
	"context"

	"gatehouse/internal/gateway"
)

// Broken is an integration that cannot be called: every call of it is the same
// fault. AWS accepts such a configuration and fails when it is used.
type Broken struct {
	Fault *gateway.Fault
}

// NewBroken makes an integration that fails with API_CONFIGURATION_ERROR.
func NewBroken(cause error) *Broken {
	return &Broken{gateway.NewFault(gateway.APIConfigurationError, cause)}
}

// Call returns the fault.
func (b *Broken) Call(context.Context, *gateway.Exchange) error { return b.Fault }

var _ gateway.Integration = (*Broken)(nil)
