package s3

import (
	"context"
	"encoding/xml"
	"strings"
	"time"

	"gatehouse/internal/store"
)

// A lifecycle is the document of a bucket's life cycle, as far as it acts.
type lifecycle struct {
	Rule []lifecycleRule
}

type lifecycleRule struct {
	ID, Status string
	Prefix     *string
	Filter     *struct {
		Prefix                string
		Tag, And              *struct{} // of no kind that acts
		ObjectSizeGreaterThan *int64
		ObjectSizeLessThan    *int64
	}
	Expiration *struct {
		Days                      *int
		Date                      *string
		ExpiredObjectDeleteMarker bool
	}
	NoncurrentVersionExpiration *struct {
		NoncurrentDays          int
		NewerNoncurrentVersions int
	}
	AbortIncompleteMultipartUpload *struct{ DaysAfterInitiation int }
	Transition                     []struct{}
	NoncurrentVersionTransition    []struct{}
}

func (r *lifecycleRule) prefix() string {
	if r.Filter != nil {
		return r.Filter.Prefix
	}
	return str(r.Prefix)
}

// check refuses what does not act.
func (l *lifecycle) check() error {
	if n := len(l.Rule); n == 0 || n > 1000 {
		return badDocument()
	}
	for i := range l.Rule {
		r := &l.Rule[i]
		switch {
		case r.Status != "Enabled" && r.Status != "Disabled":
			return badDocument()
		case len(r.Transition)+len(r.NoncurrentVersionTransition) > 0:
			return refused("transitions of a life cycle: there is one storage class")
		case r.Filter != nil && (r.Filter.Tag != nil || r.Filter.And != nil || r.Filter.ObjectSizeGreaterThan != nil || r.Filter.ObjectSizeLessThan != nil):
			return refused("filters of a life cycle by anything but a prefix")
		case r.Expiration != nil && r.Expiration.Date != nil:
			return refused("Expiration.Date")
		case r.Expiration != nil && r.Expiration.Days != nil && *r.Expiration.Days < 1,
			r.NoncurrentVersionExpiration != nil && r.NoncurrentVersionExpiration.NoncurrentDays < 1,
			r.AbortIncompleteMultipartUpload != nil && r.AbortIncompleteMultipartUpload.DaysAfterInitiation < 1:
			return badArgument("'Days' must be a positive integer")
		case r.Expiration == nil && r.NoncurrentVersionExpiration == nil && r.AbortIncompleteMultipartUpload == nil:
			return fault(400, "InvalidRequest", "At least one action needs to be specified in a rule")
		}
	}
	return nil
}

// GetBucketLifecycleConfiguration returns what was put.
func (s *Service) GetBucketLifecycleConfiguration(ctx context.Context, in *bucketInput) (*documentOutput, error) {
	b, _, err := s.bucket(ctx, in.Bucket)
	if err == nil && b.Lifecycle == "" {
		err = fault(404, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist", "BucketName", in.Bucket)
	}
	return &documentOutput{Type: new("application/xml"), Body: []byte(b.Lifecycle)}, err
}

// PutBucketLifecycleConfiguration says when objects, their versions and uploads
// go. [Service.Sweep] acts on it.
func (s *Service) PutBucketLifecycleConfiguration(ctx context.Context, in *bucketInput) (*documentOutput, error) {
	var doc lifecycle
	if err := read(in.Body, &doc); err != nil {
		return nil, err
	}
	if err := doc.check(); err != nil {
		return nil, err
	}
	return &documentOutput{}, s.change(ctx, in.Bucket, func(b *bucket) error { b.Lifecycle = string(in.Body); return nil })
}

// DeleteBucketLifecycle takes it away.
func (s *Service) DeleteBucketLifecycle(ctx context.Context, in *bucketInput) (*documentOutput, error) {
	return &documentOutput{}, s.change(ctx, in.Bucket, func(b *bucket) error { b.Lifecycle = ""; return nil })
}

// Sweep does what the life cycles of buckets ask for by now, and takes away
// content that no object names and that was staged longer ago than age. It
// returns how much was taken away.
func (s *Service) Sweep(ctx context.Context, age time.Duration) (int, error) {
	n := 0
	rows, err := s.buckets.All(ctx)
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		expired, err := s.expire(ctx, &row.Value, time.Now())
		n += expired
		if err != nil {
			return n, err
		}
	}
	if err := s.dropOrphans(ctx); err != nil {
		return n, err
	}
	blobs, err := s.blobs.Sweep(ctx, s.named, age)
	return n + blobs, err
}

