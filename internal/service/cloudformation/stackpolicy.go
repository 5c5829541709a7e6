package cloudformation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/cloudformation"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/store"
)

// A stackPolicy tells what updates may do to the resources of a stack. Without one
// they may do everything, with one only what it allows.
//
// AWS: "Prevent updates to stack resources".
type stackPolicy struct{ statements []policyStatement }

// A policyStatement allows or denies actions on resources.
type policyStatement struct {
	deny                           bool
	actions, resources             []*regexp.Regexp
	allActionsBut, allResourcesBut bool
	types                          [][]*regexp.Regexp // of resources: one of each list
}

// maxStackPolicy bounds a stack policy. AWS: StackPolicyBody.
const maxStackPolicy = 16384

func errPolicy(why string) error { return awsrpc.Validation("Error validating stack policy: " + why) }

// parseStackPolicy reads a policy. What it does not know it refuses: it would not
// protect.
func parseStackPolicy(text string) (*stackPolicy, error) {
	if len(text) > maxStackPolicy {
		return nil, errPolicy(fmt.Sprintf("it has more than %d bytes", maxStackPolicy))
	}
	var doc map[string]any
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return nil, errPolicy("it is no JSON object")
	}
	list, isList := doc["Statement"].([]any)
	if one, ok := doc["Statement"].(map[string]any); ok {
		list, isList = []any{one}, true
	}
	if !isList || len(list) == 0 {
		return nil, errPolicy("it has no Statement")
	}
	p := &stackPolicy{}
	for _, e := range list {
		s, err := parseStatement(asMembers(e))
		if err != nil {
			return nil, err
		}
		p.statements = append(p.statements, *s)
	}
	return p, nil
}

func parseStatement(m map[string]any) (*policyStatement, error) {
	s := &policyStatement{}
	switch m["Effect"] {
	case "Allow":
	case "Deny":
		s.deny = true
	default:
		return nil, errPolicy("Effect must be Allow or Deny")
	}
	if m["Principal"] != "*" { // AWS: "supports only the wild card (*)"
		return nil, errPolicy("Principal must be *")
	}
	var err error
	if s.actions, s.allActionsBut, err = either(m, "Action"); err != nil {
		return nil, err
	}
	if s.resources, s.allResourcesBut, err = either(m, "Resource"); err != nil {
		return nil, err
	}
	for name, v := range m {
		switch name {
		case "Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Sid":
		case "Condition":
			if s.types, err = conditionTypes(v); err != nil {
				return nil, err
			}
		default:
			return nil, errPolicy("unknown element " + name)
		}
	}
	return s, nil
}

// either reads a member or the one that means all but these.
func either(m map[string]any, name string) (globs []*regexp.Regexp, not bool, err error) {
	v, has := m[name]
	other, hasNot := m["Not"+name]
	if has == hasNot {
		return nil, false, errPolicy("a statement has either " + name + " or Not" + name)
	}
	if hasNot {
		v = other
	}
	list, ok := texts(v)
	if !ok || len(list) == 0 {
		return nil, false, errPolicy(name + " must be a string or a list of strings")
	}
	return globsOf(list), hasNot, nil
}

// conditionTypes reads the one condition there is: on the types of resources. Of
// several operators each must hold.
func conditionTypes(v any) ([][]*regexp.Regexp, error) {
	condition, ok := v.(map[string]any)
	if !ok {
		return nil, errPolicy("Condition must be an object")
	}
	var types [][]*regexp.Regexp
	for operator, v := range condition {
		of := asMembers(v)
		list, ok := texts(of["ResourceType"])
		if operator != "StringEquals" && operator != "StringLike" || len(of) != 1 || !ok {
			return nil, errPolicy("a condition is StringEquals or StringLike of ResourceType")
		}
		if operator == "StringEquals" {
			for i := range list {
				list[i] = strings.NewReplacer("*", "\\*", "?", "\\?").Replace(list[i])
			}
		}
		types = append(types, globsOf(list))
	}
	return types, nil
}

