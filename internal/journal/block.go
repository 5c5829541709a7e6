package journal

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"github.com/klauspost/compress/s2"
)

// A block on disk is a header and a payload. The header:
//
//	 0 magic         4
//	 4 checksum      4  of what follows in the header
//	 8 codec         1
//	12 payload size  4
//	16 meta size     4  before compression
//	20 text size     4  before compression
//	24 checksum      4  of the payload
//	28 count         4
//	32 first number  8
//	40 least time    8
//	48 greatest time 8
//	56 sources       8  bit source%64 of each entry
//	64 time before   8  which the first entry's time is told from
const (
	headerSize = 72
	blockMagic = 0x314A4847 // GHJ1
)

// How a payload is written.
const (
	codecPlain = 0
	codecS2    = 1
)

// maxBlock bounds the sizes that a header may tell.
const maxBlock = 8 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errDamaged says that a block is not as it was written.
var errDamaged = errors.New("damaged block")

// A header is what stands before a block.
type header struct {
	codec      byte
	payload    int
	meta, text int
	sum        uint32
	count      int
	first      uint64
	min, max   int64
	sources    uint64
	prev       int64
}

func (h *header) append(dst []byte) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, headerSize)...)
	b := dst[at:]
	le := binary.LittleEndian
	le.PutUint32(b, blockMagic)
	b[8] = h.codec
	le.PutUint32(b[12:], uint32(h.payload))
	le.PutUint32(b[16:], uint32(h.meta))
	le.PutUint32(b[20:], uint32(h.text))
	le.PutUint32(b[24:], h.sum)
	le.PutUint32(b[28:], uint32(h.count))
	le.PutUint64(b[32:], h.first)
	le.PutUint64(b[40:], uint64(h.min))
	le.PutUint64(b[48:], uint64(h.max))
	le.PutUint64(b[56:], h.sources)
	le.PutUint64(b[64:], uint64(h.prev))
	le.PutUint32(b[4:], crc32.Checksum(b[8:], castagnoli))
	return dst
}

// parseHeader reads a header; false: there is none.
func parseHeader(b []byte) (header, bool) {
	le := binary.LittleEndian
	if len(b) < headerSize || le.Uint32(b) != blockMagic || le.Uint32(b[4:]) != crc32.Checksum(b[8:headerSize], castagnoli) {
		return header{}, false
	}
	h := header{
		codec: b[8], payload: int(le.Uint32(b[12:])), meta: int(le.Uint32(b[16:])), text: int(le.Uint32(b[20:])),
		sum: le.Uint32(b[24:]), count: int(le.Uint32(b[28:])), first: le.Uint64(b[32:]),
		min: int64(le.Uint64(b[40:])), max: int64(le.Uint64(b[48:])), sources: le.Uint64(b[56:]), prev: int64(le.Uint64(b[64:])),
	}
	return h, h.payload <= maxBlock && h.meta+h.text <= maxBlock
}

// A room is memory to make a block in, to be used again.
type room struct{ raw, block []byte }

// mostRoom bounds what is kept of a room: a block is larger if an entry is.
const mostRoom = 1 << 20

// write makes b as it stands on disk. The block is valid until the next one is
// made in the same room.
//
// EncodeBetter, which also fits, makes access logs a fiftieth smaller, and takes
// four times as long.
func (r *room) write(b *batch, codec byte) []byte {
	size := b.size()
	if codec == codecS2 {
		r.raw = append(append(r.raw[:0], b.meta...), b.text...)
		size = s2.MaxEncodedLen(size)
	}
	if cap(r.block) < headerSize+size {
		r.block = make([]byte, headerSize+size)
	}
	payload := r.block[headerSize:headerSize:cap(r.block)]
	if codec == codecS2 {
		payload = s2.Encode(payload[:cap(payload)], r.raw)
	} else {
		payload = append(append(payload, b.meta...), b.text...)
	}
	h := header{
		codec: codec, payload: len(payload), meta: len(b.meta), text: len(b.text), sum: crc32.Checksum(payload, castagnoli),
		count: b.count, first: b.first, min: b.min, max: b.max, sources: b.sources, prev: b.start,
	}
	h.append(r.block[:0]) // has room before the payload
	return r.block[:headerSize+len(payload)]
}

// takeRoom returns a room for one block, which giveRoom takes back.
func (s *Set) takeRoom() *room {
	if r, ok := s.rooms.Get().(*room); ok {
		return r
	}
	return new(room)
}

func (s *Set) giveRoom(r *room) {
	if cap(r.raw)+cap(r.block) <= mostRoom {
		s.rooms.Put(r)
	}
}

// decode checks a payload and returns the block. The batch stands in buf, which
// it returns for the next time.
func (h *header) decode(payload, buf []byte) (batch, []byte, error) {
	if crc32.Checksum(payload, castagnoli) != h.sum {
		return batch{}, buf, errDamaged
	}
	raw := payload
	if h.codec == codecS2 {
		n, err := s2.DecodedLen(payload)
		if err != nil || n != h.meta+h.text {
			return batch{}, buf, errDamaged
		}
		if cap(buf) < n {
			buf = make([]byte, n)
		}
		if raw, err = s2.Decode(buf[:n], payload); err != nil {
			return batch{}, buf, errDamaged
		}
	}
	if len(raw) != h.meta+h.text || h.codec > codecS2 {
		return batch{}, buf, errDamaged
	}
	return batch{
		first: h.first, count: h.count, min: h.min, max: h.max, sources: h.sources, start: h.prev,
		meta: raw[:h.meta:h.meta], text: raw[h.meta:],
	}, buf, nil
}

// each calls visit with every entry of b, until visit returns false. Texts stand
// in b. It returns errDamaged when b is not what it says it is.
func (b *batch) each(visit func(e *Entry) bool) error {
	e := Entry{Seq: b.first - 1, Time: b.start}
	meta, text := b.meta, b.text
	for range b.count {
		e.Seq++
		dt, n := binary.Varint(meta)
		ds, m := binary.Varint(meta[max(n, 0):])
		if n <= 0 || m <= 0 {
			return errDamaged
		}
		meta = meta[n+m:]
		source, n := binary.Uvarint(meta)
		size, m := binary.Uvarint(meta[max(n, 0):])
		if n <= 0 || m <= 0 || size > uint64(len(text)) {
			return errDamaged
		}
		meta = meta[n+m:]
		e.Time += dt
		e.Stored, e.Source, e.Text = e.Time+ds, uint32(source), text[:size:size]
		text = text[size:]
		if !visit(&e) {
			return nil
		}
	}
	return nil
}
