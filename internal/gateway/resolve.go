package gateway

import (
	"bytes"
	"strings"

	"gatehouse/internal/clientcert"
	"gatehouse/internal/wire"
)

// The forms in which a request names its stage, tried in this order:
//
//	custom domain               /{base path}/{path}
//	{api}.execute-api.{any}     /{stage}/{path}
//	{api}-{vpce}.execute-api.{any}   the same, of a PRIVATE API
//	vpce-{any}.execute-api.{any}     the same, the API in x-apigw-api-id
//	any other host              /_aws/execute-api/{api}/{stage}/{path}
//	                            /restapis/{api}/{stage}/_user_request_/{path}
//
// AWS: rest-execution.md §1, custom-domains.md §2; the two path forms are
// those of the local emulators.

const (
	executeAPI  = ".execute-api."
	awsForm     = "_aws/execute-api/"
	restAPIForm = "restapis/"
	userRequest = "_user_request_"
)

// where is a request's place: its stage, and what is left of the path.
type where struct {
	stage *Stage
	path  string // for the router
	// head and tail are $context.path: with the stage, as the client sent it.
	head, tail string
	basePath   string // of a custom domain
	rule       string // of a custom domain, by which the stage was found
	custom     bool
	http       bool              // the API, if there is one, is an HTTP API
	socket     bool              // it is a WebSocket API
	endpoint   string            // the VPC endpoint that the host names
	clients    *clientcert.Store // of a custom domain
	private    *PrivateHost      // the custom domain, if it is a private one
}

// resolve finds the stage of a request by its host and its percent-encoded
// path, and where a custom domain has rules, by its header. w.stage is nil when
// there is none.
func (t *Table) resolve(r *wire.Request) (w where) {
	path := r.Path
	var buf [longestHost]byte
	name, ok := lowerHost(buf[:0], hostName(r.Host))
	if !ok {
		return w
	}
	if len(t.hosts)+len(t.wildcards) > 0 {
		if h := t.hosts[string(name)]; h != nil {
			return h.resolve(r)
		}
	}
	if id, ok := executeAPIID(name); ok {
		if a := t.apis[string(id)]; a != nil {
			return stageInPath(a, path)
		}
		return t.resolveEndpoint(id, path)
	}
	if len(t.wildcards) > 0 {
		if dot := indexByte(name, '.'); dot >= 0 {
			if h := t.wildcards[string(name[dot+1:])]; h != nil {
				return h.resolve(r)
			}
		}
	}
	return t.resolvePath(path)
}

// resolveEndpoint resolves the label {api}-{vpce} of a PRIVATE API.
func (t *Table) resolveEndpoint(label []byte, path string) where {
	dash := indexByte(label, '-')
	if dash <= 0 {
		return where{}
	}
	w := stageInPath(t.apis[string(label[:dash])], path)
	if w.stage == nil {
		return where{}
	}
	for _, id := range w.stage.Endpoints {
		if id == string(label[dash+1:]) {
			w.endpoint = id
			return w
		}
	}
	return where{}
}

// apiHeader names the API where the host names no more than a VPC endpoint.
const apiHeader = "x-apigw-api-id"

// resolveHeader resolves what came to the host of a VPC endpoint.
//
// AWS: rest-execution.md §1.
func (t *Table) resolveHeader(r *wire.Request) where {
	var buf [longestHost]byte
	name, ok := lowerHost(buf[:0], hostName(r.Host))
	if !ok || !bytes.HasPrefix(name, []byte("vpce-")) {
		return where{}
	}
	if _, ok := executeAPIID(name); !ok {
		return where{}
	}
	w := stageInPath(t.apis[r.Header.Get(apiHeader)], r.Path)
	if w.stage == nil || w.stage.EndpointType != "PRIVATE" {
		return where{}
	}
	return w
}

