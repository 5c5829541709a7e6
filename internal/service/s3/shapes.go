package s3

import "time"

// The inputs and outputs of operations, as far as there is anything to do with
// them. Documents of XML are read and written by the operations.

// A bucketInput names a bucket; Body is the document that comes with it.
type bucketInput struct {
	Bucket     string  `json:"Bucket" aws:"uri=Bucket"`
	ACL        *string `json:"ACL" aws:"header=X-Amz-Acl"`
	ObjectLock *string `json:"ObjectLockEnabledForBucket" aws:"header=X-Amz-Bucket-Object-Lock-Enabled"`
	Ownership  *string `json:"ObjectOwnership" aws:"header=X-Amz-Object-Ownership"`
	Owner      *string `json:"ExpectedBucketOwner" aws:"header=X-Amz-Expected-Bucket-Owner"`
	Body       []byte  `json:"Body" aws:"payload"`
}

// A listInput is what listings of a bucket are asked for.
type listInput struct {
	Bucket            string  `json:"Bucket" aws:"uri=Bucket"`
	Prefix            *string `json:"Prefix" aws:"query=prefix"`
	Delimiter         *string `json:"Delimiter" aws:"query=delimiter"`
	MaxKeys           *string `json:"MaxKeys" aws:"query=max-keys"`
	Marker            *string `json:"Marker" aws:"query=marker"`
	StartAfter        *string `json:"StartAfter" aws:"query=start-after"`
	ContinuationToken *string `json:"ContinuationToken" aws:"query=continuation-token"`
	KeyMarker         *string `json:"KeyMarker" aws:"query=key-marker"`
	VersionIDMarker   *string `json:"VersionIdMarker" aws:"query=version-id-marker"`
	UploadIDMarker    *string `json:"UploadIdMarker" aws:"query=upload-id-marker"`
	EncodingType      *string `json:"EncodingType" aws:"query=encoding-type"`
	Body              []byte  `json:"Body" aws:"payload"`
}

// An objectInput names an object and says what is to be kept of a request.
type objectInput struct {
	Bucket    string  `json:"Bucket" aws:"uri=Bucket"`
	Key       string  `json:"Key" aws:"uri=Key"`
	VersionID *string `json:"VersionId" aws:"query=versionId"`

	UploadID   *string `json:"UploadId" aws:"query=uploadId"`
	PartNumber *string `json:"PartNumber" aws:"query=partNumber"`
	PartMarker *string `json:"PartNumberMarker" aws:"query=part-number-marker"`

	CacheControl       *string           `json:"CacheControl" aws:"header=Cache-Control"`
	ContentDisposition *string           `json:"ContentDisposition" aws:"header=Content-Disposition"`
	ContentEncoding    *string           `json:"ContentEncoding" aws:"header=Content-Encoding"`
	ContentLanguage    *string           `json:"ContentLanguage" aws:"header=Content-Language"`
	ContentType        *string           `json:"ContentType" aws:"header=Content-Type"`
	Expires            *string           `json:"Expires" aws:"header=Expires"`
	ContentMD5         *string           `json:"ContentMD5" aws:"header=Content-Md5"`
	Meta               map[string]string `json:"Metadata" aws:"headers=X-Amz-Meta-"`
	Checksums          map[string]string `json:"Checksums" aws:"headers=X-Amz-Checksum-"`
	Encryption         map[string]string `json:"Encryption" aws:"headers=X-Amz-Server-Side-Encryption"`
	SSE                *string           `json:"ServerSideEncryption" aws:"header=X-Amz-Server-Side-Encryption"`
	Lock               map[string]string `json:"ObjectLock" aws:"headers=X-Amz-Object-Lock-"`
	Grant              map[string]string `json:"Grants" aws:"headers=X-Amz-Grant-"`
	Redirect           *string           `json:"WebsiteRedirectLocation" aws:"header=X-Amz-Website-Redirect-Location"`
	ACL                *string           `json:"ACL" aws:"header=X-Amz-Acl"`
	StorageClass       *string           `json:"StorageClass" aws:"header=X-Amz-Storage-Class"`
	Tagging            *string           `json:"Tagging" aws:"header=X-Amz-Tagging"`

	CopySource        *string `json:"CopySource" aws:"header=X-Amz-Copy-Source"`
	MetadataDirective *string `json:"MetadataDirective" aws:"header=X-Amz-Metadata-Directive"`

	Range             *string `json:"Range" aws:"header=Range"`
	IfMatch           *string `json:"IfMatch" aws:"header=If-Match"`
	IfNoneMatch       *string `json:"IfNoneMatch" aws:"header=If-None-Match"`
	IfModifiedSince   *string `json:"IfModifiedSince" aws:"header=If-Modified-Since"`
	IfUnmodifiedSince *string `json:"IfUnmodifiedSince" aws:"header=If-Unmodified-Since"`

	ResponseContentType        *string `json:"ResponseContentType" aws:"query=response-content-type"`
	ResponseContentDisposition *string `json:"ResponseContentDisposition" aws:"query=response-content-disposition"`
	ResponseCacheControl       *string `json:"ResponseCacheControl" aws:"query=response-cache-control"`

	Body []byte `json:"Body" aws:"payload"`
}

// A documentOutput is an answer that is a document.
type documentOutput struct {
	Type *string `json:"ContentType" aws:"header=Content-Type"`
	Body []byte  `json:"Body" aws:"payload"`
}

// A bucketOutput is the answer to HeadBucket and CreateBucket.
type bucketOutput struct {
	Region   *string `json:"BucketRegion" aws:"header=X-Amz-Bucket-Region"`
	Location *string `json:"Location" aws:"header=Location"`
	Body     []byte  `json:"Body" aws:"payload"`
}

// An objectOutput is what there is to say of an object, with its content.
type objectOutput struct {
	Status       *int32            `json:"Status" aws:"status"`
	Type         *string           `json:"ContentType" aws:"header=Content-Type"`
	ETag         *string           `json:"ETag" aws:"header=Etag"`
	Modified     *string           `json:"LastModified" aws:"header=Last-Modified"`
	VersionID    *string           `json:"VersionId" aws:"header=X-Amz-Version-Id"`
	DeleteMarker *string           `json:"DeleteMarker" aws:"header=X-Amz-Delete-Marker"`
	ContentRange *string           `json:"ContentRange" aws:"header=Content-Range"`
	AcceptRanges *string           `json:"AcceptRanges" aws:"header=Accept-Ranges"`
	Length       *string           `json:"ContentLength" aws:"header=Content-Length"`
	SSE          *string           `json:"ServerSideEncryption" aws:"header=X-Amz-Server-Side-Encryption"`
	Header       map[string]string `json:"Headers" aws:"headers="`
	Meta         map[string]string `json:"Metadata" aws:"headers=X-Amz-Meta-"`
	Body         []byte            `json:"Body" aws:"payload"`
}

// timeText is a time as documents have it.
func timeText(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
