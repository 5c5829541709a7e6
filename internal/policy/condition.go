package policy

import (
	"maps"
	"slices"
	"strings"
)

// A condition is one operator on one key with the values it is compared to.
type condition struct {
	key      string // lower case
	over     quantifier
	ifExists bool
	negate   bool // the operator is the Not form
	null     bool // the operator is Null, and absent says which way
	absent   bool
	values   []comparer
}

// A quantifier says how many of a key's values must match.
type quantifier uint8

const (
	single quantifier = iota
	forAll
	forAny
)

// A comparer compares one value of a request with one value of the policy,
// made ready when the policy was compiled.
type comparer interface {
	compare(text string, r *Request) bool
}

// An operator is one row of the table of condition operators.
type operator struct {
	negate    bool
	variables bool // ${…} has a meaning in the values
	compile   func(value string, m mode) (comparer, bool)
}

// operators are all condition operators. Adding one is adding a line.
var operators = map[string]operator{
	"StringEquals":              {compile: compileText(0), variables: true},
	"StringNotEquals":           {compile: compileText(0), variables: true, negate: true},
	"StringEqualsIgnoreCase":    {compile: compileText(foldCase), variables: true},
	"StringNotEqualsIgnoreCase": {compile: compileText(foldCase), variables: true, negate: true},
	"StringLike":                {compile: compileText(withWildcards), variables: true},
	"StringNotLike":             {compile: compileText(withWildcards), variables: true, negate: true},
	"NumericEquals":             {compile: compileNumber(isEqual)},
	"NumericNotEquals":          {compile: compileNumber(isEqual), negate: true},
	"NumericLessThan":           {compile: compileNumber(isLess)},
	"NumericLessThanEquals":     {compile: compileNumber(isLess | isEqual)},
	"NumericGreaterThan":        {compile: compileNumber(isMore)},
	"NumericGreaterThanEquals":  {compile: compileNumber(isMore | isEqual)},
	"DateEquals":                {compile: compileDate(isEqual)},
	"DateNotEquals":             {compile: compileDate(isEqual), negate: true},
	"DateLessThan":              {compile: compileDate(isLess)},
	"DateLessThanEquals":        {compile: compileDate(isLess | isEqual)},
	"DateGreaterThan":           {compile: compileDate(isMore)},
	"DateGreaterThanEquals":     {compile: compileDate(isMore | isEqual)},
	"Bool":                      {compile: compileBool},
	"BinaryEquals":              {compile: compileBinary},
	"IpAddress":                 {compile: compilePrefix},
	"NotIpAddress":              {compile: compilePrefix, negate: true},
	"ArnEquals":                 {compile: compileARNValue, variables: true},
	"ArnLike":                   {compile: compileARNValue, variables: true},
	"ArnNotEquals":              {compile: compileARNValue, variables: true, negate: true},
	"ArnNotLike":                {compile: compileARNValue, variables: true, negate: true},
	"Null":                      {compile: compileBool},
}

// compileCondition compiles one key of one operator.
func compileCondition(name, key string, values []string, variables bool) (*condition, error) {
	c := &condition{key: strings.ToLower(key)}
	if rest, ok := strings.CutPrefix(name, "ForAllValues:"); ok {
		name, c.over = rest, forAll
	} else if rest, ok := strings.CutPrefix(name, "ForAnyValue:"); ok {
		name, c.over = rest, forAny
	}
	base, ifExists := strings.CutSuffix(name, "IfExists")
	c.ifExists = ifExists
	op, ok := operators[base]
	if !ok || base == "Null" && ifExists {
		return nil, errSyntax
	}
	if !strings.Contains(key, ":") {
		return nil, &Error{"Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."}
	}
	c.negate = op.negate
	var m mode
	if variables && op.variables {
		m = withVariables
	}
	for _, v := range values {
		cmp, ok := op.compile(v, m)
		if !ok {
			// AWS: a value that the operator cannot read is "The policy
			// failed legacy parsing" for dates, and a syntax error else.
			if strings.HasPrefix(base, "Date") {
				return nil, errLegacy
			}
			return nil, errSyntax
		}
		c.values = append(c.values, cmp)
	}
	if base == "Null" {
		c.null = true
		if len(values) != 1 {
			return nil, errSyntax
		}
		c.absent = strings.EqualFold(values[0], "true")
	}
	return c, nil
}

// holds reports whether the condition is true of r.
//
// AWS: reference_policies_elements_condition_operators and
// reference_policies_condition-single-vs-multi-valued-context-keys.
func (c *condition) holds(r *Request) bool {
	// The time is compared without being printed and read again.
	if c.key == "aws:currenttime" || c.key == "aws:epochtime" {
		if held, ok := c.holdsNow(r); ok {
			return held
		}
	}
	v, ok := r.value(c.key)
	if ok && v.Len() == 0 && c.over == single {
		ok = false
	}
	if c.null {
		return ok != c.absent
	}
	if !ok {
		switch {
		case c.ifExists, c.over == forAll:
			return true
		case c.over == forAny:
			return false
		default:
			// A condition that asks for no match is true of a key that the
			// request does not have.
			return c.negate
		}
	}
	for i := range v.Len() {
		hit := c.oneMatches(v.At(i), r) != c.negate
		switch {
		case c.over == forAll && !hit:
			return false
		case c.over == forAny && hit:
			return true
		case c.over == single && hit != c.negate:
			return hit
		}
	}
	switch c.over {
	case forAll:
		return true
	case forAny:
		return false
	default:
		return c.negate
	}
}

// oneMatches reports whether any of the policy's values matches text.
func (c *condition) oneMatches(text string, r *Request) bool {
	for _, cmp := range c.values {
		if cmp.compare(text, r) {
			return true
		}
	}
	return false
}

// holdsNow decides about the time of the request; ok is false when an operator
// for something else than times is used.
func (c *condition) holdsNow(r *Request) (held, ok bool) {
	if c.null {
		return !c.absent, true
	}
	hit := false
	for _, cmp := range c.values {
		d, isTime := cmp.(*number)
		if !isTime {
			return false, false
		}
		hit = hit || d.compareTo(float64(r.Now.UnixMilli())/1000)
	}
	return hit != c.negate, true
}

// ConditionKeys returns the keys that the document's conditions and variables
// ask for, in lower case and each once.
func (d *Document) ConditionKeys() []string {
	keys := map[string]bool{}
	for i := range d.statements {
		st := &d.statements[i]
		for j := range st.resources {
			st.resources[j].arn.addKeys(keys)
		}
		for j := range st.conditions {
			c := &st.conditions[j]
			keys[c.key] = true
			for _, v := range c.values {
				switch v := v.(type) {
				case *pattern:
					v.addKeys(keys)
				case *arnPattern:
					v.addKeys(keys)
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

func (a *arnPattern) addKeys(keys map[string]bool) {
	for i := range a.n {
		a.fields[i].addKeys(keys)
	}
}

func (p *pattern) addKeys(keys map[string]bool) {
	for i := range p.parts {
		if key := p.parts[i].key; key != "" {
			keys[key] = true
		}
	}
}
