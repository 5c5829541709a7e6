package policy

import "strings"

// segments are the six fields of an ARN; the last holds the rest, colons and
// all. Text that is no ARN leaves the missing fields empty.
type segments [6]string

// splitARN splits text at its first five colons.
func splitARN(text string) segments {
	var s segments
	for i := range len(s) - 1 {
		at := strings.IndexByte(text, ':')
		if at < 0 {
			s[i] = text
			return s
		}
		s[i], text = text[:at], text[at+1:]
	}
	s[5] = text
	return s
}

// An arnPattern matches ARNs field by field: a wildcard does not reach over a
// colon, except at the end.
type arnPattern struct {
	any    bool // "*"
	fields [6]pattern
	n      int // fields to compare; what follows them may be anything
}

// compileARN compiles the pattern of an ARN. Missing fields match anything.
//
// AWS: a wildcard cannot span the segments that colons separate, but one at the
// end of the ARN can, and an ARN of fewer than six fields is completed with
// wildcards (reference_policies_elements_resource).
func compileARN(text string, m mode) (arnPattern, bool) {
	if text == "*" {
		return arnPattern{any: true}, true
	}
	var a arnPattern
	for rest, more := text, true; more; {
		field := rest
		if a.n < 5 {
			field, rest, more = cutField(rest)
		} else {
			more = false
		}
		p, ok := compilePattern(field, m)
		if !ok {
			return a, false
		}
		a.fields[a.n] = p
		a.n++
	}
	return a, true
}

// cutField cuts text at its first colon outside of a variable.
func cutField(text string) (field, rest string, more bool) {
	inside := false
	for i := range len(text) {
		switch {
		case text[i] == '$' && strings.HasPrefix(text[i:], "${"):
			inside = true
		case text[i] == '}':
			inside = false
		case text[i] == ':' && !inside:
			return text[:i], text[i+1:], true
		}
	}
	return text, "", false
}

func (a *arnPattern) match(s *segments, r *Request) bool {
	if a.any {
		return true
	}
	// From the end: the last fields tell ARNs apart best.
	for i := a.n - 1; i >= 0; i-- {
		if !a.fields[i].match(s[i], r) {
			return false
		}
	}
	return true
}

// A resource is one compiled entry of Resource or NotResource.
type resource struct{ arn arnPattern }

func (res *resource) match(r *Request, s *segments) bool { return res.arn.match(s, r) }
