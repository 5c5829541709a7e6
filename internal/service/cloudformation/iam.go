package cloudformation

import (
	"context"
	"maps"

	"gatehouse/internal/awsrpc"
)

// iamKinds are identities and policies.
func iamKinds() []*kind {
	const service = "iam"
	return []*kind{
		{
			Type: "AWS::IAM::Role", service: service, props: "AssumeRolePolicyDocument# Description ManagedPolicyArns MaxSessionDuration Path! PermissionsBoundary Policies RoleName! Tags",
			makes: identity{"Role"}.make, turns: identity{"Role"}.turn, ends: identity{"Role"}.end, reads: identity{"Role"}.read,
		},
		{
			Type: "AWS::IAM::User", service: service, props: "Groups ManagedPolicyArns Path! PermissionsBoundary Policies Tags UserName!",
			makes: identity{"User"}.make, turns: identity{"User"}.turn, ends: identity{"User"}.end, reads: identity{"User"}.read,
		},
		{
			Type: "AWS::IAM::Policy", service: service, props: "PolicyDocument# PolicyName! Groups Roles Users",
			makes: makePolicy, turns: turnPolicy, ends: endPolicy,
		},
		{
			Type: "AWS::IAM::ManagedPolicy", service: service, props: "Description! Groups ManagedPolicyName! Path! PolicyDocument# Roles Users",
			makes: makeManaged, turns: turnManaged, ends: endManaged, reads: readManaged,
		},
	}
}

// An identity is a role or a user: what the operations call it.
type identity struct{ noun string }

func (i identity) in(w *worker, more ...any) map[string]any {
	m := map[string]any{i.noun + "Name": w.id}
	for j := 0; j+1 < len(more); j += 2 {
		m[more[j].(string)] = more[j+1]
	}
	return m
}

func (i identity) make(ctx context.Context, w *worker) error {
	in, err := w.kind.input(w.props)
	if err != nil {
		return err
	}
	for _, name := range []string{"ManagedPolicyArns", "Policies", "Groups"} {
		delete(in, name)
	}
	if in[i.noun+"Name"] == nil {
		in[i.noun+"Name"] = w.physicalName(64)
	}
	out, err := w.call(ctx, "Create"+i.noun, in)
	if err != nil {
		return err
	}
	made := asMembers(out[i.noun])
	w.id, _ = textOf(made[i.noun+"Name"])
	w.attributes["Arn"] = made["Arn"]
	if i.noun == "Role" {
		w.attributes["RoleId"] = made["RoleId"]
	}
	return i.attach(ctx, w, nil)
}

// attach gives the identity its policies and groups, and takes those of before.
func (i identity) attach(ctx context.Context, w *worker, before map[string]any) error {
	old, next := policiesOf(before), policiesOf(w.props)
	for name := range without(old, next) {
		if _, err := w.call(ctx, "Delete"+i.noun+"Policy", i.in(w, "PolicyName", name)); err != nil && !isGone(err) {
			return err
		}
	}
	for name, document := range next {
		if same(old[name], document) {
			continue
		}
		if _, err := w.call(ctx, "Put"+i.noun+"Policy", i.in(w, "PolicyName", name, "PolicyDocument", document)); err != nil {
			return err
		}
	}
	if err := eachChange(before["ManagedPolicyArns"], w.props["ManagedPolicyArns"], func(gone bool, name string) error {
		verb := "Attach"
		if gone {
			verb = "Detach"
		}
		_, err := w.call(ctx, verb+i.noun+"Policy", i.in(w, "PolicyArn", name))
		return unless(gone, err)
	}); err != nil {
		return err
	}
	return eachChange(before["Groups"], w.props["Groups"], func(gone bool, name string) error {
		operation := "AddUserToGroup"
		if gone {
			operation = "RemoveUserFromGroup"
		}
		_, err := w.call(ctx, operation, i.in(w, "GroupName", name))
		return unless(gone, err)
	})
}

// unless forgives that what is to go is gone.
func unless(gone bool, err error) error {
	if gone && err != nil && isGone(err) {
		return nil
	}
	return err
}

