package app

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"gatehouse/internal/service/cloudtrail"
)

// auditBuckets is where trails deliver to: directories that the configuration
// names for buckets, or buckets of our own.
type auditBuckets struct {
	own  cloudtrail.Buckets
	dirs Pairs
}

var _ cloudtrail.Buckets = auditBuckets{}

// CheckBucket returns nil if there is such a bucket.
func (b auditBuckets) CheckBucket(ctx context.Context, account, bucket string) error {
	if dir := b.dirs[bucket]; dir != "" {
		return os.MkdirAll(dir, 0o700)
	}
	return b.own.CheckBucket(ctx, account, bucket)
}

// PutFile writes a file, whole or not at all. The signature of a digest, which a
// bucket keeps as meta data, stands beside it.
func (b auditBuckets) PutFile(ctx context.Context, account, bucket, key string, content []byte, meta map[string]string) error {
	dir := b.dirs[bucket]
	if dir == "" {
		return b.own.PutFile(ctx, account, bucket, key, content, meta)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // nothing was written to it
	if signature := meta["signature"]; signature != "" {
		if err := putFile(root, key+cloudtrail.SignatureSuffix, []byte(signature+"\n")); err != nil {
			return err
		}
	}
	return putFile(root, key, content)
}

// putFile writes a file below root.
func putFile(root *os.Root, name string, content []byte) error {
	if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := root.OpenFile(name+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return root.Rename(name+".new", name)
}

// VerifyAudit looks at the records in a data directory, or, if delivered is not
// empty, at what trails delivered into that directory, with the key in a file; the
// one of the data directory if that is empty.
func VerifyAudit(data, delivered, keyFile string) (*cloudtrail.Report, error) {
	dir := filepath.Join(data, auditDir)
	if delivered == "" {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s holds no audit: name a data directory with --data", data)
		}
		return cloudtrail.VerifyRecords(dir)
	}
	key, err := auditKey(data, keyFile)
	if err != nil {
		return nil, err
	}
	return cloudtrail.VerifyDelivered(delivered, key)
}

// auditKey reads the key that digests are verified with.
func auditKey(data, keyFile string) (*rsa.PublicKey, error) {
	if keyFile == "" {
		keyFile = cloudtrail.KeyFile(filepath.Join(data, auditDir))
	}
	key, err := cloudtrail.ReadKey(keyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no key to verify digests with: name one with --key, or a data directory with --data (%w)", err)
	}
	return key, err
}

// AuditKey returns the public half of the key in a data directory that digests
// are signed with.
func AuditKey(data string) (*rsa.PublicKey, error) { return auditKey(data, "") }
