// Package boltstore is the store of a single node: one bbolt file.
//
// A [Store] answers a commit when it is on disk. Commits that arrive while
// another is being written wait and are written together, in one transaction
// with one fsync; each has its own revision and its own conditions. Readers
// never see what is not yet on disk.
//
// The file holds three buckets: the current keys, the history (revision to
// operations) and the format. The history is bounded in commits and in bytes;
// watchers are served from the newest part of it in memory and from the file
// when they lag.
//
// A file that is not sound is refused by [Open] with an error that says what
// is wrong with it. [Store.Backup] copies a store that is in use, [Compact]
// gives the free pages of one that is not back to the file system.
package boltstore

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"sync"
	"sync/atomic"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"gatehouse/internal/store"
)

// Errors of Open and of a store whose disk failed.
var (
	ErrLocked  = errors.New("store is in use by another process")
	ErrDamaged = errors.New("store file is damaged")
	ErrFailed  = errors.New("store failed and must be opened again")
)

// Errors of a store that goes on once its operator has done something.
const (
	ErrRemoved = unavailable("store file was removed or replaced while it was open; put it back, or start the server anew")
	ErrNoSpace = unavailable("store has no space left on its disk")
)

// unavailable is an error whose text may be told to everybody.
type unavailable string

func (e unavailable) Error() string { return string(e) }

// Unavailable tells clients why they have to wait.
func (e unavailable) Unavailable() string { return "its " + string(e) }

// Defaults of Options.
const (
	DefaultHistory      = 10_000
	DefaultHistoryBytes = 32 << 20
)

// Options bound what the file may hold. The zero Options are the defaults.
type Options struct {
	History      int   // commits a watcher may lag behind
	HistoryBytes int   // bytes of their keys and values
	MaxFileSize  int64 // a commit that would make the file larger is refused; 0: no limit
}

// The buckets. The rest of the format:
//
//   - keys: key → value with its revision. The bucket's sequence is the
//     revision of the newest commit.
//   - log: revision (8 bytes, big endian) → operations. The bucket's sequence
//     is the number of bytes in it.
//   - meta: "format" → "1".
//
// How values and operations are written stands in record.go.
var (
	bucketKeys = []byte("keys")
	bucketLog  = []byte("log")
	bucketMeta = []byte("meta")
	keyFormat  = []byte("format")
)

const format = "1"

// A Store is a store.Store in a file.
type Store struct {
	opt  Options
	db   *bolt.DB
	lock io.Closer // of the file; held while the store is open
	path string
	file fs.FileInfo // what stood at path when it was opened
	hub  hub
	line queue

	closing sync.Once
	stuck   atomic.Bool // bbolt panicked in a transaction: it can no longer be closed
}

var (
	_ store.Store = (*Store)(nil)
	_ store.Tail  = (*Store)(nil)
)

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, key string) (store.KV, error) {
	if err := ctx.Err(); err != nil {
		return store.KV{}, err
	}
	kv := store.KV{Key: key}
	err := s.view(ctx, func(keys *bolt.Bucket) error {
		v := keys.Get([]byte(key))
		if v == nil {
			return fmt.Errorf("get %s: %w", key, store.ErrNotFound)
		}
		var err error
		kv.Rev, kv.Value, err = decodeValue(key, v)
		return err
	})
	if err != nil {
		return store.KV{}, err
	}
	return kv, nil
}

// List implements store.Store.
func (s *Store) List(ctx context.Context, prefix, from string, limit int) (store.Page, error) {
	if err := ctx.Err(); err != nil {
		return store.Page{}, err
	}
	var page store.Page
	err := s.view(ctx, func(keys *bolt.Bucket) error {
		page.Rev = store.Rev(keys.Sequence())
		below := []byte(prefix)
		c := keys.Cursor()
		for k, v := c.Seek([]byte(max(prefix, from))); k != nil && bytes.HasPrefix(k, below); k, v = c.Next() {
			if limit > 0 && len(page.KVs) == limit {
				page.Next = string(k)
				return nil
			}
			kv := store.KV{Key: string(k)}
			var err error
			if kv.Rev, kv.Value, err = decodeValue(kv.Key, v); err != nil {
				return err
			}
			page.KVs = append(page.KVs, kv)
		}
		return nil
	})
	if err != nil {
		return store.Page{}, err
	}
	return page, nil
}

// Watch implements store.Store.
func (s *Store) Watch(ctx context.Context, prefix string, after store.Rev) iter.Seq2[store.Batch, error] {
	return store.Follow(ctx, s, prefix, after)
}

// Backup writes a copy of the store as of one revision to w, a file that Open
// opens. Commits go on meanwhile; the pages they free are kept until the
// backup ends, so a slow w makes the file grow.
func (s *Store) Backup(ctx context.Context, w io.Writer) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := s.db.View(func(tx *bolt.Tx) error {
		rev := store.Rev(tx.Bucket(bucketKeys).Sequence())
		if err := s.hub.waitDurable(ctx, rev); err != nil {
			return err
		}
		to := &backupWriter{ctx: ctx, w: w}
		_, err := tx.WriteTo(to)
		return cmp.Or(to.err, err)
	})
	if err != nil {
		return fmt.Errorf("back up store: %w", asClosed(err))
	}
	return nil
}

// Close implements store.Store. Commits that were accepted are finished first.
func (s *Store) Close() error {
	var err error
	s.closing.Do(func() {
		s.line.close()
		s.hub.close()
		if !s.stuck.Load() {
			err = s.db.Close()
		}
		err = errors.Join(err, s.lock.Close())
	})
	return err
}

// view runs read in a transaction and returns once all that it has read is on
// disk: a transaction shows a commit as soon as its last page is written, and
// the fsync comes after. Nothing of the transaction's memory may be kept.
func (s *Store) view(ctx context.Context, read func(keys *bolt.Bucket) error) error {
	var rev store.Rev
	err := s.db.View(func(tx *bolt.Tx) error {
		keys := tx.Bucket(bucketKeys)
		rev = store.Rev(keys.Sequence())
		return read(keys)
	})
	if err = asClosed(err); err == store.ErrClosed {
		return err
	}
	if waitErr := s.hub.waitDurable(ctx, rev); waitErr != nil {
		return waitErr
	}
	return err
}

// asClosed turns bbolt's word for a closed store into ours.
func asClosed(err error) error {
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return store.ErrClosed
	}
	return err
}

// A backupWriter stops writing when its context ends, and keeps the error,
// which bbolt turns into text.
type backupWriter struct {
	ctx context.Context
	w   io.Writer
	err error
}

func (w *backupWriter) Write(p []byte) (n int, err error) {
	if w.err = w.ctx.Err(); w.err == nil {
		n, w.err = w.w.Write(p)
	}
	return n, w.err
}
