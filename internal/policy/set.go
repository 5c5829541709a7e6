package policy

// A Set is all that bears on what one caller may do to one resource.
type Set struct {
	// Identity are the policies of the caller: its own and its groups'.
	Identity []*Document
	// Boundary limits what Identity allows; nil: it does not.
	Boundary *Document
	// Session limit what a role's session may do; nil: they do not.
	Session []*Document
	// Resource is the policy of the resource; nil: it has none.
	Resource *Document
	// Root says that the caller is its account's root, whom the account's
	// identity policies do not limit.
	Root bool
	// CrossAccount says that caller and resource are of different accounts:
	// then both sides must allow.
	CrossAccount bool
}

// A Source is the kind of document that decided.
type Source uint8

// The sources of verdicts.
const (
	FromNone Source = iota
	FromIdentity
	FromBoundary
	FromSession
	FromResource
	FromEndpoint // the policy of a VPC endpoint
)

// A Verdict is the answer of a [Set].
type Verdict struct {
	Allowed bool
	// Explicit says that a Deny statement decided.
	Explicit bool
	// Source is whose document decided or, for a refusal that is not
	// explicit, whose document fails to allow.
	Source Source
	// Document is the index among those of Source, Statement that within the
	// document; -1: none.
	Document, Statement int
}

func refusal(s Source) Verdict { return Verdict{Source: s, Document: -1, Statement: -1} }

// Decide combines the documents.
//
// AWS: reference_policies_evaluation-logic: an explicit deny anywhere; then
// within one account either side may allow, over accounts both must.
// Boundaries and session policies only take away, and not from what the policy
// of a resource gives to the very user or session.
func (s *Set) Decide(r *Request) Verdict {
	res := splitARN(r.Resource)
	own := s.identity(r, res)
	if own.Explicit {
		return own
	}
	var given Decision
	if s.Resource != nil {
		given = s.Resource.evaluate(r, res)
		if given.Effect == Deny {
			return Verdict{Explicit: true, Source: FromResource, Statement: given.Statement}
		}
	}
	limit := s.limits(r, res)
	if limit.Explicit {
		return limit
	}
	if given.Allowed() && !given.Delegated && !s.CrossAccount {
		if given.Grant == GrantCaller || limit.Allowed {
			return Verdict{Allowed: true, Source: FromResource, Statement: given.Statement}
		}
		return limit
	}
	switch {
	case !own.Allowed:
		return own
	case !limit.Allowed:
		return limit
	case s.CrossAccount && !given.Allowed():
		return refusal(FromResource)
	}
	return own
}

// identity asks the caller's own policies.
func (s *Set) identity(r *Request, res segments) Verdict {
	out := refusal(FromIdentity)
	if s.Root {
		out.Allowed = true
		return out
	}
	for i, d := range s.Identity {
		switch dec := d.evaluate(r, res); {
		case dec.Effect == Deny:
			return Verdict{Explicit: true, Source: FromIdentity, Document: i, Statement: dec.Statement}
		case dec.Allowed() && !out.Allowed:
			out = Verdict{Allowed: true, Source: FromIdentity, Document: i, Statement: dec.Statement}
		}
	}
	return out
}

// limits asks the boundary and the session policies.
func (s *Set) limits(r *Request, res segments) Verdict {
	out := Verdict{Allowed: true}
	if s.Boundary != nil {
		dec := s.Boundary.evaluate(r, res)
		if dec.Effect == Deny {
			return Verdict{Explicit: true, Source: FromBoundary, Statement: dec.Statement}
		}
		if !dec.Allowed() {
			out = refusal(FromBoundary)
		}
	}
	if s.Session == nil {
		return out
	}
	allowed := false
	for i, d := range s.Session {
		dec := d.evaluate(r, res)
		if dec.Effect == Deny {
			return Verdict{Explicit: true, Source: FromSession, Document: i, Statement: dec.Statement}
		}
		allowed = allowed || dec.Allowed()
	}
	if out.Allowed && !allowed {
		out = refusal(FromSession)
	}
	return out
}

// AppendReason appends what AWS's messages end in: why action was refused,
// after a space.
//
// AWS: troubleshoot_access-denied.
func (v Verdict) AppendReason(dst []byte, action string) []byte {
	if v.Allowed || v.Source == FromNone {
		return dst
	}
	if v.Explicit {
		dst = append(dst, " with an explicit deny in "...)
		dst = append(dst, v.Source.article()...)
		return append(dst, v.Source.String()...)
	}
	dst = append(dst, " because no "...)
	dst = append(dst, v.Source.String()...)
	dst = append(dst, " allows the "...)
	dst = append(dst, action...)
	return append(dst, " action"...)
}

// String returns the source as AWS's messages name it.
func (s Source) String() string {
	switch s {
	case FromIdentity:
		return "identity-based policy"
	case FromBoundary:
		return "permissions boundary"
	case FromSession:
		return "session policy"
	case FromResource:
		return "resource-based policy"
	case FromEndpoint:
		return "VPC endpoint policy"
	default:
		return "policy"
	}
}

func (s Source) article() string {
	if s == FromIdentity {
		return "an "
	}
	return "a "
}
