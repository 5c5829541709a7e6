package awsclient

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gatehouse/internal/sigv4"
)

// named returns the source that the configuration calls name.
func (c *Client) named(name string) (Source, error) {
	switch {
	case name == "" || name == "aws":
		return newKept("the server, from environment, profile, container or instance", c.chain, c.failed), nil
	case name == "none":
		return none{}, nil
	case name == "root":
		if c.opt.Root.AccessKey == "" {
			return nil, errors.New("root: there is no root credential")
		}
		return fixed{Key: c.opt.Root, keys: new(sigv4.KeyCache)}, nil
	}
	if profile, ok := strings.CutPrefix(name, "profile:"); ok && profile != "" {
		return newKept("profile "+profile, func(ctx context.Context) (Credentials, error) { return c.profile(ctx, profile) }, c.failed), nil
	}
	return nil, fmt.Errorf("%q is no source of credentials: write aws, root, none or profile:NAME", name)
}

// errNotHere is what a link of the chain returns that has nothing to say.
var errNotHere = errors.New("not configured")

// chain looks for credentials where the AWS SDKs do, in their order. The first
// place that is configured counts, also if it fails.
//
// AWS: standardized credential providers, SDKs and Tools Reference Guide.
func (c *Client) chain(ctx context.Context) (Credentials, error) {
	links := []func(context.Context) (Credentials, error){
		c.environment, c.environmentWebIdentity, c.defaultProfile, c.container, c.instance,
	}
	for _, link := range links {
		cred, err := link(ctx)
		if errors.Is(err, errNotHere) {
			continue
		}
		return cred, err
	}
	return Credentials{}, errors.New("found none: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or aws-credentials in the configuration")
}

// environment reads AWS_ACCESS_KEY_ID and its companions.
func (c *Client) environment(context.Context) (Credentials, error) {
	env := c.opt.Getenv
	k := sigv4.Key{AccessKey: env("AWS_ACCESS_KEY_ID"), SecretKey: env("AWS_SECRET_ACCESS_KEY"), SessionToken: env("AWS_SESSION_TOKEN")}
	switch {
	case k.AccessKey == "" && k.SecretKey == "":
		return Credentials{}, errNotHere
	case k.AccessKey == "" || k.SecretKey == "":
		return Credentials{}, errors.New("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set together")
	}
	return Credentials{Key: k}, nil
}

// environmentWebIdentity assumes the role that Kubernetes names to pods.
func (c *Client) environmentWebIdentity(ctx context.Context) (Credentials, error) {
	env := c.opt.Getenv
	file, role := env("AWS_WEB_IDENTITY_TOKEN_FILE"), env("AWS_ROLE_ARN")
	if file == "" {
		return Credentials{}, errNotHere
	}
	if role == "" {
		return Credentials{}, errors.New("AWS_WEB_IDENTITY_TOKEN_FILE is set, AWS_ROLE_ARN is not")
	}
	return c.webIdentity(ctx, &assumption{role: role, session: env("AWS_ROLE_SESSION_NAME"), region: c.region("")}, file)
}

// defaultProfile reads the profile that AWS_PROFILE names, or default.
func (c *Client) defaultProfile(ctx context.Context) (Credentials, error) {
	name := c.opt.Getenv("AWS_PROFILE")
	if name == "" {
		cred, err := c.profile(ctx, "default")
		if errors.Is(err, errNoProfile) {
			err = errNotHere
		}
		return cred, err
	}
	return c.profile(ctx, name)
}

// region is the one that STS is asked in: named, or that of the environment.
func (c *Client) region(named string) string {
	for _, r := range []string{named, c.opt.Getenv("AWS_REGION"), c.opt.Getenv("AWS_DEFAULT_REGION")} {
		if r != "" {
			return r
		}
	}
	return "us-east-1"
}
