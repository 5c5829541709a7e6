// Package policy decides what AWS policy documents allow.
//
// [Parse] compiles a document once; [Document.Evaluate] then answers for any
// number of requests, without allocating. A [Set] holds the documents that bear
// on one caller and one resource, and combines their answers as AWS does for
// identity policies, permission boundaries, session policies and the policy of
// the resource.
//
// The package knows the policy language and nothing else: no users, no APIs, no
// store. Who the caller is and what the condition keys hold comes in a
// [Request].
package policy

import "strconv"

// An Effect is what a document says about a request.
type Effect uint8

// The effects. NoMatch is an implicit deny: no statement speaks of the request.
const (
	NoMatch Effect = iota
	Allow
	Deny
)

// String returns the effect as it is written in documents.
func (e Effect) String() string {
	switch e {
	case Allow:
		return "Allow"
	case Deny:
		return "Deny"
	default:
		return "NoMatch"
	}
}

// A Decision is the answer of one document to one request.
type Decision struct {
	Effect Effect
	// Statement is the index of the statement that decided; -1 without one.
	Statement int
	// Delegated says that only statements for the caller's whole account
	// allow: the account may pass the permission on, the caller still needs
	// it from a policy of its own.
	Delegated bool
	// Grant says how the deciding statement names the caller.
	Grant Grant
}

// Allowed reports whether the document allows the request.
func (d Decision) Allowed() bool { return d.Effect == Allow }

// A Document is a compiled policy document. It never changes and may be used
// from any number of goroutines.
type Document struct {
	version    string
	id         string
	statements []statement
	order      []int // deny statements first, then allow statements
}

// Versions of the policy language.
const (
	Version2008 = "2008-10-17" // policy variables are plain text
	Version2012 = "2012-10-17"
)

// Version returns the version of the language that the document is written in.
func (d *Document) Version() string { return d.version }

// ID returns the document's Id element.
func (d *Document) ID() string { return d.id }

// Len returns the number of statements.
func (d *Document) Len() int { return len(d.statements) }

// Sid returns the identifier of a statement, which may be empty.
func (d *Document) Sid(statement int) string {
	if statement < 0 || statement >= len(d.statements) {
		return ""
	}
	return d.statements[statement].sid
}

// A statement is one compiled statement.
type statement struct {
	sid           string
	effect        Effect
	principals    *principals // nil: the statement names none
	notPrincipal  bool
	actions       []action
	notAction     bool
	resources     []resource // nil: the statement names none
	notResource   bool
	conditions    []condition
	resourceTexts []string // as written, for Check
	actionTexts   []string
}

// Evaluate returns what the document says about r. A statement that denies
// decides, wherever it stands; then the first one that allows.
func (d *Document) Evaluate(r *Request) Decision {
	return d.evaluate(r, splitARN(r.Resource))
}

func (d *Document) evaluate(r *Request, res segments) Decision {
	delegated := -1
	for _, i := range d.order {
		st := &d.statements[i]
		grant, ok := st.matches(r, &res)
		if !ok {
			continue
		}
		if st.effect == Deny {
			return Decision{Effect: Deny, Statement: i, Grant: grant}
		}
		if grant == GrantAccount {
			if delegated < 0 {
				delegated = i
			}
			continue
		}
		return Decision{Effect: Allow, Statement: i, Grant: grant}
	}
	if delegated >= 0 {
		return Decision{Effect: Allow, Statement: delegated, Delegated: true, Grant: GrantAccount}
	}
	return Decision{Statement: -1}
}

// matches reports whether the statement speaks of r, and how it names the
// caller.
func (st *statement) matches(r *Request, res *segments) (Grant, bool) {
	if !st.matchesAction(r.Action) || !st.matchesResource(r, res) {
		return GrantNone, false
	}
	grant := GrantNone
	if st.principals != nil {
		grant = st.principals.match(&r.Principal)
		if (grant == GrantNone) != st.notPrincipal {
			return GrantNone, false
		}
		if st.notPrincipal {
			grant = GrantEveryone
		}
	}
	for i := range st.conditions {
		if !st.conditions[i].holds(r) {
			return GrantNone, false
		}
	}
	return grant, true
}

func (st *statement) matchesAction(name string) bool {
	for i := range st.actions {
		if st.actions[i].match(name) {
			return !st.notAction
		}
	}
	return st.notAction
}

func (st *statement) matchesResource(r *Request, res *segments) bool {
	if st.resources == nil {
		return true
	}
	for i := range st.resources {
		if st.resources[i].match(r, res) {
			return !st.notResource
		}
	}
	return st.notResource
}

// Label names a statement for people: its Sid, or its number from 1.
func (d *Document) Label(statement int) string {
	if sid := d.Sid(statement); sid != "" {
		return sid
	}
	return "number " + strconv.Itoa(statement+1)
}
