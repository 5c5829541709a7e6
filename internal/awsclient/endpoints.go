package awsclient

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"gatehouse/internal/sigv4"
	"gatehouse/internal/upstream"
)

// A Name says which service of which Region is meant, by the names that its
// host has on AWS: subdomain, service and Region stand in front of
// amazonaws.com.
type Name struct {
	Subdomain, Service, Region string
}

// host is the name of n's endpoint without its Region.
func (n Name) host() string {
	if n.Subdomain == "" {
		return n.Service
	}
	return n.Subdomain + "." + n.Service
}

// An Endpoint is where a service is, and how requests to it are signed.
type Endpoint struct {
	Key       upstream.Key // where to connect to
	Authority string       // for the Host header
	Path      string       // what the paths of all requests begin with; without a slash at the end
	Scope     sigv4.Target
}

// ErrNoEndpoint is why a service is not called: nobody said where it is.
var ErrNoEndpoint = errors.New("no endpoint is configured")

// Words that stand in place of the URL of an endpoint.
const (
	amazon = "aws"  // Amazon's own
	self   = "self" // our own AWS APIs
	others = "*"    // in place of a service's name: all that are not named
)

// endpoints holds what the configuration says about where services are. Keys
// are SERVICE, SUBDOMAIN.SERVICE, either of them with @REGION, * or *@REGION.
type endpoints map[string]string

func newEndpoints(config map[string]string) (endpoints, error) {
	t := make(endpoints, len(config))
	for name, where := range config {
		if err := checkEndpointName(name); err != nil {
			return nil, err
		}
		if where != amazon && where != self {
			if _, err := parseEndpoint(fill(where, Name{"x", "x", "x"})); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
		t[name] = where
	}
	return t, nil
}

func checkEndpointName(name string) error {
	service, region, at := strings.Cut(name, "@")
	if service == "" || at && region == "" || service != others && strings.Trim(service, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" {
		return fmt.Errorf("%q is not the name of a service: write one as in sqs, runtime.sagemaker, sqs@eu-west-1 or *", name)
	}
	return nil
}

// Endpoint returns where a service is. Of the entries that the configuration
// may have for it the most exact counts: its name with its subdomain, its name,
// then *; and of each first the one with its Region, then that without. The
// entry is a URL, in which {service}, {region} and {subdomain} are replaced, or
// aws for Amazon's own host, or self for our own AWS APIs.
func (c *Client) Endpoint(n Name) (*Endpoint, error) {
	where, ok := c.endpoints.find(n)
	if !ok {
		return nil, fmt.Errorf("%w for the service %s in %s: set one with --service-endpoint %s=URL, or =%s for Amazon's own",
			ErrNoEndpoint, n.host(), n.Region, n.Service, amazon)
	}
	var e *Endpoint
	var err error
	switch where {
	case amazon:
		return amazonEndpoint(n), nil
	case self:
		if c.opt.Self == nil {
			return nil, fmt.Errorf("%w: %s is %s, but these APIs have no address", ErrNoEndpoint, n.Service, self)
		}
		e, err = parseEndpoint(c.opt.Self())
	default:
		e, err = parseEndpoint(fill(where, n))
	}
	if err != nil {
		return nil, err
	}
	// A bucket stands in the path where the host cannot name it.
	if n.Service == "s3" && n.Subdomain != "" && !strings.Contains(where, "{subdomain}") {
		e.Path += "/" + n.Subdomain
	}
	e.Scope = sigv4.Target{Region: n.Region, Service: signingName(n)}
	return e, nil
}

func (t endpoints) find(n Name) (string, bool) {
	for _, name := range []string{n.host(), n.Service, others} {
		for _, key := range []string{name + "@" + n.Region, name} {
			if where, ok := t[key]; ok {
				return where, true
			}
		}
	}
	return "", false
}

func fill(where string, n Name) string {
	return strings.NewReplacer("{service}", n.Service, "{region}", n.Region, "{subdomain}", n.Subdomain).Replace(where)
}

// parseEndpoint takes a URL apart.
func parseEndpoint(text string) (*Endpoint, error) {
	u, err := url.Parse(text)
	if err == nil && u.User != nil {
		return nil, errors.New("the URL of an endpoint has no user: credentials are a setting of their own")
	}
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%q is not an endpoint: write a URL as in http://127.0.0.1:9000, or %s, or %s", text, amazon, self)
	}
	e := &Endpoint{Authority: u.Host, Path: strings.TrimSuffix(u.EscapedPath(), "/")}
	e.Key = upstream.Key{Scheme: u.Scheme, Host: u.Hostname(), Port: 80}
	if u.Scheme == "https" {
		e.Key.Port = 443
	}
	if p := u.Port(); p != "" {
		port, err := strconv.ParseUint(p, 10, 16)
		if err != nil || port == 0 {
			return nil, fmt.Errorf("%q: %s is not a port", text, p)
		}
		e.Key.Port = uint16(port)
	}
	return e, nil
}
