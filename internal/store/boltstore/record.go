package boltstore

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"gatehouse/internal/store"
)

// Values and batches as bytes. A value is its revision and itself. A batch is,
// operation after operation, a byte (0 put, 1 delete), the key and, for a put,
// the value, both with their length before them as a varint.

const (
	opPut    = 0
	opDelete = 1
)

func encodeValue(rev store.Rev, value []byte) []byte {
	b := make([]byte, 8, 8+len(value))
	binary.BigEndian.PutUint64(b, uint64(rev))
	return append(b, value...)
}

// decodeValue returns a copy of the value.
func decodeValue(b []byte) (store.Rev, []byte, error) {
	if len(b) < 8 {
		return 0, nil, fmt.Errorf("value of %d bytes has no revision: %w", len(b), ErrDamaged)
	}
	return store.Rev(binary.BigEndian.Uint64(b)), bytes.Clone(b[8:]), nil
}

// revKey is the key of a revision in the log.
func revKey(rev store.Rev) []byte { return binary.BigEndian.AppendUint64(nil, uint64(rev)) }

// decodeRev is the reverse of revKey; what is no revision is 0.
func decodeRev(k []byte) store.Rev {
	if len(k) != 8 {
		return 0
	}
	return store.Rev(binary.BigEndian.Uint64(k))
}

func encodeOps(ops []store.Op) []byte {
	var b []byte
	for _, op := range ops {
		if op.Delete {
			b = append(b, opDelete)
			b = appendText(b, op.Key)
			continue
		}
		b = append(b, opPut)
		b = appendText(b, op.Key)
		b = appendText(b, op.Value)
	}
	return b
}

func appendText[T string | []byte](b []byte, text T) []byte {
	b = binary.AppendUvarint(b, uint64(len(text)))
	return append(b, text...)
}

// decodeOps is the reverse of encodeOps. It copies nothing: the values are
// parts of b.
func decodeOps(b []byte) ([]store.Op, error) {
	var ops []store.Op
	for len(b) > 0 {
		kind := b[0]
		key, rest, ok := cutText(b[1:])
		if !ok || kind > opDelete {
			return nil, fmt.Errorf("operation %d of a commit cannot be read: %w", len(ops), ErrDamaged)
		}
		op := store.Op{Key: string(key), Delete: kind == opDelete}
		if kind == opPut {
			if op.Value, rest, ok = cutText(rest); !ok {
				return nil, fmt.Errorf("value of %q in a commit cannot be read: %w", op.Key, ErrDamaged)
			}
		}
		ops = append(ops, op)
		b = rest
	}
	return ops, nil
}

func cutText(b []byte) (text, rest []byte, ok bool) {
	n, width := binary.Uvarint(b)
	if width <= 0 || n > uint64(len(b)-width) {
		return nil, nil, false
	}
	end := width + int(n)
	return b[width:end:end], b[end:], true
}
