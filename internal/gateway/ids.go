package gateway

import (
	"encoding/base64"

	"gatehouse/internal/wire"
)

// ids holds the texts of the ids of one exchange.
type ids struct {
	request  [36]byte
	extended [16]byte
	trace    [maxTrace]byte
	root     [35]byte // of a trace that a traceparent names
}

// newRequestID writes a UUID of version 4.
//
// AWS: execution.md §2: the request id of a REST API is a UUID v4, lower-case.
func (d *ids) newRequestID(r *random) string {
	hi := r.uint64()&^0xf000 | 0x4000
	lo := r.uint64()&^(3<<62) | 2<<62
	b := &d.request
	putHex(b[0:8], hi>>32)
	b[8] = '-'
	putHex(b[9:13], hi>>16)
	b[13] = '-'
	putHex(b[14:18], hi)
	b[18] = '-'
	putHex(b[19:23], lo>>48)
	b[23] = '-'
	putHex(b[24:36], lo)
	return wire.String(b[:])
}

// newExtendedID writes 11 bytes as base64.
//
// AWS: execution.md §2: 16 characters ending in "=".
func (d *ids) newExtendedID(r *random) string {
	var raw [16]byte
	a, b := r.uint64(), r.uint64()
	for i := range 8 {
		raw[i], raw[i+8] = byte(a>>(8*i)), byte(b>>(8*i))
	}
	base64.StdEncoding.Encode(d.extended[:], raw[:11])
	return wire.String(d.extended[:])
}

// putHex fills dst with the lowest hexadecimal digits of v.
func putHex(dst []byte, v uint64) {
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = hexDigits[v&15]
		v >>= 4
	}
}

// isUUID tells whether s has the form of a UUID.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch i {
		case 8, 13, 18, 23:
			if s[i] != '-' {
				return false
			}
		default:
			if unhex(s[i]) > 15 {
				return false
			}
		}
	}
	return true
}
