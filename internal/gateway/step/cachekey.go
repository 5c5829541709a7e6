package step

import (
	"fmt"
	"strings"

	"gatehouse/internal/gateway"
)

// A CacheKey is a parameter of the request by which cached responses are told
// apart.
type CacheKey struct{ from source }

// NewCacheKey finds the value of one of an integration's cacheKeyParameters:
// method.request.{place}.{name}, or integration.request.{place}.{name}, which
// is what params, the requestParameters, map to it.
//
// AWS: rest-execution.md §12. Undocumented is a parameter of the integration
// request that nothing is mapped to: it is the method request's of that name,
// which a proxy passes on.
func NewCacheKey(param string, params map[string]string, sc *Scope) (*CacheKey, error) {
	expr, mapped := params[param]
	if rest, ok := strings.CutPrefix(param, "integration."); ok && !mapped {
		expr = "method." + rest
	} else if !mapped {
		expr = param
	}
	src, err := parseSource(expr, sc)
	if err != nil {
		return nil, fmt.Errorf("cacheKeyParameters: %w", err)
	}
	if src.ofResponse() {
		return nil, fmt.Errorf("cacheKeyParameters: %s: there is no response yet", param)
	}
	return &CacheKey{src}, nil
}

// NeedsBody tells whether the value is of the request body.
func (k *CacheKey) NeedsBody() bool { return k.from.ofRequestBody() }

// Value returns the value, empty if there is none. It lives as long as x. A
// value of a body that is broken JSON is a fault, as it is where it is mapped.
func (k *CacheKey) Value(x *gateway.Exchange) (string, error) { return k.from.eval(x) }
