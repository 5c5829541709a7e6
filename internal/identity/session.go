package identity

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"time"

	"gatehouse/internal/policy"
)

// A Session is what a token of temporary credentials holds.
type Session struct {
	AccessKey string            `json:"k"`
	Secret    string            `json:"s"`
	Issued    int64             `json:"i"` // seconds since 1970
	Expires   int64             `json:"e"`
	Role      string            `json:"r,omitempty"` // id of the role, or
	User      string            `json:"u,omitempty"` // id of the user, or
	Root      string            `json:"o,omitempty"` // account of the root
	Name      string            `json:"n,omitempty"` // session name
	Policies  []string          `json:"p,omitempty"` // documents
	Limited   bool              `json:"l,omitempty"` // session policies were given
	Tags      map[string]string `json:"t,omitempty"` // keys in lower case
	Source    string            `json:"x,omitempty"` // source identity
}

// A Seal turns sessions into tokens that nobody can read or alter.
type Seal struct{ aead cipher.AEAD }

// NewSeal returns the seal of a key of 32 bytes.
func NewSeal(key []byte) (*Seal, error) {
	if len(key) != 32 {
		return nil, errors.New("a session key has 32 bytes")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &Seal{aead}, err
}

// maxToken bounds the tokens that are opened. Session policies have 2,048
// characters, and twelve managed ones may be named.
const maxToken = 64 << 10

// Token returns the token of a session.
func (s *Seal) Token(session *Session) (string, error) {
	text, err := json.Marshal(session)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, s.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	token := base64.StdEncoding.EncodeToString(s.aead.Seal(nonce, nonce, text, nil))
	if len(token) > maxToken {
		return "", errors.New("the session is too large for a token")
	}
	return token, nil
}

// Open returns the session of a token, if it is one of ours and unaltered.
func (s *Seal) Open(token string) (*Session, bool) {
	if s == nil || len(token) > maxToken {
		return nil, false
	}
	// Strict: one session has one token.
	b, err := base64.StdEncoding.Strict().DecodeString(token)
	n := s.aead.NonceSize()
	if err != nil || len(b) < n || strings.ContainsAny(token, "\r\n") {
		return nil, false
	}
	text, err := s.aead.Open(nil, b[:n], b[n:], nil)
	if err != nil {
		return nil, false
	}
	session := new(Session)
	if json.Unmarshal(text, session) != nil {
		return nil, false
	}
	return session, true
}

// open makes the credential of a token; nil if it is of no use: not ours, or
// its role or user is gone.
func (d *Directory) open(token string) *Credential {
	session, ok := d.seal.Open(token)
	if !ok {
		return nil
	}
	p := d.principal(session)
	if p == nil {
		return nil
	}
	return &Credential{
		AccessKey: session.AccessKey, Secret: Secret(session.Secret), Token: Secret(token),
		Expires: time.Unix(session.Expires, 0), Principal: p, Active: true,
	}
}

// principal returns who speaks in a session.
func (d *Directory) principal(session *Session) *Principal {
	var p Principal
	switch {
	case session.Role != "":
		role := d.roleID[session.Role]
		if role == nil {
			return nil
		}
		p = role.Principal
		p.Principal = sessionPrincipal(&role.Principal, session.Name)
	case session.User != "":
		user := d.byID[session.User]
		if user == nil {
			return nil
		}
		p = *user
		p.Temporary = true
	case session.Root != "":
		p = Root(session.Root, "aws")
		p.Temporary = true
	default:
		return nil
	}
	p.Issued = time.Unix(session.Issued, 0)
	p.SessionName, p.SourceIdentity = session.Name, session.Source
	if len(session.Tags) > 0 {
		tags := maps.Clone(p.Tags)
		if tags == nil {
			tags = map[string]string{}
		}
		maps.Copy(tags, session.Tags) // AWS: a session tag wins over the role's
		p.Tags = tags
	}
	if session.Limited {
		p.Session = []*policy.Document{}
		for _, text := range session.Policies {
			doc, err := policy.Parse([]byte(text))
			if err != nil {
				p.Broken = true
				continue
			}
			p.Session = append(p.Session, doc)
		}
	}
	return &p
}

// sessionPrincipal is a role's session as policies see it.
func sessionPrincipal(role *Principal, name string) policy.Principal {
	partition := "aws"
	if parts := strings.SplitN(role.ARN, ":", 3); len(parts) == 3 {
		partition = parts[1]
	}
	return policy.Principal{
		ARN:     "arn:" + partition + ":sts::" + role.Account + ":assumed-role/" + role.Name + "/" + name,
		Account: role.Account, Role: role.ARN, Type: "AssumedRole", UserID: role.ID + ":" + name,
	}
}

// Root returns the root of an account.
func Root(account, partition string) Principal {
	return Principal{
		Principal: policy.Principal{ARN: "arn:" + partition + ":iam::" + account + ":root", Account: account, Type: "Account", UserID: account},
		ID:        account, Name: "root", Root: true,
	}
}
