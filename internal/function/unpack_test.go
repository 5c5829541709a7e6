package function_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/function"
)

// An entry of a test's archive.
type entry struct {
	name string
	mode fs.FileMode
	text string
}

func archive(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		h.SetMode(e.mode)
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(e.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func unpack(t testing.TB, b []byte) (string, error) {
	dir := filepath.Join(t.TempDir(), "code")
	_, err := function.Unpack(bytes.NewReader(b), int64(len(b)), dir)
	return dir, err
}

func TestUnpack(t *testing.T) {
	dir, err := unpack(t, archive(t, entry{"bootstrap", 0o755, "#!"}, entry{"lib/", fs.ModeDir | 0o700, ""}, entry{"lib/a.js", 0o600, "1"},
		entry{"node/b.js", 0o644, "2"}, entry{"lib/link.js", fs.ModeSymlink | 0o777, "../node/b.js"}, entry{"dangling", fs.ModeSymlink | 0o777, "nowhere"}))
	if err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]fs.FileMode{"bootstrap": 0o755, "lib/a.js": 0o644, "node/b.js": 0o644} {
		if st, err := os.Stat(filepath.Join(dir, name)); err != nil || st.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, st, err)
		}
	}
	if b, err := os.ReadFile(filepath.Join(dir, "lib/link.js")); string(b) != "2" {
		t.Errorf("through the link: %q, %v", b, err)
	}
}

func TestUnpackRefuses(t *testing.T) {
	link := fs.ModeSymlink | fs.FileMode(0o777)
	tests := []struct {
		name    string
		entries []entry
	}{
		{"above", []entry{{"../evil", 0o644, "x"}}},
		{"above, later", []entry{{"a/../../evil", 0o644, "x"}}},
		{"absolute", []entry{{"/tmp/evil", 0o644, "x"}}},
		{"backslash", []entry{{`..\evil`, 0o644, "x"}}},
		{"link above", []entry{{"l", link, "../.."}}},
		{"link to root", []entry{{"l", link, "/etc/passwd"}}},
		{"file through a link", []entry{{"l", link, "."}, {"l/x", 0o644, "x"}}},
		{"link by way of a link", []entry{{"a/b", link, ".."}, {"c", link, "a/b/../.."}, {"d", link, "."}, {"e", link, "d/.."}}},
		{"device", []entry{{"dev", fs.ModeDevice | fs.FileMode(0o644), ""}}},
		{"pipe", []entry{{"pipe", fs.ModeNamedPipe | fs.FileMode(0o644), ""}}},
		{"twice", []entry{{"a", 0o644, "1"}, {"a", 0o644, "2"}}},
		{"file as directory", []entry{{"a", 0o644, "1"}, {"a/b", 0o644, "2"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir, err := unpack(t, archive(t, tt.entries...))
			if !errors.Is(err, function.ErrArchive) {
				t.Errorf("got %v", err)
			}
			for _, outside := range []string{"../evil", "../../evil"} {
				if _, err := os.Lstat(filepath.Join(dir, outside)); err == nil {
					t.Errorf("%s was written", outside)
				}
			}
		})
	}
	if _, err := unpack(t, []byte("not a zip")); !errors.Is(err, function.ErrArchive) {
		t.Errorf("not a zip: %v", err)
	}
}

// A bomb is refused before it has filled the disk, also when it lies about its
// size.
func TestUnpackBomb(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 250 MB")
	}
	b := archive(t, entry{"zeros", 0o644, strings.Repeat("\x00", function.MaxUnpacked+1)})
	if len(b) > 1<<20 {
		t.Fatalf("the bomb has %d bytes", len(b))
	}
	dir, err := unpack(t, b)
	if !errors.Is(err, function.ErrTooLarge) || err.Error() != "zeros: Unzipped size must be smaller than 262144000 bytes" {
		t.Errorf("got %v", err)
	}
	if st, err := os.Stat(filepath.Join(dir, "zeros")); err == nil {
		t.Errorf("%d bytes written", st.Size())
	}
	// The size in the central directory: 24 bytes behind its signature.
	at := bytes.LastIndex(b, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(b[at+24:], 10)
	if _, err = unpack(t, b); err == nil {
		t.Error("a lie about the size went through")
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(archive(f, entry{"a/b", 0o644, "x"}, entry{"l", fs.ModeSymlink | 0o777, "a/b"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		parent := t.TempDir()
		_, _ = function.Unpack(bytes.NewReader(b), int64(len(b)), filepath.Join(parent, "code"))
		if l, err := os.ReadDir(parent); err != nil || len(l) > 1 {
			t.Errorf("wrote beside its directory: %v, %v", l, err)
		}
	})
}
