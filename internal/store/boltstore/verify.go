package boltstore

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// bbolt trusts its file: on a damaged one it panics, also in goroutines of its
// own, where nobody can recover, or touches memory behind the end of the file.
// So verify reads the file first, without mapping it, and checks all that
// bbolt would rely on: that every page is where it should be, is used once,
// and holds what it says in order. It does not change anything.
//
// The format is bbolt's version 2, in the byte order of the machine. A page
// begins with its id (8 bytes), flags (2), count (2) and the number of pages
// it goes on for (4); then come count elements of 16 bytes, then their keys
// and values.
const (
	boltMagic    = 0xED0CDAED
	boltVersion  = 2
	pageHeader   = 16
	elementSize  = 16
	metaSize     = 64
	flagBranch   = 1
	flagLeaf     = 2
	flagBucket   = 1 // of a leaf's element
	bucketHeader = 16
	minPageSize  = 1 << 10
	maxPageSize  = 16 << 20
)

// A boltMeta is what a meta page says.
type boltMeta struct {
	pageSize uint64
	root     uint64 // page of the root bucket
	high     uint64 // the first page not in use
	txid     uint64
}

// verify returns an ErrDamaged that says where, or nil.
func verify(path string) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return err
	}
	meta, err := readMeta(f, info.Size())
	if err != nil {
		return err
	}
	v := &verifier{f: f, meta: meta, used: make([]atomic.Uint64, meta.high/64+1)}
	v.others.SetLimit(runtime.GOMAXPROCS(0))
	return cmp.Or(v.tree(span{page: meta.root}, true), v.others.Wait())
}

// readMeta returns the newer of the two meta pages that is sound: a crash in
// the middle of a commit may spoil one.
func readMeta(f io.ReaderAt, size int64) (boltMeta, error) {
	newest, ok := metaAt(f, 0)
	sizes := []uint64{newest.pageSize}
	if !ok {
		sizes = nil
		for s := uint64(minPageSize); s <= maxPageSize; s *= 2 {
			sizes = append(sizes, s)
		}
	}
	for _, s := range sizes {
		if second, sound := metaAt(f, int64(s)); sound && second.pageSize == s && (!ok || second.txid > newest.txid) {
			newest, ok = second, true
		}
	}
	if !ok {
		return boltMeta{}, fmt.Errorf("neither of its two meta pages is sound: %w", ErrDamaged)
	}
	if newest.high < 2 || newest.high > uint64(size)/newest.pageSize {
		return boltMeta{}, fmt.Errorf("it should have %d pages of %d bytes, but has %d bytes: %w", newest.high, newest.pageSize, size, ErrDamaged)
	}
	return newest, nil
}

func metaAt(f io.ReaderAt, offset int64) (boltMeta, bool) {
	var b [pageHeader + metaSize]byte
	if _, err := f.ReadAt(b[:], offset); err != nil {
		return boltMeta{}, false
	}
	m := b[pageHeader:]
	sum := fnv.New64a()
	_, _ = sum.Write(m[:metaSize-8]) // never fails
	u32, u64 := binary.NativeEndian.Uint32, binary.NativeEndian.Uint64
	pageSize := uint64(u32(m[8:]))
	if u32(m) != boltMagic || u32(m[4:]) != boltVersion || u64(m[56:]) != sum.Sum64() ||
		pageSize < minPageSize || pageSize > maxPageSize || pageSize&(pageSize-1) != 0 {
		return boltMeta{}, false
	}
	return boltMeta{pageSize: pageSize, root: u64(m[16:]), high: u64(m[40:]), txid: u64(m[48:])}, true
}

// A verifier walks the pages of a file, in as many goroutines as there are
// processors.
type verifier struct {
	f      io.ReaderAt
	meta   boltMeta
	used   []atomic.Uint64 // a bit for each page
	others errgroup.Group  // that walk parts of the trees
}

// A span is a page to be read, and the keys it may hold: from min, and below
// max if that is not nil.
type span struct {
	page     uint64
	min, max []byte
}

// tree checks the pages from a root on down. The leaves of the root tree hold
// buckets, and nothing but; those of a bucket hold none.
func (v *verifier) tree(root span, buckets bool) error {
	var buf []byte
	todo := []span{root}
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		page, err := v.read(at.page, &buf)
		if err != nil {
			return err
		}
		if binary.NativeEndian.Uint16(page[8:]) == flagBranch {
			children, err := branch(page, at)
			if err != nil {
				return damage(at.page, err)
			}
			for _, child := range children {
				if !v.others.TryGo(func() error { return v.tree(child, buckets) }) {
					todo = append(todo, child)
				}
			}
			continue
		}
		roots, err := leaf(page, at, buckets)
		if err != nil {
			return damage(at.page, err)
		}
		for _, root := range roots {
			if err := v.tree(span{page: root}, false); err != nil {
				return err
			}
		}
	}
	return nil
}

func damage(page uint64, err error) error {
	return fmt.Errorf("page %d: %w: %w", page, err, ErrDamaged)
}

