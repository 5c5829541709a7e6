package gateway

import (
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/arn"
	"gatehouse/internal/identity"
	"gatehouse/internal/policy"
	"gatehouse/internal/wire"
)

// An Identity is who signed an exchange with Signature Version 4. Its zero
// value is nobody.
type Identity struct {
	Principal    *identity.Principal // nil: nobody
	AccessKey    string
	Organization string // o-…; empty: none
	// Credential is what the exchange was signed with.
	Credential *identity.Credential
}

// A VPCEndpoint is where the requests of private APIs come in: a place of this
// server's that stands for an endpoint of a VPC.
type VPCEndpoint struct {
	ID, VPC string
	Policy  *policy.Document // nil: it lets everything through
	Port    uint16           // of the listener; 0: any
	Clients []netip.Prefix   // whose requests come through it; none: all
}

// Covers reports whether what p sends comes in by the endpoint.
func (e *VPCEndpoint) Covers(p *wire.Peer) bool {
	if p == nil || e.Port != 0 && e.Port != p.Local.Port() {
		return false
	}
	if len(e.Clients) == 0 {
		return true
	}
	addr := p.Addr.Addr().Unmap().WithZone("")
	for _, c := range e.Clients {
		if c.Contains(addr) {
			return true
		}
	}
	return false
}

// The variables of who signed.
//
// AWS: logging-metrics.md §1.2, authorizers.md §5: caller and user are the
// same. Those of Cognito have no value without it.
var identityVars = []contextVar{
	{"identity.caller", ofSigner(func(id *Identity) string { return id.Principal.UserID })},
	{"identity.user", ofSigner(func(id *Identity) string { return id.Principal.UserID })},
	{"identity.userArn", ofSigner(func(id *Identity) string { return id.Principal.ARN })},
	{"identity.accountId", ofSigner(func(id *Identity) string { return id.Principal.Account })},
	{"identity.accessKey", ofSigner(func(id *Identity) string { return id.AccessKey })},
	{"identity.principalOrgId", ofSigner(func(id *Identity) string { return id.Organization })},
	{"identity.cognitoIdentityPoolId", noValue},
	{"identity.cognitoIdentityId", noValue},
	{"identity.cognitoAuthenticationType", noValue},
	{"identity.cognitoAuthenticationProvider", noValue},
	{"identity.vpceId", ofEndpoint(func(e *VPCEndpoint) string { return e.ID })},
	{"identity.vpcId", ofEndpoint(func(e *VPCEndpoint) string { return e.VPC })},
}

func noValue(dst []byte, _ *Exchange) []byte { return dst }

func ofSigner(get func(*Identity) string) Getter {
	return func(dst []byte, x *Exchange) []byte {
		if x.Identity.Principal == nil {
			return dst
		}
		return append(dst, get(&x.Identity)...)
	}
}

func ofEndpoint(get func(*VPCEndpoint) string) Getter {
	return func(dst []byte, x *Exchange) []byte {
		if x.Endpoint == nil {
			return dst
		}
		return append(dst, get(x.Endpoint)...)
	}
}

// InvokeAction is the action of calling an API.
const InvokeAction = "execute-api:Invoke"

// maxMethodARN is the longest name of what a request asks for.
//
// AWS: authorizers.md §1.4.
const maxMethodARN = 1600

var arnTooLong = NewFault(URITooLong, nil)

// Asked returns the question that policies are asked about x: may who signed
// it, or anybody, invoke this method. It is valid until it is asked for again.
func (x *Exchange) Asked() (*policy.Request, error) {
	resource, err := x.methodARN()
	if err != nil {
		return nil, err
	}
	r := &x.asked
	*r = policy.Request{Action: InvokeAction, Resource: resource, Now: x.Vars.Now, Keys: conditionKeys{x}}
	if r.Now.IsZero() {
		r.Now = time.Now()
	}
	if p := x.Identity.Principal; p != nil {
		r.Principal = p.Principal
	}
	return r, nil
}

