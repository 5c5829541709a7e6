package trace

import (
	"strings"

	"gatehouse/internal/wire"
)

// W3CParent is the name of the header by which W3C's trace context names the trace
// and the parent, W3CState that of what others add to it.
const (
	W3CParent = "traceparent"
	W3CState  = "tracestate"
)

// Places in a traceparent of version 00: 00-{32 hex digits}-{16}-{2}.
const (
	w3cTrace  = 3
	w3cSpan   = 36
	w3cFlags  = 53
	w3cLength = 55
	rootTime  = 8  // digits of a Root before its second dash
	rootSize  = 35 // of a Root
)

// ParseW3C reads a traceparent as the header that says the same: trace id
// {8}{24} is Root 1-{8}-{24}, and the sampled flag decides. The Root is written to
// room. It reports false if s is none, which is to be as if there were none.
//
// W3C: Trace Context, 3.2.2 and 4.3 (versions to come).
func ParseW3C(s string, room *[rootSize]byte) (Header, bool) {
	if len(s) < w3cLength || s[2] != '-' || s[w3cSpan-1] != '-' || s[w3cFlags-1] != '-' {
		return Header{}, false
	}
	version, id, span, flags := s[:2], s[w3cTrace:w3cSpan-1], s[w3cSpan:w3cFlags-1], s[w3cFlags:w3cLength]
	switch {
	case !isHex(version), version == "ff", version == "00" && len(s) > w3cLength, len(s) > w3cLength && s[w3cLength] != '-',
		!isHex(flags), !isHex(id), !isHex(span), isZero(id), isZero(span):
		return Header{}, false
	}
	root := append(room[:0], "1-"...)
	root = append(root, id[:rootTime]...)
	root = append(root, '-')
	root = append(root, id[rootTime:]...)
	h := Header{Root: wire.String(root), Parent: span, Sampled: "0"}
	if strings.IndexByte("13579bdf", flags[1]) >= 0 {
		h.Sampled = "1"
	}
	return h, true
}

// FormatW3C is the traceparent of a sampled segment of a trace; empty if the Root is
// none that X-Ray or W3C would make.
func FormatW3C(root, segment string) string {
	if len(root) != rootSize || root[:2] != "1-" || root[2+rootTime] != '-' || len(segment) != w3cFlags-1-w3cSpan {
		return ""
	}
	id := root[2:2+rootTime] + root[3+rootTime:]
	if !isHex(id) || isZero(id) {
		return ""
	}
	return "00-" + id + "-" + segment + "-01"
}

// SameTrace says whether a traceparent is of the trace of a Root.
func SameTrace(parent, root string) bool {
	return len(parent) >= w3cLength && len(root) == rootSize &&
		parent[w3cTrace:w3cTrace+rootTime] == root[2:2+rootTime] && parent[w3cTrace+rootTime:w3cSpan-1] == root[3+rootTime:]
}

// isHex tells whether s is of lower-case hexadecimal digits: others are none to
// W3C.
func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func isZero(s string) bool {
	for i := range len(s) {
		if s[i] != '0' {
			return false
		}
	}
	return true
}
