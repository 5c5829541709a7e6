package awsrpc_test

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/internal/awsrpc"
)

// TestAppendEvent checks the frame against the fields that the encoding's
// description names.
func TestAppendEvent(t *testing.T) {
	got := awsrpc.AppendEvent([]byte("x"), awsrpc.Event{Type: "PayloadChunk", ContentType: "application/octet-stream", Payload: []byte("hi")})[1:]
	headers := "\x0b:event-type\x07\x00\x0cPayloadChunk" +
		"\x0d:content-type\x07\x00\x18application/octet-stream" +
		"\x0d:message-type\x07\x00\x05event"
	if n := binary.BigEndian.Uint32(got); int(n) != len(got) || len(got) != 16+len(headers)+2 {
		t.Errorf("total length %d of %d bytes, want %d", n, len(got), 16+len(headers)+2)
	}
	if n := binary.BigEndian.Uint32(got[4:]); int(n) != len(headers) {
		t.Errorf("headers are %d bytes, want %d", n, len(headers))
	}
	if got, want := binary.BigEndian.Uint32(got[8:]), crc32.ChecksumIEEE(got[:8]); got != want {
		t.Errorf("CRC of the prelude = %x, want %x", got, want)
	}
	if got, want := binary.BigEndian.Uint32(got[len(got)-4:]), crc32.ChecksumIEEE(got[:len(got)-4]); got != want {
		t.Errorf("CRC of the message = %x, want %x", got, want)
	}
	if body := string(got[12 : len(got)-4]); body != headers+"hi" {
		t.Errorf("headers and payload:\n got %s\nwant %s", hex.Dump([]byte(body)), hex.Dump([]byte(headers+"hi")))
	}
}

type streamInput struct {
	Size *int32  `json:"Size,omitzero" aws:"header=X-Size" range:"1,3"`
	Name *string `json:"Name,omitzero" range:",4"`
}

type streamOutput struct {
	Status *int32        `json:"Status,omitzero" aws:"status"`
	Stream awsrpc.Events `json:"Stream,omitzero" aws:"payload"`
}

func streamHandler(t *testing.T, answer func(*streamInput) (*streamOutput, error)) *awsrpc.Handler {
	t.Helper()
	h, err := awsrpc.NewHandler([]awsrpc.Mount{{Service: awsrpc.Service{
		Name: "streams", SigningName: "streams", Protocol: awsrpc.RestJSON1, PlainNames: true,
		Operations: []awsrpc.Operation{
			{
				Name: "Stream", Method: "POST", URI: "/stream", Code: 200,
				NewInput: func() any { return new(streamInput) }, Output: (*streamOutput)(nil),
				Invoke: func(_ context.Context, _, in any) (any, error) { return answer(in.(*streamInput)) },
			},
			{Name: "Bare", Method: "POST", URI: "/bare"},
		},
	}}}, awsrpc.Options{Dev: true})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestEvents(t *testing.T) {
	h := streamHandler(t, func(*streamInput) (*streamOutput, error) {
		return &streamOutput{Status: new(int32(203)), Stream: func(yield func(awsrpc.Event, error) bool) {
			_ = yield(awsrpc.Event{Type: "A", Payload: []byte("1")}, nil) && yield(awsrpc.Event{Type: "B"}, nil)
		}}, nil
	})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/stream", http.NoBody))
	want := string(awsrpc.AppendEvent(awsrpc.AppendEvent(nil, awsrpc.Event{Type: "A", Payload: []byte("1")}), awsrpc.Event{Type: "B"}))
	if w.Code != 203 || w.Body.String() != want || !w.Flushed {
		t.Errorf("answer = %d %q, flushed %v, want 203 %q", w.Code, w.Body, w.Flushed, want)
	}
	if got := w.Header().Get("Content-Type"); got != "application/vnd.amazon.eventstream" {
		t.Errorf("Content-Type = %q", got)
	}
}

// A stream that fails on the way must not look whole.
func TestEventsBroken(t *testing.T) {
	h := streamHandler(t, func(*streamInput) (*streamOutput, error) {
		return &streamOutput{Stream: func(yield func(awsrpc.Event, error) bool) {
			yield(awsrpc.Event{}, errors.New("the disk is on fire"))
		}}, nil
	})
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("ServeHTTP panicked with %v, want http.ErrAbortHandler", p)
		}
	}()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/stream", http.NoBody))
}

func TestBoundsAndBareOperations(t *testing.T) {
	h := streamHandler(t, func(*streamInput) (*streamOutput, error) { return nil, errors.New("not reached") })
	tests := []struct {
		name, path, size, body, want string
	}{
		{"too small", "/stream", "0", "", "1 validation error detected: Value '0' at 'x-Size' failed to satisfy constraint: Member must have value greater than or equal to 1"},
		{"too large and too long", "/stream", "4", `{"Name":"longer"}`, "2 validation errors detected: Value 'longer' at 'name' failed to satisfy constraint: Member must have length less than or equal to 4; " +
			"Value '4' at 'x-Size' failed to satisfy constraint: Member must have value less than or equal to 3"},
		{"nothing known", "/bare", "", "", "Gatehouse does not implement Bare yet (see COVERAGE.md)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", tt.path, strings.NewReader(tt.body))
			r.Header.Set("X-Size", tt.size)
			if tt.size == "" {
				r.Header.Del("X-Size")
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if want := `{"message":"` + tt.want + `"}`; w.Body.String() != want {
				t.Errorf("answer:\n got %s\nwant %s", w.Body, want)
			}
		})
	}
}
