package gateway

// NextPair cuts the first pair off a raw query string. Names and values are
// still encoded; a name without "=" has an empty value; empty pairs are passed
// over. ok is false at the end.
//
// AWS: rest-execution.md §3: ";" splits the data like "&".
func NextPair(query string) (name, value, rest string, ok bool) {
	for query != "" {
		pair, eq, end := query, -1, len(query)
		for i := 0; i < len(query); i++ {
			c := query[i]
			if c == '&' || c == ';' {
				end = i
				break
			}
			if c == '=' && eq < 0 {
				eq = i
			}
		}
		pair, query = query[:end], query[min(end+1, len(query)):]
		switch {
		case pair == "":
			continue
		case eq < 0:
			return pair, "", query, true
		default:
			return pair[:eq], pair[eq+1:], query, true
		}
	}
	return "", "", "", false
}

// EqualDecoded tells whether raw, decoded as part of a query string, is text.
func EqualDecoded(raw, text string) bool {
	j := 0
	for i := 0; i < len(raw); j++ {
		c, n := decodeByte(raw[i:], true)
		if j >= len(text) || text[j] != c {
			return false
		}
		i += n
	}
	return j == len(text)
}

// AppendDecoded appends raw with its percent encoding taken off once; plus
// tells that "+" is a blank, as in a query string. A percent sign that begins
// no code stays.
func AppendDecoded(dst []byte, raw string, plus bool) []byte {
	for i := 0; i < len(raw); {
		c, n := decodeByte(raw[i:], plus)
		dst = append(dst, c)
		i += n
	}
	return dst
}

func decodeByte(s string, plus bool) (c byte, n int) {
	c = s[0]
	if c == '+' && plus {
		return ' ', 1
	}
	if c == '%' && len(s) >= 3 {
		hi, lo := unhex(s[1]), unhex(s[2])
		if hi < 16 && lo < 16 {
			return hi<<4 | lo, 3
		}
	}
	return c, 1
}

// Encoded tells whether raw has anything that AppendDecoded would change.
func Encoded(raw string, plus bool) bool {
	for i := 0; i < len(raw); i++ {
		if raw[i] == '%' || plus && raw[i] == '+' {
			return true
		}
	}
	return false
}

// AppendEncoded appends text percent-encoded for a URI: all but the unreserved
// characters of RFC 3986.
//
// AWS: the exact rule is unknown; rest-execution.md §2.3 proposes this one.
func AppendEncoded(dst []byte, text string) []byte {
	for i := 0; i < len(text); i++ {
		dst = appendEncodedByte(dst, text[i])
	}
	return dst
}

// AppendReencoded appends a part of a path decoded once and encoded again.
// Slashes stay slashes, encoded slashes stay encoded.
func AppendReencoded(dst []byte, raw string) []byte {
	for i := 0; i < len(raw); {
		if raw[i] == '/' {
			dst = append(dst, '/')
			i++
			continue
		}
		c, n := decodeByte(raw[i:], false)
		dst = appendEncodedByte(dst, c)
		i += n
	}
	return dst
}

// PlainPath tells whether AppendReencoded would change nothing.
func PlainPath(raw string) bool {
	for i := 0; i < len(raw); i++ {
		if !unreserved[raw[i]] && raw[i] != '/' {
			return false
		}
	}
	return true
}

func appendEncodedByte(dst []byte, c byte) []byte {
	const upper = "0123456789ABCDEF"
	if unreserved[c] {
		return append(dst, c)
	}
	return append(dst, '%', upper[c>>4], upper[c&15])
}

// unreserved are the unreserved characters of RFC 3986.
var unreserved = func() (t [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~") {
		t[c] = true
	}
	return t
}()
