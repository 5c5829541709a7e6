package awsrpc

import (
	"encoding/binary"
	"math"
	"reflect"
	"strings"
	"time"
)

// The initial bytes of CBOR (RFC 8949): a major type in the upper three bits,
// its argument or how long that is in the others.
const (
	cborUint   = 0 << 5
	cborNegInt = 1 << 5
	cborBytes  = 2 << 5
	cborString = 3 << 5
	cborList   = 4 << 5
	cborMap    = 5 << 5
	cborTag    = 6 << 5
	cborSimple = 7 << 5

	cborIndefinite = 31
	cborFalse      = cborSimple | 20
	cborTrue       = cborSimple | 21
	cborNull       = cborSimple | 22
	cborUndefined  = cborSimple | 23
	cborHalf       = cborSimple | 25
	cborSingle     = cborSimple | 26
	cborDouble     = cborSimple | 27
	cborBreak      = cborSimple | cborIndefinite

	cborEpoch = 1 // the tag of seconds since 1970
)

// cborStruct appends the members of struct v that are not nil.
func cborStruct(b []byte, v reflect.Value, n *node) []byte {
	b = append(b, cborMap|cborIndefinite)
	for i := range n.fields {
		f := &n.fields[i]
		fv := v.Field(f.index)
		switch fv.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			if fv.IsNil() {
				continue
			}
		}
		if f.pointer {
			fv = fv.Elem()
		}
		b = cborValue(cborText(b, f.name), fv, f.value)
	}
	return append(b, cborBreak)
}

func cborValue(b []byte, v reflect.Value, n *node) []byte {
	switch n.kind {
	case kindStruct:
		return cborStruct(b, v, n)
	case kindList:
		b = cborHead(b, cborList, uint64(v.Len()))
		for i := range v.Len() {
			b = cborValue(b, v.Index(i), n.elem)
		}
		return b
	case kindMap:
		b = cborHead(b, cborMap, uint64(v.Len()))
		for it := v.MapRange(); it.Next(); {
			b = cborValue(cborText(b, it.Key().String()), it.Value(), n.elem)
		}
		return b
	case kindString:
		return cborText(b, v.String())
	case kindBool:
		if v.Bool() {
			return append(b, cborTrue)
		}
		return append(b, cborFalse)
	case kindInt32, kindInt64:
		if i := v.Int(); i < 0 {
			return cborHead(b, cborNegInt, uint64(-(i + 1)))
		}
		return cborHead(b, cborUint, uint64(v.Int()))
	case kindTime:
		t := v.Interface().(time.Time)
		return cborFloat(append(b, cborTag|cborEpoch), float64(t.UnixMilli())/1000)
	case kindBlob:
		return append(cborHead(b, cborBytes, uint64(v.Len())), v.Bytes()...)
	}
	return cborFloat(b, v.Float())
}

// cborHead appends a major type with its argument.
func cborHead(b []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n <= math.MaxUint8:
		return append(b, major|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), n)
}

func cborText(b []byte, s string) []byte {
	s = strings.ToValidUTF8(s, "\uFFFD")
	return append(cborHead(b, cborString, uint64(len(s))), s...)
}

func cborFloat(b []byte, x float64) []byte {
	return binary.BigEndian.AppendUint64(append(b, cborDouble), math.Float64bits(x))
}
