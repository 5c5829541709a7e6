package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"gatehouse/internal/awsclient"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/seal"
	"gatehouse/internal/service/cloudformation"
	"gatehouse/internal/service/lambda"
	"gatehouse/internal/service/s3"
)

// objectsKeyFile holds what objects are encrypted with, in the data directory and
// not in the store: a backup of the store alone shows nothing of them.
const objectsKeyFile = "objects.key"

// openSeal reads the key that objects, secret parameters and the session tokens of
// stacks are closed with.
func (n *node) openSeal() (*seal.Sealer, error) {
	key, err := awsrpc.PrivateKey(n.cfg.Data, objectsKeyFile, seal.KeySize)
	if err != nil {
		return nil, fmt.Errorf("key of objects: %w", err)
	}
	return seal.New(key)
}

// objects reads S3: where the configuration says that is, or our own.
type objects struct {
	client *awsclient.Client
	own    *s3.Service
}

var (
	_ lambda.Objects           = objects{}
	_ cloudformation.Templates = objects{}
)

// Object returns an object.
func (o objects) Object(ctx context.Context, region, bucket, key, version string, limit int64) ([]byte, error) {
	call := &awsclient.Call{
		Name: awsclient.Name{Subdomain: bucket, Service: "s3", Region: region}, Method: http.MethodGet,
		Path: (&url.URL{Path: "/" + key}).EscapedPath(),
	}
	if version != "" {
		call.Query = "versionId=" + url.QueryEscape(version)
	}
	reply, err := o.client.Do(ctx, call)
	if errors.Is(err, awsclient.ErrNoEndpoint) {
		return o.own.Object(ctx, bucket, key, version, limit)
	}
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close() //nolint:errcheck // the body was read, or its error is returned
	content, err := io.ReadAll(io.LimitReader(reply.Body, limit+1))
	switch {
	case err != nil:
		return nil, err
	case reply.Status != http.StatusOK:
		return nil, fmt.Errorf("S3 answered %d for the object %s of the bucket %s", reply.Status, key, bucket)
	case int64(len(content)) > limit:
		return nil, fmt.Errorf("the object is larger than %d bytes", limit)
	}
	return content, nil
}

// Template returns the template that a URL of S3 names: of AWS's form, or of an
// endpoint with the bucket in its path.
func (o objects) Template(ctx context.Context, text string, limit int64) ([]byte, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("it is not a URL of S3")
	}
	bucket, key, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	if named, _, ok := strings.Cut(u.Hostname(), ".s3"); ok && strings.Contains(u.Hostname(), ".amazonaws.com") {
		bucket, key = named, strings.TrimPrefix(u.Path, "/")
	}
	if bucket == "" || key == "" {
		return nil, errors.New("it names no object of S3")
	}
	return o.Object(ctx, awsrpc.CallerFrom(ctx).Region, bucket, key, u.Query().Get("versionId"), limit)
}
