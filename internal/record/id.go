package record

import (
	"crypto/rand"
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
