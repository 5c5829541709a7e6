// Package apigatewaymanagementapi answers @connections: what backends do with
// the connections of WebSocket APIs that clients hold open.
package apigatewaymanagementapi

import (
	"bytes"
	"context"
	"errors"
	"time"

	api "gatehouse/internal/awsapi/apigatewaymanagementapi"
	"gatehouse/internal/awsrpc"
)

// A Connection is what is known of one.
type Connection struct {
	ConnectedAt, LastActive time.Time
	SourceIP, UserAgent     string
}

// Conditions that Connections report.
var (
	ErrGone = errors.New("no such connection")
	ErrBusy = errors.New("the client does not take what is sent")
)

// Connections are those that clients hold open: the data plane.
type Connections interface {
	Places
	// What is done to a connection of an API.
	Post(api, id string, message []byte) error
	Get(api, id string) (Connection, error)
	Delete(api, id string) error

	// What is done about topics, beyond AWS.
	Subscribe(api, topic, id string) error
	Unsubscribe(api, topic, id string) error
	Topics() Topics
}

// Places tell what a call is about.
type Places interface {
	// Endpoint returns the account and the API of the stage that a host and a
	// path lead to; ok is false if there is none, or it is of no WebSocket API.
	Endpoint(host, base string) (account, api string, ok bool)
	// ValidID tells whether an id may be that of a connection, ValidTopic whether
	// a topic may be called so.
	ValidID(id string) bool
	ValidTopic(name string) bool
}

// A Service answers the operations of @connections.
type Service struct {
	conns      Connections
	maxMessage int
}

var _ api.Server = (*Service)(nil)

// New returns a service that reaches conns, to which messages of at most
// maxMessage bytes are sent.
func New(conns Connections, maxMessage int) *Service { return &Service{conns, maxMessage} }

// api finds the API that is called.
//
// AWS: websocket-execution.md §9: any stage of the same API does; one that is not
// there is forbidden. That the id is looked at before anything else, the
// signature included, is captured; here the caller is known by then.
func (s *Service) api(ctx context.Context, id *string) (string, error) {
	if !s.conns.ValidID(*id) {
		return "", &awsrpc.Error{Code: "BadRequestException", Status: 400, Message: "Invalid connectionId: " + *id}
	}
	return s.called(ctx)
}

// called is the API that is called.
func (s *Service) called(ctx context.Context) (string, error) {
	c := awsrpc.CallerFrom(ctx)
	account, name, ok := s.conns.Endpoint(c.Host, c.Base)
	if !ok || account != c.Account {
		return "", api.ForbiddenException("Forbidden")
	}
	return name, nil
}

// answer turns what the data plane says into what a caller is told.
func answer(err error) error {
	switch {
	case errors.Is(err, ErrGone):
		return api.GoneException("")
	case errors.Is(err, ErrBusy):
		return api.LimitExceededException("Limit Exceeded")
	}
	return err
}

// PostToConnection sends a message to a client.
//
// AWS: websocket-execution.md §9: what is not UTF-8 becomes U+FFFD.
func (s *Service) PostToConnection(ctx context.Context, in *api.PostToConnectionInput) error {
	name, err := s.api(ctx, in.ConnectionId)
	if err != nil {
		return err
	}
	if len(in.Data) > s.maxMessage {
		return api.PayloadTooLargeException("")
	}
	return answer(s.conns.Post(name, *in.ConnectionId, bytes.ToValidUTF8(in.Data, []byte("\uFFFD"))))
}

// GetConnection tells about a connection.
func (s *Service) GetConnection(ctx context.Context, in *api.GetConnectionInput) (*api.GetConnectionResponse, error) {
	name, err := s.api(ctx, in.ConnectionId)
	if err != nil {
		return nil, err
	}
	c, err := s.conns.Get(name, *in.ConnectionId)
	if err != nil {
		return nil, answer(err)
	}
	out := &api.GetConnectionResponse{
		ConnectedAt: new(c.ConnectedAt.UTC().Truncate(time.Millisecond)), LastActiveAt: new(c.LastActive.UTC().Truncate(time.Millisecond)),
		Identity: &api.Identity{SourceIp: new(c.SourceIP), UserAgent: new(c.UserAgent)},
	}
	return out, nil
}

// DeleteConnection closes a connection.
func (s *Service) DeleteConnection(ctx context.Context, in *api.DeleteConnectionInput) error {
	name, err := s.api(ctx, in.ConnectionId)
	if err != nil {
		return err
	}
	return answer(s.conns.Delete(name, *in.ConnectionId))
}
