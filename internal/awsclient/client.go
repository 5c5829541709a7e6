// Package awsclient calls AWS APIs elsewhere: Amazon's own, or servers that
// speak the same protocols.
//
// A [Client] knows where each service is ([Client.Endpoint]): nowhere, until the
// configuration says so, for nothing is ever sent to the internet by surprise.
// It holds the credentials to sign with, a [Source] for the server itself
// ([Client.Own]) and one for each role ([Client.Role]), and renews them before they
// end. [Client.Do] makes one call; a caller that sends requests by itself takes
// the address from the endpoint and signs with [Sign].
//
// The package knows no operation of any service but the two of STS by which
// roles are assumed.
package awsclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse/internal/sigv4"
	"gatehouse/internal/upstream"
	"gatehouse/internal/wire"
)

// Options are what a [Client] is told. The zero Options know no endpoint, and
// have the credentials of nobody.
type Options struct {
	// Endpoints says where services are; see [Client.Endpoint].
	Endpoints map[string]string
	// Self is the address of our own AWS APIs, for endpoints called self. It is
	// asked when such an endpoint is looked up.
	Self func() string

	// Credentials names the source of the server's own credentials: aws, root,
	// none or profile:NAME. Empty is aws.
	Credentials string
	// Roles names the source of the credentials of roles that are not assumed: by
	// ARN, or * for all others.
	Roles map[string]string
	// Assume assumes a role here, for an account, where the endpoint of STS is
	// none or self; nil: that is refused.
	Assume func(ctx context.Context, account, roleARN string) (Credentials, error)
	// Root is what the source root gives.
	Root sigv4.Key

	Getenv   func(string) string // nil: an empty environment
	Upstream upstream.Options
	Log      *slog.Logger // nil: slog.Default()
}

// A Client calls AWS APIs. It is safe for any number of goroutines.
type Client struct {
	opt       Options
	endpoints endpoints
	clusters  *upstream.Registry
	own       Source

	mu    sync.Mutex // guards the field below; never held while calling out
	roles map[roleKey]*kept
}

// New returns a client. Its Run must be running for credentials to be renewed
// in time and idle connections to be closed.
func New(opt Options) (*Client, error) {
	if opt.Getenv == nil {
		opt.Getenv = func(string) string { return "" }
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	c := &Client{opt: opt, clusters: upstream.NewRegistry(opt.Upstream), roles: make(map[roleKey]*kept)}
	var err error
	if c.endpoints, err = newEndpoints(opt.Endpoints); err != nil {
		return nil, err
	}
	if c.own, err = c.named(opt.Credentials); err != nil {
		return nil, err
	}
	for role, source := range opt.Roles {
		if _, err := c.named(source); err != nil {
			return nil, fmt.Errorf("%s: %w", role, err)
		}
	}
	return c, nil
}

// Own gives the server's own credentials.
func (c *Client) Own() Source { return c.own }

// Close closes the connections.
func (c *Client) Close() { c.clusters.Close() }

// renewEvery is how often Run looks for credentials that are about to end.
const renewEvery = 10 * time.Second

// Run keeps credentials and connections until ctx ends.
func (c *Client) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return c.clusters.Run(ctx) })
	g.Go(func() error {
		tick := time.NewTicker(renewEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
				c.renew(ctx)
			}
		}
	})
	return g.Wait()
}

// renew fetches anew what is in use and about to end, one after the other.
func (c *Client) renew(ctx context.Context) {
	for _, k := range c.keptSources() {
		k.renew(ctx, time.Now())
	}
}

// failed logs why credentials could not be fetched.
func (c *Client) failed(err error) {
	c.opt.Log.Warn("calls of AWS services cannot be signed", "error", err)
}

func (c *Client) keptSources() []*kept {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]*kept, 0, len(c.roles)+1)
	if k, ok := c.own.(*kept); ok {
		list = append(list, k)
	}
	for key, k := range c.roles {
		if k.forgotten(time.Now()) {
			delete(c.roles, key)
			continue
		}
		list = append(list, k)
	}
	return list
}

