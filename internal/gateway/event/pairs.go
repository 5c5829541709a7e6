package event

import (
	"slices"
	"strings"
	"sync"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// A pair is a header or query parameter of an event.
type pair struct{ name, value string }

// pairs is memory to sort them in.
type pairs struct{ list []pair }

var pairMemory = sync.Pool{New: func() any { return new(pairs) }}

// mostPairsKept bounds the memory that is kept.
const mostPairsKept = 256

func (p *pairs) release() {
	clear(p.list)
	if p.list = p.list[:0]; cap(p.list) <= mostPairsKept {
		pairMemory.Put(p)
	}
}

func (p *pairs) add(name, value string) { p.list = append(p.list, pair{name, value}) }

// appendBoth appends the list as two JSON objects, under single with the last
// value of each name, under multi with all of them.
func (p *pairs) appendBoth(dst []byte, single, multi string, same func(a, b string) int, empty string) []byte {
	if len(p.list) == 0 {
		dst = append(append(dst, single...), empty...)
		return append(append(dst, multi...), empty...)
	}
	slices.SortStableFunc(p.list, func(a, b pair) int { return same(a.name, b.name) })
	dst = append(append(dst, single...), '{')
	for i := 0; i < len(p.list); {
		first := i
		for i++; i < len(p.list) && same(p.list[i].name, p.list[first].name) == 0; {
			i++
		}
		if first > 0 {
			dst = append(dst, ',')
		}
		dst = append(AppendString(dst, p.list[first].name), ':')
		dst = AppendString(dst, p.list[i-1].value)
	}
	dst = append(append(append(dst, '}'), multi...), '{')
	for i := 0; i < len(p.list); {
		if i > 0 {
			dst = append(dst, ',')
		}
		first := i
		dst = append(AppendString(dst, p.list[first].name), ':', '[')
		for ; i < len(p.list) && same(p.list[i].name, p.list[first].name) == 0; i++ {
			if i > first {
				dst = append(dst, ',')
			}
			dst = AppendString(dst, p.list[i].value)
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

// appendQuery appends both maps of the query.
//
// AWS: rest-execution.md §3: decoded once; the single-value map has the last
// value. The order of names is unknown; here they are sorted.
func appendQuery(dst []byte, x *gateway.Exchange, empty string) []byte {
	p := pairMemory.Get().(*pairs)
	for q := x.MethodRequest.Query; q != ""; {
		name, value, rest, ok := gateway.NextPair(q)
		if !ok {
			break
		}
		p.add(decoded(x, name), decoded(x, value))
		q = rest
	}
	dst = p.appendBoth(dst, `,"queryStringParameters":`, `,"multiValueQueryStringParameters":`, strings.Compare, empty)
	p.release()
	return dst
}

// decoded returns a part of the query decoded, in x's memory if it must be.
func decoded(x *gateway.Exchange, raw string) string {
	if !gateway.Encoded(raw, true) {
		return raw
	}
	from := len(x.Buf)
	x.Buf = gateway.AppendDecoded(x.Buf, raw, true)
	return wire.String(x.Buf[from:])
}

// fold compares names of headers: without case.
func fold(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if c, d := lower(a[i]), lower(b[i]); c != d {
			return int(c) - int(d)
		}
	}
	return len(a) - len(b)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
