package awsrpc

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"iter"
	"net/http"
)

// Events are the body of an answer that comes bit by bit: its events, or an error
// that ends it before its time and that the client sees as a connection cut off.
type Events iter.Seq2[Event, error]

// An Event is one message of a stream.
type Event struct {
	Type        string // the member of the model's union
	ContentType string // of Payload
	Payload     []byte // read before the next event is asked for
}

// writeEvents sends the head of an answer and its events, each as soon as it
// comes.
func writeEvents(w http.ResponseWriter, code int, events Events) error {
	w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	w.WriteHeader(code)
	rc := http.NewResponseController(w)
	if err := rc.Flush(); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	var b []byte
	for e, err := range events {
		if err != nil {
			return fmt.Errorf("stream of events: %w", err)
		}
		b = AppendEvent(b[:0], e)
		if _, err := w.Write(b); err != nil {
			return nil // the client is gone; nobody is left to tell
		}
		if err := rc.Flush(); err != nil {
			return nil
		}
	}
	return nil
}

// AppendEvent appends an event in the encoding vnd.amazon.eventstream.
//
// AWS: "Event stream encoding" of the Amazon Transcribe developer guide: total
// length, length of the headers, CRC of these two; headers; payload; CRC of all.
func AppendEvent(dst []byte, e Event) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, 12)...)
	dst = appendEventHeader(dst, ":event-type", e.Type)
	if e.ContentType != "" {
		dst = appendEventHeader(dst, ":content-type", e.ContentType)
	}
	dst = appendEventHeader(dst, ":message-type", "event")
	headers := len(dst) - start - 12
	dst = append(dst, e.Payload...)
	message := dst[start:]
	binary.BigEndian.PutUint32(message, uint32(len(message)+4))
	binary.BigEndian.PutUint32(message[4:], uint32(headers))
	binary.BigEndian.PutUint32(message[8:], crc32.ChecksumIEEE(message[:8]))
	return binary.BigEndian.AppendUint32(dst, crc32.ChecksumIEEE(dst[start:]))
}

// appendEventHeader appends a header whose value is text, of type 7.
func appendEventHeader(dst []byte, name, value string) []byte {
	dst = append(dst, byte(len(name)))
	dst = append(dst, name...)
	dst = append(dst, 7)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(value)))
	return append(dst, value...)
}
