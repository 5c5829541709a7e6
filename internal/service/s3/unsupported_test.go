package s3

import (
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/internal/awsrpc"
)

// TestRefusedByName: what S3 does and we do not is refused by its name, and is
// never taken for the operation without its word.
func TestRefusedByName(t *testing.T) {
	s, _ := newService(t)
	h, err := awsrpc.NewHandler([]awsrpc.Mount{Mount(s)}, awsrpc.Options{Dev: true})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ method, path, want string }{
		{"PUT", "/?abac", "PutBucketAbac"},
		{"PUT", "/key?renameObject", "RenameObject"},
		{"PUT", "/key?annotation&annotationName=a", "PutObjectAnnotation"},
		{"PUT", "/?metadataJournalTable", "UpdateBucketMetadataJournalTableConfiguration"},
		{"GET", "/?analytics", "ListBucketAnalyticsConfigurations"},
		{"GET", "/?analytics&id=a", "GetBucketAnalyticsConfiguration"},
		{"GET", "/key?annotation", "ListObjectAnnotations"},
		{"GET", "/key?annotation&annotationName=a", "GetObjectAnnotation"},
		{"PUT", "/key?acl", "PutObjectAcl"},
		{"GET", "/key?partNumber=1", "GET partNumber"},
	}
	for _, tt := range tests {
		r := httptest.NewRequest(tt.method, "http://bucket.s3.localhost"+tt.path, nil)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 501 || !strings.Contains(w.Body.String(), "does not implement "+tt.want+" yet") {
			t.Errorf("%s %s = %d %s, want 501 of %s", tt.method, tt.path, w.Code, w.Body, tt.want)
		}
	}
}
