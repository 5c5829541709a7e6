package iam

import (
	"context"
	"net/netip"
	"time"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/identity"
	"gatehouse/internal/policy"
)

// A BucketPolicies knows the policies of buckets.
type BucketPolicies interface {
	// Policy returns the policy of a bucket, empty if it has none, and the
	// account that owns it, empty if there is no such bucket.
	Policy(ctx context.Context, bucket string) (document, account string, err error)
}

// s3Target returns the action and the resource of a call of S3.
//
// AWS: "Actions, resources, and condition keys for Amazon S3", service
// authorization reference.
func s3Target(c *awsrpc.Call) (action, resource string) {
	action = c.Operation
	if other, ok := s3Actions[action]; ok {
		action = other
	}
	if c.Query.Get("versionId") != "" {
		switch action {
		case "GetObject", "DeleteObject", "GetObjectTagging", "PutObjectTagging", "DeleteObjectTagging", "GetObjectAcl":
			action = versionActions[action]
		}
	}
	resource = "arn:aws:s3:::" + c.Labels["Bucket"]
	switch {
	case c.Labels["Bucket"] == "":
		resource = "*"
	case c.Labels["Key"] != "":
		resource += "/" + c.Labels["Key"]
	}
	return "s3:" + action, resource
}

// s3Actions are the actions that are not called like their operations.
var s3Actions = map[string]string{
	"ListBuckets": "ListAllMyBuckets", "HeadBucket": "ListBucket", "ListObjects": "ListBucket", "ListObjectsV2": "ListBucket", "ListObjectVersions": "ListBucketVersions",
	"ListMultipartUploads": "ListBucketMultipartUploads", "HeadObject": "GetObject",
	"GetBucketLifecycleConfiguration": "GetLifecycleConfiguration", "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration", "DeleteBucketLifecycle": "PutLifecycleConfiguration",
	"GetBucketEncryption": "GetEncryptionConfiguration", "PutBucketEncryption": "PutEncryptionConfiguration", "DeleteBucketEncryption": "PutEncryptionConfiguration",
	"GetPublicAccessBlock": "GetBucketPublicAccessBlock", "PutPublicAccessBlock": "PutBucketPublicAccessBlock", "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
	"DeleteBucketTagging": "PutBucketTagging", "GetBucketCors": "GetBucketCORS", "GetBucketReplication": "GetReplicationConfiguration",
	"GetObjectLockConfiguration": "GetBucketObjectLockConfiguration", "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
	"GetBucketNotificationConfiguration": "GetBucketNotification",
	"CreateMultipartUpload":              "PutObject", "UploadPart": "PutObject", "CompleteMultipartUpload": "PutObject", "ListParts": "ListMultipartUploadParts",
}

// versionActions are the actions of objects where a version is named.
var versionActions = map[string]string{
	"GetObject": "GetObjectVersion", "DeleteObject": "DeleteObjectVersion", "GetObjectTagging": "GetObjectVersionTagging",
	"PutObjectTagging": "PutObjectVersionTagging", "DeleteObjectTagging": "DeleteObjectVersionTagging", "GetObjectAcl": "GetObjectVersionAcl",
}

// A bucketPolicy is the policy of a bucket as it was read once.
type bucketPolicy struct {
	doc    *policy.Document // nil: it has none
	owner  string           // account of the bucket; "": there is none
	broken bool             // there is one that cannot be understood
	failed error            // it could not be read
}

// policyOf reads the policy of a bucket, if the call is about one.
func (a *Access) policyOf(ctx context.Context, name string) *bucketPolicy {
	b := new(bucketPolicy)
	if name == "" || a.Buckets == nil {
		return b
	}
	var text string
	if text, b.owner, b.failed = a.Buckets.Policy(ctx, name); text != "" {
		var err error
		b.doc, err = policy.Parse([]byte(text))
		b.broken = err != nil
	}
	return b
}

// Within returns what decides as Authorize does about calls of S3 that are all about
// one bucket: its policy is read once.
func (a *Access) Within(ctx context.Context, bucket string) awsrpc.Authorizer {
	return &within{a, a.policyOf(ctx, bucket)}
}

type within struct {
	access *Access
	bucket *bucketPolicy
}

// Authorize decides about a call.
func (w *within) Authorize(_ context.Context, c *awsrpc.Call) error {
	who, err := w.access.principal(&c.Caller)
	if err != nil {
		return err
	}
	return w.bucket.authorize(c, who)
}

// authorize decides about a call of S3 by the policies of the caller and the bucket.
// Roots, too, are held to the bucket's policy; the owner's root can always change
// that.
//
// AWS: "How Amazon S3 authorizes a request"; a root user locked out by a policy
// may still delete it.
func (b *bucketPolicy) authorize(c *awsrpc.Call, who *identity.Principal) error {
	if c.Operation == "DeleteObjects" {
		return nil // AWS: decided by the service for each of the objects
	}
	action, resource := s3Target(c)
	refusal := &awsrpc.Error{Code: "AccessDenied", Status: 403, Message: "User: " + who.ARN + " is not authorized to perform: " + action + " on resource: \"" + resource + "\""}
	switch {
	case b.failed != nil:
		return b.failed // there could be one that denies
	case b.broken:
		return refusal // it could be one that denies
	}
	cross := b.owner != "" && b.owner != who.Account
	switch action {
	case "s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy":
		if who.Root && !cross {
			return nil
		}
	}
	keys := &bucketKeys{callKeys{call: c, who: who}, b.owner}
	r := policy.Request{Principal: who.Principal, Action: action, Resource: resource, Now: time.Now(), Keys: keys}
	verdict := who.Decide(&r, b.doc, cross)
	if keys.unknown != "" { // a statement that denies may have asked for it
		refusal.Message += keys.undecided()
		return refusal
	}
	if verdict.Allowed {
		return nil
	}
	refusal.Message += string(verdict.AppendReason(nil, action))
	return refusal
}

// rootOf is the root of an account, as policies see it.
func rootOf(c *awsrpc.Caller) *identity.Principal {
	return &identity.Principal{Root: true, ID: c.Account, Principal: policy.Principal{ARN: c.PrincipalARN, Account: c.Account, Type: "Account", UserID: c.Account}}
}

// bucketKeys are the condition keys of a call of S3.
type bucketKeys struct {
	callKeys
	owner string // account of the bucket; "": there is none
}

// Key returns the values of a key. What does not leave the machine counts as
// sent over a secure transport: the CDK denies everything else to its bucket.
func (k *bucketKeys) Key(name string) (policy.Values, bool) {
	switch name {
	case "aws:securetransport":
		addr, err := netip.ParseAddrPort(k.call.RemoteAddr)
		if err == nil && addr.Addr().Unmap().IsLoopback() {
			return policy.One("true"), true
		}
	case "aws:resourceaccount", "s3:resourceaccount":
		return policy.One(k.owner), k.owner != ""
	case "s3:prefix", "s3:delimiter", "s3:versionid":
		param := map[string]string{"s3:prefix": "prefix", "s3:delimiter": "delimiter", "s3:versionid": "versionId"}[name]
		return policy.One(k.call.Query.Get(param)), k.call.Query.Has(param)
	}
	return k.callKeys.Key(name)
}
