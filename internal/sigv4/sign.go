package sigv4

import (
	"encoding/hex"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"
)

// A Key is what a request is signed with.
type Key struct {
	AccessKey, SecretKey, SessionToken string
}

// A Target is the Region and service that a request is signed for.
type Target struct{ Region, Service string }

func (t Target) scope(at time.Time) Scope {
	return Scope{Date: at.UTC().Format("20060102"), Region: t.Region, Service: t.Service}
}

// Sign adds date, token and Authorization headers to r. body is its body; the
// signature covers all headers that are set except those that proxies change.
func Sign(r *http.Request, body []byte, k Key, t Target, at time.Time) {
	r.Header.Set("X-Amz-Date", at.UTC().Format(timeFormat))
	r.Header.Del("Authorization")
	if k.SessionToken != "" {
		r.Header.Set("X-Amz-Security-Token", k.SessionToken)
	}
	hash := HashPayload(body)
	if r.Header.Get("X-Amz-Content-Sha256") == UnsignedPayload {
		hash = UnsignedPayload
	}
	q := FromHTTP(r)
	signed := signable(&q)
	scope := t.scope(at)
	r.Header.Set("Authorization", algorithm+" Credential="+k.AccessKey+"/"+scope.String()+
		", SignedHeaders="+strings.Join(signed, ";")+", Signature="+q.sign(q.Query, signed, hash, k.SecretKey, scope, at))
}

// Presign returns r's URL with a signature in its query that is valid for
// expires. Only the host is signed of the headers.
func Presign(r *http.Request, body []byte, k Key, t Target, at time.Time, expires time.Duration) *url.URL {
	scope := t.scope(at)
	u := *r.URL
	add := []pair{
		{"X-Amz-Algorithm", algorithm},
		{"X-Amz-Credential", k.AccessKey + "/" + scope.String()},
		{"X-Amz-Date", at.UTC().Format(timeFormat)},
		{"X-Amz-Expires", strconv.Itoa(int(expires / time.Second))},
		{"X-Amz-SignedHeaders", "host"},
	}
	if k.SessionToken != "" {
		add = append(add, pair{"X-Amz-Security-Token", k.SessionToken})
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += canonicalQuery(add)
	q := FromHTTP(r)
	q.Query = u.RawQuery
	u.RawQuery += "&X-Amz-Signature=" + q.sign(q.Query, []string{"host"}, HashPayload(body), k.SecretKey, scope, at)
	return &u
}

func (q *Request) sign(query string, signed []string, hash, secret string, scope Scope, at time.Time) string {
	pairs, _ := parseQuery(query)
	canonical := q.canonical(canonicalQuery(pairs), signed, hash)
	return hex.EncodeToString(mac(scope.key(secret), stringToSign(canonical, at, scope)))
}

// signable returns the names of the headers to sign, in order.
func signable(q *Request) []string {
	names := map[string]bool{"host": true}
	for _, f := range q.Header {
		switch name := strings.ToLower(f.Name); name {
		case "connection", "expect", "transfer-encoding", "user-agent", "x-amzn-trace-id":
		default:
			names[name] = true
		}
	}
	out := make([]string, 0, len(names))
	for name := range names {
		out = append(out, name)
	}
	sort.Strings(out)
	return out
}
