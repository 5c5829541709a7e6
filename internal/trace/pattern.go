package trace

import "unicode/utf8"

// matches says whether a text is like a pattern, in which ? stands for one
// character and * for any number of them. Case of ASCII does not count.
//
// AWS: "Configure sampling rules": wildcards; the SDKs fold case.
func matches(pattern, text string) bool {
	star, mark := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && pattern[p] == '?':
			p++
			t += size(text[t:])
		case p < len(pattern) && fold(pattern[p]) == fold(text[t]):
			p++
			t++
		case star >= 0:
			mark += size(text[mark:])
			p, t = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// size is that of the first character of a text.
func size(text string) int {
	_, n := utf8.DecodeRuneInString(text)
	return n
}

func fold(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
