package s3

import (
	"context"

	"gatehouse/internal/awsrpc"
)

// CheckBucket returns nil if an account has a bucket of a name.
func (s *Service) CheckBucket(ctx context.Context, account, name string) error {
	b, _, err := s.bucket(ctx, name)
	if err == nil && b.Account != account {
		return noBucket(name)
	}
	return err
}

// PutFile puts an object into a bucket of an account, for a service that delivers
// to it. Its meta data are by their names without x-amz-meta-.
func (s *Service) PutFile(ctx context.Context, account, name, key string, content []byte, meta map[string]string) error {
	if err := s.CheckBucket(ctx, account, name); err != nil {
		return err
	}
	ctx = awsrpc.WithCaller(ctx, awsrpc.Caller{Account: account, Root: true, Via: "cloudtrail.amazonaws.com"})
	_, err := s.PutObject(ctx, &objectInput{
		Bucket: name, Key: key, Body: content, Meta: meta, ContentType: new("application/json"), ContentEncoding: new("gzip"),
	})
	return err
}
