package iam

import (
	"encoding/base64"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	api "gatehouse/internal/awsapi/iam"
	"gatehouse/internal/identity"
	"gatehouse/internal/policy"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// A world is all identity records in memory, and what was compiled of them.
type world struct {
	users    map[worldKey]record.IAMUser
	groups   map[worldKey]record.IAMGroup
	roles    map[worldKey]record.IAMRole
	policies map[worldKey]record.ManagedPolicy
	keys     map[worldKey]record.AccessKey
	seal     *identity.Seal

	compiled map[string]*policy.Document // by text
	used     map[string]bool             // texts that the directory in the making uses
}

// A worldKey is a record's place.
type worldKey struct {
	account string
	kind    record.Kind
	id      string
}

func newWorld() *world {
	return &world{
		users: map[worldKey]record.IAMUser{}, groups: map[worldKey]record.IAMGroup{}, roles: map[worldKey]record.IAMRole{},
		policies: map[worldKey]record.ManagedPolicy{}, keys: map[worldKey]record.AccessKey{}, compiled: map[string]*policy.Document{},
	}
}

// set takes in a record, or removes it.
func (w *world) set(k worldKey, op store.Op) error {
	switch k.kind {
	case record.KindUser:
		return setIn(w.users, k, op)
	case record.KindGroup:
		return setIn(w.groups, k, op)
	case record.KindRole:
		return setIn(w.roles, k, op)
	case record.KindPolicy:
		return setIn(w.policies, k, op)
	case record.KindAccessKey:
		return setIn(w.keys, k, op)
	case record.KindSessionKey:
		one := map[worldKey]record.SessionKey{}
		err := setIn(one, k, op)
		w.seal = nil
		if err != nil || len(one) == 0 {
			return err
		}
		key, err := base64.StdEncoding.DecodeString(one[k].Key.Reveal())
		if err == nil {
			w.seal, err = identity.NewSeal(key)
		}
		return err
	}
	return nil
}

func setIn[T any](m map[worldKey]T, k worldKey, op store.Op) error {
	delete(m, k)
	if op.Delete {
		return nil
	}
	row, err := store.NewTable[T](nil, "").Decode(store.KV{Key: op.Key, Value: op.Value})
	if err == nil {
		m[k] = row.Value
	}
	return err
}

// directory compiles everything; documents that are known stay compiled. The
// keys of always are added.
func (w *world) directory(always []*identity.Credential, log *slog.Logger) *identity.Directory {
	w.used = map[string]bool{}
	c := identity.Contents{Seal: w.seal, Keys: slices.Clone(always)}
	users := map[worldKey]*identity.Principal{}
	for k, rec := range w.users {
		p := &identity.Principal{
			Principal: policy.Principal{ARN: str(rec.Arn), Account: k.account, Type: "User", UserID: str(rec.UserId), UserName: str(rec.UserName)},
			ID:        str(rec.UserId), Name: str(rec.UserName), Tags: tagMap(rec.Tags),
		}
		w.grant(p, k.account, "user", &rec.Attachments, rec.PermissionsBoundary)
		for _, name := range rec.Groups {
			group, ok := w.groups[worldKey{k.account, record.KindGroup, record.IdentityID(name)}]
			if !ok { // a group with members is not deleted: its record cannot be read
				p.Broken = true
				continue
			}
			w.grant(p, k.account, "group", &group.Attachments, nil)
		}
		users[k] = p
		c.Users = append(c.Users, p)
	}
	for k, rec := range w.roles {
		c.Roles = append(c.Roles, w.role(k.account, &rec))
	}
	for k, rec := range w.keys {
		p := users[worldKey{k.account, record.KindUser, record.IdentityID(str(rec.UserName))}]
		if p == nil {
			continue // of a user that is gone: nobody's
		}
		c.Keys = append(c.Keys, &identity.Credential{
			AccessKey: str(rec.AccessKeyId), Secret: identity.Secret(rec.Secret.Reveal()), Principal: p, Active: str(rec.Status) == api.StatusTypeActive,
		})
	}
	for _, rec := range w.groups {
		c.Others = append(c.Others, str(rec.Arn))
	}
	for _, rec := range w.policies {
		c.Others = append(c.Others, str(rec.Arn))
	}
	for _, p := range c.Users {
		warnBroken(log, p)
	}
	for _, r := range c.Roles {
		warnBroken(log, &r.Principal)
	}
	maps.DeleteFunc(w.compiled, func(text string, _ *policy.Document) bool { return !w.used[text] })
	return identity.NewDirectory(c)
}

func warnBroken(log *slog.Logger, p *identity.Principal) {
	if p.Broken {
		log.Error("a policy cannot be read, its principal has no access", "principal", p.ARN)
	}
}

func (w *world) role(account string, rec *record.IAMRole) *identity.Role {
	r := &identity.Role{Principal: identity.Principal{
		Principal: policy.Principal{ARN: str(rec.Arn), Account: account, Type: "AssumedRole", UserID: str(rec.RoleId)},
		ID:        str(rec.RoleId), Name: str(rec.RoleName), Tags: tagMap(rec.Tags),
	}}
	w.grant(&r.Principal, account, "role", &rec.Attachments, rec.PermissionsBoundary)
	r.Trust = w.compile(str(rec.AssumeRolePolicyDocument))
	r.MaxDuration = time.Hour
	if rec.MaxSessionDuration != nil {
		r.MaxDuration = time.Duration(*rec.MaxSessionDuration) * time.Second
	}
	return r
}

// grant adds the policies of a holder to a principal.
func (w *world) grant(p *identity.Principal, account, kind string, a *record.Attachments, limit *api.AttachedPermissionsBoundary) {
	add := func(name, kind, text string) *policy.Document {
		d := w.compile(text)
		if d == nil {
			p.Broken = true
		}
		return d
	}
	for _, name := range slices.Sorted(maps.Keys(a.Inline)) {
		if d := add(name, kind, a.Inline[name]); d != nil {
			p.Add(identity.Policy{Document: d, Name: name, Kind: kind})
		}
	}
	for _, name := range a.Attached {
		if d := add(name, "managed", w.managed(account, name)); d != nil {
			p.Add(identity.Policy{Document: d, Name: name, Kind: "managed"})
		}
	}
	if limit != nil {
		p.Boundary = w.compile(w.managed(account, str(limit.PermissionsBoundaryArn)))
		p.Broken = p.Broken || p.Boundary == nil
	}
}

// managed returns the document of a managed policy; empty: there is none.
func (w *world) managed(account, name string) string {
	if p, ok := awsManaged(name); ok {
		return p.DefaultDocument()
	}
	short := name[strings.LastIndexByte(name, '/')+1:]
	p, ok := w.policies[worldKey{account, record.KindPolicy, record.IdentityID(short)}]
	if !ok || str(p.Arn) != name {
		return ""
	}
	return p.DefaultDocument()
}

// compile returns the compiled document; nil if it cannot be.
func (w *world) compile(text string) *policy.Document {
	w.used[text] = true
	if d := w.compiled[text]; d != nil {
		return d
	}
	d, err := policy.Parse([]byte(text))
	if err != nil {
		return nil
	}
	w.compiled[text] = d
	return d
}

func tagMap(tags []api.Tag) map[string]string {
	m := make(map[string]string, len(tags))
	for _, t := range tags {
		m[strings.ToLower(str(t.Key))] = str(t.Value)
	}
	return m
}
