package compile

import (
	"errors"
	"fmt"
	"strings"
	"time"

	v2 "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/awsclient"
	"gatehouse/internal/function"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/integration"
	"gatehouse/internal/record"
	"gatehouse/internal/upstream"
)

// invoker calls functions as a role; without one, as this API.
func (p *httpPlanner) invoker(credentials string) (function.Invoker, error) {
	if credentials == "" {
		return p.c.opt.Functions, nil
	}
	role, err := p.role(credentials, p.id.Region)
	if err != nil {
		return nil, err
	}
	return p.c.asRole(role, p.id.Account)
}

// role gives the credentials of a role.
func (p *httpPlanner) role(credentials, region string) (awsclient.Source, error) {
	credentials = integration.ExpandVariables(credentials, p.rec.StageVariables)
	switch {
	case strings.Contains(credentials, ":user/"): // AWS: http-api-execution.md §9
		return nil, errors.New("the caller's own credentials are not supported for HTTP APIs")
	case p.c.opt.AWS == nil:
		return nil, errNoRole
	}
	return p.c.opt.AWS.Role(credentials, p.id.Account, region)
}

// listener is the address behind the listener of a private integration: the
// addresses that the configuration has for it, and the stage as the path.
//
// AWS: http-api-execution.md §5: HTTP unless there is a name to verify, which
// is that of SNI and of the certificate; the stage's name begins the path, that
// of $default does not.
func (p *httpPlanner) listener(in *v2.Integration, name string) (*integration.URI, upstream.Key, error) {
	link := linkID{p.id.Scope, str(in.ConnectionId)}
	p.b.links[link] = true
	where := record.LoadBalancerOf(p.c.opt.LoadBalancers, name)
	var err error
	if strings.Contains(name, ":servicediscovery:") && p.c.opt.CloudMap != nil {
		where, err = p.c.opt.CloudMap(p.id.Scope, name)
	}
	switch {
	case err != nil:
	case !p.c.backends.Load().httpLink(link):
		err = fmt.Errorf("%w: there is no %q", errNoLink, link.id)
	case !record.OwnsBalancer(p.id.Account, name):
		err = fmt.Errorf("%w: %s is not of the account %s", errNoLink, name, p.id.Account)
	case where == "":
		err = fmt.Errorf("%w: the listener %s has no addresses: set them with --load-balancer", errNoLink, name)
	}
	if err != nil {
		p.c.opt.Log.Warn("integration cannot be called", "api", p.id.api, "stage", p.id.name, "uri", str(in.IntegrationUri), "error", err)
		return nil, upstream.Key{}, err
	}
	text := "http://listener"
	if in.TlsConfig != nil && str(in.TlsConfig.ServerNameToVerify) != "" {
		text = "https://" + *in.TlsConfig.ServerNameToVerify
	}
	if p.id.name != "$default" {
		text += "/" + p.id.name
	}
	uri, err := integration.ParseURI(text)
	if err != nil {
		return nil, upstream.Key{}, err
	}
	return uri, upstream.Key{Scheme: uri.Scheme, Host: uri.Host, Port: uri.Port, Addresses: withPort(where, uri.Port)}, nil
}

// service makes an integration with a service of AWS. One that cannot be called
// is no reason to refuse the stage.
func (p *httpPlanner) service(rt *gateway.Route, in *v2.Integration, timeout time.Duration) (gateway.Integration, error) {
	kind := awsclient.SubtypeOf(str(in.IntegrationSubtype))
	if kind == nil {
		return nil, errors.New("integrationSubtype " + str(in.IntegrationSubtype) + " is unknown")
	}
	if p.c.opt.AWS == nil {
		return nil, errors.New("this node calls no AWS services")
	}
	region := integration.ExpandVariables(in.RequestParameters[awsclient.SubtypeRegion], p.rec.StageVariables)
	if region == "" {
		region = p.id.Region
	}
	e, err := p.c.opt.AWS.Endpoint(awsclient.Name{Service: kind.Service, Region: region})
	if err != nil {
		p.c.opt.Log.Warn("integration cannot be called", "api", p.id.api, "stage", p.id.name, "subtype", kind.Name, "error", err)
		return integration.NewBroken(err), nil
	}
	if kind.Host != "" && strings.HasPrefix(e.Authority, kind.Service+"."+region+".amazonaws.com") {
		e.Authority = kind.Host + strings.TrimPrefix(e.Authority, kind.Service)
		e.Key.Host = e.Authority
	}
	signer, err := p.role(str(in.CredentialsArn), region)
	if err != nil {
		return nil, err
	}
	cluster, err := p.c.opt.Clusters.Cluster(e.Key, nil)
	if err != nil {
		return nil, err
	}
	p.b.clusters[e.Key] = true
	cfg := &integration.SubtypeConfig{
		API: p.id.api, Kind: kind, Endpoint: e, Cluster: cluster, Signer: signer, Timeout: timeout, Route: rt,
		Parameters: record.WithoutExtensions(in.RequestParameters), Variables: p.rec.StageVariables,
	}
	if cfg.Responses, err = integration.MapResponses(in.ResponseParameters, p.rec.StageVariables); err != nil {
		return nil, err
	}
	return integration.NewSubtype(cfg)
}
