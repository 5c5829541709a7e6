package boltstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"gatehouse/internal/store"
)

const (
	lockWait = time.Second // for another process to let go of the file
	fileMode = 0o600

	// mapSize is the address space reserved for the file. Up to this size the
	// file grows without a remapping, which would have to wait for readers.
	mapSize = 256 << 20

	// growStep is by how much the file grows at a time.
	growStep = 1 << 20

	// A file larger than compactSize of which more than half is free is
	// compacted by Open.
	compactSize = 16 << 20
)

// Open opens the store in the file at path, and makes one if there is none; its
// folder must exist. A file path + ".lock" beside it stays locked while the
// store is open.
//
// ErrLocked: another process holds it. ErrDamaged: the file is not sound.
func Open(path string, opt Options) (*Store, error) {
	if opt.History <= 0 {
		opt.History = DefaultHistory
	}
	if opt.HistoryBytes <= 0 {
		opt.HistoryBytes = DefaultHistoryBytes
	}
	s := &Store{opt: opt, path: path}
	lock, err := lockFile(path + ".lock")
	if err == nil {
		s.lock = lock
		if err = s.open(path); err != nil {
			err = errors.Join(err, lock.Close())
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	return s, nil
}

// open does the work of Open, with the lock held.
func (s *Store) open(path string) error {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = create(path)
	}
	if err != nil {
		return err
	}
	if err := verify(path); err != nil {
		return err
	}
	if s.db, err = openBolt(path, s.opt); err != nil {
		return err
	}
	if stats := s.db.Stats(); mostlyFree(path, int64(stats.FreePageN)*int64(s.db.Info().PageSize)) {
		if err := s.db.Close(); err != nil {
			return err
		}
		if err := compact(path); err != nil {
			return fmt.Errorf("compact: %w", err)
		}
		if s.db, err = openBolt(path, s.opt); err != nil {
			return err
		}
	}
	var rev store.Rev
	err = s.db.View(func(tx *bolt.Tx) (err error) { rev, err = checkFormat(tx); return err })
	if err == nil {
		s.file, err = os.Stat(path)
	}
	if err != nil {
		return errors.Join(err, s.db.Close())
	}
	s.hub.init(rev)
	return nil
}

// checkFormat checks that the file holds what this version understands, and
// returns its newest revision.
func checkFormat(tx *bolt.Tx) (store.Rev, error) {
	meta, keys, log := tx.Bucket(bucketMeta), tx.Bucket(bucketKeys), tx.Bucket(bucketLog)
	if meta == nil || keys == nil || log == nil {
		return 0, errors.New("it is a bbolt file, but not a store")
	}
	if got := string(meta.Get(keyFormat)); got != format {
		return 0, fmt.Errorf("it has format %q, this version reads %q", got, format)
	}
	rev := store.Rev(keys.Sequence())
	last, _ := log.Cursor().Last()
	if decodeRev(last) != rev {
		return 0, fmt.Errorf("its history ends at revision %d, its keys at %d: %w", decodeRev(last), rev, ErrDamaged)
	}
	return rev, nil
}

// create makes an empty store under another name and moves it to its place, so
// that a file at path is always whole.
func create(path string) error {
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	db, err := openBolt(fresh, Options{})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range [][]byte{bucketKeys, bucketLog, bucketMeta} {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		return tx.Bucket(bucketMeta).Put(keyFormat, []byte(format))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	return moveIntoPlace(fresh, path)
}

// moveIntoPlace makes the file at from, which is on disk, the one at to.
func moveIntoPlace(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(to))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// openBolt opens a file that verify found sound. Whatever bbolt still panics
// about becomes an error.
func openBolt(path string, opt Options) (db *bolt.DB, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", ErrDamaged, r)
		}
	}()
	db, err = bolt.Open(path, fileMode, &bolt.Options{
		Timeout:         lockWait,
		NoFreelistSync:  true,
		FreelistType:    bolt.FreelistMapType,
		InitialMmapSize: mapSize,
		MaxSize:         int(opt.MaxFileSize),
	})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, ErrLocked
	}
	if err != nil {
		return nil, err
	}
	db.AllocSize = growStep
	return db, nil
}

// mostlyFree tells whether compacting the file at path is worth it.
func mostlyFree(path string, free int64) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() > compactSize && free > info.Size()/2
}

// Compact rewrites the store in the file at path, which must not be in use, so
// that it takes no more room than it needs.
func Compact(path string) error {
	lock, err := lockFile(path + ".lock")
	if err == nil {
		if err = verify(path); err == nil {
			err = compact(path)
		}
		err = errors.Join(err, lock.Close())
	}
	if err != nil {
		return fmt.Errorf("compact store %s: %w", path, err)
	}
	return nil
}

// compact does the work of Compact, with the lock held, on a sound file.
func compact(path string) error {
	small := path + ".compact"
	if err := os.Remove(small); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	src, err := openBolt(path, Options{})
	if err != nil {
		return err
	}
	defer func() { _ = src.Close() }() // only read
	dst, err := openBolt(small, Options{})
	if err != nil {
		return err
	}
	dst.NoSync = true // until the end
	dst.AllocSize = 64 << 10
	err = bolt.Compact(dst, src, 1<<20)
	if err == nil {
		err = dst.Sync()
	}
	if err := errors.Join(err, dst.Close()); err != nil {
		return errors.Join(err, os.Remove(small))
	}
	return moveIntoPlace(small, path)
}
