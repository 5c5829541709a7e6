package gateway_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/gateway"
)

// router makes a router of routes written "METHOD /path".
func router(t testing.TB, routes ...string) *gateway.Router {
	t.Helper()
	var list []*gateway.Route
	for _, r := range routes {
		method, path, _ := strings.Cut(r, " ")
		list = append(list, &gateway.Route{Method: method, ResourcePath: path})
	}
	r, err := gateway.NewRouter(list)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// AWS: rest-execution.md §2.1 to §2.3, whose rows most of these are.
func TestRouterMatch(t *testing.T) {
	siblings := []string{"POST /test", "ANY /test/any", "OPTIONS /{proxy+}"}
	part1 := []string{"GET /part1", "GET /part1/hardcoded-value", "GET /{param+}"}
	jobs := []string{"GET /jobs/reboot", "OPTIONS /cors_only", "ANY /{proxy+}"}
	deep := []string{"GET /a/{x}/c", "GET /a/b/{y}", "POST /a/b/c", "GET /{p+}", "ANY /a/{x}/{z+}"}
	proxy := []string{"ANY /{proxy+}", "GET /hardcoded", "GET /"}
	tests := []struct {
		routes []string
		method string
		path   string
		want   string // METHOD /path of the route, then its parameters
	}{
		{siblings, "OPTIONS", "/test", "OPTIONS /{proxy+} proxy=test"},
		{siblings, "OPTIONS", "/test/any", "ANY /test/any"},
		{siblings, "POST", "/test", "POST /test"},
		{siblings, "GET", "/test", ""},
		{part1, "GET", "/part1", "GET /part1"},
		{part1, "GET", "/part1/hardcoded-value", "GET /part1/hardcoded-value"},
		{part1, "GET", "/part1/random-value", "GET /{param+} param=part1/random-value"},
		{jobs, "GET", "/jobs/reboot", "GET /jobs/reboot"},
		{jobs, "GET", "/jobs", "ANY /{proxy+} proxy=jobs"},
		{jobs, "POST", "/jobs", "ANY /{proxy+} proxy=jobs"},
		{jobs, "POST", "/jobs/reboot", "ANY /{proxy+} proxy=jobs/reboot"},
		{jobs, "GET", "/cors_only", "ANY /{proxy+} proxy=cors_only"},
		{deep, "GET", "/a/b/c", "GET /a/b/{y} y=c"},
		{deep, "POST", "/a/b/c", "POST /a/b/c"},
		{deep, "GET", "/a/q/c", "GET /a/{x}/c x=q"},
		{deep, "PUT", "/a/b/c", "ANY /a/{x}/{z+} x=b z=c"},
		{deep, "GET", "/a/q/d/e", "ANY /a/{x}/{z+} x=q z=d/e"},
		{deep, "GET", "/a/q", "GET /{p+} p=a/q"},
		{proxy, "GET", "/proxy-value", "ANY /{proxy+} proxy=proxy-value"},
		{proxy, "GET", "/proxy-value/", "ANY /{proxy+} proxy=proxy-value"},
		{proxy, "GET", "/proxy-value//double-slash", "ANY /{proxy+} proxy=proxy-value//double-slash"},
		{proxy, "GET", "//proxy-value", "ANY /{proxy+} proxy=proxy-value"},
		{proxy, "GET", "//hardcoded", "GET /hardcoded"},
		{proxy, "GET", "/hardcoded/", "GET /hardcoded"},
		{proxy, "GET", "/hard%63oded", "GET /hardcoded"},
		{proxy, "GET", "/hard%2Fcoded", "ANY /{proxy+} proxy=hard%2Fcoded"},
		{proxy, "GET", "/test%2Balias@gmail.com", "ANY /{proxy+} proxy=test%2Balias@gmail.com"},
		{proxy, "GET", "/", "GET /"},
		{proxy, "GET", "", "GET /"},
		{proxy, "POST", "/", ""},
		{proxy, "TRACE", "/x", ""},
		{proxy, "get", "/x", ""},
		{[]string{"GET /parent/{proxy+}"}, "GET", "/parent", ""},
		{[]string{"GET /parent/{proxy+}"}, "GET", "/parent/", ""},
		{[]string{"GET /parent/{proxy+}"}, "GET", "/parent//", ""},
		{[]string{"GET /parent/{proxy+}"}, "GET", "/parent//x", "GET /parent/{proxy+} proxy=/x"},
		{[]string{"GET /a/{b}"}, "GET", "/a//", ""},
		{[]string{"GET /a/b"}, "GET", "/a//b", ""},
		{[]string{"GET /a"}, "HEAD", "/a", ""},
		{[]string{"ANY /a", "GET /a"}, "GET", "/a", "GET /a"},
		{[]string{"ANY /a", "GET /a"}, "HEAD", "/a", "ANY /a"},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			rt, params := router(t, tt.routes...).Match(tt.method, tt.path, nil)
			if got := describe(rt, params); got != tt.want {
				t.Errorf("routes %v: %s %s hits %q, want %q", tt.routes, tt.method, tt.path, got, tt.want)
			}
		})
	}
}

func describe(rt *gateway.Route, params []string) string {
	if rt == nil {
		return ""
	}
	s := rt.Method + " " + rt.ResourcePath
	for i, name := range rt.ParamNames {
		s += " " + name + "=" + params[i]
	}
	return s
}

