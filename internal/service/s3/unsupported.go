package s3

import "net/http"

// refusedOperations are those of S3 that answer 501: without them a request that
// asks for, say, PutBucketAbac would be CreateBucket. CopyObject is a form of
// PutObject; directory buckets and Object Lambda have hosts of their own.
//
// AWS: "Actions", Amazon S3 API reference.
func refusedOperations() []operation {
	const get, put, post, del = http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete
	named := func(name, method, uri string) operation {
		return operation{name: name, method: method, uri: uri, code: http.StatusOK}
	}
	return []operation{
		named("CreateBucketMetadataConfiguration", post, onBucket+"?metadataConfiguration"),
		named("CreateBucketMetadataTableConfiguration", post, onBucket+"?metadataTable"),
		named("CreateSession", get, onBucket+"?session"),
		named("DeleteBucketAnalyticsConfiguration", del, onBucket+"?analytics"),
		named("DeleteBucketCors", del, onBucket+"?cors"),
		named("DeleteBucketIntelligentTieringConfiguration", del, onBucket+"?intelligent-tiering"),
		named("DeleteBucketInventoryConfiguration", del, onBucket+"?inventory"),
		named("DeleteBucketMetadataConfiguration", del, onBucket+"?metadataConfiguration"),
		named("DeleteBucketMetadataTableConfiguration", del, onBucket+"?metadataTable"),
		named("DeleteBucketMetricsConfiguration", del, onBucket+"?metrics"),
		named("DeleteBucketOwnershipControls", del, onBucket+"?ownershipControls"),
		named("DeleteBucketReplication", del, onBucket+"?replication"),
		named("DeleteBucketWebsite", del, onBucket+"?website"),
		named("DeleteObjectAnnotation", del, onObject+"?annotation"),
		named("GetBucketAbac", get, onBucket+"?abac"),
		named("GetBucketAnalyticsConfiguration", get, onBucket+"?analytics&id"),
		named("GetBucketIntelligentTieringConfiguration", get, onBucket+"?intelligent-tiering&id"),
		named("GetBucketInventoryConfiguration", get, onBucket+"?inventory&id"),
		named("GetBucketMetadataConfiguration", get, onBucket+"?metadataConfiguration"),
		named("GetBucketMetadataTableConfiguration", get, onBucket+"?metadataTable"),
		named("GetBucketMetricsConfiguration", get, onBucket+"?metrics&id"),
		named("GetObjectAnnotation", get, onObject+"?annotation&annotationName"),
		named("GetObjectAttributes", get, onObject+"?attributes"),
		named("GetObjectLegalHold", get, onObject+"?legal-hold"),
		named("GetObjectRetention", get, onObject+"?retention"),
		named("GetObjectTorrent", get, onObject+"?torrent"),
		named("ListBucketAnalyticsConfigurations", get, onBucket+"?analytics"),
		named("ListBucketIntelligentTieringConfigurations", get, onBucket+"?intelligent-tiering"),
		named("ListBucketInventoryConfigurations", get, onBucket+"?inventory"),
		named("ListBucketMetricsConfigurations", get, onBucket+"?metrics"),
		named("ListObjectAnnotations", get, onObject+"?annotation"),
		named("PutBucketAbac", put, onBucket+"?abac"),
		named("PutBucketAccelerateConfiguration", put, onBucket+"?accelerate"),
		named("PutBucketAcl", put, onBucket+"?acl"),
		named("PutBucketAnalyticsConfiguration", put, onBucket+"?analytics"),
		named("PutBucketCors", put, onBucket+"?cors"),
		named("PutBucketIntelligentTieringConfiguration", put, onBucket+"?intelligent-tiering"),
		named("PutBucketInventoryConfiguration", put, onBucket+"?inventory"),
		named("PutBucketLogging", put, onBucket+"?logging"),
		named("PutBucketMetricsConfiguration", put, onBucket+"?metrics"),
		named("PutBucketNotificationConfiguration", put, onBucket+"?notification"),
		named("PutBucketOwnershipControls", put, onBucket+"?ownershipControls"),
		named("PutBucketReplication", put, onBucket+"?replication"),
		named("PutBucketRequestPayment", put, onBucket+"?requestPayment"),
		named("PutBucketWebsite", put, onBucket+"?website"),
		named("PutObjectAcl", put, onObject+"?acl"),
		named("PutObjectAnnotation", put, onObject+"?annotation"),
		named("PutObjectLegalHold", put, onObject+"?legal-hold"),
		named("PutObjectLockConfiguration", put, onBucket+"?object-lock"),
		named("PutObjectRetention", put, onObject+"?retention"),
		named("RenameObject", put, onObject+"?renameObject"),
		named("RestoreObject", post, onObject+"?restore"),
		named("SelectObjectContent", post, onObject+"?select"),
		named("UpdateBucketMetadataAnnotationTableConfiguration", put, onBucket+"?metadataAnnotationTable"),
		named("UpdateBucketMetadataInventoryTableConfiguration", put, onBucket+"?metadataInventoryTable"),
		named("UpdateBucketMetadataJournalTableConfiguration", put, onBucket+"?metadataJournalTable"),
		named("UpdateObjectEncryption", put, onObject+"?encryption"),
		named("UploadPartCopy", put, onObject+"?x-id=UploadPartCopy"),
	}
}
