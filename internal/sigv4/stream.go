package sigv4

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A form is what the header x-amz-content-sha256 says of a body that comes in
// chunks, each behind its length and, if they are signed, its signature.
//
// AWS: "Signature calculations for the Authorization header: transferring
// payload in multiple chunks", and the same with trailing headers, Amazon S3 API
// reference.
type form struct {
	algorithm string // of the chunks' signatures; empty: they have none
	trailer   bool
}

var forms = map[string]form{
	"STREAMING-UNSIGNED-PAYLOAD-TRAILER":               {"", true},
	"STREAMING-AWS4-HMAC-SHA256-PAYLOAD":               {algorithm, false},
	"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER":       {algorithm, true},
	"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD":         {asymmetric, false},
	"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER": {asymmetric, true},
}

// formOf returns the form of q's body; ok is false if it is not in chunks.
func formOf(q *Request) (f form, claimed string, ok bool) {
	values := q.values(contentHash)
	if len(values) != 1 {
		return form{}, "", false
	}
	f, ok = forms[values[0]]
	return f, values[0], ok
}

// VerifyStream is VerifyCached for bodies that may also come in signed chunks,
// which is decoded says: then payload is what the chunks hold, in the memory of
// body.
func (s *Signature) VerifyStream(q *Request, body []byte, secret string, now time.Time, keys *KeyCache) (payload []byte, decoded bool, err error) {
	f, claimed, ok := formOf(q)
	if !ok {
		return body, false, s.VerifyCached(q, body, secret, now, keys)
	}
	if f.algorithm != "" && f.algorithm != s.algorithm {
		return nil, false, mismatch()
	}
	if err := s.CheckTime(now); err != nil {
		return nil, false, err
	}
	if err := s.proves(q, claimed, secret, keys); err != nil {
		return nil, false, err
	}
	c := &chunks{form: f, s: s, secret: secret, keys: keys, last: s.mac, rest: body, payload: body[:0]}
	payload, err = c.decode(q)
	return payload, err == nil, err
}

// DecodeStream is what VerifyStream does with a body in chunks, without proof of
// anything: for who accepts every signature.
func DecodeStream(q *Request, body []byte) (payload []byte, decoded bool, err error) {
	f, _, ok := formOf(q)
	if !ok {
		return body, false, nil
	}
	c := &chunks{form: f, blind: true, rest: body, payload: body[:0]}
	payload, err = c.decode(q)
	return payload, err == nil, err
}

// chunks is a body on the way from its chunks to what they hold.
type chunks struct {
	form
	blind  bool // signatures are not looked at
	s      *Signature
	secret string
	keys   *KeyCache

	last    string // signature before the next chunk
	rest    []byte
	payload []byte
}

// Bounds of a chunk's first line and of the trailer.
const (
	maxChunkLine = 512
	maxTrailer   = 16
)

func badChunk(what string) *Error {
	return incomplete("The body is not in the signed chunks that x-amz-content-sha256 says: %s.", what)
}

// decode reads all chunks and the trailer.
func (c *chunks) decode(q *Request) ([]byte, error) {
	for {
		n, err := c.chunk()
		if err != nil {
			return nil, err
		}
		if n == 0 {
			break
		}
	}
	if err := c.end(q); err != nil {
		return nil, err
	}
	// AWS: the header is required.
	length := q.values("x-amz-decoded-content-length")
	if len(length) != 1 || length[0] != strconv.Itoa(len(c.payload)) {
		return nil, badChunk("x-amz-decoded-content-length is not the length of what the chunks hold")
	}
	return c.payload, nil
}

// line takes a line off the rest; its end is CRLF, or in a trailer LF alone.
func (c *chunks) line(bare bool) (string, bool) {
	i := bytes.IndexByte(c.rest[:min(len(c.rest), maxChunkLine)], '\n')
	if i < 0 || !bare && (i == 0 || c.rest[i-1] != '\r') {
		return "", false
	}
	text := string(c.rest[:i])
	c.rest = c.rest[i+1:]
	return strings.TrimSuffix(text, "\r"), true
}

