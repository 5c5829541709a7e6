package cloudtrail

import (
	"context"
	"crypto"
	"crypto/md5" //nolint:gosec // a fingerprint that only names a key
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	api "gatehouse/internal/awsapi/cloudtrail"
)

// A digest is the last one of a Region that a trail delivered.
type digest struct{ Object, Bucket, Hash, Signature string }

// A digestFile lists what was delivered in an hour, and the digest before it, so
// that whoever changes, adds or removes a file is found out.
//
// AWS: "CloudTrail digest file structure".
type digestFile struct {
	Account           string    `json:"awsAccountId"`
	Start             string    `json:"digestStartTime"`
	End               string    `json:"digestEndTime"`
	Bucket            string    `json:"digestS3Bucket"`
	Object            string    `json:"digestS3Object"`
	Newest            *string   `json:"newestEventTime"`
	Oldest            *string   `json:"oldestEventTime"`
	PreviousBucket    *string   `json:"previousDigestS3Bucket"`
	PreviousObject    *string   `json:"previousDigestS3Object"`
	PreviousHash      *string   `json:"previousDigestHashValue"`
	PreviousMethod    *string   `json:"previousDigestHashAlgorithm"`
	PreviousSignature *string   `json:"previousDigestSignature"`
	Fingerprint       string    `json:"digestPublicKeyFingerprint"`
	Algorithm         string    `json:"digestSignatureAlgorithm"`
	Files             []logFile `json:"logFiles"`
}

const (
	digestTime = "2006-01-02T15:04:05Z"
	algorithm  = "SHA256withRSA"
	keyBits    = 2048
	keyFile    = "digest.key"
	// keyYears is how long the public key is said to be valid: digests are
	// looked at long after they were signed.
	keyYears = 10
)

// signFiles delivers the digests of the files since the last ones: of the trail's
// own Region, and of each other that it has delivered files of.
func (s *Service) signFiles(ctx context.Context, t *trail, d *delivery, now time.Time) error {
	key, err := s.signer()
	if err != nil {
		return err
	}
	if next := d.LatestDigest.Truncate(time.Second).Add(time.Second); now.Before(next) {
		now = next // their names tell seconds: two of one second would be one file
	}
	byRegion := map[string][]logFile{t.Region: {}}
	for region := range d.Chains {
		byRegion[region] = []logFile{}
	}
	for _, f := range d.Files {
		region := f.In
		f.In = ""
		byRegion[region] = append(byRegion[region], f)
	}
	if d.Chains == nil {
		d.Chains = map[string]digest{}
	}
	chains := maps.Clone(d.Chains)
	for _, region := range slices.Sorted(maps.Keys(byRegion)) {
		f := digestFile{
			Account: t.Account, Start: d.DigestFrom.UTC().Format(digestTime), End: now.Format(digestTime), Bucket: t.Bucket,
			Object: t.folder("CloudTrail-Digest", region, now) + t.Account + "_CloudTrail-Digest_" + region + "_" + t.Name + "_" + t.Region + "_" + now.Format("20060102T150405Z") + ".json.gz",
			Files:  byRegion[region], Fingerprint: fingerprint(key), Algorithm: algorithm,
		}
		next, err := s.putDigest(ctx, key, &f, chains[region])
		if err != nil {
			return err
		}
		chains[region] = next
	}
	s.opt.Log.Debug("trail delivered digests", "trail", t.Name, "files", len(d.Files))
	d.Chains, d.Files, d.DigestFrom, d.LatestDigest = chains, nil, now, now
	return nil
}

// putDigest signs and delivers one digest.
//
// AWS: "CloudTrail digest file signature"; the AWS CLI's validate-logs is the
// reader.
func (s *Service) putDigest(ctx context.Context, key *rsa.PrivateKey, f *digestFile, before digest) (digest, error) {
	if before.Object != "" {
		f.PreviousBucket, f.PreviousObject, f.PreviousHash, f.PreviousSignature = &before.Bucket, &before.Object, &before.Hash, &before.Signature
		f.PreviousMethod = new("SHA-256")
	}
	for i := range f.Files {
		if at := f.Files[i].Newest.Format(digestTime); f.Newest == nil || at > *f.Newest {
			f.Newest = &at
		}
		if at := f.Files[i].Oldest.Format(digestTime); f.Oldest == nil || at < *f.Oldest {
			f.Oldest = &at
		}
	}
	text, err := json.Marshal(f)
	if err != nil {
		return digest{}, err
	}
	sum := sha256.Sum256(text)
	hash := hex.EncodeToString(sum[:])
	signed := sha256.Sum256(f.toSign(hash))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, signed[:])
	if err != nil {
		return digest{}, fmt.Errorf("sign digest: %w", err)
	}
	next := digest{Object: f.Object, Bucket: f.Bucket, Hash: hash, Signature: hex.EncodeToString(signature)}
	return next, s.opt.Buckets.PutFile(ctx, f.Account, f.Bucket, f.Object, zipped(text), map[string]string{
		"signature": next.Signature, "signature-algorithm": algorithm,
	})
}

// toSign is what the signature of a digest with a hash is of.
func (f *digestFile) toSign(hash string) []byte {
	previous := "null"
	if f.PreviousSignature != nil {
		previous = *f.PreviousSignature
	}
	return []byte(f.End + "\n" + f.Bucket + "/" + f.Object + "\n" + hash + "\n" + previous)
}

// signer returns the key that digests are signed with, and makes it the first
// time. It stands beside the records, for its owner only.
func (s *Service) signer() (*rsa.PrivateKey, error) {
	s.keyOnce.Lock()
	defer s.keyOnce.Unlock()
	if s.signing != nil {
		return s.signing, nil
	}
	name := filepath.Join(s.opt.Dir, keyFile)
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = newKey(name)
	}
	if err != nil {
		return nil, fmt.Errorf("key of digests: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("key of digests: %s holds no key", name)
	}
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("key of digests: %w", err)
	}
	s.signing = key
	return key, nil
}

// newKey makes a key, whole or not at all.
func newKey(name string) ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, err
	}
	return text, os.Rename(name+".new", name)
}

// fingerprint names a public key in digests.
func fingerprint(key *rsa.PrivateKey) string {
	sum := md5.Sum(x509.MarshalPKCS1PublicKey(&key.PublicKey)) //nolint:gosec // see import
	return hex.EncodeToString(sum[:])
}

// ListPublicKeys returns the key that digests are verified with.
func (s *Service) ListPublicKeys(context.Context, *api.ListPublicKeysInput) (*api.ListPublicKeysResponse, error) {
	key, err := s.signer()
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(filepath.Join(s.opt.Dir, keyFile))
	if err != nil {
		return nil, fmt.Errorf("key of digests: %w", err)
	}
	made := info.ModTime()
	return &api.ListPublicKeysResponse{PublicKeyList: []api.PublicKey{{
		Fingerprint: new(fingerprint(key)), Value: x509.MarshalPKCS1PublicKey(&key.PublicKey),
		ValidityStartTime: &made, ValidityEndTime: new(made.AddDate(keyYears, 0, 0)),
	}}}, nil
}
