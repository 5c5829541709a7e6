package main

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/arn"
	"gatehouse/internal/policy"
)

// explain tells what becomes of a request that as signs; empty: nobody does.
func (m *guarded) explain(ctx context.Context, c *client, as string) (string, error) {
	if m.AuthorizationType == "AWS_IAM" && as != "" {
		return m.simulate(ctx, c, as)
	}
	effect, statement, err := m.resourcePolicy(policy.Principal{})
	switch {
	case err != nil:
		return "", err
	case m.AuthorizationType == "AWS_IAM":
		return "refused: the request must be signed (give --as)", nil
	case effect == policy.Deny:
		return "refused: the resource policy denies it, statement " + statement, nil
	case m.AuthorizationType == "CUSTOM":
		return m.asked(), nil
	case effect != policy.Allow && m.policy != "": // AWS: tokens of user pools do not suffice either
		return "refused: no statement of the resource policy allows it", nil
	case m.AuthorizationType == "COGNITO_USER_POOLS" || m.AuthorizationType == "JWT":
		return m.tokens(), nil
	case m.policy == "":
		return "allowed" + m.withKey() + ": nothing guards the method but what is named above", nil
	}
	return "allowed" + m.withKey() + ": the resource policy allows it, statement " + statement, nil
}

func (m *guarded) withKey() string {
	if m.ApiKeyRequired {
		return " with an API key of a usage plan of the stage"
	}
	return ""
}

// resourcePolicy returns what the API's policy says of a request of who, and by
// which statement.
func (m *guarded) resourcePolicy(who policy.Principal) (policy.Effect, string, error) {
	if m.policy == "" {
		return policy.NoMatch, "", nil
	}
	doc, err := policy.Parse([]byte(m.policy))
	if err != nil {
		return policy.NoMatch, "", fmt.Errorf("the API's policy: %w", err)
	}
	d := doc.Evaluate(&policy.Request{Principal: who, Action: "execute-api:Invoke", Resource: m.arn, Now: time.Now(), Keys: m})
	if d.Effect == policy.NoMatch {
		return d.Effect, "", nil
	}
	return d.Effect, doc.Label(d.Statement), nil
}

// asked tells which authorizer decides.
func (m *guarded) asked() string {
	s := "the Lambda authorizer "
	uri := m.authorizer.AuthorizerURI
	if strings.HasPrefix(uri, "http") {
		s = "the authorizer "
	} else if _, function, ok := strings.Cut(uri, "/functions/"); ok {
		uri = strings.TrimSuffix(function, "/invocations")
	}
	s += m.authorizer.Name + " decides (" + uri + ")"
	if m.policy != "" {
		s += ", together with the resource policy"
	}
	return s + m.withKey()
}

// tokens tells whose tokens let in.
func (m *guarded) tokens() string {
	a := &m.authorizer
	kind, scopes := "a token", ""
	if len(m.AuthorizationScopes) > 0 {
		scopes = " and one of the scopes " + strings.Join(m.AuthorizationScopes, ", ")
	}
	if m.AuthorizationType == "JWT" {
		return "allowed with " + kind + " of " + a.JwtConfiguration.Issuer + " for " + strings.Join(a.JwtConfiguration.Audience, ", ") + scopes + m.withKey()
	}
	if kind = "an identity token"; scopes != "" {
		kind = "an access token"
	}
	return "allowed with " + kind + " of " + strings.Join(a.ProviderARNs, ", ") + scopes + m.withKey()
}

// Key returns the condition keys of an unsigned request, as far as the flags
// tell.
func (m *guarded) Key(name string) (policy.Values, bool) {
	if name == "aws:sourceip" && m.sourceIP != "" {
		return policy.One(m.sourceIP), true
	}
	return policy.Values{}, false
}

// simulate asks IAM about a user or role, or the role of a session.
func (m *guarded) simulate(ctx context.Context, c *client, as string) (string, error) {
	name, err := arn.Parse(as)
	switch {
	case err != nil:
		return "", usageError{fmt.Errorf("--as: %w", err)}
	case name.Account != m.account:
		return "", usageError{fmt.Errorf("--as %s is of another account; users and roles of %s can be asked for", as, m.account)}
	case name.Resource == "root":
		return m.root(as)
	case name.Service != "sts":
		return m.simulateEntity(ctx, c, as)
	}
	session := strings.Split(name.Resource, "/") // assumed-role/ROLE/SESSION
	if len(session) != 3 || session[0] != "assumed-role" {
		return "", usageError{fmt.Errorf("--as %s is no user, role or session of a role", as)}
	}
	role, err := c.role(ctx, session[1])
	if err != nil {
		return "", err
	}
	text, err := m.simulateEntity(ctx, c, role)
	return text + "; the session's own policies and tags are not known", err
}