// globsOf compiles texts in which * and ? are wild, unless a backslash is before.
func globsOf(list []string) []*regexp.Regexp {
	var globs []*regexp.Regexp
	for _, text := range list {
		quoted := regexp.QuoteMeta(text)
		quoted = strings.NewReplacer(`\\\*`, `\*`, `\\\?`, `\?`, `\*`, ".*", `\?`, ".").Replace(quoted)
		globs = append(globs, regexp.MustCompile("(?s)^"+quoted+"$"))
	}
	return globs
}

func anyMatches(globs []*regexp.Regexp, text string) bool {
	return slices.ContainsFunc(globs, func(re *regexp.Regexp) bool { return re.MatchString(text) })
}

// check refuses what the policy denies, or does not allow.
func (p *stackPolicy) check(action string, res *resource) error {
	if p == nil {
		return nil
	}
	allowed, action, name := false, "Update:"+action, "LogicalResourceId/"+res.Logical
	for i, s := range p.statements {
		if anyMatches(s.actions, action) == s.allActionsBut || anyMatches(s.resources, name) == s.allResourcesBut || !s.of(res.Type) {
			continue
		}
		if s.deny {
			return statedError(fmt.Sprintf("Action denied by stack policy: Statement [#%d] does not allow [%s] for resource [%s]", i+1, action, name))
		}
		allowed = true
	}
	if !allowed {
		return statedError(fmt.Sprintf("Action not allowed by stack policy: no statement allows [%s] for resource [%s]", action, name))
	}
	return nil
}

// of tells whether the statement is about resources of a type.
func (s *policyStatement) of(typ string) bool {
	return !slices.ContainsFunc(s.types, func(globs []*regexp.Regexp) bool { return !anyMatches(globs, typ) })
}

// policyOf is the policy that is in force during the update.
func (r *runner) policyOf(ctx context.Context) (*stackPolicy, error) {
	text := r.st.Run.Policy
	if text == "" {
		var err error
		if text, _, err = r.t.policies.Get(ctx, r.st.ID); errors.Is(err, store.ErrNotFound) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
	}
	return parseStackPolicy(text)
}

// policyText is the text of a policy that is given as such or by its URL; "": none is.
func (s *Service) policyText(ctx context.Context, body, url *string) (string, error) {
	switch {
	case body != nil && url != nil:
		return "", awsrpc.Validation("You cannot specify both StackPolicyURL and StackPolicyBody")
	case body == nil && url == nil:
		return "", nil
	case url != nil && s.opt.Templates == nil:
		return "", awsrpc.Validation("S3 error: there is no S3 here")
	}
	text := str(body)
	if url != nil {
		got, err := s.opt.Templates.Template(ctx, *url, maxStackPolicy)
		if err != nil {
			return "", awsrpc.Validation("S3 error: " + reasonOf(err))
		}
		text = string(got)
	}
	_, err := parseStackPolicy(text)
	return text, err
}

// SetStackPolicy gives a stack its policy.
func (s *Service) SetStackPolicy(ctx context.Context, in *api.SetStackPolicyInput) error {
	t := s.tables(ctx)
	st, _, err := t.find(ctx, *in.StackName)
	if err != nil {
		return err
	}
	text, err := s.policyText(ctx, in.StackPolicyBody, in.StackPolicyURL)
	if err != nil {
		return err
	}
	if text == "" {
		return errPolicy("one of StackPolicyBody and StackPolicyURL must be given")
	}
	return store.Update(ctx, s.st, func(c *store.Change) error { store.Add(c, t.policies, st.ID, text); return nil })
}

// GetStackPolicy returns the policy of a stack, if it has one.
func (s *Service) GetStackPolicy(ctx context.Context, in *api.GetStackPolicyInput) (*api.GetStackPolicyResponse, error) {
	t := s.tables(ctx)
	st, _, err := t.find(ctx, *in.StackName)
	if err != nil {
		return nil, err
	}
	text, _, err := t.policies.Get(ctx, st.ID)
	if errors.Is(err, store.ErrNotFound) {
		return &api.GetStackPolicyResponse{}, nil
	}
	return &api.GetStackPolicyResponse{StackPolicyBody: &text}, err
}
