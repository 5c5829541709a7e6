package policy

import (
	"regexp"
	"strings"
	"unicode"
)

// A Kind is what a document is used for. The kinds differ in the elements that
// statements must and must not have.
type Kind uint8

// The kinds of documents.
const (
	Identity Kind = iota // attached to users, groups and roles
	Session              // handed in with a role's session
	Trust                // says who may assume a role
	Resource             // attached to what it protects
)

// Size returns the length of a document as quotas count it: without white
// space.
func Size(document []byte) int {
	n := 0
	for _, r := range string(document) {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

var sidForm = regexp.MustCompile(`^[0-9A-Za-z]*$`)

// Check tells whether the document is a valid one of kind k. The error is an
// [*Error].
func (d *Document) Check(k Kind) error {
	if len(d.statements) == 0 {
		return errSyntax
	}
	if k == Identity && d.version != Version2012 {
		return &Error{"Policy document must be version 2012-10-17 or greater."}
	}
	for i := range d.statements {
		st := &d.statements[i]
		var err error
		switch k {
		case Trust:
			err = st.checkTrust()
		case Resource:
			err = st.checkResourceBased()
		default:
			err = st.checkIdentity()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (st *statement) checkIdentity() error {
	if !sidForm.MatchString(st.sid) {
		return errSid
	}
	if st.principals != nil {
		return &Error{"Policy document should not specify a principal."}
	}
	if len(st.resources) == 0 {
		return &Error{"Policy statement must contain resources."}
	}
	for _, text := range st.resourceTexts {
		if err := checkResource(text); err != nil {
			return err
		}
	}
	return nil
}

// checkResource checks the form of an entry of Resource.
func checkResource(text string) error {
	if text == "*" {
		return nil
	}
	first, rest, ok := strings.Cut(text, ":")
	if !ok {
		return &Error{`Resource ` + text + ` must be in ARN format or "*".`}
	}
	if first != "arn" {
		return errLegacy
	}
	name, rest, ok := strings.Cut(rest, ":")
	if !partitions[name] {
		var at [4]string
		for i := range at {
			if at[i], rest, _ = strings.Cut(rest, ":"); at[i] == "" {
				at[i] = "*"
			}
		}
		return &Error{`Partition "` + name + `" is not valid for resource "arn:` + name + ":" + strings.Join(at[:], ":") + `".`}
	}
	vendor, rest, more := strings.Cut(rest, ":")
	if !ok || vendor == "" || strings.ContainsAny(vendor, "*?") && vendor != "*" {
		return &Error{"Resource vendor must be fully qualified and cannot contain regexes."}
	}
	if region, _, _ := strings.Cut(rest, ":"); more && vendor == "iam" && region != "" && region != "*" {
		return &Error{"IAM resource " + text + " cannot contain region information."}
	}
	return nil
}

// partitions are those that a resource may name.
var partitions = map[string]bool{
	"*": true, "aws": true, "aws-cn": true, "aws-us-gov": true, "aws-iso": true,
	"aws-iso-b": true, "aws-iso-e": true, "aws-iso-f": true, "aws-eusc": true,
}

func (st *statement) checkTrust() error {
	switch {
	case st.principals == nil:
		return &Error{"Missing required field Principal"}
	case st.notPrincipal && st.effect == Allow:
		return &Error{"Allow with NotPrincipal is not allowed."}
	case st.resourceTexts != nil || st.resources != nil:
		return &Error{"Has prohibited field Resource"}
	}
	for _, text := range st.actionTexts {
		vendor, _, _ := strings.Cut(text, ":")
		if !strings.EqualFold(vendor, "sts") {
			return &Error{"AssumeRole policy may only specify STS AssumeRole actions."}
		}
	}
	return st.checkPrincipals()
}

func (st *statement) checkResourceBased() error {
	switch {
	case st.principals == nil:
		return &Error{"Missing required field Principal"}
	case len(st.resources) == 0:
		return &Error{"Policy statement must contain resources."}
	}
	for _, text := range st.resourceTexts { // one that no request can have would make a Deny void
		if err := checkResource(text); err != nil {
			return err
		}
	}
	return st.checkPrincipals()
}

var principalForm = regexp.MustCompile(`^(arn:aws[a-z-]*:(iam::[0-9]{12}:(root|user/.+|role/.+)|sts::[0-9]{12}:(assumed-role/[^/]+/.+|federated-user/.+|self))|A(IDA|ROA)[A-Z0-9]{12,})$`)

// checkPrincipals checks the form of the entries under AWS.
func (st *statement) checkPrincipals() error {
	for _, text := range st.principals.canonical { // ids of S3, which nobody has here
		return &Error{`Invalid principal in policy: "CanonicalUser":"` + text + `"`}
	}
	for _, text := range st.principals.texts {
		if text == "*" || isAccount(text) {
			continue
		}
		// AWS: a wildcard stands for everyone or not at all
		// (reference_policies_elements_principal).
		if strings.ContainsAny(text, "*?") || !principalForm.MatchString(text) {
			return &Error{`Invalid principal in policy: "AWS":"` + text + `"`}
		}
	}
	return nil
}

// AWSPrincipals returns the entries under AWS of all statements, as written.
func (d *Document) AWSPrincipals() []string {
	var list []string
	for i := range d.statements {
		if p := d.statements[i].principals; p != nil {
			list = append(list, p.texts...)
		}
	}
	return list
}
