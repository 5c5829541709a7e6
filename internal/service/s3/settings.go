package s3

import (
	"bytes"
	"context"
	"encoding/xml"

	"gatehouse/internal/policy"
)

// GetBucketVersioning tells whether a bucket keeps versions.
func (s *Service) GetBucketVersioning(ctx context.Context, in *bucketInput) (*documentOutput, error) {
	b, _, err := s.bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	var doc struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ VersioningConfiguration"`
		Status  string   `xml:",omitempty"`
	}
	doc.Status = b.Versioning
	return answer(doc)
}

// PutBucketVersioning has a bucket keep versions, or not any more.
func (s *Service) PutBucketVersioning(ctx context.Context, in *bucketInput) (*documentOutput, error) {
	var doc struct{ Status, MfaDelete string }
	if err := read(in.Body, &doc); err != nil {
		return nil, err
	}
	switch {
	case doc.MfaDelete == "Enabled":
		return nil, refused("MfaDelete")
	case doc.Status != "Enabled" && doc.Status != "Suspended":
		return nil, fault(400, "IllegalVersioningConfigurationException", "The Versioning element must be specified")
	}
	return &documentOutput{}, s.change(ctx, in.Bucket, func(b *bucket) error { b.Versioning = doc.Status; return nil })
}

// GetBucketPolicy returns a bucket's policy.
func (s *Service) GetBucketPolicy(ctx context.Context, in *bucketInput) (*documentOutput, error) {
	b, _, err := s.bucket(ctx, in.Bucket)
	if err == nil && b.Policy == "" {
		err = fault(404, "NoSuchBucketPolicy", "The bucket policy does not exist", "BucketName", in.Bucket)
	}
	return &documentOutput{Type: new("application/json"), Body: []byte(b.Policy)}, err
}

// maxPolicy is AWS's quota of a bucket's policy, in bytes.
const maxPolicy = 20 << 10

// PutBucketPolicy gives a bucket a policy, which decides with those of callers.
// Nobody calls without a signature, whatever it allows.
func (s *Service) PutBucketPolicy(ctx context.Context, in *bucketInput) (*documentOutput, error) {
	if len(in.Body) > maxPolicy {
		return nil, fault(400, "PolicyTooLarge", "Policy document exceeds the maximum size allowed")
	}
	d, err := policy.Parse(in.Body)
	if err == nil {
		err = d.Check(policy.Resource)
	}
	if err != nil {
		return nil, fault(400, "MalformedPolicy", err.Error())
	}
	return &documentOutput{}, s.change(ctx, in.Bucket, func(b *bucket) error {
		b.Policy = string(in.Body)
		if s.Directory == nil {
			return nil
		}
		return s.Directory.Check(ctx, b.Account, d, fault(400, "MalformedPolicy", "Invalid principal in policy"))
	})
}

// DeleteBucketPolicy takes a bucket's policy away.
func (s *Service) DeleteBucketPolicy(ctx context.Context, in *bucketInput) (*documentOutput, error) {
	return &documentOutput{}, s.change(ctx, in.Bucket, func(b *bucket) error { b.Policy = ""; return nil })
}

// An encryption is the document of a bucket's encryption.
type encryption struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ServerSideEncryptionConfiguration"`
	Rule    []struct {
		ApplyServerSideEncryptionByDefault struct {
			SSEAlgorithm   string
			KMSMasterKeyID string `xml:",omitempty"`
		}
		BucketKeyEnabled bool
	}
}

// GetBucketEncryption tells how objects are encrypted: always, with AES-256.
func (s *Service) GetBucketEncryption(ctx context.Context, in *bucketInput) (*documentOutput, error) {
	b, _, err := s.bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	text := b.Encryption
	if text == "" { // AWS: the default since 2023
		text = `<ServerSideEncryptionConfiguration xmlns="` + namespace + `"><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>` +
			`</ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>`
	}
	return &documentOutput{Type: new("application/xml"), Body: []byte(xml.Header + text)}, nil
}

// PutBucketEncryption takes what says how objects are encrypted. All are sealed
// with the server's own key, which stands for those that AWS manages; there are
// no keys of customers.
func (s *Service) PutBucketEncryption(ctx context.Context, in *bucketInput) (*documentOutput, error) {
	var doc encryption
	if err := xml.Unmarshal(in.Body, &doc); err != nil || len(doc.Rule) != 1 {
		return nil, badDocument()
	}
	how := doc.Rule[0].ApplyServerSideEncryptionByDefault
	switch {
	case how.KMSMasterKeyID != "":
		return nil, refused("KMSMasterKeyID: objects are encrypted with the server's own key")
	case how.SSEAlgorithm != "AES256" && how.SSEAlgorithm != "aws:kms":
		return nil, refused("the encryption " + how.SSEAlgorithm)
	}
	text, err := xml.Marshal(doc)
	if err != nil {
		return nil, err
	}
	return &documentOutput{}, s.change(ctx, in.Bucket, func(b *bucket) error { b.Encryption = string(text); return nil })
}

