package gateway_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// source is a body that is still to come.
type source struct{ io.Reader }

func (source) Trailer() *wire.Header { return nil }
func (source) Close() error          { return nil }

// zeros is a body of n bytes.
func zeros(n int64) io.Reader { return io.LimitReader(zeroReader{}, n) }

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// AWS: rest-execution.md §14.
func TestReadBody(t *testing.T) {
	const most = gateway.MaxBody
	tests := []struct {
		name   string
		here   int // bytes that came with the head
		rest   io.Reader
		length int64 // as announced
		want   int64 // bytes read
		fault  gateway.FaultType
		status int
	}{
		{"none", 0, nil, 0, 0, 0, 0},
		{"all here", 100, nil, 100, 100, 0, 0},
		{"length known", 100, zeros(50_000), 50_100, 50_100, 0, 0},
		{"length unknown", 100, zeros(50_000), -1, 50_100, 0, 0},
		{"byte by byte", 1, iotest.OneByteReader(zeros(5_000)), -1, 5_001, 0, 0},
		{"the most", 0, zeros(most), -1, most, 0, 0},
		{"one more, announced", 0, zeros(most + 1), most + 1, 0, gateway.RequestTooLarge, 413},
		{"one more, by surprise", 1, zeros(most), -1, 0, gateway.RequestTooLarge, 413},
		{"torn", 1, iotest.ErrReader(wire.ErrTorn), 10, 0, gateway.Default4XX, 400},
		{"too slow", 1, iotest.ErrReader(&wire.Error{Status: 408}), 10, 0, gateway.Default4XX, 408},
		{"too large for the driver", 1, iotest.ErrReader(&wire.Error{Status: 413}), -1, 0, gateway.RequestTooLarge, 413},
		{"an error that is nobody's", 1, iotest.ErrReader(&wire.Error{Status: 502}), -1, 0, gateway.Default4XX, 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := new(gateway.Exchange)
			b := &x.MethodRequest.Body
			*b = wire.Body{Bytes: make([]byte, tt.here), Length: tt.length}
			if tt.rest != nil {
				b.Source = source{tt.rest}
			}
			err := x.ReadBody()
			if tt.status != 0 {
				var f *gateway.Fault
				if !errors.As(err, &f) || f.Type != tt.fault || f.StatusCode() != tt.status {
					t.Errorf("error %v, want %v %d", err, tt.fault, tt.status)
				}
				return
			}
			if err != nil || int64(len(b.Bytes)) != tt.want || b.Length != tt.want || b.Source != nil {
				t.Errorf("%d bytes of length %d, source %v, %v; want all %d", len(b.Bytes), b.Length, b.Source, err, tt.want)
			}
			x.Reset()
			x.MethodRequest.Body = wire.Body{Bytes: []byte("new"), Source: source{strings.NewReader("er")}, Length: -1}
			if err := x.ReadBody(); err != nil || string(x.MethodRequest.Body.Bytes) != "newer" {
				t.Errorf("the next exchange reads %q, %v", x.MethodRequest.Body.Bytes, err)
			}
		})
	}
}

// TestLimitResponse: a body may be the limit, and not one byte more, and what
// is over it does not end like a whole body.
func TestLimitResponse(t *testing.T) {
	for _, over := range []int64{0, 1, 100} {
		x := new(gateway.Exchange)
		(&gateway.Gateway{Bodies: gateway.Bodies{Response: 100}}).Begin(x)
		x.IntegrationResponse.Body = wire.Body{Bytes: []byte("abc"), Source: source{zeros(97 + over)}, Length: -1}
		if err := x.LimitResponse(); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(x.IntegrationResponse.Body.Source)
		if len(rest) != 97 || (err != nil) != (over > 0) {
			t.Errorf("%d over the limit: %d bytes, %v", over, len(rest), err)
		}
	}
}

// TestBodies: what the operator says stands in the place of AWS's limit.
func TestBodies(t *testing.T) {
	g := &gateway.Gateway{Bodies: gateway.Bodies{Request: gateway.MaxBody + 10, Response: 5}}
	for _, tt := range []struct {
		size int64
		ok   bool
	}{{gateway.MaxBody + 10, true}, {gateway.MaxBody + 11, false}} {
		x := new(gateway.Exchange)
		g.Begin(x)
		x.MethodRequest.Body = wire.Body{Source: source{zeros(tt.size)}, Length: tt.size}
		if err := x.ReadBody(); (err == nil) != tt.ok {
			t.Errorf("a request of %d bytes: %v", tt.size, err)
		}
		x.Reset()
		x.IntegrationResponse.Body = wire.Body{Source: source{zeros(6)}, Length: 6}
		if err := x.ReadResponse(); err != nil {
			t.Errorf("the limit of another gateway stayed: %v", err)
		}
	}
}

// TestBodiesOfEvents: the operator's limits are those of WebSocket APIs, too.
func TestBodiesOfEvents(t *testing.T) {
	g := &gateway.Gateway{Bodies: gateway.Bodies{Response: 5}}
	x := new(gateway.Exchange)
	g.BeginEvent(x, g.Table(), &gateway.Stage{Socket: new(gateway.SocketStage)}, nil, &gateway.Socket{Event: gateway.SocketMessage})
	x.IntegrationResponse.Body = wire.Body{Source: source{zeros(6)}, Length: 6}
	if err := x.ReadResponse(); err == nil {
		t.Error("a response of 6 bytes is taken, where 5 are allowed")
	}
}