// eachChange calls do for what is in one list only; those that go come first.
func eachChange(old, next any, do func(gone bool, name string) error) error {
	before, after := set(old), set(next)
	for name := range before {
		if !after[name] {
			if err := do(true, name); err != nil {
				return err
			}
		}
	}
	for name := range after {
		if !before[name] {
			if err := do(false, name); err != nil {
				return err
			}
		}
	}
	return nil
}

func set(v any) map[string]bool {
	m := map[string]bool{}
	for _, s := range listOf(v) {
		m[s] = true
	}
	return m
}

// policiesOf are the inline policies of an identity: documents by name.
func policiesOf(props map[string]any) map[string]any {
	out := map[string]any{}
	list, _ := props["Policies"].([]any)
	for _, e := range list {
		p := asMembers(e)
		name, _ := textOf(p["PolicyName"])
		out[name] = documentOf(p["PolicyDocument"])
	}
	return out
}

// documentOf is a policy as IAM takes it.
//
// AWS: templates deploy whose policies have no Version, those of SAM's own policy
// templates first of all.
func documentOf(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	if m := asMembers(v); m != nil && m["Version"] == nil {
		m = maps.Clone(m)
		m["Version"] = "2012-10-17"
		v = m
	}
	return marshalText(v)
}

func (i identity) turn(ctx context.Context, w *worker) error {
	if !same(w.old["Tags"], w.props["Tags"]) {
		if err := i.retag(ctx, w); err != nil {
			return err
		}
	}
	if i.noun == "Role" {
		if !same(w.old["AssumeRolePolicyDocument"], w.props["AssumeRolePolicyDocument"]) {
			if _, err := w.call(ctx, "UpdateAssumeRolePolicy", i.in(w, "PolicyDocument", documentOf(w.props["AssumeRolePolicyDocument"]))); err != nil {
				return err
			}
		}
		if !same(only(w.old, "Description", "MaxSessionDuration"), only(w.props, "Description", "MaxSessionDuration")) {
			in := i.in(w, "Description", w.text("Description"), "MaxSessionDuration", 3600)
			maps.Copy(in, only(w.props, "MaxSessionDuration"))
			if _, err := w.call(ctx, "UpdateRole", in); err != nil {
				return err
			}
		}
	}
	if !same(w.old["PermissionsBoundary"], w.props["PermissionsBoundary"]) {
		operation, in := "Delete"+i.noun+"PermissionsBoundary", i.in(w)
		if v, ok := w.props["PermissionsBoundary"]; ok {
			operation, in["PermissionsBoundary"] = "Put"+i.noun+"PermissionsBoundary", v
		}
		if _, err := w.call(ctx, operation, in); err != nil {
			return err
		}
	}
	return i.attach(ctx, w, w.old)
}

func (i identity) retag(ctx context.Context, w *worker) error {
	now, gone, err := w.tagChanges()
	if err != nil {
		return err
	}
	if gone != nil {
		if _, err := w.call(ctx, "Untag"+i.noun, i.in(w, "TagKeys", gone)); err != nil {
			return err
		}
	}
	if len(now) > 0 {
		_, err = w.call(ctx, "Tag"+i.noun, i.in(w, "Tags", w.props["Tags"]))
	}
	return err
}

// end takes everything from the identity, then deletes it.
func (i identity) end(ctx context.Context, w *worker) error {
	empty := *w
	empty.props = map[string]any{}
	if err := i.attach(ctx, &empty, w.props); err != nil && !isGone(err) {
		return err
	}
	_, err := w.call(ctx, "Delete"+i.noun, i.in(w))
	return err
}

// holders are what a policy is for: the properties with the nouns of operations.
func holders() map[string]string {
	return map[string]string{"Roles": "Role", "Users": "User", "Groups": "Group"}
}

func makePolicy(ctx context.Context, w *worker) error {
	if len(listOf(w.props["Roles"]))+len(listOf(w.props["Users"]))+len(listOf(w.props["Groups"])) == 0 {
		// AWS: the words of the API behind the resource.
		return awsrpc.Validation("At least one of [Groups,Roles,Users] must be non-empty.")
	}
	w.id = w.physicalName(128)
	w.attributes["Id"] = w.id
	return putPolicy(ctx, w, map[string]any{})
}

func turnPolicy(ctx context.Context, w *worker) error { return putPolicy(ctx, w, w.old) }