// chunk reads a chunk, proves its signature, and returns its length.
func (c *chunks) chunk() (int, error) {
	head, ok := c.line(false)
	if !ok {
		return 0, badChunk("a chunk has no first line")
	}
	size, extension, _ := strings.Cut(head, ";")
	n, err := strconv.ParseUint(size, 16, 31)
	if err != nil || int(n) > len(c.rest) {
		return 0, badChunk("a chunk is not as long as it says")
	}
	data := c.rest[:n]
	switch signature, signed := strings.CutPrefix(extension, "chunk-signature="); {
	case c.algorithm != "":
		if !signed || !c.proves("-PAYLOAD", emptyHash+"\n"+hashOf(data), signature) {
			return 0, mismatch()
		}
	case extension != "":
		return 0, badChunk("a chunk of an unsigned body has an extension")
	}
	c.rest = c.rest[n:]
	if n > 0 {
		if !bytes.HasPrefix(c.rest, []byte("\r\n")) {
			return 0, badChunk("a chunk does not end where it says")
		}
		c.rest = c.rest[2:]
	}
	c.payload = append(c.payload, data...) // never beyond what was read
	return int(n), nil
}

// proves tells whether a signature is that of what stands behind the last one,
// and keeps it as the last.
//
// AWS: signatures of version 4A are filled up with stars.
func (c *chunks) proves(kind, what, signature string) bool {
	if c.blind {
		return true
	}
	if c.algorithm == asymmetric {
		signature = strings.TrimRight(signature, "*")
	}
	text := c.algorithm + kind + "\n" + c.s.Time.Format(timeFormat) + "\n" + c.s.Scope.String() + "\n" + c.last + "\n" + what
	c.last = signature
	return c.s.matches(text, signature, c.secret, c.keys)
}

// end reads what stands behind the last chunk: a trailer, if there is to be one,
// and an empty line.
func (c *chunks) end(q *Request) error {
	if !c.trailer {
		if len(c.rest) > 0 && string(c.rest) != "\r\n" {
			return badChunk("something stands behind the last chunk")
		}
		return nil
	}
	fields, signature, err := c.fields()
	if err != nil {
		return err
	}
	if c.algorithm != "" {
		slices.SortFunc(fields, func(a, b pair) int { return strings.Compare(a.key, b.key) })
		var text strings.Builder
		for _, f := range fields {
			text.WriteString(f.key + ":" + f.value + "\n")
		}
		if !c.proves("-TRAILER", hashOf([]byte(text.String())), signature) {
			return mismatch()
		}
	} else if signature != "" {
		return badChunk("the trailer of an unsigned body has a signature")
	}
	return c.check(q, fields)
}

// fields reads the trailer.
func (c *chunks) fields() (list []pair, signature string, err error) {
	for len(c.rest) > 0 {
		text, ok := c.line(true)
		if !ok {
			return nil, "", badChunk("the trailer is cut off")
		}
		if text == "" {
			continue // between the fields and their signature, and at the end
		}
		name, value, ok := strings.Cut(text, ":")
		name, value = strings.ToLower(name), trimAll(value)
		switch {
		case !ok || name == "" || signature != "" || len(list) == maxTrailer:
			return nil, "", badChunk("the trailer is malformed")
		case name == "x-amz-trailer-signature":
			signature = value
		default:
			list = append(list, pair{name, value})
		}
	}
	return list, signature, nil
}

// check holds the trailer to what the header x-amz-trailer promised, and the
// payload to the checksums in it.
func (c *chunks) check(q *Request, fields []pair) error {
	var promised []string
	for _, v := range q.values("x-amz-trailer") {
		for name := range strings.SplitSeq(v, ",") {
			promised = append(promised, strings.ToLower(strings.TrimSpace(name)))
		}
	}
	for _, f := range fields {
		i := slices.Index(promised, f.key)
		if i < 0 {
			return badChunk("the trailer has a field that x-amz-trailer does not name, or twice")
		}
		promised = slices.Delete(promised, i, i+1)
		sum, known := Checksum(f.key, c.payload)
		if known && sum != f.value {
			return badChunk("the value of " + f.key + " does not match the payload")
		}
	}
	if len(promised) > 0 {
		return badChunk("the trailer lacks a field that x-amz-trailer names")
	}
	return nil
}

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
