package awsrpc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/arn"
	"gatehouse/internal/sigv4"
)

// Options are what a handler may be given besides its mounts.
type Options struct {
	// Credentials are the access keys that are accepted; required unless Dev.
	Credentials Credentials
	// Authorizer decides who may do what; nil is RootOnly.
	Authorizer Authorizer
	// Audit keeps a record of each call; nil: nobody does.
	Audit Auditor

	// Dev accepts every credential unverified, and none: an access key of
	// twelve digits is the account, otherwise Account is.
	Dev bool
	// Account is the dev account; empty is 000000000000.
	Account string

	// Wait is called after each operation that may have changed something,
	// before its reply is written; nil does not wait. It must be bounded.
	Wait func(ctx context.Context)

	// MaxBody bounds a request's body in bytes; zero is DefaultMaxBody.
	MaxBody int64
	// Log takes what the operator must see; nil discards.
	Log *slog.Logger
}

const (
	// DefaultMaxBody is the largest body read. AWS: an API definition may
	// have 6 MB; the rest is room for its envelope. Who sends more gets 413.
	DefaultMaxBody = 6<<20 + 64<<10

	// smallBody is read without asking; larger bodies share largeBodies
	// places, so that what clients send is held in bounded memory. Who finds
	// no place within largeWait is throttled.
	smallBody   = 64 << 10
	largeBodies = 16
	largeWait   = 5 * time.Second

	// hugeBodies is how many bodies over Options.MaxBody may be held at once,
	// of services that allow them.
	hugeBodies = 2
)

// A Handler serves mounts on one address. It is safe for concurrent use.
type Handler struct {
	auth      authenticator
	authorize Authorizer
	audit     Auditor
	mounts    []mounted
	wait      func(context.Context)
	maxBody   int64
	large     chan struct{} // places for large bodies
	huge      chan struct{} // and for huge ones
	log       *slog.Logger
}

// A mounted is a mount with one of its protocols.
type mounted struct {
	service  Service
	server   any
	protocol protocol

	operations map[string]*operation // by name, for calls from inside
}

// NewHandler returns a handler for mounts. It reads every shape once, so that a
// malformed table is found here and not by a request.
func NewHandler(mounts []Mount, opt Options) (*Handler, error) {
	if opt.Credentials == nil && !opt.Dev {
		return nil, errors.New("awsrpc: no credentials")
	}
	if opt.Account == "" {
		opt.Account = "000000000000"
	}
	if !arn.ValidAccount(opt.Account) {
		return nil, fmt.Errorf("awsrpc: account %q is not twelve digits", opt.Account)
	}
	h := &Handler{
		auth:      authenticator{opt.Credentials, opt.Dev, opt.Account},
		authorize: opt.Authorizer,
		audit:     opt.Audit,
		wait:      opt.Wait,
		maxBody:   opt.MaxBody,
		large:     make(chan struct{}, largeBodies),
		huge:      make(chan struct{}, hugeBodies),
		log:       opt.Log,
	}
	if h.authorize == nil {
		h.authorize = RootOnly{}
	}
	if h.maxBody == 0 {
		h.maxBody = DefaultMaxBody
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	p := plans{}
	for _, m := range mounts {
		protos, ops, err := newProtocols(m.Service, p)
		if err != nil {
			return nil, fmt.Errorf("awsrpc: service %s: %w", m.Service.Name, err)
		}
		for _, proto := range protos {
			h.mounts = append(h.mounts, mounted{m.Service, m.Server, proto, ops})
		}
	}
	return h, nil
}

// ServeHTTP answers one call.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := requestID()
	w.Header()["x-amzn-RequestId"] = []string{id}
	answer := &answer{ResponseWriter: w}
	c := &call{h: h, id: id, w: answer, fail: failJSON}
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			h.log.Error("call panicked", "operation", c.name(), "request", id, "panic", p, "stack", string(debug.Stack()))
			if answer.started {
				panic(http.ErrAbortHandler) // a torn answer must not look whole
			}
			c.fail(answer, internalFailure())
		}
	}()
	if err := c.serve(r); err != nil {
		e, failed := asError(err)
		if failed {
			h.log.Error("call failed", "operation", c.name(), "request", id, "error", err)
			if answer.started {
				panic(http.ErrAbortHandler)
			}
		}
		c.fail(answer, e)
	}
}

// An answer knows whether anything of it was sent.
type answer struct {
	http.ResponseWriter
	started bool
}

// Unwrap lets an http.ResponseController through.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader sends the status.
func (a *answer) WriteHeader(code int) {
	a.started = true
	a.ResponseWriter.WriteHeader(code)
}

// A call is one request on its way through the handler.
type call struct {
	h    *Handler
	id   string
	w    http.ResponseWriter
	fail func(http.ResponseWriter, *Error) // in the protocol, once that is known
	op   *operation
}

func (c *call) name() string {
	if c.op == nil {
		return ""
	}
	return c.op.Name
}

