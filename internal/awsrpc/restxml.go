package awsrpc

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"gatehouse/internal/sigv4"
)

// restXML is AWS restXml as Amazon S3 speaks it: method, bucket, key and a word
// in the query name the operation. Members travel in labels, query and headers;
// documents of XML are bodies that the service reads and writes itself.
//
// AWS: "Making requests to Amazon S3", Amazon S3 API reference.
type restXML struct {
	restJSON
	svc    Service
	ops    map[string]*operation // by method and form of path: see place
	words  []string              // of the query, that name an operation
	params []string              // of the query, that tell operations of one word apart
}

var _ protocol = (*restXML)(nil)

func newRestXML(svc Service, ops []*operation) (*restXML, error) {
	p := &restXML{restJSON: restJSON{plainNames: svc.PlainNames}, svc: svc, ops: map[string]*operation{}, words: []string{"partNumber"}}
	for _, op := range ops {
		path, word, _ := strings.Cut(op.URI, "?")
		named, param, _ := strings.Cut(word, "&")
		p.words, p.params = append(p.words, named), append(p.params, param)
		at := place(op.Method, path != "/", strings.Contains(path, "{Key"), word)
		if p.ops[at] != nil {
			return nil, fmt.Errorf("operation %s: %s is taken by %s", op.Name, op.URI, p.ops[at].Name)
		}
		p.ops[at] = op
	}
	p.words, p.params = distinct(p.words), distinct(p.params)
	return p, nil
}

// distinct returns the words of list once, without the empty one.
func distinct(list []string) []string {
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(s string) bool { return s == "" })
}

// place names an operation by what requests show of it.
func place(method string, bucket, key bool, word string) string {
	switch {
	case key:
		return method + " key " + word
	case bucket:
		return method + " bucket " + word
	}
	return method + " service " + word
}

// speaks reports whether q is for this service: by its credential or, where
// nobody signs, by its host.
func (p *restXML) speaks(q *request) bool {
	sig, err := sigv4.Claim(&q.raw)
	if err == nil && sig != nil {
		return sig.Scope.Service == p.svc.SigningName
	}
	_, ok := bucketOfHost(q.http.Host)
	return ok
}

// bucketOfHost returns the bucket that a host names.
//
// AWS: "Virtual hosting of buckets".
func bucketOfHost(host string) (string, bool) {
	host, _, _ = strings.Cut(host, ":")
	for _, suffix := range []string{".localhost", ".s3.localhost"} {
		if bucket, ok := strings.CutSuffix(host, suffix); ok && bucket != "s3" && !strings.HasSuffix(bucket, ".s3") {
			return bucket, true
		}
	}
	if !strings.HasSuffix(host, ".amazonaws.com") && !strings.HasSuffix(host, ".amazonaws.com.cn") {
		return "", false
	}
	bucket, rest, ok := strings.Cut(host, ".s3")
	if !ok || rest == "" || rest[0] != '.' && rest[0] != '-' {
		return "", false
	}
	return bucket, true
}

func (p *restXML) match(q *request) (match, bool) {
	if !p.speaks(q) {
		return match{}, false
	}
	path := strings.TrimPrefix(q.raw.Path, "/")
	if bucket, ok := bucketOfHost(q.http.Host); ok {
		path = bucket + "/" + path
	}
	bucket, key, _ := strings.Cut(path, "/")
	m := match{labels: map[string]string{}}
	for name, raw := range map[string]string{"Bucket": bucket, "Key": key} {
		text, err := url.PathUnescape(raw)
		if err != nil || !utf8.ValidString(text) {
			return match{}, false
		}
		m.labels[name] = text
	}
	var words []string
	for _, w := range p.words {
		if q.query.Has(w) {
			words = append(words, w)
		}
	}
	if slices.Contains(words, "uploadId") {
		words = []string{"uploadId"} // partNumber belongs to it
	}
	word := strings.Join(words, "&")
	at := place(q.http.Method, bucket != "", key != "", word)
	m.op = p.ops[at]
	for _, param := range p.params {
		if op := p.ops[at+"&"+param]; op != nil && q.query.Has(param) {
			m.op = op
		}
	}
	if m.op == nil {
		name := q.http.Method + " " + cmp.Or(word, "/")
		m.op = &operation{Operation: Operation{Name: name, Method: q.http.Method, URI: "/{Bucket}"}}
	}
	return m, true
}

func (p *restXML) reply(w http.ResponseWriter, op *operation, out any) error {
	if op.out == nil {
		w.WriteHeader(op.Code)
		return nil
	}
	return p.restJSON.reply(w, op, out)
}

// fail writes <Error>.
func (p *restXML) fail(w http.ResponseWriter, e *Error) {
	code, message, status := cmp.Or(xmlCodes[e.Code], e.Code), e.Message, e.Status
	if code == "NotImplemented" {
		status = http.StatusNotImplemented
	}
	b := []byte(`<?xml version="1.0" encoding="UTF-8"?>` + "\n<Error><Code>")
	b = xmlText(b, code)
	b = append(b, "</Code><Message>"...)
	b = xmlText(b, message)
	b = append(b, "</Message>"...)
	for _, name := range slices.Sorted(maps.Keys(e.Members)) {
		b = fmt.Appendf(b, "<%s>", name)
		b = xmlText(b, e.Members[name])
		b = fmt.Appendf(b, "</%s>", name)
	}
	b = fmt.Appendf(b, "<RequestId>%s</RequestId></Error>", requestIDOf(w))
	w.Header().Set("Content-Type", "application/xml")
	if status == http.StatusNotModified {
		w.WriteHeader(status)
		return
	}
	write(w, status, b)
}

// xmlCodes are the names that S3 gives to the errors of the front door.
//
// AWS: "Error responses", Amazon S3 API reference.
var xmlCodes = map[string]string{
	"MissingAuthenticationTokenException": "AccessDenied",
	"UnrecognizedClientException":         "InvalidAccessKeyId",
	"InvalidSignatureException":           "SignatureDoesNotMatch",
	"IncompleteSignatureException":        "AuthorizationHeaderMalformed",
	"ExpiredTokenException":               "ExpiredToken",
	"AccessDeniedException":               "AccessDenied",
	"ValidationException":                 "InvalidArgument",
	"SerializationException":              "InvalidArgument",
	"ThrottlingException":                 "SlowDown",
	"UnknownOperationException":           "MethodNotAllowed",
	"MalformedHttpRequestException":       "InvalidURI",
	"RequestEntityTooLargeException":      "EntityTooLarge",
	"NotImplementedException":             "NotImplemented",
	"InternalFailure":                     "InternalError",
}
