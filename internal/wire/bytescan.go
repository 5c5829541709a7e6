package wire

import (
	"encoding/binary"
	"math/bits"
)

// Byte classes of RFC 9110 and RFC 3986.
const (
	isToken  = 1 << iota // method and header name
	isTarget             // path and query of a request target; '%' included
	isHost               // host and port
	isHex
)

// classes says of each byte where it may stand.
var classes = makeClasses()

func makeClasses() (t [256]uint8) {
	set := func(class uint8, chars string) {
		for i := range len(chars) {
			t[chars[i]] |= class
		}
	}
	const alnum = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	set(isToken, alnum+"!#$%&'*+-.^_`|~")
	// AWS: raw '|', '{' and '}' are refused with 400 (developer guide, notes).
	// The other bytes RFC 3986 forbids are refused alike, but for '[' and ']',
	// which AWS keeps in names such as a[]=1.
	set(isTarget, alnum+"-._~!$&'()*+,;=:@/?%[]")
	set(isHost, alnum+"-._~!$&'()*+,;=")
	set(isHex, "0123456789abcdefABCDEF")
	return t
}

// valueEnd returns the index of the first byte from i on that may not stand in
// a header value, which is the CR of a well-formed line, or -1 if there is none.
// It looks at eight bytes at a time.
func valueEnd(b []byte, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for i+8 <= len(b) {
		x := binary.LittleEndian.Uint64(b[i:])
		del := x ^ (0x7f * ones)
		// The lowest flagged byte is exact: false alarms come only above it.
		if m := ((x-0x20*ones)&^x | (del-ones)&^del) & highs; m != 0 {
			i += bits.TrailingZeros64(m) >> 3
			if b[i] != '\t' {
				return i
			}
			i++
			continue
		}
		i += 8
	}
	for ; i < len(b); i++ {
		if c := b[i]; c < 0x20 && c != '\t' || c == 0x7f {
			return i
		}
	}
	return -1
}

// ValidToken says whether s can be a method, or the name of a header or a cookie.
func ValidToken(s string) bool {
	for i := range len(s) {
		if classes[s[i]]&isToken == 0 {
			return false
		}
	}
	return s != ""
}

// validTarget says whether s can stand between two spaces of a request line.
func validTarget(s string) bool {
	for i := range len(s) {
		if classes[s[i]]&isTarget == 0 {
			return false
		}
	}
	return s != ""
}

// validHost says whether s is a host with or without a port, in the form that
// Host may have: a name, an IPv4 address or an IPv6 address in brackets.
func validHost(s string) bool {
	i := 0
	if s != "" && s[0] == '[' {
		for i = 1; i < len(s) && (classes[s[i]]&isHex != 0 || s[i] == ':' || s[i] == '.'); i++ {
		}
		if i < 4 || i == len(s) || s[i] != ']' { // "[::]" is the shortest
			return false
		}
		i++
	} else {
		for i < len(s) && classes[s[i]]&isHost != 0 {
			i++
		}
	}
	if i == 0 {
		return false
	}
	if i == len(s) {
		return true
	}
	port := s[i+1:]
	if s[i] != ':' || len(port) > 5 {
		return false
	}
	for j := range len(port) {
		if port[j] < '0' || port[j] > '9' {
			return false
		}
	}
	return true
}

// validEscapes says whether every '%' is followed by two hexadecimal digits.
func validEscapes(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			continue
		}
		if i+2 >= len(s) || classes[s[i+1]]&classes[s[i+2]]&isHex == 0 {
			return false
		}
		i += 2
	}
	return true
}
