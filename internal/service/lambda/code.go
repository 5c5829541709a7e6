package lambda

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	api "gatehouse/internal/awsapi/lambda"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/function"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// Limits of code.
//
// AWS: Lambda quotas, 50 MB of zip file and 250 MB unpacked.
const (
	maxZip      = 50 << 20
	maxUnpacked = function.MaxUnpacked
)

// localBucket names no bucket: the key is the absolute path of a directory on
// this machine, whose code is run as it stands. LocalStack's users know the
// name.
const localBucket = "hot-reload"

// A source is where a call says that code is.
type source struct {
	zip                          []byte
	bucket, key, version, asText *string
}

// takeCode reads the code that a call brings into code, and returns the
// operations that belong into the commit of the record that will name it.
func (s *Service) takeCode(ctx context.Context, in *api.FunctionCode, code *record.FunctionCode) ([]store.Op, error) {
	if err := firstRefusal([]refusal{
		{str(in.ImageUri) != "", noImage},
		{str(in.SourceKMSKeyArn) != "", noKMS},
	}); err != nil {
		return nil, err
	}
	src := source{in.ZipFile, in.S3Bucket, in.S3Key, in.S3ObjectVersion, in.S3ObjectStorageMode}
	if str(in.S3Bucket) == localBucket {
		return nil, s.takeDir(ctx, str(in.S3Key), code)
	}
	content, err := s.read(ctx, src)
	if err != nil {
		return nil, err
	}
	ref, ops, err := s.keep(ctx, content)
	if err != nil {
		return nil, err
	}
	code.Zip, code.Dir, code.Unpacked = ref, "", unpackedSize(content)
	code.CodeSize, code.CodeSha256 = new(int64(len(content))), hashOf(content)
	return ops, nil
}

// hashOf is the hash of code as AWS writes it.
func hashOf(content []byte) *string {
	sum := sha256.Sum256(content)
	return new(base64.StdEncoding.EncodeToString(sum[:]))
}

// takeDir lets a function run from a directory of this machine. Only the root
// credential may name one: the function sees what the server's user sees.
func (s *Service) takeDir(ctx context.Context, dir string, code *record.FunctionCode) error {
	if !awsrpc.CallerFrom(ctx).Root {
		return errParameter("Only the root credential may run code from a directory")
	}
	info, err := os.Stat(dir)
	switch {
	case !filepath.IsAbs(dir):
		return errParameter("The directory " + dir + " is not an absolute path")
	case err != nil || !info.IsDir():
		return errParameter("The directory " + dir + " is not there")
	}
	code.Zip, code.Dir, code.Unpacked = "", filepath.Clean(dir), 0
	code.CodeSize, code.CodeSha256 = new(int64(0)), hashOf([]byte(code.Dir))
	return nil
}

// read returns the zip file of a source.
//
// AWS: "Please provide a source for function code." is recorded.
func (s *Service) read(ctx context.Context, src source) ([]byte, error) {
	switch {
	case str(src.asText) == api.S3ObjectStorageModeReference:
		return nil, noObjectReference.refuse(api.S3ObjectStorageModeReference)
	case src.zip != nil && (src.bucket != nil || src.key != nil):
		return nil, errParameter("Please do not provide other FunctionCode parameters when providing a ZipFile.")
	case src.zip != nil:
		if len(src.zip) > maxZip {
			return nil, &awsrpc.Error{Code: "RequestEntityTooLargeException", Status: 413,
				Message: "Zipped size must be smaller than " + strconv.Itoa(maxZip) + " bytes"}
		}
		return src.zip, nil
	case str(src.bucket) == "" || str(src.key) == "":
		return nil, errParameter("Please provide a source for function code.")
	case s.opt.Objects == nil:
		return nil, errParameter("Gatehouse knows no S3 to read code from: start it with --service-endpoint s3=URL, or send the code as ZipFile")
	}
	content, err := s.opt.Objects.Object(ctx, awsrpc.CallerFrom(ctx).Region, *src.bucket, *src.key, str(src.version), store.MaxBlobSize)
	if err != nil {
		return nil, errObject(err)
	}
	return content, nil
}

