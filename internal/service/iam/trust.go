package iam

import (
	"context"
	"strings"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/iam"
	"gatehouse/internal/policy"
	"gatehouse/internal/record"
)

// bindTrust writes the users and roles of the account into a trust policy by
// their ids, so that it goes on to name those it names now: not who is made later
// with the name of one who was deleted, and also one that gets another name.
//
// AWS: IAM User Guide, "AWS JSON policy elements: Principal".
func bindTrust(ctx context.Context, t record.Identities, document *string) (*string, error) {
	if document == nil {
		return nil, nil
	}
	var failed error
	bound := policy.RenamePrincipals(*document, func(text string) string {
		id, err := idOf(ctx, t, text, api.MalformedPolicyDocument(`Invalid principal in policy: "AWS":"`+text+`"`))
		if err != nil && failed == nil {
			failed = err
		}
		return id
	})
	return &bound, failed
}

// idOf returns the id of a user or role of the account, or missing if it is not
// there; the text itself of all else.
func idOf(ctx context.Context, t record.Identities, text string, missing error) (string, error) {
	name, err := arn.Parse(text)
	if err != nil || name.Service != "iam" || name.Account != t.Account {
		return text, nil //nolint:nilerr // an account, an id, or everybody
	}
	kind, path, _ := strings.Cut(name.Resource, "/")
	short := path[strings.LastIndexByte(path, '/')+1:]
	found, id := "", ""
	switch kind {
	case "user":
		user, _, err := get(ctx, t.Users, short, missing)
		if err != nil {
			return text, err
		}
		found, id = str(user.Arn), str(user.UserId)
	case "role":
		role, _, err := get(ctx, t.Roles, short, missing)
		if err != nil {
			return text, err
		}
		found, id = str(role.Arn), str(role.RoleId)
	default:
		return text, nil // the account's root
	}
	if found != text { // another path
		return text, missing
	}
	return id, nil
}

// showTrust writes the ids of users and roles into the trust policies of roles
// as their ARNs. Ids of those who are gone stay, as on AWS.
func showTrust(ctx context.Context, t record.Identities, roles ...*api.Role) error {
	asked := false
	for _, r := range roles {
		d := str(r.AssumeRolePolicyDocument)
		asked = asked || strings.Contains(d, `"AIDA`) || strings.Contains(d, `"AROA`)
	}
	names := map[string]string{}
	if asked {
		users, err := all(ctx, t.Users)
		if err != nil {
			return err
		}
		for i := range users {
			names[str(users[i].UserId)] = str(users[i].Arn)
		}
		known, err := all(ctx, t.Roles)
		if err != nil {
			return err
		}
		for i := range known {
			names[str(known[i].RoleId)] = str(known[i].Arn)
		}
	}
	for _, r := range roles {
		shown := str(r.AssumeRolePolicyDocument)
		if asked {
			shown = policy.RenamePrincipals(shown, func(text string) string {
				if name, ok := names[text]; ok {
					return name
				}
				return text
			})
		}
		r.AssumeRolePolicyDocument = encoded(shown) // AWS: it is returned URL-encoded
	}
	return nil
}
