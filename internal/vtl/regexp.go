package vtl

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

// Java's regular expressions, run by Go's, which take linear time whatever
// the pattern. What only a backtracking matcher can do is refused.

// maxPattern bounds a pattern: compiling is work, too.
const maxPattern = 2000

// A javaRegexp is a compiled regular expression and what running it costs.
type javaRegexp struct {
	*regexp.Regexp
	size    int    // instructions: each byte of a text may visit all of them
	literal string // the text it matches, if it matches one only
}

// compileRegexp translates a pattern. With whole it must match all of a text.
func compileRegexp(pattern string, whole bool) (*javaRegexp, error) {
	if len(pattern) > maxPattern {
		//lint:ignore ST1005 shown to clients of AWS's API
		return nil, fmt.Errorf("Regular expression is longer than %d characters", maxPattern)
	}
	text, err := translate(pattern)
	if err != nil {
		return nil, err
	}
	if whole {
		text = `\A(?:` + text + `)\z`
	}
	re, err := regexp.Compile(text)
	if err != nil {
		//lint:ignore ST1005 shown to clients of AWS's API
		return nil, fmt.Errorf("Invalid regular expression %q: %w", pattern, err)
	}
	p := &javaRegexp{Regexp: re, size: programSize(text)}
	if prefix, all := re.LiteralPrefix(); all {
		p.literal = prefix
	}
	return p, nil
}

// cost is the steps it takes to run p on s at most.
func (p *javaRegexp) cost(s string) int { return 1 + len(s)*p.size/64 }

func programSize(text string) int {
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return maxPattern
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return maxPattern
	}
	return len(prog.Inst)
}

// anyChar is Java's dot: not a line end.
const anyChar = `[^\n\r\x{85}\x{2028}\x{2029}]`

// translate writes a Java pattern as Go's.
func translate(p string) (string, error) {
	var b strings.Builder
	class := 0
	for i := 0; i < len(p); i++ {
		switch c := p[i]; {
		case c == '\\' && i+1 < len(p):
			n, err := translateEscape(&b, p[i:], class > 0)
			if err != nil {
				return "", err
			}
			i += n - 1
		case c == '[':
			if class > 0 {
				return "", unsupported(p, "classes within classes")
			}
			class++
			b.WriteByte(c)
			if strings.HasPrefix(p[i+1:], "^") {
				i++
				b.WriteByte('^')
			}
		case c == ']' && class > 0:
			class--
			b.WriteByte(c)
		case c == '&' && class > 0 && strings.HasPrefix(p[i:], "&&"):
			return "", unsupported(p, "intersections of classes")
		case c == '.' && class == 0 && !strings.HasPrefix(p, "(?s)"):
			b.WriteString(anyChar)
		case c == '(' && class == 0:
			if err := checkGroup(p, p[i:]); err != nil {
				return "", err
			}
			b.WriteByte(c)
		case c == '+' && class == 0 && i > 0 && strings.IndexByte("*+?}", p[i-1]) >= 0 && !escaped(p, i-1):
			return "", unsupported(p, "possessive quantifiers")
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}

// escaped tells whether the byte at i stands behind a backslash.
func escaped(p string, i int) bool {
	n := 0
	for i--; i >= 0 && p[i] == '\\'; i-- {
		n++
	}
	return n%2 != 0
}

func checkGroup(p, rest string) error {
	for _, g := range [...]string{"(?=", "(?!", "(?<=", "(?<!", "(?>"} {
		if strings.HasPrefix(rest, g) {
			return unsupported(p, "look-around and atomic groups")
		}
	}
	return nil
}

// An unsupportedError is about a pattern that Java takes and we do not.
type unsupportedError struct{ pattern, what string }

func (e *unsupportedError) Error() string {
	return fmt.Sprintf("Regular expression %q uses %s, which is not supported", e.pattern, e.what)
}

func unsupported(pattern, what string) error { return &unsupportedError{pattern, what} }

// translateEscape writes the escape s begins with and returns its length.
func translateEscape(b *strings.Builder, s string, class bool) (int, error) {
	c := s[1]
	switch c {
	case 's':
		return 2, writeClass(b, `\t\n\v\f\r `, class, false)
	case 'S':
		if class {
			return 0, unsupported(s, `\S in a class`)
		}
		return 2, writeClass(b, `\t\n\v\f\r `, class, true)
	case 'h':
		return 2, writeClass(b, ` \t\x{A0}\x{1680}\x{180e}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}`, class, false)
	case 'R':
		b.WriteString(`(?:\r\n|[\n\v\f\r\x{85}\x{2028}\x{2029}])`)
		return 2, nil
	case 'Z':
		b.WriteString(`\z`)
		return 2, nil
	case 'e':
		b.WriteString(`\x1b`)
		return 2, nil
	case 'u':
		if len(s) < 6 {
			//lint:ignore ST1005 shown to clients of AWS's API
			return 0, fmt.Errorf("Invalid regular expression: %s", s)
		}
		b.WriteString(`\x{` + s[2:6] + `}`)
		return 6, nil
	case 'p', 'P':
		return translateProperty(b, s, class)
	case 'Q':
		end := strings.Index(s, `\E`)
		if end < 0 {
			end = len(s)
		}
		b.WriteString(regexp.QuoteMeta(s[2:end]))
		return min(end+2, len(s)), nil
	case 'G', 'k', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return 0, unsupported(s, "back references")
	}
	if !isAlpha(c) && !isDigit(c) {
		b.WriteString(regexp.QuoteMeta(s[1:2]))
		if c < 0x80 && regexp.QuoteMeta(s[1:2]) == s[1:2] && class && (c == '-' || c == '^') {
			return 2, rewriteEscaped(b, c)
		}
		return 2, nil
	}
	b.WriteString(s[:2])
	return 2, nil
}

// rewriteEscaped puts back the backslash a character needs in a class.
func rewriteEscaped(b *strings.Builder, c byte) error {
	text := b.String()
	b.Reset()
	b.WriteString(text[:len(text)-1])
	b.WriteByte('\\')
	b.WriteByte(c)
	return nil
}

func writeClass(b *strings.Builder, chars string, class, not bool) error {
	switch {
	case class:
		b.WriteString(chars)
	case not:
		b.WriteString("[^" + chars + "]")
	default:
		b.WriteString("[" + chars + "]")
	}
	return nil
}

// posix are Java's names for ASCII classes.
var posix = map[string]string{
	"Lower": "lower", "Upper": "upper", "ASCII": "ascii", "Alpha": "alpha", "Digit": "digit", "Alnum": "alnum",
	"Punct": "punct", "Graph": "graph", "Print": "print", "Blank": "blank", "Cntrl": "cntrl", "XDigit": "xdigit", "Space": "space",
}

func translateProperty(b *strings.Builder, s string, class bool) (int, error) {
	end := strings.IndexByte(s, '}')
	if len(s) < 3 || s[2] != '{' || end < 0 {
		b.WriteString(s[:min(3, len(s))])
		return min(3, len(s)), nil
	}
	name := s[3:end]
	if known, ok := posix[name]; ok {
		text := "[:" + known + ":]"
		if s[1] == 'P' {
			text = "[:^" + known + ":]"
		}
		if !class {
			text = "[" + text + "]"
		}
		b.WriteString(text)
		return end + 1, nil
	}
	name = strings.TrimPrefix(name, "Is")
	if name == "Alphabetic" {
		name = "L"
	}
	b.WriteString(s[:3] + name + "}")
	return end + 1, nil
}
