package s3

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
)

// A sealer encrypts the content of objects, as AWS does with all of them.
//
// AWS: "Amazon S3 now automatically encrypts all new objects" (AES-256).
type sealer struct{ aead cipher.AEAD }

// KeySize is the length of the key that objects are sealed with, in bytes.
const KeySize = 32

func newSealer(key []byte) (*sealer, error) {
	if len(key) != KeySize {
		return nil, errors.New("s3: the key of objects has not 32 bytes")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &sealer{aead}, err
}

func (s *sealer) close(content []byte) []byte {
	out := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(content)+s.aead.Overhead())
	_, _ = rand.Read(out) // never fails
	return s.aead.Seal(out, out, content, nil)
}

func (s *sealer) open(sealed []byte) ([]byte, error) {
	n := s.aead.NonceSize()
	if len(sealed) < n {
		return nil, errors.New("s3: a sealed object is too short")
	}
	content, err := s.aead.Open(nil, sealed[:n], sealed[n:], nil)
	if err != nil {
		return nil, errors.New("s3: an object cannot be opened: is objects.key that of this store?")
	}
	return content, nil
}
