package integration

import (
	"context"
	"errors"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// A Mock is a MOCK integration: its request template gives the status by which
// the integration response is chosen.
type Mock struct {
	templates *Templates
	status    map[string]int // of the text of each template; -1: none in it
}

// NewMock makes a Mock. Templates may be nil: then the client's own body is
// taken for a template's output.
func NewMock(t *Templates) *Mock {
	m := &Mock{templates: t, status: make(map[string]int)}
	if t == nil {
		return m
	}
	for _, text := range t.byType {
		m.add(text)
	}
	if t.hasOther {
		m.add(t.otherwise)
	}
	return m
}

func (m *Mock) add(text []byte) { m.status[string(text)] = mockStatus(text) }

// NeedsBody tells whether the client's body may have to be read.
func (m *Mock) NeedsBody() bool { return m.templates == nil || !m.templates.hasOther }

// Call makes up the backend's response: the status and no body.
//
// AWS: integrations.md §3.
func (m *Mock) Call(_ context.Context, x *gateway.Exchange) error {
	text, ok, err := m.templates.choose(x)
	if err != nil {
		return err
	}
	status := 0
	if ok {
		status = m.status[string(text)]
	} else {
		if err := x.ReadBody(); err != nil {
			return err
		}
		status = mockStatus(x.MethodRequest.Body.Bytes)
	}
	if status < 0 {
		return noMockStatus
	}
	x.IntegrationResponse.Status = status
	x.IntegrationResponse.Header.Reset()
	x.IntegrationResponse.Body = wire.Body{}
	return nil
}

var noMockStatus = gateway.NewFault(gateway.APIConfigurationError,
	errors.New("unable to parse statusCode: it should be an integer that is defined in the request template"))

var _ gateway.Integration = (*Mock)(nil)
