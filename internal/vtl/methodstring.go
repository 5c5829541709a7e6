package vtl

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// The methods of java.lang.String. Java counts UTF-16 units: texts that are
// ASCII, nearly all, are indexed directly.

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// units returns the length of s as Java counts it.
func units(s string) int {
	n := len(s)
	if isASCII(s) {
		return n
	}
	n = 0
	for _, c := range s {
		n += utf16.RuneLen(c)
	}
	return n
}

// offset returns where unit i of s begins, for 0 <= i <= units(s).
func offset(s string, i int) int {
	if isASCII(s) {
		return i
	}
	for at, c := range s {
		if i <= 0 {
			return at
		}
		i -= utf16.RuneLen(c)
	}
	return len(s)
}

func stringLength(_ *run, c call) (Value, error) { return NewInt(int64(units(c.recv.str))), nil }

func stringIsEmpty(_ *run, c call) (Value, error) { return NewBool(c.recv.str == ""), nil }

func stringIsBlank(_ *run, c call) (Value, error) {
	return NewBool(strings.TrimSpace(c.recv.str) == ""), nil
}

func stringCharAt(r *run, c call) (Value, error) {
	i, ok := c.args[0].index()
	if !ok {
		return Value{}, nil
	}
	if i < 0 || i >= units(c.recv.str) {
		return Value{}, r.fail("String index is out of range")
	}
	at := offset(c.recv.str, i)
	return NewString(c.recv.str[at:offset(c.recv.str, i+1)]), nil
}

func stringCodePointAt(r *run, c call) (Value, error) {
	v, err := stringCharAt(r, c)
	if err != nil || v.kind == Null {
		return Value{}, err
	}
	n, _ := utf8.DecodeRuneInString(v.str)
	return NewInt(int64(n)), nil
}

// index returns v as an int, where Java would pass one.
func (v Value) index() (int, bool) { return int(v.num), v.kind == Int }

func stringSubstring(r *run, c call) (Value, error) {
	from, ok := c.args[0].index()
	n := units(c.recv.str)
	to := n
	if len(c.args) == 2 && ok {
		to, ok = c.args[1].index()
	}
	if !ok {
		return Value{}, nil
	}
	if from < 0 || to > n || from > to {
		return Value{}, r.fail("String index is out of range")
	}
	return NewString(c.recv.str[offset(c.recv.str, from):offset(c.recv.str, to)]), nil
}

// sought returns the text that indexOf looks for: a string or a character's
// number.
func (r *run) sought(c call) (string, error) {
	if c.args[0].kind == Int {
		return string(rune(int32(c.args[0].num))), nil
	}
	_, err := r.texts(c, 1)
	return c.args[0].str, err
}

func stringIndexOf(r *run, c call) (Value, error) {
	from := 0
	if len(c.args) == 2 {
		from = offset(c.recv.str, min(max(int(c.args[1].num), 0), units(c.recv.str)))
	}
	what, err := r.sought(c)
	if err != nil || what == "" && c.args[0].kind != String {
		return Value{}, err
	}
	i := strings.Index(c.recv.str[from:], what)
	if i < 0 {
		return NewInt(-1), nil
	}
	return NewInt(int64(units(c.recv.str[:from+i]))), nil
}

func stringLastIndexOf(r *run, c call) (Value, error) {
	what, err := r.sought(c)
	if err != nil || what == "" && c.args[0].kind != String {
		return Value{}, err
	}
	s := c.recv.str
	if len(c.args) == 2 {
		if c.args[1].num < 0 {
			return NewInt(-1), nil
		}
		end := offset(s, min(int(c.args[1].num), units(s))) + len(what)
		s = s[:min(end, len(s))]
	}
	i := strings.LastIndex(s, what)
	if i < 0 {
		return NewInt(-1), nil
	}
	return NewInt(int64(units(s[:i]))), nil
}

// texts tells whether the first n arguments are strings. Of others there is
// no such method, which gives null; of null there is, and it throws.
func (r *run) texts(c call, n int) (ok bool, err error) {
	for _, a := range c.args[:n] {
		if a.kind == Null {
			return false, r.fail("Argument of " + c.s.name + " is null")
		}
		if a.kind != String {
			return false, nil
		}
	}
	return true, nil
}

