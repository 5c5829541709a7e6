package app

import (
	"errors"
	"fmt"
	"os"

	"gatehouse/internal/awsclient"
	"gatehouse/internal/sigv4"
)

// openAWS makes what calls AWS services elsewhere.
func (n *node) openAWS() (*awsclient.Client, error) {
	opt := n.cfg.awsOptions(sigv4.Key{AccessKey: n.credential.AccessKey, SecretKey: n.credential.SecretKey.Reveal()})
	opt.Self = func() string { return "http://" + reachable(n.front.api.Addr().String()) }
	opt.Getenv, opt.Log = os.Getenv, n.log
	return awsclient.New(opt)
}

func (c *Config) awsOptions(root sigv4.Key) awsclient.Options {
	return awsclient.Options{Endpoints: c.ServiceEndpoints, Credentials: c.AWSCredentials, Roles: c.RoleCredentials, Root: root}
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
	return errors.Join(errs...)
}
