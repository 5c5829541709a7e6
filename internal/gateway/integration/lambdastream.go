package integration

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"gatehouse/internal/function"
	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// maxMetadata is how much of a streamed answer may come before the mark.
//
// AWS: rest-execution.md §13.
const maxMetadata = 16 << 10

// stream makes the head of the response of the metadata that a function
// streams, and lets the rest pass as it comes.
func (l *LambdaProxy) stream(x *gateway.Exchange, res *function.Result, cancel context.CancelFunc) error {
	if res.Body == nil { // it failed before it began, and whoever ran it says so at once
		cancel()
		if res.Error != "" {
			return functionFailed(x, res.Payload, res.RequestID)
		}
		return badStream(x, errors.New("nothing was streamed"))
	}
	s := &streamSource{body: res.Body, cancel: cancel}
	head, rest, err := readMetadata(res.Body)
	if err != nil {
		_ = s.Close()
		var failed *function.StreamError
		if errors.As(err, &failed) {
			return functionFailed(x, []byte(failed.Details), res.RequestID)
		}
		return badStream(x, err)
	}
	a := newAnswer(x)
	defer a.release()
	if err := a.parse(head, true); err != nil {
		_ = s.Close()
		return badStream(x, err)
	}
	a.begin(x)
	in := &x.IntegrationResponse.Body
	*in = wire.Body{Bytes: rest, Source: s, Length: -1}
	x.NoteFirstContent()
	x.MethodResponse.Body, *in = *in, wire.Body{}
	return nil
}

// badStream is the fault of a streamed answer without its form.
//
// AWS: rest-execution.md §13: 500.
func badStream(x *gateway.Exchange, why error) error {
	x.Vars.IntegrationError = "Malformed Lambda proxy response"
	return &gateway.Fault{Type: gateway.IntegrationFailure, Status: http.StatusInternalServerError, Message: internalError, Cause: why}
}

// readMetadata reads up to the mark, and returns what came behind it.
func readMetadata(r io.Reader) (head, rest []byte, err error) {
	buf := make([]byte, 0, 2048)
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		from := max(0, len(buf)-len(streamMark))
		buf = buf[:len(buf)+n]
		if i := bytes.Index(buf[from:], []byte(streamMark)); i >= 0 {
			return buf[:from+i], buf[from+i+len(streamMark):], nil
		}
		switch {
		case err == io.EOF: //nolint:errorlint // readers return it bare
			return nil, nil, errors.New("the streamed answer ends before its metadata does")
		case err != nil:
			return nil, nil, err
		case len(buf) > maxMetadata+len(streamMark):
			return nil, nil, errors.New("the streamed metadata is too long")
		}
	}
}

// A streamSource is the rest of a streamed answer.
type streamSource struct {
	body   io.ReadCloser
	cancel context.CancelFunc
}

// Read reads on.
func (s *streamSource) Read(p []byte) (int, error) { return s.body.Read(p) }

// Trailer returns nil: there is none.
func (s *streamSource) Trailer() *wire.Header { return nil }

// Close gives up what is left.
func (s *streamSource) Close() error {
	err := s.body.Close()
	s.cancel()
	return err
}

var _ wire.Source = (*streamSource)(nil)
