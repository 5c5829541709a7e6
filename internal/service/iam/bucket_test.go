package iam_test

import (
	"context"
	"errors"
	"net/url"
	"testing"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/identity"
	"gatehouse/internal/service/iam"
)

// A bucketPolicy is the policy of all buckets, and counts how often it is read.
type bucketPolicy struct {
	text   string
	failed error
	reads  int
}

// Policy returns the policy of a bucket.
func (b *bucketPolicy) Policy(context.Context, string) (document, owner string, err error) {
	b.reads++
	return b.text, account, b.failed
}

// Within decides as Authorize does, and reads the policy of the bucket once.
func TestWithin(t *testing.T) {
	const refused = "AccessDenied: User: arn:aws:iam::" + account + ":root is not authorized to perform: s3:DeleteObject on resource: \"arn:aws:s3:::box/kept\""
	burns := errors.New("the disk burns")
	root := awsrpc.Caller{Account: account, Region: "us-east-1", PrincipalARN: "arn:aws:iam::" + account + ":root", Root: true}
	tests := []struct {
		name   string
		bucket bucketPolicy
		caller awsrpc.Caller
		want   string // about the key kept; empty: it may be deleted, as others
	}{
		{"no policy", bucketPolicy{}, root, ""},
		{"denied", bucketPolicy{text: `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::box/kept"}]}`}, root,
			refused + " with an explicit deny in a resource-based policy"},
		{"not understood", bucketPolicy{text: "{"}, root, refused},
		{"not read", bucketPolicy{failed: burns}, root, burns.Error()},
		{"nobody", bucketPolicy{}, awsrpc.Caller{Account: account, AccessKey: "AKIA"}, "UnrecognizedClientException: The security token included in the request is invalid."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			access := iam.NewAccess(awsrpc.Credential{}, new(identity.Registry))
			access.Buckets = &tt.bucket
			rules := access.Within(t.Context(), "box")
			for _, key := range []string{"kept", "kept", "other"} {
				c := &awsrpc.Call{Caller: tt.caller, Service: "s3", API: "s3", Operation: "DeleteObject", Labels: map[string]string{"Bucket": "box", "Key": key}, Query: url.Values{}, Form: url.Values{}}
				got := ""
				if err := rules.Authorize(t.Context(), c); err != nil {
					got = err.Error()
				}
				if key == "kept" && got != tt.want || key != "kept" && tt.name == "denied" && got != "" {
					t.Errorf("%s: %q, want %q", key, got, tt.want)
				}
				if tt.bucket.reads != 1 {
					t.Errorf("the policy was read %d times", tt.bucket.reads)
				}
				again := ""
				if err := access.Authorize(t.Context(), c); err != nil {
					again = err.Error()
				}
				tt.bucket.reads = 1
				if again != got {
					t.Errorf("%s: %q within, %q without", key, got, again)
				}
			}
		})
	}
}
