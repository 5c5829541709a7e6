package integration

import (
	"context"
	"errors"
	"strings"
	"time"

	"gatehouse/internal/cache"
	"gatehouse/internal/gateway"
	"gatehouse/internal/metrics"
	"gatehouse/internal/wire"
)

// Caches are the caches of all stages.
type Caches = cache.Registry[*Kept]

// Cached wraps the integration of a method whose responses are cached, and the
// steps around it: what is kept is the method response. A hit runs none of
// them.
//
// AWS: rest-execution.md §12; the place in the order: execution.md §3, step 16.
type Cached struct {
	cfg    CacheConfig
	prefix []byte // of every key
}

// A CacheConfig says what is cached, where and how.
type CacheConfig struct {
	Cache *cache.Cache[*Kept]
	TTL   time.Duration

	// Request, Call and Response are the way to a response that is not in the
	// cache: from the integration request to the method response.
	Request  []gateway.Step
	Call     gateway.Integration
	Response []gateway.Step

	// Namespace, the HTTP method and Params tell responses apart. NeedsBody: a
	// parameter is taken of the request's body.
	Namespace string
	Params    []CacheParam
	NeedsBody bool

	Seal *Seal // encrypts what is kept; nil: it is not encrypted

	// Keep tells whether a response is kept; nil: whatever it is.
	Keep func(x *gateway.Exchange) bool

	// Invalidate is what becomes of a request with Cache-Control: max-age=0 of
	// whoever is not among Invalidators.
	Invalidate   Invalidation
	Invalidators Invalidators
}

// A CacheParam is a parameter of the request that tells responses apart.
type CacheParam struct {
	Name  string // as it is configured
	Value func(x *gateway.Exchange) (string, error)
}

// An Invalidation says what becomes of a client's wish for a fresh response.
type Invalidation uint8

// The wishes of clients are granted, or treated as the method's
// unauthorizedCacheControlHeaderStrategy says.
const (
	InvalidationAllowed   Invalidation = iota // the response is fetched, and replaces the one kept
	InvalidationForbidden                     // FAIL_WITH_403
	InvalidationIgnored                       // SUCCEED_WITHOUT_RESPONSE_HEADER
	InvalidationWarned                        // SUCCEED_WITH_RESPONSE_HEADER
)

// NewCached makes a Cached.
func NewCached(cfg *CacheConfig) *Cached {
	return &Cached{cfg: *cfg, prefix: appendKeyPart(nil, cfg.Namespace)}
}

// keyOnStack is the longest key that is made without allocating.
const keyOnStack = 512

// Call answers from the cache, or fills it.
func (c *Cached) Call(ctx context.Context, x *gateway.Exchange) error {
	if c.cfg.NeedsBody {
		if err := x.ReadBody(); err != nil {
			return err
		}
	}
	var mem [keyOnStack]byte
	key, err := c.appendKey(mem[:0], x)
	if err != nil {
		return err
	}
	if wantsFresh(&x.MethodRequest.Header) {
		switch c.invalidation(x) {
		case InvalidationAllowed:
			c.countMiss(x)
			return c.fetch(ctx, x, c.cfg.Cache.Replace(key))
		case InvalidationForbidden:
			return noInvalidation
		case InvalidationWarned:
			defer warn(x)
		}
	}
	if kept, ok := c.cfg.Cache.Get(key, x.Vars.Now); ok && kept.answer(x, c.cfg.Seal, key) {
		c.countHit(x)
		return nil
	}
	return c.callSlow(ctx, x, key)
}

// invalidation is what becomes of the wish that came with x.
func (c *Cached) invalidation(x *gateway.Exchange) Invalidation {
	if c.cfg.Invalidate == InvalidationAllowed || c.cfg.Invalidators.include(x) {
		return InvalidationAllowed
	}
	return c.cfg.Invalidate
}

// AWS: rest-execution.md §12: the body is not confirmed.
var noInvalidation = &gateway.Fault{Type: gateway.AccessDenied, Message: "Forbidden",
	Cause: errors.New("the client may not invalidate the cache")}

