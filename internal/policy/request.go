package policy

import (
	"strconv"
	"time"
)

// A Request is what a document is asked about. It lives as long as the call
// and nothing of it is kept.
type Request struct {
	Principal Principal
	Action    string // as "execute-api:Invoke"; matched without regard to case
	Resource  string // an ARN, or "*" for actions without a resource
	Now       time.Time
	Keys      Keys // condition keys beyond those of Principal and Now; may be nil
}

// Keys gives the values of condition keys.
type Keys interface {
	// Key returns the values of a key and whether the request has it. The
	// name comes in lower case, as "aws:sourceip" or "aws:principaltag/team".
	Key(name string) (Values, bool)
}

// Values are what a condition key holds: one text, or a list of them.
type Values struct {
	One  string
	List []string // instead of One for keys with several values
	many bool
}

// One returns the values of a key that holds one text.
func One(text string) Values { return Values{One: text} }

// Many returns the values of a key that holds any number of texts.
func Many(list []string) Values { return Values{List: list, many: true} }

// Len returns the number of values.
func (v *Values) Len() int {
	if v.many {
		return len(v.List)
	}
	return 1
}

// At returns value i.
func (v *Values) At(i int) string {
	if v.many {
		return v.List[i]
	}
	return v.One
}

// Map is a plain set of condition keys. Its names are in lower case.
type Map map[string][]string

// Key returns the values of a key.
func (m Map) Key(name string) (Values, bool) {
	list, ok := m[name]
	if !ok {
		return Values{}, false
	}
	if len(list) == 1 {
		return One(list[0]), true
	}
	return Many(list), true
}

// value looks a key up: what Principal and Now hold, then Keys.
func (r *Request) value(name string) (Values, bool) {
	text := ""
	switch name {
	case "aws:currenttime":
		return One(r.Now.UTC().Format(time.RFC3339)), true
	case "aws:epochtime":
		return One(strconv.FormatInt(r.Now.Unix(), 10)), true
	case "aws:principalarn":
		text = r.Principal.ARN
		if r.Principal.Role != "" {
			// AWS: for a role's session the key holds the role's ARN
			// (reference_policies_condition-keys, aws:PrincipalArn).
			text = r.Principal.Role
		}
	case "aws:principalaccount":
		text = r.Principal.Account
	case "aws:principaltype":
		text = r.Principal.Type
	case "aws:userid":
		text = r.Principal.UserID
	case "aws:username":
		text = r.Principal.UserName
	default:
		if r.Keys == nil {
			return Values{}, false
		}
		return r.Keys.Key(name)
	}
	return One(text), text != ""
}
