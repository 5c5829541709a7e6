package jwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512" // the longer hashes
	"math/big"
	"strings"
)

// algorithms are those that sign with a private key. A key that is public must
// never serve as a shared secret, so the others are not known here at all.
//
// RFC 7518 §3.1, RFC 8037.
var algorithms = map[string]crypto.Hash{
	"RS256": crypto.SHA256, "RS384": crypto.SHA384, "RS512": crypto.SHA512,
	"PS256": crypto.SHA256, "PS384": crypto.SHA384, "PS512": crypto.SHA512,
	"ES256": crypto.SHA256, "ES384": crypto.SHA384, "ES512": crypto.SHA512,
	"EdDSA": 0, // hashes by itself
}

// verifies tells whether a signature of text, by an algorithm, is that of a key
// that fits the algorithm.
func verifies(key any, algorithm, text string, signature []byte) bool {
	hash := algorithms[algorithm]
	var digest []byte
	switch hash {
	case 0:
	case crypto.SHA256:
		sum := sha256.Sum256([]byte(text))
		digest = sum[:]
	default:
		h := hash.New()
		h.Write([]byte(text))
		digest = h.Sum(nil)
	}
	switch key := key.(type) {
	case *rsaKey:
		if strings.HasPrefix(algorithm, "PS") {
			// RFC 7518 §3.5: the salt is as long as the hash.
			return rsa.VerifyPSS(key.public, hash, digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
		return key.verifies(hash, digest, signature)
	case *ecdsa.PublicKey:
		// RFC 7518 §3.4: two numbers of the length of the curve's, and nothing else.
		size := (key.Curve.Params().BitSize + 7) / 8
		if len(signature) != 2*size {
			return false
		}
		r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
		return ecdsa.Verify(key, digest, r, s)
	case ed25519.PublicKey:
		return ed25519.Verify(key, []byte(text), signature)
	}
	return false
}
