package apigatewaymanagementapi

import (
	"bytes"
	"context"

	api "gatehouse/internal/awsapi/apigatewaymanagementapi"
	"gatehouse/internal/awsrpc"
)

// Topics, beyond AWS: who is in a topic gets what is sent to it. They are called
// like the rest of @connections, signed for execute-api, but no SDK knows them.

// Topics are the sets of connections that messages can be sent to at once.
type Topics interface {
	// Broadcast sends a message to all connections in a topic. It returns how
	// many got it, and how many were lost or too slow.
	Broadcast(api, topic string, message []byte) (sent, lost int)
	// Subscribers returns how many connections are in a topic.
	Subscribers(api, topic string) int
}

// A PostToTopicInput is a message to a topic.
type PostToTopicInput struct {
	Data  []byte  `json:"Data,omitzero" aws:"payload,required"`
	Topic *string `json:"Topic,omitzero" aws:"uri=Topic,required"`
}

// A PostToTopicOutput tells what became of a message to a topic.
type PostToTopicOutput struct {
	Delivered *int32 `json:"delivered,omitzero"` // taken by the connection, or in its queue
	Lost      *int32 `json:"lost,omitzero"`      // the connection was lost, or is closed for being too slow
}

// A GetTopicInput asks for a topic.
type GetTopicInput struct {
	Topic *string `json:"Topic,omitzero" aws:"uri=Topic,required"`
}

// A GetTopicOutput tells about a topic.
type GetTopicOutput struct {
	Connections *int32 `json:"connections,omitzero"`
}

// A SubscriptionInput names a connection and a topic.
type SubscriptionInput struct {
	Topic        *string `json:"Topic,omitzero" aws:"uri=Topic,required"`
	ConnectionId *string `json:"ConnectionId,omitzero" aws:"uri=ConnectionId,required"`
}

// Mount returns s together with the operations it answers: AWS's, and those on
// topics.
func Mount(s *Service) awsrpc.Mount {
	table := api.Service()
	const topic, member = "/@connections/topics/{Topic}", "/@connections/topics/{Topic}/{ConnectionId}"
	table.Operations = append(table.Operations,
		awsrpc.Operation{
			Name: "PostToTopic", Method: "POST", URI: topic, Code: 200, Output: (*PostToTopicOutput)(nil),
			NewInput: func() any { return new(PostToTopicInput) },
			Invoke: func(ctx context.Context, s, in any) (any, error) {
				return s.(*Service).PostToTopic(ctx, in.(*PostToTopicInput))
			},
		},
		awsrpc.Operation{
			Name: "GetTopic", Method: "GET", URI: topic, Code: 200, Output: (*GetTopicOutput)(nil),
			NewInput: func() any { return new(GetTopicInput) },
			Invoke: func(ctx context.Context, s, in any) (any, error) {
				return s.(*Service).GetTopic(ctx, in.(*GetTopicInput))
			},
		},
		awsrpc.Operation{
			Name: "SubscribeToTopic", Method: "PUT", URI: member, Code: 204,
			NewInput: func() any { return new(SubscriptionInput) },
			Invoke: func(ctx context.Context, s, in any) (any, error) {
				return nil, s.(*Service).SubscribeToTopic(ctx, in.(*SubscriptionInput))
			},
		},
		awsrpc.Operation{
			Name: "UnsubscribeFromTopic", Method: "DELETE", URI: member, Code: 204,
			NewInput: func() any { return new(SubscriptionInput) },
			Invoke: func(ctx context.Context, s, in any) (any, error) {
				return nil, s.(*Service).UnsubscribeFromTopic(ctx, in.(*SubscriptionInput))
			},
		})
	return awsrpc.Mount{Service: table, Server: s}
}

// topic finds the API that is called, and refuses a topic that cannot be.
func (s *Service) topic(ctx context.Context, name *string) (string, error) {
	if !s.conns.ValidTopic(*name) {
		return "", &awsrpc.Error{Code: "BadRequestException", Status: 400, Message: "Invalid topic: " + *name}
	}
	return s.called(ctx)
}

// PostToTopic sends a message to all connections in a topic.
func (s *Service) PostToTopic(ctx context.Context, in *PostToTopicInput) (*PostToTopicOutput, error) {
	name, err := s.topic(ctx, in.Topic)
	if err != nil {
		return nil, err
	}
	if len(in.Data) > s.maxMessage {
		return nil, api.PayloadTooLargeException("")
	}
	sent, lost := s.conns.Topics().Broadcast(name, *in.Topic, bytes.ToValidUTF8(in.Data, []byte("\uFFFD")))
	return &PostToTopicOutput{Delivered: new(int32(sent)), Lost: new(int32(lost))}, nil
}

// GetTopic tells how many connections are in a topic.
func (s *Service) GetTopic(ctx context.Context, in *GetTopicInput) (*GetTopicOutput, error) {
	name, err := s.topic(ctx, in.Topic)
	if err != nil {
		return nil, err
	}
	return &GetTopicOutput{Connections: new(int32(s.conns.Topics().Subscribers(name, *in.Topic)))}, nil
}

// SubscribeToTopic puts a connection into a topic.
func (s *Service) SubscribeToTopic(ctx context.Context, in *SubscriptionInput) error {
	return s.member(ctx, in, s.conns.Subscribe)
}

// UnsubscribeFromTopic takes a connection out of a topic.
func (s *Service) UnsubscribeFromTopic(ctx context.Context, in *SubscriptionInput) error {
	return s.member(ctx, in, s.conns.Unsubscribe)
}

func (s *Service) member(ctx context.Context, in *SubscriptionInput, do func(api, topic, id string) error) error {
	if _, err := s.topic(ctx, in.Topic); err != nil {
		return err
	}
	name, err := s.api(ctx, in.ConnectionId)
	if err != nil {
		return err
	}
	return answer(do(name, *in.Topic, *in.ConnectionId))
}
