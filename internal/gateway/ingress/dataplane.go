package ingress

import (
	"net/http"
	"strings"
)

// IsDataPlane tells whether r addresses a stage of an API and not an AWS API:
// by a host of the form {api}.execute-api.{anything}, or by one of the two
// path forms, /_aws/execute-api/{api}/{stage}/… and
// /restapis/{api}/{stage}/_user_request_/…. A port that serves both asks it
// first.
//
// AWS: rest-execution.md §1; the path forms are those of the local emulators.
func IsDataPlane(r *http.Request) bool {
	if _, rest, ok := strings.Cut(r.Host, "."); ok && hasPrefixFold(rest, "execute-api.") {
		return true
	}
	path := strings.TrimLeft(originPath(r), "/")
	if strings.HasPrefix(path, "_aws/execute-api/") {
		return true
	}
	rest, ok := strings.CutPrefix(path, "restapis/")
	if !ok {
		return false
	}
	for range 2 { // the API and its stage
		if _, rest, ok = strings.Cut(rest, "/"); !ok {
			return false
		}
	}
	mark, _, _ := strings.Cut(strings.TrimLeft(rest, "/"), "/")
	return mark == "_user_request_"
}

// originPath is the path as the client sent it, still percent-encoded.
func originPath(r *http.Request) string {
	if !validTarget(r.RequestURI) {
		return ""
	}
	path, _, _ := strings.Cut(originForm(r.RequestURI), "?")
	return path
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
