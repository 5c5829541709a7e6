package sigv4

import (
	"crypto/ecdsa"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// window is how far the time of a signed request may be from ours.
// AWS: five minutes, in the text of "Signature expired".
const window = 5 * time.Minute

// maxExpires is the longest life of a presigned URL: seven days.
const maxExpires = 7 * 24 * time.Hour

// Bounds of what Parse accepts; net/http has bounded the whole before.
const (
	maxSignedHeaders = 128
	maxQueryPairs    = 1024
)

// A Reason says why a signature was refused.
type Reason int

const (
	// Missing: the request is not signed at all.
	Missing Reason = iota
	// Incomplete: what is there cannot be read as a signature.
	Incomplete
	// Invalid: the signature was not made by the key, over this request.
	Invalid
	// Expired: the signature is too old, or not valid yet.
	Expired
)

// An Error is a refusal; Message is AWS's text for the client.
type Error struct {
	Reason  Reason
	Message string

	// Canonical and ToSign are what the signature should have covered, when
	// it does not match.
	Canonical, ToSign string
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

func missing() *Error { return &Error{Reason: Missing, Message: "Missing Authentication Token"} }

func incomplete(format string, args ...any) *Error {
	return &Error{Reason: Incomplete, Message: fmt.Sprintf(format, args...)}
}

func expired(format string, args ...any) *Error {
	return &Error{Reason: Expired, Message: fmt.Sprintf(format, args...)}
}

func mismatch() *Error {
	return &Error{Reason: Invalid, Message: "The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."}
}

// A Signature is a claim, not yet verified: who signed, for which scope, when.
type Signature struct {
	AccessKey    string
	Scope        Scope
	Time         time.Time
	SessionToken string
	Presigned    bool          // in the query instead of the header
	Expires      time.Duration // of presigned requests

	algorithm string
	regions   string   // of version 4A: the region set
	signed    []string // header names, lower case
	mac       string   // in hex
	query     []pair   // of the request, without the signature
}

// Parse reads the signature of q, which must be of version 4. The error is an
// [*Error] of reason Missing, Incomplete or Invalid.
func Parse(q *Request) (*Signature, error) {
	s, err := ParseAny(q)
	if err == nil && s.algorithm != algorithm {
		return nil, incomplete("Unsupported AWS 'algorithm': '%s'.", s.algorithm)
	}
	return s, err
}

// ParseAny reads the signature of q, which may be of version 4 or 4A. What is
// of version 4A has no Region in its scope: ask InRegion.
func ParseAny(q *Request) (*Signature, error) {
	pairs, ok := parseQuery(q.Query)
	if !ok || len(pairs) > maxQueryPairs {
		return nil, incomplete("The query string is malformed.")
	}
	auth := q.values("authorization")
	inQuery := slices.ContainsFunc(pairs, func(p pair) bool { return p.key == "X-Amz-Algorithm" || p.key == "X-Amz-Signature" })
	switch {
	case len(auth) == 0 && !inQuery:
		return nil, missing()
	case len(auth) > 1 || len(auth) == 1 && inQuery:
		return nil, incomplete("The request must be signed once, in one Authorization header or in the query string.")
	case inQuery:
		return parsePresigned(q, pairs)
	}
	return parseHeader(q, auth[0], pairs)
}

// Claim reads of a signature only who claims to have made it, for which scope,
// and the session token: enough where nothing is verified, and all that people
// write who make up a signature by hand. Its result must not be verified.
func Claim(q *Request) (*Signature, error) {
	s := &Signature{SessionToken: q.get("x-amz-security-token")}
	text, signed := "", false
	pairs, _ := parseQuery(q.Query)
	for _, p := range pairs {
		switch p.key {
		case "X-Amz-Credential":
			text, signed, s.Presigned = p.value, true, true
		case "X-Amz-Security-Token":
			s.SessionToken = p.value
		}
	}
	if auth := q.values("authorization"); len(auth) > 0 {
		signed = true
		name, rest, _ := strings.Cut(strings.TrimSpace(auth[0]), " ")
		if name != algorithm {
			return nil, incomplete("Unsupported AWS 'algorithm': '%s'.", clip(name))
		}
		for part := range strings.SplitSeq(rest, ",") {
			if v, ok := strings.CutPrefix(strings.TrimSpace(part), "Credential="); ok {
				text = v
			}
		}
	}
	if !signed {
		return nil, missing()
	}
	return s, s.setCredential(text)
}

// parseHeader reads an Authorization header.
//
// AWS: the texts are those of its front end; each missing part adds a sentence.
func parseHeader(q *Request, auth string, pairs []pair) (*Signature, error) {
	name, rest, _ := strings.Cut(strings.TrimSpace(auth), " ")
	if name != algorithm && name != asymmetric {
		return nil, incomplete("Unsupported AWS 'algorithm': '%s'.", clip(name))
	}
	parts := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		part = strings.TrimSpace(part)
		k, v, ok := strings.Cut(part, "=")
		if !ok {
			if part == "" {
				continue
			}
			return nil, incomplete("'%s' not a valid key=value pair (missing equal-sign) in Authorization header: '%s'.", clip(part), clip(auth))
		}
		if _, twice := parts[k]; twice {
			return nil, incomplete("Authorization header has '%s' twice.", clip(k))
		}
		parts[k] = v
	}
	var lacks []string
	for _, k := range []string{"Credential", "Signature", "SignedHeaders"} {
		if parts[k] == "" {
			lacks = append(lacks, "Authorization header requires '"+k+"' parameter.")
		}
	}
	date := q.get("x-amz-date")
	if date == "" {
		date = q.get("date")
	}
	if date == "" {
		lacks = append(lacks, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
	}
	if len(lacks) > 0 {
		return nil, incomplete("%s Authorization=%s", strings.Join(lacks, " "), clip(auth))
	}
	s := &Signature{SessionToken: q.get("x-amz-security-token"), query: pairs, mac: parts["Signature"], algorithm: name}
	if name == asymmetric {
		if s.regions = q.get("x-amz-region-set"); s.regions == "" {
			return nil, incomplete("Authorization header requires existence of a 'X-Amz-Region-Set' header. Authorization=%s", clip(auth))
		}
	}
	if err := s.setCredential(parts["Credential"]); err != nil {
		return nil, err
	}
	if err := s.setTime(date); err != nil {
		return nil, err
	}
	return s, s.setSigned(q, parts["SignedHeaders"])
}

// parsePresigned reads the parameters of a presigned URL.
func parsePresigned(q *Request, pairs []pair) (*Signature, error) {
	s := &Signature{Presigned: true}
	parts := map[string]string{}
	for _, p := range pairs {
		if strings.HasPrefix(p.key, "X-Amz-") {
			if _, twice := parts[p.key]; twice {
				return nil, incomplete("AWS query-string parameters must not be repeated: '%s'.", clip(p.key))
			}
			parts[p.key] = p.value
		}
		if p.key != "X-Amz-Signature" {
			s.query = append(s.query, p)
		}
	}
	required := []string{"X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"}
	switch s.algorithm = parts["X-Amz-Algorithm"]; s.algorithm {
	case algorithm:
	case asymmetric:
		required = append(required, "X-Amz-Region-Set")
		s.regions = parts["X-Amz-Region-Set"]
	default:
		return nil, incomplete("Unsupported AWS 'algorithm': '%s'.", clip(s.algorithm))
	}
	var lacks []string
	for _, k := range required {
		if parts[k] == "" {
			lacks = append(lacks, "AWS query-string parameters must include '"+k+"'.")
		}
	}
	if len(lacks) > 0 {
		return nil, incomplete("%s Re-examine the query-string parameters.", strings.Join(lacks, " "))
	}
	s.mac, s.SessionToken = parts["X-Amz-Signature"], parts["X-Amz-Security-Token"]
	s.Expires = window
	if v, ok := parts["X-Amz-Expires"]; ok {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > int(maxExpires/time.Second) {
			return nil, incomplete("X-Amz-Expires must be a number between 1 and %d.", int(maxExpires/time.Second))
		}
		s.Expires = time.Duration(n) * time.Second
	}
	if err := s.setCredential(parts["X-Amz-Credential"]); err != nil {
		return nil, err
	}
	if err := s.setTime(parts["X-Amz-Date"]); err != nil {
		return nil, err
	}
	return s, s.setSigned(q, parts["X-Amz-SignedHeaders"])
}

func (s *Signature) setCredential(text string) error {
	p := strings.Split(text, "/")
	if s.algorithm == asymmetric {
		if len(p) != 4 || slices.Contains(p, "") {
			return incomplete("Credential must have exactly 4 slash-delimited elements, e.g. keyid/date/service/term, got '%s'", clip(text))
		}
		p = slices.Insert(p, 2, "")
	} else if len(p) != 5 || slices.Contains(p, "") {
		return incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '%s'", clip(text))
	}
	if p[4] != terminator {
		return &Error{Reason: Invalid, Message: "Credential should be scoped with a valid terminator: 'aws4_request', not '" + clip(p[4]) + "'."}
	}
	s.AccessKey, s.Scope = p[0], Scope{Date: p[1], Region: p[2], Service: p[3]}
	return nil
}

func (s *Signature) setTime(text string) error {
	at, err := time.Parse(timeFormat, text)
	if err != nil {
		return incomplete("Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601", clip(text))
	}
	s.Time = at
	if day := at.Format("20060102"); day != s.Scope.Date {
		return &Error{Reason: Invalid, Message: fmt.Sprintf("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s', from '%s'.", clip(s.Scope.Date), day, clip(text))}
	}
	return nil
}

// setSigned reads the list of signed headers. Signed must be the host, or the
// request could be replayed elsewhere, and every x-amz-* header, since those
// change what a request means.
func (s *Signature) setSigned(q *Request, text string) error {
	s.signed = strings.Split(text, ";")
	if len(s.signed) > maxSignedHeaders {
		return incomplete("SignedHeaders lists more than %d headers.", maxSignedHeaders)
	}
	for i, name := range s.signed {
		if name == "" || name != strings.ToLower(name) || i > 0 && name <= s.signed[i-1] {
			return incomplete("SignedHeaders must be lower-case header names in order, got '%s'.", clip(text))
		}
	}
	if !slices.Contains(s.signed, "host") {
		return &Error{Reason: Invalid, Message: "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."}
	}
	for _, f := range q.Header {
		name := strings.ToLower(f.Name)
		covers := strings.HasPrefix(name, "x-amz-") || name == "date" && !s.Presigned && q.get("x-amz-date") == ""
		if covers && !slices.Contains(s.signed, name) {
			return &Error{Reason: Invalid, Message: "'" + clip(name) + "' must be a 'SignedHeader' in the AWS Authorization."}
		}
	}
	return nil
}

// Covers reports whether the signature covers a header, named in lower case.
func (s *Signature) Covers(name string) bool { return slices.Contains(s.signed, name) }

// Verify proves that q and body were signed with secret, at a time that is
// valid now. The error is an [*Error].
func (s *Signature) Verify(q *Request, body []byte, secret string, now time.Time) error {
	return s.VerifyCached(q, body, secret, now, new(KeyCache))
}

// VerifyCached is Verify with a memory for what the secret derives.
func (s *Signature) VerifyCached(q *Request, body []byte, secret string, now time.Time, keys *KeyCache) error {
	if err := s.CheckTime(now); err != nil {
		return err
	}
	if claimed := q.values(contentHash); len(claimed) == 1 && claimed[0] == UnsignedPayload {
		// The header stands in the canonical request as it was sent.
		return s.proves(q, UnsignedPayload, secret, keys)
	} else if hash := HashPayload(body); len(claimed) == 0 || len(claimed) == 1 && subtle.ConstantTimeCompare([]byte(claimed[0]), []byte(hash)) == 1 {
		// We accept the header as the body's hash only if it is.
		return s.proves(q, hash, secret, keys)
	}
	return mismatch()
}

// proves checks the signature itself; payload stands for the body.
func (s *Signature) proves(q *Request, payload, secret string, keys *KeyCache) error {
	canonical := q.canonical(canonicalQuery(s.query), s.signed, payload, s.Scope.Service)
	text := stringToSign(s.algorithm, canonical, s.Time, s.Scope)
	if !s.matches(text, s.mac, secret, keys) {
		e := mismatch()
		e.Canonical, e.ToSign = canonical, text
		return e
	}
	return nil
}

// matches tells whether a signature is that of text by what the secret derives.
func (s *Signature) matches(text, signature, secret string, keys *KeyCache) bool {
	if s.algorithm == asymmetric {
		return verifies(keys.publicKey(s.AccessKey, secret), text, signature)
	}
	want := hex.EncodeToString(mac(keys.key(s.Scope, secret), text))
	return subtle.ConstantTimeCompare([]byte(want), []byte(signature)) == 1
}

// A KeyCache remembers what one access key's secret derived last: the signing
// key, since clients use one scope a day, and the public key. Its zero value is
// empty.
type KeyCache struct {
	last   atomic.Pointer[derivedKey]
	public atomic.Pointer[ecdsa.PublicKey]
}

func (c *KeyCache) publicKey(accessKey, secret string) *ecdsa.PublicKey {
	if key := c.public.Load(); key != nil {
		return key
	}
	key := publicKey(accessKey, secret)
	c.public.Store(key)
	return key
}

type derivedKey struct {
	scope Scope
	key   []byte
}

func (c *KeyCache) key(s Scope, secret string) []byte {
	if d := c.last.Load(); d != nil && d.scope == s {
		return d.key
	}
	d := &derivedKey{s, s.key(secret)}
	c.last.Store(d)
	return d.key
}

// CheckTime compares the signature's time with the clock. The error is an
// [*Error].
// AWS: the texts name both times and the window.
func (s *Signature) CheckTime(now time.Time) error {
	life := window
	if s.Presigned {
		life = s.Expires
	}
	now = now.UTC().Truncate(time.Second)
	if now.Sub(s.Time) > life {
		if s.Presigned {
			return expired("Signature expired: %s is now earlier than %s (%s - %d sec.)", s.Time.Format(timeFormat),
				now.Add(-life).Format(timeFormat), now.Format(timeFormat), int(life/time.Second))
		}
		return expired("Signature expired: %s is now earlier than %s (%s - 5 min.)", s.Time.Format(timeFormat),
			now.Add(-window).Format(timeFormat), now.Format(timeFormat))
	}
	if s.Time.Sub(now) > window {
		return expired("Signature not yet current: %s is still later than %s (%s + 5 min.)", s.Time.Format(timeFormat),
			now.Add(window).Format(timeFormat), now.Format(timeFormat))
	}
	return nil
}

// clip bounds what of a request comes back in an error, and keeps it printable.
func clip(s string) string {
	const limit = 512
	if len(s) > limit {
		s = s[:limit]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return '?'
		}
		return r
	}, s)
}
