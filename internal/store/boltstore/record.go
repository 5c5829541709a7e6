package boltstore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"gatehouse/internal/store"
)

// Values and batches as bytes. Both begin with a checksum, since bbolt has none
// on its pages: what the disk spoiled is reported, never served.
//
//   - A value is the checksum (CRC-32C of the rest and the key), its revision
//     (8 bytes, big endian) and itself.
//   - A batch is the checksum (of the rest and the revision's key) and,
//     operation after operation, a byte (0 put, 1 delete), the key and, for a
//     put, the value, both with their length before them as a varint.

const (
	opPut    = 0
	opDelete = 1

	sumSize     = 4
	valueHeader = sumSize + 8
)

// seal writes the checksum into the space left for it at the beginning of b.
func seal(b []byte, key string) []byte {
	binary.BigEndian.PutUint32(b, checksum(b[sumSize:], key))
	return b
}

// unseal returns what stands behind the checksum, if that is right.
func unseal(b []byte, key string) ([]byte, error) {
	if len(b) < sumSize || binary.BigEndian.Uint32(b) != checksum(b[sumSize:], key) {
		return nil, fmt.Errorf("the checksum of %q is wrong: %w", key, ErrDamaged)
	}
	return b[sumSize:], nil
}

func checksum(b []byte, key string) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli) // made once by the library
	return crc32.Update(crc32.Checksum(b, table), table, []byte(key))
}

func encodeValue(key string, rev store.Rev, value []byte) []byte {
	b := make([]byte, valueHeader, valueHeader+len(value))
	binary.BigEndian.PutUint64(b[sumSize:], uint64(rev))
	return seal(append(b, value...), key)
}

// decodeValue returns a copy of the value.
func decodeValue(key string, b []byte) (store.Rev, []byte, error) {
	body, err := unseal(b, key)
	if err != nil {
		return 0, nil, err
	}
	if len(body) < 8 {
		return 0, nil, fmt.Errorf("the value of %q has no revision: %w", key, ErrDamaged)
	}
	return decodeRev(body[:8]), bytes.Clone(body[8:]), nil
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

func encodeOps(rev store.Rev, ops []store.Op) []byte {
	b := make([]byte, sumSize, sumSize+size(ops)+8*len(ops))
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
	return seal(b, string(revKey(rev)))
}

func appendText[T string | []byte](b []byte, text T) []byte {
	b = binary.AppendUvarint(b, uint64(len(text)))
	return append(b, text...)
}

// decodeOps is the reverse of encodeOps. It copies nothing: the values are
// parts of b.
func decodeOps(rev store.Rev, b []byte) ([]store.Op, error) {
	b, err := unseal(b, string(revKey(rev)))
	if err != nil {
		return nil, err
	}
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
