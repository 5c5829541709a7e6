package function

import (
	"hash/maphash"
	"io/fs"
	"path/filepath"
	"sync"
	"time"
)

// A signature tells one state of a directory from another. Zero is that of
// code that is not watched.
type signature uint64

// codes remembers the state of watched directories for a moment, so that a
// busy function does not have its files looked at for each invocation.
type codes struct {
	seed maphash.Seed

	mu   sync.Mutex // guards the fields below; held while a directory is read
	seen map[string]seenCode
}

type seenCode struct {
	sig signature
	at  time.Time
}

const (
	lookEvery    = 300 * time.Millisecond
	maxFilesSeen = 20_000 // of one directory; beyond that, changes are not noticed
)

// of returns the signature of a version's code.
func (l *codes) of(v *Version) signature {
	if !v.Watch {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if s, ok := l.seen[v.Code]; ok && now.Sub(s.at) < lookEvery {
		return s.sig
	}
	if l.seen == nil {
		l.seen, l.seed = make(map[string]seenCode), maphash.MakeSeed()
	}
	s := seenCode{sig: l.read(v.Code), at: time.Now()}
	l.seen[v.Code] = s
	return s.sig
}

// read hashes names, sizes and times of the files below dir.
func (l *codes) read(dir string) signature {
	var h maphash.Hash
	h.SetSeed(l.seed)
	n := 0
	// A file that is being replaced is not there for a moment: what is read
	// then differs from what comes after, which is all that is asked.
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // see above
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "__pycache__" || d.Name() == ".git") {
			return filepath.SkipDir
		}
		if n++; n > maxFilesSeen {
			return filepath.SkipAll
		}
		if st, err := d.Info(); err == nil && !d.IsDir() {
			maphash.WriteComparable(&h, path)
			maphash.WriteComparable(&h, st.Size())
			maphash.WriteComparable(&h, st.ModTime().UnixNano())
		}
		return nil
	})
	return signature(h.Sum64() | 1)
}
