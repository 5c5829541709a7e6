package vtl

import (
	"strconv"
	"unicode/utf8"
)

// appendPlain appends the text of values that are not collections.
func appendPlain(dst []byte, v Value) []byte {
	switch v.kind {
	case Bool:
		return strconv.AppendBool(dst, v.num != 0)
	case Int:
		return strconv.AppendInt(dst, v.num, 10)
	case Double:
		return appendDouble(dst, v.float())
	case String, BigInt, Decimal:
		return append(dst, v.str...)
	}
	return dst
}

// appendText appends v as Java's toString prints it.
//
// AWS: maps print as Java maps, lists out of a document as JSON
// (localstack, test_input_path_template_formatting).
func (r *run) appendText(dst []byte, v Value) ([]byte, error) {
	if v.ref == nil || v.kind == Group {
		return appendPlain(dst, v), nil
	}
	if err := r.enter(); err != nil {
		return dst, err
	}
	defer r.leave()
	switch v.kind {
	case kindBlock:
		return r.appendBlock(dst, v.ref.more)
	case kindEntry:
		return r.appendMembers(dst, v.ref)
	case List:
		if v.ref.form == formJSON {
			return r.appendJSON(dst, v, true)
		}
		return r.appendList(dst, v.ref)
	case Map:
		if v.ref.form == formSilent {
			return dst, nil
		}
		dst, err := r.appendMembers(append(dst, '{'), v.ref)
		return append(dst, '}'), err
	}
	return dst, nil
}

func (r *run) appendList(dst []byte, o *object) ([]byte, error) {
	var err error
	dst = append(dst, '[')
	for i, e := range o.vals {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		switch {
		case e.kind == List && e.ref == o:
			dst = append(dst, "(this Collection)"...)
		default:
			if dst, err = r.appendElement(dst, e); err != nil {
				return dst, err
			}
		}
	}
	return append(dst, ']'), nil
}

// appendMembers appends the members of a map, or an entry of one.
func (r *run) appendMembers(dst []byte, o *object) ([]byte, error) {
	var err error
	for i, e := range o.vals {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		if dst, err = r.appendElement(dst, o.key(i)); err != nil {
			return dst, err
		}
		dst = append(dst, '=')
		if e.kind == Map && e.ref == o {
			dst = append(dst, "(this Map)"...)
			continue
		}
		if dst, err = r.appendElement(dst, e); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// appendElement appends a member of a collection, where null has a text.
func (r *run) appendElement(dst []byte, v Value) ([]byte, error) {
	if err := r.charge(dst); err != nil {
		return dst, err
	}
	if v.kind == Null {
		return append(dst, "null"...), nil
	}
	return r.appendText(dst, v)
}

// appendJSON appends v as json-smart writes it. With web it is the text of
// JSONArray.toString, which escapes slashes; without, that of $input.json.
func (r *run) appendJSON(dst []byte, v Value, web bool) ([]byte, error) {
	if err := r.charge(dst); err != nil {
		return dst, err
	}
	switch v.kind {
	case Null:
		return append(dst, "null"...), nil
	case String:
		return appendQuoted(dst, v.str, web), nil
	case Double:
		if f := v.float(); f-f != 0 {
			return append(dst, "null"...), nil // NaN and the infinities
		}
		return appendDouble(dst, v.float()), nil
	case Bool, Int, BigInt, Decimal:
		return appendPlain(dst, v), nil
	case List, Map:
		if err := r.enter(); err != nil {
			return dst, err
		}
		defer r.leave()
		return r.appendJSONMembers(dst, v, web)
	}
	mark := len(dst)
	dst, err := r.appendText(dst, v)
	text := string(dst[mark:])
	return appendQuoted(dst[:mark], text, web), err
}

func (r *run) appendJSONMembers(dst []byte, v Value, web bool) ([]byte, error) {
	open, shut := byte('['), byte(']')
	if v.kind == Map {
		open, shut = '{', '}'
	}
	var err error
	dst = append(dst, open)
	for i, e := range v.ref.vals {
		if i > 0 {
			dst = append(dst, ',')
		}
		if v.kind == Map {
			dst = appendQuoted(dst, v.ref.keys[i], web)
			dst = append(dst, ':')
		}
		if dst, err = r.appendJSON(dst, e, web); err != nil {
			return dst, err
		}
	}
	return append(dst, shut), nil
}

const hexDigits = "0123456789ABCDEF"

// appendQuoted appends s as a JSON string, with the escapes json-smart makes.
func appendQuoted(dst []byte, s string, web bool) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < 0x7f && c != '"' && c != '\\' && (c != '/' || !web) {
			i++
			continue
		}
		if c >= 0x80 {
			n, size := utf8.DecodeRuneInString(s[i:])
			if (n > 0x9f && n < 0x2000) || n > 0x20ff {
				i += size
				continue
			}
			dst = append(dst, s[from:i]...)
			dst = append(dst, '\\', 'u', hexDigits[n>>12&15], hexDigits[n>>8&15], hexDigits[n>>4&15], hexDigits[n&15])
			i += size
			from = i
			continue
		}
		dst = append(dst, s[from:i]...)
		dst = appendEscape(dst, c)
		i++
		from = i
	}
	dst = append(dst, s[from:]...)
	return append(dst, '"')
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\', '/':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}
