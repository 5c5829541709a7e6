package gateway

import "strings"

// laterRoutes are the routes of an HTTP API that are asked last.
type laterRoutes struct {
	greedy   node
	fallback *Route // of the key $default; nil: none
}

// NewHTTPRouter makes a router of the routes of an HTTP API, each by its Method
// (ANY included) and ResourcePath; the route of $default has no path. It fills
// in their ParamNames.
//
// AWS: http-api-execution.md §1: a full match comes before one of {name+}, that
// before $default.
func NewHTTPRouter(routes []*Route) (*Router, error) {
	greedy := new(Router)
	r := &Router{later: new(laterRoutes)}
	for _, rt := range routes {
		var err error
		switch {
		case rt.ResourcePath == "":
			r.later.fallback = rt
		case strings.HasSuffix(rt.ResourcePath, "+}"):
			err = greedy.add(rt)
		default:
			err = r.add(rt)
		}
		if err != nil {
			return nil, err
		}
	}
	r.later.greedy = greedy.root
	return r, nil
}

// matchHTTP is Match for a path whose percent encoding is taken off.
//
// AWS: http-api-execution.md §1: a slash at the end counts, and {name+} needs at
// least one segment.
func (r *Router) matchHTTP(m int, path string, params []string) (*Route, []string) {
	rest := path
	if len(rest) > 0 && rest[0] == '/' {
		rest = rest[1:]
	}
	if m >= 0 {
		if rt, ps := r.root.match(m, rest, rest == "", params); rt != nil {
			return rt, ps
		}
		if rt, ps := r.later.greedy.match(m, rest, rest == "", params); rt != nil {
			return rt, ps
		}
	}
	return r.later.fallback, params
}
