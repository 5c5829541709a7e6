package apigateway

import (
	"crypto/rand"
	"math/big"
)

// Ids are lower-case letters and digits, of AWS's lengths.
//
// AWS: recorded; an API and its root resource have 10 characters, resources,
// deployments, models, validators and usage plans 6, API keys 10.
const (
	apiIDLen   = 10
	shortIDLen = 6
)

const (
	idAlphabet  = "abcdefghijklmnopqrstuvwxyz0123456789"
	keyAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

// newID returns a random id of n characters. The first is a letter, so that it
// may begin a host name's label.
func newID(n int) string {
	return randomText(idAlphabet[:26], 1) + randomText(idAlphabet, n-1)
}

// freshID returns an id that taken does not know.
func freshID(n int, taken func(id string) bool) string {
	for {
		if id := newID(n); !taken(id) {
			return id
		}
	}
}

// newAPIKeyValue returns a random key value.
//
// AWS: 40 letters and digits (recorded: TestApigatewayApiKeysCrud).
func newAPIKeyValue() string { return randomText(keyAlphabet, 40) }

// randomText is n characters of alphabet, unguessable.
func randomText(alphabet string, n int) string {
	b := make([]byte, n)
	size := big.NewInt(int64(len(alphabet)))
	for i := range b {
		k, err := rand.Int(rand.Reader, size)
		if err != nil {
			panic(err) // crypto/rand never fails on the systems Go runs on
		}
		b[i] = alphabet[k.Int64()]
	}
	return string(b)
}
