package awsrpc

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
)

// unzip takes the gzip off the body of q, which the signature covers with it.
// What comes out is bounded by limit.
//
// AWS: SDKs compress the larger bodies of PutMetricData (Smithy's trait
// requestCompression).
func (q *request) unzip(limit int64) error {
	coding := strings.TrimSpace(strings.ToLower(q.http.Header.Get("Content-Encoding")))
	if coding != "gzip" {
		// Others, such as aws-chunked, are the business of who knows them.
		return nil
	}
	r, err := gzip.NewReader(bytes.NewReader(q.body))
	if err != nil {
		return malformed("The request body is not gzip")
	}
	body, err := io.ReadAll(io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		return malformed("The request body is not gzip")
	case int64(len(body)) > limit:
		return tooLarge(limit)
	}
	q.body = body
	return nil
}
