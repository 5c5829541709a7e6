package integration

import (
	"context"
	"net/http"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// A SocketMock is a MOCK integration of a WebSocket API.
type SocketMock struct{}

// Call makes up the backend's answer: a status and no body. A request template
// must print a status; a message that none was made of is well.
//
// AWS: undocumented for a message without template: the service integrations of
// the CDK have one everywhere.
func (SocketMock) Call(_ context.Context, x *gateway.Exchange) error {
	status := http.StatusOK
	if x.Transformed {
		if status = mockStatus(x.IntegrationRequest.Body.Bytes); status < 0 {
			return noMockStatus
		}
	}
	x.IntegrationResponse.Status = status
	x.IntegrationResponse.Header.Reset()
	x.IntegrationResponse.Body = wire.Body{}
	return nil
}

var _ gateway.Integration = SocketMock{}
