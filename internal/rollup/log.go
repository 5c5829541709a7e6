package rollup

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A samples log is what was put and is not in blocks yet, in files called after
// the number of their first record. A record is
//
//	length (4 bytes), checksum (4 bytes), number, samples
//
// and goes to the file in one write. Where a record is damaged, the rest of its
// file is lost.
type samplesLog struct {
	dir  string
	f    *os.File // nil: the next record begins a file
	size int64    // of f
	all  int64    // of all files that there are
	buf  []byte
}

const (
	logSuffix = ".log"
	// mostRecord is more than any record has: who reads a longer length reads
	// nonsense.
	mostRecord = 64 << 20
)

// append writes a record of samples. Of one that cannot be written nothing
// stays.
func (l *samplesLog) append(seq uint64, samples []Sample) error {
	if l.f == nil {
		f, err := createIn(l.dir, fmt.Sprintf("%020d%s", seq, logSuffix))
		if err != nil {
			return err
		}
		l.f, l.size = f, 0
	}
	b := append(l.buf[:0], 0, 0, 0, 0, 0, 0, 0, 0)
	b = binary.AppendUvarint(b, seq)
	for i := range samples {
		b = appendSample(b, &samples[i])
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)-8))
	binary.BigEndian.PutUint32(b[4:], crc32.Checksum(b[8:], castagnoli))
	if l.buf = b; cap(b) > 1<<20 {
		l.buf = nil
	}
	if len(b) > mostRecord {
		return fmt.Errorf("%d bytes of samples at once", len(b))
	}
	n, err := l.f.Write(b)
	if err != nil {
		if n > 0 && l.f.Truncate(l.size) != nil {
			l.rotate() // what comes after is in a file of its own
		} else if _, seekErr := l.f.Seek(l.size, io.SeekStart); seekErr != nil {
			l.rotate()
		}
		return err
	}
	l.size += int64(n)
	l.all += int64(n)
	return nil
}

// gone tells whether the file was taken away: what is written to it no start
// would find.
func (l *samplesLog) gone() bool {
	if l.f == nil {
		return false
	}
	is, err := os.Stat(l.f.Name())
	was, err2 := l.f.Stat()
	return errors.Is(err, fs.ErrNotExist) || err == nil && err2 == nil && !os.SameFile(is, was)
}

// createIn makes a file, and its directory if that was taken away.
func createIn(dir, name string) (*os.File, error) {
	const flags = os.O_CREATE | os.O_TRUNC | os.O_WRONLY
	f, err := os.OpenFile(filepath.Join(dir, name), flags, 0o600)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(filepath.Join(dir, name), flags, 0o600)
}

// rotate ends the file, so that the next record begins one.
func (l *samplesLog) rotate() {
	if l.f != nil {
		_ = l.f.Close() // what matters was synced or is not promised
		l.f = nil
	}
}

// appendSample appends a sample. Before the id of one that counts against the limit
// of series stands an empty text, which is no id.
func appendSample(b []byte, s *Sample) []byte {
	if !s.Ours {
		b = appendText(b, "")
	}
	b = appendText(b, s.Source.id())
	b = binary.AppendVarint(b, minuteOf(s.At))
	b = binary.AppendUvarint(b, uint64(len(s.Values)))
	for i := range s.Values {
		v := &s.Values[i]
		b = appendPoint(appendText(appendText(b, v.Metric.Name), v.Metric.Unit), &v.Point)
	}
	return b
}

func (r *reader) sample() (Sample, error) {
	id := r.text()
	ours := id != ""
	if !ours {
		id = r.text()
	}
	s := Sample{At: time.Unix(r.varint()*60, 0), Ours: ours}
	n := r.uvarint()
	if n > uint64(len(r.b)) || r.err != nil {
		return s, errDamaged
	}
	src, err := parseID(id)
	if err != nil {
		return s, err
	}
	s.Source = &src
	for range n {
		s.Values = append(s.Values, Value{Metric{r.text(), r.text()}, r.point()})
	}
	return s, r.err
}

// logFiles are the numbers of the files of a directory, in order, with their
// sizes.
func logFiles(dir string) (first []uint64, size int64, err error) {
	entries, err := os.ReadDir(dir) // sorted, and the numbers have one length
	if err != nil {
		return nil, 0, err
	}
	for _, e := range entries {
		stem, ok := strings.CutSuffix(e.Name(), logSuffix)
		n, err := strconv.ParseUint(stem, 10, 64)
		if !ok || err != nil {
			continue
		}
		first = append(first, n)
		if info, err := e.Info(); err == nil {
			size += info.Size()
		}
	}
	return first, size, nil
}

// replay reads a file of the log, as far as it is whole.
func replay(path string, each func(seq uint64, s *Sample)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	in := bufio.NewReaderSize(f, 1<<16)
	var head [8]byte
	var body []byte
	for {
		if _, err := io.ReadFull(in, head[:]); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("%s: a record breaks off: %w", filepath.Base(path), errDamaged)
		}
		n := binary.BigEndian.Uint32(head[:])
		if n > mostRecord {
			return fmt.Errorf("%s: %w", filepath.Base(path), errDamaged)
		}
		if uint32(cap(body)) < n {
			body = make([]byte, n)
		}
		body = body[:n]
		if _, err := io.ReadFull(in, body); err != nil {
			return fmt.Errorf("%s: a record breaks off: %w", filepath.Base(path), errDamaged)
		}
		if crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(head[4:]) {
			return fmt.Errorf("%s: %w", filepath.Base(path), errDamaged)
		}
		r := reader{b: body}
		seq := r.uvarint()
		for len(r.b) > 0 {
			s, err := r.sample()
			if err != nil {
				return fmt.Errorf("%s: %w", filepath.Base(path), err)
			}
			each(seq, &s)
		}
	}
}