// A Call is one request to a service.
type Call struct {
	Name    Name
	Method  string
	Path    string // escaped, begins with a slash; empty: /
	Query   string // escaped
	Header  []wire.Field
	Body    []byte
	Signer  Source        // nil: the client's own
	Timeout time.Duration // for everything, the answer's body included; 0: one minute
}

// A Reply is the answer to a call. Its body must be closed.
type Reply struct {
	Status int
	Header *wire.Header
	Body   io.ReadCloser
}

// defaultTimeout bounds calls that name no time of their own.
const defaultTimeout = time.Minute

// Do makes a call. A reply of any status is no error. An error is one of
// upstream's, or [ErrNoEndpoint], or [ErrCredentials].
func (c *Client) Do(ctx context.Context, call *Call) (*Reply, error) {
	e, err := c.Endpoint(call.Name)
	if err != nil {
		return nil, err
	}
	signer := call.Signer
	if signer == nil {
		signer = c.own
	}
	cred, err := signer.Credentials(ctx)
	if err != nil {
		return nil, err
	}
	req := newRequest(call, e)
	if err := Sign(req, cred, e.Scope, time.Now()); err != nil {
		return nil, err
	}
	return c.send(ctx, e.Key, req, call.Timeout)
}

// newRequest makes the request of a call, without signature.
func newRequest(call *Call, e *Endpoint) *wire.Request {
	req := &wire.Request{Method: call.Method, Host: e.Authority, Target: e.Path + call.Path}
	if req.Target == "" {
		req.Target = "/"
	}
	if call.Query != "" {
		req.Target += "?" + call.Query
	}
	for _, f := range call.Header {
		req.Header.Add(f.Name, f.Value)
	}
	if len(call.Body) > 0 {
		req.Body = wire.Body{Bytes: call.Body, Length: int64(len(call.Body))}
	}
	return req
}

// send sends a request as it is.
func (c *Client) send(ctx context.Context, key upstream.Key, req *wire.Request, timeout time.Duration) (*Reply, error) {
	cluster, err := c.clusters.Cluster(key, nil)
	if err != nil {
		return nil, err
	}
	if timeout == 0 {
		timeout = defaultTimeout
	}
	deadline := time.Now().Add(timeout)
	if until, ok := ctx.Deadline(); ok && until.Before(deadline) {
		deadline = until
	}
	// The response's text is a view of its own memory, which nobody uses again.
	resp := new(wire.Response)
	if err := cluster.Do(ctx, req, resp, deadline); err != nil {
		return nil, err
	}
	return &Reply{Status: resp.Status, Header: &resp.Header, Body: &body{bytes: resp.Body.Bytes, source: resp.Body.Source}}, nil
}

// A body reads what is here of an answer's body, then the rest.
type body struct {
	bytes  []byte
	source wire.Source
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if len(b.bytes) > 0 {
		n := copy(p, b.bytes)
		b.bytes = b.bytes[n:]
		return n, nil
	}
	if b.source == nil {
		return 0, io.EOF
	}
	n, err := b.source.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = upstream.Classify(err)
	}
	return n, err
}

// Close gives the connection back, or closes it if something is left to read.
func (b *body) Close() error {
	if b.source == nil {
		return nil
	}
	err := b.source.Close()
	b.bytes, b.source = nil, nil
	return err
}

// maxDocument bounds what is read of an answer that holds credentials.
const maxDocument = 64 << 10

// document sends a request and returns the body of the answer, which must be
// small.
func (c *Client) document(ctx context.Context, key upstream.Key, req *wire.Request, timeout time.Duration) (int, []byte, error) {
	r, err := c.send(ctx, key, req, timeout)
	if err != nil {
		return 0, nil, err
	}
	defer r.Body.Close() //nolint:errcheck // the body was read, or its error is returned
	text, err := io.ReadAll(io.LimitReader(r.Body, maxDocument+1))
	if err == nil && len(text) > maxDocument {
		err = errors.New("answer too large")
	}
	return r.Status, text, err
}