// named are the contents that something names.
func (s *Service) named(ctx context.Context) (map[store.Ref]struct{}, error) {
	refs := map[store.Ref]struct{}{}
	objects, err := s.objects.All(ctx)
	for _, row := range objects {
		refs[row.Value.Content] = struct{}{}
	}
	if err != nil {
		return nil, err
	}
	parts, err := s.parts.All(ctx)
	for _, row := range parts {
		refs[row.Value.Content] = struct{}{}
	}
	return refs, err
}

// dropOrphans deletes the parts of uploads that are over.
func (s *Service) dropOrphans(ctx context.Context) error {
	parts, err := s.parts.All(ctx)
	if err != nil {
		return err
	}
	last := ""
	for _, row := range parts {
		at := store.Parts("/" + row.ID)
		if id := at[0] + "/" + at[1]; id != last {
			last = id
			_, _, err := s.uploads.Get(ctx, store.ID(at[0], at[1]))
			if isNotFound(err) {
				err = s.dropParts(ctx, at[0], at[1])
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// expire does what a bucket's life cycle asks for at a time.
func (s *Service) expire(ctx context.Context, b *bucket, now time.Time) (int, error) {
	var doc lifecycle
	if b.Lifecycle == "" || xml.Unmarshal([]byte(b.Lifecycle), &doc) != nil {
		return 0, nil
	}
	n := 0
	for i := range doc.Rule {
		r := &doc.Rule[i]
		if r.Status != "Enabled" {
			continue
		}
		took, err := s.expireObjects(ctx, b, r, now)
		n += took
		if err == nil {
			err = s.expireUploads(ctx, b, r, now)
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func older(t time.Time, days int, now time.Time) bool {
	return now.Sub(t) >= time.Duration(days)*24*time.Hour
}

func (s *Service) expireObjects(ctx context.Context, b *bucket, r *lifecycleRule, now time.Time) (int, error) {
	list, err := s.all(ctx, b.Name, r.prefix())
	if err != nil {
		return 0, err
	}
	n, noncurrent := 0, 0
	for i := range list {
		o := &list[i]
		latest := i == 0 || list[i-1].Key != o.Key
		if latest {
			noncurrent = 0
		} else {
			noncurrent++
		}
		alone := latest && (i == len(list)-1 || list[i+1].Key != o.Key)
		var version *string
		switch e, old := r.Expiration, r.NoncurrentVersionExpiration; {
		case latest && o.Deleted && alone && e != nil && e.ExpiredObjectDeleteMarker:
			version = &o.Version
		case latest && !o.Deleted && e != nil && e.Days != nil && older(o.Modified, *e.Days, now):
			if b.Versioning == "" {
				version = &o.Version
			}
		case !latest && old != nil && noncurrent > old.NewerNoncurrentVersions && older(list[i-1].Modified, old.NoncurrentDays, now):
			version = &o.Version // AWS: it is not current since its successor came
		default:
			continue
		}
		if _, err := s.deleteOne(ctx, b.Name, o.Key, version); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func (s *Service) expireUploads(ctx context.Context, b *bucket, r *lifecycleRule, now time.Time) error {
	if r.AbortIncompleteMultipartUpload == nil {
		return nil
	}
	rows, err := s.uploads.All(ctx, b.Name)
	if err != nil {
		return err
	}
	for _, row := range rows {
		u := row.Value
		if !strings.HasPrefix(u.Key, r.prefix()) || !older(u.Began, r.AbortIncompleteMultipartUpload.DaysAfterInitiation, now) {
			continue
		}
		if _, err := s.AbortMultipartUpload(ctx, &objectInput{Bucket: u.Bucket, Key: u.Key, UploadID: &u.ID}); err != nil {
			return err
		}
	}
	return nil
}
