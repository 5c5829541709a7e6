package jwt

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"errors"

	"filippo.io/bigmod"
)

// An rsaKey is an RSA key whose modulus is prepared. crypto/rsa prepares it for
// each signature anew, which is a third of all it does; the arithmetic is the
// same, in constant time where that matters, which it does not here: all that
// goes in is public.
type rsaKey struct {
	public  *rsa.PublicKey
	modulus *bigmod.Modulus
	prefix  map[crypto.Hash][]byte // what stands before the digest, by hash
}

// Bounds of RSA keys. A modulus that is longer only serves to keep us busy.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// errRSAKey is that a key is none that verifies.
var errRSAKey = errors.New("no RSA key that verifies signatures")

// newRSAKey prepares a key: an odd modulus of a sensible length, and an odd
// exponent.
func newRSAKey(public *rsa.PublicKey) (*rsaKey, error) {
	n := public.N
	bits := n.BitLen()
	if n.Sign() <= 0 || n.Bit(0) == 0 || bits < minRSABits || bits > maxRSABits || public.E < 3 || public.E&1 == 0 || public.E > 1<<31-1 || guessable(n) {
		return nil, errRSAKey
	}
	modulus, err := bigmod.NewModulus(n.Bytes())
	if err != nil {
		return nil, err
	}
	k := &rsaKey{public: public, modulus: modulus, prefix: map[crypto.Hash][]byte{}}
	for hash, info := range digestInfo {
		k.prefix[hash] = paddingBefore(info, hash.Size(), modulus.Size())
	}
	return k, nil
}

// digestInfo is the beginning of a DER encoded DigestInfo, by hash.
//
// RFC 8017 §9.2, note 1.
var digestInfo = map[crypto.Hash]string{
	crypto.SHA256: "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20",
	crypto.SHA384: "\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30",
	crypto.SHA512: "\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40",
}

// paddingBefore is all of an encoded message of some length but the digest.
//
// RFC 8017 §9.2: EM = 0x00 || 0x01 || PS || 0x00 || T.
func paddingBefore(info string, digest, length int) []byte {
	em := make([]byte, 0, length)
	em = append(em, 0, 1)
	em = append(em, bytes.Repeat([]byte{0xff}, length-3-len(info)-digest)...)
	em = append(em, 0)
	return append(em, info...)
}

// verifies tells whether a signature is that of a digest.
//
// RFC 8017 §8.2.2: the signature is as long as the modulus, and less than it;
// what it encodes is compared whole with what it must be, never parsed.
func (k *rsaKey) verifies(hash crypto.Hash, digest, signature []byte) bool {
	before, ok := k.prefix[hash]
	if !ok || len(signature) != k.modulus.Size() {
		return false
	}
	s, err := bigmod.NewNat().SetBytes(signature, k.modulus)
	if err != nil {
		return false
	}
	em := bigmod.NewNat().ExpShortVarTime(s, uint(k.public.E), k.modulus).Bytes(k.modulus)
	rest, ok := bytes.CutPrefix(em, before)
	return ok && bytes.Equal(rest, digest)
}
