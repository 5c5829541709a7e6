package sigv4

import (
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Key is what a request is signed with. Printing it shows the access key
// only.
type Key struct {
	AccessKey, SecretKey, SessionToken string
}

// String returns the access key.
func (k Key) String() string { return k.AccessKey + " ***" }

// GoString returns the access key.
func (k Key) GoString() string { return k.String() }

// LogValue returns the access key.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalJSON returns the access key.
func (k Key) MarshalJSON() ([]byte, error) { return json.Marshal(k.String()) }

// A Target is the Region and service that a request is signed for.
type Target struct{ Region, Service string }

func (t Target) scope(at time.Time) Scope {
	return Scope{Date: at.UTC().Format("20060102"), Region: t.Region, Service: t.Service}
}

// Sign adds date, token and Authorization headers to r. body is its body; the
// signature covers all headers that are set except those that proxies change.
func Sign(r *http.Request, body []byte, k Key, t Target, at time.Time) {
	r.Header.Set("X-Amz-Date", Date(at))
	r.Header.Del("Authorization")
	if k.SessionToken != "" {
		r.Header.Set("X-Amz-Security-Token", k.SessionToken)
	}
	hash := HashPayload(body)
	if r.Header.Get("X-Amz-Content-Sha256") == UnsignedPayload {
		hash = UnsignedPayload
	}
	q := FromHTTP(r)
	r.Header.Set("Authorization", q.Authorization(k, t, hash, at))
}

// Date returns a time as the header X-Amz-Date has it.
func Date(at time.Time) string { return at.UTC().Format(timeFormat) }

// Authorization returns the header of that name for q, which must have the
// headers X-Amz-Date and, if k has a token, X-Amz-Security-Token already. hash
// is that of the body, as HashPayload returns it, or UnsignedPayload.
func (q *Request) Authorization(k Key, t Target, hash string, at time.Time) string {
	return q.AuthorizationCached(k, t, hash, at, new(KeyCache))
}

// AuthorizationCached is Authorization with a memory for what the secret
// derives.
func (q *Request) AuthorizationCached(k Key, t Target, hash string, at time.Time, keys *KeyCache) string {
	signed := signable(q)
	scope := t.scope(at)
	return algorithm + " Credential=" + k.AccessKey + "/" + scope.String() +
		", SignedHeaders=" + strings.Join(signed, ";") + ", Signature=" + q.sign(q.Query, signed, hash, keys.key(scope, k.SecretKey), at, scope)
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
	u.RawQuery += "&X-Amz-Signature=" + q.sign(q.Query, []string{"host"}, HashPayload(body), scope.key(k.SecretKey), at, scope)
	return &u
}

// sign returns the signature by a derived key.
func (q *Request) sign(query string, signed []string, hash string, key []byte, at time.Time, scope Scope) string {
	pairs, _ := parseQuery(query)
	canonical := q.canonical(canonicalQuery(pairs), signed, hash, scope.Service)
	return hex.EncodeToString(mac(key, stringToSign(algorithm, canonical, at, scope)))
}

// signable returns the names of the headers to sign, in order.
func signable(q *Request) []string {
	names := append(make([]string, 0, len(q.Header)+1), "host")
	for _, f := range q.Header {
		switch name := strings.ToLower(f.Name); name {
		case "connection", "expect", "transfer-encoding", "user-agent", "x-amzn-trace-id":
		default:
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
