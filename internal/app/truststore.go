package app

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"gatehouse/internal/awsclient"
	rest "gatehouse/internal/service/apigateway"
)

// truststoreTime bounds the reading of a trust store, for which a call of the
// AWS APIs waits.
const truststoreTime = 10 * time.Second

// truststores reads the trust stores of custom domains: objects of S3, where
// the configuration says where that is, and files of a directory.
type truststores struct {
	dir     string // empty: none
	objects objects
}

var _ rest.TruststoreReader = (*truststores)(nil)

// ReadTruststore implements the interface of the service.
func (t *truststores) ReadTruststore(ctx context.Context, region, uri, version string, limit int) ([]byte, error) {
	if name, ok := strings.CutPrefix(uri, "file:///"); ok {
		return t.readFile(name, limit)
	}
	ctx, cancel := context.WithTimeout(ctx, truststoreTime)
	defer cancel()
	bucket, key, _ := strings.Cut(strings.TrimPrefix(uri, "s3://"), "/")
	content, err := t.objects.Object(ctx, region, bucket, key, version, int64(limit)+1)
	if errors.Is(err, awsclient.ErrNoEndpoint) {
		return nil, rest.ErrNoTruststore
	}
	return content, err
}

// readFile reads a file of the directory, and nothing outside it.
func (t *truststores) readFile(name string, limit int) ([]byte, error) {
	if t.dir == "" {
		return nil, rest.ErrNoTruststore
	}
	root, err := os.OpenRoot(t.dir)
	if err != nil {
		return nil, errors.New("the directory of trust stores cannot be opened")
	}
	defer root.Close() //nolint:errcheck // only read
	f, err := root.Open(name)
	if err != nil {
		return nil, errors.New("there is no such file in the directory of trust stores")
	}
	defer f.Close() //nolint:errcheck // only read
	return io.ReadAll(io.LimitReader(f, int64(limit)+1))
}
