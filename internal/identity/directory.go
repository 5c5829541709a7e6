package identity

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/arn"
)

// A Directory is all identities as of one moment. It never changes.
type Directory struct {
	keys   map[string]*Credential // long-term ones
	byID   map[string]*Principal  // users
	byARN  map[string]*Principal  // users
	roles  map[string]*Role       // by ARN
	roleID map[string]*Role
	names  map[string]string // ARNs by account, kind and name in lower case
	seal   *Seal             // nil: no temporary credentials
}

// Contents are what a directory is made of.
type Contents struct {
	Keys  []*Credential
	Users []*Principal
	Roles []*Role
	// Others are the ARNs of groups and policies.
	Others []string
	Seal   *Seal
}

// NewDirectory returns a directory of c.
func NewDirectory(c Contents) *Directory {
	d := &Directory{
		keys: map[string]*Credential{}, byID: map[string]*Principal{}, byARN: map[string]*Principal{},
		roles: map[string]*Role{}, roleID: map[string]*Role{}, seal: c.Seal,
		names: map[string]string{},
	}
	for _, k := range c.Keys {
		d.keys[k.AccessKey] = k
	}
	for _, u := range c.Users {
		d.byID[u.ID], d.byARN[u.ARN] = u, u
		d.name(u.ARN)
	}
	for _, r := range c.Roles {
		d.roles[r.ARN], d.roleID[r.ID] = r, r
		d.name(r.ARN)
	}
	for _, arn := range c.Others {
		d.name(arn)
	}
	return d
}

// name enters an ARN of IAM under its account, its kind and its name.
func (d *Directory) name(text string) {
	a, err := arn.Parse(text)
	if err != nil {
		return
	}
	kind, path, _ := strings.Cut(a.Resource, "/")
	d.names[nameKey(a.Account, kind, path[strings.LastIndexByte(path, '/')+1:])] = text
}

func nameKey(account, kind, name string) string {
	return account + "/" + kind + "/" + strings.ToLower(name)
}

// Named returns the ARN of a user, group, role or policy of an account, whose
// path is not known.
func (d *Directory) Named(account, kind, name string) (string, bool) {
	text, ok := d.names[nameKey(account, kind, name)]
	return text, ok
}

// User returns a user by its ARN.
func (d *Directory) User(arn string) (*Principal, bool) {
	p, ok := d.byARN[arn]
	return p, ok
}

// Role returns a role by its ARN.
func (d *Directory) Role(arn string) (*Role, bool) {
	r, ok := d.roles[arn]
	return r, ok
}

// Seal returns what seals tokens; nil: there are no temporary credentials yet.
func (d *Directory) Seal() *Seal { return d.seal }

// A Registry points at the newest directory. Its zero value knows nobody.
type Registry struct {
	dir atomic.Pointer[Directory]

	mu       sync.RWMutex // guards the fields below; never held while calling out
	of       *Directory   // that sessions were made from
	sessions map[string]*Credential
}

// maxSessions bounds the opened tokens that are remembered. Who has more live
// tokens pays some microseconds for a request.
const maxSessions = 10_000

// Publish makes d the directory from now on.
func (r *Registry) Publish(d *Directory) { r.dir.Store(d) }

// Directory returns the newest directory.
func (r *Registry) Directory() *Directory {
	if d := r.dir.Load(); d != nil {
		return d
	}
	return NewDirectory(Contents{})
}

// Find returns the credential of an access key and, for temporary ones, the
// token that comes with it. Keys that are not active are not found. Whether it
// has expired the caller checks, once the signature is proved.
func (r *Registry) Find(accessKey, token string) (*Credential, bool) {
	d := r.Directory()
	if token == "" {
		c, ok := d.keys[accessKey]
		return c, ok && c.Active
	}
	r.mu.RLock()
	c := r.sessions[token]
	fresh := r.of == d
	r.mu.RUnlock()
	if c == nil || !fresh {
		if c = d.open(token); c == nil {
			return nil, false
		}
		r.remember(d, token, c)
	}
	return c, c.AccessKey == accessKey
}

// remember keeps an opened token. Only tokens that we sealed come here.
func (r *Registry) remember(d *Directory, token string, c *Credential) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of != d || len(r.sessions) >= maxSessions {
		r.of, r.sessions = d, map[string]*Credential{}
	}
	r.sessions[token] = c
}

// Expired reports whether c is of no use any more.
func (c *Credential) Expired(now time.Time) bool {
	return !c.Expires.IsZero() && !now.Before(c.Expires)
}
