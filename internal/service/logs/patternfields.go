package logs

import (
	"bytes"
	"strings"
)

// maxFields bounds the fields of a space-delimited pattern.
const maxFields = 64

// parseFieldPattern compiles [name, name = value, …].
//
// AWS: "Filter patterns that match terms in space-delimited log events".
func parseFieldPattern(text string) (*Pattern, error) {
	if text[len(text)-1] != ']' {
		return nil, badPattern("unbalanced brackets")
	}
	p := &exprParser{rest: text[1 : len(text)-1], selector: fieldSelector}
	out := &Pattern{}
	var conditions []condition
	ellipsis := -1
	for {
		p.space()
		if p.take("...") {
			if ellipsis >= 0 {
				return nil, badPattern("an ellipsis may stand there once")
			}
			ellipsis = len(out.fields)
		} else {
			c, name, err := parseField(p, len(out.fields))
			if err != nil {
				return nil, err
			}
			if c.test != nil {
				conditions = append(conditions, c)
			}
			if out.fields = append(out.fields, name); len(out.fields) > maxFields {
				return nil, badPattern("too many fields")
			}
		}
		if p.space(); p.rest == "" {
			break
		}
		if !p.take(",") {
			return nil, badPattern("'" + p.rest + "' was not expected")
		}
	}
	var all condition
	if len(conditions) > 0 {
		all = allOf(conditions)
		out.Needs = all.needs
	}
	n := len(out.fields)
	out.ellipsis = ellipsis
	out.match = func(text []byte) bool {
		e := out.subject()
		defer out.subjects.Put(e)
		return e.split(text, n, ellipsis) && (all.test == nil || all.test(e))
	}
	out.shown = make([]selector, n)
	for i := range out.shown {
		out.shown[i] = selector{text: "$" + out.fields[i], field: i}
	}
	return out, nil
}

// parseField reads a name, with conditions of it or without.
func parseField(p *exprParser, at int) (condition, string, error) {
	name, err := fieldSelector(p)
	if err != nil {
		return condition{}, "", err
	}
	if p.space(); p.rest == "" || p.rest[0] == ',' {
		return condition{}, name.text, nil
	}
	p.rest = name.text + p.rest
	p.selector = func(p *exprParser) (selector, error) {
		s, err := fieldSelector(p)
		if err == nil && s.text != name.text {
			err = badPattern("a condition of '" + name.text + "' is about '" + s.text + "'")
		}
		s.field = at
		return s, err
	}
	c, err := p.either()
	return c, name.text, err
}

// fieldSelector reads the name of a field.
func fieldSelector(p *exprParser) (selector, error) {
	p.space()
	end := strings.IndexAny(p.rest, " \t\r\n,=!<>&|()]")
	if end < 0 {
		end = len(p.rest)
	}
	if end == 0 {
		return selector{}, badPattern("the name of a field is missing")
	}
	s := selector{text: p.rest[:end]}
	p.rest = p.rest[end:]
	return s, nil
}

// split splits an event into n fields; false: it has others. With an ellipsis at
// some field it may have more, which belong to none.
//
// AWS: text in quotation marks or brackets is one field.
func (e *subject) split(text []byte, n, ellipsis int) bool {
	count := 0
	for {
		field, rest, ok := cutField(text)
		if !ok {
			break
		}
		if count < n {
			e.fields[count] = field
		} else if ellipsis < 0 {
			return false
		}
		e.last[count%maxFields] = field
		text = rest
		count++
	}
	if count < n {
		return false
	}
	if ellipsis >= 0 {
		for i := ellipsis; i < n; i++ {
			e.fields[i] = e.last[(count-n+i)%maxFields]
		}
	}
	return true
}

// cutField takes a field off a text.
func cutField(text []byte) (field, rest []byte, ok bool) {
	text = bytes.TrimLeft(text, " \t\r\n")
	if len(text) == 0 {
		return nil, nil, false
	}
	closing := text[0]
	if closing == '[' {
		closing = ']'
	}
	if closing == '"' || closing == ']' && text[0] == '[' {
		if end := bytes.IndexByte(text[1:], closing); end >= 0 {
			return text[1 : end+1], text[end+2:], true
		}
	}
	end := bytes.IndexAny(text, " \t\r\n")
	if end < 0 {
		end = len(text)
	}
	return text[:end], text[end:], true
}

// values are what the selectors of p find in an event that matches: what
// metrics are made of, and TestMetricFilter shows.
func (p *Pattern) values(text []byte) map[string]string {
	e := p.subject()
	defer p.subjects.Put(e)
	switch {
	case p.json:
		e.doc = bytes.TrimSpace(text)
	case p.fields == nil || !e.split(text, len(p.fields), p.ellipsis):
		return map[string]string{}
	}
	out := map[string]string{}
	for i := range p.shown {
		if f := e.find(&p.shown[i]); f.kind != noValue {
			out[p.shown[i].text] = string(f.raw)
		}
	}
	return out
}

// lookup returns what finds values of an event by selectors that need not stand
// in the pattern.
func (p *Pattern) lookup(text []byte) func(selector string) (string, bool) {
	if !p.json {
		values := p.values(text)
		return func(name string) (string, bool) { v, ok := values[name]; return v, ok }
	}
	doc := jsonDocument(bytes.TrimSpace(text))
	return func(name string) (string, bool) {
		s, err := jsonSelector(&exprParser{rest: name})
		if err != nil {
			return "", false
		}
		f := doc.find(&s)
		return string(f.raw), f.kind != noValue && f.kind != otherValue
	}
}
