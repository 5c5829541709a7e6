package wsapi

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
)

// An id has twenty characters, the last two of them "==": eight random bytes, three
// that the ids of a connection's messages have too, and two that name the node
// which holds the connection, so that a fleet finds it without asking.
//
// AWS: websocket-execution.md §3: the form of 2026; ids of messages end like
// that of their connection.
const (
	idBytes  = 13
	idLength = 20
	ownBytes = 8
)

func newID(node uint16) string {
	var b [idBytes]byte
	draw(b[:])
	binary.BigEndian.PutUint16(b[idBytes-2:], node)
	return base64.URLEncoding.EncodeToString(b[:])
}

// draw fills b with random bytes, of which no id comes that begins with a hyphen:
// commands would take it for an option.
func draw(b []byte) {
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process first
	const hyphen = 62   // in the alphabet
	if b[0]>>2 == hyphen {
		b[0] ^= 0x80
	}
}

// newMessageID makes the id of a message of a connection.
func newMessageID(connection string) string {
	var b [idLength]byte // more than an id decodes to
	n := 0
	if len(connection) <= idLength {
		n, _ = base64.URLEncoding.Decode(b[:], []byte(connection)) // it is one of ours
	}
	draw(b[:ownBytes])
	return base64.URLEncoding.EncodeToString(b[:max(n, ownBytes)])
}

// ValidID tells whether id may be that of a connection: one of ours, which are of
// AWS's form, or of one that AWS or we gave out before.
func ValidID(id string) bool {
	if len(id) != idLength && len(id) != 16 {
		return false
	}
	b, err := base64.URLEncoding.Strict().DecodeString(id)
	return err == nil && (len(b) == len(id)/4*3-1 || len(b) == idBytes)
}
