package awsclient

import (
	"errors"
	"strings"
	"time"

	"gatehouse/internal/sigv4"
	"gatehouse/internal/wire"
)

// errUnhashed is a body that is not here and cannot be left unsigned.
var errUnhashed = errors.New("sign a request: its body is not here whole")

// Sign adds date, token and signature to req, in place of those it has. Its
// body must be here whole, except for S3, which takes it unsigned.
//
// AWS: S3 wants the body's hash in a header of its own, and allows
// UNSIGNED-PAYLOAD in its place (Signature Calculations for the Authorization
// Header, S3 API reference).
func Sign(req *wire.Request, c Credentials, t sigv4.Target, at time.Time) error {
	h := &req.Header
	for _, name := range []string{"Authorization", "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Content-Sha256"} {
		h.Del(name)
	}
	hash := sigv4.UnsignedPayload
	switch {
	case req.Body.Source == nil:
		hash = sigv4.HashPayload(req.Body.Bytes)
	case t.Service != "s3":
		return errUnhashed
	}
	h.Add("X-Amz-Date", sigv4.Date(at))
	if t.Service == "s3" {
		h.Add("X-Amz-Content-Sha256", hash)
	}
	if c.Key.SessionToken != "" {
		h.Add("X-Amz-Security-Token", c.Key.SessionToken)
	}
	q := sigv4.Request{Method: req.Method, Host: req.Host, Header: make([]sigv4.Field, 0, len(h.Fields))}
	q.Path, q.Query, _ = strings.Cut(req.Target, "?")
	for _, f := range h.Fields {
		q.Header = append(q.Header, sigv4.Field{Name: f.Name, Value: f.Value})
	}
	keys := c.keys
	if keys == nil {
		keys = new(sigv4.KeyCache)
	}
	h.Add("Authorization", q.AuthorizationCached(c.Key, t, hash, at, keys))
	return nil
}
