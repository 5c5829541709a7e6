package policy

import (
	"strings"
)

// A pattern is text with wildcards and, perhaps, policy variables. In its
// compiled form the two wildcards are bytes that no UTF-8 text holds, so that
// what a variable brings in, or ${*}, is never taken for a wildcard.
type pattern struct {
	text  string // wildcards as anyRun and anyOne; without the variables if parts is set
	parts []part // set when there are variables
	glob  bool   // text holds a wildcard
	fold  bool   // case does not matter; text is in lower case
	all   bool   // text is one anyRun
}

// A part is a piece of plain pattern, or a variable.
type part struct {
	text     string // pattern, when key is empty
	key      string // lower case name of the variable's condition key
	fallback string
	hasFall  bool
}

// The wildcards in compiled patterns.
const (
	anyRun  = '\xff' // *
	anyOne  = '\xfe' // ?
	outside = '\xfd' // stands for bytes of a variable that are no UTF-8
)

// A mode says what a pattern's text may hold.
type mode uint8

const (
	withWildcards mode = 1 << iota
	withVariables
	foldCase
)

// compilePattern compiles text. It reports false for a variable that is not
// closed or has no name.
func compilePattern(text string, m mode) (pattern, bool) {
	p := pattern{fold: m&foldCase != 0}
	var plain []byte
	flush := func() {
		if len(plain) > 0 {
			p.parts = append(p.parts, part{text: string(plain)})
			plain = plain[:0]
		}
	}
	for i := 0; i < len(text); {
		c := text[i]
		if c == '$' && m&withVariables != 0 && strings.HasPrefix(text[i:], "${") {
			end := strings.IndexByte(text[i:], '}')
			if end < 0 {
				return p, false
			}
			v, ok := compileVariable(text[i+2 : i+end])
			if !ok {
				return p, false
			}
			i += end + 1
			if v.key == "" {
				plain = append(plain, v.text...)
				continue
			}
			flush()
			p.parts = append(p.parts, v)
			continue
		}
		switch {
		case c == '*' && m&withWildcards != 0:
			c, p.glob = anyRun, true
		case c == '?' && m&withWildcards != 0:
			c, p.glob = anyOne, true
		case p.fold:
			c = lower(c)
		}
		plain = append(plain, c)
		i++
	}
	if len(p.parts) == 0 {
		p.text = string(plain)
		p.all = p.text == string([]byte{anyRun})
		return p, true
	}
	flush()
	return p, true
}

// compileVariable compiles what stands between ${ and }.
func compileVariable(text string) (part, bool) {
	// AWS: ${*}, ${?} and ${$} stand for the characters themselves
	// (reference_policies_variables).
	if text == "*" || text == "?" || text == "$" {
		return part{text: text}, true
	}
	name, rest, hasFall := strings.Cut(text, ",")
	name = strings.ToLower(strings.TrimSpace(name))
	if name == "" || strings.ContainsAny(name, "{}$ '") {
		return part{}, false
	}
	v := part{key: name, hasFall: hasFall}
	if hasFall {
		rest = strings.TrimSpace(rest)
		if len(rest) < 2 || rest[0] != '\'' || rest[len(rest)-1] != '\'' {
			return part{}, false
		}
		v.fallback = rest[1 : len(rest)-1]
	}
	return v, true
}

// match reports whether s is an instance of the pattern.
func (p *pattern) match(s string, r *Request) bool {
	if p.parts != nil {
		return p.matchVariables(s, r)
	}
	switch {
	case p.all:
		return true
	case p.glob:
		return globMatch(p.text, s, p.fold)
	case p.fold:
		return equalFold(p.text, s)
	default:
		return p.text == s
	}
}

// matchVariables fills the variables in and matches. A variable without a
// value and without a default matches nothing.
func (p *pattern) matchVariables(s string, r *Request) bool {
	var room [512]byte
	b := room[:0]
	for i := range p.parts {
		q := &p.parts[i]
		if q.key == "" {
			b = append(b, q.text...)
			continue
		}
		text := q.fallback
		if v, ok := r.value(q.key); ok && !v.many {
			text = v.One
		} else if !q.hasFall {
			return false
		}
		for j := range len(text) {
			c := text[j]
			switch {
			case c >= outside:
				c = outside
			case p.fold:
				c = lower(c)
			}
			b = append(b, c)
		}
	}
	return globMatch(b, s, p.fold)
}

// globMatch matches s against a compiled pattern in time linear in their
// product at worst: on a mismatch only the last run is lengthened.
func globMatch[T string | []byte](pat T, s string, fold bool) bool {
	pi, si := 0, 0
	star, mark := -1, 0
	for si < len(s) {
		switch {
		case pi < len(pat) && pat[pi] == anyRun:
			star, mark = pi, si
			pi++
		case pi < len(pat) && pat[pi] == anyOne:
			pi++
			si += runeLen(s[si:])
		case pi < len(pat) && (pat[pi] == s[si] || fold && pat[pi] == lower(s[si])):
			pi++
			si++
		case star >= 0:
			mark++
			pi, si = star+1, mark
		default:
			return false
		}
	}
	for pi < len(pat) && pat[pi] == anyRun {
		pi++
	}
	return pi == len(pat)
}

// runeLen returns the number of bytes of the first character of s.
func runeLen(s string) int {
	n := 1
	if s[0] >= 0xc0 {
		for n < len(s) && n < 4 && s[n]&0xc0 == 0x80 {
			n++
		}
	}
	return n
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// equalFold compares s with text that is in lower case.
func equalFold(text, s string) bool {
	if len(text) != len(s) {
		return false
	}
	for i := range len(s) {
		if text[i] != lower(s[i]) {
			return false
		}
	}
	return true
}

// An action is one compiled entry of Action or NotAction.
type action struct{ name pattern }

func (a *action) match(name string) bool { return a.name.match(name, nil) }
