package integration

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync/atomic"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// A Seal encrypts the responses in caches (cacheDataEncrypted): with AES-256
// in GCM, under a key that is made at random when the process starts and that
// nobody else sees. Headers and body are encrypted; the key of a response,
// which has values of the request in it, is replaced by its salted hash.
type Seal struct {
	aead   cipher.AEAD
	salt   [32]byte
	nonces atomic.Uint64
}

// NewSeal makes a Seal with a key of its own.
func NewSeal() *Seal {
	s := new(Seal)
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails, as documented
	_, _ = rand.Read(s.salt[:])
	block, err := aes.NewCipher(key[:])
	if err == nil {
		s.aead, err = cipher.NewGCM(block)
	}
	if err != nil {
		panic("integration: AES-256 in GCM: " + err.Error())
	}
	return s
}

const nonceSize = 12

// digest returns the hash of key in its place. Without a seal the key stays.
func (s *Seal) digest(key []byte) []byte {
	if s == nil {
		return key
	}
	sum := sha256.Sum256(append(key, s.salt[:]...))
	return append(key[:0], sum[:]...)
}

// close encrypts k for a key. No nonce is used twice: they are counted.
func (s *Seal) close(k *Kept, key string) *Kept {
	plain := binary.AppendUvarint(nil, uint64(len(k.fields)))
	for i := range k.fields {
		f := &k.fields[i]
		plain = append(plain, byte(f.ID))
		plain = appendKeyPart(plain, f.Name)
		plain = appendKeyPart(plain, f.Value)
	}
	plain = append(plain, k.body...)
	var nonce [nonceSize]byte
	binary.BigEndian.PutUint64(nonce[4:], s.nonces.Add(1))
	out := make([]byte, len(nonce), len(nonce)+len(plain)+s.aead.Overhead())
	copy(out, nonce[:])
	return &Kept{status: k.status, length: k.length, sealed: s.aead.Seal(out, nonce[:], plain, []byte(key))}
}

// open decrypts fields, which it appends to dst, and body, into memory of x.
func (s *Seal) open(dst []wire.Field, x *gateway.Exchange, sealed, key []byte) (fields []wire.Field, body []byte, ok bool) {
	at := len(x.Buf)
	x.Buf = append(x.Buf, key...) // what an interface is given must not be on the stack
	from := len(x.Buf)
	buf, err := s.aead.Open(x.Buf, sealed[:nonceSize], sealed[nonceSize:], x.Buf[at:])
	if err != nil {
		return nil, nil, false
	}
	x.Buf = buf
	rest := buf[from:]
	count, n := binary.Uvarint(rest)
	rest = rest[n:]
	for range count {
		f := wire.Field{ID: wire.HeaderID(rest[0])}
		rest = rest[1:]
		f.Name, rest = cutKeyPart(rest)
		f.Value, rest = cutKeyPart(rest)
		dst = append(dst, f)
	}
	return dst, rest, true
}

// cutKeyPart undoes appendKeyPart.
func cutKeyPart(b []byte) (part string, rest []byte) {
	size, n := binary.Uvarint(b)
	return wire.String(b[n : n+int(size)]), b[n+int(size):]
}
