package cloudformation

import (
	"context"
	"maps"

	"gatehouse/internal/awsrpc"
)

// maxDefinition bounds the definition of an API in S3. AWS: 6 MB.
const maxDefinition = 6 << 20

// fetchBody makes a Body of what BodyS3Location names, read for the caller of
// ctx.
func fetchBody(ctx context.Context, w *worker) error {
	at, ok := w.props["BodyS3Location"]
	if !ok {
		return nil
	}
	where := asMembers(at)
	bucket, _ := textOf(where["Bucket"])
	key, _ := textOf(where["Key"])
	version, _ := textOf(where["Version"])
	switch {
	case w.props["Body"] != nil:
		return awsrpc.Validation("Only one of Body and BodyS3Location can be specified.")
	case bucket == "" || key == "":
		return awsrpc.Validation("BodyS3Location must have a Bucket and a Key.")
	case where["ETag"] != nil:
		return awsrpc.Validation("Gatehouse does not support the ETag of a BodyS3Location")
	case w.s.opt.Templates == nil:
		return awsrpc.Validation("S3 error: there is no S3 here")
	}
	text, err := w.s.opt.Templates.Object(ctx, w.t.region, bucket, key, version, maxDefinition)
	if err != nil {
		return awsrpc.Validation("S3 error: " + reasonOf(err))
	}
	w.props = maps.Clone(w.props)
	delete(w.props, "BodyS3Location")
	w.props["Body"] = string(text)
	return nil
}

// otherBody tells whether an update brings another definition.
func otherBody(w *worker) bool {
	return !same(only(w.old, "Body", "BodyS3Location"), only(w.props, "Body", "BodyS3Location"))
}
