package awsclient

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/sigv4"
	"gatehouse/internal/wire"
)

// SessionName is the name of the sessions of roles that we assume.
//
// AWS: that of API Gateway's own sessions.
const SessionName = "BackplaneAssumeRoleSession"

// maxRoles bounds the roles whose credentials are held. Further ones are
// refused.
const maxRoles = 10_000

// A roleKey tells roles apart, for whom they are assumed, and the Regions whose
// STS is asked.
type roleKey struct{ arn, account, region string }

// Role gives the credentials of a role to who acts for an account: from the
// source that the configuration names for it; by assuming it with the server's own
// credentials at the STS of a Region; or, if none is configured, by [Options]'s
// Assume. All callers for a role share one source.
func (c *Client) Role(roleARN, account, region string) (Source, error) {
	source, ok := c.opt.Roles[roleARN]
	if !ok {
		source, ok = c.opt.Roles[others]
	}
	key := roleKey{arn: roleARN}
	if !ok {
		key.account, key.region = account, region
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.roles[key]; k != nil {
		k.used.Store(time.Now().Unix())
		return k, nil
	}
	if len(c.roles) >= maxRoles {
		return nil, fmt.Errorf("%w of role %s: the limit is %d roles", ErrCredentials, roleARN, maxRoles)
	}
	fetch := func(ctx context.Context) (Credentials, error) {
		where, known := c.endpoints.find(Name{Service: "sts", Region: region})
		if c.opt.Assume != nil && (!known || where == self) {
			return c.opt.Assume(ctx, account, roleARN)
		}
		return c.assume(ctx, &assumption{role: roleARN, region: c.region(region)}, c.own)
	}
	k := newKept("role "+roleARN, fetch, c.failed)
	if ok {
		from, err := c.named(source)
		if err != nil {
			return nil, err
		}
		if k, ok = from.(*kept); !ok {
			return from, nil // nothing is fetched
		}
	}
	c.roles[key] = k
	return k, nil
}

// An assumption is one wish to assume a role.
type assumption struct {
	role, session, external, region string
	life                            time.Duration // 0: STS's default, an hour
}

func (a *assumption) form(action string) url.Values {
	f := url.Values{"Action": {action}, "Version": {"2011-06-15"}, "RoleArn": {a.role}, "RoleSessionName": {SessionName}}
	if a.session != "" {
		f.Set("RoleSessionName", a.session)
	}
	if a.external != "" {
		f.Set("ExternalId", a.external)
	}
	if a.life > 0 {
		f.Set("DurationSeconds", strconv.Itoa(int(a.life/time.Second)))
	}
	return f
}

// assume assumes a role with the credentials of signer.
func (c *Client) assume(ctx context.Context, a *assumption, signer Source) (Credentials, error) {
	reply, err := c.Do(ctx, &Call{
		Name: Name{Service: "sts", Region: a.region}, Method: http.MethodPost, Path: "/",
		Header: []wire.Field{formType}, Body: []byte(a.form("AssumeRole").Encode()), Signer: signer, Timeout: fetchTime,
	})
	if err != nil {
		return Credentials{}, fmt.Errorf("assume it: %w", err)
	}
	defer reply.Body.Close() //nolint:errcheck // it was read, or its error is returned
	text, err := io.ReadAll(io.LimitReader(reply.Body, maxDocument))
	if err != nil {
		return Credentials{}, fmt.Errorf("assume it: %w", err)
	}
	return readSTS(reply.Status, text)
}

var formType = wire.Field{Name: "Content-Type", Value: "application/x-www-form-urlencoded; charset=utf-8"}

// webIdentity assumes a role with a token that stands in a file. The call is
// not signed: the token is the proof.
func (c *Client) webIdentity(ctx context.Context, a *assumption, file string) (Credentials, error) {
	token, err := os.ReadFile(file)
	if err != nil {
		return Credentials{}, fmt.Errorf("web identity: %w", err)
	}
	e, err := c.Endpoint(Name{Service: "sts", Region: a.region})
	if err != nil {
		return Credentials{}, err
	}
	form := a.form("AssumeRoleWithWebIdentity")
	form.Set("WebIdentityToken", strings.TrimSpace(string(token)))
	req := newRequest(&Call{Method: http.MethodPost, Path: "/", Header: []wire.Field{formType}, Body: []byte(form.Encode())}, e)
	status, text, err := c.document(ctx, e.Key, req, fetchTime)
	if err != nil {
		return Credentials{}, fmt.Errorf("assume it with web identity: %w", err)
	}
	return readSTS(status, text)
}

// stsCredentials is the part of STS's answers that both operations share.
type stsCredentials struct {
	AccessKeyID     string    `xml:"AccessKeyId"`
	SecretAccessKey string    `xml:"SecretAccessKey"`
	SessionToken    string    `xml:"SessionToken"`
	Expiration      time.Time `xml:"Expiration"`
}

func readSTS(status int, text []byte) (Credentials, error) {
	var answer struct {
		Role     stsCredentials `xml:"AssumeRoleResult>Credentials"`
		Identity stsCredentials `xml:"AssumeRoleWithWebIdentityResult>Credentials"`
		Error    struct {
			Code    string `xml:"Code"`
			Message string `xml:"Message"`
		} `xml:"Error"`
	}
	err := xml.Unmarshal(text, &answer)
	if status != http.StatusOK {
		if err != nil || answer.Error.Code == "" {
			return Credentials{}, fmt.Errorf("STS answers %d", status)
		}
		return Credentials{}, fmt.Errorf("STS answers %d %s: %s", status, answer.Error.Code, answer.Error.Message)
	}
	cred := answer.Role
	if cred.AccessKeyID == "" {
		cred = answer.Identity
	}
	if err != nil || cred.AccessKeyID == "" || cred.SecretAccessKey == "" {
		return Credentials{}, errors.New("STS answers without credentials")
	}
	return Credentials{
		Key:     sigv4.Key{AccessKey: cred.AccessKeyID, SecretKey: cred.SecretAccessKey, SessionToken: cred.SessionToken},
		Expires: cred.Expiration,
	}, nil
}
