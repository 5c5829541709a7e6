package authorizer

import (
	"context"
	"crypto/subtle"
	"errors"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/gateway"
	"gatehouse/internal/identity"
	"gatehouse/internal/policy"
	"gatehouse/internal/sigv4"
	"gatehouse/internal/wire"
)

// An IAM lets in who has signed the request with Signature Version 4, or 4A, and
// may invoke the method, by the policies of the caller and of the API together.
//
// The path of a request that is signed must be in its normal form: signatures
// do not cover dot segments and empty segments.
type IAM struct {
	Identities *identity.Registry
	Region     string
	Account    string // of the API
	// Resource is the policy of the API. Private says that one is needed.
	Resource     *policy.Document
	Private      bool
	Organization string // of all accounts; empty: they are in none
	// Forward: backends see the signature, as those of HTTP APIs do.
	Forward bool
	// Asymmetric: signatures of version 4A count as well, as those of REST APIs
	// do.
	Asymmetric bool
}

// signingName is the service that requests to APIs are signed for.
const signingName = "execute-api"

var missingToken = gateway.NewFault(gateway.MissingAuthenticationToken, nil)

// Do verifies the signature, fills in x.Identity, and asks the policies.
func (a *IAM) Do(_ context.Context, x *gateway.Exchange) error {
	begun := time.Now()
	cred, err := a.verify(x)
	verified := time.Now()
	x.Vars.AuthenticateLatency = max(verified.Sub(begun), 1)
	if err != nil {
		return err
	}
	x.Identity = gateway.Identity{Principal: cred.Principal, AccessKey: cred.AccessKey, Organization: a.Organization, Credential: cred}
	err = a.decide(x, cred.Principal)
	x.Vars.AuthorizeLatency = max(time.Since(verified), 1)
	if err != nil {
		return err
	}
	if a.Forward {
		return nil
	}
	// AWS: authorizers.md §5: backends do not see the signature.
	x.MethodRequest.Header.DelID(wire.HeaderAuthorization)
	x.Vars.Authorization = ""
	return nil
}

// decide asks the policies of the caller and of the API.
//
// AWS: authorizers.md §7, tables A and B.
func (a *IAM) decide(x *gateway.Exchange, who *identity.Principal) error {
	r, err := x.Asked()
	if err != nil {
		return err
	}
	if a.Private && a.Resource == nil {
		return x.AccessDeniedFault("", errors.New("a private API without a resource policy lets nobody in"))
	}
	v := who.Decide(r, a.Resource, who.Account != a.Account)
	if v.Allowed {
		return nil
	}
	reason := string(v.AppendReason(nil, gateway.InvokeAction))
	if v.Explicit && v.Source == policy.FromResource {
		reason = " with an explicit deny" // AWS: as for callers who have not signed
	}
	return x.AccessDeniedFault(reason, &verdictCause{who, a.Resource, v})
}

// A verdictCause says for the operator which statement refused.
type verdictCause struct {
	who      *identity.Principal
	resource *policy.Document
	verdict  policy.Verdict
}

// Error names document and statement.
func (c *verdictCause) Error() string {
	v := &c.verdict
	if !v.Explicit {
		return "no " + v.Source.String() + " of " + c.who.ARN + " allows it"
	}
	switch {
	case v.Source == policy.FromIdentity && v.Document >= 0 && v.Document < len(c.who.Policies):
		p := &c.who.Policies[v.Document]
		return p.Kind + " policy " + p.Name + " denies it: statement " + p.Label(v.Statement)
	case v.Source == policy.FromResource && c.resource != nil:
		return "the resource policy denies it: statement " + c.resource.Label(v.Statement)
	}
	return "the " + v.Source.String() + " denies it"
}

// verify proves who signed x. What costs little is checked before the body is
// read.
func (a *IAM) verify(x *gateway.Exchange) (*identity.Credential, error) {
	q := signed(x)
	parse := sigv4.Parse
	if a.Asymmetric {
		parse = sigv4.ParseAny
	}
	sig, err := parse(&q)
	if err != nil {
		return nil, a.unreadable(x, err)
	}
	switch {
	case sig.Scope.Service != signingName:
		return nil, invalid("Credential should be scoped to correct service: '" + signingName + "'.")
	case !sig.InRegion(a.Region):
		return nil, invalid("Credential should be scoped to a valid region.")
	case x.Vars.HTTPMethod != q.Method && !sig.Covers("x-http-method-override"):
		return nil, invalid("'x-http-method-override' must be a 'SignedHeader' in the AWS Authorization.")
	case !plainSegments(q.Path):
		return nil, gateway.NewFault(gateway.InvalidSignature, errors.New("the path has segments that a signature does not cover"))
	}
	cred, ok := a.Identities.Find(sig.AccessKey, sig.SessionToken)
	if !ok || subtle.ConstantTimeCompare([]byte(cred.Token.Reveal()), []byte(sig.SessionToken)) != 1 {
		return nil, unrecognized
	}
	now := x.Vars.Now
	if now.IsZero() {
		now = time.Now()
	}
	if err := sig.CheckTime(now); err != nil {
		return nil, mismatch(err)
	}
	if !unsignedPayload(x) {
		if err := x.ReadBody(); err != nil {
			return nil, err
		}
	}
	payload, decoded, err := sig.VerifyStream(&q, x.MethodRequest.Body.Bytes, cred.Secret.Reveal(), now, &cred.Keys)
	if err != nil {
		return nil, mismatch(err)
	}
	if cred.Expired(now) {
		return nil, expired
	}
	if decoded {
		unwrap(&x.MethodRequest, payload)
	}
	return cred, nil
}

