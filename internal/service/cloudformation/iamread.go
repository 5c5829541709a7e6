package cloudformation

import (
	"context"
	"net/url"
	"slices"
	"strings"
)

// What identities and policies are, is read with what is attached to them: drift
// knows what others in the stack have attached.
//
// AWS: resources have "attachment relationships"; CloudFormation "analyzes the stack
// template for attachments before performing the drift comparison", of one stack.

// read reads what an identity is.
func (i identity) read(ctx context.Context, w *worker) (map[string]any, error) {
	out, err := w.call(ctx, "Get"+i.noun, i.in(w))
	if err != nil {
		return nil, err
	}
	made := asMembers(out[i.noun])
	is := only(made, i.noun+"Name", "Path", "Description", "MaxSessionDuration")
	is["AssumeRolePolicyDocument"] = readPolicy(made["AssumeRolePolicyDocument"])
	is["PermissionsBoundary"] = asMembers(made["PermissionsBoundary"])["PermissionsBoundaryArn"]
	is["Tags"] = listedTags(made["Tags"])
	for property, read := range map[string]func(context.Context, *worker) ([]any, error){
		"Policies": i.policies, "ManagedPolicyArns": i.attached, "Groups": i.groups,
	} {
		if _, stated := w.props[property]; !stated {
			continue
		}
		list, err := read(ctx, w)
		if err != nil {
			return nil, err
		}
		is[property] = list
	}
	return is, nil
}

// policies are the inline policies of an identity.
func (i identity) policies(ctx context.Context, w *worker) ([]any, error) {
	names, err := w.every(ctx, "List"+i.noun+"Policies", i.in(w), "PolicyNames")
	if err != nil {
		return nil, err
	}
	own, list := policiesOf(w.props), []any{}
	for _, name := range listOf(names) {
		if _, stated := own[name]; !stated && w.besides("AWS::IAM::Policy", func(r *resource) bool {
			return same(r.Properties["PolicyName"], name) && set(r.Properties[i.noun+"s"])[w.id]
		}) {
			continue
		}
		out, err := w.call(ctx, "Get"+i.noun+"Policy", i.in(w, "PolicyName", name))
		if err != nil {
			return nil, err
		}
		list = append(list, map[string]any{"PolicyName": name, "PolicyDocument": readPolicy(out["PolicyDocument"])})
	}
	return list, nil
}

// attached are the managed policies of an identity.
func (i identity) attached(ctx context.Context, w *worker) ([]any, error) {
	list, err := w.every(ctx, "ListAttached"+i.noun+"Policies", i.in(w), "AttachedPolicies")
	own := set(w.props["ManagedPolicyArns"])
	return slices.DeleteFunc(valuesOfMember(list, "PolicyArn"), func(name any) bool {
		text, _ := textOf(name)
		return !own[text] && w.besides("AWS::IAM::ManagedPolicy", func(r *resource) bool { return r.Physical == text && set(r.Properties[i.noun+"s"])[w.id] })
	}), err
}

// groups are the groups of a user.
func (i identity) groups(ctx context.Context, w *worker) ([]any, error) {
	list, err := w.every(ctx, "ListGroupsFor"+i.noun, i.in(w), "Groups")
	return valuesOfMember(list, "GroupName"), err
}

// besides tells whether there is another resource in the stack that is so.
func (w *worker) besides(typ string, is func(r *resource) bool) bool {
	return slices.ContainsFunc(w.beside, func(r resource) bool { return r.Type == typ && is(&r) })
}

// readManaged reads what a managed policy is.
func readManaged(ctx context.Context, w *worker) (map[string]any, error) {
	out, err := w.call(ctx, "GetPolicy", map[string]any{"PolicyArn": w.id})
	if err != nil {
		return nil, err
	}
	made := asMembers(out["Policy"])
	is := only(made, "Description", "Path")
	is["ManagedPolicyName"] = made["PolicyName"]
	version, err := w.call(ctx, "GetPolicyVersion", map[string]any{"PolicyArn": w.id, "VersionId": made["DefaultVersionId"]})
	if err != nil {
		return nil, err
	}
	is["PolicyDocument"] = readPolicy(asMembers(version["PolicyVersion"])["Document"])
	for property, noun := range holders() {
		if _, stated := w.props[property]; !stated {
			continue
		}
		list, err := w.every(ctx, "ListEntitiesForPolicy", map[string]any{"PolicyArn": w.id, "EntityFilter": noun}, "Policy"+noun+"s")
		if err != nil {
			return nil, err
		}
		own := set(w.props[property])
		is[property] = slices.DeleteFunc(valuesOfMember(list, noun+"Name"), func(name any) bool {
			text, _ := textOf(name)
			return !own[text] && w.besides("AWS::IAM::"+noun, func(r *resource) bool { return r.Physical == text && set(r.Properties["ManagedPolicyArns"])[w.id] })
		})
	}
	return is, nil
}

// readPolicy reads a policy, which IAM shows with its characters escaped.
func readPolicy(v any) any {
	text, ok := v.(string)
	if !ok {
		return v
	}
	if strings.HasPrefix(text, "%") {
		if plain, err := url.PathUnescape(text); err == nil {
			text = plain
		}
	}
	return readDocument(text)
}
