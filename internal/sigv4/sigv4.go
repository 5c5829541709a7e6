// Package sigv4 signs requests with AWS Signature Version 4 and verifies such
// signatures, in the Authorization header and in presigned URLs.
//
// A [Request] is what a signature covers, independent of who carries the HTTP
// message. [Parse] reads the signature out of it and tells who claims to have
// signed for which scope; [Signature.Verify] proves the claim with the secret.
// Refusals are an [*Error] with AWS's text. The package keeps no keys and knows
// no services.
//
// AWS: Signature Version 4 signing process, IAM User Guide.
package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
	timeFormat = "20060102T150405Z"

	// UnsignedPayload stands for the body's hash where the body is not signed.
	UnsignedPayload = "UNSIGNED-PAYLOAD"

	// contentHash is the header in which a client may say what it signs for
	// the body.
	contentHash = "x-amz-content-sha256"

	emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// A Request is what a signature covers of an HTTP request, but for the body.
type Request struct {
	Method string
	Path   string // escaped, as on the request line
	Query  string // raw, without the question mark
	Host   string
	Header []Field // in any order, names in any case; Host need not be there
}

// A Field is one header line.
type Field struct{ Name, Value string }

// FromHTTP returns r as it came over the wire. What net/http takes out of the
// header of a received request, Host and Content-Length, is put back.
func FromHTTP(r *http.Request) Request {
	q := Request{Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Host: r.Host}
	if q.Host == "" {
		q.Host = r.URL.Host
	}
	if target := r.RequestURI; strings.HasPrefix(target, "/") {
		q.Path, q.Query, _ = strings.Cut(target, "?")
	}
	if q.Path == "" {
		q.Path = "/"
	}
	for name, values := range r.Header {
		for _, v := range values {
			q.Header = append(q.Header, Field{name, v})
		}
	}
	if r.RequestURI != "" && r.ContentLength >= 0 && r.Header.Get("Content-Length") == "" {
		q.Header = append(q.Header, Field{"Content-Length", strconv.FormatInt(r.ContentLength, 10)})
	}
	return q
}

// values returns the values of the header called name, which is in lower case.
func (q *Request) values(name string) []string {
	var out []string
	for _, f := range q.Header {
		if strings.EqualFold(f.Name, name) {
			out = append(out, f.Value)
		}
	}
	return out
}

// get returns the first value of a header.
func (q *Request) get(name string) string {
	if v := q.values(name); len(v) > 0 {
		return v[0]
	}
	return ""
}

// A Scope is what a derived signing key is good for.
type Scope struct {
	Date    string // YYYYMMDD
	Region  string
	Service string
}

// String returns the scope as it stands in a string to sign.
func (s Scope) String() string {
	if s.Region == "" { // of version 4A
		return s.Date + "/" + s.Service + "/" + terminator
	}
	return s.Date + "/" + s.Region + "/" + s.Service + "/" + terminator
}

// key derives the signing key.
func (s Scope) key(secret string) []byte {
	k := mac([]byte("AWS4"+secret), s.Date)
	k = mac(k, s.Region)
	k = mac(k, s.Service)
	return mac(k, terminator)
}

func mac(key []byte, data string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(data))
	return h.Sum(nil)
}