// root tells what becomes of a request of the account's root, which IAM knows
// nothing of.
func (m *guarded) root(as string) (string, error) {
	effect, statement, err := m.resourcePolicy(policy.Principal{ARN: as, Account: m.account, Type: "Account", UserID: m.account})
	if err == nil && effect == policy.Deny {
		return "refused: the resource policy denies it, statement " + statement, nil
	}
	return "allowed: the root of an account may do everything", err
}

// role returns the ARN of a role.
func (c *client) role(ctx context.Context, name string) (string, error) {
	text, err := c.query(ctx, "iam", "GetRole", url.Values{"RoleName": {name}})
	var found struct {
		Arn string `xml:"GetRoleResult>Role>Arn"`
	}
	if err == nil {
		err = xml.Unmarshal(text, &found)
	}
	return found.Arn, err
}

// simulateEntity asks IAM about a user or role.
func (m *guarded) simulateEntity(ctx context.Context, c *client, as string) (string, error) {
	form := url.Values{"PolicySourceArn": {as}, "ActionNames.member.1": {"execute-api:Invoke"}, "ResourceArns.member.1": {m.arn}}
	if m.policy != "" {
		form.Set("ResourcePolicy", m.policy)
	}
	if m.sourceIP != "" {
		form.Set("ContextEntries.member.1.ContextKeyName", "aws:SourceIp")
		form.Set("ContextEntries.member.1.ContextKeyType", "ip")
		form.Set("ContextEntries.member.1.ContextKeyValues.member.1", m.sourceIP)
	}
	text, err := c.query(ctx, "iam", "SimulatePrincipalPolicy", form)
	if err != nil {
		return "", err
	}
	var out struct {
		Results []struct {
			Decision string   `xml:"EvalDecision"`
			Policies []string `xml:"MatchedStatements>member>SourcePolicyId"`
			Missing  []string `xml:"MissingContextValues>member"`
			Boundary string   `xml:"PermissionsBoundaryDecisionDetail>AllowedByPermissionsBoundary"`
		} `xml:"SimulatePrincipalPolicyResult>EvaluationResults>member"`
	}
	if err := xml.Unmarshal(text, &out); err != nil || len(out.Results) != 1 {
		return "", fmt.Errorf("the answer of SimulatePrincipalPolicy is not understood: %w", err)
	}
	r := out.Results[0]
	s := "refused: no policy allows it"
	switch r.Decision {
	case "allowed":
		s = "allowed"
	case "explicitDeny":
		s = "refused: a policy denies it"
	}
	if len(r.Policies) > 0 {
		s += " (" + strings.Join(r.Policies, ", ") + ")"
	}
	if allowed, err := strconv.ParseBool(r.Boundary); err == nil && !allowed {
		s += "; the permissions boundary does not allow it"
	}
	if len(r.Missing) > 0 {
		s += "; not known: " + strings.Join(r.Missing, ", ")
	}
	return s, nil
}

// everybody lists what becomes of a request of each user and role.
func (m *guarded) everybody(ctx context.Context, c *client, w io.Writer) error {
	if m.AuthorizationType != "AWS_IAM" {
		text, err := m.explain(ctx, c, "")
		if err == nil {
			_, err = fmt.Fprintln(w, "anybody: "+text)
		}
		return err
	}
	for _, kind := range []string{"User", "Role"} {
		for marker := ""; ; {
			form := url.Values{}
			if marker != "" {
				form.Set("Marker", marker)
			}
			text, err := c.query(ctx, "iam", "List"+kind+"s", form)
			if err != nil {
				return err
			}
			var users struct {
				Users []string `xml:"ListUsersResult>Users>member>Arn"`
				Roles []string `xml:"ListRolesResult>Roles>member>Arn"`
				User  string   `xml:"ListUsersResult>Marker"`
				Role  string   `xml:"ListRolesResult>Marker"`
			}
			if err := xml.Unmarshal(text, &users); err != nil {
				return err
			}
			for _, arn := range append(users.Users, users.Roles...) {
				answer, err := m.simulateEntity(ctx, c, arn)
				if err != nil {
					return err
				}
				fmt.Fprintf(w, "%s: %s\n", arn, answer)
			}
			if marker = users.User + users.Role; marker == "" {
				break
			}
		}
	}
	return nil
}
