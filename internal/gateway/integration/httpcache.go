package integration

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"gatehouse/internal/gateway"
	"gatehouse/internal/mapping"
	"gatehouse/internal/wire"
)

// HTTP APIs cache nothing on AWS. Where Gatehouse does for them, it is with the
// cache of REST APIs; what differs stands here: the words for what tells answers
// apart, and that an answer which is meant for one client only is not kept.

// GetCached answers GET requests from a cache, and makes all others' calls. It
// is for routes of several methods.
type GetCached struct {
	Cached *Cached
	Others gateway.Integration
}

// Call answers.
func (g *GetCached) Call(ctx context.Context, x *gateway.Exchange) error {
	if x.Vars.HTTPMethod != http.MethodGet {
		return g.Others.Call(ctx, x)
	}
	return g.Cached.Call(ctx, x)
}

// HTTPCacheParams are the parameters by which the answers of an HTTP API's
// integration are told apart: host and path of a request, and keys, in the words
// of parameter mappings; $request.querystring is all of it.
func HTTPCacheParams(keys []string, rt *gateway.Route, variables map[string]string) ([]CacheParam, error) {
	params := []CacheParam{
		{"host", func(x *gateway.Exchange) (string, error) { return x.MethodRequest.Host, nil }},
		{"path", func(x *gateway.Exchange) (string, error) { return x.Vars.Path, nil }},
	}
	r := &referrer{rt: rt, variables: variables, of: mapping.Request}
	for _, key := range keys {
		value, err := cacheValue(key, r)
		if err != nil {
			return nil, err
		}
		params = append(params, CacheParam{key, value})
	}
	return params, nil
}

func cacheValue(key string, r *referrer) (func(x *gateway.Exchange) (string, error), error) {
	if key == "$request.querystring" {
		return func(x *gateway.Exchange) (string, error) { return x.MethodRequest.Query, nil }, nil
	}
	if name, ok := strings.CutPrefix(key, "$request.header."); ok {
		joined := joinedHeader(name, false)
		return func(x *gateway.Exchange) (string, error) {
			from := len(x.Buf)
			x.Buf = joined(x.Buf, x)
			return wire.String(x.Buf[from:]), nil
		}, nil
	}
	value, err := r.parse(key)
	if err != nil {
		return nil, fmt.Errorf("cache key: %w", err)
	}
	if r.body || !strings.HasPrefix(key, "$") {
		return nil, fmt.Errorf("cache key %s: it must be $request.header.NAME, $request.querystring.NAME, $request.path.NAME or $context.NAME", key)
	}
	return func(x *gateway.Exchange) (string, error) { return value.value(x), nil }, nil
}

// ForAll returns what tells whether a response may be given to all requests that
// are told apart by keys: it is whole, it does not say that it is one client's,
// and it depends on no header that keys do not have.
func ForAll(keys []string) func(x *gateway.Exchange) bool {
	var headers []string
	for _, key := range keys {
		if name, ok := strings.CutPrefix(key, "$request.header."); ok {
			headers = append(headers, strings.ToLower(name))
		}
	}
	return func(x *gateway.Exchange) bool {
		r := &x.MethodResponse
		if r.Status == http.StatusPartialContent || r.Status == http.StatusNotModified {
			return false
		}
		for i := range r.Header.Fields {
			f := &r.Header.Fields[i]
			switch {
			case f.ID == wire.HeaderSetCookie,
				f.ID == wire.HeaderCacheControl && (hasToken(f.Value, "private") || hasToken(f.Value, "no-store")),
				strings.EqualFold(f.Name, "Vary") && !varies(f.Value, headers):
				return false
			}
		}
		return true
	}
}

// hasToken tells whether a comma-separated list has a directive.
func hasToken(list, token string) bool {
	for part := range strings.SplitSeq(list, ",") {
		name, _, _ := strings.Cut(strings.TrimSpace(part), "=")
		if strings.EqualFold(name, token) {
			return true
		}
	}
	return false
}

// varies tells whether headers has all names of a Vary.
func varies(names string, headers []string) bool {
	for name := range strings.SplitSeq(names, ",") {
		if !slices.Contains(headers, strings.ToLower(strings.TrimSpace(name))) {
			return false
		}
	}
	return true
}

var _ gateway.Integration = (*GetCached)(nil)
