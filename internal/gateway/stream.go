package gateway

import (
	"time"

	"gatehouse/internal/wire"
)

// NoteFirstContent notes when the first byte of the body of x's streamed
// integration response is here.
func (x *Exchange) NoteFirstContent() {
	b := &x.IntegrationResponse.Body
	switch {
	case len(b.Bytes) > 0:
		x.Vars.FirstContent = x.Vars.IntegrationEnd
	case b.Source != nil:
		x.stream = firstContent{x: x, Source: b.Source}
		b.Source = &x.stream
	}
}

// A firstContent is a body of which nothing has come yet.
type firstContent struct {
	x *Exchange
	wire.Source
}

// Read notes when it first has something to give.
func (s *firstContent) Read(p []byte) (int, error) {
	n, err := s.Source.Read(p)
	if n > 0 && s.x != nil {
		s.x.Vars.FirstContent, s.x = time.Now(), nil
	}
	return n, err
}
