package policy

import (
	"regexp"
	"strings"
)

// maxDocument bounds what Parse looks at: several times the largest quota there
// is for any kind of policy.
const maxDocument = 128 << 10

// An Error says why a document is refused, in the words of IAM's
// MalformedPolicyDocument.
type Error struct{ Message string }

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// AWS: messages of MalformedPolicyDocumentException as IAM answers them.
var (
	errInvalidJSON = &Error{"This policy contains invalid Json"}
	errSyntax      = &Error{"Syntax errors in policy."}
	errLegacy      = &Error{"The policy failed legacy parsing"}
	errSid         = &Error{"Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"}
	errSidTwice    = &Error{"Statement IDs (SID) in a single policy must be unique."}
	errNoActions   = &Error{"Policy statement must contain actions."}
	errTooLong     = &Error{"Policy document is too long."}
)

// Parse compiles a document. It accepts whatever is well formed as a policy of
// any kind; [Document.Check] tells whether it is one of a given kind. Errors
// are of type [*Error].
func Parse(document []byte) (*Document, error) {
	if len(document) > maxDocument {
		return nil, errTooLong
	}
	root, err := readJSON(document)
	if err != nil {
		return nil, errInvalidJSON
	}
	if root.kind != nodeObject {
		return nil, errSyntax
	}
	d := &Document{version: Version2008}
	var statements *node
	for _, m := range root.members {
		switch m.name {
		case "Version":
			d.version = m.value.text
			if m.value.kind != nodeText || d.version != Version2008 && d.version != Version2012 {
				return nil, errSyntax
			}
		case "Id":
			if m.value.kind != nodeText {
				return nil, errSyntax
			}
			d.id = m.value.text
		case "Statement":
			statements = m.value
		default:
			return nil, errSyntax
		}
	}
	if statements == nil {
		return nil, errSyntax
	}
	if err := d.addStatements(statements); err != nil {
		return nil, err
	}
	return d, nil
}

// addStatements compiles a statement or a list of them.
func (d *Document) addStatements(n *node) error {
	list := n.list
	if n.kind == nodeObject {
		list = []*node{n}
	} else if n.kind != nodeList {
		return errSyntax
	}
	sids := map[string]bool{}
	for _, n := range list {
		st, err := compileStatement(n, d.version == Version2012)
		if err != nil {
			return err
		}
		if st.sid != "" && sids[st.sid] {
			return errSidTwice
		}
		sids[st.sid] = true
		d.statements = append(d.statements, *st)
	}
	for _, effect := range []Effect{Deny, Allow} {
		for i := range d.statements {
			if d.statements[i].effect == effect {
				d.order = append(d.order, i)
			}
		}
	}
	return nil
}

// compileStatement compiles one statement. variables says whether ${…} has a
// meaning in this version of the language.
func compileStatement(n *node, variables bool) (*statement, error) {
	if n.kind != nodeObject {
		return nil, errSyntax
	}
	st := new(statement)
	for _, m := range n.members {
		if err := st.element(m.name, m.value, variables); err != nil {
			return nil, err
		}
	}
	if st.effect == NoMatch {
		return nil, errSyntax
	}
	if len(st.actions) == 0 {
		return nil, errNoActions
	}
	return st, nil
}

// element compiles one element of a statement.
func (st *statement) element(name string, n *node, variables bool) error {
	switch name {
	case "Sid":
		if n.kind != nodeText {
			return errSyntax
		}
		st.sid = n.text
	case "Effect":
		switch {
		case n.kind == nodeText && n.text == "Allow":
			st.effect = Allow
		case n.kind == nodeText && n.text == "Deny":
			st.effect = Deny
		default:
			return errSyntax
		}
	case "Principal", "NotPrincipal":
		p, ok := parsePrincipal(n)
		if !ok || st.principals != nil {
			return errSyntax
		}
		st.principals, st.notPrincipal = p, name == "NotPrincipal"
	case "Action", "NotAction":
		return st.setActions(n, name == "NotAction")
	case "Resource", "NotResource":
		return st.setResources(n, name == "NotResource", variables)
	case "Condition":
		return st.setConditions(n, variables)
	default:
		return errSyntax
	}
	return nil
}

func (st *statement) setActions(n *node, not bool) error {
	list, ok := n.texts()
	if !ok || st.actions != nil {
		return errSyntax
	}
	if len(list) == 0 {
		return errNoActions
	}
	st.notAction, st.actionTexts = not, list
	for _, text := range list {
		if err := checkAction(text); err != nil {
			return err
		}
		p, _ := compilePattern(text, withWildcards|foldCase)
		st.actions = append(st.actions, action{p})
	}
	return nil
}

var vendorName = regexp.MustCompile(`^[A-Za-z0-9.-]+$`)

// checkAction checks the form vendor:name.
func checkAction(text string) error {
	if text == "*" {
		return nil
	}
	vendor, name, ok := strings.Cut(text, ":")
	switch {
	case !ok || name == "":
		return &Error{"Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."}
	case strings.Contains(name, ":"):
		return &Error{"Actions/Condition can contain only one colon."}
	case !vendorName.MatchString(vendor):
		return &Error{"Vendor " + vendor + " is not valid"}
	}
	return nil
}

func (st *statement) setResources(n *node, not, variables bool) error {
	list, ok := n.texts()
	if !ok || st.resources != nil {
		return errSyntax
	}
	st.notResource, st.resourceTexts = not, list
	m := withWildcards
	if variables {
		m |= withVariables
	}
	st.resources = make([]resource, 0, len(list))
	for _, text := range list {
		p, ok := compileARN(text, m)
		if !ok {
			return errLegacy
		}
		st.resources = append(st.resources, resource{p})
	}
	return nil
}

// setConditions compiles operator → key → values.
func (st *statement) setConditions(n *node, variables bool) error {
	if n.kind != nodeObject {
		return errSyntax
	}
	for _, op := range n.members {
		if op.value.kind != nodeObject {
			return errSyntax
		}
		for _, key := range op.value.members {
			values, ok := key.value.scalars()
			if !ok {
				return errSyntax
			}
			c, err := compileCondition(op.name, key.name, values, variables)
			if err != nil {
				return err
			}
			st.conditions = append(st.conditions, *c)
		}
	}
	return nil
}
