package jsonschema

import (
	"bytes"
	"math/big"
	"strconv"
)

// A decimal is the value of a number as written: 0.d₁d₂d₃… × 10^point. It is
// exact, and points into the text of the number.
type decimal struct {
	negative bool
	whole    []byte // digits before and after the dot, without zeros that
	fraction []byte // begin or end the number; none: zero
	point    int64
}

// readDecimal takes text, which is a JSON number, apart.
func readDecimal(text []byte) decimal {
	var d decimal
	if text[0] == '-' {
		d.negative, text = true, text[1:]
	}
	var exponent int64
	if i := bytes.IndexAny(text, "eE"); i >= 0 {
		exponent = readExponent(text[i+1:])
		text = text[:i]
	}
	d.whole, d.fraction, _ = bytes.Cut(text, dot)
	d.whole = bytes.TrimLeft(d.whole, "0")
	d.fraction = bytes.TrimRight(d.fraction, "0")
	d.point = int64(len(d.whole)) + exponent
	if len(d.whole) == 0 {
		n := len(d.fraction)
		d.fraction = bytes.TrimLeft(d.fraction, "0")
		d.point -= int64(n - len(d.fraction))
	}
	if len(d.fraction) == 0 {
		d.whole = bytes.TrimRight(d.whole, "0")
	}
	return d
}

var dot = []byte{'.'}

// largestExponent stands for all that are larger: no two numbers of maxNumber
// characters are brought nearer to each other by it.
const largestExponent = 1 << 60

func readExponent(text []byte) int64 {
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err == nil && -largestExponent <= n && n <= largestExponent {
		return n
	}
	if text[0] == '-' {
		return -largestExponent
	}
	return largestExponent
}

func (d *decimal) len() int { return len(d.whole) + len(d.fraction) }

func (d *decimal) digit(i int) byte {
	if i < len(d.whole) {
		return d.whole[i]
	}
	return d.fraction[i-len(d.whole)]
}

func (d *decimal) sign() int {
	switch {
	case d.len() == 0:
		return 0
	case d.negative:
		return -1
	}
	return 1
}

// compareNumbers compares the values of two JSON numbers.
func compareNumbers(a, b []byte) int {
	x, y := readDecimal(a), readDecimal(b)
	sign := x.sign()
	if s := y.sign(); s != sign || sign == 0 {
		return sign - s
	}
	if x.point != y.point {
		if x.point > y.point {
			return sign
		}
		return -sign
	}
	for i := range min(x.len(), y.len()) {
		if p, q := x.digit(i), y.digit(i); p != q {
			return sign * (int(p) - int(q))
		}
	}
	return sign * (x.len() - y.len())
}

// isMultiple tells whether a is a whole number of times b, which is over 0.
func isMultiple(a, b []byte) bool {
	if n, err := strconv.ParseInt(string(a), 10, 64); err == nil {
		if m, err := strconv.ParseInt(string(b), 10, 64); err == nil {
			return n%m == 0
		}
	}
	x, y := readDecimal(a), readDecimal(b)
	if x.sign() == 0 {
		return true
	}
	// a is p × 10^shift × b's power of ten, and b is q times that.
	p, q := x.integer(), y.integer()
	shift := (x.point - int64(x.len())) - (y.point - int64(y.len()))
	if shift < 0 {
		// p does not end in 0; q × 10^-shift has more digits than p at the
		// latest when -shift is over its length.
		if -shift > int64(x.len()) {
			return false
		}
		q.Mul(q, new(big.Int).Exp(big.NewInt(10), big.NewInt(-shift), nil))
	} else {
		p.Mul(p, new(big.Int).Exp(big.NewInt(10), big.NewInt(shift), q))
	}
	return p.Mod(p, q).Sign() == 0
}

// integer returns the digits as a number.
func (d *decimal) integer() *big.Int {
	n, _ := new(big.Int).SetString(string(d.whole)+string(d.fraction), 10)
	if n == nil {
		return new(big.Int)
	}
	return n
}
