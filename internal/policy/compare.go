package policy

import (
	"encoding/base64"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// compileText makes comparers for the String operators.
func compileText(extra mode) func(string, mode) (comparer, bool) {
	return func(value string, m mode) (comparer, bool) {
		p, ok := compilePattern(value, m|extra)
		return &p, ok
	}
}

func (p *pattern) compare(text string, r *Request) bool { return p.match(text, r) }

// compileARNValue makes comparers for the Arn operators, which all take
// wildcards.
func compileARNValue(value string, m mode) (comparer, bool) {
	a, ok := compileARN(value, m|withWildcards)
	if !ok {
		return nil, false
	}
	return &a, true
}

func (a *arnPattern) compare(text string, r *Request) bool {
	s := splitARN(text)
	return a.match(&s, r)
}

// An order is a set of the results of comparing two numbers.
type order uint8

const (
	isLess order = 1 << iota
	isEqual
	isMore
)

// A number compares numbers, or times as seconds since 1970.
type number struct {
	value float64
	want  order
	date  bool
}

func compileNumber(want order) func(string, mode) (comparer, bool) {
	return func(value string, _ mode) (comparer, bool) {
		f, ok := readNumber(value)
		return &number{value: f, want: want}, ok
	}
}

func compileDate(want order) func(string, mode) (comparer, bool) {
	return func(value string, _ mode) (comparer, bool) {
		f, ok := readDate(value)
		return &number{value: f, want: want, date: true}, ok
	}
}

func (n *number) compare(text string, _ *Request) bool {
	read := readNumber
	if n.date {
		read = readDate
	}
	f, ok := read(text)
	return ok && n.compareTo(f)
}

func (n *number) compareTo(f float64) bool {
	got := isEqual
	switch {
	case f < n.value:
		got = isLess
	case f > n.value:
		got = isMore
	}
	return n.want&got != 0
}

func readNumber(text string) (float64, bool) {
	// Only digits, sign, point and exponent: ParseFloat also takes names and
	// hexadecimal.
	if text == "" || strings.Trim(text, "0123456789+-.eE") != "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil && !math.IsInf(f, 0)
}

// ParseDate reads a date as it stands in conditions: in one of the W3C forms of
// ISO 8601, or seconds since 1970.
func ParseDate(text string) (time.Time, bool) {
	const most = 1 << 37 // seconds: some four thousand years
	f, ok := readDate(text)
	if !ok || f < -most || f > most {
		return time.Time{}, false
	}
	whole, part := math.Modf(f)
	return time.Unix(int64(whole), int64(part*1e9)), true
}

// readDate reads a date in one of the W3C forms of ISO 8601, or seconds since
// 1970.
func readDate(text string) (float64, bool) {
	if f, ok := readNumber(text); ok && (len(text) != 4 || f < 1000) {
		return f, true
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05", "2006-01-02", "2006-01", "2006"} {
		if len(layout) > len(text)+10 {
			continue
		}
		if t, err := time.Parse(layout, text); err == nil {
			return float64(t.UnixMilli()) / 1000, true
		}
	}
	return 0, false
}

// A truth compares booleans.
type truth bool

func compileBool(value string, _ mode) (comparer, bool) {
	switch {
	case strings.EqualFold(value, "true"):
		return truth(true), true
	case strings.EqualFold(value, "false"):
		return truth(false), true
	default:
		return nil, false
	}
}

func (t truth) compare(text string, _ *Request) bool {
	return bool(t) && equalFold("true", text) || !bool(t) && equalFold("false", text)
}

// A binary compares base64 texts.
type binary string

func compileBinary(value string, _ mode) (comparer, bool) {
	_, err := base64.StdEncoding.DecodeString(value)
	return binary(value), err == nil
}

func (b binary) compare(text string, _ *Request) bool { return string(b) == text }

// A prefix compares addresses with a CIDR block.
type prefix struct{ netip.Prefix }

func compilePrefix(value string, _ mode) (comparer, bool) {
	p, err := netip.ParsePrefix(value)
	if err != nil {
		a, err := netip.ParseAddr(value)
		if err != nil || a.Zone() != "" {
			return nil, false
		}
		p = netip.PrefixFrom(a, a.BitLen())
	}
	if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 { // addresses are compared as IPv4
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return &prefix{p.Masked()}, true
}

func (p *prefix) compare(text string, _ *Request) bool {
	a, err := netip.ParseAddr(text)
	return err == nil && p.Contains(a.Unmap().WithZone(""))
}
