package app

import (
	"errors"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/wsapi"
	"gatehouse/internal/service/apigatewaymanagementapi"
)

// sockets are the connections of WebSocket APIs, as their service sees them.
type sockets struct {
	hub *wsapi.Hub
	gw  *gateway.Gateway
}

var _ apigatewaymanagementapi.Connections = (*sockets)(nil)

// Endpoint implements apigatewaymanagementapi.Connections.
func (s *sockets) Endpoint(host, base string) (account, api string, ok bool) {
	st := s.gw.Table().SocketStage(host, base)
	if st == nil {
		return "", "", false
	}
	return st.Account, st.API, true
}

// stage returns the API and the stage that a host and a path lead to.
func (s *sockets) stage(host, path string) (api, stage string, ok bool) {
	st := s.gw.Table().SocketStage(host, path)
	if st == nil {
		return "", "", false
	}
	return st.API, st.Name, true
}

// ValidID implements apigatewaymanagementapi.Connections.
func (s *sockets) ValidID(id string) bool { return wsapi.ValidID(id) }

// ValidTopic implements apigatewaymanagementapi.Connections.
func (s *sockets) ValidTopic(name string) bool { return wsapi.ValidTopic(name) }

// Post implements apigatewaymanagementapi.Connections.
func (s *sockets) Post(api, id string, message []byte) error {
	return told(s.hub.Post(api, id, message))
}

// Get implements apigatewaymanagementapi.Connections.
func (s *sockets) Get(api, id string) (apigatewaymanagementapi.Connection, error) {
	c, err := s.hub.Get(api, id)
	return apigatewaymanagementapi.Connection(c), told(err)
}

// Delete implements apigatewaymanagementapi.Connections.
func (s *sockets) Delete(api, id string) error { return told(s.hub.Delete(api, id)) }

// Subscribe implements apigatewaymanagementapi.Connections.
func (s *sockets) Subscribe(api, topic, id string) error {
	return told(s.hub.Subscribe(api, topic, id))
}

// Unsubscribe implements apigatewaymanagementapi.Connections.
func (s *sockets) Unsubscribe(api, topic, id string) error {
	return told(s.hub.Unsubscribe(api, topic, id))
}

// Topics implements apigatewaymanagementapi.Connections.
func (s *sockets) Topics() apigatewaymanagementapi.Topics { return s.hub }

// told is an error in the words of the service.
func told(err error) error {
	switch {
	case errors.Is(err, wsapi.ErrGone):
		return apigatewaymanagementapi.ErrGone
	case errors.Is(err, wsapi.ErrBusy), errors.Is(err, wsapi.ErrTopics):
		return apigatewaymanagementapi.ErrBusy
	}
	return err
}
