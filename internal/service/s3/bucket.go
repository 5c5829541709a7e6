package s3

import (
	"context"
	"encoding/xml"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/store"
)

// An owner as documents name it.
type owner struct {
	ID string
}

// ListBuckets lists the buckets of the account.
func (s *Service) ListBuckets(ctx context.Context, _ *bucketInput) (*documentOutput, error) {
	rows, err := s.buckets.All(ctx)
	if err != nil {
		return nil, err
	}
	type entry struct{ Name, CreationDate, BucketRegion string }
	var doc struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListAllMyBucketsResult"`
		Owner   owner
		Buckets struct{ Bucket []entry }
	}
	account := awsrpc.CallerFrom(ctx).Account
	doc.Owner.ID = account
	for _, row := range rows {
		if b := row.Value; b.Account == account {
			doc.Buckets.Bucket = append(doc.Buckets.Bucket, entry{b.Name, timeText(b.Created), b.Region})
		}
	}
	return answer(doc)
}

// answer is an answer that is a document.
func answer(doc any) (*documentOutput, error) {
	body, err := document(doc)
	return &documentOutput{Type: new("application/xml"), Body: body}, err
}

// CreateBucket makes a bucket.
func (s *Service) CreateBucket(ctx context.Context, in *bucketInput) (*bucketOutput, error) {
	c := awsrpc.CallerFrom(ctx)
	switch {
	case !validName(in.Bucket):
		return nil, fault(400, "InvalidBucketName", "The specified bucket is not valid.", "BucketName", in.Bucket)
	case in.ACL != nil && *in.ACL != "private":
		return nil, refused("the access list " + *in.ACL + ": buckets are private")
	case in.ObjectLock != nil && !strings.EqualFold(*in.ObjectLock, "false"):
		return nil, refused("ObjectLockEnabledForBucket")
	case in.Ownership != nil && *in.Ownership != "BucketOwnerEnforced":
		return nil, refused("the object ownership " + *in.Ownership + ": access lists are disabled")
	}
	b := bucket{Name: in.Bucket, Account: c.Account, Region: c.Region, Created: time.Now().UTC().Truncate(time.Second)}
	if len(in.Body) > 0 {
		var config struct{ LocationConstraint string }
		if err := read(in.Body, &config); err != nil {
			return nil, err
		}
		if config.LocationConstraint != "" && config.LocationConstraint != c.Region {
			return nil, fault(400, "IllegalLocationConstraintException", "The "+config.LocationConstraint+" location constraint is incompatible for the region specific endpoint this request was sent to.")
		}
	}
	rows, err := s.buckets.All(ctx)
	if err != nil {
		return nil, err
	}
	if len(rows) >= maxBuckets {
		return nil, fault(400, "TooManyBuckets", "You have attempted to create more buckets than allowed")
	}
	err = store.Update(ctx, s.st, func(ch *store.Change) error {
		have, _, err := s.buckets.Get(ctx, store.ID(in.Bucket))
		switch {
		case err == nil && have.Account != c.Account:
			return fault(409, "BucketAlreadyExists", "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.", "BucketName", in.Bucket)
		case err == nil && c.Region == "us-east-1" && have.Region == c.Region:
			return nil // AWS: in us-east-1 it is no error
		case err == nil:
			return fault(409, "BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded and you already own it.", "BucketName", in.Bucket)
		case !isNotFound(err):
			return err
		}
		ch.Require(s.buckets.Absent(store.ID(in.Bucket)))
		store.Add(ch, s.buckets, store.ID(in.Bucket), b)
		return nil
	})
	return &bucketOutput{Location: new("/" + in.Bucket)}, err
}

// HeadBucket tells whether a bucket is there.
func (s *Service) HeadBucket(ctx context.Context, in *bucketInput) (*bucketOutput, error) {
	b, _, err := s.bucket(ctx, in.Bucket)
	return &bucketOutput{Region: new(b.Region)}, err
}

// GetBucketLocation tells a bucket's Region.
//
// AWS: that of us-east-1 is empty.
func (s *Service) GetBucketLocation(ctx context.Context, in *bucketInput) (*documentOutput, error) {
	b, _, err := s.bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	var doc struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ LocationConstraint"`
		Region  string   `xml:",chardata"`
	}
	if b.Region != "us-east-1" {
		doc.Region = b.Region
	}
	return answer(doc)
}

// DeleteBucket deletes an empty bucket.
func (s *Service) DeleteBucket(ctx context.Context, in *bucketInput) (*documentOutput, error) {
	err := store.Update(ctx, s.st, func(c *store.Change) error {
		_, rev, err := s.bucket(ctx, in.Bucket)
		if err != nil {
			return err
		}
		some, err := s.objects.List(ctx, store.ID(in.Bucket)+"/", "", 1)
		if err != nil {
			return err
		}
		if len(some.Rows) > 0 {
			message := "The bucket you tried to delete is not empty"
			if some.Rows[0].Value.Version != nullVersion {
				message = "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
			}
			return fault(409, "BucketNotEmpty", message, "BucketName", in.Bucket)
		}
		uploads, err := s.uploads.All(ctx, in.Bucket)
		if err != nil {
			return err
		}
		parts, err := s.parts.All(ctx, in.Bucket)
		if err != nil {
			return err
		}
		if len(uploads)+len(parts) > 100 {
			return fault(409, "BucketNotEmpty", "The bucket has uploads under way: abort them", "BucketName", in.Bucket)
		}
		c.Require(s.buckets.Is(store.ID(in.Bucket), rev))
		c.Do(s.buckets.Delete(store.ID(in.Bucket)))
		for _, u := range uploads {
			c.Do(s.uploads.Delete(u.ID))
		}
		for _, p := range parts {
			c.Do(s.parts.Delete(p.ID))
		}
		return nil
	})
	return &documentOutput{}, err
}

// Policy returns the policy of a bucket, if it has one, and the account that
// owns it; of a bucket that is not there, nothing.
func (s *Service) Policy(ctx context.Context, name string) (document, account string, err error) {
	b, _, err := s.buckets.Get(ctx, store.ID(name))
	if isNotFound(err) {
		return "", "", nil
	}
	return b.Policy, b.Account, err
}

// refuseGrants refuses access lists that would let others in.
func refuseGrants(in *objectInput) error {
	switch {
	case in.ACL != nil && !slices.Contains([]string{"private", "bucket-owner-full-control", "bucket-owner-read"}, *in.ACL):
		return refused("the access list " + *in.ACL + ": objects are private")
	case len(in.Grant) > 0:
		return refused("access lists")
	case len(in.Lock) > 0:
		return refused("object lock")
	case in.Redirect != nil:
		return refused("x-amz-website-redirect-location")
	case in.StorageClass != nil && *in.StorageClass != "STANDARD":
		return refused("the storage class " + *in.StorageClass)
	case in.SSE != nil && *in.SSE != "AES256" && *in.SSE != "aws:kms":
		return refused("the encryption " + *in.SSE)
	case len(in.Encryption) > 0:
		return refused("encryption with keys of the caller's or of KMS")
	}
	return nil
}