func TestRouterRefuses(t *testing.T) {
	for _, routes := range [][]string{
		{"GET /a", "GET /a"},
		{"GET a"},
		{"FETCH /a"},
		{"GET /{a+}/b"},
	} {
		var list []*gateway.Route
		for _, r := range routes {
			method, path, _ := strings.Cut(r, " ")
			list = append(list, &gateway.Route{Method: method, ResourcePath: path})
		}
		if _, err := gateway.NewRouter(list); err == nil {
			t.Errorf("routes %v: no error", routes)
		}
	}
}

// TestRouterManySiblings crosses the border between the list and the map of
// static children.
func TestRouterManySiblings(t *testing.T) {
	for _, n := range []int{1, 7, 8, 9, 10, 100} {
		var routes []string
		for i := range n {
			routes = append(routes, fmt.Sprintf("GET /r%d", i))
		}
		r := router(t, routes...)
		for i := range n {
			for _, path := range []string{fmt.Sprintf("/r%d", i), fmt.Sprintf("/%%72%d", i)} {
				rt, _ := r.Match("GET", path, nil)
				if rt == nil || rt.ResourcePath != fmt.Sprintf("/r%d", i) {
					t.Errorf("%d siblings: %s hits %v", n, path, rt)
				}
			}
		}
		if rt, _ := r.Match("GET", fmt.Sprintf("/r%d", n), nil); rt != nil {
			t.Errorf("%d siblings: /r%d hits %s", n, n, rt.ResourcePath)
		}
	}
}

// TestRouterAgainstPlain compares with a search over all routes, written as
// the rules are worded.
func TestRouterAgainstPlain(t *testing.T) {
	parts := []string{"a", "b", "{x}", "{p+}"}
	var all []string
	var grow func(path string, depth int)
	grow = func(path string, depth int) {
		for _, p := range parts {
			all = append(all, path+"/"+p)
			if depth < 3 && p != "{p+}" {
				grow(path+"/"+p, depth+1)
			}
		}
	}
	grow("", 1)
	// Each seed picks some of the resources and gives them methods.
	for seed := range uint64(300) {
		state := seed*0x9e3779b97f4a7c15 + 1
		next := func(n int) int {
			state ^= state << 13
			state ^= state >> 7
			state ^= state << 17
			return int(state % uint64(n))
		}
		var routes []string
		for _, path := range all {
			if next(4) == 0 {
				routes = append(routes, []string{"GET ", "POST ", "ANY "}[next(3)]+path)
			}
		}
		r := router(t, routes...)
		for _, path := range []string{"/a", "/b/", "/a/b", "/a/c", "/c/a", "/a/b/a", "/b/b/b", "/c/c/c", "/a/a/a/a", "/a//b"} {
			for _, method := range []string{"GET", "POST", "PUT"} {
				rt, params := r.Match(method, path, nil)
				got, want := describe(rt, params), plainMatch(routes, method, path)
				if got != want {
					t.Fatalf("routes %v: %s %s hits %q, want %q", routes, method, path, got, want)
				}
			}
		}
	}
}

// plainMatch ranks every route that matches by the kind of its segments.
func plainMatch(routes []string, method, path string) string {
	path = strings.TrimSuffix(strings.TrimLeft(path, "/"), "/")
	segs := strings.Split(path, "/")
	best, bestRank := "", ""
	for _, r := range routes {
		m, pattern, _ := strings.Cut(r, " ")
		if m != method && m != "ANY" {
			continue
		}
		rank, params, ok := "", "", true
		pats := strings.Split(pattern[1:], "/")
		for i, p := range pats {
			if p == "{p+}" {
				if i >= len(segs) || strings.Join(segs[i:], "/") == "" {
					ok = false
					break
				}
				rank += "3"
				params += " p=" + strings.Join(segs[i:], "/")
				break
			}
			if i >= len(segs) || segs[i] == "" || p != "{x}" && p != segs[i] {
				ok = false
				break
			}
			if p == "{x}" {
				rank += "2"
				params += " x=" + segs[i]
			} else {
				rank += "1"
			}
		}
		if pats[len(pats)-1] != "{p+}" && len(pats) != len(segs) {
			ok = false
		}
		if m == "ANY" {
			rank += "b"
		} else {
			rank += "a"
		}
		if ok && (best == "" || rank < bestRank) {
			best, bestRank = r+params, rank
		}
	}
	return best
}

func TestRouterAllocs(t *testing.T) {
	r := bigRouter(t, 1000)
	params := make([]string, 0, 8)
	if n := testing.AllocsPerRun(1000, func() { r.Match("GET", "/r500/items/42", params) }); n != 0 {
		t.Errorf("Match allocates %v times, budget 0", n)
	}
	if n := testing.AllocsPerRun(1000, func() { r.Match("GET", "/r500/%69tems/42", params) }); n != 0 {
		t.Errorf("Match of an encoded path allocates %v times, budget 0", n)
	}
}

func bigRouter(t testing.TB, n int) *gateway.Router {
	var routes []string
	for i := range n {
		routes = append(routes, fmt.Sprintf("GET /r%d/items/{id}", i))
	}
	slices.Reverse(routes)
	return router(t, routes...)
}

func BenchmarkRouterMatch(b *testing.B) {
	for _, n := range []int{10, 1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := bigRouter(b, n)
			paths := make([]string, 64)
			for i := range paths {
				paths[i] = fmt.Sprintf("/r%d/items/%d", i*n/64, i)
			}
			params := make([]string, 0, 8)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if rt, _ := r.Match("GET", paths[i&63], params); rt == nil {
					b.Fatal("no route")
				}
			}
		})
	}
}