// methodARN names what x asks for, by its own method and path.
//
// AWS: authorizers.md §1.1: the path as it was sent. What routing does not tell
// apart, policies must not either: a character that needs no encoding is not
// encoded, slashes at the beginning are one, and one at the end counts as
// little as for the router.
func (x *Exchange) methodARN() (string, error) {
	from := len(x.Buf)
	st := x.Stage
	b := append(x.Buf, "arn:"...)
	b = append(append(b, arn.Partition(st.Region)...), ":execute-api:"...)
	b = append(append(b, st.Region...), ':')
	b = append(append(b, st.Account...), ':')
	b = append(append(b, st.API...), '/')
	b = append(append(b, st.Name...), '/')
	if x.Socket != nil {
		// AWS: websocket-execution.md §4: the key of the route, $connect without one.
		key := "$connect"
		if x.Route != nil {
			key = x.Route.Key
		}
		x.Buf = append(b, key...)
		return wire.String(x.Buf[from:]), nil
	}
	b = append(append(b, x.Vars.HTTPMethod...), '/')
	path := trimSlashes(x.Vars.Path)
	if x.HTTP { // its path is decoded, and all of it counts
		x.Buf = append(b, strings.TrimPrefix(x.Vars.Path, "/")...)
		if len(x.Buf)-from > maxMethodARN {
			return "", arnTooLong
		}
		return wire.String(x.Buf[from:]), nil
	}
	if n := len(path); n > 0 && path[n-1] == '/' {
		path = path[:n-1]
	}
	x.Buf = appendPlainPath(b, path)
	if len(x.Buf)-from > maxMethodARN {
		return "", arnTooLong
	}
	return wire.String(x.Buf[from:]), nil
}

// appendPlainPath appends a path with its needless encodings taken off.
func appendPlainPath(dst []byte, path string) []byte {
	for i := 0; i < len(path); i++ {
		if path[i] == '%' && i+3 <= len(path) {
			from := len(dst)
			dst = AppendDecoded(dst, path[i:i+3], false)
			if len(dst) == from+1 && dst[from] != '/' && PlainPath(wire.String(dst[from:])) {
				i += 2
				continue
			}
			dst = dst[:from]
		}
		dst = append(dst, path[i])
	}
	return dst
}

// conditionKeys are the condition keys of an exchange.
//
// AWS: authorizers.md §7.
type conditionKeys struct{ x *Exchange }

// Key returns the values of a key. Texts that are made here live in x.Buf.
func (k conditionKeys) Key(name string) (policy.Values, bool) {
	x := k.x
	switch name {
	case "aws:sourceip":
		// AWS: behind a VPC endpoint the client's own address has another key.
		return x.addressValue(x.Endpoint == nil)
	case "aws:vpcsourceip":
		return x.addressValue(x.Endpoint != nil)
	case "aws:sourcevpce":
		if x.Endpoint != nil {
			return policy.One(x.Endpoint.ID), true
		}
		return policy.Values{}, false
	case "aws:sourcevpc":
		if x.Endpoint != nil && x.Endpoint.VPC != "" {
			return policy.One(x.Endpoint.VPC), true
		}
		return policy.Values{}, false
	case "aws:securetransport":
		return policy.One(strconv.FormatBool(x.Peer != nil && x.Peer.TLS)), true
	case "aws:useragent":
		return policy.One(x.Vars.UserAgent), x.Vars.UserAgent != ""
	case "aws:referer":
		v := x.MethodRequest.Header.GetID(wire.HeaderReferer)
		return policy.One(v), v != ""
	case "aws:requestedregion":
		return policy.One(x.Stage.Region), true
	case "aws:principalorgid":
		return policy.One(x.Identity.Organization), x.Identity.Organization != ""
	}
	if p := x.Identity.Principal; p != nil {
		return p.Key(name)
	}
	return policy.Values{}, false
}

func (x *Exchange) addressValue(has bool) (policy.Values, bool) {
	if !has || x.Peer == nil || !x.Peer.Addr.IsValid() {
		return policy.Values{}, false
	}
	from := len(x.Buf)
	x.Buf = clientAddress(x).AppendTo(x.Buf)
	return policy.One(wire.String(x.Buf[from:])), true
}

func clientAddress(x *Exchange) netip.Addr { return x.Peer.Addr.Addr().Unmap().WithZone("") }

// AccessDeniedFault is the refusal of what policies do not allow. reason is
// what the message ends in, after a space.
//
// AWS: authorizers.md §5 and §7: the account is masked but for its last digits.
func (x *Exchange) AccessDeniedFault(reason string, cause error) *Fault {
	who := "anonymous"
	if p := x.Identity.Principal; p != nil {
		who = p.ARN
	}
	resource := x.asked.Resource
	if a, err := arn.Parse(resource); err == nil && len(a.Account) == 12 {
		a.Account = "********" + a.Account[8:]
		resource = a.String()
	}
	return &Fault{Type: AccessDenied, Cause: cause,
		Message: "User: " + who + " is not authorized to perform: " + InvokeAction + " on resource: " + resource + reason}
}

// UnreadableSignature is the refusal of an Authorization header that is no
// signature.
//
// AWS: authorizers.md §5 and §6, the wording of 2026.
func UnreadableSignature(header string) *Fault {
	sum := sha256.Sum256([]byte(header))
	return &Fault{Type: InvalidSignature, ErrorType: "IncompleteSignatureException",
		Message: "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '" + base64.StdEncoding.EncodeToString(sum[:]) + "'."}
}
