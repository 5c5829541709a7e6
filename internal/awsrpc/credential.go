package awsrpc

import (
	"crypto/subtle"
	"log/slog"
	"time"

	"gatehouse/internal/sigv4"
)

// A Secret is a string that must not be seen. Every way of printing it yields
// ***; Reveal is the only way to read it.
type Secret string

const hidden = "***"

// String returns ***.
func (Secret) String() string { return hidden }

// GoString returns ***.
func (Secret) GoString() string { return hidden }

// LogValue returns ***.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalJSON returns "***".
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// Equal compares in constant time.
func (s Secret) Equal(t Secret) bool { return subtle.ConstantTimeCompare([]byte(s), []byte(t)) == 1 }

// A Credential is an access key and whom it speaks for.
type Credential struct {
	AccessKey    string
	SecretKey    Secret
	SessionToken Secret // of temporary credentials; empty otherwise
	Expires      time.Time
	AccountID    string
	PrincipalARN string
	UserID       string
	Root         bool
	Keys         *sigv4.KeyCache // nil: none
}

// Credentials are all access keys that are accepted. Their methods are called
// for each request, from many goroutines, and must not wait for anything.
type Credentials interface {
	// Lookup returns the credential of an access key and the session token
	// that came with it; the token is empty if none came.
	Lookup(accessKey, sessionToken string) (Credential, bool)
}

// Lookup makes a single credential a [Credentials].
func (c Credential) Lookup(accessKey, _ string) (Credential, bool) {
	return c, accessKey != "" && accessKey == c.AccessKey
}

var _ Credentials = Credential{}
