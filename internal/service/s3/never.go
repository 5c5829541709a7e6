package s3

import (
	"context"
	"encoding/xml"
)

// What buckets never have here, and what they always have: asked by tools that
// look at everything.

// constant answers with a document that is the same for every bucket.
func (s *Service) constant(ctx context.Context, in *bucketInput, text string) (*documentOutput, error) {
	_, _, err := s.bucket(ctx, in.Bucket)
	return &documentOutput{Type: new("application/xml"), Body: []byte(xml.Header + text)}, err
}

// never answers that a bucket has no such setting.
func (s *Service) never(ctx context.Context, in *bucketInput, code, message string) (*documentOutput, error) {
	_, _, err := s.bucket(ctx, in.Bucket)
	if err == nil {
		err = fault(404, code, message, "BucketName", in.Bucket)
	}
	return nil, err
}

func (s *Service) ownerOnly(ctx context.Context, bucket string) (*documentOutput, error) {
	b, _, err := s.bucket(ctx, bucket)
	text := `<AccessControlPolicy xmlns="` + namespace + `"><Owner><ID>` + b.Account + `</ID></Owner><AccessControlList><Grant>` +
		`<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>` + b.Account + `</ID></Grantee>` +
		`<Permission>FULL_CONTROL</Permission></Grant></AccessControlList></AccessControlPolicy>`
	return &documentOutput{Type: new("application/xml"), Body: []byte(xml.Header + text)}, err
}

// GetBucketAcl names the owner, and nobody else.
func (s *Service) GetBucketAcl(ctx context.Context, in *bucketInput) (*documentOutput, error) {
	return s.ownerOnly(ctx, in.Bucket)
}

// GetObjectAcl names the owner, and nobody else.
func (s *Service) GetObjectAcl(ctx context.Context, in *objectInput) (*documentOutput, error) {
	if _, err := s.find(ctx, in.Bucket, in.Key, in.VersionID); err != nil {
		return nil, err
	}
	return s.ownerOnly(ctx, in.Bucket)
}

// GetBucketPolicyStatus says that no bucket is public.
func (s *Service) GetBucketPolicyStatus(ctx context.Context, in *bucketInput) (*documentOutput, error) {
	return s.constant(ctx, in, `<PolicyStatus xmlns="`+namespace+`"><IsPublic>false</IsPublic></PolicyStatus>`)
}

// GetBucketOwnershipControls says that there are no access lists.
func (s *Service) GetBucketOwnershipControls(ctx context.Context, in *bucketInput) (*documentOutput, error) {
	return s.constant(ctx, in, `<OwnershipControls xmlns="`+namespace+`"><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>`)
}

// GetBucketRequestPayment says that the owner pays.
func (s *Service) GetBucketRequestPayment(ctx context.Context, in *bucketInput) (*documentOutput, error) {
	return s.constant(ctx, in, `<RequestPaymentConfiguration xmlns="`+namespace+`"><Payer>BucketOwner</Payer></RequestPaymentConfiguration>`)
}

// GetBucketLogging says that nothing is logged to a bucket.
func (s *Service) GetBucketLogging(ctx context.Context, in *bucketInput) (*documentOutput, error) {
	return s.constant(ctx, in, `<BucketLoggingStatus xmlns="`+namespace+`"/>`)
}

// GetBucketAccelerateConfiguration says that nothing is accelerated.
func (s *Service) GetBucketAccelerateConfiguration(ctx context.Context, in *bucketInput) (*documentOutput, error) {
	return s.constant(ctx, in, `<AccelerateConfiguration xmlns="`+namespace+`"/>`)
}

// GetBucketNotificationConfiguration says that nobody is notified.
func (s *Service) GetBucketNotificationConfiguration(ctx context.Context, in *bucketInput) (*documentOutput, error) {
	return s.constant(ctx, in, `<NotificationConfiguration xmlns="`+namespace+`"/>`)
}

// GetBucketCors says that there are no rules.
func (s *Service) GetBucketCors(ctx context.Context, in *bucketInput) (*documentOutput, error) {
	return s.never(ctx, in, "NoSuchCORSConfiguration", "The CORS configuration does not exist")
}

// GetBucketWebsite says that there is none.
func (s *Service) GetBucketWebsite(ctx context.Context, in *bucketInput) (*documentOutput, error) {
	return s.never(ctx, in, "NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration")
}

// GetBucketReplication says that there is none.
func (s *Service) GetBucketReplication(ctx context.Context, in *bucketInput) (*documentOutput, error) {
	return s.never(ctx, in, "ReplicationConfigurationNotFoundError", "The replication configuration was not found")
}

// GetObjectLockConfiguration says that there is none.
func (s *Service) GetObjectLockConfiguration(ctx context.Context, in *bucketInput) (*documentOutput, error) {
	return s.never(ctx, in, "ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket")
}
