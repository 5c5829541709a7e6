package awsclient

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/sigv4"
)

const (
	// maxProfileFile bounds each of the two files that profiles stand in.
	maxProfileFile = 1 << 20
	// maxProfiles bounds a chain of profiles in which each names the next.
	maxProfiles = 5
)

// errNoProfile is a profile that stands in neither file, or names no
// credentials.
var errNoProfile = errors.New("there is none, or it names no credentials")

// profile reads a profile of the shared files and does what it says.
//
// AWS: shared config and credentials files, SDKs and Tools Reference Guide.
func (c *Client) profile(ctx context.Context, name string) (Credentials, error) {
	return c.profileAt(ctx, name, maxProfiles)
}

func (c *Client) profileAt(ctx context.Context, name string, left int) (Credentials, error) {
	p, err := c.readProfile(name)
	if err != nil {
		return Credentials{}, fmt.Errorf("profile %s: %w", name, err)
	}
	cred, err := c.useProfile(ctx, name, p, left)
	if err != nil {
		err = fmt.Errorf("profile %s: %w", name, err)
	}
	return cred, err
}

func (c *Client) useProfile(ctx context.Context, name string, p map[string]string, left int) (Credentials, error) {
	role := p["role_arn"]
	if role != "" && p["source_profile"] == name && p["aws_access_key_id"] != "" {
		delete(p, "source_profile") // AWS: a profile may be its own source
		own, err := profileKey(p)
		if err != nil {
			return Credentials{}, err
		}
		return c.assume(ctx, profileRole(c, p), fixed(own))
	}
	if role == "" {
		return profileKey(p)
	}
	if p["mfa_serial"] != "" {
		return Credentials{}, errors.New("mfa_serial: nobody is there to enter a code")
	}
	switch {
	case p["web_identity_token_file"] != "":
		return c.webIdentity(ctx, profileRole(c, p), p["web_identity_token_file"])
	case p["source_profile"] != "":
		if left == 1 {
			return Credentials{}, fmt.Errorf("source_profile: more than %d profiles in a row", maxProfiles)
		}
		source, err := c.profileAt(ctx, p["source_profile"], left-1)
		if err != nil {
			return Credentials{}, err
		}
		return c.assume(ctx, profileRole(c, p), fixed(source))
	case p["credential_source"] != "":
		source, err := c.credentialSource(ctx, p["credential_source"])
		if err != nil {
			return Credentials{}, fmt.Errorf("credential_source %s: %w", p["credential_source"], err)
		}
		return c.assume(ctx, profileRole(c, p), fixed(source))
	}
	return Credentials{}, errors.New("role_arn needs source_profile, credential_source or web_identity_token_file")
}

func (c *Client) credentialSource(ctx context.Context, name string) (Credentials, error) {
	switch name {
	case "Environment":
		return c.environment(ctx)
	case "EcsContainer":
		return c.container(ctx)
	case "Ec2InstanceMetadata":
		return c.instance(ctx)
	}
	return Credentials{}, errors.New("want Environment, EcsContainer or Ec2InstanceMetadata")
}

func profileRole(c *Client, p map[string]string) *assumption {
	seconds, _ := strconv.Atoi(p["duration_seconds"]) // not a number: AWS's default
	return &assumption{
		role: p["role_arn"], session: p["role_session_name"], external: p["external_id"],
		region: c.region(p["region"]), life: time.Duration(seconds) * time.Second,
	}
}

// profileKey returns the key that stands in a profile. What would need another
// program is refused by name.
func profileKey(p map[string]string) (Credentials, error) {
	k := sigv4.Key{AccessKey: p["aws_access_key_id"], SecretKey: p["aws_secret_access_key"], SessionToken: p["aws_session_token"]}
	if k.AccessKey != "" && k.SecretKey != "" {
		return Credentials{Key: k}, nil
	}
	for _, name := range []string{"credential_process", "sso_session", "sso_start_url", "login_session"} {
		if p[name] != "" {
			return Credentials{}, fmt.Errorf("%s is not supported: use a key, a role or a web identity", name)
		}
	}
	return Credentials{}, errNoProfile
}

// readProfile reads a profile from both files; what stands in that for
// credentials wins.
func (c *Client) readProfile(name string) (map[string]string, error) {
	p := map[string]string{}
	found := false
	section := "profile " + name
	if name == "default" {
		section = name
	}
	for _, f := range []struct{ env, file, section string }{
		{"AWS_CONFIG_FILE", "config", section},
		{"AWS_SHARED_CREDENTIALS_FILE", "credentials", name},
	} {
		file := c.opt.Getenv(f.env)
		if file == "" {
			home := c.opt.Getenv("HOME")
			if home == "" {
				continue
			}
			file = filepath.Join(home, ".aws", f.file)
		}
		there, err := readSection(p, file, f.section)
		if err != nil {
			return nil, err
		}
		found = found || there
	}
	if !found {
		return nil, errNoProfile
	}
	return p, nil
}

// readSection puts the settings of one section of file into p. A file that is
// not there has no section.
func readSection(p map[string]string, file, section string) (bool, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	text, err := io.ReadAll(io.LimitReader(f, maxProfileFile+1))
	if err != nil {
		return false, err
	}
	if len(text) > maxProfileFile {
		return false, fmt.Errorf("%s: larger than %d bytes", file, maxProfileFile)
	}
	found, inside := false, false
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, maxProfileFile+1)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || strings.ContainsAny(line[:1], " \t#;") {
			continue // a comment, or a setting below another, which we need none of
		}
		if name, ok := strings.CutPrefix(line, "["); ok {
			name, _, _ = strings.Cut(name, "]")
			inside = strings.Join(strings.Fields(name), " ") == section
			found = found || inside
			continue
		}
		if key, value, ok := strings.Cut(line, "="); ok && inside {
			p[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
		}
	}
	return found, nil
}
