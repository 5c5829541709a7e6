package step

import (
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"

	"gatehouse/internal/wire"
)

// A coding is a content coding that payloads can be in.
//
// AWS: "Enable payload compression": deflate, gzip and identity.
type coding uint8

const (
	identityCoding coding = iota
	gzipCoding
	deflateCoding
	otherCoding // one that is not supported

	codingCount
)

var codingNames = [codingCount]string{gzipCoding: "gzip", deflateCoding: "deflate"}

func parseCoding(name string) coding {
	switch {
	case strings.EqualFold(name, "gzip"):
		return gzipCoding
	case strings.EqualFold(name, "deflate"):
		return deflateCoding
	case strings.EqualFold(name, "identity"):
		return identityCoding
	}
	return otherCoding
}

// acceptedCoding returns the coding for the response to a client: identity
// unless the one that the client likes best is supported.
//
// AWS: "Enable payload compression": compression is not applied if the content
// encoding of the highest priority is not supported; "Receive an API response
// with a compressed payload": nor without a header or without a supported
// coding in it by name, so * is none. Of several with the same weight the first
// that is supported is taken.
func acceptedCoding(h *wire.Header) coding {
	best, other, chosen := 0, 0, identityCoding
	for i := range h.Fields {
		if h.Fields[i].ID != wire.HeaderAcceptEncoding {
			continue
		}
		for list := h.Fields[i].Value; list != ""; {
			var element string
			element, list, _ = strings.Cut(list, ",")
			name, params, _ := strings.Cut(element, ";")
			q, c := weight(params), parseCoding(strings.TrimSpace(name))
			switch {
			case c == gzipCoding || c == deflateCoding:
				if q > best {
					best, chosen = q, c
				}
			case q > other:
				other = q
			}
		}
	}
	if other > best {
		return identityCoding
	}
	return chosen
}

// weight reads a quality value (RFC 9110, 12.4.2) in thousandths; what is none
// counts as not acceptable.
func weight(params string) int {
	params = strings.TrimSpace(params)
	if params == "" {
		return 1000
	}
	if len(params) < 3 || params[0] != 'q' && params[0] != 'Q' || params[1] != '=' || params[2] != '0' && params[2] != '1' {
		return 0
	}
	q, unit := int(params[2]-'0')*1000, 100
	for i, c := range []byte(params[3:]) {
		switch {
		case i == 0 && c == '.':
		case i == 0 || c < '0' || c > '9' || unit == 0:
			return 0
		default:
			q += int(c-'0') * unit
			unit /= 10
		}
	}
	return min(q, 1000)
}

// An encoder writes one coding; it is used again after Reset.
type encoder interface {
	io.WriteCloser
	Reset(w io.Writer)
}

// newEncoder makes an encoder. The fastest level gives nearly the size of the
// others for JSON, and holds a quarter of their memory.
func newEncoder(c coding) encoder {
	var e encoder
	if c == gzipCoding {
		e, _ = gzip.NewWriterLevel(io.Discard, gzip.BestSpeed) // the level is one
	} else {
		e, _ = zlib.NewWriterLevel(io.Discard, zlib.BestSpeed)
	}
	return e
}
