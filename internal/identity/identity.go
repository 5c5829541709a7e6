// Package identity knows who may sign requests, and what they may do.
//
// A [Directory] holds the users and roles of all accounts with their compiled
// policies, and the access keys; it never changes. A [Registry] points at the
// newest one: it is asked for each signed request, by both planes, and never
// waits. Temporary credentials are not kept anywhere: their token holds all that
// is to know, sealed by a [Seal].
//
// The package knows neither the store nor the APIs by which identities change;
// who follows those publishes directories.
package identity

import (
	"log/slog"
	"time"

	"gatehouse/internal/policy"
	"gatehouse/internal/sigv4"
)

// A Secret is the secret of an access key. It prints as ***.
type Secret string

// String returns ***.
func (Secret) String() string { return "***" }

// GoString returns ***.
func (Secret) GoString() string { return "***" }

// LogValue returns ***.
func (Secret) LogValue() slog.Value { return slog.StringValue("***") }

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// A Policy is a compiled document and what it is called.
type Policy struct {
	*policy.Document
	Name string // of an inline policy, or the ARN of a managed one
	Kind string // "user", "group", "role", "managed"
}

// A Principal is a user, a role, a role's session or an account's root, with
// the documents that say what it may do. It never changes.
type Principal struct {
	policy.Principal
	ID       string // AIDA…, AROA… or the account
	Name     string // of the user or role
	Root     bool
	Policies []Policy
	Boundary *policy.Document
	Session  []*policy.Document // nil: no session policy
	Tags     map[string]string  // keys in lower case
	Issued   time.Time          // of temporary credentials
	// Temporary says that the session is of GetSessionToken.
	Temporary bool
	// SourceIdentity and SessionName are those of AssumeRole.
	SourceIdentity, SessionName string
	// Broken says that a document did not compile: nothing is allowed, since
	// it could be one that denies.
	Broken bool

	documents []*policy.Document // of Policies
}

// Decide returns whether the principal may make r. resource is the policy of
// what it is about, nil if that has none; cross says that it belongs to another
// account.
func (p *Principal) Decide(r *policy.Request, resource *policy.Document, cross bool) policy.Verdict {
	if p.Broken {
		return policy.Verdict{Source: policy.FromIdentity, Document: -1, Statement: -1}
	}
	set := policy.Set{
		Identity: p.documents, Boundary: p.Boundary, Session: p.Session, Resource: resource,
		Root: p.Root, CrossAccount: cross,
	}
	return set.Decide(r)
}

// Add adds policies. It is for those who make a principal.
func (p *Principal) Add(list ...Policy) {
	for _, q := range list {
		p.Policies = append(p.Policies, q)
		p.documents = append(p.documents, q.Document)
	}
}

// Key returns the condition keys that come with the principal.
func (p *Principal) Key(name string) (policy.Values, bool) {
	const tag = "aws:principaltag/"
	if len(name) > len(tag) && name[:len(tag)] == tag {
		v, ok := p.Tags[name[len(tag):]]
		return policy.One(v), ok
	}
	switch name {
	case "aws:tokenissuetime":
		if p.Issued.IsZero() {
			return policy.Values{}, false
		}
		return policy.One(p.Issued.UTC().Format(time.RFC3339)), true
	case "aws:multifactorauthpresent":
		// AWS: the key is there for temporary credentials alone
		// (reference_policies_condition-keys). We have no MFA.
		if p.Issued.IsZero() {
			return policy.Values{}, false
		}
		return policy.One("false"), true
	case "aws:sourceidentity":
		return policy.One(p.SourceIdentity), p.SourceIdentity != ""
	case "aws:principalisawsservice":
		return policy.One("false"), true
	}
	return policy.Values{}, false
}

// A Role is a role with who may assume it.
type Role struct {
	Principal   // as a principal: without a session
	Trust       *policy.Document
	MaxDuration time.Duration
}

// A Credential is an access key and whom it speaks for.
type Credential struct {
	AccessKey string
	Secret    Secret
	Token     Secret // of temporary credentials
	Expires   time.Time
	Principal *Principal
	Active    bool
	// Keys remembers the signing key of the day.
	Keys sigv4.KeyCache
}
