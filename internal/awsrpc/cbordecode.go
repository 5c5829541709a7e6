package awsrpc

import (
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"time"
	"unicode/utf8"
)

// A cborDecoder reads a CBOR document into a struct, by its plan. It reads what
// Smithy's protocols write: definite and indefinite lengths, all floats, the tag
// of times. Depth is bounded by maxDepth, size by the body: no length is believed
// before its bytes are seen.
type cborDecoder struct {
	rest  []byte
	depth int
}

// errCBOR is any document that breaks off or is none.
var errCBOR = errors.New("the document is not well-formed CBOR")

// document reads the whole of the body, which may be empty, into v.
func (d *cborDecoder) document(v reflect.Value, n *node) error {
	if len(d.rest) == 0 {
		return nil
	}
	err := d.value(v, n)
	if err == nil && len(d.rest) > 0 {
		err = errCBOR
	}
	if errors.Is(err, errCBOR) {
		return serialization("The request body is not valid CBOR")
	}
	return err
}

// A cborItem is the head of an item.
type cborItem struct {
	first      byte
	major      byte
	arg        uint64
	indefinite bool
}

// head reads the head of the next item.
func (d *cborDecoder) head() (cborItem, error) {
	if len(d.rest) == 0 {
		return cborItem{}, errCBOR
	}
	it := cborItem{first: d.rest[0], major: d.rest[0] & 0xe0}
	info := d.rest[0] & 0x1f
	d.rest = d.rest[1:]
	switch {
	case info < 24:
		it.arg = uint64(info)
	case info <= 27:
		size := 1 << (info - 24)
		if len(d.rest) < size {
			return it, errCBOR
		}
		var b [8]byte
		copy(b[8-size:], d.rest[:size])
		it.arg = binary.BigEndian.Uint64(b[:])
		d.rest = d.rest[size:]
	case info == cborIndefinite && it.major != cborUint && it.major != cborNegInt && it.major != cborTag:
		it.indefinite = true
	default:
		return it, errCBOR
	}
	return it, nil
}

