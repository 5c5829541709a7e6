package step

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// A ContentHandling says between which forms a body is converted: bytes as they
// are, and text, which is Base64 where it stands for bytes.
type ContentHandling string

// The values of contentHandling.
const (
	Passthrough     ContentHandling = ""
	ConvertToText   ContentHandling = "CONVERT_TO_TEXT"
	ConvertToBinary ContentHandling = "CONVERT_TO_BINARY"
)

func (h ContentHandling) check() error {
	switch h {
	case Passthrough, ConvertToText, ConvertToBinary:
		return nil
	}
	return fmt.Errorf("contentHandling %q is none of %s, %s", string(h), ConvertToText, ConvertToBinary)
}

// A conversion is what a contentHandling comes to for one body.
type conversion uint8

const (
	unchanged  conversion = iota // binary stays binary, text stays text
	binaryText                   // Base64 is put on
	textBinary                   // Base64 is taken off
)

// requestConversion is the one for a request.
//
// AWS: rest-execution.md §5.1, first table.
func (h ContentHandling) requestConversion(binary bool) conversion {
	switch {
	case h == ConvertToText && binary:
		return binaryText
	case h == ConvertToBinary && !binary:
		return textBinary
	}
	return unchanged
}

// responseConversion is the one for a response whose payload is binary or not,
// for a client who wants it binary or not.
//
// AWS: rest-execution.md §5.1, second table.
func (h ContentHandling) responseConversion(binary, wanted bool) conversion {
	toBinary := h == ConvertToBinary || h == Passthrough && wanted
	switch {
	case binary && !toBinary:
		return binaryText
	case !binary && toBinary:
		return textBinary
	}
	return unchanged
}

// toBase64 appends b as Base64 to x.Text and returns that.
func toBase64(x *gateway.Exchange, b []byte) []byte {
	from := len(x.Text)
	x.Text = base64.StdEncoding.AppendEncode(x.Text, b)
	return x.Text[from:]
}

// fromBase64 is the reverse.
//
// AWS: rest-execution.md §5.1: what is no Base64 is a 500.
func fromBase64(x *gateway.Exchange, b []byte) ([]byte, error) {
	from := len(x.Text)
	out, err := base64.StdEncoding.AppendDecode(x.Text, b)
	if err != nil {
		return nil, notBase64
	}
	x.Text = out
	return out[from:], nil
}

var (
	notBase64        = gateway.NewFault(gateway.APIConfigurationError, errors.New("a body to be made binary is no Base64"))
	templateOnBinary = gateway.NewFault(gateway.APIConfigurationError, errors.New("a mapping template cannot transform a binary body"))
)

// wantsBinary tells whether the first type of a client's Accept is binary.
func wantsBinary(accept string, binary func(string) bool) bool {
	first, _, _ := strings.Cut(accept, ",")
	return first != "" && binary(first)
}

// transform makes a body by a template, nil for none, and a conversion. Body is
// read already if it is needed.
//
// AWS: rest-execution.md §5.1, third table: a template runs on text only.
func transform(x *gateway.Exchange, t *template, c conversion, binary bool, body []byte, variables map[string]string) ([]byte, error) {
	if t != nil && binary && c != binaryText {
		return nil, templateOnBinary
	}
	out := body
	if c == binaryText && (t == nil || t.vtl != nil) {
		out = toBase64(x, body)
	}
	if t != nil {
		text := ""
		if t.vtl != nil {
			text = validText(out)
		}
		var err error
		if out, err = t.render(x, text, variables); err != nil {
			return nil, err
		}
	}
	if c == textBinary {
		return fromBase64(x, out)
	}
	return out, nil
}

// setBody makes b the whole of a body.
func setBody(b []byte) wire.Body { return wire.Body{Bytes: b, Length: int64(len(b))} }
