package awsrpc

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse/internal/arn"
	"gatehouse/internal/sigv4"
)

// An authenticator finds out who signed a request.
type authenticator struct {
	credentials Credentials
	dev         bool
	account     string // of dev callers that name none
}

// devRegion is the Region of a dev caller who does not sign at all.
const devRegion = "us-east-1"

// claim reads who claims to call, and refuses strangers before the body is
// read. In dev mode an unsigned request yields a nil signature.
func (a *authenticator) claim(q *request) (*sigv4.Signature, error) {
	parse := sigv4.Parse
	if a.dev {
		parse = sigv4.Claim
	}
	sig, err := parse(&q.raw)
	if err != nil {
		var e *sigv4.Error
		if a.dev && errors.As(err, &e) && e.Reason == sigv4.Missing {
			return nil, refuseBrowser(q.http)
		}
		return nil, signatureError(err)
	}
	if !arn.ValidRegion(sig.Scope.Region) {
		return nil, invalidSignature("Credential should be scoped to a valid region.")
	}
	if !a.dev {
		if _, known := a.credentials.Lookup(sig.AccessKey, sig.SessionToken); !known {
			return nil, unrecognizedClient()
		}
	}
	return sig, nil
}

// refuseBrowser refuses unsigned requests that a web page caused: pages of
// others must not be able to use a dev server on the reader's machine.
func refuseBrowser(r *http.Request) error {
	site := r.Header.Get("Sec-Fetch-Site")
	if r.Header.Get("Origin") != "" || site != "" && site != "none" {
		return &Error{Code: "AccessDeniedException", Status: 403, Message: "Gatehouse does not accept unsigned requests from web pages"}
	}
	return nil
}

// verify proves the claim and returns the caller.
func (a *authenticator) verify(sig *sigv4.Signature, q *request) (Caller, error) {
	if a.dev {
		var err error
		if q.body, _, err = sigv4.DecodeStream(&q.raw, q.body); err != nil {
			return Caller{}, signatureError(err)
		}
		return a.devCaller(sig), nil
	}
	cred, ok := a.credentials.Lookup(sig.AccessKey, sig.SessionToken)
	if !ok {
		return Caller{}, unrecognizedClient()
	}
	if !cred.SessionToken.Equal(Secret(sig.SessionToken)) {
		return Caller{}, unrecognizedClient()
	}
	now := time.Now()
	keys := cred.Keys
	if keys == nil {
		keys = new(sigv4.KeyCache)
	}
	if sig.Scope.Service == "s3" { // AWS: only there bodies come in chunks
		body, _, err := sig.VerifyStream(&q.raw, q.body, cred.SecretKey.Reveal(), now, keys)
		if err != nil {
			return Caller{}, signatureError(err)
		}
		q.body = body
	} else if err := sig.VerifyCached(&q.raw, q.body, cred.SecretKey.Reveal(), now, keys); err != nil {
		return Caller{}, signatureError(err)
	}
	if !cred.Expires.IsZero() && !now.Before(cred.Expires) {
		return Caller{}, expiredToken()
	}
	return Caller{
		Account: cred.AccountID, Region: sig.Scope.Region, AccessKey: cred.AccessKey,
		PrincipalARN: cred.PrincipalARN, UserID: cred.UserID, SessionToken: cred.SessionToken, Root: cred.Root,
	}, nil
}

// devCaller is the root of the account that the access key names.
func (a *authenticator) devCaller(sig *sigv4.Signature) Caller {
	c := Caller{Account: a.account, Region: devRegion, Root: true}
	if sig != nil {
		c.Region, c.AccessKey, c.SessionToken = sig.Scope.Region, sig.AccessKey, Secret(sig.SessionToken)
		if arn.ValidAccount(sig.AccessKey) {
			c.Account = sig.AccessKey
		}
	}
	c.PrincipalARN, c.UserID = rootARN(c.Account, c.Region), c.Account
	return c
}

func rootARN(account, region string) string {
	return arn.ARN{Partition: arn.Partition(region), Service: "iam", Account: account, Resource: "root"}.String()
}

// signatureError words a refusal of sigv4.
func signatureError(err error) error {
	var e *sigv4.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Reason {
	case sigv4.Missing:
		return missingToken()
	case sigv4.Incomplete:
		return incompleteSignature(e.Message)
	}
	// AWS: a signature outside of its time is invalid, too; only the text tells.
	return invalidSignature(e.Message)
}

// A Call is what an authorizer decides about.
type Call struct {
	Caller    Caller
	Service   string // signing name: the prefix of IAM actions
	API       string // the service's name
	Operation string
	Method    string
	Path      string // escaped, as requested
	URI       string // template of the operation's path
	Query     url.Values
	Labels    map[string]string // of the path, by name
	Form      url.Values        // of query protocols, and the texts of a JSON document

	// Input decodes the input of the operation, once, to what the operation is
	// then called with; nil: it has none. An error is answered after the decision.
	Input func() (any, error)

	// RemoteAddr is where the call comes from; TLS whether it was encrypted.
	RemoteAddr string
	TLS        bool
	UserAgent  string

	// Record is the auditor's: what it calls the record of this call.
	Record string

	op *operation
}

// An Authorizer decides whether a caller may make a call. It is asked once for
// each call, after the signature was verified and before the input is decoded,
// unless it asks for that.
type Authorizer interface {
	// Authorize returns nil if the caller may, otherwise the error to answer.
	Authorize(ctx context.Context, c *Call) error
}

// RootOnly lets the account's root credential do everything and others nothing.
type RootOnly struct{}

var _ Authorizer = RootOnly{}

// Authorize refuses everybody but root.
func (RootOnly) Authorize(_ context.Context, c *Call) error {
	if c.Caller.Root {
		return nil
	}
	// AWS: API Gateway's actions are the HTTP methods, its resources the paths.
	resource := arn.ARN{Partition: arn.Partition(c.Caller.Region), Service: c.Service, Region: c.Caller.Region, Resource: strings.TrimSuffix(c.Path, "/")}
	return &Error{Code: "AccessDeniedException", Status: 403,
		Message: "User: " + c.Caller.PrincipalARN + " is not authorized to perform: " + c.Service + ":" + c.Method +
			" on resource: " + resource.String()}
}
