package vtl

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Arithmetic as Velocity's MathUtils does it: integers grow from int to long
// to BigInteger instead of overflowing, one double makes the result a double,
// and a BigDecimal makes it a BigDecimal.

// arith returns a op b; ok is false where Velocity gives null: operands that
// are not numbers, or a division by zero.
func arith(op byte, a, b Value) (v Value, ok bool) {
	if !a.isNumber() || !b.isNumber() {
		return Value{}, false
	}
	if (op == '/' || op == '%') && isZero(b) {
		return Value{}, false
	}
	switch {
	case a.kind == Decimal || b.kind == Decimal || a.kind+b.kind == BigInt+Double:
		return decimalArith(op, a, b), true
	case a.kind == Double || b.kind == Double:
		return newDouble(doubleArith(op, toFloat(a), toFloat(b))), true
	case a.kind == Int && b.kind == Int:
		if n, fits := longArith(op, a.num, b.num); fits {
			return NewInt(n), true
		}
	}
	return bigArith(op, a, b), true
}

func longArith(op byte, a, b int64) (n int64, fits bool) {
	switch op {
	case '+':
		n = a + b
		return n, (a^n)&(b^n) >= 0
	case '-':
		n = a - b
		return n, (a^b)&(a^n) >= 0
	case '*':
		n = a * b
		return n, a == 0 || n/a == b && (a != -1 || b != math.MinInt64)
	case '/':
		return a / b, true
	}
	return a % b, true
}

func doubleArith(op byte, a, b float64) float64 {
	switch op {
	case '+':
		return a + b
	case '-':
		return a - b
	case '*':
		return a * b
	case '/':
		return a / b
	}
	return math.Mod(a, b)
}

func bigArith(op byte, a, b Value) Value {
	x, y := toBig(a), toBig(b)
	z := new(big.Int)
	switch op {
	case '+':
		z.Add(x, y)
	case '-':
		z.Sub(x, y)
	case '*':
		z.Mul(x, y)
	case '/':
		z.Quo(x, y)
	default:
		z.Rem(x, y)
	}
	return newBig(z)
}

// newBig keeps the class of its operands: a BigInteger stays one.
func newBig(z *big.Int) Value { return Value{kind: BigInt, str: z.String()} }

// A decimal is a java.math.BigDecimal: unscaled × 10^-scale.
type decimal struct {
	unscaled *big.Int
	scale    int
}

// maxScale bounds the exponents we compute with; beyond, digits would fill
// memory.
const maxScale = 1000

func toDecimal(v Value) decimal {
	text := v.Text()
	exp := 0
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		exp, _ = strconv.Atoi(text[i+1:])
		text = text[:i]
	}
	scale := 0
	if i := strings.IndexByte(text, '.'); i >= 0 {
		scale = len(text) - i - 1
		text = text[:i] + text[i+1:]
	}
	z, ok := new(big.Int).SetString(text, 10)
	if !ok {
		z = new(big.Int)
	}
	return decimal{z, min(max(scale-exp, -maxScale), maxScale)}
}

// at returns the unscaled value of d at a larger scale.
func (d decimal) at(scale int) *big.Int {
	if scale <= d.scale {
		return d.unscaled
	}
	p := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale-d.scale)), nil)
	return p.Mul(p, d.unscaled)
}

func decimalArith(op byte, a, b Value) Value {
	x, y := toDecimal(a), toDecimal(b)
	scale := max(x.scale, y.scale)
	z := new(big.Int)
	switch op {
	case '+':
		z.Add(x.at(scale), y.at(scale))
	case '-':
		z.Sub(x.at(scale), y.at(scale))
	case '*':
		z.Mul(x.unscaled, y.unscaled)
		scale = x.scale + y.scale
	case '/':
		// BigDecimal.divide(that, ROUND_HALF_DOWN) keeps the scale of this.
		scale = x.scale
		num := decimal{x.unscaled, 0}.at(max(y.scale, 0))
		den := decimal{y.unscaled, 0}.at(max(-y.scale, 0))
		z = divHalfDown(num, den)
	default:
		z.Rem(x.at(scale), y.at(scale))
	}
	return decimal{z, scale}.value()
}

