package step

import (
	"strings"

	"gatehouse/internal/gateway"
)

// A text is constant text with variables in it, taken apart once.
type text []part

// A part is constant text and the value after it, if there is one.
type part struct {
	constant string
	get      gateway.Getter
	from     *source
	absent   string // what stands for a value that there is none of
}

// parseText takes a text apart. Each $name and ${name} of which variable
// reports true becomes a value; all else stays as it is.
func parseText(s string, variable func(name string) (part, bool)) text {
	var t text
	constant := ""
	for s != "" {
		i := strings.IndexByte(s, '$')
		if i < 0 {
			break
		}
		constant += s[:i]
		s = s[i:]
		name, n := variableName(s[1:])
		p, ok := variable(name)
		if !ok || name == "" {
			constant += "$"
			s = s[1:]
			continue
		}
		p.constant, constant = constant, ""
		t = append(t, p)
		s = s[1+n:]
	}
	if constant += s; constant != "" {
		t = append(t, part{constant: constant})
	}
	return t
}

// variableName returns the name at the start of s, in braces or not, and how
// much of s it takes.
func variableName(s string) (name string, n int) {
	if strings.HasPrefix(s, "{") {
		end := strings.IndexByte(s, '}')
		if end < 0 {
			return "", 0
		}
		return s[1:end], end + 1
	}
	for n < len(s) && nameByte(s, n) {
		n++
	}
	name = strings.TrimRight(s[:n], ".-")
	return name, len(name)
}

// nameByte tells whether s[i] is part of a name. A dash is in names of headers
// only.
func nameByte(s string, i int) bool {
	c := s[i]
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '.':
		return true
	}
	return c == '-' && strings.HasPrefix(s, "method.request.header.")
}

// append appends the text with x's values in it.
func (t text) append(dst []byte, x *gateway.Exchange) []byte {
	for i := range t {
		p := &t[i]
		dst = append(dst, p.constant...)
		from := len(dst)
		if p.get != nil {
			dst = p.get(dst, x)
		} else if p.from != nil {
			dst = append(dst, p.from.value(x)...)
		}
		if len(dst) == from {
			dst = append(dst, p.absent...)
		}
	}
	return dst
}
