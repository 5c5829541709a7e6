package upstream

import (
	"errors"
	"fmt"
)

// What [Cluster.Do] can run into. Each is matched with errors.Is; the cause,
// for the log, is wrapped beside it.
var (
	ErrTimeout     = errors.New("backend timed out")
	ErrConnect     = errors.New("connect to backend")
	ErrCertificate = errors.New("certificate of backend refused") // always together with ErrConnect
	ErrBadResponse = errors.New("malformed response from backend")
	ErrBroken      = errors.New("backend closed the connection midway")
	ErrOverload    = errors.New("backend has no free connection")
	ErrRequestBody = errors.New("read request body") // the client's fault, not the backend's
	ErrTripped     = errors.New("cluster has failed too often and is not called for a while")
	ErrShed        = errors.New("cluster has as many requests as it may")
	ErrNoEndpoint  = errors.New("cluster has no endpoint that takes requests")
	ErrClosed      = errors.New("cluster is closed")
)

// fault joins a kind of error with what caused it. It is made on failure only.
type fault struct {
	kind  error
	cause error
}

func (f *fault) Error() string {
	return fmt.Sprintf("%v: %v", f.kind, f.cause)
}

// Unwrap lets errors.Is find the kind and errors.As the cause.
func (f *fault) Unwrap() []error {
	return []error{f.kind, f.cause}
}

func failure(kind, cause error) error {
	if cause == nil {
		return kind
	}
	if errors.Is(cause, kind) {
		return cause
	}
	return &fault{kind: kind, cause: cause}
}
