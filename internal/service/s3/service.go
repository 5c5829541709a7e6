// Package s3 is Amazon S3 to the depth that deployment tools need: buckets of
// assets that CloudFormation, SAM, the CDK and functions read.
//
// Objects are blobs of the store, each sealed with a key that is not in it, so a
// copy of the store alone shows nothing of them. An object may have as many bytes
// as [MaxObject]. Buckets have versions, life cycles, policies, tags; what they
// do not have (websites, replication, access lists and so on) is refused by name,
// and nothing is public.
package s3

import (
	"context"
	"encoding/xml"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/policy"
	"gatehouse/internal/seal"
	"gatehouse/internal/store"
)

// MaxObject is the most bytes that an object may have: as one upload or in parts.
const MaxObject = store.MaxBlobSize - 1<<10

const (
	namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
	// maxBuckets is AWS's quota of buckets, of an account.
	maxBuckets = 1000
	// maxParts is how many parts an upload may have at most.
	maxParts = 10_000
	// maxKey bounds the key of an object, in bytes.
	maxKey = 1024
)

// A Service answers the operations of S3.
type Service struct {
	st      store.Store
	blobs   *store.Blobs
	seal    *seal.Sealer
	buckets store.Table[bucket]
	objects store.Table[object]
	uploads store.Table[upload]
	parts   store.Table[part]

	// Authorizer is asked about objects that the front door was not asked about; nil:
	// nobody is. To be set before the service is used.
	Authorizer Authorizer

	// Directory knows whom policies may name; nil: everybody.
	Directory Directory
}

// An Authorizer decides what callers may do with objects that are copied, or deleted
// together.
type Authorizer interface {
	awsrpc.Authorizer
	// Within returns what decides about calls that are all about one bucket.
	Within(ctx context.Context, bucket string) awsrpc.Authorizer
}

// A Directory knows the users and roles that there are.
type Directory interface {
	// Check returns missing if a policy names a user or a role of an account that
	// is not there.
	Check(ctx context.Context, account string, d *policy.Document, missing error) error
}

// New returns a service over st. What objects hold is closed by seal.
//
// AWS: "Amazon S3 now automatically encrypts all new objects" (AES-256).
func New(st store.Store, blobs *store.Blobs, seal *seal.Sealer) *Service {
	prefix := func(kind string) string { return store.Prefix("-", "-", "s3", kind) }
	return &Service{
		st: st, blobs: blobs.Below(prefix("blob")), seal: seal,
		buckets: store.NewTable[bucket](st, prefix("bucket")),
		objects: store.NewTable[object](st, prefix("object")),
		uploads: store.NewTable[upload](st, prefix("upload")),
		parts:   store.NewTable[part](st, prefix("part")),
	}
}

// A bucket as it is stored. Its name is unique among all accounts.
type bucket struct {
	Name, Account, Region string
	Created               time.Time
	Versioning            string // "", Enabled, Suspended
	Policy                string
	Lifecycle             string // the document
	Encryption            string // the document
	PublicAccess          string // the document
	Tags                  map[string]string
}

// An object is one version of an object as it is stored, or the mark that it was
// deleted.
type object struct {
	Bucket, Key, Version string // Version: "null" outside of versioning
	Seq                  int64  // the highest of a key is the latest
	Modified             time.Time
	Deleted              bool // a delete marker
	Size                 int64
	ETag                 string // without quotes
	Content              store.Ref
	Header               map[string]string // Content-Type and others, by their names
	Meta                 map[string]string
	Tags                 map[string]string
}

// An upload in parts that is under way.
type upload struct {
	Bucket, Key, ID string
	Began           time.Time
	Header, Meta    map[string]string
}

// A part of an upload.
type part struct {
	Number   int
	Size     int64
	ETag     string
	Modified time.Time
	Content  store.Ref
}

// The errors of S3.
//
// AWS: "Error responses", Amazon S3 API reference.

func fault(status int, code, message string, members ...string) *awsrpc.Error {
	e := &awsrpc.Error{Code: code, Status: status, Message: message, Members: map[string]string{}}
	for i := 0; i+1 < len(members); i += 2 {
		e.Members[members[i]] = members[i+1]
	}
	return e
}

func noBucket(name string) *awsrpc.Error {
	return fault(404, "NoSuchBucket", "The specified bucket does not exist", "BucketName", name)
}

func noKey(key string) *awsrpc.Error {
	return fault(404, "NoSuchKey", "The specified key does not exist.", "Key", key)
}

func refused(what string) *awsrpc.Error {
	return fault(501, "NotImplemented", "Gatehouse does not support "+what)
}

func badArgument(message string) *awsrpc.Error { return fault(400, "InvalidArgument", message) }

func badDocument() *awsrpc.Error {
	return fault(400, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
}

// bucket returns a bucket. Whether the caller may know of it was decided before.
func (s *Service) bucket(ctx context.Context, name string) (bucket, store.Rev, error) {
	return s.buckets.Find(ctx, noBucket(name), name)
}

// change changes the record of a bucket.
func (s *Service) change(ctx context.Context, name string, how func(b *bucket) error) error {
	return store.Update(ctx, s.st, func(c *store.Change) error {
		b, rev, err := s.bucket(ctx, name)
		if err != nil {
			return err
		}
		if err := how(&b); err != nil {
			return err
		}
		c.Require(s.buckets.Is(store.ID(name), rev))
		store.Add(c, s.buckets, store.ID(name), b)
		return nil
	})
}

var bucketForm = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
var addressForm = regexp.MustCompile(`^[0-9]+(\.[0-9]+){3}$`)

// validName tells whether a bucket may have this name.
//
// AWS: "Bucket naming rules".
func validName(name string) bool {
	return bucketForm.MatchString(name) && !addressForm.MatchString(name) && !strings.Contains(name, "..") && !strings.HasPrefix(name, "xn--") && !strings.HasSuffix(name, "-s3alias")
}

// document writes an answer of XML.
func document(v any) ([]byte, error) {
	b, err := xml.Marshal(v)
	return append([]byte(xml.Header), b...), err
}

// read reads a document of XML.
func read(body []byte, v any) error {
	if err := xml.Unmarshal(body, v); err != nil {
		return badDocument()
	}
	return nil
}

func isNotFound(err error) bool { return errors.Is(err, store.ErrNotFound) }

func str(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// Object returns an object, for who may read it: the caller of ctx. An object of
// more than limit bytes is an error.
func (s *Service) Object(ctx context.Context, bucket, key, version string, limit int64) ([]byte, error) {
	var which *string
	if version != "" {
		which = &version
	}
	if err := s.may(ctx, s.Authorizer, "GetObject", bucket, key, which); err != nil {
		return nil, err
	}
	o, err := s.find(ctx, bucket, key, which)
	if err != nil {
		return nil, err
	}
	if o.Size > limit {
		return nil, fault(400, "EntityTooLarge", "The object is larger than "+strconv.FormatInt(limit, 10)+" bytes")
	}
	return s.content(ctx, o.Content)
}
