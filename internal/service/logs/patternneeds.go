package logs

import (
	"regexp"
	"regexp/syntax"
	"unicode/utf8"
)

// needs are texts of which one stands in every event that something is true of;
// nil: nothing is known. They let most events be passed over without a closer look.
type needs [][]byte

// mostNeeds bounds alternatives: to look for many costs more than it saves.
const mostNeeds = 8

func needsOf(text string) needs {
	if text == "" {
		return nil
	}
	return needs{[]byte(text)}
}

// and is what is needed where both are: the one that says more.
func (n needs) and(m needs) needs {
	if m.shortest() > n.shortest() {
		return m
	}
	return n
}

// or is what is needed where either is.
func (n needs) or(m needs) needs {
	if n == nil || m == nil || len(n)+len(m) > mostNeeds {
		return nil
	}
	return append(n[:len(n):len(n)], m...)
}

// shortest is the length of the text that says least.
func (n needs) shortest() int {
	if len(n) == 0 {
		return 0
	}
	least := len(n[0])
	for _, text := range n {
		least = min(least, len(text))
	}
	return least
}

// needsOfRegexp are those of texts that a regular expression matches.
func needsOfRegexp(re *regexp.Regexp) needs {
	parsed, err := syntax.Parse(re.String(), syntax.Perl)
	if err != nil {
		return nil // cannot be: it was compiled
	}
	return needsOfSyntax(parsed.Simplify())
}

func needsOfSyntax(re *syntax.Regexp) needs {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase != 0 {
			return nil
		}
		for _, r := range re.Rune {
			if r == utf8.RuneError {
				return nil // it matches bytes that are no character
			}
		}
		return needsOf(string(re.Rune))
	case syntax.OpCapture, syntax.OpPlus:
		return needsOfSyntax(re.Sub[0])
	case syntax.OpConcat:
		var n needs
		for _, sub := range re.Sub {
			n = n.and(needsOfSyntax(sub))
		}
		return n
	case syntax.OpAlternate:
		n := needsOfSyntax(re.Sub[0])
		for _, sub := range re.Sub[1:] {
			n = n.or(needsOfSyntax(sub))
		}
		return n
	}
	return nil
}

// needs are those of events in which a value is like v.
func (v *operand) needs() needs {
	if v.re != nil {
		return needsOfRegexp(v.re)
	}
	if v.isNum {
		return nil // it may be written in other ways
	}
	longest := ""
	for _, part := range v.parts {
		if len(part) > len(longest) {
			longest = part
		}
	}
	return needsOf(longest)
}