// unwrap puts in place of a body in signed chunks what they hold, and takes off
// the headers what speaks of chunks.
func unwrap(m *wire.Request, payload []byte) {
	m.Body = wire.Body{Bytes: payload, Length: int64(len(payload))}
	var codings []string
	for _, v := range m.Header.Values("Content-Encoding") {
		for one := range strings.SplitSeq(v, ",") {
			if one = strings.TrimSpace(one); one != "" && !strings.EqualFold(one, "aws-chunked") {
				codings = append(codings, one)
			}
		}
	}
	m.Header.DelID(wire.HeaderContentEncoding)
	if len(codings) > 0 {
		m.Header.SetID(wire.HeaderContentEncoding, strings.Join(codings, ", "))
	}
	for _, name := range []string{"X-Amz-Decoded-Content-Length", "X-Amz-Trailer"} {
		m.Header.Del(name)
	}
	if m.Header.Has(wire.HeaderContentLength) {
		m.Header.SetID(wire.HeaderContentLength, strconv.Itoa(len(payload)))
	}
}

// AWS: authorizers.md §5.
var (
	unrecognized = &gateway.Fault{Type: gateway.InvalidSignature, ErrorType: "UnrecognizedClientException",
		Message: "The security token included in the request is invalid.", Cause: errors.New("the access key, or its session token, is not known")}
	expired = gateway.NewFault(gateway.ExpiredToken, nil)
)

func invalid(message string) error {
	return &gateway.Fault{Type: gateway.InvalidSignature, Message: message}
}

// unreadable is the refusal of a request without a signature that can be read.
func (a *IAM) unreadable(x *gateway.Exchange, err error) error {
	var e *sigv4.Error
	header := x.Vars.Authorization
	switch {
	case !errors.As(err, &e), e.Reason == sigv4.Missing:
		return missingToken
	case header != "" && !strings.HasPrefix(header, "AWS4-"):
		return gateway.UnreadableSignature(header)
	case e.Reason == sigv4.Incomplete:
		return &gateway.Fault{Type: gateway.InvalidSignature, ErrorType: "IncompleteSignatureException", Message: e.Message}
	}
	return invalid(e.Message)
}

// mismatch words what is wrong with a signature that could be read.
func mismatch(err error) error {
	var e *sigv4.Error
	switch {
	case !errors.As(err, &e):
		return gateway.NewFault(gateway.InvalidSignature, err)
	case e.Reason == sigv4.Incomplete: // chunks that are none
		return &gateway.Fault{Type: gateway.InvalidSignature, ErrorType: "IncompleteSignatureException", Message: e.Message}
	}
	text := e.Message
	if e.Canonical != "" {
		text += "\n\nThe Canonical String for this request should have been\n'" + e.Canonical +
			"'\n\nThe String-to-Sign should have been\n'" + e.ToSign + "'\n"
	}
	return invalid(text)
}

// signed is what the signature of x covers. Its texts are views of x.
func signed(x *gateway.Exchange) sigv4.Request {
	m := &x.MethodRequest
	q := sigv4.Request{Method: m.Method, Path: m.Path, Query: m.Query, Host: m.Host, Header: make([]sigv4.Field, len(m.Header.Fields), len(m.Header.Fields)+len(x.Withheld))}
	for i := range m.Header.Fields {
		f := &m.Header.Fields[i]
		q.Header[i] = sigv4.Field{Name: f.Name, Value: f.Value}
	}
	for i := range x.Withheld {
		q.Header = append(q.Header, sigv4.Field{Name: x.Withheld[i].Name, Value: x.Withheld[i].Value})
	}
	return q
}

// unsignedPayload tells whether the client leaves the body out of its signature.
func unsignedPayload(x *gateway.Exchange) bool {
	return x.MethodRequest.Header.Get("x-amz-content-sha256") == sigv4.UnsignedPayload
}

// plainSegments reports whether a path is its own normal form.
func plainSegments(path string) bool {
	rest, ok := strings.CutPrefix(path, "/")
	if rest == "" {
		return ok
	}
	rest = strings.TrimSuffix(rest, "/")
	for seg := range strings.SplitSeq(rest, "/") {
		if seg == "" || seg == "." || seg == ".." {
			return false
		}
	}
	return ok
}

// Prompt implements gateway.Prompt.
func (*IAM) Prompt() {}

var _ gateway.Prompt = (*IAM)(nil)
