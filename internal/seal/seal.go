// Package seal encrypts what is kept at rest with a key that is kept elsewhere:
// objects of buckets, and secret parameters.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
)

// A Sealer encrypts and authenticates, by AES-256-GCM. It is safe for concurrent
// use.
type Sealer struct{ aead cipher.AEAD }

// KeySize is the length of a key, in bytes.
const KeySize = 32

// New returns a sealer with a key.
func New(key []byte) (*Sealer, error) {
	if len(key) != KeySize {
		return nil, errors.New("seal: the key has not 32 bytes")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &Sealer{aead}, err
}

// Close seals content. Each time it looks different.
func (s *Sealer) Close(content []byte) []byte {
	out := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(content)+s.aead.Overhead())
	_, _ = rand.Read(out) // never fails
	return s.aead.Seal(out, out, content, nil)
}

// ErrKey is why something cannot be opened: it was sealed with another key, or
// is not what was sealed.
var ErrKey = errors.New("what is stored encrypted cannot be opened: is objects.key that of this store?")

// Open returns what was sealed, or ErrKey.
func (s *Sealer) Open(sealed []byte) ([]byte, error) {
	n := s.aead.NonceSize()
	if len(sealed) < n {
		return nil, ErrKey
	}
	content, err := s.aead.Open(nil, sealed[:n], sealed[n:], nil)
	if err != nil {
		return nil, ErrKey
	}
	return content, nil
}