// appendKey appends what tells this request's response apart. Every part has
// its length, so that no value can pose as another.
//
// AWS: who shares a namespace shares responses ("across resources", API
// reference of Integration). That GET and POST of one namespace share none is
// our decision: nothing is said about it.
func (c *Cached) appendKey(dst []byte, x *gateway.Exchange) ([]byte, error) {
	dst = append(dst, c.prefix...)
	dst = appendKeyPart(dst, x.Vars.HTTPMethod)
	for i := range c.cfg.Params {
		p := &c.cfg.Params[i]
		v, err := p.Value(x)
		if err != nil {
			return nil, err
		}
		dst = appendKeyPart(dst, p.Name)
		dst = appendKeyPart(dst, v)
	}
	return c.cfg.Seal.digest(dst), nil
}

func appendKeyPart(dst []byte, s string) []byte {
	for n := uint(len(s)); ; n >>= 7 {
		if n < 0x80 {
			return append(append(dst, byte(n)), s...)
		}
		dst = append(dst, byte(n)|0x80)
	}
}

func (c *Cached) countHit(x *gateway.Exchange) {
	x.Vars.Cache = metrics.Hit
	c.cfg.Cache.CountHit()
}

func (c *Cached) countMiss(x *gateway.Exchange) {
	x.Vars.Cache = metrics.Miss
	c.cfg.Cache.CountMiss()
}

// wantsFresh tells whether a client asks for a response that is not cached.
func wantsFresh(h *wire.Header) bool {
	for i := range h.Fields {
		if h.Fields[i].ID != wire.HeaderCacheControl {
			continue
		}
		for rest := h.Fields[i].Value; rest != ""; {
			var directive string
			directive, rest, _ = strings.Cut(rest, ",")
			if strings.EqualFold(strings.TrimSpace(directive), "max-age=0") {
				return true
			}
		}
	}
	return false
}

// warn tells the client that its wish was ignored.
//
// AWS: rest-execution.md §12; the text is not confirmed.
func warn(x *gateway.Exchange) {
	if x.MethodResponse.Status == 0 {
		return // a fault, which is answered later
	}
	x.MethodResponse.Header.AddID(wire.HeaderWarning,
		"199 Cache-control headers were ignored because the caller was unauthorized.")
}

// joinWait bounds how long a request waits for another that fetches the same
// response; then it calls the backend itself. A slow client that fetches a
// large response can make others wait so long.
const joinWait = 5 * time.Second

// callSlow fetches what is not in the cache, or waits for who does.
func (c *Cached) callSlow(ctx context.Context, x *gateway.Exchange, key []byte) error {
	f, first := c.cfg.Cache.Join(key)
	if !first {
		wait(ctx, f.Done())
		x.Vars.Now = time.Now()
	}
	// Also the first looks again: the flight before it may have ended meanwhile.
	if kept, ok := c.cfg.Cache.Get(key, x.Vars.Now); ok && kept.answer(x, c.cfg.Seal, key) {
		c.countHit(x)
		if first {
			f.End()
		}
		return nil
	}
	c.countMiss(x)
	if !first {
		return c.call(ctx, x)
	}
	return c.fetch(ctx, x, f)
}

func wait(ctx context.Context, done <-chan struct{}) {
	t := time.NewTimer(joinWait)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	case <-ctx.Done():
	}
}

// call goes the method's own way to a response.
func (c *Cached) call(ctx context.Context, x *gateway.Exchange) error {
	for _, s := range c.cfg.Request {
		if err := s.Do(ctx, x); err != nil {
			return err
		}
	}
	if err := c.cfg.Call.Call(ctx, x); err != nil {
		return err
	}
	for _, s := range c.cfg.Response {
		if err := s.Do(ctx, x); err != nil {
			return err
		}
	}
	return nil
}

// fetch is call, and has the response kept once all of it is here. Faults are
// not kept, responses of the backend are, whatever their status.
func (c *Cached) fetch(ctx context.Context, x *gateway.Exchange, f *cache.Flight[*Kept]) error {
	k := &keeper{flight: f, ttl: c.cfg.TTL, seal: c.cfg.Seal}
	defer func() {
		if !k.reading {
			f.End()
		}
	}()
	if err := c.call(ctx, x); err != nil {
		return err
	}
	if c.cfg.Keep == nil || c.cfg.Keep(x) {
		k.keep(&x.MethodResponse, x.Vars.Now)
	}
	return nil
}

var _ gateway.Integration = (*Cached)(nil)
