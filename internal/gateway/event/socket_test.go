package event_test

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/event"
	"gatehouse/internal/wire"
)

// AWS: websocket-execution.md §3: the samples, member by member in their order.
func TestSocketEvents(t *testing.T) {
	connected := time.UnixMilli(1705751697419)
	tests := []struct {
		name   string
		key    string
		socket gateway.Socket
		agent  string
		auth   *gateway.Authorization
		want   string
	}{
		{"message", "$default", gateway.Socket{Event: gateway.SocketMessage, MessageID: "R1knPc2ntjMCFIA="}, "tester", nil,
			`{"requestContext":{"routeKey":"$default","messageId":"R1knPc2ntjMCFIA=","eventType":"MESSAGE","extendedRequestId":"R1knPH17NjMFftw=",` +
				`"requestTime":"20/Jan/2024:11:55:00 +0000","messageDirection":"IN","stage":"prod","connectedAt":1705751697419,"requestTimeEpoch":1705751700453,` +
				`"identity":{"userAgent":"tester","sourceIp":"192.0.2.1"},"requestId":"R1knPH17NjMFftw=","domainName":"d.example","connectionId":"R1kmxc2VNjMCFIA=","apiId":"a1"},` +
				`"body":"{\"action\":\"x\"}","isBase64Encoded":false}`},
		{"disconnection", "$disconnect", gateway.Socket{Event: gateway.SocketDisconnect, CloseCode: 1005, CloseReason: "Client-side close frame status not set"}, "", nil,
			`{"headers":{"Host":"d.example","x-api-key":"","X-Forwarded-For":"","x-restapi":""},` +
				`"multiValueHeaders":{"Host":["d.example"],"x-api-key":[""],"X-Forwarded-For":[""],"x-restapi":[""]},` +
				`"requestContext":{"routeKey":"$disconnect","disconnectStatusCode":1005,"eventType":"DISCONNECT","extendedRequestId":"R1knPH17NjMFftw=",` +
				`"requestTime":"20/Jan/2024:11:55:00 +0000","messageDirection":"IN","disconnectReason":"Client-side close frame status not set","stage":"prod",` +
				`"connectedAt":1705751697419,"requestTimeEpoch":1705751700453,"identity":{"sourceIp":"192.0.2.1"},"requestId":"R1knPH17NjMFftw=","domainName":"d.example",` +
				`"connectionId":"R1kmxc2VNjMCFIA=","apiId":"a1"},"isBase64Encoded":false}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := new(gateway.Exchange)
			x.Stage = &gateway.Stage{API: "a1", Name: "prod"}
			x.Peer = &wire.Peer{Addr: netip.MustParseAddrPort("192.0.2.1:999")}
			x.Authorization = tt.auth
			x.Socket = &tt.socket
			x.Socket.ConnectionID, x.Socket.ConnectedAt = "R1kmxc2VNjMCFIA=", connected
			x.Vars.Start, x.Vars.UserAgent, x.Vars.Domain = time.UnixMilli(1705751700453), tt.agent, "d.example"
			x.Vars.RequestID, x.Vars.ExtendedRequestID = "R1knPH17NjMFftw=", "R1knPH17NjMFftw="
			got := event.NewSocketForm(tt.key, nil).Append(nil, x, []byte(`{"action":"x"}`))
			if string(got) != tt.want {
				t.Errorf("event:\n%s\nwant:\n%s", got, tt.want)
			}
			if !json.Valid(got) {
				t.Error("the event is no JSON")
			}
		})
	}
}
