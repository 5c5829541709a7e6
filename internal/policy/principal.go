package policy

import "strings"

// A Principal is who makes a request. The zero Principal is anonymous.
type Principal struct {
	ARN      string // of the user, the session, or the account's root
	Account  string
	Role     string // ARN of the role whose session this is
	Type     string // aws:PrincipalType: Account, User, AssumedRole, FederatedUser, Anonymous
	UserID   string // aws:userid
	UserName string // aws:username; empty for sessions of roles
	Service  string // as "apigateway.amazonaws.com", for calls by a service
	Identity string // identity provider, for calls by a web identity
}

// A Grant says how a statement names a caller.
type Grant uint8

// The ways of naming a caller, from none to the most exact.
const (
	GrantNone     Grant = iota // not at all: identity policies name nobody
	GrantAccount               // the caller's whole account
	GrantEveryone              // "*"
	GrantRole                  // the role whose session the caller is
	GrantCaller                // the user, the session or the service itself
)

// principals are the compiled Principal or NotPrincipal of a statement.
type principals struct {
	everyone  bool
	accounts  []string
	arns      []string
	services  []string
	federated []string
	canonical []string
	texts     []string // the AWS entries as written, for Check
}

// match returns the most exact way in which the caller is named.
func (p *principals) match(who *Principal) Grant {
	for _, arn := range p.arns {
		// AWS: a user may be named by its id as well.
		if arn == who.ARN || arn == who.UserID && arn != "" {
			return GrantCaller
		}
	}
	if who.Service != "" {
		for _, s := range p.services {
			if s == who.Service || s == "*" {
				return GrantCaller
			}
		}
	}
	if who.Identity != "" {
		for _, f := range p.federated {
			if f == who.Identity || f == "*" {
				return GrantCaller
			}
		}
	}
	if who.Role != "" {
		id, _, _ := strings.Cut(who.UserID, ":")
		for _, arn := range p.arns {
			if arn == who.Role || arn == id && id != "" {
				return GrantRole
			}
		}
	}
	if p.everyone {
		return GrantEveryone
	}
	if who.Account != "" && who.Service == "" {
		for _, id := range p.accounts {
			if id == who.Account {
				return GrantAccount
			}
		}
	}
	return GrantNone
}

// parsePrincipal compiles the value of Principal or NotPrincipal: "*", or an
// object of kinds and names.
func parsePrincipal(n *node) (*principals, bool) {
	if n.kind == nodeText {
		if n.text != "*" {
			return nil, false
		}
		return &principals{everyone: true, texts: []string{"*"}}, true
	}
	if n.kind != nodeObject || len(n.members) == 0 {
		return nil, false
	}
	p := new(principals)
	for _, m := range n.members {
		list, ok := m.value.texts()
		if !ok || len(list) == 0 {
			return nil, false
		}
		switch m.name {
		case "AWS":
			p.texts = append(p.texts, list...)
			for _, text := range list {
				p.addAWS(text)
			}
		case "Service":
			p.services = append(p.services, list...)
		case "Federated":
			p.federated = append(p.federated, list...)
		case "CanonicalUser":
			p.canonical = append(p.canonical, list...)
		default:
			return nil, false
		}
	}
	return p, true
}

// addAWS adds one name under "AWS": everyone, an account by its number or its
// root, or the ARN of a user, role or session.
func (p *principals) addAWS(text string) {
	switch account, isRoot := rootAccount(text); {
	case text == "*":
		p.everyone = true
	case isAccount(text):
		p.accounts = append(p.accounts, text)
	case isRoot:
		p.accounts = append(p.accounts, account)
		p.arns = append(p.arns, text)
	default:
		p.arns = append(p.arns, text)
	}
}

// rootAccount returns the account whose root an ARN names.
func rootAccount(text string) (string, bool) {
	s := splitARN(text)
	return s[4], s[2] == "iam" && s[5] == "root" && isAccount(s[4])
}

func isAccount(text string) bool {
	return len(text) == 12 && strings.Trim(text, "0123456789") == ""
}
