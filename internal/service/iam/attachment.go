package iam

import (
	"context"
	"maps"
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/iam"
	"gatehouse/internal/policy"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// A holder is a user, group or role, seen as what holds policies.
type holder struct {
	*record.Attachments
	kind     record.Kind
	name, id string
	boundary *api.AttachedPermissionsBoundary
	path     string
}

// AWS: quotas of inline policies in sum and of attached policies.
var (
	inlineQuota   = map[record.Kind]int{record.KindUser: 2048, record.KindGroup: 5120, record.KindRole: 10240}
	attachedQuota = map[record.Kind]string{record.KindUser: "PoliciesPerUser", record.KindGroup: "PoliciesPerGroup", record.KindRole: "PoliciesPerRole"}
)

const maxAttached = 10

func holderOfUser(u *record.IAMUser) *holder {
	return &holder{&u.Attachments, record.KindUser, str(u.UserName), str(u.UserId), u.PermissionsBoundary, str(u.Path)}
}

func holderOfGroup(g *record.IAMGroup) *holder {
	return &holder{&g.Attachments, record.KindGroup, str(g.GroupName), str(g.GroupId), nil, str(g.Path)}
}

func holderOfRole(r *record.IAMRole) *holder {
	return &holder{&r.Attachments, record.KindRole, str(r.RoleName), str(r.RoleId), r.PermissionsBoundary, str(r.Path)}
}

// eachHolder calls f with all users, groups and roles, by kind and name.
func eachHolder(ctx context.Context, t record.Identities, f func(h *holder)) error {
	users, err := all(ctx, t.Users)
	if err != nil {
		return err
	}
	groups, err := all(ctx, t.Groups)
	if err != nil {
		return err
	}
	roles, err := all(ctx, t.Roles)
	for i := range users {
		f(holderOfUser(&users[i]))
	}
	for i := range groups {
		f(holderOfGroup(&groups[i]))
	}
	for i := range roles {
		f(holderOfRole(&roles[i]))
	}
	return err
}

// hold returns a holder for reading.
func (s *Service) hold(ctx context.Context, kind record.Kind, name *string) (*holder, error) {
	var h *holder
	err := s.withHolder(ctx, new(store.Change), kind, str(name), func(got *holder) error { h = got; return nil })
	return h, err
}

// edit changes the policies of a holder.
func (s *Service) edit(ctx context.Context, kind record.Kind, name *string, edit func(h *holder) error) error {
	return s.commit(ctx, func(c *store.Change) error { return s.withHolder(ctx, c, kind, str(name), edit) })
}

// withHolder reads a holder, lets edit change it and adds it to c.
func (s *Service) withHolder(ctx context.Context, c *store.Change, kind record.Kind, name string, edit func(h *holder) error) error {
	t, id := s.tables(ctx), record.IdentityID(name)
	switch kind {
	case record.KindUser:
		rec, rev, err := get(ctx, t.Users, name, errNoUser(name))
		if err == nil {
			h := holderOfUser(&rec)
			err = edit(h)
			rec.PermissionsBoundary = h.boundary
		}
		if err != nil {
			return err
		}
		return replace(c, t.Users, id, rec, rev)
	case record.KindGroup:
		rec, rev, err := get(ctx, t.Groups, name, errNoGroup(name))
		if err == nil {
			err = edit(holderOfGroup(&rec))
		}
		if err != nil {
			return err
		}
		return replace(c, t.Groups, id, rec, rev)
	case record.KindRole:
		rec, rev, err := get(ctx, t.Roles, name, errNoRole(name))
		if err == nil {
			h := holderOfRole(&rec)
			err = edit(h)
			rec.PermissionsBoundary = h.boundary
		}
		if err != nil {
			return err
		}
		return replace(c, t.Roles, id, rec, rev)
	}
	return errKind
}

// putInline adds or replaces an inline policy.
func (s *Service) putInline(ctx context.Context, kind record.Kind, holderName, name, document *string) error {
	if err := checkName("policyName", str(name), 128); err != nil {
		return err
	}
	if err := checkDocument(document, policy.Identity); err != nil {
		return err
	}
	return s.edit(ctx, kind, holderName, func(h *holder) error {
		inline := maps.Clone(h.Inline)
		if inline == nil {
			inline = map[string]string{}
		}
		inline[*name] = *document
		size := 0
		for _, text := range inline {
			size += policy.Size([]byte(text))
		}
		if limit := inlineQuota[kind]; size > limit {
			return api.LimitExceeded("Maximum policy size of " + itoa(limit) + " bytes exceeded for " + string(kind) + " " + h.name)
		}
		h.Inline = inline
		return nil
	})
}

func errNoInline(kind record.Kind, name *string) error {
	return api.NoSuchEntity("The " + string(kind) + " policy with name " + str(name) + " cannot be found.")
}

// inline returns the document of an inline policy, as it is shown.
func (s *Service) inline(ctx context.Context, kind record.Kind, holderName, name *string) (*string, error) {
	h, err := s.hold(ctx, kind, holderName)
	if err != nil {
		return nil, err
	}
	text, ok := h.Inline[str(name)]
	if !ok {
		return nil, errNoInline(kind, name)
	}
	return encoded(text), nil
}

func (s *Service) deleteInline(ctx context.Context, kind record.Kind, holderName, name *string) error {
	return s.edit(ctx, kind, holderName, func(h *holder) error {
		if _, ok := h.Inline[str(name)]; !ok {
			return errNoInline(kind, name)
		}
		h.Inline = maps.Clone(h.Inline)
		delete(h.Inline, *name)
		return nil
	})
}

// inlineNames lists the names of inline policies.
func (s *Service) inlineNames(ctx context.Context, kind record.Kind, holderName, marker *string, limit *int32) ([]string, *bool, *string, error) {
	h, err := s.hold(ctx, kind, holderName)
	if err != nil {
		return nil, nil, nil, err
	}
	return page(slices.Sorted(maps.Keys(h.Inline)), func(n *string) string { return *n }, marker, limit)
}

// attach attaches a managed policy; once more changes nothing.
func (s *Service) attach(ctx context.Context, kind record.Kind, holderName, name *string) error {
	if !strings.HasPrefix(str(name), "arn:") {
		return api.InvalidInput("ARN " + str(name) + " is not valid.")
	}
	t := s.tables(ctx)
	return s.commit(ctx, func(c *store.Change) error {
		return s.withHolder(ctx, c, kind, str(holderName), func(h *holder) error {
			p, err := s.managed(ctx, t, *name)
			if err != nil || slices.Contains(h.Attached, *name) {
				return err
			}
			if len(h.Attached) >= maxAttached {
				return api.LimitExceeded("Cannot exceed quota for " + attachedQuota[kind] + ": " + itoa(maxAttached))
			}
			h.Attached = append(slices.Clone(h.Attached), *name)
			if p.Account == "aws" {
				return nil
			}
			// Put again, so that it cannot be deleted meanwhile.
			rec, rev, err := s.ownPolicy(ctx, t, *name, errNoPolicy(*name))
			if err != nil {
				return err
			}
			return replace(c, t.Policies, record.IdentityID(str(rec.PolicyName)), rec, rev)
		})
	})
}

func (s *Service) detach(ctx context.Context, kind record.Kind, holderName, name *string) error {
	return s.edit(ctx, kind, holderName, func(h *holder) error {
		i := slices.Index(h.Attached, str(name))
		if i < 0 {
			return errNoPolicy(str(name))
		}
		h.Attached = slices.Delete(slices.Clone(h.Attached), i, i+1)
		return nil
	})
}

// attached lists the attached policies.
func (s *Service) attached(ctx context.Context, kind record.Kind, holderName, prefix, marker *string, limit *int32) ([]api.AttachedPolicy, *bool, *string, error) {
	h, err := s.hold(ctx, kind, holderName)
	if err != nil {
		return nil, nil, nil, err
	}
	var list []api.AttachedPolicy
	for _, name := range slices.Sorted(slices.Values(h.Attached)) {
		_, path, _ := strings.Cut(name, ":policy")
		cut := strings.LastIndexByte(path, '/') + 1
		if strings.HasPrefix(path[:cut], str(prefix)) {
			list = append(list, api.AttachedPolicy{PolicyArn: new(name), PolicyName: new(path[cut:])})
		}
	}
	return page(list, func(p *api.AttachedPolicy) string { return *p.PolicyArn }, marker, limit)
}

// limit sets or removes a permissions boundary.
func (s *Service) limit(ctx context.Context, kind record.Kind, holderName, name *string) error {
	b, err := s.boundary(ctx, s.tables(ctx), name)
	if err != nil {
		return err
	}
	return s.edit(ctx, kind, holderName, func(h *holder) error {
		if name == nil && h.boundary == nil {
			return api.NoSuchEntity("The " + string(kind) + " with name " + h.name + " does not have a permissions boundary attached.")
		}
		h.boundary = b
		return nil
	})
}
