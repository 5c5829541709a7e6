package record

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Extensions are what an integration of an HTTP API has beyond AWS. It stands
// among the request parameters, where every client of AWS, and every document,
// can say it; the zero Extensions are AWS's behaviour.
type Extensions struct {
	Stream bool           // answers are passed on as they come, whatever their size
	Cache  *ResponseCache // nil: answers are not kept
}

// A ResponseCache says how the answers to GET requests are kept.
type ResponseCache struct {
	TTL time.Duration
	// Keys are the parameters of requests that tell answers apart, in the words
	// of parameter mappings; $request.querystring is all of it. None: whatever
	// an answer is likely to depend on.
	Keys []string
	// Authorize: only who may execute-api:InvalidateCache gets a fresh answer for
	// Cache-Control: max-age=0; Strategy is what becomes of the wish of others.
	Authorize bool
	Strategy  string
	Encrypted bool
}

const extension = "gatehouse:"

// The names of extensions.
const (
	extStream    = extension + "responseTransferMode"
	extTTL       = extension + "cacheTtlInSeconds"
	extKeys      = extension + "cacheKeyParameters"
	extAuthorize = extension + "requireAuthorizationForCacheControl"
	extStrategy  = extension + "unauthorizedCacheControlHeaderStrategy"
	extEncrypted = extension + "cacheDataEncrypted"
)

// maxCacheTTL is the longest that answers are kept.
//
// AWS: rest-execution.md §9, of REST APIs.
const maxCacheTTL = 3600

// ExtensionsOf returns what request parameters say beyond AWS.
func ExtensionsOf(parameters map[string]string) (Extensions, error) {
	var e Extensions
	cache := ResponseCache{Authorize: true, Strategy: v1Warned}
	for _, key := range slices.Sorted(maps.Keys(parameters)) {
		value := parameters[key]
		var err error
		switch key {
		case extStream:
			e.Stream, err = true, oneOf(value, "STREAM")
		case extTTL:
			var n int
			n, err = strconv.Atoi(value)
			if err != nil || n < 0 || n > maxCacheTTL {
				err = fmt.Errorf("must be a number between 0 and %d", maxCacheTTL)
			}
			cache.TTL = time.Duration(n) * time.Second
		case extKeys:
			cache.Keys, err = cacheKeys(value)
		case extAuthorize:
			cache.Authorize, err = value == "true", oneOf(value, "true", "false")
		case extStrategy:
			cache.Strategy, err = value, oneOf(value, v1Forbidden, v1Warned, v1Ignored)
		case extEncrypted:
			cache.Encrypted, err = value == "true", oneOf(value, "true", "false")
		default:
			if strings.HasPrefix(key, extension) {
				return e, fmt.Errorf("there is no parameter %s", key)
			}
			continue
		}
		if err != nil {
			return e, fmt.Errorf("the value of %s %w", key, err)
		}
		if _, kept := parameters[extTTL]; key != extStream && !kept {
			return e, fmt.Errorf("%s needs %s", key, extTTL)
		}
	}
	if cache.TTL > 0 {
		e.Cache = &cache
	}
	if e.Stream && e.Cache != nil {
		return e, fmt.Errorf("what is streamed is not kept: %s and %s exclude one another", extStream, extTTL)
	}
	return e, nil
}

// The words of REST APIs for unauthorized wishes.
const (
	v1Forbidden = "FAIL_WITH_403"
	v1Warned    = "SUCCEED_WITH_RESPONSE_HEADER"
	v1Ignored   = "SUCCEED_WITHOUT_RESPONSE_HEADER"
)

func oneOf(value string, values ...string) error {
	if slices.Contains(values, value) {
		return nil
	}
	return fmt.Errorf("must be %s", strings.Join(values, " or "))
}

// WholeQuery is the cache key parameter that is the whole query string.
const WholeQuery = "$request.querystring"

func cacheKeys(list string) ([]string, error) {
	var keys []string
	for key := range strings.SplitSeq(list, ",") {
		key = strings.TrimSpace(key)
		named := func(prefix string) bool { return len(key) > len(prefix) && strings.HasPrefix(key, prefix) }
		if key != WholeQuery && !named("$request.querystring.") && !named("$request.header.") && !named("$request.path.") && !named("$context.") {
			return nil, fmt.Errorf("must be a list of $request.header.NAME, $request.querystring.NAME, $request.querystring, $request.path.NAME and $context.NAME, not %q", key)
		}
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return slices.Compact(keys), nil
}

// WithoutExtensions are the request parameters that AWS knows.
func WithoutExtensions(parameters map[string]string) map[string]string {
	out := make(map[string]string, len(parameters))
	for key, value := range parameters {
		if !strings.HasPrefix(key, extension) {
			out[key] = value
		}
	}
	return out
}
