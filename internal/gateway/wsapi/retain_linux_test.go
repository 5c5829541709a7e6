package wsapi_test

import (
	"context"
	"errors"
	"testing"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/wsapi"
)

// TestRetain: connections to a stage that is gone are so at once, in topics too,
// whatever their clients do.
func TestRetain(t *testing.T) {
	h, _ := newHub(t, wsapi.Options{})
	gone := connect(t, h, &wsapi.Legacy{ID: "a", API: "api", Stage: "old", Topics: []string{"news"}, State: state()})
	connect(t, h, &wsapi.Legacy{ID: "b", API: "api", Stage: "kept", Topics: []string{"news"}, State: state()})
	h.Retain(func(api, stage string) bool { return api == "api" && stage == "kept" })
	if n := h.Subscribers("api", "news"); n != 1 {
		t.Errorf("%d connections in the topic, want 1", n)
	}
	if sent, lost := h.Broadcast("api", "news", []byte("hello")); sent != 1 || lost != 0 {
		t.Errorf("%d sent, %d lost; want 1 and 0", sent, lost)
	}
	if err := h.Post("api", "a", []byte("hello")); !errors.Is(err, wsapi.ErrGone) {
		t.Errorf("posted to a connection of a stage that is gone: %v", err)
	}
	gone.want(0x88, "\x03\xe9Going away")
}

// TestRetainDuringHandshake: a stage that goes while a client is let in takes the
// connection with it.
func TestRetainDuringHandshake(t *testing.T) {
	h, _ := newHub(t, wsapi.Options{})
	x := &gateway.Exchange{Stage: &gateway.Stage{API: "api", Name: "old"}, Socket: &gateway.Socket{ConnectionID: "a"}}
	x.MethodRequest.Header.Add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	x.MethodResponse.Status = 200
	if err := (&wsapi.Accept{Hub: h}).Do(context.Background(), x); err != nil {
		t.Fatal(err)
	}
	h.Retain(func(string, string) bool { return false })
	client, nc := pair(t)
	go x.MethodResponse.Switch(nc, nil) // newHub's end waits for it
	client.want(0x88, "\x03\xe9Going away")
}