// onText makes a method of a test on two strings.
func onText(r *run, c call, test func(s, arg string) bool) (Value, error) {
	if ok, err := r.texts(c, 1); !ok {
		return Value{}, err
	}
	return NewBool(test(c.recv.str, c.args[0].str)), r.step(1 + len(c.recv.str)/64)
}

func stringContains(r *run, c call) (Value, error) { return onText(r, c, strings.Contains) }

func stringEndsWith(r *run, c call) (Value, error) { return onText(r, c, strings.HasSuffix) }

func stringEqualsFold(r *run, c call) (Value, error) {
	if c.args[0].kind == Null {
		return NewBool(false), nil
	}
	return onText(r, c, strings.EqualFold)
}

func stringStartsWith(r *run, c call) (Value, error) {
	if len(c.args) == 2 {
		from, ok := c.args[1].index()
		if !ok || from < 0 || from > units(c.recv.str) {
			return NewBool(false), nil
		}
		c.recv = NewString(c.recv.str[offset(c.recv.str, from):])
	}
	return onText(r, c, strings.HasPrefix)
}

// stringCompare is compareTo: the difference of the first units that differ,
// or of the lengths.
func stringCompare(_ *run, c call) (Value, error) {
	if c.args[0].kind != String {
		return Value{}, nil
	}
	a, b := utf16.Encode([]rune(c.recv.str)), utf16.Encode([]rune(c.args[0].str))
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return NewInt(int64(a[i]) - int64(b[i])), nil
		}
	}
	return NewInt(int64(len(a) - len(b))), nil
}

func stringConcat(r *run, c call) (Value, error) {
	if ok, err := r.texts(c, 1); !ok {
		return Value{}, err
	}
	return NewString(c.recv.str + c.args[0].str), r.grow(len(c.recv.str) + len(c.args[0].str))
}

func stringUpper(r *run, c call) (Value, error) {
	return NewString(strings.ToUpper(c.recv.str)), r.grow(len(c.recv.str))
}

func stringLower(r *run, c call) (Value, error) {
	return NewString(strings.ToLower(c.recv.str)), r.grow(len(c.recv.str))
}

// stringTrim takes away everything up to the blank at both ends.
func stringTrim(_ *run, c call) (Value, error) {
	return NewString(strings.TrimFunc(c.recv.str, func(c rune) bool { return c <= ' ' })), nil
}

func stringStrip(_ *run, c call) (Value, error) { return NewString(strings.TrimSpace(c.recv.str)), nil }

func stringRepeat(r *run, c call) (Value, error) {
	n, ok := c.args[0].index()
	if !ok {
		return Value{}, nil
	}
	if n < 0 {
		return Value{}, r.fail("count is negative")
	}
	if n > maxMemory || n*len(c.recv.str) > maxMemory {
		return Value{}, r.grow(maxMemory + 1)
	}
	if err := r.grow(n * len(c.recv.str)); err != nil {
		return Value{}, err
	}
	return NewString(strings.Repeat(c.recv.str, n)), nil
}

func stringReplace(r *run, c call) (Value, error) {
	if ok, err := r.texts(c, 2); !ok {
		return Value{}, err
	}
	return r.replaceText(c.recv.str, c.args[0].str, c.args[1].str)
}

func (r *run) replaceText(s, from, to string) (Value, error) {
	n := strings.Count(s, from)
	if n == 0 {
		return NewString(s), r.step(1 + len(s)/64)
	}
	if err := r.grow(len(s) + n*len(to)); err != nil {
		return Value{}, err
	}
	return NewString(strings.ReplaceAll(s, from, to)), nil
}