// take returns the next n bytes.
func (d *cborDecoder) take(n uint64) ([]byte, error) {
	if n > uint64(len(d.rest)) {
		return nil, errCBOR
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b, nil
}

// ended reports whether a collection of which left items are to come is at its
// end, and reads the end of an indefinite one.
func (d *cborDecoder) ended(it *cborItem) bool {
	if !it.indefinite {
		it.arg--
		return it.arg == math.MaxUint64
	}
	if len(d.rest) > 0 && d.rest[0] == cborBreak {
		d.rest = d.rest[1:]
		return true
	}
	return false
}

// isNull reads a null, if there is one.
func (d *cborDecoder) isNull() bool {
	if len(d.rest) > 0 && (d.rest[0] == cborNull || d.rest[0] == cborUndefined) {
		d.rest = d.rest[1:]
		return true
	}
	return false
}

// value reads the next item into v, whose type n plans.
func (d *cborDecoder) value(v reflect.Value, n *node) error {
	if d.depth++; d.depth > maxDepth {
		return errCBOR
	}
	defer func() { d.depth-- }()
	it, err := d.head()
	if err != nil {
		return err
	}
	switch n.kind {
	case kindStruct:
		return d.structure(v, n, it)
	case kindList:
		return d.list(v, n, it)
	case kindMap:
		return d.mapping(v, n, it)
	}
	return d.scalar(v, n, it)
}

func (d *cborDecoder) structure(v reflect.Value, n *node, it cborItem) error {
	if it.major != cborMap {
		return it.unexpected(n)
	}
	for !d.ended(&it) {
		name, err := d.key()
		if err != nil {
			return err
		}
		f := n.byName[name]
		if d.isNull() {
			continue
		}
		if f == nil {
			if err := d.skip(); err != nil {
				return err
			}
			continue
		}
		fv := v.Field(f.index)
		if f.pointer {
			fv.Set(reflect.New(fv.Type().Elem()))
			fv = fv.Elem()
		}
		if err := d.value(fv, f.value); err != nil {
			return err
		}
	}
	return nil
}

func (d *cborDecoder) list(v reflect.Value, n *node, it cborItem) error {
	if it.major != cborList {
		return it.unexpected(n)
	}
	v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	for !d.ended(&it) {
		e := reflect.New(v.Type().Elem()).Elem()
		if err := d.value(e, n.elem); err != nil {
			return err
		}
		v.Set(reflect.Append(v, e))
	}
	return nil
}

func (d *cborDecoder) mapping(v reflect.Value, n *node, it cborItem) error {
	if it.major != cborMap {
		return it.unexpected(n)
	}
	v.Set(reflect.MakeMap(v.Type()))
	for !d.ended(&it) {
		name, err := d.key()
		if err != nil {
			return err
		}
		if d.isNull() {
			continue
		}
		e := reflect.New(v.Type().Elem()).Elem()
		if err := d.value(e, n.elem); err != nil {
			return err
		}
		v.SetMapIndex(reflect.ValueOf(name).Convert(v.Type().Key()), e)
	}
	return nil
}

// key reads the name of a member.
func (d *cborDecoder) key() (string, error) {
	it, err := d.head()
	if err != nil || it.major != cborString {
		return "", errCBOR
	}
	b, err := d.bytes(it)
	return string(b), err
}

// bytes reads a text or byte string, whole or in parts.
func (d *cborDecoder) bytes(it cborItem) ([]byte, error) {
	if !it.indefinite {
		return d.take(it.arg)
	}
	all := []byte{}
	for !d.ended(&it) {
		part, err := d.head()
		if err != nil || part.major != it.major || part.indefinite {
			return nil, errCBOR
		}
		b, err := d.take(part.arg)
		if err != nil {
			return nil, err
		}
		all = append(all, b...)
	}
	return all, nil
}

func (d *cborDecoder) scalar(v reflect.Value, n *node, it cborItem) error {
	switch {
	case n.kind == kindString && it.major == cborString:
		b, err := d.bytes(it)
		if err == nil && !utf8.Valid(b) {
			err = errCBOR
		}
		v.SetString(string(b))
		return err
	case n.kind == kindBlob && it.major == cborBytes:
		b, err := d.bytes(it)
		v.SetBytes(append([]byte{}, b...))
		return err
	case n.kind == kindBool && (it.first == cborTrue || it.first == cborFalse):
		v.SetBool(it.first == cborTrue)
		return nil
	case n.kind == kindInt32 || n.kind == kindInt64:
		i, ok := it.integer()
		if !ok || v.OverflowInt(i) {
			return it.unexpected(n)
		}
		v.SetInt(i)
		return nil
	case n.kind == kindFloat:
		x, ok := it.float()
		if !ok {
			return it.unexpected(n)
		}
		v.SetFloat(x)
		return nil
	case n.kind == kindTime && it.major == cborTag && it.arg == cborEpoch:
		return d.time(v, n)
	}
	return it.unexpected(n)
}

// time reads the seconds of a time.
func (d *cborDecoder) time(v reflect.Value, n *node) error {
	it, err := d.head()
	if err != nil {
		return err
	}
	x, ok := it.float()
	if !ok || math.IsNaN(x) || math.Abs(x) > maxSeconds {
		return it.unexpected(n)
	}
	v.Set(reflect.ValueOf(time.UnixMilli(int64(math.Round(x * 1000))).UTC()))
	return nil
}

// maxSeconds is the last time that has a form in all protocols, in the year
// 9999.
const maxSeconds = 253402300799

func (it cborItem) integer() (int64, bool) {
	if it.arg > math.MaxInt64 {
		return 0, false
	}
	switch it.major {
	case cborUint:
		return int64(it.arg), true
	case cborNegInt:
		return -1 - int64(it.arg), true
	}
	return 0, false
}

// float is the value of a float, or of an integer: languages without a type of
// their own for them write whole numbers so.
func (it cborItem) float() (float64, bool) {
	switch it.first {
	case cborDouble:
		return math.Float64frombits(it.arg), true
	case cborSingle:
		return float64(math.Float32frombits(uint32(it.arg))), true
	case cborHalf:
		return halfFloat(uint16(it.arg)), true
	}
	i, ok := it.integer()
	return float64(i), ok
}

// halfFloat is the value of a float of 16 bits (RFC 8949, appendix D).
func halfFloat(h uint16) float64 {
	exp, frac := int(h>>10&0x1f), float64(h&0x3ff)
	var x float64
	switch exp {
	case 0:
		x = math.Ldexp(frac, -24)
	case 31:
		x = math.Inf(1)
		if frac != 0 {
			x = math.NaN()
		}
	default:
		x = math.Ldexp(frac+1024, exp-25)
	}
	if h&0x8000 != 0 {
		return -x
	}
	return x
}

// unexpected is the error of an item where n wants another type.
func (it cborItem) unexpected(n *node) error {
	switch it.major {
	case cborMap:
		return serialization("Start of structure or map found where not expected.")
	case cborList:
		return serialization("Start of list found where not expected")
	}
	if n.kind == kindList || n.kind == kindMap || n.kind == kindStruct {
		return serialization("Unrecognized collection type")
	}
	class := classNumber
	switch {
	case it.major == cborString || it.major == cborBytes:
		class = classString
	case it.first == cborTrue || it.first == cborFalse:
		class = classBoolean
	}
	return notConvertible(class, n)
}

// skip reads an item that nobody asks for.
func (d *cborDecoder) skip() error {
	if d.depth++; d.depth > maxDepth {
		return errCBOR
	}
	defer func() { d.depth-- }()
	it, err := d.head()
	if err != nil {
		return err
	}
	switch it.major {
	case cborBytes, cborString:
		_, err = d.bytes(it)
	case cborTag:
		err = d.skip()
	case cborList:
		for err == nil && !d.ended(&it) {
			err = d.skip()
		}
	case cborMap:
		for err == nil && !d.ended(&it) {
			if err = d.skip(); err == nil {
				err = d.skip()
			}
		}
	case cborSimple:
		if it.indefinite {
			err = errCBOR // an end where none is due
		}
	}
	return err
}
