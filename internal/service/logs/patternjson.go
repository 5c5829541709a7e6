package logs

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A step is one part of a path: a member's name, or the index of an element.
type step struct {
	name  string
	index int // -1: a name
}

// parseJSONPattern compiles { $.selector = value && … }.
//
// AWS: "Filter patterns that match terms in JSON log events".
func parseJSONPattern(text string) (*Pattern, error) {
	if text[len(text)-1] != '}' {
		return nil, badPattern("unbalanced braces")
	}
	p := &exprParser{rest: text[1 : len(text)-1], selector: jsonSelector}
	c, err := p.either()
	if err != nil {
		return nil, err
	}
	if p.space(); p.rest != "" {
		return nil, badPattern("'" + p.rest + "' was not expected")
	}
	out := &Pattern{json: true, shown: p.seen}
	if c.needs != nil {
		out.Needs = append(c.needs[:len(c.needs):len(c.needs)], []byte{'\\'}) // JSON may write any character in another way
	}
	out.match = func(text []byte) bool {
		text = bytes.TrimSpace(text)
		if n := len(text) - 1; n < 1 || !(text[0] == '{' && text[n] == '}' || text[0] == '[' && text[n] == ']') {
			return false // no document, or one that was cut off
		}
		e := out.subject()
		defer out.subjects.Put(e)
		e.doc = text
		return c.test(e)
	}
	return out, nil
}

// jsonSelector reads $.a.b[0]['c'].
func jsonSelector(p *exprParser) (selector, error) {
	rest, ok := strings.CutPrefix(p.rest, "$")
	if !ok {
		return selector{}, badPattern("a selector must begin with $.")
	}
	whole := p.rest
	var path []step
	for rest != "" {
		switch {
		case strings.HasPrefix(rest, `["`) || strings.HasPrefix(rest, `['`):
			end := strings.Index(rest[2:], rest[1:2]+"]")
			if end < 0 {
				return selector{}, badPattern("unbalanced brackets")
			}
			path = append(path, step{rest[2 : 2+end], -1})
			rest = rest[end+4:]
			continue
		case rest[0] == '[':
			end := strings.IndexByte(rest, ']')
			n, err := strconv.Atoi(rest[1:max(end, 1)])
			if err != nil || n < 0 {
				return selector{}, badPattern("the index of an array must be a number")
			}
			path = append(path, step{"", n})
			rest = rest[end+1:]
			continue
		case rest[0] == '.':
			end := strings.IndexAny(rest[1:], " \t\r\n.[]()=!<>&|}")
			if end < 0 {
				end = len(rest) - 1
			}
			if end == 0 {
				return selector{}, badPattern("a selector has an empty part")
			}
			path = append(path, step{rest[1 : end+1], -1})
			rest = rest[end+1:]
			continue
		}
		break
	}
	if len(path) == 0 {
		return selector{}, badPattern("a selector must begin with $.")
	}
	p.rest = rest
	return selector{text: whole[:len(whole)-len(rest)], path: path}, nil
}

// A jsonDocument is searched as it stands.
type jsonDocument []byte

func (d jsonDocument) find(s *selector) finding {
	at := 0
	for i := range s.path {
		if at = d.enter(at, &s.path[i]); at < 0 {
			return finding{}
		}
	}
	end := d.skip(at)
	if end < 0 {
		return finding{}
	}
	raw := d[at:end]
	switch raw[0] {
	case '"':
		inside := raw[1 : len(raw)-1]
		if bytes.IndexByte(inside, '\\') < 0 {
			return finding{textValue, inside}
		}
		text, err := jsontext.AppendUnquote(nil, []byte(raw))
		if err != nil {
			return finding{}
		}
		return finding{textValue, text}
	case '{', '[':
		return finding{otherValue, raw}
	case 't':
		return finding{trueValue, raw}
	case 'f':
		return finding{falseValue, raw}
	case 'n':
		return finding{nullValue, raw}
	}
	return finding{numberValue, raw}
}

// enter returns where the value of a step of the value at begins; -1: there is none.
func (d jsonDocument) enter(at int, s *step) int {
	at = d.space(at)
	if at >= len(d) || s.index < 0 && d[at] != '{' || s.index >= 0 && d[at] != '[' {
		return -1
	}
	for n := 0; ; n++ {
		at = d.space(at + 1)
		if at >= len(d) || d[at] == '}' || d[at] == ']' {
			return -1
		}
		found := n == s.index
		if s.index < 0 {
			end := d.skip(at)
			if end < 0 || d[at] != '"' {
				return -1
			}
			found = sameMember(d[at:end], s.name)
			if at = d.space(end); at >= len(d) || d[at] != ':' {
				return -1
			}
			at = d.space(at + 1)
		}
		if found {
			return at
		}
		end := d.skip(at)
		if end < 0 {
			return -1
		}
		if at = d.space(end); at >= len(d) || d[at] != ',' {
			return -1
		}
	}
}

func sameMember(raw []byte, name string) bool {
	if inside := raw[1 : len(raw)-1]; bytes.IndexByte(inside, '\\') < 0 {
		return string(inside) == name
	}
	text, err := jsontext.AppendUnquote(nil, raw)
	return err == nil && string(text) == name
}

func (d jsonDocument) space(at int) int {
	for at < len(d) && (d[at] == ' ' || d[at] == '\t' || d[at] == '\n' || d[at] == '\r') {
		at++
	}
	return at
}

// skip returns the end of the value that begins at; -1: it has none.
func (d jsonDocument) skip(at int) int {
	if at >= len(d) {
		return -1
	}
	switch d[at] {
	case '"':
		return d.endOfText(at)
	case '{', '[':
		for depth := 0; at < len(d); {
			switch d[at] {
			case '"':
				if at = d.skip(at); at < 0 {
					return -1
				}
				continue
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return at + 1
				}
			}
			at++
		}
		return -1
	}
	end := at
	for end < len(d) && strings.IndexByte(" \t\r\n,]}", d[end]) < 0 {
		end++
	}
	if end == at {
		return -1
	}
	return end
}

// endOfText returns the end of the text that begins at, with its quotation mark.
func (d jsonDocument) endOfText(at int) int {
	for at++; ; at++ {
		n := bytes.IndexByte(d[at:], '"')
		if n < 0 {
			return -1
		}
		escapes := 0
		for at += n; escapes < n && d[at-1-escapes] == '\\'; {
			escapes++
		}
		if escapes%2 == 0 {
			return at + 1
		}
	}
}