// HashPayload returns the hash of a body as a canonical request carries it.
func HashPayload(body []byte) string {
	if len(body) == 0 {
		return emptyHash
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// stringToSign binds a canonical request to a time and a scope.
func stringToSign(algorithm, canonical string, at time.Time, s Scope) string {
	sum := sha256.Sum256([]byte(canonical))
	return algorithm + "\n" + at.UTC().Format(timeFormat) + "\n" + s.String() + "\n" + hex.EncodeToString(sum[:])
}

// canonical returns the canonical request. query is already canonical.
func (q *Request) canonical(query string, signed []string, payload, service string) string {
	var b strings.Builder
	b.Grow(512)
	b.WriteString(q.Method)
	b.WriteByte('\n')
	if service == "s3" {
		b.WriteString(canonicalS3Path(q.Path))
	} else {
		b.WriteString(canonicalPath(q.Path))
	}
	b.WriteByte('\n')
	b.WriteString(query)
	b.WriteByte('\n')
	for _, name := range signed {
		b.WriteString(name)
		b.WriteByte(':')
		if name == "host" {
			b.WriteString(trimAll(q.Host))
		} else {
			first := true
			for _, f := range q.Header {
				if !strings.EqualFold(f.Name, name) {
					continue
				}
				if !first {
					b.WriteByte(',')
				}
				b.WriteString(trimAll(f.Value))
				first = false
			}
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	b.WriteString(strings.Join(signed, ";"))
	b.WriteByte('\n')
	b.WriteString(payload)
	return b.String()
}

// canonicalPath removes empty and dot segments and escapes what is left once
// more: the path is escaped already, and every service but S3 signs it twice
// escaped. What a dot segment removes is not signed: who serves such a path must
// refuse it, or serve the one without.
func canonicalPath(path string) string {
	var out []string
	for seg := range strings.SplitSeq(path, "/") {
		switch seg {
		case "", ".":
		case "..":
			if len(out) > 0 {
				out = out[:len(out)-1]
			}
		default:
			out = append(out, escape(seg))
		}
	}
	p := "/" + strings.Join(out, "/")
	if len(out) > 0 && strings.HasSuffix(path, "/") {
		p += "/"
	}
	return p
}

// canonicalS3Path escapes a path once: the names of objects are signed as they
// are, empty and dot segments included.
//
// AWS: Signature Calculations for the Authorization Header, S3 API reference.
func canonicalS3Path(path string) string {
	segments := strings.Split(path, "/")
	for i, seg := range segments {
		segments[i] = escape(unescapePath(seg))
	}
	return strings.Join(segments, "/")
}

// unescapePath decodes the percent escapes of a path. What is not one stays.
func unescapePath(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && unhex(s[i+1]) >= 0 && unhex(s[i+2]) >= 0 {
			b.WriteByte(byte(unhex(s[i+1])<<4 | unhex(s[i+2])))
			i += 2
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// A pair is one parameter of a query, unescaped.
type pair struct{ key, value string }

// parseQuery splits a raw query. ok is false if an escape is malformed.
func parseQuery(raw string) (pairs []pair, ok bool) {
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		k, v, _ := strings.Cut(part, "=")
		k, ok1 := unescape(k)
		v, ok2 := unescape(v)
		if !ok1 || !ok2 {
			return nil, false
		}
		pairs = append(pairs, pair{k, v})
	}
	return pairs, true
}

// canonicalQuery returns pairs escaped and in order.
func canonicalQuery(pairs []pair) string {
	parts := make([]pair, len(pairs))
	for i, p := range pairs {
		parts[i] = pair{escape(p.key), escape(p.value)}
	}
	sort.Slice(parts, func(i, j int) bool {
		if parts[i].key != parts[j].key {
			return parts[i].key < parts[j].key
		}
		return parts[i].value < parts[j].value
	})
	var b strings.Builder
	for i, p := range parts {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p.key)
		b.WriteByte('=')
		b.WriteString(p.value)
	}
	return b.String()
}

const upperHex = "0123456789ABCDEF"

// escape percent-encodes all but RFC 3986's unreserved characters.
func escape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~' {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(upperHex[c>>4])
		b.WriteByte(upperHex[c&15])
	}
	return b.String()
}

// unescape decodes percent escapes and the plus sign of forms.
func unescape(s string) (string, bool) {
	if !strings.ContainsAny(s, "%+") {
		return s, true
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '%':
			if i+2 >= len(s) {
				return "", false
			}
			hi, lo := unhex(s[i+1]), unhex(s[i+2])
			if hi < 0 || lo < 0 {
				return "", false
			}
			b = append(b, byte(hi<<4|lo))
			i += 2
		case '+':
			b = append(b, ' ')
		default:
			b = append(b, s[i])
		}
	}
	return string(b), true
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// trimAll removes blanks at both ends and makes runs of spaces one space.
func trimAll(s string) string {
	s = strings.Trim(s, " \t")
	if !strings.Contains(s, "  ") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != ' ' || s[i-1] != ' ' {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
