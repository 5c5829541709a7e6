package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/arn"
	"gatehouse/internal/awsclient"
	"gatehouse/internal/service/sts"
	"gatehouse/internal/sigv4"
)

// openAWS makes what calls AWS services elsewhere.
func (n *node) openAWS() (*awsclient.Client, error) {
	opt := n.cfg.awsOptions(sigv4.Key{AccessKey: n.credential.AccessKey, SecretKey: n.credential.SecretKey.Reveal()})
	opt.Self = func() string { return "http://" + reachable(n.front.api.Addr().String()) }
	opt.Getenv, opt.Log = os.Getenv, n.log
	roles := sts.New(n.identities, nil)
	opt.Assume = func(_ context.Context, account, role string) (awsclient.Credentials, error) {
		cred, err := roles.AssumeForService(gatewayPrincipal, account, role, awsclient.SessionName)
		if err != nil {
			return awsclient.Credentials{}, err
		}
		return awsclient.Credentials{
			Key:     sigv4.Key{AccessKey: *cred.AccessKeyId, SecretKey: *cred.SecretAccessKey, SessionToken: *cred.SessionToken},
			Expires: *cred.Expiration,
		}, nil
	}
	return awsclient.New(opt)
}

// gatewayPrincipal is the service that integrations are called by.
const gatewayPrincipal = "apigateway.amazonaws.com"

func (c *Config) awsOptions(root sigv4.Key) awsclient.Options {
	endpoints := functionEndpoints(c.FunctionEndpoints)
	maps.Copy(endpoints, c.ServiceEndpoints)
	return awsclient.Options{Endpoints: endpoints, Credentials: c.AWSCredentials, Roles: c.RoleCredentials, Root: root}
}

// checkAWS reports settings about AWS services elsewhere that cannot work.
func (c *Config) checkAWS() error {
	var errs []error
	any := sigv4.Key{AccessKey: "any"}
	if _, err := awsclient.New(awsclient.Options{Endpoints: c.ServiceEndpoints}); err != nil {
		errs = append(errs, fmt.Errorf("service-endpoint: %w", err))
	}
	if _, err := awsclient.New(awsclient.Options{Credentials: c.AWSCredentials, Root: any}); err != nil {
		errs = append(errs, fmt.Errorf("aws-credentials: %w", err))
	}
	if _, err := awsclient.New(awsclient.Options{Roles: c.RoleCredentials, Root: any}); err != nil {
		errs = append(errs, fmt.Errorf("role-credentials: %w", err))
	}
	if at := c.CloudFormationAnswers; at != "" {
		if u, err := url.Parse(at); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" {
			errs = append(errs, fmt.Errorf("cloudformation-answers: %q is not a URL without path, such as https://gatehouse.example.com", at))
		}
	}
	return errors.Join(append(errs, c.checkLoadBalancers(), c.checkUserPools())...)
}

// checkLoadBalancers reports addresses that are none.
func (c *Config) checkLoadBalancers() error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(c.LoadBalancers)) {
		if _, err := arn.Parse(name); err != nil {
			errs = append(errs, fmt.Errorf("load-balancer: %q is not an ARN", name))
		}
		for addr := range strings.SplitSeq(c.LoadBalancers[name], ",") {
			if !isBackend(addr) {
				errs = append(errs, fmt.Errorf("load-balancer: %q is not an address: write host:port, or host for the port of the integration", addr))
			}
		}
	}
	return errors.Join(errs...)
}

// isBackend tells whether s is host:port, or a host.
func isBackend(s string) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		host, port = strings.Trim(s, "[]"), "1"
		if _, err := netip.ParseAddr(host); err != nil && strings.ContainsAny(host, ":[]/") {
			return false
		}
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0 && host != ""
}
