// Package sts is AWS's Security Token Service: temporary credentials for roles
// and users, as methods of [Service].
//
// Temporary credentials are not stored. Their session token holds who speaks,
// until when and with which session policies, sealed; whoever verifies a
// signature opens it (package identity).
package sts

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"strconv"
	"time"

	api "gatehouse/internal/awsapi/sts"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/identity"
)

// A Service answers the operations of STS.
type Service struct {
	api.UnimplementedServer
	reg     *identity.Registry
	managed func(account, arn string) (string, bool)
}

var _ api.Server = (*Service)(nil)

// New returns a service that knows the roles and users of reg. managed returns
// the document of a managed policy.
func New(reg *identity.Registry, managed func(account, arn string) (string, bool)) *Service {
	return &Service{reg: reg, managed: managed}
}

// GetCallerIdentity tells who calls.
func (s *Service) GetCallerIdentity(ctx context.Context, _ *api.GetCallerIdentityInput) (*api.GetCallerIdentityResponse, error) {
	c := awsrpc.CallerFrom(ctx)
	return &api.GetCallerIdentityResponse{Account: &c.Account, Arn: &c.PrincipalARN, UserId: &c.UserID}, nil
}

// GetAccessKeyInfo tells the account of an access key.
func (s *Service) GetAccessKeyInfo(ctx context.Context, in *api.GetAccessKeyInfoInput) (*api.GetAccessKeyInfoResponse, error) {
	c := awsrpc.CallerFrom(ctx)
	if str(in.AccessKeyId) == c.AccessKey {
		return &api.GetAccessKeyInfoResponse{Account: &c.Account}, nil
	}
	if key, ok := s.reg.Find(str(in.AccessKeyId), ""); ok {
		return &api.GetAccessKeyInfoResponse{Account: &key.Principal.Account}, nil
	}
	return nil, awsrpc.Validation("Access key " + str(in.AccessKeyId) + " is not known")
}

// AWS: a user's session lasts 15 minutes to 36 hours, the root's at most one.
const (
	minSession     = 15 * time.Minute
	defaultSession = 12 * time.Hour
	maxSession     = 36 * time.Hour
	maxRootSession = time.Hour
	defaultRole    = time.Hour
	maxChained     = time.Hour // of a role assumed by a role's session
)

// GetSessionToken gives a user, or the root, temporary credentials.
func (s *Service) GetSessionToken(ctx context.Context, in *api.GetSessionTokenInput) (*api.GetSessionTokenResponse, error) {
	if in.SerialNumber != nil || in.TokenCode != nil {
		return nil, awsrpc.Validation("Gatehouse has no MFA devices: SerialNumber and TokenCode are not supported")
	}
	c := awsrpc.CallerFrom(ctx)
	session := &identity.Session{}
	longest := maxSession
	switch user, isUser := s.reg.Directory().User(c.PrincipalARN); {
	case c.SessionToken != "":
		return nil, denied("Cannot call GetSessionToken with session credentials")
	case c.Root:
		session.Root, longest = c.Account, maxRootSession
	case isUser:
		session.User = user.ID
	default:
		return nil, denied("Cannot call GetSessionToken with these credentials")
	}
	length, err := duration(in.DurationSeconds, min(defaultSession, longest), maxSession)
	if err != nil {
		return nil, err
	}
	cred, err := s.issue(session, min(length, longest))
	return &api.GetSessionTokenResponse{Credentials: cred}, err
}

// duration checks the life that a caller asks for.
func duration(seconds *int32, standard, longest time.Duration) (time.Duration, error) {
	if seconds == nil {
		return standard, nil
	}
	d := time.Duration(*seconds) * time.Second
	what := ""
	switch {
	case d < minSession:
		what = "greater than or equal to " + strconv.Itoa(int(minSession/time.Second))
	case d > longest:
		what = "less than or equal to " + strconv.Itoa(int(longest/time.Second))
	default:
		return d, nil
	}
	return 0, awsrpc.Validation("1 validation error detected: Value '" + strconv.Itoa(int(*seconds)) +
		"' at 'durationSeconds' failed to satisfy constraint: Member must have value " + what)
}

// issue makes the credentials of a session.
func (s *Service) issue(session *identity.Session, length time.Duration) (*api.Credentials, error) {
	seal := s.reg.Directory().Seal()
	if seal == nil {
		return nil, &awsrpc.Error{Code: "ServiceUnavailable", Status: 503, Message: "The session key is not loaded yet"}
	}
	now := time.Now().UTC().Truncate(time.Second)
	session.AccessKey, session.Secret = newAccessKey(), newSecret()
	session.Issued, session.Expires = now.Unix(), now.Add(length).Unix()
	token, err := seal.Token(session)
	if err != nil {
		return nil, api.PackedPolicyTooLarge("Packed policy consumes more than 100% of allotted space")
	}
	return &api.Credentials{
		AccessKeyId: &session.AccessKey, SecretAccessKey: &session.Secret, SessionToken: &token, Expiration: new(now.Add(length)),
	}, nil
}

func newAccessKey() string {
	const alnum = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	for i := range b {
		b[i] = alnum[int(b[i])%len(alnum)]
	}
	return "ASIA" + string(b)
}

func newSecret() string {
	b := make([]byte, 30)
	_, _ = rand.Read(b) // never fails
	return base64.StdEncoding.EncodeToString(b)
}

func denied(message string) error {
	return &awsrpc.Error{Code: "AccessDeniedException", Status: 403, Message: message}
}

func str(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
