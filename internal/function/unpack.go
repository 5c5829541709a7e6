package function

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// MaxUnpacked is the size of a function's code with its layers.
//
// AWS: Lambda quotas: 250 MB, unzipped; 262,144,000 bytes in its error message.
const MaxUnpacked = 262_144_000

// maxEntries bounds the files of an archive: each costs an inode, whatever its
// size.
const maxEntries = 100_000

// ErrTooLarge is what Unpack returns for an archive of more than its limit.
//
//lint:ignore ST1005 AWS's words
var ErrTooLarge = errors.New(tooLarge)

// AWS: the words of CreateFunction's InvalidParameterValueException.
const tooLarge = "Unzipped size must be smaller than 262144000 bytes"

// ErrArchive is what Unpack wraps for an archive that is none, or would write
// outside of its directory.
var ErrArchive = errors.New("could not unzip uploaded file")

// Unpack writes the files of a zip archive below dir, which is new or empty,
// and returns their size. Their permissions are kept, except that all may be
// read, and directories entered. Symbolic links may lead to what is below dir.
// After an error dir is to be removed: what it holds was not looked at.
func Unpack(r io.ReaderAt, size int64, dir string) (int64, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrArchive, err)
	}
	if len(z.File) > maxEntries {
		return 0, fmt.Errorf("%w: more than %d files", ErrArchive, maxEntries)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, err
	}
	root, err := os.OpenRoot(dir) // nothing gets out of it, whatever names and links say
	if err != nil {
		return 0, err
	}
	defer root.Close() //nolint:errcheck // nothing was written to it
	u := unpacker{root: root}
	for _, f := range z.File {
		if err := u.entry(f); err != nil {
			return u.total, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	// Links come last, so that no file is written through one; and are looked
	// at when all are there, for one may lead outside by way of another.
	for _, do := range []func(link) error{u.link, u.look} {
		for _, l := range u.links {
			if err := do(l); err != nil {
				return u.total, fmt.Errorf("%s: %w", l.name, err)
			}
		}
	}
	return u.total, nil
}

type unpacker struct {
	root  *os.Root
	total int64
	links []link
}

type link struct{ name, target string }

func (u *unpacker) entry(f *zip.File) error {
	name := filepath.FromSlash(strings.TrimSuffix(f.Name, "/"))
	if !filepath.IsLocal(name) || strings.ContainsRune(f.Name, '\\') {
		return fmt.Errorf("%w: path leads outside", ErrArchive)
	}
	mode := f.Mode()
	switch {
	case mode.IsDir():
		return wrapEntry(u.root.MkdirAll(name, 0o755))
	case mode.Type() == fs.ModeSymlink:
		return u.noteLink(f, name)
	case !mode.IsRegular():
		return fmt.Errorf("%w: neither file, directory nor link", ErrArchive)
	}
	return u.file(f, name, mode)
}

func (u *unpacker) file(f *zip.File, name string, mode fs.FileMode) error {
	if u.total+int64(min(f.UncompressedSize64, MaxUnpacked+1)) > MaxUnpacked {
		return ErrTooLarge
	}
	if err := u.root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return wrapEntry(err)
	}
	in, err := f.Open()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrArchive, err)
	}
	defer in.Close() //nolint:errcheck // its errors are those of reading
	out, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode.Perm()|0o444)
	if err != nil {
		return wrapEntry(err)
	}
	// What the archive says of a file's size may be a lie.
	n, err := io.Copy(out, io.LimitReader(in, MaxUnpacked-u.total+1))
	u.total += n
	if cerr := out.Close(); err == nil && cerr != nil {
		return cerr
	}
	switch {
	case u.total > MaxUnpacked:
		return ErrTooLarge
	case errors.Is(err, zip.ErrChecksum), errors.Is(err, zip.ErrFormat), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: %w", ErrArchive, err)
	}
	return err
}

// wrapEntry tells an archive's fault, such as a name that is there twice, or a
// file where a directory must be, from that of the disk.
func wrapEntry(err error) error {
	var pe *fs.PathError
	var le *os.LinkError
	switch {
	case errors.As(err, &pe):
		err = pe.Err
	case errors.As(err, &le):
		err = le.Err
	}
	if err == nil || isDiskError(err) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrArchive, err)
}

// maxLink bounds where a link leads to.
const maxLink = 4096

func (u *unpacker) noteLink(f *zip.File, name string) error {
	in, err := f.Open()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrArchive, err)
	}
	defer in.Close() //nolint:errcheck // its errors are those of reading
	b, err := io.ReadAll(io.LimitReader(in, maxLink+1))
	target := filepath.FromSlash(string(b))
	if err != nil || len(b) > maxLink || filepath.IsAbs(target) || !filepath.IsLocal(filepath.Join(filepath.Dir(name), target)) {
		return fmt.Errorf("%w: link leads outside", ErrArchive)
	}
	u.links = append(u.links, link{name, target})
	return nil
}

func (u *unpacker) link(l link) error {
	if err := u.root.MkdirAll(filepath.Dir(l.name), 0o755); err != nil {
		return wrapEntry(err)
	}
	return wrapEntry(u.root.Symlink(l.target, l.name))
}

// look refuses a link that leads outside. It may lead nowhere.
func (u *unpacker) look(l link) error {
	if _, err := u.root.Stat(l.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: link leads outside", ErrArchive)
	}
	return nil
}

// isDiskError tells what has to do with the machine.
func isDiskError(err error) bool {
	for _, e := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EROFS, syscall.EMFILE, syscall.ENFILE, syscall.EAGAIN, syscall.ENOMEM} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