// pattern returns the regular expression that is the first argument.
func (r *run) pattern(c call, whole bool) (*javaRegexp, error) {
	if re := c.s.regexp; re != nil {
		return re, r.step(re.cost(c.recv.str))
	}
	if c.s.broken != nil {
		return nil, r.fail(c.s.broken.Error())
	}
	if err := r.step(1 + 10*len(c.args[0].str)); err != nil {
		return nil, err
	}
	re, err := compileRegexp(c.args[0].str, whole)
	if err != nil {
		return nil, r.fail(err.Error())
	}
	return re, r.step(re.cost(c.recv.str))
}

func stringMatches(r *run, c call) (Value, error) {
	if ok, err := r.texts(c, 1); !ok {
		return Value{}, err
	}
	re, err := r.pattern(c, true)
	if err != nil {
		return Value{}, err
	}
	return NewBool(re.MatchString(c.recv.str)), nil
}

func stringReplaceAll(r *run, c call) (Value, error) { return r.replace(c, -1) }

func stringReplaceFirst(r *run, c call) (Value, error) { return r.replace(c, 1) }

func (r *run) replace(c call, limit int) (Value, error) {
	if ok, err := r.texts(c, 2); !ok {
		return Value{}, err
	}
	re, err := r.pattern(c, false)
	if err != nil {
		return Value{}, err
	}
	s := c.recv.str
	if re.literal != "" && limit < 0 && !strings.ContainsAny(c.args[1].str, `$\`) {
		return r.replaceText(s, re.literal, c.args[1].str)
	}
	matches, err := r.allMatches(re, s, limit)
	if err != nil {
		return Value{}, err
	}
	var out []byte
	last := 0
	for _, m := range matches {
		out = append(out, s[last:m[0]]...)
		if out, err = r.replacement(out, c.args[1].str, s, m); err != nil {
			return Value{}, err
		}
		last = m[1]
		if len(out) > maxMemory {
			break
		}
	}
	if err := r.grow(len(out) + len(s)); err != nil {
		return Value{}, err
	}
	return NewString(string(append(out, s[last:]...))), nil
}

// maxMatches bounds the matches of one expression in one text: each takes
// some 60 bytes until they are used.
const maxMatches = 250_000

// allMatches is what Java's find goes through: unlike Go's, also an empty
// match where another match has just ended.
func (r *run) allMatches(re *javaRegexp, s string, limit int) ([][]int, error) {
	most := maxMatches + 1
	if limit >= 0 {
		most = limit
	}
	found := re.FindAllStringSubmatchIndex(s, most)
	if len(found) > maxMatches {
		return nil, r.fail(fmt.Sprintf("Regular expression matches more than %d times", maxMatches))
	}
	if !re.MatchString("") {
		return found, nil
	}
	var list [][]int
	for i, m := range found {
		list = append(list, m)
		end := m[1]
		if m[0] == end || i+1 < len(found) && found[i+1][0] == end {
			continue
		}
		if at := re.FindStringSubmatchIndex(s[end:]); at != nil && at[1] == 0 {
			for j := range at {
				if at[j] >= 0 {
					at[j] += end
				}
			}
			list = append(list, at)
		}
	}
	if limit > 0 && len(list) > limit {
		list = list[:limit]
	}
	return list, nil
}

// replacement appends what Java puts for a match: $1 is a group, a backslash
// takes its meaning from what follows.
func (r *run) replacement(out []byte, text, s string, m []int) ([]byte, error) {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			if i++; i == len(text) {
				return nil, r.fail("character to be escaped is missing")
			}
			out = append(out, text[i])
		case '$':
			end := digits(text, i+1)
			if end == i+1 {
				return nil, r.fail("Illegal group reference")
			}
			// Java takes as many digits as make a group there is.
			n, _ := strconv.Atoi(text[i+1 : i+2])
			i++
			for i+1 < end && n*10+int(text[i+1]-'0') < len(m)/2 {
				i++
				n = n*10 + int(text[i]-'0')
			}
			if n >= len(m)/2 {
				return nil, r.fail(fmt.Sprintf("No group %d", n))
			}
			if m[2*n] >= 0 {
				out = append(out, s[m[2*n]:m[2*n+1]]...)
			}
		default:
			out = append(out, text[i])
		}
	}
	return out, nil
}

// stringSplit is Java's: empty texts at the end go, and one at the start that
// an empty match made.
func stringSplit(r *run, c call) (Value, error) {
	if ok, err := r.texts(c, 1); !ok {
		return Value{}, err
	}
	limit := 0
	if len(c.args) == 2 {
		var ok bool
		if limit, ok = c.args[1].index(); !ok {
			return Value{}, nil
		}
	}
	re, err := r.pattern(c, false)
	if err != nil {
		return Value{}, err
	}
	s := c.recv.str
	matches, err := r.allMatches(re, s, -1)
	if err != nil {
		return Value{}, err
	}
	var parts []Value
	last := 0
	for _, m := range matches {
		if limit > 0 && len(parts) == limit-1 {
			break
		}
		if m[1] == 0 || m[0] == m[1] && m[0] == len(s) {
			continue
		}
		parts = append(parts, NewString(s[last:m[0]]))
		last = m[1]
	}
	parts = append(parts, NewString(s[last:]))
	if limit == 0 && last > 0 {
		for len(parts) > 0 && parts[len(parts)-1].str == "" {
			parts = parts[:len(parts)-1]
		}
	}
	return newList(formArray, parts), r.grow(len(s) + 64*len(parts))
}

// stringJoin is String.join called on any string.
func stringJoin(r *run, c call) (Value, error) {
	if c.args[1].kind != List {
		return Value{}, nil
	}
	mark := len(r.out)
	var err error
	for i, v := range c.args[1].ref.vals {
		if i > 0 {
			r.out = append(r.out, c.args[0].str...)
		}
		if r.out, err = r.appendElement(r.out, v); err != nil {
			return Value{}, err
		}
	}
	return r.text(mark)
}

func stringValueOf(r *run, c call) (Value, error) {
	s, err := r.string(c.args[0])
	return NewString(s), err
}

// verb is a conversion of String.format that Go's fmt does alike.
var verb = regexp.MustCompile(`%[-0+ ,]*[0-9]{0,3}(\.[0-9]{1,2})?[a-zA-Z%]`)

// stringFormat is String.format called on any string: the first argument is
// the format. Widths are bounded by the pattern above.
func stringFormat(r *run, c call) (Value, error) {
	if c.args[0].kind != String {
		return Value{}, nil
	}
	rest := c.args[1:]
	if len(rest) == 1 && rest[0].kind == List {
		rest = rest[0].ref.vals
	}
	var failed error
	next := 0
	out := verb.ReplaceAllStringFunc(c.args[0].str, func(spec string) string {
		switch spec[len(spec)-1] {
		case '%':
			return "%"
		case 'n':
			return "\n"
		}
		if next >= len(rest) {
			failed = r.fail("Format specifier '" + spec + "'")
			return ""
		}
		text, err := r.formatOne(spec, rest[next])
		if err != nil {
			failed = err
		}
		next++
		if err := r.grow(len(text)); err != nil {
			failed = err
		}
		if failed != nil {
			return ""
		}
		return text
	})
	if failed != nil {
		return Value{}, failed
	}
	return NewString(out), r.grow(len(out))
}

func (r *run) formatOne(spec string, v Value) (string, error) {
	kind := spec[len(spec)-1]
	switch {
	case strings.Contains(spec, ","):
		return "", r.fail("Format specifier '" + spec + "' is not supported")
	case kind == 's' || kind == 'S':
		text := "null"
		if v.kind != Null {
			var err error
			if text, err = r.string(v); err != nil {
				return "", err
			}
		}
		if kind == 'S' {
			text = strings.ToUpper(text)
		}
		return fmt.Sprintf(spec[:len(spec)-1]+"s", text), nil
	case (kind == 'd' || kind == 'x' || kind == 'X' || kind == 'o') && v.kind == Int:
		return fmt.Sprintf(spec, v.num), nil
	case (kind == 'f' || kind == 'e') && v.kind == Double:
		return fmt.Sprintf(spec, v.float()), nil
	case kind == 'b':
		return fmt.Sprintf(spec[:len(spec)-1]+"t", v.truth()), nil
	}
	return "", r.fail("Format specifier '" + spec + "' does not fit its argument")
}
