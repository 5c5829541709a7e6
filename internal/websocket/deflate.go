package websocket

import (
	"bytes"
	"compress/flate"
	"io"
	"strings"
	"sync"
)

// permessage-deflate (RFC 7692), without memory of earlier messages on either
// side: nothing of it is kept between two of them.

// compressedBit marks the first frame of a compressed message.
const compressedBit Opcode = 0x40

// minDeflate is the smallest message that is worth compressing.
const minDeflate = 256

// AcceptDeflate chooses among the extensions that a client offers. It returns
// the answer; empty: none of them will do.
//
// RFC 7692, 7.1: a smaller window of ours is more than we can promise; that of
// the client may be what it likes.
func AcceptDeflate(offers []string) string {
	for offer := range strings.SplitSeq(strings.Join(offers, ","), ",") {
		if acceptable(offer) {
			return "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
		}
	}
	return ""
}

func acceptable(offer string) bool {
	name, params, _ := strings.Cut(offer, ";")
	if !strings.EqualFold(strings.TrimSpace(name), "permessage-deflate") {
		return false
	}
	for param := range strings.SplitSeq(params, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		value = strings.Trim(value, `"`)
		switch key {
		case "", "server_no_context_takeover", "client_no_context_takeover", "client_max_window_bits":
		case "server_max_window_bits":
			if value != "15" {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// deflateTail ends what was deflated message by message; it is not sent.
const deflateTail = "\x00\x00\xff\xff"

var (
	deflaters = sync.Pool{New: func() any {
		w, err := flate.NewWriter(nil, flate.BestSpeed)
		if err != nil {
			panic("websocket: " + err.Error()) // the level is one
		}
		return w
	}}
	inflaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}
)

// deflate compresses a message.
func deflate(message []byte) []byte {
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	var out bytes.Buffer
	w.Reset(&out)
	_, _ = w.Write(message) // a buffer takes everything
	_ = w.Flush()
	return bytes.TrimSuffix(out.Bytes(), []byte(deflateTail))
}

// inflate decompresses a message, which must not become longer than limit: so
// much of it, and no more, is ever in memory.
func inflate(message []byte, limit int) ([]byte, *CloseError) {
	r := inflaters.Get().(io.ReadCloser)
	defer inflaters.Put(r)
	in := io.MultiReader(bytes.NewReader(message), strings.NewReader(deflateTail+"\x01\x00\x00\xff\xff"))
	if err := r.(flate.Resetter).Reset(in, nil); err != nil {
		return nil, &CloseError{Code: CloseInternal}
	}
	out, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	switch {
	case len(out) > limit:
		return nil, &CloseError{Code: CloseTooBig}
	case err != nil:
		return nil, &CloseError{CloseInvalidData, "message is not compressed as agreed"}
	}
	return out, nil
}
