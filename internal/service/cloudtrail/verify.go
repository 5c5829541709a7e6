package cloudtrail

import (
	"bytes"
	"compress/gzip"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/journal"
)

// A Report is what a look at what was recorded, or delivered, has found.
type Report struct {
	Found  []string // a line each
	Faults []string // the same
}

func (r *Report) found(format string, args ...any) {
	r.Found = append(r.Found, fmt.Sprintf(format, args...))
}

func (r *Report) fault(format string, args ...any) {
	r.Faults = append(r.Faults, fmt.Sprintf(format, args...))
}

// VerifyRecords reads all records in the directory of an audit, and tells what is
// damaged or missing. No server need run; if one does, its newest records may be
// missed.
func VerifyRecords(dir string) (*Report, error) {
	r := new(Report)
	for _, name := range []string{eventsName, dataName} {
		if err := r.records(filepath.Join(dir, name, name), name); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *Report) records(dir, name string) error {
	var first, last int64
	v, err := journal.Verify(dir, func(e *journal.Entry) error {
		if idOf(e.Text) == "" {
			r.fault("%s: entry %d is no record", name, e.Seq)
		}
		if first == 0 || e.Time < first {
			first = e.Time
		}
		last = max(last, e.Time)
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		if name == eventsName {
			r.fault("%s: there are no records", name)
		}
		return nil
	}
	if err != nil {
		return err
	}
	for _, f := range v.Faults {
		r.fault("%s: %s", name, f)
	}
	if v.More > 0 {
		r.fault("%s: and %d more", name, v.More)
	}
	if v.Entries > 0 {
		at := func(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }
		r.found("%s: %d records, numbers %d to %d, from %s to %s", name, v.Entries, v.First, v.Last, at(first), at(last))
	}
	return nil
}

// ReadKey reads the key that digests are verified with: a private or a public one,
// in PEM.
func ReadKey(name string) (*rsa.PublicKey, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s holds no key in PEM", name)
	}
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return &key.PublicKey, nil
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	}
	return nil, fmt.Errorf("%s holds a %s, not an RSA PUBLIC KEY", name, block.Type)
}

// KeyFile is where the key of digests stands in the directory of an audit.
func KeyFile(dir string) string { return filepath.Join(dir, keyFile) }

// SignatureSuffix ends the names of files with the signatures of digests, beside
// these, where files have no meta data.
const SignatureSuffix = ".signature"

// A delivered is a digest as a file.
type delivered struct {
	digestFile
	hash string
	name string // of its object
}

// VerifyDelivered reads what trails delivered into a directory, or a copy of what
// they delivered into a bucket, and tells what was changed, added or taken away.
// What was cut off at a chain's end cannot be told: hence the report says how far
// each reaches.
func VerifyDelivered(dir string, key *rsa.PublicKey) (*Report, error) {
	r := new(Report)
	hashes := map[string]string{} // of log files, by their paths below AWSLogs
	chains := map[string][]delivered{}
	signatures := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name := below(filepath.ToSlash(path))
		switch {
		case strings.HasSuffix(path, SignatureSuffix):
			text, err := os.ReadFile(path)
			signatures[strings.TrimSuffix(name, SignatureSuffix)] = strings.TrimSpace(string(text))
			return err
		case !strings.HasSuffix(path, ".json.gz") || !strings.HasPrefix(name, "AWSLogs/"):
			return nil
		}
		text, err := unzipped(path)
		if err != nil {
			r.fault("%s cannot be read: %v", name, err)
			return nil
		}
		sum := sha256.Sum256(text)
		hash := hex.EncodeToString(sum[:])
		if !strings.Contains(name, "/CloudTrail-Digest/") {
			hashes[name] = hash
			return nil
		}
		d := delivered{hash: hash, name: name}
		if err := json.Unmarshal(text, &d.digestFile); err != nil {
			r.fault("%s is no digest: %v", name, err)
			return nil
		}
		chain := chainOf(name)
		chains[chain] = append(chains[chain], d)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(chains) == 0 {
		r.fault("there are no digests")
	}
	named := map[string]bool{}
	for chain, list := range chains {
		slices.SortFunc(list, func(a, b delivered) int { return strings.Compare(a.End, b.End) })
		r.chain(chain, list, key, signatures)
		for i := range list {
			r.files(&list[i], hashes, named)
		}
	}
	unnamed := 0
	for name := range hashes {
		if !named[name] {
			unnamed++
		}
	}
	if unnamed > 0 {
		r.found("%d log files stand in no digest: they are newer, or were added", unnamed)
	}
	slices.Sort(r.Found)
	slices.Sort(r.Faults)
	return r, nil
}

// below is the part of a path that begins with AWSLogs, so that a copy may stand
// anywhere.
func below(path string) string {
	if i := strings.LastIndex(path, "AWSLogs/"); i >= 0 {
		return path[i:]
	}
	return path
}

// chainOf names the digests of one trail and Region by what their files have in
// common: all but the time.
func chainOf(name string) string {
	base := name[strings.LastIndexByte(name, '/')+1:]
	if i := strings.LastIndexByte(base, '_'); i >= 0 {
		return base[:i]
	}
	return base
}

// chain verifies that each digest follows the one before it, and its signature.
func (r *Report) chain(name string, list []delivered, key *rsa.PublicKey, signatures map[string]string) {
	for i := range list {
		d := &list[i]
		if i == 0 && d.PreviousObject != nil {
			r.fault("%s: the digest before %s is missing", name, d.name)
		}
		if i > 0 {
			switch before := &list[i-1]; {
			case d.PreviousObject == nil || below(*d.PreviousObject) != before.name:
				r.fault("%s: %s does not follow %s: one between is missing, or was added", name, d.name, before.name)
			case str(d.PreviousHash) != before.hash:
				r.fault("%s: %s was changed", name, before.name)
			}
		}
		signature := signatures[d.name]
		if signature == "" && i+1 < len(list) && list[i+1].PreviousSignature != nil {
			signature = *list[i+1].PreviousSignature // a copy of a bucket has no meta data
		}
		switch {
		case signature == "" && i+1 == len(list):
			r.found("%s: the signature of the newest digest is not here, it was not verified", name)
		case !d.signed(key, signature):
			r.fault("%s: the signature of %s is not right: it was changed, or another key has signed it", name, d.name)
		}
	}
	r.found("%s: %d digests, from %s to %s", name, len(list), list[0].Start, list[len(list)-1].End)
}

// signed verifies the signature of a digest.
func (d *delivered) signed(key *rsa.PublicKey, signature string) bool {
	b, err := hex.DecodeString(signature)
	if err != nil {
		return false
	}
	sum := sha256.Sum256(d.toSign(d.hash))
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], b) == nil
}

// files verifies the files that a digest names.
func (r *Report) files(d *delivered, hashes map[string]string, named map[string]bool) {
	for _, f := range d.Files {
		name := below(f.Object)
		named[name] = true
		switch hashes[name] {
		case f.Hash:
		case "":
			r.fault("%s is missing, or cannot be read", name)
		default:
			r.fault("%s was changed", name)
		}
	}
}

// unzipped reads a file of a trail. The bound is far beyond what one may hold.
func unzipped(path string) ([]byte, error) {
	const most = 1 << 30
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(z, most))
}
