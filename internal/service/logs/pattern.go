package logs

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// A Pattern decides which events a filter is about. It is compiled once and used
// by many goroutines.
//
// AWS: "Filter pattern syntax for metric filters, subscription filters, filter
// log events, and Live Tail" (CloudWatch Logs user guide).
type Pattern struct {
	// One of Needs stands in every text that matches; none: nothing is known.
	Needs needs
	match func(text []byte) bool // nil: everything matches

	json     bool       // the pattern is about members of a JSON document
	fields   []string   // names of the fields of a space-delimited pattern
	ellipsis int        // the field before which there may be more; -1: none
	shown    []selector // what values shows
	subjects sync.Pool  // of *subject
}

// subject returns memory to look at an event with.
func (p *Pattern) subject() *subject {
	e, ok := p.subjects.Get().(*subject)
	if !ok {
		e = new(subject)
	}
	return e
}

// Match reports whether an event matches.
func (p *Pattern) Match(text []byte) bool { return p.match == nil || p.match(text) }

// ParsePattern compiles a filter pattern. Its errors are texts for the caller.
func ParsePattern(text string) (*Pattern, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return &Pattern{}, nil
	case text[0] == '{':
		return parseJSONPattern(text)
	case text[0] == '[':
		return parseFieldPattern(text)
	case text[0] == '%' && len(text) > 1 && strings.IndexByte(text[1:], '%') == len(text)-2:
		re, err := parseRegexp(text[1 : len(text)-1])
		if err != nil {
			return nil, err
		}
		return &Pattern{match: re.Match, Needs: needsOfRegexp(re)}, nil
	}
	return parseTerms(text)
}

// A term is a word or a phrase of an unstructured pattern.
type term struct {
	sign byte // '?' optional, '-' excluded, 0 required
	text []byte
	re   *regexp.Regexp
}

func (t *term) in(text []byte) bool {
	if t.re != nil {
		return t.re.Match(text)
	}
	return containsTerm(text, t.text)
}

// needs are those of texts that the term is in.
func (t *term) needs() needs {
	if t.re != nil {
		return needsOfRegexp(t.re)
	}
	return needsOf(string(t.text))
}

// parseTerms compiles words, phrases in quotation marks and regular expressions.
//
// AWS: "Match terms in unstructured log events". What has a question mark counts
// only where no other terms stand beside it.
func parseTerms(text string) (*Pattern, error) {
	var required, optional, excluded []term
	for text != "" {
		t, rest, err := cutTerm(text)
		if err != nil {
			return nil, err
		}
		switch t.sign {
		case '?':
			optional = append(optional, t)
		case '-':
			excluded = append(excluded, t)
		default:
			required = append(required, t)
		}
		text = strings.TrimLeftFunc(rest, unicode.IsSpace)
	}
	p := &Pattern{}
	for i := range required {
		p.Needs = p.Needs.and(required[i].needs())
	}
	if len(required) == 0 && len(excluded) == 0 {
		for i := range optional {
			if n := optional[i].needs(); i == 0 {
				p.Needs = n
			} else {
				p.Needs = p.Needs.or(n)
			}
		}
		p.match = func(text []byte) bool {
			for i := range optional {
				if optional[i].in(text) {
					return true
				}
			}
			return false
		}
		return p, nil
	}
	p.match = func(text []byte) bool {
		for i := range required {
			if !required[i].in(text) {
				return false
			}
		}
		for i := range excluded {
			if excluded[i].in(text) {
				return false
			}
		}
		return true
	}
	return p, nil
}

// cutTerm takes the first term off a text.
func cutTerm(text string) (t term, rest string, err error) {
	if text[0] == '?' || text[0] == '-' {
		t.sign, text = text[0], text[1:]
	}
	switch {
	case text == "":
		return t, "", badPattern("a term is missing after ?, or -")
	case text[0] == '"':
		word, rest, ok := cutQuoted(text)
		if !ok {
			return t, "", badPattern("unbalanced quotation marks")
		}
		t.text = []byte(word)
		return t, rest, nil
	case text[0] == '%':
		end := strings.IndexByte(text[1:], '%')
		if end < 0 {
			return t, "", badPattern("unbalanced %")
		}
		t.re, err = parseRegexp(text[1 : end+1])
		return t, text[end+2:], err
	}
	end := strings.IndexFunc(text, unicode.IsSpace)
	if end < 0 {
		end = len(text)
	}
	for _, r := range text[:end] {
		if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			// AWS: the text of refusals in public issues.
			return t, "", errInvalid("Invalid character(s) in term '" + text[:end] + "'")
		}
	}
	t.text = []byte(text[:end])
	return t, text[end:], nil
}

// cutQuoted takes text in quotation marks off s, which begins with one. Inside, a
// backslash stands before a quotation mark or a backslash.
func cutQuoted(s string) (text, rest string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:], true
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

// containsTerm reports whether a term stands in a text, as whole words.
//
// AWS: a term returns events that "contain the word"; parts of words are what
// regular expressions are for (%AUTHORIZED% returns UNAUTHORIZED too).
func containsTerm(text, term []byte) bool {
	if len(term) == 0 {
		return true
	}
	for at := 0; ; at++ {
		i := bytes.Index(text[at:], term)
		if i < 0 {
			return false
		}
		at += i
		before, _ := utf8.DecodeLastRune(text[:at])
		after, _ := utf8.DecodeRune(text[at+len(term):])
		first, _ := utf8.DecodeRune(term)
		last, _ := utf8.DecodeLastRune(term)
		if !(inWord(before) && inWord(first)) && !(inWord(last) && inWord(after)) {
			return true
		}
	}
}

// inWord reports whether r is part of a word. There is none at an end of a text.
func inWord(r rune) bool {
	return r < utf8.RuneSelf && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9') ||
		r >= utf8.RuneSelf && r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// parseRegexp compiles a regular expression of a pattern.
//
// AWS: "Supported regular expressions (regex) syntax": no groups, and few symbols.
func parseRegexp(text string) (*regexp.Regexp, error) {
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && i+1 < len(text):
			i++ // whatever is escaped
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case strings.IndexByte(" :_#=@/;,-^$?[]{}|*+.", c) >= 0:
		default:
			return nil, badPattern("the regular expression has the character '" + string(rune(c)) + "', which is not supported")
		}
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, badPattern("bad regular expression")
	}
	return re, nil
}

// badPattern is the refusal of a pattern that cannot be read.
//
// AWS: "Invalid filter pattern" begins the text in public issues; what is wrong
// is ours.
func badPattern(what string) error { return errInvalid("Invalid filter pattern: " + what) }
