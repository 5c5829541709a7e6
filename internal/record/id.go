package record

import (
	"crypto/rand"
	"fmt"
	"math/big"
)

const idAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789"

// NewID returns a random id of n lower-case letters and digits, unguessable.
// The first is a letter, so that it may begin a host name's label.
func NewID(n int) string {
	b := make([]byte, n)
	for i := range b {
		alphabet := idAlphabet
		if i == 0 {
			alphabet = idAlphabet[:26]
		}
		k, err := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet))))
		if err != nil {
			panic(err) // crypto/rand never fails on the systems Go runs on
		}
		b[i] = alphabet[k.Int64()]
	}
	return string(b)
}

// NewUUID returns a random UUID.
func NewUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process first
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
