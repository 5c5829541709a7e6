package sigv4

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/big"
	"strings"
)

// asymmetric is Signature Version 4A: a signature by a key pair that is derived
// from the secret, good for a set of Regions instead of one.
//
// AWS: "Create a signed AWS API request", IAM User Guide, AWS Signature Version 4A.
const asymmetric = "AWS4-ECDSA-P256-SHA256"

// maxSignature bounds a signature of P-256 in DER, in hex.
const maxSignature = 144

// InRegion reports whether the signature was made for a Region.
func (s *Signature) InRegion(region string) bool {
	if s.algorithm != asymmetric {
		return s.Scope.Region == region
	}
	for one := range strings.SplitSeq(s.regions, ",") {
		if matchRegion(strings.TrimSpace(one), region) {
			return true
		}
	}
	return false
}

// matchRegion matches a name of a region set, in which stars stand for any text.
func matchRegion(pattern, region string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == region && pattern != ""
	}
	region, ok := strings.CutPrefix(region, first)
	for ok {
		var part string
		if part, rest, star = strings.Cut(rest, "*"); !star {
			return strings.HasSuffix(region, part)
		}
		_, region, ok = strings.Cut(region, part)
	}
	return false
}

// publicKey returns the key that verifies what an access key's secret signs; nil
// if there is none.
func publicKey(accessKey, secret string) *ecdsa.PublicKey {
	if key := deriveKey(accessKey, secret); key != nil {
		return &key.PublicKey
	}
	return nil
}

// deriveKey derives the key with which an access key's secret signs; nil if
// there is none, which no secret is known to come to.
//
// AWS: the key derivation of NIST SP 800-108 in counter mode, with the access
// key and an outer counter as context, until the number is that of a key.
func deriveKey(accessKey, secret string) *ecdsa.PrivateKey {
	limit := new(big.Int).Sub(elliptic.P256().Params().N, big.NewInt(2))
	for counter := byte(1); counter < 255; counter++ {
		h := hmac.New(sha256.New, []byte("AWS4A"+secret))
		var number [4]byte
		binary.BigEndian.PutUint32(number[:], 1)
		h.Write(number[:])
		h.Write([]byte(asymmetric))
		h.Write([]byte{0})
		h.Write([]byte(accessKey))
		h.Write([]byte{counter})
		binary.BigEndian.PutUint32(number[:], sha256.Size*8)
		h.Write(number[:])
		d := new(big.Int).SetBytes(h.Sum(nil))
		if d.Cmp(limit) > 0 {
			continue
		}
		d.Add(d, big.NewInt(1))
		key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d.FillBytes(make([]byte, sha256.Size)))
		if err != nil {
			return nil
		}
		return key
	}
	return nil
}

// verifies tells whether signature, in hex, is that of text by a key.
func verifies(key *ecdsa.PublicKey, text, signature string) bool {
	if key == nil || len(signature) > maxSignature || signature != strings.ToLower(signature) {
		return false
	}
	der, err := hex.DecodeString(signature)
	if err != nil {
		return false
	}
	sum := sha256.Sum256([]byte(text))
	return ecdsa.VerifyASN1(key, sum[:], der)
}
