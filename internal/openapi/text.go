package openapi

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// How parts of a document become text again: models indented as AWS's writer
// indents, templates and policies on one line.

// writeJSON writes n indented.
//
// AWS: Jackson's default printer: two spaces, " : " after a name, lists on one
// line. Seen in the schemas of imported models.
func writeJSON(b *strings.Builder, n *node, indent int) {
	switch n.kind {
	case kindObject:
		writeMembers(b, n.keys, indent, func(i int) { writeJSON(b, n.items[i], indent+1) })
	case kindList:
		writeItems(b, len(n.items), func(i int) { writeJSON(b, n.items[i], indent) })
	default:
		writeScalar(b, n)
	}
}

// writeMembers writes an object whose values are written by value.
func writeMembers(b *strings.Builder, keys []string, indent int, value func(i int)) {
	if len(keys) == 0 {
		b.WriteString("{ }")
		return
	}
	b.WriteByte('{')
	for i, key := range keys {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
		for range indent + 1 {
			b.WriteString("  ")
		}
		writeQuoted(b, key)
		b.WriteString(" : ")
		value(i)
	}
	b.WriteByte('\n')
	for range indent {
		b.WriteString("  ")
	}
	b.WriteByte('}')
}

// writeItems writes a list whose n items are written by item.
func writeItems(b *strings.Builder, n int, item func(i int)) {
	if n == 0 {
		b.WriteString("[ ]")
		return
	}
	b.WriteString("[ ")
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		item(i)
	}
	b.WriteString(" ]")
}

func writeScalar(b *strings.Builder, n *node) {
	switch n.kind {
	case kindNull:
		b.WriteString("null")
	case kindText:
		writeQuoted(b, n.text)
	default:
		b.WriteString(n.text)
	}
}

func writeQuoted(b *strings.Builder, s string) {
	q, err := jsontext.AppendQuote(nil, s)
	if err != nil { // the reader let no invalid UTF-8 in
		panic("openapi: " + err.Error())
	}
	b.Write(q)
}

// compact returns n as JSON without spaces.
func compact(n *node) string {
	var b strings.Builder
	writeCompact(&b, n)
	return b.String()
}

func writeCompact(b *strings.Builder, n *node) {
	switch n.kind {
	case kindObject:
		b.WriteByte('{')
		for i, key := range n.keys {
			if i > 0 {
				b.WriteByte(',')
			}
			writeQuoted(b, key)
			b.WriteByte(':')
			writeCompact(b, n.items[i])
		}
		b.WriteByte('}')
	case kindList:
		b.WriteByte('[')
		for i, v := range n.items {
			if i > 0 {
				b.WriteByte(',')
			}
			writeCompact(b, v)
		}
		b.WriteByte(']')
	default:
		writeScalar(b, n)
	}
}
