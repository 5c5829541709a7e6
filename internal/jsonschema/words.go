package jsonschema

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// This file words why a value is refused.
//
// AWS: rest-execution.md §7 has two recorded texts, those of required and of
// type; they are those of the fge json-schema-validator to the letter, so the
// others are taken from its message bundle (validation.properties). How AWS
// bounds them is not documented.

// refuse notes a reason, if anybody wants to know, and returns false.
func (r *run) refuse(format string, args ...any) bool {
	if !r.explains || len(r.reasons) >= maxReasons {
		return false
	}
	r.reasons = append(r.reasons, clip(fmt.Sprintf(format, args...)))
	return false
}

// clip shortens a reason that repeats a long value.
func clip(s string) string {
	if len(s) <= maxReason {
		return s
	}
	end := maxReason
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// maxQuoted is how much of a value is put into a reason, before it is clipped.
const maxQuoted = 2 * maxReason

// plain is the text of a string, or a part that is long enough.
func (r *run) plain(i uint32) string {
	b := r.doc.text(i)
	return string(b[:min(len(b), maxQuoted)])
}

// json is value i without blanks.
func (r *run) json(i uint32) string { return string(appendJSON(nil, &r.doc, i)) }

func appendJSON(dst []byte, d *document, i uint32) []byte {
	if len(dst) > maxQuoted {
		return dst
	}
	v := &d.values[i]
	switch v.kind {
	case kindString:
		return appendString(dst, d.text(i))
	case kindArray:
		dst = append(dst, '[')
		for at := i + 1; at < v.next && len(dst) <= maxQuoted; at = d.values[at].next {
			if at > i+1 {
				dst = append(dst, ',')
			}
			dst = appendJSON(dst, d, at)
		}
		return append(dst, ']')
	case kindObject:
		dst = append(dst, '{')
		for at := i + 1; at < v.next && len(dst) <= maxQuoted; at = d.values[at+1].next {
			if at > i+1 {
				dst = append(dst, ',')
			}
			dst = append(appendString(dst, d.text(at)), ':')
			dst = appendJSON(dst, d, at+1)
		}
		return append(dst, '}')
	}
	return append(dst, d.text(i)...)
}

// appendString appends s as Jackson writes strings: escaped is only what must
// be.
func appendString(dst, s []byte) []byte {
	dst = append(dst, '"')
	for _, c := range s[:min(len(s), maxQuoted)] {
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, `\b`...)
		case '\f':
			dst = append(dst, `\f`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			if c < ' ' {
				dst = fmt.Appendf(dst, `\u%04X`, c)
				continue
			}
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// names lists names as a JSON array of strings.
func names(list []string) string {
	dst := []byte{'['}
	for i, name := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, []byte(name))
		if len(dst) > maxQuoted {
			break
		}
	}
	return string(append(dst, ']'))
}

// escapePointer escapes a name for a JSON pointer.
func escapePointer(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}
