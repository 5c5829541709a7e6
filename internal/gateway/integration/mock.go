package integration

import (
	"context"
	"errors"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// A Mock is a MOCK integration: what its request template prints, or else the
// client's own body, gives the status by which the integration response is
// chosen.
type Mock struct{}

// Call makes up the backend's response: the status and no body.
//
// AWS: integrations.md §3.
func (Mock) Call(_ context.Context, x *gateway.Exchange) error {
	body := &x.IntegrationRequest.Body
	if !x.Transformed {
		if err := x.ReadBody(); err != nil {
			return err
		}
		body = &x.MethodRequest.Body
	}
	status := mockStatus(body.Bytes)
	if status < 0 {
		return noMockStatus
	}
	x.IntegrationResponse.Status = status
	x.IntegrationResponse.Header.Reset()
	x.IntegrationResponse.Body = wire.Body{}
	return nil
}

var noMockStatus = gateway.NewFault(gateway.APIConfigurationError,
	//lint:ignore ST1005 the execution log shows it in Amazon's words
	errors.New("unable to parse statusCode. It should be an integer that is defined in the request template."))

var _ gateway.Integration = Mock{}
