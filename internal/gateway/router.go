package gateway

import (
	"fmt"
	"strings"
)

// A Router finds the route of a method and a path in the resource tree of one
// API. It is made once and read by all exchanges.
//
// The tree has a node per resource. At a segment, static text comes before
// {name}, and {name} before {name+}; a resource is a candidate only if it owns
// the method or ANY, so the search goes back up when it ends at one that does
// not. Every node is reached by one way only: a search visits each at most once.
type Router struct {
	root      node
	maxParams int
	// later are the routes that are asked when no other matched: see
	// NewHTTPRouter. It is nil for REST APIs.
	later *laterRoutes
}

// node is one resource.
type node struct {
	static staticChildren
	param  *node
	greedy *[methodCount]*Route // of the child {name+}: it cannot have children
	routes *[methodCount]*Route // nil: a resource without methods
}

// Methods of a resource; the last stands for ANY.
const (
	methodAny   = 7
	methodCount = 8
)

// methodIndex returns the place of a method in a node, or -1.
//
// AWS: rest-execution.md §2.1: ANY means exactly these seven; HEAD is not
// implied by GET.
func methodIndex(m string) int {
	switch m {
	case "GET":
		return 0
	case "POST":
		return 1
	case "PUT":
		return 2
	case "DELETE":
		return 3
	case "PATCH":
		return 4
	case "OPTIONS":
		return 5
	case "HEAD":
		return 6
	}
	return -1
}

// NewRouter makes a router of routes, taking each one's Method (ANY included)
// and ResourcePath, and fills in their ParamNames. Two routes of the same
// method and resource are an error.
func NewRouter(routes []*Route) (*Router, error) {
	r := new(Router)
	for _, rt := range routes {
		if err := r.add(rt); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *Router) add(rt *Route) error {
	m := methodIndex(rt.Method)
	if rt.Method == "ANY" {
		m = methodAny
	}
	if m < 0 {
		return fmt.Errorf("route %s %s: unknown method", rt.Method, rt.ResourcePath)
	}
	if !strings.HasPrefix(rt.ResourcePath, "/") {
		return fmt.Errorf("route %s %s: path must begin with a slash", rt.Method, rt.ResourcePath)
	}
	n, greedy := &r.root, false
	var params []string
	for rest := rt.ResourcePath[1:]; rest != ""; {
		var seg string
		seg, rest, _ = strings.Cut(rest, "/")
		name, isParam, isGreedy := paramName(seg)
		switch {
		case isGreedy && rest != "":
			return fmt.Errorf("route %s %s: {%s+} must be the last segment", rt.Method, rt.ResourcePath, name)
		case isGreedy:
			greedy = true
			params = append(params, name)
		case isParam:
			if n.param == nil {
				n.param = new(node)
			}
			n = n.param
			params = append(params, name)
		default:
			n = n.static.child(seg)
		}
	}
	slot := &n.routes
	if greedy {
		slot = &n.greedy
	}
	if *slot == nil {
		*slot = new([methodCount]*Route)
	}
	if old := (*slot)[m]; old != nil {
		return fmt.Errorf("route %s %s: %s has it already", rt.Method, rt.ResourcePath, old.ResourcePath)
	}
	(*slot)[m] = rt
	rt.ParamNames = params
	r.maxParams = max(r.maxParams, len(params))
	return nil
}

// paramName takes a path part apart: {name} or {name+}.
func paramName(seg string) (name string, isParam, isGreedy bool) {
	if len(seg) < 3 || seg[0] != '{' || seg[len(seg)-1] != '}' {
		return "", false, false
	}
	name = seg[1 : len(seg)-1]
	if g, ok := strings.CutSuffix(name, "+"); ok {
		return g, false, true
	}
	return name, true, false
}

// Match returns the route of a method and a percent-encoded path, or nil. The
// path parameters are appended to params in the order of the route's
// ParamNames: still encoded, as views of path.
//
// AWS: rest-execution.md §2.1, §2.3: one slash at the end does not matter,
// empty segments at the beginning are collapsed, those within a greedy value
// are kept; method-aware, with backtracking.
func (r *Router) Match(method, path string, params []string) (*Route, []string) {
	m := methodIndex(method)
	if r.later != nil {
		return r.matchHTTP(m, path, params)
	}
	if m < 0 {
		return nil, params
	}
	for len(path) > 0 && path[0] == '/' {
		path = path[1:]
	}
	if n := len(path); n > 0 && path[n-1] == '/' {
		path = path[:n-1]
	}
	return r.root.match(m, path, path == "", params)
}

// match looks below n for what is left of the path: rest, without the slash
// before it. end tells the empty rest from a last segment that is empty.
func (n *node) match(m int, rest string, end bool, params []string) (*Route, []string) {
	if end {
		return pick(n.routes, m), params
	}
	seg, after, last := rest, "", true
	for i := 0; i < len(rest); i++ {
		if rest[i] == '/' {
			seg, after, last = rest[:i], rest[i+1:], false
			break
		}
	}
	if seg != "" {
		if c := n.static.find(seg); c != nil {
			if rt, ps := c.match(m, after, last, params); rt != nil {
				return rt, ps
			}
		}
		if n.param != nil {
			if rt, ps := n.param.match(m, after, last, append(params, seg)); rt != nil {
				return rt, ps
			}
		}
	}
	// AWS: rest-execution.md §2.2: a greedy child does not match an empty rest.
	if rest != "" {
		if rt := pick(n.greedy, m); rt != nil {
			return rt, append(params, rest)
		}
	}
	return nil, params
}

// pick returns the route of method m: its own before that of ANY.
func pick(routes *[methodCount]*Route, m int) *Route {
	if routes == nil {
		return nil
	}
	if rt := routes[m]; rt != nil {
		return rt
	}
	return routes[methodAny]
}
