package websocket

import (
	"encoding/binary"
	"unicode/utf8"
)

// An Opcode says what a frame carries.
type Opcode byte

// The opcodes of RFC 6455.
const (
	Continuation Opcode = 0x0
	Text         Opcode = 0x1
	Binary       Opcode = 0x2
	Close        Opcode = 0x8
	Ping         Opcode = 0x9
	Pong         Opcode = 0xa
)

// control tells whether a frame is no part of a message.
func (o Opcode) control() bool { return o >= Close }

// A Header is the head of a frame.
type Header struct {
	Final      bool
	Compressed bool // permessage-deflate: the message is, of which it is the first frame
	Opcode     Opcode
	Length     uint64
	Mask       [4]byte
}

const (
	maxHeader  = 14
	maxControl = 125 // payload of a control frame
)

// ParseHeader reads the head of a client's frame from the beginning of b. It
// returns its size, 0 if more of it is to come, or why the frame is refused.
// deflate: messages may be compressed.
func ParseHeader(b []byte, deflate bool) (h Header, n int, err *CloseError) {
	if len(b) < 2 {
		return h, 0, nil
	}
	h.Final, h.Opcode = b[0]&0x80 != 0, Opcode(b[0]&0x0f)
	length := b[1] & 0x7f
	h.Compressed = deflate && b[0]&0x40 != 0 && (h.Opcode == Text || h.Opcode == Binary)
	switch {
	case b[0]&0x70 != 0 && (!h.Compressed || b[0]&0x30 != 0):
		return h, 0, protocolError("reserved bits are set")
	case h.Opcode > Binary && h.Opcode < Close || h.Opcode > Pong:
		return h, 0, protocolError("unknown opcode")
	case b[1]&0x80 == 0:
		return h, 0, protocolError("frame is not masked")
	case h.Opcode.control() && (!h.Final || length > maxControl):
		return h, 0, protocolError("control frame is fragmented or too long")
	}
	n = 2
	switch length {
	case 126:
		if n += 2; len(b) >= n {
			h.Length = uint64(binary.BigEndian.Uint16(b[2:]))
		}
	case 127:
		if n += 8; len(b) >= n {
			h.Length = binary.BigEndian.Uint64(b[2:])
		}
	default:
		h.Length = uint64(length)
	}
	if n += len(h.Mask); len(b) < n {
		return h, 0, nil
	}
	if h.Length>>63 != 0 || length == 126 && h.Length <= maxControl || length == 127 && h.Length <= 0xffff {
		return h, 0, protocolError("malformed length")
	}
	copy(h.Mask[:], b[n-4:])
	return h, n, nil
}

func protocolError(reason string) *CloseError { return &CloseError{CloseProtocol, reason} }

// appendHeader appends the head of a server's frame.
func appendHeader(dst []byte, final bool, op Opcode, length int) []byte {
	first := byte(op)
	if final {
		first |= 0x80
	}
	switch {
	case length <= maxControl:
		return append(dst, first, byte(length))
	case length <= 0xffff:
		return binary.BigEndian.AppendUint16(append(dst, first, 126), uint16(length))
	}
	return binary.BigEndian.AppendUint64(append(dst, first, 127), uint64(length))
}

// unmask takes the mask off b, which begins at offset of its payload.
func unmask(b []byte, mask [4]byte, offset uint64) {
	var key [8]byte
	for i := range key {
		key[i] = mask[(offset+uint64(i))&3]
	}
	word := binary.LittleEndian.Uint64(key[:])
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^word)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= key[i]
	}
}

// AppendText appends a message as frames of at most limit bytes each.
func AppendText(dst, message []byte, limit int) []byte {
	return appendMessage(dst, message, Text, limit)
}

// appendMessage appends a message as frames, the first with an opcode, perhaps
// with a reserved bit.
func appendMessage(dst, message []byte, op Opcode, limit int) []byte {
	for len(message) > limit {
		dst = append(appendHeader(dst, false, op, limit), message[:limit]...)
		message, op = message[limit:], Continuation
	}
	return append(appendHeader(dst, true, op, len(message)), message...)
}

// appendClose appends a close frame.
func appendClose(dst []byte, code int, reason string) []byte {
	if code == CloseNoStatus {
		return appendHeader(dst, true, Close, 0)
	}
	reason = reason[:min(len(reason), maxControl-2)]
	dst = appendHeader(dst, true, Close, 2+len(reason))
	return append(binary.BigEndian.AppendUint16(dst, uint16(code)), reason...)
}

// parseClose reads the payload of a close frame.
func parseClose(b []byte) *CloseError {
	switch {
	case len(b) == 0:
		return &CloseError{Code: CloseNoStatus}
	case len(b) == 1:
		return nil
	}
	e := &CloseError{int(binary.BigEndian.Uint16(b)), string(b[2:])}
	if e.Code == CloseNoStatus {
		e.Code = 0 // nobody may send it
	}
	return e
}

// refused is why a peer's close frame is no good, or nil.
func (e *CloseError) refused() *CloseError {
	switch {
	case e == nil:
		return protocolError("malformed close frame")
	case e.Code == CloseNoStatus:
		return nil
	case e.Code < 1000, e.Code > 1014 && e.Code < 3000, e.Code > 4999, e.Code == 1004, e.Code == CloseAbnormal:
		return protocolError("invalid close code")
	case !utf8.ValidString(e.Reason):
		return &CloseError{CloseInvalidData, "reason is not UTF-8"}
	}
	return nil
}