func divHalfDown(num, den *big.Int) *big.Int {
	q, r := new(big.Int).QuoRem(num, den, new(big.Int))
	r.Abs(r).Lsh(r, 1)
	if r.CmpAbs(den) > 0 {
		q.Add(q, big.NewInt(int64(num.Sign()*den.Sign())))
	}
	return q
}

// value prints d as BigDecimal.toString does.
func (d decimal) value() Value {
	digits := new(big.Int).Abs(d.unscaled).String()
	sign := ""
	if d.unscaled.Sign() < 0 {
		sign = "-"
	}
	exp := len(digits) - 1 - d.scale
	switch {
	case d.scale == 0:
	case d.scale > 0 && exp >= -6:
		if pad := d.scale + 1 - len(digits); pad > 0 {
			digits = strings.Repeat("0", pad) + digits
		}
		digits = digits[:len(digits)-d.scale] + "." + digits[len(digits)-d.scale:]
	default:
		if len(digits) > 1 {
			digits = digits[:1] + "." + digits[1:]
		}
		if exp != 0 {
			digits += "E" + signed(exp)
		}
	}
	return Value{kind: Decimal, str: sign + digits}
}

func signed(n int) string {
	if n > 0 {
		return "+" + strconv.Itoa(n)
	}
	return strconv.Itoa(n)
}

func isZero(v Value) bool {
	switch v.kind {
	case Int:
		return v.num == 0
	case Double:
		return v.float() == 0
	case BigInt:
		return v.str == "0"
	}
	return toDecimal(v).unscaled.Sign() == 0
}

func toFloat(v Value) float64 {
	switch v.kind {
	case Int:
		return float64(v.num)
	case Double:
		return v.float()
	}
	f, _ := strconv.ParseFloat(v.str, 64)
	return f
}

func toBig(v Value) *big.Int {
	if v.kind == BigInt {
		if z, ok := new(big.Int).SetString(v.str, 10); ok {
			return z
		}
	}
	return big.NewInt(v.num)
}

// compareNumbers orders two numbers of any class.
func compareNumbers(a, b Value) int {
	switch {
	case a.kind == Int && b.kind == Int:
		return order(a.num, b.num)
	case a.kind == Decimal || b.kind == Decimal || a.kind+b.kind == BigInt+Double:
		x, y := toDecimal(a), toDecimal(b)
		scale := max(x.scale, y.scale)
		return x.at(scale).Cmp(y.at(scale))
	case a.kind == Double || b.kind == Double:
		return order(toFloat(a), toFloat(b))
	}
	return toBig(a).Cmp(toBig(b))
}

func order[T int64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// appendDouble appends f as Double.toString does.
func appendDouble(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	case f == 0:
		if math.Signbit(f) {
			dst = append(dst, '-')
		}
		return append(dst, "0.0"...)
	}
	if a := math.Abs(f); a >= 1e-3 && a < 1e7 {
		mark := len(dst)
		dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
		if !strings.Contains(string(dst[mark:]), ".") {
			dst = append(dst, ".0"...)
		}
		return dst
	}
	var buf [32]byte
	e := strconv.AppendFloat(buf[:0], f, 'e', -1, 64)
	i := strings.IndexByte(string(e), 'e')
	dst = append(dst, e[:i]...)
	if !strings.Contains(string(e[:i]), ".") {
		dst = append(dst, ".0"...)
	}
	exp, _ := strconv.Atoi(string(e[i+1:]))
	dst = append(dst, 'E')
	return strconv.AppendInt(dst, int64(exp), 10)
}

// parseLong is Long.parseLong.
func parseLong(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && !strings.Contains(s, "_")
}

// parseNumber makes the number that a literal of digits stands for.
func parseNumber(text string) Value {
	if n, ok := parseLong(text); ok {
		return NewInt(n)
	}
	z, ok := new(big.Int).SetString(text, 10)
	if !ok {
		return Value{}
	}
	return newBig(z)
}
