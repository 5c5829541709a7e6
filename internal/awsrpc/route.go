package awsrpc

import (
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// routes finds the operation that a method and a path name. Literal segments
// win over labels, and operations with a query literal over those without.
type routes struct {
	root    routeNode
	anyBase string // first segment of all paths, searched for behind any base
}

// A routeNode is one segment of the paths.
type routeNode struct {
	literal map[string]*routeNode
	label   *routeNode
	ends    []routeEnd // those with a query literal first
}

// A routeEnd is an operation at the end of its path.
type routeEnd struct {
	method     string
	key, value string   // query literal
	labels     []string // names, in order
	op         *operation
}

// A match is an operation found for a request, with the labels of its path.
type match struct {
	op     *operation
	labels map[string]string
	base   string     // the path before the operation's
	params url.Values // of a form
}

// add enters op. Adding happens only while a handler is built.
func (r *routes) add(op *operation) error {
	path, query, _ := strings.Cut(op.URI, "?")
	end := routeEnd{method: op.Method, op: op}
	end.key, end.value, _ = strings.Cut(query, "=")
	n := &r.root
	for _, seg := range segments(path) {
		if strings.HasPrefix(seg, "{") {
			name := strings.Trim(seg, "{}")
			if strings.HasSuffix(name, "+") {
				return fmt.Errorf("operation %s: greedy label %s", op.Name, seg)
			}
			end.labels = append(end.labels, name)
			if n.label == nil {
				n.label = &routeNode{}
			}
			n = n.label
			continue
		}
		if n.literal == nil {
			n.literal = map[string]*routeNode{}
		}
		if n.literal[seg] == nil {
			n.literal[seg] = &routeNode{}
		}
		n = n.literal[seg]
	}
	if end.key != "" {
		n.ends = append([]routeEnd{end}, n.ends...)
	} else {
		n.ends = append(n.ends, end)
	}
	return nil
}

// find returns the operation for an escaped path. Labels are unescaped after
// the path is split, so that an escaped slash stays inside its label.
func (r *routes) find(method, path string, query url.Values) (match, bool) {
	base := ""
	if r.anyBase != "" {
		// AWS: websocket-execution.md §9: %40connections is accepted, too.
		path = strings.Replace(path, "/"+strings.Replace(r.anyBase, "@", "%40", 1)+"/", "/"+r.anyBase+"/", 1)
		i := strings.Index(path, "/"+r.anyBase+"/")
		if i < 0 {
			return match{}, false
		}
		base, path = path[:i], path[i:]
	}
	segs := segments(path)
	end, labels := r.root.find(segs, nil, method, query)
	if end == nil {
		return match{}, false
	}
	m := match{op: end.op, base: base, labels: make(map[string]string, len(labels))}
	for i, raw := range labels {
		v, err := url.PathUnescape(raw)
		if err != nil || !utf8.ValidString(v) {
			return match{}, false
		}
		m.labels[end.labels[i]] = v
	}
	return m, true
}

func (n *routeNode) find(segs, labels []string, method string, query url.Values) (*routeEnd, []string) {
	if len(segs) == 0 {
		for i := range n.ends {
			end := &n.ends[i]
			if end.method == method && (end.key == "" || query.Get(end.key) == end.value) {
				return end, labels
			}
		}
		return nil, nil
	}
	if next := n.literal[segs[0]]; next != nil {
		if end, l := next.find(segs[1:], labels, method, query); end != nil {
			return end, l
		}
	}
	if n.label != nil && segs[0] != "" {
		return n.label.find(segs[1:], append(labels[:len(labels):len(labels)], segs[0]), method, query)
	}
	return nil, nil
}

// segments splits a path; a slash at the end does not count.
func segments(path string) []string {
	path = strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}