// errObject is the answer for code that S3 does not give out.
//
// AWS: the form is widely reported, with NoSuchKey and NoSuchBucket.
func errObject(err error) error {
	var refused *awsrpc.Error
	if errors.As(err, &refused) {
		return errParameter("Error occurred while GetObject. S3 Error Code: " + refused.Code + ". S3 Error Message: " + refused.Message)
	}
	return errParameter("Error occurred while GetObject. " + err.Error())
}

// keep checks a zip file, unpacks it, and stages it as a blob.
func (s *Service) keep(ctx context.Context, content []byte) (store.Ref, []store.Op, error) {
	if err := checkZip(content); err != nil {
		return "", nil, err
	}
	ref, ops, err := s.tables(ctx).Blobs.Stage(ctx, content)
	if err != nil {
		return "", nil, err
	}
	switch _, err := s.code.put(ref, content); {
	case errors.Is(err, function.ErrTooLarge):
		return "", nil, errParameter(function.ErrTooLarge.Error())
	case errors.Is(err, function.ErrArchive):
		return "", nil, errUnzip()
	case err != nil:
		return "", nil, err
	}
	return ref, ops, nil
}

// errUnzip is the answer to code that cannot be unpacked. AWS: recorded.
func errUnzip() error {
	return errParameter("Could not unzip uploaded file. Please check your file, then try to upload again.")
}

// checkZip refuses what is no zip file, or an empty one. AWS: both texts are
// recorded.
func checkZip(content []byte) error {
	r, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return errUnzip()
	}
	if len(r.File) == 0 {
		return errParameter("Uploaded file must be a non-empty zip")
	}
	return nil
}

// unpackedSize is how large the files of a zip file say they are.
func unpackedSize(content []byte) (size int64) {
	r, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return 0 // keep has refused it
	}
	for _, f := range r.File {
		size += int64(min(f.UncompressedSize64, maxUnpacked))
	}
	return size
}

// checkSize refuses code that is too large together with its layers.
//
// AWS: the text is widely reported.
func checkSize(code *record.FunctionCode) error {
	if size := code.Unpacked + code.LayersUnpacked; size > maxUnpacked {
		return errParameter("Function code combined with layers exceeds the maximum allowed size of " + strconv.Itoa(maxUnpacked) +
			" bytes. The actual size is " + strconv.FormatInt(size, 10) + " bytes.")
	}
	return nil
}

// A codeStore holds the unpacked zip files of this node, by their refs. What
// stands there is whole: a directory gets its name when all is in it.
type codeStore struct {
	root   string
	unpack func(zip io.ReaderAt, size int64, dir string) (int64, error)
	locks  store.Locks

	mu   sync.Mutex           // guards the field below
	idle map[string]time.Time // since when a sweep has found a directory unnamed
}

func newCodeStore(root string, unpack func(io.ReaderAt, int64, string) (int64, error)) *codeStore {
	return &codeStore{root: root, unpack: unpack}
}

// dir is where the code of a ref stands, if it does.
func (cs *codeStore) dir(ref store.Ref) string { return filepath.Join(cs.root, string(ref)) }