// serve does what a call takes, in order. What it returns was not yet answered.
func (c *call) serve(r *http.Request) error {
	h := c.h
	q := &request{http: r, raw: sigv4.FromHTTP(r)}
	var err error
	if q.query, err = url.ParseQuery(q.raw.Query); err != nil {
		return malformed("The query string is malformed")
	}
	if hasDotSegment(q.raw.Path) {
		return malformed("The path must not have dot segments")
	}
	if m := h.speaker(q); m != nil {
		c.fail = m.protocol.fail
	}
	sig, err := h.auth.claim(q)
	if err != nil {
		return err
	}
	release, err := h.readBody(q, h.bodyLimit(sig))
	if err != nil {
		return err
	}
	defer release()
	caller, err := h.auth.verify(sig, q)
	if err != nil {
		return err
	}
	if err := q.unzip(h.maxBody); err != nil {
		return err
	}
	m, found, err := h.find(sig, q)
	if err != nil {
		return err
	}
	c.op, c.fail = found.op, m.protocol.fail
	caller.RequestID, caller.Host, caller.Base = c.id, r.Host, found.base
	caller.RemoteAddr, caller.TLS = r.RemoteAddr, r.TLS != nil
	input := sync.OnceValues(func() (any, error) { return m.protocol.decode(found, q) })
	asked := &Call{
		op: c.op, Input: input, Caller: caller, Service: m.service.SigningName, API: m.service.Name, Operation: c.op.Name, Method: r.Method, Path: q.raw.Path, URI: c.op.URI, Query: q.query,
		Labels: found.labels, Form: found.params, RemoteAddr: r.RemoteAddr, TLS: r.TLS != nil, UserAgent: r.UserAgent(),
	}
	if m.service.Protocol != RestJSON1 && !caller.Root {
		// The body alone says what the call is about: it is read before it is
		// asked whether the caller may. What is wrong with it is told afterwards.
		if in, _ := input(); in != nil {
			asked.describe(reflect.ValueOf(in).Elem(), c.op.in)
		}
	}
	out, err := h.perform(r.Context(), m, asked)
	if err != nil {
		return err
	}
	if h.wait != nil && c.op.mutates() {
		h.wait(WithCaller(r.Context(), caller))
	}
	return m.protocol.reply(c.w, c.op, out)
}

// hasDotSegment reports whether path has a segment that a signature does not
// cover, or that makes it cover another path than the one that is served.
func hasDotSegment(path string) bool {
	for seg := range strings.SplitSeq(path, "/") {
		if seg == "." || seg == ".." {
			return true
		}
	}
	return false
}

// find returns the mount and operation that q calls. The credential scope names
// the service; services that share a signing name differ in their paths.
func (h *Handler) find(sig *sigv4.Signature, q *request) (*mounted, match, error) {
	elsewhere := ""
	for i := range h.mounts {
		m := &h.mounts[i]
		found, ok := m.protocol.match(q)
		switch {
		case !ok:
		case sig == nil || sig.Scope.Service == m.service.SigningName:
			return m, found, nil
		default:
			elsewhere = m.service.SigningName
		}
	}
	if elsewhere != "" {
		return nil, match{}, invalidSignature("Credential should be scoped to correct service: '" + elsewhere + "'.")
	}
	return nil, match{}, unknownOperation()
}

// bodyLimit is the largest body that a caller of the service that sig names may
// send.
func (h *Handler) bodyLimit(sig *sigv4.Signature) int64 {
	limit := h.maxBody
	for i := range h.mounts {
		svc := &h.mounts[i].service
		if sig == nil || sig.Scope.Service == svc.SigningName {
			limit = max(limit, svc.MaxBody)
		}
	}
	return limit
}

// speaker returns the mount whose protocol q is of, and which it claims to call
// by its credential scope, so that refusals before the operation is known are
// worded in its protocol.
func (h *Handler) speaker(q *request) *mounted {
	var first *mounted
	sig, _ := sigv4.Claim(&q.raw)
	for i := range h.mounts {
		m := &h.mounts[i]
		if !m.protocol.speaks(q) {
			continue
		}
		if sig != nil && sig.Scope.Service == m.service.SigningName {
			return m
		}
		if first == nil {
			first = m
		}
	}
	return first
}

// readBody reads the body of q. release gives back its place among the large
// ones and must be called. A body over h.maxBody must say its length.
func (h *Handler) readBody(q *request, limit int64) (release func(), err error) {
	release = func() {}
	r := q.http
	if r.ContentLength > limit {
		return release, tooLarge(limit)
	}
	if r.ContentLength <= h.maxBody {
		limit = h.maxBody
	}
	if r.ContentLength < 0 || r.ContentLength > smallBody {
		places := h.large
		if r.ContentLength > h.maxBody {
			places = h.huge
		}
		if err := takePlace(r.Context(), places); err != nil {
			return release, err
		}
		release = func() { <-places }
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err == nil && int64(len(body)) > limit {
		err = tooLarge(limit)
	} else if err != nil {
		err = malformed("The request body could not be read")
	}
	if err != nil {
		release()
		return func() {}, err
	}
	q.body = body
	return release, nil
}

func takePlace(ctx context.Context, places chan<- struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, largeWait)
	defer cancel()
	select {
	case places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return Throttled()
	}
}

// requestID returns a new random UUID.
func requestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process first
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