// DeleteBucketEncryption goes back to the default.
func (s *Service) DeleteBucketEncryption(ctx context.Context, in *bucketInput) (*documentOutput, error) {
	return &documentOutput{}, s.change(ctx, in.Bucket, func(b *bucket) error { b.Encryption = ""; return nil })
}

// A publicAccess is the document of what a bucket keeps from the public.
type publicAccess struct {
	XMLName                                                                     xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ PublicAccessBlockConfiguration"`
	BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy, RestrictPublicBuckets bool
}

// GetPublicAccessBlock returns what was put.
func (s *Service) GetPublicAccessBlock(ctx context.Context, in *bucketInput) (*documentOutput, error) {
	b, _, err := s.bucket(ctx, in.Bucket)
	if err == nil && b.PublicAccess == "" {
		err = fault(404, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found", "BucketName", in.Bucket)
	}
	return &documentOutput{Type: new("application/xml"), Body: []byte(xml.Header + b.PublicAccess)}, err
}

// PutPublicAccessBlock takes what is to be kept from the public, which gets
// nothing anyway.
func (s *Service) PutPublicAccessBlock(ctx context.Context, in *bucketInput) (*documentOutput, error) {
	var doc publicAccess
	if err := xml.Unmarshal(in.Body, &doc); err != nil {
		return nil, badDocument()
	}
	text, err := xml.Marshal(doc)
	if err != nil {
		return nil, err
	}
	return &documentOutput{}, s.change(ctx, in.Bucket, func(b *bucket) error { b.PublicAccess = string(text); return nil })
}

// DeletePublicAccessBlock forgets it.
func (s *Service) DeletePublicAccessBlock(ctx context.Context, in *bucketInput) (*documentOutput, error) {
	return &documentOutput{}, s.change(ctx, in.Bucket, func(b *bucket) error { b.PublicAccess = ""; return nil })
}

// A tagging is the document of tags.
type tagging struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ Tagging"`
	TagSet  struct{ Tag []tag }
}

type tag struct{ Key, Value string }

func tagsOf(m map[string]string) (*documentOutput, error) {
	var doc tagging
	for _, k := range sorted(m) {
		doc.TagSet.Tag = append(doc.TagSet.Tag, tag{k, m[k]})
	}
	return answer(doc)
}

// readTags reads at most as many tags as most.
func readTags(body []byte, most int) (map[string]string, error) {
	var doc struct {
		TagSet struct{ Tag []tag }
	}
	if err := xml.NewDecoder(bytes.NewReader(body)).Decode(&doc); err != nil {
		return nil, badDocument()
	}
	m := map[string]string{}
	for _, t := range doc.TagSet.Tag {
		if _, twice := m[t.Key]; twice || t.Key == "" || len(t.Key) > 128 || len(t.Value) > 256 {
			return nil, fault(400, "InvalidTag", "The TagKey you have provided is invalid")
		}
		m[t.Key] = t.Value
	}
	if len(m) > most {
		return nil, fault(400, "BadRequest", "Object tags cannot be greater than 10")
	}
	return m, nil
}

// GetBucketTagging returns a bucket's tags.
func (s *Service) GetBucketTagging(ctx context.Context, in *bucketInput) (*documentOutput, error) {
	b, _, err := s.bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	if len(b.Tags) == 0 {
		return nil, fault(404, "NoSuchTagSet", "The TagSet does not exist", "BucketName", in.Bucket)
	}
	return tagsOf(b.Tags)
}

// PutBucketTagging replaces a bucket's tags.
func (s *Service) PutBucketTagging(ctx context.Context, in *bucketInput) (*documentOutput, error) {
	tags, err := readTags(in.Body, 50)
	if err != nil {
		return nil, err
	}
	return &documentOutput{}, s.change(ctx, in.Bucket, func(b *bucket) error { b.Tags = tags; return nil })
}

// DeleteBucketTagging takes a bucket's tags away.
func (s *Service) DeleteBucketTagging(ctx context.Context, in *bucketInput) (*documentOutput, error) {
	return &documentOutput{}, s.change(ctx, in.Bucket, func(b *bucket) error { b.Tags = nil; return nil })
}
