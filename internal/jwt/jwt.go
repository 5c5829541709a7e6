// Package jwt verifies JSON Web Tokens that identity providers sign.
//
// An [Issuer] knows one provider: it fetches the provider's keys as OpenID
// Connect discovery says, keeps them, and fetches them again when they are old
// or a token names one that is not among them; but never for each such token. Its
// Verify takes a token apart, strictly, and checks its signature: what is left
// to the caller are the claims. [Issuers] keeps issuers by their URL, so that
// they outlive the configuration that names them.
//
// A token is the compact serialization of a JWS and nothing else. What is not
// exactly as it must be is refused, and no part of a token says where a key is
// to be found.
package jwt

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Errors of a token. All are the sender's fault.
var (
	ErrMalformed = errors.New("the token is malformed")
	ErrAlgorithm = errors.New("the token's algorithm is not allowed")
	ErrKey       = errors.New("no key of the issuer fits the token")
	ErrSignature = errors.New("the token's signature is wrong")
	ErrIssuer    = errors.New("the token is not of this issuer")
	ErrExpired   = errors.New("the token has expired")
	ErrNotYet    = errors.New("the token is not valid yet")
)

// ErrUnavailable is that the issuer's keys are not to be had: the fault of the
// issuer, or of the way to it.
var ErrUnavailable = errors.New("the issuer's keys cannot be fetched")

// ErrDiscovery is an ErrUnavailable: the issuer does not tell where its keys are.
var ErrDiscovery = fmt.Errorf("%w: discovery", ErrUnavailable)

// Bounds of what a token may be. Who sends a larger one is refused before
// anything of it is decoded.
const (
	maxToken  = 16 << 10
	maxKeyID  = 1 << 10
	maxClaims = 256
)

// A Token is a token whose signature is right. It is never changed.
type Token struct {
	Claims  []Claim   // in the order of the token
	Expires time.Time // exp

	set    *keySet // whose key verified it
	issuer *Issuer
}

// A Claim is one member of a token's payload.
type Claim struct {
	Name  string
	Value jsontext.Value
}

// Claim returns the value of a claim; nil if there is none.
func (t *Token) Claim(name string) jsontext.Value {
	for i := range t.Claims {
		if t.Claims[i].Name == name {
			return t.Claims[i].Value
		}
	}
	return nil
}

// Text returns a claim that is a string; ok is false if it is none.
func (t *Token) Text(name string) (text string, ok bool) {
	v := t.Claim(name)
	if v.Kind() != '"' {
		return "", false
	}
	b, err := jsontext.AppendUnquote(nil, v)
	return string(b), err == nil
}

// Current tells whether the token, which was verified before, counts at a time:
// it has not expired, and its issuer has not withdrawn the key. It does not
// allocate.
func (t *Token) Current(now time.Time) bool {
	return t.unexpired(now) && t.issuer.keeps(t.set, now)
}

// header is the part of a token's header that matters. What else may stand
// there, places where keys are to be found among it, is not looked at.
type header struct {
	Algorithm string         `json:"alg"`
	KeyID     string         `json:"kid"`
	Critical  jsontext.Value `json:"crit"`
	Encoded   jsontext.Value `json:"b64"`
}

// parts are what a token consists of besides its header.
type parts struct {
	header             string // as it stands in the token; empty: it was known
	signed             string // what the signature is of
	payload, signature []byte
}

// parse takes a token apart, and reads its header.
//
// known is a header that was read before; nil: none was.
func parse(token string, known *knownHeader) (h header, p parts, err error) {
	if len(token) > maxToken || strings.Count(token, ".") != 2 {
		return h, p, ErrMalformed
	}
	dot := strings.LastIndexByte(token, '.')
	p.signed = token[:dot]
	first, payload, _ := strings.Cut(p.signed, ".")
	if first == "" || payload == "" || token[dot+1:] == "" {
		return h, p, ErrMalformed
	}
	if known == nil || known.text != first {
		if h, err = parseHeader(first); err != nil {
			return h, p, err
		}
		p.header = first
	} else {
		h = known.header
	}
	if p.payload, err = decode(payload); err != nil {
		return h, p, err
	}
	if p.signature, err = decode(token[dot+1:]); err != nil {
		return h, p, err
	}
	return h, p, nil
}

