package s3

import (
	"context"
	"net/http"

	"gatehouse/internal/awsrpc"
)

// An operation is a row of the table below.
type operation struct {
	name, method, uri string
	code              int
	in                func() any
	out               any
	invoke            func(ctx context.Context, s *Service, in any) (any, error)
}

// do makes a row of a method of Service.
func do[In, Out any](name, method, uri string, code int, f func(*Service, context.Context, *In) (*Out, error)) operation {
	return operation{name, method, uri, code, func() any { return new(In) }, (*Out)(nil), func(ctx context.Context, s *Service, in any) (any, error) {
		out, err := f(s, ctx, in.(*In))
		if out == nil {
			return nil, err
		}
		return out, err
	}}
}

// Names of paths.
const (
	onBucket = "/{Bucket}"
	onObject = "/{Bucket}/{Key+}"
)

func operations() []operation {
	const get, put, post, del, head = http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodHead
	return []operation{
		do("ListBuckets", get, "/", 200, (*Service).ListBuckets),
		do("CreateBucket", put, onBucket, 200, (*Service).CreateBucket),
		do("HeadBucket", head, onBucket, 200, (*Service).HeadBucket),
		do("DeleteBucket", del, onBucket, 204, (*Service).DeleteBucket),
		do("ListObjects", get, onBucket, 200, (*Service).ListObjects),
		do("ListObjectsV2", get, onBucket+"?list-type", 200, (*Service).ListObjectsV2),
		do("ListObjectVersions", get, onBucket+"?versions", 200, (*Service).ListObjectVersions),
		do("ListMultipartUploads", get, onBucket+"?uploads", 200, (*Service).ListMultipartUploads),
		do("DeleteObjects", post, onBucket+"?delete", 200, (*Service).DeleteObjects),
		do("GetBucketLocation", get, onBucket+"?location", 200, (*Service).GetBucketLocation),
		do("GetBucketVersioning", get, onBucket+"?versioning", 200, (*Service).GetBucketVersioning),
		do("PutBucketVersioning", put, onBucket+"?versioning", 200, (*Service).PutBucketVersioning),
		do("GetBucketPolicy", get, onBucket+"?policy", 200, (*Service).GetBucketPolicy),
		do("PutBucketPolicy", put, onBucket+"?policy", 204, (*Service).PutBucketPolicy),
		do("DeleteBucketPolicy", del, onBucket+"?policy", 204, (*Service).DeleteBucketPolicy),
		do("GetBucketLifecycleConfiguration", get, onBucket+"?lifecycle", 200, (*Service).GetBucketLifecycleConfiguration),
		do("PutBucketLifecycleConfiguration", put, onBucket+"?lifecycle", 200, (*Service).PutBucketLifecycleConfiguration),
		do("DeleteBucketLifecycle", del, onBucket+"?lifecycle", 204, (*Service).DeleteBucketLifecycle),
		do("GetBucketEncryption", get, onBucket+"?encryption", 200, (*Service).GetBucketEncryption),
		do("PutBucketEncryption", put, onBucket+"?encryption", 200, (*Service).PutBucketEncryption),
		do("DeleteBucketEncryption", del, onBucket+"?encryption", 204, (*Service).DeleteBucketEncryption),
		do("GetPublicAccessBlock", get, onBucket+"?publicAccessBlock", 200, (*Service).GetPublicAccessBlock),
		do("PutPublicAccessBlock", put, onBucket+"?publicAccessBlock", 200, (*Service).PutPublicAccessBlock),
		do("DeletePublicAccessBlock", del, onBucket+"?publicAccessBlock", 204, (*Service).DeletePublicAccessBlock),
		do("GetBucketTagging", get, onBucket+"?tagging", 200, (*Service).GetBucketTagging),
		do("PutBucketTagging", put, onBucket+"?tagging", 204, (*Service).PutBucketTagging),
		do("DeleteBucketTagging", del, onBucket+"?tagging", 204, (*Service).DeleteBucketTagging),

		// What buckets never have, and what they always have.
		do("GetBucketAcl", get, onBucket+"?acl", 200, (*Service).GetBucketAcl),
		do("GetBucketPolicyStatus", get, onBucket+"?policyStatus", 200, (*Service).GetBucketPolicyStatus),
		do("GetBucketOwnershipControls", get, onBucket+"?ownershipControls", 200, (*Service).GetBucketOwnershipControls),
		do("GetBucketRequestPayment", get, onBucket+"?requestPayment", 200, (*Service).GetBucketRequestPayment),
		do("GetBucketLogging", get, onBucket+"?logging", 200, (*Service).GetBucketLogging),
		do("GetBucketAccelerateConfiguration", get, onBucket+"?accelerate", 200, (*Service).GetBucketAccelerateConfiguration),
		do("GetBucketNotificationConfiguration", get, onBucket+"?notification", 200, (*Service).GetBucketNotificationConfiguration),
		do("GetBucketCors", get, onBucket+"?cors", 200, (*Service).GetBucketCors),
		do("GetBucketWebsite", get, onBucket+"?website", 200, (*Service).GetBucketWebsite),
		do("GetBucketReplication", get, onBucket+"?replication", 200, (*Service).GetBucketReplication),
		do("GetObjectLockConfiguration", get, onBucket+"?object-lock", 200, (*Service).GetObjectLockConfiguration),

		do("PutObject", put, onObject, 200, (*Service).PutObject), // and CopyObject, which a header tells
		do("GetObject", get, onObject, 200, (*Service).GetObject),
		do("HeadObject", head, onObject, 200, (*Service).HeadObject),
		do("DeleteObject", del, onObject, 204, (*Service).DeleteObject),
		do("GetObjectTagging", get, onObject+"?tagging", 200, (*Service).GetObjectTagging),
		do("PutObjectTagging", put, onObject+"?tagging", 200, (*Service).PutObjectTagging),
		do("DeleteObjectTagging", del, onObject+"?tagging", 204, (*Service).DeleteObjectTagging),
		do("GetObjectAcl", get, onObject+"?acl", 200, (*Service).GetObjectAcl),
		do("CreateMultipartUpload", post, onObject+"?uploads", 200, (*Service).CreateMultipartUpload),
		do("UploadPart", put, onObject+"?uploadId", 200, (*Service).UploadPart),
		do("CompleteMultipartUpload", post, onObject+"?uploadId", 200, (*Service).CompleteMultipartUpload),
		do("AbortMultipartUpload", del, onObject+"?uploadId", 204, (*Service).AbortMultipartUpload),
		do("ListParts", get, onObject+"?uploadId", 200, (*Service).ListParts),
	}
}

// Mount is the service, ready to be served.
func Mount(s *Service) awsrpc.Mount {
	svc := awsrpc.Service{Name: "s3", SigningName: "s3", Protocol: awsrpc.RestXML, Version: "2006-03-01", Namespace: namespace, MaxBody: MaxObject + 1<<20}
	for _, op := range refusedOperations() {
		svc.Operations = append(svc.Operations, awsrpc.Operation{Name: op.name, Method: op.method, URI: op.uri, Code: op.code})
	}
	for _, op := range operations() {
		svc.Operations = append(svc.Operations, awsrpc.Operation{
			Name: op.name, Method: op.method, URI: op.uri, Code: op.code, NewInput: op.in, Output: op.out,
			Invoke: func(ctx context.Context, server, in any) (any, error) { return op.invoke(ctx, server.(*Service), in) },
		})
	}
	return awsrpc.Mount{Service: svc, Server: s}
}