// put unpacks a zip file, unless it is there.
func (cs *codeStore) put(ref store.Ref, content []byte) (string, error) {
	defer cs.locks.Lock(string(ref))()
	dir := cs.dir(ref)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if cs.unpack == nil {
		return "", errors.New("this server cannot unpack code")
	}
	if err := os.MkdirAll(cs.root, 0o700); err != nil {
		return "", err
	}
	next, err := os.MkdirTemp(cs.root, ".new-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(next) //nolint:errcheck // it is renamed, or of no use
	inside := filepath.Join(next, "code")
	if _, err := cs.unpack(bytes.NewReader(content), int64(len(content)), inside); err != nil {
		return "", fmt.Errorf("unpack: %w", err)
	}
	return dir, os.Rename(inside, dir)
}

// get returns the directory of a ref, unpacked from its blob if it is not there.
func (cs *codeStore) get(ctx context.Context, blobs *store.Blobs, ref store.Ref) (string, error) {
	dir := cs.dir(ref)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	content, err := blobs.Get(ctx, ref)
	if err != nil {
		return "", fmt.Errorf("read code: %w", err)
	}
	return cs.put(ref, content)
}

// sweep removes code that no record has named since an earlier sweep, and what a
// crash left behind.
func (cs *codeStore) sweep(named map[store.Ref]struct{}) error {
	entries, err := os.ReadDir(cs.root)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, name := range cs.unused(entries, named) {
		errs = append(errs, cs.remove(name))
	}
	return errors.Join(errs...)
}

// unused are those entries that nothing has named for unusedTime.
func (cs *codeStore) unused(entries []os.DirEntry, named map[store.Ref]struct{}) (list []string) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	idle := map[string]time.Time{}
	for _, e := range entries {
		if _, ok := named[store.Ref(e.Name())]; ok {
			continue
		}
		since, noted := cs.idle[e.Name()]
		switch {
		case !noted:
			idle[e.Name()] = time.Now()
		case time.Since(since) < unusedTime:
			idle[e.Name()] = since
		default:
			list = append(list, e.Name())
		}
	}
	cs.idle = idle
	return list
}

// unusedTime is how long code stays that nothing names: longer than the last
// invocation of it may run.
const unusedTime = 20 * time.Minute

func (cs *codeStore) remove(name string) error {
	defer cs.locks.Lock(name)()
	return os.RemoveAll(filepath.Join(cs.root, name))
}

// UpdateFunctionCode changes the code of $LATEST.
func (s *Service) UpdateFunctionCode(ctx context.Context, in *api.UpdateFunctionCodeInput) (*api.FunctionConfiguration, error) {
	t, err := locate(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	if in.PublishTo != nil {
		return nil, noPublishTo.refuse("")
	}
	if str(in.ImageUri) != "" {
		return nil, errParameter("Please don't provide ImageUri when updating a function with packageType Zip.")
	}
	// The function is looked for before its code is read.
	if _, _, err := s.function(ctx, t, nil); err != nil {
		return nil, err
	}
	var next record.FunctionCode
	staged, err := s.takeCode(ctx, &api.FunctionCode{
		ZipFile: in.ZipFile, S3Bucket: in.S3Bucket, S3Key: in.S3Key, S3ObjectVersion: in.S3ObjectVersion,
		S3ObjectStorageMode: in.S3ObjectStorageMode, SourceKMSKeyArn: in.SourceKMSKeyArn,
	}, &next)
	if err != nil {
		return nil, err
	}
	var out *api.FunctionConfiguration
	err = s.editFunction(ctx, t, nil, func(e *functionEdit) error {
		code := &e.rec.Latest
		if in.RevisionId != nil && *in.RevisionId != str(code.RevisionId) {
			return errRevision("GetFunction/GetAlias")
		}
		more := sizeOf(&next) - sizeOf(code)
		if is(in.Publish) {
			more += sizeOf(&next)
		}
		if err := s.checkStorage(ctx, more); err != nil {
			return err
		}
		code.Zip, code.Dir, code.Unpacked, code.CodeSize, code.CodeSha256 = next.Zip, next.Dir, next.Unpacked, next.CodeSize, next.CodeSha256
		if in.Architectures != nil {
			code.Architectures = in.Architectures
		}
		if err := errors.Join(checkArchitectures(code), checkSize(code)); err != nil {
			return err
		}
		out = &code.FunctionConfiguration
		if is(in.DryRun) {
			return errDryRun
		}
		touch(code)
		e.change.Do(staged...)
		if is(in.Publish) {
			out, err = s.publish(ctx, e, nil)
		}
		return err
	})
	if errors.Is(err, errDryRun) {
		err = nil
	}
	return out, err
}

// errDryRun ends a change that was only tried.
var errDryRun = errors.New("not to be changed")
