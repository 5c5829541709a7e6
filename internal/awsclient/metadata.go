package awsclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"gatehouse/internal/sigv4"
	"gatehouse/internal/wire"
)

const (
	containerHost = "http://169.254.170.2"
	instanceHost  = "http://169.254.169.254"
	// metadataTime bounds one request to either: both are on this machine, or
	// are not there at all.
	metadataTime = 2 * time.Second
)

// A metadataDocument is how containers and instances are told credentials.
type metadataDocument struct {
	Code, Message   string
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
	Token           string
	Expiration      time.Time
}

// container asks the endpoint that ECS, EKS and others give to containers.
//
// AWS: container credential provider, SDKs and Tools Reference Guide.
func (c *Client) container(ctx context.Context) (Credentials, error) {
	env := c.opt.Getenv
	where := env("AWS_CONTAINER_CREDENTIALS_FULL_URI")
	if path := env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"); path != "" {
		where = containerHost + path
	}
	if where == "" {
		return Credentials{}, errNotHere
	}
	if err := checkContainerURL(where); err != nil {
		return Credentials{}, err
	}
	token := env("AWS_CONTAINER_AUTHORIZATION_TOKEN")
	if file := env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return Credentials{}, fmt.Errorf("container's token: %w", err)
		}
		token = strings.TrimSpace(string(text))
	}
	header := map[string]string{"Accept": "application/json"}
	if token != "" {
		header["Authorization"] = token
	}
	text, err := c.metadata(ctx, http.MethodGet, where, header)
	if err != nil {
		return Credentials{}, fmt.Errorf("container's credentials: %w", err)
	}
	return readMetadata(text)
}

// checkContainerURL refuses hosts to which a token must not be shown without
// TLS.
func checkContainerURL(text string) error {
	u, err := url.Parse(text)
	if err != nil {
		return errors.New("AWS_CONTAINER_CREDENTIALS_FULL_URI is not a URL")
	}
	if u.Scheme == "https" {
		return nil
	}
	addr, err := netip.ParseAddr(u.Hostname())
	switch {
	case u.Scheme != "http":
	case u.Hostname() == "localhost", err == nil && addr.IsLoopback():
		return nil
	case u.Hostname() == "169.254.170.2", u.Hostname() == "169.254.170.23", u.Hostname() == "fd00:ec2::23":
		return nil
	}
	return fmt.Errorf("AWS_CONTAINER_CREDENTIALS_FULL_URI: %s is neither this machine nor HTTPS", u.Hostname())
}

// instance asks the metadata service of EC2, version 2.
//
// AWS: IMDS credential provider, SDKs and Tools Reference Guide.
func (c *Client) instance(ctx context.Context) (Credentials, error) {
	env := c.opt.Getenv
	if strings.EqualFold(env("AWS_EC2_METADATA_DISABLED"), "true") {
		return Credentials{}, errNotHere
	}
	host := env("AWS_EC2_METADATA_SERVICE_ENDPOINT")
	if host == "" {
		host = instanceHost
	}
	host = strings.TrimSuffix(host, "/")
	token, err := c.metadata(ctx, http.MethodPut, host+"/latest/api/token", map[string]string{"X-aws-ec2-metadata-token-ttl-seconds": "300"})
	if err != nil {
		return Credentials{}, errNotHere // this is no instance
	}
	header := map[string]string{"X-aws-ec2-metadata-token": string(token)}
	const roles = "/latest/meta-data/iam/security-credentials/"
	role, err := c.metadata(ctx, http.MethodGet, host+roles, header)
	if err != nil {
		return Credentials{}, fmt.Errorf("instance's role: %w", err)
	}
	name, _, _ := strings.Cut(strings.TrimSpace(string(role)), "\n")
	text, err := c.metadata(ctx, http.MethodGet, host+roles+url.PathEscape(name), header)
	if err != nil {
		return Credentials{}, fmt.Errorf("instance's credentials: %w", err)
	}
	return readMetadata(text)
}

// metadata makes one request and returns the body of the answer, which must be
// a good one.
func (c *Client) metadata(ctx context.Context, method, where string, header map[string]string) ([]byte, error) {
	where, query, _ := strings.Cut(where, "?")
	e, err := parseEndpoint(where)
	if err != nil {
		return nil, err
	}
	req := newRequest(&Call{Method: method, Query: query}, e)
	if strings.HasSuffix(where, "/") {
		req.Target = e.Path + "/"
	}
	for name, value := range header {
		req.Header.Add(name, value)
	}
	if method == http.MethodPut {
		req.Body = wire.Body{Length: 0}
	}
	status, text, err := c.document(ctx, e.Key, req, metadataTime)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s answers %d", e.Authority, status)
	}
	return text, err
}

func readMetadata(text []byte) (Credentials, error) {
	var d metadataDocument
	if err := json.Unmarshal(text, &d); err != nil {
		return Credentials{}, errors.New("credentials: not the JSON that was expected")
	}
	if d.AccessKeyID == "" || d.SecretAccessKey == "" {
		return Credentials{}, fmt.Errorf("there are none: %s %s", d.Code, d.Message)
	}
	return Credentials{Key: sigv4.Key{AccessKey: d.AccessKeyID, SecretKey: d.SecretAccessKey, SessionToken: d.Token}, Expires: d.Expiration}, nil
}
