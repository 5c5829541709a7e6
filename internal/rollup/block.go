package rollup

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// A block is a file that holds the points of one hour: a header, the sources'
// hours in the order of the hashes of their ids, each with a checksum, and an
// index of where each is, which is searched in place.
//
//	header  8 bytes
//	hours   each: checksum (4 bytes), points
//	index   each: hash of the id (8), offset (8), length (4)
//	footer  offset of the index (8), entries (4), checksum of the index (4)
type block struct {
	hour int64
	seq  uint64 // of the last sample it may hold
	size int64
	path string
}

const (
	blockHeader = "GHROLL1\n"
	indexEntry  = 8 + 8 + 4
	footerSize  = 8 + 4 + 4
	blockSuffix = ".block"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// name is the file of a block. Its parts order blocks.
func (b *block) name() string { return fmt.Sprintf("%012d-%020d%s", b.hour, b.seq, blockSuffix) }

// parseBlock is the block of a file's name.
func parseBlock(name string) (*block, bool) {
	stem, ok := strings.CutSuffix(name, blockSuffix)
	hour, seq, ok2 := strings.Cut(stem, "-")
	h, err := strconv.ParseInt(hour, 10, 64)
	s, err2 := strconv.ParseUint(seq, 10, 64)
	return &block{hour: h, seq: s}, ok && ok2 && err == nil && err2 == nil
}

// A blockWriter writes a block. Hours must come in the order of their hashes.
type blockWriter struct {
	f     *os.File
	w     *bufio.Writer
	at    int64
	index []byte
	buf   []byte
}

func newBlockWriter(path string) (*blockWriter, error) {
	f, err := createIn(filepath.Dir(path), filepath.Base(path))
	if err != nil {
		return nil, err
	}
	w := &blockWriter{f: f, w: bufio.NewWriterSize(f, 1<<16), at: int64(len(blockHeader))}
	_, err = w.w.WriteString(blockHeader)
	return w, err
}

// add writes the hour of a source.
func (w *blockWriter) add(hash uint64, id string, h hour) error {
	w.buf = appendHour(append(w.buf[:0], 0, 0, 0, 0), id, h)
	binary.BigEndian.PutUint32(w.buf, crc32.Checksum(w.buf[4:], castagnoli))
	w.index = binary.BigEndian.AppendUint64(w.index, hash)
	w.index = binary.BigEndian.AppendUint64(w.index, uint64(w.at))
	w.index = binary.BigEndian.AppendUint32(w.index, uint32(len(w.buf)))
	w.at += int64(len(w.buf))
	_, err := w.w.Write(w.buf)
	return err
}

// close ends the file and makes it durable. It returns its size.
func (w *blockWriter) close() (int64, error) {
	footer := binary.BigEndian.AppendUint64(nil, uint64(w.at))
	footer = binary.BigEndian.AppendUint32(footer, uint32(len(w.index)/indexEntry))
	footer = binary.BigEndian.AppendUint32(footer, crc32.Checksum(w.index, castagnoli))
	_, err := w.w.Write(w.index)
	_, err2 := w.w.Write(footer)
	err = cmp.Or(err, err2, w.w.Flush(), w.f.Sync())
	return w.at + int64(len(w.index)+len(footer)), cmp.Or(err, w.f.Close())
}

// abort gives up the file.
func (w *blockWriter) abort() {
	_ = w.f.Close()
	_ = os.Remove(w.f.Name())
}

// A blockReader reads a block that is open.
type blockReader struct {
	f       *os.File
	index   int64 // offset
	entries int
	sum     uint32
}

func (b *block) open() (*blockReader, error) {
	f, err := os.Open(b.path)
	if err != nil {
		return nil, err
	}
	r := &blockReader{f: f}
	var footer [footerSize]byte
	var head [len(blockHeader)]byte
	info, err := f.Stat()
	if err == nil && info.Size() < int64(len(blockHeader)+footerSize) {
		err = errDamaged
	}
	if err == nil {
		_, err = f.ReadAt(footer[:], info.Size()-footerSize)
	}
	if err == nil {
		_, err = f.ReadAt(head[:], 0)
	}
	if err == nil {
		r.index = int64(binary.BigEndian.Uint64(footer[:]))
		r.entries = int(binary.BigEndian.Uint32(footer[8:]))
		r.sum = binary.BigEndian.Uint32(footer[12:])
		if string(head[:]) != blockHeader || r.index < 0 || r.index+int64(r.entries)*indexEntry+footerSize != info.Size() {
			err = errDamaged
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%s: %w", filepath.Base(b.path), err)
	}
	return r, nil
}

func (r *blockReader) close() { _ = r.f.Close() }

// A span is where the hour of a source is.
type span struct {
	hash   uint64
	offset int64
	length int
}

func parseSpan(b []byte) span {
	return span{binary.BigEndian.Uint64(b), int64(binary.BigEndian.Uint64(b[8:])), int(binary.BigEndian.Uint32(b[16:]))}
}

// read reads the hour at s.
func (r *blockReader) read(s span, buf []byte) ([]byte, error) {
	if s.length < 4 || s.offset < 0 || s.offset+int64(s.length) > r.index {
		return nil, errDamaged
	}
	buf = slices.Grow(buf[:0], s.length)[:s.length]
	if _, err := r.f.ReadAt(buf, s.offset); err != nil {
		return nil, err
	}
	if binary.BigEndian.Uint32(buf) != crc32.Checksum(buf[4:], castagnoli) {
		return nil, errDamaged
	}
	return buf[4:], nil
}

// find calls each for the points of a source.
func (r *blockReader) find(hash uint64, id string, each func(m Metric, minute byte, p *Point)) error {
	var b [indexEntry]byte
	at := func(i int) (span, error) {
		_, err := r.f.ReadAt(b[:], r.index+int64(i)*indexEntry)
		return parseSpan(b[:]), err
	}
	lo, hi := 0, r.entries
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		s, err := at(mid)
		if err != nil {
			return err
		}
		if s.hash < hash {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	for ; lo < r.entries; lo++ { // several, if hashes clash
		s, err := at(lo)
		if err != nil || s.hash != hash {
			return err
		}
		buf, err := r.read(s, nil)
		if err != nil {
			return err
		}
		if own := appendText(nil, id); !bytes.HasPrefix(buf, own) {
			continue
		}
		_, err = readHour(buf, each)
		return err
	}
	return nil
}

// spans reads the whole index.
func (r *blockReader) spans() ([]span, error) {
	b := make([]byte, r.entries*indexEntry)
	if _, err := r.f.ReadAt(b, r.index); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if crc32.Checksum(b, castagnoli) != r.sum {
		return nil, errDamaged
	}
	list := make([]span, r.entries)
	for i := range list {
		list[i] = parseSpan(b[i*indexEntry:])
	}
	return list, nil
}

func hashOf(id string) uint64 { return xxhash.Sum64String(id) }
