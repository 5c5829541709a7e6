package jsonschema

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A pattern is a regular expression of ECMA 262, to be found anywhere in a
// string. It runs on an engine whose time grows with the text only, however
// the pattern is written; so what such an engine cannot do is refused when the
// schema is compiled.
type pattern struct {
	text string
	expr *regexp.Regexp
	size int // instructions of its program
}

// The bounds of patterns, in characters and in instructions of the compiled
// program, of which a counted repetition takes many.
const (
	maxPattern  = 4 << 10
	maxPrograms = 1 << 20 // of all patterns of a schema together: 40 MB
)

// newPattern compiles a pattern.
//
// AWS: the fge validator runs patterns on Rhino, an ECMA 262 edition 5 engine.
func newPattern(text string) (*pattern, error) {
	if len(text) > maxPattern {
		return nil, fmt.Errorf("pattern of %d bytes: %d are allowed", len(text), maxPattern)
	}
	t := translator{in: text}
	if err := t.run(); err != nil {
		return nil, fmt.Errorf("pattern %q: %w", text, err)
	}
	tree, err := syntax.Parse(t.out.String(), syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", text, patternError(err))
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", text, err)
	}
	if len(prog.Inst) > maxPrograms {
		return nil, fmt.Errorf("pattern %q: its repetitions are too large", text)
	}
	expr, err := regexp.Compile(t.out.String())
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", text, patternError(err))
	}
	return &pattern{text: text, expr: expr, size: len(prog.Inst)}, nil
}

// patternError adds to the engine's errors what a user must know.
func patternError(err error) error {
	e, ok := err.(*syntax.Error) //nolint:errorlint // returned bare
	if ok && e.Code == syntax.ErrInvalidRepeatSize {
		return fmt.Errorf("repetition %s: at most 1000 times is supported", e.Expr)
	}
	if ok {
		return fmt.Errorf("%s: %s", e.Code, e.Expr)
	}
	return err
}

// A translator rewrites a pattern of ECMA 262 in the syntax of package regexp.
type translator struct {
	in  string
	at  int
	out strings.Builder
}

// What \s stands for in ECMA 262, and all else.
const (
	blanks    = `\t-\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}`
	noBlanks  = `\x00-\x08\x0e-\x1f!-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{fefe}\x{ff00}-\x{10ffff}`
	anything  = `[\x00-\x{10ffff}]`
	nothing   = `[^\x00-\x{10ffff}]`
	noNewline = `[^\n\r\x{2028}\x{2029}]`
)

func (t *translator) run() error {
	for t.at < len(t.in) {
		r := t.next()
		var err error
		switch r {
		case '\\':
			err = t.escape(false)
		case '[':
			err = t.class()
		case '(':
			err = t.group()
		case '.':
			t.out.WriteString(noNewline)
		default:
			t.out.WriteRune(r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *translator) next() rune {
	r, n := utf8.DecodeRuneInString(t.in[t.at:])
	t.at += n
	return r
}

// group takes what follows an opening parenthesis.
func (t *translator) group() error {
	t.out.WriteByte('(')
	rest := t.in[t.at:]
	if !strings.HasPrefix(rest, "?") || strings.HasPrefix(rest, "?:") {
		return nil
	}
	for _, look := range []string{"?=", "?!", "?<=", "?<!"} {
		if strings.HasPrefix(rest, look) {
			return fmt.Errorf("(%s…) looks ahead or behind, which is not supported: it cannot be matched in bounded time", look)
		}
	}
	return fmt.Errorf("(%s… is no group of ECMA 262", rest[:min(len(rest), 2)])
}

// class takes what follows an opening bracket.
func (t *translator) class() error {
	switch {
	case strings.HasPrefix(t.in[t.at:], "^]"):
		t.at += 2
		t.out.WriteString(anything)
		return nil
	case strings.HasPrefix(t.in[t.at:], "]"):
		t.at++
		t.out.WriteString(nothing)
		return nil
	}
	t.out.WriteByte('[')
	if strings.HasPrefix(t.in[t.at:], "^") {
		t.at++
		t.out.WriteByte('^')
	}
	for t.at < len(t.in) {
		switch r := t.next(); r {
		case ']':
			t.out.WriteByte(']')
			return nil
		case '\\':
			if err := t.escape(true); err != nil {
				return err
			}
		case '[', '^', '&', '~':
			t.literal(r)
		default:
			t.out.WriteRune(r)
		}
	}
	return wrong("a class without ]")
}

func (t *translator) literal(r rune) { fmt.Fprintf(&t.out, `\x{%x}`, r) }

// escape takes what follows a backslash, in a class or not.
func (t *translator) escape(inClass bool) error {
	if t.at >= len(t.in) {
		return wrong("ends with a backslash")
	}
	r := t.next()
	switch {
	case strings.ContainsRune("dDwWtnrfv", r):
		t.out.WriteByte('\\')
		t.out.WriteRune(r)
	case r == 's' || r == 'S':
		t.blank(r == 's', inClass)
	case r == 'b' && inClass:
		t.literal('\b')
	case (r == 'b' || r == 'B') && !inClass:
		t.out.WriteByte('\\')
		t.out.WriteRune(r)
	case r == 'x':
		return t.hex(2)
	case r == 'u':
		return t.hex(4)
	case r == 'c' && t.at < len(t.in) && isLetter(rune(t.in[t.at])):
		t.literal(t.next() & 0x1f)
	case r == '0' && (t.at == len(t.in) || !isDigit(rune(t.in[t.at]))):
		t.literal(0)
	case isDigit(r):
		return fmt.Errorf(`\%c refers back, which is not supported: it cannot be matched in bounded time`, r)
	case isLetter(r):
		return fmt.Errorf(`\%c is no escape of ECMA 262`, r)
	default:
		t.literal(r)
	}
	return nil
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

func isLetter(r rune) bool { return 'a' <= r|0x20 && r|0x20 <= 'z' && r < utf8.RuneSelf }

func (t *translator) blank(is, inClass bool) {
	set := noBlanks
	if is {
		set = blanks
	}
	if !inClass {
		set = "[" + set + "]"
	}
	t.out.WriteString(set)
}

// hex takes the digits of \x or \u; two units of a surrogate pair are one
// character.
func (t *translator) hex(digits int) error {
	unit, ok := t.hexDigits(digits)
	if !ok {
		return fmt.Errorf("an escape without %d hexadecimal digits", digits)
	}
	if utf16.IsSurrogate(unit) {
		if !strings.HasPrefix(t.in[t.at:], `\u`) {
			return wrong("half a surrogate pair")
		}
		t.at += 2
		low, ok := t.hexDigits(4)
		if unit = utf16.DecodeRune(unit, low); !ok || unit == utf8.RuneError {
			return wrong("half a surrogate pair")
		}
	}
	t.literal(unit)
	return nil
}

func (t *translator) hexDigits(n int) (rune, bool) {
	if len(t.in)-t.at < n {
		return 0, false
	}
	u, err := strconv.ParseUint(t.in[t.at:t.at+n], 16, 32)
	t.at += n
	return rune(u), err == nil
}