// A knownHeader is the header of a token that was verified. The tokens of an
// issuer mostly have the same until its key changes.
type knownHeader struct {
	text   string // as it stands in the token
	header header
}

// parseHeader reads a header.
func parseHeader(text string) (h header, err error) {
	raw, err := decode(text)
	if err != nil {
		return h, err
	}
	// Names are matched exactly and stand once each, or this fails.
	if err := json.Unmarshal(raw, &h); err != nil {
		return h, fmt.Errorf("%w: header: %w", ErrMalformed, err)
	}
	if h.Critical != nil || h.Encoded != nil {
		return h, fmt.Errorf("%w: it demands an extension", ErrMalformed)
	}
	return h, nil
}

var strict = base64.RawURLEncoding.Strict()

// decode decodes a part of a token. Line ends, which the library passes over,
// are no part of the alphabet.
func decode(part string) ([]byte, error) {
	if strings.ContainsAny(part, "\r\n") {
		return nil, ErrMalformed
	}
	b, err := strict.DecodeString(part)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return b, nil
}

// errClaims is that what a token says, signed as it is, are no claims.
var errClaims = fmt.Errorf("%w: its claims are not an object whose members stand once each, or too many", ErrMalformed)

// A claimReader is memory for reading a payload.
type claimReader struct {
	text    bytes.Buffer
	decoder *jsontext.Decoder
}

var claimReaders = sync.Pool{New: func() any { return &claimReader{decoder: jsontext.NewDecoder(new(bytes.Buffer))} }}

// read begins to read a payload, from where it is.
func (r *claimReader) read(payload []byte) *jsontext.Decoder {
	r.text = *bytes.NewBuffer(payload)
	r.decoder.Reset(&r.text)
	return r.decoder
}

func (r *claimReader) free() {
	r.text = bytes.Buffer{}
	claimReaders.Put(r)
}

// parseClaims reads a payload: an object, whose members stand once each. The
// claims are views of it.
func parseClaims(payload []byte) ([]Claim, error) {
	r := claimReaders.Get().(*claimReader)
	defer r.free()
	d := r.read(payload)
	if tok, err := d.ReadToken(); err != nil || tok.Kind() != '{' {
		return nil, errClaims
	}
	list := make([]Claim, 0, 16)
	for d.PeekKind() == '"' && len(list) < maxClaims {
		name, err := d.ReadToken()
		if err != nil {
			return nil, errClaims
		}
		text := name.String()
		v, err := d.ReadValue()
		if err != nil {
			return nil, errClaims
		}
		end := int(d.InputOffset())
		list = append(list, Claim{text, payload[end-len(v) : end : end]})
	}
	if tok, err := d.ReadToken(); err != nil || tok.Kind() != '}' {
		return nil, errClaims
	}
	if _, err := d.ReadToken(); err != io.EOF { //nolint:errorlint // it is returned bare
		return nil, errClaims
	}
	return list, nil
}

// seconds reads a time claim; zero if it is not there.
//
// RFC 7519: seconds since 1970, perhaps with a fraction, which counts for
// nothing here.
func (t *Token) seconds(name string) (time.Time, error) {
	v := t.Claim(name)
	if v == nil {
		return time.Time{}, nil
	}
	var n float64
	if v.Kind() != '0' || json.Unmarshal(v, &n) != nil || n < 0 || n > 1<<40 {
		return time.Time{}, fmt.Errorf("%w: %s is no time", ErrMalformed, name)
	}
	return time.Unix(int64(n), 0), nil
}

// ClaimedIssuer returns what a token says its issuer is, unverified; empty if it
// cannot be read.
func ClaimedIssuer(token string) string {
	_, p, err := parse(token, nil)
	if err != nil {
		return ""
	}
	t := new(Token)
	if t.Claims, err = parseClaims(p.payload); err != nil {
		return ""
	}
	iss, _ := t.Text("iss")
	return iss
}
