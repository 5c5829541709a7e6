package record

import (
	"log/slog"
	"strings"
	"time"

	api "gatehouse/internal/awsapi/iam"
	"gatehouse/internal/store"
)

// iamService is the part of the keys of identities that names their AWS API.
// Identities belong to an account and to no Region: a dash stands for it.
const iamService = "iam"

// A Secret is a stored secret. It is kept as it is, since signatures cannot be
// verified without it, and printed as ***.
type Secret string

// String returns ***.
func (Secret) String() string { return "***" }

// GoString returns ***.
func (Secret) GoString() string { return "***" }

// LogValue returns ***.
func (Secret) LogValue() slog.Value { return slog.StringValue("***") }

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// Attachments are the policies of a user, group or role.
type Attachments struct {
	Inline   map[string]string // documents by name
	Attached []string          // ARNs of managed policies, in the order of attaching
}

// An IAMUser is a user of an account.
type IAMUser struct {
	api.User
	Attachments
	Account string
	Groups  []string // names in lower case
}

// An IAMGroup is a group of users.
type IAMGroup struct {
	api.Group
	Attachments
	Account string
}

// An IAMRole is a role that others may assume.
type IAMRole struct {
	api.Role
	Attachments
	Account string
}

// A ManagedPolicy is a policy with versions that many may share.
type ManagedPolicy struct {
	api.Policy
	Account  string
	Versions []api.PolicyVersion // the newest first
	Last     int                 // number of the newest version that ever was
}

// DefaultDocument returns the document of the version that acts.
func (p *ManagedPolicy) DefaultDocument() string {
	for i := range p.Versions {
		if v := &p.Versions[i]; v.IsDefaultVersion != nil && *v.IsDefaultVersion && v.Document != nil {
			return *v.Document
		}
	}
	return ""
}

// An AccessKey is a long-term key of a user.
type AccessKey struct {
	api.AccessKeyMetadata
	Account string
	Secret  Secret
}

// A SessionKey seals the tokens of temporary credentials of all accounts.
type SessionKey struct {
	Key     Secret // 32 bytes in base64
	Created time.Time
}

// Identities are the tables of one account's users, groups, roles, policies
// and keys. Ids are names in lower case, and ids of keys.
type Identities struct {
	Account  string
	Users    store.Table[IAMUser]
	Groups   store.Table[IAMGroup]
	Roles    store.Table[IAMRole]
	Policies store.Table[ManagedPolicy]
	Keys     store.Table[AccessKey]
}

// The kinds of identities, as they stand in keys.
const (
	KindUser       Kind = "user"
	KindGroup      Kind = "group"
	KindRole       Kind = "role"
	KindPolicy     Kind = "policy"
	KindAccessKey  Kind = "accesskey"
	KindSessionKey Kind = "sessionkey"
)

// IdentitiesOf returns the tables of an account.
func IdentitiesOf(st store.Store, account string) Identities {
	at := func(k Kind) string { return store.Prefix(account, "-", iamService, string(k)) }
	return Identities{
		Account:  account,
		Users:    store.NewTable[IAMUser](st, at(KindUser)),
		Groups:   store.NewTable[IAMGroup](st, at(KindGroup)),
		Roles:    store.NewTable[IAMRole](st, at(KindRole)),
		Policies: store.NewTable[ManagedPolicy](st, at(KindPolicy)),
		Keys:     store.NewTable[AccessKey](st, at(KindAccessKey)),
	}
}

// SessionKeys is the table of the key that seals tokens, with the id "current".
func SessionKeys(st store.Store) store.Table[SessionKey] {
	return store.NewTable[SessionKey](st, store.Prefix("-", "-", iamService, string(KindSessionKey)))
}

// ParseIdentityKey takes the key of an identity apart: its account, its kind
// and its id. It reports false for all other keys.
func ParseIdentityKey(key string) (account string, kind Kind, id string, ok bool) {
	parts := store.Parts(key)
	if len(parts) != 5 || parts[1] != "-" || parts[2] != iamService {
		return "", "", "", false
	}
	return parts[0], Kind(parts[3]), parts[4], true
}

// IdentityID returns the id of a record by its name: names differ in more than
// case.
func IdentityID(name string) string { return store.ID(strings.ToLower(name)) }
