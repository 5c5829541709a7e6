package trace

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
)

// A Header is X-Amzn-Trace-Id: what a service is told of the trace that a request
// belongs to. Parts that are missing are empty.
//
// AWS: "AWS X-Ray concepts", tracing header.
type Header struct {
	Root    string // the trace: 1-{8 hex digits: seconds since 1970}-{24 hex digits}
	Parent  string // the segment that called
	Sampled string // 0, 1, or ? for a caller that wants to be told
}

// longestPart bounds the parts of a header: a Root has 35 characters.
const longestPart = 36

// ParseHeader reads a header. Parts that it does not know, and such as are too
// long, are passed over.
func ParseHeader(s string) Header {
	var h Header
	for s != "" {
		var part string
		part, s, _ = strings.Cut(s, ";")
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if len(value) > longestPart {
			continue
		}
		switch {
		case strings.EqualFold(key, "Root"):
			h.Root = value
		case strings.EqualFold(key, "Parent"):
			h.Parent = value
		case strings.EqualFold(key, "Sampled"):
			h.Sampled = value
		}
	}
	return h
}

// String is the header as it is sent.
func (h Header) String() string {
	return "Root=" + h.Root + ";Parent=" + h.Parent + ";Sampled=" + h.Sampled
}

// NewID returns the id of a segment.
func NewID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the process instead
	return hex.EncodeToString(b[:])
}