func putPolicy(ctx context.Context, w *worker, before map[string]any) error {
	for list, noun := range holders() {
		old := before[list]
		if !same(before["PolicyDocument"], w.props["PolicyDocument"]) {
			for _, name := range listOf(w.props[list]) {
				if err := putInline(ctx, w, noun, name); err != nil {
					return err
				}
			}
		}
		if err := eachChange(old, w.props[list], func(gone bool, name string) error {
			if !gone {
				return putInline(ctx, w, noun, name)
			}
			_, err := w.call(ctx, "Delete"+noun+"Policy", map[string]any{noun + "Name": name, "PolicyName": w.props["PolicyName"]})
			return unless(true, err)
		}); err != nil {
			return err
		}
	}
	return nil
}

func putInline(ctx context.Context, w *worker, noun, name string) error {
	_, err := w.call(ctx, "Put"+noun+"Policy", map[string]any{noun + "Name": name, "PolicyName": w.props["PolicyName"], "PolicyDocument": documentOf(w.props["PolicyDocument"])})
	return err
}

func endPolicy(ctx context.Context, w *worker) error {
	for list, noun := range holders() {
		for _, name := range listOf(w.props[list]) {
			_, err := w.call(ctx, "Delete"+noun+"Policy", map[string]any{noun + "Name": name, "PolicyName": w.props["PolicyName"]})
			if err := unless(true, err); err != nil {
				return err
			}
		}
	}
	return nil
}

func makeManaged(ctx context.Context, w *worker) error {
	in := only(w.props, "Description", "Path")
	in["PolicyName"] = w.props["ManagedPolicyName"]
	if in["PolicyName"] == nil {
		in["PolicyName"] = w.physicalName(128)
	}
	in["PolicyDocument"] = documentOf(w.props["PolicyDocument"])
	out, err := w.call(ctx, "CreatePolicy", in)
	if err != nil {
		return err
	}
	w.id, _ = textOf(asMembers(out["Policy"])["Arn"])
	w.attributes["PolicyArn"] = w.id
	return attachManaged(ctx, w, map[string]any{})
}

func attachManaged(ctx context.Context, w *worker, before map[string]any) error {
	for list, noun := range holders() {
		if err := eachChange(before[list], w.props[list], func(gone bool, name string) error {
			verb := "Attach"
			if gone {
				verb = "Detach"
			}
			_, err := w.call(ctx, verb+noun+"Policy", map[string]any{noun + "Name": name, "PolicyArn": w.id})
			return unless(gone, err)
		}); err != nil {
			return err
		}
	}
	return nil
}

func turnManaged(ctx context.Context, w *worker) error {
	if !same(w.old["PolicyDocument"], w.props["PolicyDocument"]) {
		if err := dropVersions(ctx, w); err != nil {
			return err
		}
		in := map[string]any{"PolicyArn": w.id, "PolicyDocument": documentOf(w.props["PolicyDocument"]), "SetAsDefault": true}
		if _, err := w.call(ctx, "CreatePolicyVersion", in); err != nil {
			return err
		}
	}
	return attachManaged(ctx, w, w.old)
}

// dropVersions deletes the versions of a policy that are not in force: there is
// room for five.
func dropVersions(ctx context.Context, w *worker) error {
	out, err := w.call(ctx, "ListPolicyVersions", map[string]any{"PolicyArn": w.id})
	if err != nil {
		return err
	}
	versions, _ := out["Versions"].([]any)
	for _, e := range versions {
		v := asMembers(e)
		if v["IsDefaultVersion"] == true {
			continue
		}
		if _, err := w.call(ctx, "DeletePolicyVersion", map[string]any{"PolicyArn": w.id, "VersionId": v["VersionId"]}); err != nil {
			return err
		}
	}
	return nil
}

func endManaged(ctx context.Context, w *worker) error {
	empty := *w
	empty.props = map[string]any{}
	if err := attachManaged(ctx, &empty, w.props); err != nil {
		return err
	}
	if err := dropVersions(ctx, w); err != nil {
		return err
	}
	_, err := w.call(ctx, "DeletePolicy", map[string]any{"PolicyArn": w.id})
	return err
}
