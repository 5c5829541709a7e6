package jwt

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	mrand "math/rand/v2"
	"testing"
)

// What we take for a signature is what the standard library takes for one: right
// ones, changed ones, and messages padded in all the ways that parsers fell for.
func TestRSALikeTheLibrary(t *testing.T) {
	seeded := mrand.New(mrand.NewPCG(1, 2))
	for _, bits := range []int{2048, 2056, 3072} {
		private, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		key, err := newRSAKey(&private.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		for hash := range digestInfo {
			h := hash.New()
			h.Write([]byte("message"))
			digest := h.Sum(nil)
			signature, err := rsa.SignPKCS1v15(nil, private, hash, digest)
			if err != nil {
				t.Fatal(err)
			}
			if !key.verifies(hash, digest, signature) {
				t.Errorf("%d bits, %v: a right signature is refused", bits, hash)
			}
			agree := func(what string, signature []byte) {
				t.Helper()
				want := rsa.VerifyPKCS1v15(&private.PublicKey, hash, digest, signature) == nil
				if got := key.verifies(hash, digest, signature); got != want {
					t.Errorf("%d bits, %v: %s: %v, the library says %v", bits, hash, what, got, want)
				}
			}
			agree("empty", nil)
			agree("a zero before", append([]byte{0}, signature...))
			agree("the first byte missing", signature[1:])
			agree("zero", make([]byte, len(signature)))
			agree("the modulus", private.N.Bytes())
			more := new(big.Int).Add(new(big.Int).SetBytes(signature), private.N)
			agree("the modulus added", more.Bytes())
			for range 20 {
				changed := append([]byte(nil), signature...)
				changed[seeded.IntN(len(changed))] ^= 1 << seeded.IntN(8)
				agree("a bit changed", changed)
			}
			// Encoded messages of a forger who had the private key: each byte of
			// the padding counts, and so does where the digest stands.
			em := append(append([]byte(nil), key.prefix[hash]...), digest...)
			signed := func(em []byte) []byte {
				s := new(big.Int).Exp(new(big.Int).SetBytes(em), private.D, private.N)
				return s.FillBytes(make([]byte, key.modulus.Size()))
			}
			agree("as it must be", signed(em))
			for i := 1; i < len(em); i += 1 + i/3 {
				changed := append([]byte(nil), em...)
				changed[i] ^= 0x55
				agree("another byte of the message", signed(changed))
			}
			short := append(append(append([]byte(nil), em[:2+8]...), 0), em[len(em)-hash.Size()-len(digestInfo[hash]):]...)
			garbage := append(short, make([]byte, len(em)-len(short))...)
			agree("the digest followed by anything", signed(garbage))
		}
	}
}

func TestRSAKeysRefused(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	n := private.N
	long := new(big.Int).Lsh(big.NewInt(1), maxRSABits)
	for name, key := range map[string]*rsa.PublicKey{
		"even modulus":  {N: new(big.Int).Add(n, big.NewInt(1)), E: 65537},
		"short":         {N: new(big.Int).SetBit(new(big.Int).Rsh(n, 1), 0, 1), E: 65537},
		"long":          {N: long.Add(long, big.NewInt(1)), E: 65537},
		"exponent 1":    {N: n, E: 1},
		"even exponent": {N: n, E: 65536},
		"no exponent":   {N: n},
		"negative":      {N: new(big.Int).Neg(n), E: 65537},
	} {
		if _, err := newRSAKey(key); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	key, err := newRSAKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if key.verifies(crypto.SHA1, make([]byte, 20), make([]byte, 256)) {
		t.Error("SHA-1 verifies")
	}
}
