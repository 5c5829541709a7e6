package function

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/go-json-experiment/json"
)

// Bounds of one message of a stream of events.
//
// AWS: 24 MB by the encoding's description; Lambda's chunks are far smaller.
const (
	maxMessage  = 16 << 20
	preludeSize = 12
	crcSize     = 4
)

var errStream = errors.New("malformed stream of events")

// A message is one event of a stream in the encoding vnd.amazon.eventstream.
type message struct {
	kind, event string // :message-type, :event-type or :exception-type
	payload     []byte
}

// readMessage reads the next message. io.EOF: there is none.
func readMessage(r io.Reader) (message, error) {
	var prelude [preludeSize]byte
	if _, err := io.ReadFull(r, prelude[:]); err != nil {
		return message{}, err
	}
	total, headers := binary.BigEndian.Uint32(prelude[:]), binary.BigEndian.Uint32(prelude[4:])
	if crc32.ChecksumIEEE(prelude[:8]) != binary.BigEndian.Uint32(prelude[8:]) ||
		total > maxMessage || total < preludeSize+crcSize || headers > total-preludeSize-crcSize {
		return message{}, errStream
	}
	rest := make([]byte, total-preludeSize)
	if _, err := io.ReadFull(r, rest); err != nil {
		return message{}, noEOF(err)
	}
	sum := crc32.Update(crc32.ChecksumIEEE(prelude[:]), crc32.IEEETable, rest[:len(rest)-crcSize])
	if sum != binary.BigEndian.Uint32(rest[len(rest)-crcSize:]) {
		return message{}, errStream
	}
	m := message{payload: rest[headers : len(rest)-crcSize]}
	return m, m.headers(rest[:headers])
}

// noEOF is an error in the middle of a message.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// headers reads those headers that tell what the message is. All that Lambda
// sends are text.
func (m *message) headers(b []byte) error {
	for len(b) > 0 {
		n := int(b[0])
		if len(b) < 1+n+3 || b[1+n] != 7 {
			return errStream
		}
		name := string(b[1 : 1+n])
		b = b[2+n:]
		size := int(binary.BigEndian.Uint16(b))
		if len(b) < 2+size {
			return errStream
		}
		value := string(b[2 : 2+size])
		b = b[2+size:]
		switch name {
		case ":message-type":
			m.kind = value
		case ":event-type", ":exception-type":
			m.event = value
		}
	}
	return nil
}

// A completeEvent is the end of a streamed answer.
type completeEvent struct{ ErrorCode, ErrorDetails, LogResult string }

// An eventBody reads the chunks of a streamed answer.
type eventBody struct {
	from  io.ReadCloser
	done  func(*completeEvent)
	chunk []byte
	err   error // what the next Read returns
}

// Read implements io.Reader.
func (s *eventBody) Read(p []byte) (int, error) {
	for len(s.chunk) == 0 {
		if s.err != nil {
			return 0, s.err
		}
		s.next()
	}
	n := copy(p, s.chunk)
	s.chunk = s.chunk[n:]
	return n, nil
}

// next takes the next message in.
func (s *eventBody) next() {
	m, err := readMessage(s.from)
	switch {
	case err != nil:
		s.err = noEOF(err) // a stream ends with InvokeComplete
	case m.kind == "exception":
		s.err = &StreamError{Code: m.event, Details: string(m.payload)}
	case m.event == "PayloadChunk":
		s.chunk = m.payload
	case m.event == "InvokeComplete":
		var e completeEvent
		if err := json.Unmarshal(m.payload, &e); err != nil {
			s.err = fmt.Errorf("end of a stream of events: %w", err)
			return
		}
		s.done(&e)
		if s.err = io.EOF; e.ErrorCode != "" {
			s.err = &StreamError{Code: e.ErrorCode, Details: e.ErrorDetails}
		}
	}
}

// Close implements io.Closer.
func (s *eventBody) Close() error { return s.from.Close() }