// read returns a page with those it goes on for, valid until buf is used again.
func (v *verifier) read(id uint64, buf *[]byte) ([]byte, error) {
	if id < 2 || id >= v.meta.high {
		return nil, damage(id, errors.New("is named but outside of the file"))
	}
	page, err := v.readAt(id, v.meta.pageSize, buf)
	if err != nil {
		return nil, err
	}
	if got := binary.NativeEndian.Uint64(page); got != id {
		return nil, damage(id, fmt.Errorf("says it is page %d", got))
	}
	more := uint64(binary.NativeEndian.Uint32(page[12:]))
	if more >= v.meta.high-id {
		return nil, damage(id, fmt.Errorf("goes on for %d pages, beyond the file", more))
	}
	for i := id; i <= id+more; i++ {
		if bit := uint64(1) << (i % 64); v.used[i/64].Or(bit)&bit != 0 {
			return nil, damage(i, errors.New("is used twice"))
		}
	}
	if more == 0 {
		return page, nil
	}
	return v.readAt(id, (more+1)*v.meta.pageSize, buf)
}

func (v *verifier) readAt(id, n uint64, buf *[]byte) ([]byte, error) {
	if uint64(cap(*buf)) < n {
		*buf = make([]byte, n)
	}
	b := (*buf)[:n]
	if _, err := v.f.ReadAt(b, int64(id*v.meta.pageSize)); err != nil {
		return nil, fmt.Errorf("read page %d: %w", id, err)
	}
	return b, nil
}

// branch checks a branch page and returns its children.
func branch(page []byte, at span) ([]span, error) {
	count := int(binary.NativeEndian.Uint16(page[10:]))
	if count == 0 || pageHeader+count*elementSize > len(page) {
		return nil, fmt.Errorf("branch cannot have %d children", count)
	}
	children := make([]span, count)
	for i := range children {
		e := page[pageHeader+i*elementSize:]
		pos, ksize := binary.NativeEndian.Uint32(e), binary.NativeEndian.Uint32(e[4:])
		key, ok := cut(e, pos, ksize)
		if !ok {
			return nil, fmt.Errorf("key of child %d lies outside of it", i)
		}
		children[i] = span{page: binary.NativeEndian.Uint64(e[8:]), min: bytes.Clone(key), max: at.max}
		last := at.min
		if i > 0 {
			last = children[i-1].min
			children[i-1].max = children[i].min
		}
		if !inOrder(last, key, at.max, i == 0) {
			return nil, fmt.Errorf("child %d is out of order", i)
		}
	}
	return children, nil
}

// leaf checks a leaf page and returns the root pages of the buckets in it.
func leaf(page []byte, at span, buckets bool) (roots []uint64, err error) {
	if flags := binary.NativeEndian.Uint16(page[8:]); flags != flagLeaf {
		return nil, fmt.Errorf("is neither branch nor leaf (%#x)", flags)
	}
	count := int(binary.NativeEndian.Uint16(page[10:]))
	if pageHeader+count*elementSize > len(page) {
		return nil, fmt.Errorf("leaf cannot have %d elements", count)
	}
	last := at.min
	for i := range count {
		e := page[pageHeader+i*elementSize:]
		u32 := binary.NativeEndian.Uint32
		flags, pos, ksize, vsize := u32(e), u32(e[4:]), u32(e[8:]), u32(e[12:])
		key, keyOK := cut(e, pos, ksize)
		value, valueOK := cut(e, pos+ksize, vsize)
		if !keyOK || !valueOK || pos+ksize < pos {
			return nil, fmt.Errorf("element %d lies outside of it", i)
		}
		if !inOrder(last, key, at.max, i == 0) {
			return nil, fmt.Errorf("element %d is out of order", i)
		}
		last = key
		if flags&^flagBucket != 0 || (flags == flagBucket) != buckets {
			return nil, fmt.Errorf("element %d has the flags %#x", i, flags)
		}
		if !buckets {
			continue
		}
		root, err := bucket(value)
		if err != nil {
			return nil, fmt.Errorf("bucket %q: %w", key, err)
		}
		if root != 0 {
			roots = append(roots, root)
		}
	}
	return roots, nil
}

// bucket returns the root page of a bucket, or 0 if it is so small that it
// stands in the value itself: then that is checked.
func bucket(value []byte) (root uint64, err error) {
	if len(value) < bucketHeader {
		return 0, fmt.Errorf("has a header of %d bytes", len(value))
	}
	if root := binary.NativeEndian.Uint64(value); root != 0 {
		return root, nil
	}
	if len(value) < bucketHeader+pageHeader {
		return 0, fmt.Errorf("has an inner page of %d bytes", len(value)-bucketHeader)
	}
	_, err = leaf(value[bucketHeader:], span{}, false)
	return 0, err
}

// cut returns n bytes at pos of b.
func cut(b []byte, pos, n uint32) ([]byte, bool) {
	if uint64(pos)+uint64(n) > uint64(len(b)) {
		return nil, false
	}
	return b[pos : pos+n], true
}

// inOrder tells whether key may follow last and is below max. The first key of
// a page may be the one its parent has for the page.
func inOrder(last, key, max []byte, first bool) bool {
	c := bytes.Compare(last, key)
	return (c < 0 || c == 0 && first) && (max == nil || bytes.Compare(key, max) < 0)
}
