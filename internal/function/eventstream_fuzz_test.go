package function

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// FuzzEventBody reads what may be a stream of events: whatever it is, reading
// ends, and only InvokeComplete ends it well.
func FuzzEventBody(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x00\x00\x00\x10\x00\x00\x00\x00\x05\xc2\x48\xeb\x7d\x98\xc8\xff"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		done := false
		b := &eventBody{from: io.NopCloser(bytes.NewReader(stream)), done: func(*completeEvent) { done = true }}
		read, err := io.ReadAll(b)
		var failed *StreamError
		if err == nil && !done || len(read) > len(stream) || errors.As(err, &failed) && failed.Code == "" && done {
			t.Errorf("read %d of %d bytes, %v, complete %v", len(read), len(stream), err, done)
		}
	})
}
