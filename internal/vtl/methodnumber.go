package vtl

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf16"
)

// The methods of numbers and truth values, and those of every object. Static
// ones such as parseInt are called on any value of the class, as templates do
// with #set($Integer = 0).

func anyToString(r *run, c call) (Value, error) {
	s, err := r.string(c.recv)
	return NewString(s), err
}

func anySelf(_ *run, c call) (Value, error) { return c.recv, nil }

func anyEquals(r *run, c call) (Value, error) {
	a, b := c.recv, c.args[0]
	if a.kind == Int && b.kind == Int && isInt(a) != isInt(b) {
		return NewBool(false), nil
	}
	same, err := r.equals(a, b)
	return NewBool(same), err
}

// isInt tells an Integer from a Long.
func isInt(v Value) bool { return v.num == int64(int32(v.num)) }

// anyHashCode is String.hashCode of the text, and the value of an integer.
func anyHashCode(r *run, c call) (Value, error) {
	if c.recv.kind == Int && isInt(c.recv) {
		return c.recv, nil
	}
	s, err := r.string(c.recv)
	h := int32(0)
	for _, u := range utf16.Encode([]rune(s)) { // Java's characters
		h = 31*h + int32(u)
	}
	return NewInt(int64(h)), err
}

func numberInt(_ *run, c call) (Value, error) {
	switch c.recv.kind {
	case Int:
		return NewInt(int64(int32(c.recv.num))), nil
	case BigInt:
		return NewInt(int64(int32(lowBits(c.recv)))), nil
	default:
		return NewInt(clamp(toFloat(c.recv), math.MinInt32, math.MaxInt32)), nil
	}
}

// lowBits is what Java leaves of a BigInteger in a long.
func lowBits(v Value) int64 {
	z := toBig(v)
	return int64(new(big.Int).And(z, new(big.Int).SetUint64(math.MaxUint64)).Uint64())
}

func numberLong(_ *run, c call) (Value, error) {
	if c.recv.kind == Int {
		return c.recv, nil
	}
	if c.recv.kind == BigInt {
		return NewInt(lowBits(c.recv)), nil
	}
	return NewInt(clamp(toFloat(c.recv), math.MinInt64, math.MaxInt64)), nil
}

// clamp is Java's conversion of a double to an integer.
func clamp(f float64, least, most int64) int64 {
	switch {
	case f != f:
		return 0
	case f <= float64(least):
		return least
	case f >= float64(most):
		return most
	}
	return int64(f)
}

func numberDouble(_ *run, c call) (Value, error) { return newDouble(toFloat(c.recv)), nil }

func numberIsNaN(_ *run, c call) (Value, error) {
	return NewBool(c.recv.kind == Double && math.IsNaN(c.recv.float())), nil
}

func numberCompare(_ *run, c call) (Value, error) {
	if c.args[0].kind != c.recv.kind {
		return Value{}, nil
	}
	return NewInt(int64(compareNumbers(c.recv, c.args[0]))), nil
}

func numberParse(r *run, c call) (Value, error) {
	if c.args[0].kind != String {
		if c.s.name == "valueOf" && c.args[0].isNumber() {
			return c.args[0], nil
		}
		return Value{}, nil
	}
	if c.recv.kind == Double {
		return numberParseDouble(r, c)
	}
	n, ok := parseLong(c.args[0].str)
	if !ok || c.s.name == "parseInt" && n != int64(int32(n)) {
		return Value{}, r.fail("For input string: " + strconv.Quote(c.args[0].str))
	}
	return NewInt(n), nil
}

func numberParseDouble(r *run, c call) (Value, error) {
	f, err := strconv.ParseFloat(strings.TrimSpace(c.args[0].str), 64)
	if err != nil && f == 0 {
		return Value{}, r.fail("For input string: " + strconv.Quote(c.args[0].str))
	}
	return newDouble(f), nil
}

func boolParse(_ *run, c call) (Value, error) {
	return NewBool(c.args[0].kind == Bool && c.args[0].num != 0 || strings.EqualFold(c.args[0].str, "true")), nil
}

func numberBinary(_ *run, c call) (Value, error) { return unsigned(c, 2) }

func numberHex(_ *run, c call) (Value, error) { return unsigned(c, 16) }

func unsigned(c call, base int) (Value, error) {
	if c.args[0].kind != Int {
		return Value{}, nil
	}
	if isInt(c.args[0]) {
		return NewString(strconv.FormatUint(uint64(uint32(c.args[0].num)), base)), nil
	}
	return NewString(strconv.FormatUint(uint64(c.args[0].num), base)), nil
}
