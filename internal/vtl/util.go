package vtl

import (
	"encoding/base64"
	"net/url"
	"strings"
)

// $util: the functions of API Gateway.

// written makes a method of a function that appends its result.
func written(write func(r *run, dst []byte, c call) ([]byte, bool, error)) native {
	return func(r *run, c call) (Value, error) {
		mark := len(r.out)
		out, some, err := write(r, r.out, c)
		if err != nil || !some {
			return Value{}, err
		}
		r.out = out
		return r.text(mark)
	}
}

// writeEscaped appends the argument with the escapes of JavaScript.
//
// AWS: single quotes are escaped too, which JSON does not allow
// (apigateway-mapping-template-reference).
func writeEscaped(r *run, dst []byte, c call) ([]byte, bool, error) {
	s, err := r.string(c.args[0])
	if err != nil || c.args[0].kind == Null {
		return dst, false, err
	}
	from := 0
	for i := 0; i < len(s); i++ {
		b := s[i]
		if b >= ' ' && b != '"' && b != '\\' && b != '\'' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		if b == '\'' {
			dst = append(dst, `\'`...)
			continue
		}
		dst = appendEscape(dst, b)
	}
	return append(dst, s[from:]...), true, r.step(1 + len(s)/256)
}

// writeURLEncoded appends the argument as java.net.URLEncoder writes it.
func writeURLEncoded(r *run, dst []byte, c call) ([]byte, bool, error) {
	s, err := r.string(c.args[0])
	if err != nil || c.args[0].kind == Null {
		return dst, false, err
	}
	for i := 0; i < len(s); i++ {
		b := s[i]
		switch {
		case isAlpha(b) || isDigit(b) || b == '.' || b == '-' || b == '*' || b == '_':
			dst = append(dst, b)
		case b == ' ':
			dst = append(dst, '+')
		default:
			dst = append(dst, '%', hexDigits[b>>4], hexDigits[b&15])
		}
	}
	return dst, true, r.step(1 + len(s)/256)
}

func utilURLDecode(r *run, c call) (Value, error) {
	s, err := r.string(c.args[0])
	if err != nil || c.args[0].kind == Null {
		return Value{}, err
	}
	decoded, err := url.QueryUnescape(s)
	if err != nil {
		return Value{}, r.fail("urlDecode: " + err.Error())
	}
	return NewString(strings.ToValidUTF8(decoded, "\uFFFD")), r.grow(len(s))
}

func writeBase64(r *run, dst []byte, c call) ([]byte, bool, error) {
	s, err := r.string(c.args[0])
	if err != nil || c.args[0].kind == Null {
		return dst, false, err
	}
	return base64.StdEncoding.AppendEncode(dst, []byte(s)), true, r.step(1 + len(s)/256)
}

func utilBase64Decode(r *run, c call) (Value, error) {
	s, err := r.string(c.args[0])
	if err != nil || c.args[0].kind == Null {
		return Value{}, err
	}
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
	if err != nil {
		return Value{}, r.fail("base64Decode: " + err.Error())
	}
	return NewString(strings.ToValidUTF8(string(raw), "\uFFFD")), r.grow(len(s))
}

// utilParseJSON is $util.parseJson.
//
// AWS: undocumented for null and broken JSON; we answer as for a method that
// throws.
func utilParseJSON(r *run, c call) (Value, error) {
	s, err := r.string(c.args[0])
	if err != nil {
		return Value{}, err
	}
	if c.args[0].kind == Null {
		return Value{}, r.fail("parseJson: null")
	}
	// A value takes 40 bytes, and its text may be two.
	if err := r.grow(16 * len(s)); err != nil {
		return Value{}, err
	}
	v, err := parseJSON(&r.mem, s)
	if err != nil {
		return Value{}, r.fail("parseJson: " + err.Error())
	}
	return v, nil
}

func inputBody(r *run, _ call) (Value, error) { return r.body(), nil }
