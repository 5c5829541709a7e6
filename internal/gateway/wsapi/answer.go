package wsapi

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// An Answer is the step after an HTTP integration: it takes the backend's body
// into memory, if anybody is to get it.
type Answer struct{ Hub *Hub }

var answerTooLarge = gateway.NewFault(gateway.IntegrationFailure, errors.New("the answer of the backend is larger than a message may be"))

// Do reads the body. Of the headers of an answer that lets a client in, only the
// protocol is the client's.
func (a Answer) Do(_ context.Context, x *gateway.Exchange) error {
	r := &x.MethodResponse
	connect := x.Socket.Event == gateway.SocketConnect
	if connect && r.Status >= 200 && r.Status <= 299 {
		r.Header.Fields = slices.DeleteFunc(r.Header.Fields, func(f wire.Field) bool {
			return !strings.EqualFold(f.Name, "Sec-WebSocket-Protocol") && !strings.EqualFold(f.Name, TopicsHeader)
		})
	}
	b := &r.Body
	if b.Source == nil {
		return nil
	}
	src := b.Source
	var text []byte
	most := a.Hub.opt.Limits.Message
	if connect || x.Route.Reply {
		rest, err := io.ReadAll(io.LimitReader(src, int64(most)+1))
		if err != nil {
			return gateway.ResponseFault(err)
		}
		if text = append(slices.Clone(b.Bytes), rest...); len(text) > most {
			return answerTooLarge
		}
	}
	// The header lives as long as the source, which is given up at the end.
	x.IntegrationResponse.Body = wire.Body{Source: src}
	x.SetAnswerBody(text)
	return nil
}

var _ gateway.Step = Answer{}