// resolvePath resolves the forms that need no host name.
func (t *Table) resolvePath(path string) where {
	rest := trimSlashes(path)
	if tail, ok := strings.CutPrefix(rest, awsForm); ok {
		id, tail := segment(tail)
		return stageInPath(t.apis[id], tail)
	}
	if tail, ok := strings.CutPrefix(rest, restAPIForm); ok {
		id, tail := segment(tail)
		w := stageInPath(t.apis[id], tail)
		mark, tail := segment(trimSlashes(w.path))
		if mark != userRequest {
			return where{}
		}
		w.path, w.tail = tail, tail
		return w
	}
	return where{}
}

// stageInPath resolves /{stage}/{path}.
//
// AWS: rest-execution.md §1: extra slashes before the stage are accepted;
// stage names are case-sensitive; a disabled endpoint is forbidden.
func stageInPath(a *API, path string) where {
	if a == nil {
		return where{}
	}
	if a.Disabled {
		return where{http: a.HTTP, socket: a.Socket}
	}
	rest := trimSlashes(path)
	name, tail := segment(rest)
	st := a.Stages[name]
	if st == nil {
		// AWS: http-api-execution.md §1: $default takes what names no stage.
		return where{stage: a.Default, path: path, tail: path, http: a.HTTP, socket: a.Socket}
	}
	return where{stage: st, path: tail, head: path[:len(path)-len(tail)], tail: tail, http: a.HTTP, socket: a.Socket}
}

// resolve finds the stage by a rule, or else by the longest base path.
func (h *Host) resolve(r *wire.Request) where {
	if len(h.Rules) > 0 {
		if w, ok := h.byRule(r); ok {
			return w
		}
	}
	path := r.Path
	rest := trimSlashes(path)
	for i := range h.Mappings {
		m := &h.Mappings[i]
		tail, ok := strings.CutPrefix(rest, m.BasePath)
		if !ok || !h.prefixes && m.BasePath != "" && tail != "" && tail[0] != '/' {
			continue
		}
		if m.BasePath == "" {
			tail = path
		}
		w := where{stage: m.Stage, path: tail, basePath: m.BasePath, custom: true, clients: h.Clients}
		if m.Stage == nil {
			name, after := segment(trimSlashes(tail))
			w.stage, w.path = m.API.Stages[name], after
		}
		w.http, w.socket = m.API.HTTP, m.API.Socket
		w.tail = path
		return w
	}
	return where{}
}

// hostName cuts off the port.
func hostName(host string) string {
	for i := len(host) - 1; i >= 0; i-- {
		switch c := host[i]; {
		case c == ':':
			return host[:i]
		case c < '0' || c > '9':
			return host
		}
	}
	return host
}

// longestHost bounds a host name (RFC 1035); a longer one is nobody's.
const longestHost = 255

// lowerHost appends a host name in lower case and without a dot at the end.
func lowerHost(dst []byte, host string) ([]byte, bool) {
	if len(host) > longestHost {
		return dst, false
	}
	for i := 0; i < len(host); i++ {
		c := host[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	if n := len(dst); n > 0 && dst[n-1] == '.' {
		dst = dst[:n-1]
	}
	return dst, true
}

// executeAPIID returns the API id in front of ".execute-api.".
func executeAPIID(name []byte) ([]byte, bool) {
	dot := indexByte(name, '.')
	if dot <= 0 || len(name)-dot <= len(executeAPI) || string(name[dot:dot+len(executeAPI)]) != executeAPI {
		return nil, false
	}
	return name[:dot], true
}

func indexByte(b []byte, c byte) int {
	for i, d := range b {
		if c == d {
			return i
		}
	}
	return -1
}

func trimSlashes(s string) string {
	for len(s) > 0 && s[0] == '/' {
		s = s[1:]
	}
	return s
}

// segment cuts s at its first slash, which stays with the rest.
func segment(s string) (seg, rest string) {
	for i := 0; i < len(s); i++ {
		if s[i] == '/' {
			return s[:i], s[i:]
		}
	}
	return s, ""
}

// SocketStage returns the stage of a WebSocket API that a host and a path lead
// to, or nil.
func (t *Table) SocketStage(host, path string) *Stage {
	w := t.resolve(&wire.Request{Host: host, Path: path})
	if !w.socket {
		return nil
	}
	return w.stage
}
