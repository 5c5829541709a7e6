package compile

import (
	"errors"
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/awsclient"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/integration"
)

// serviceIntegration makes an integration with an AWS service other than
// Lambda. One that cannot be called is no reason to refuse the stage.
func (p *planner) serviceIntegration(in *api.Integration) (gateway.Integration, []string, error) {
	uri, err := integration.ParseServiceURI(integration.ExpandVariables(str(in.Uri), p.variables))
	if err != nil {
		return integration.NewBroken(err), nil, nil
	}
	if p.c.opt.AWS == nil {
		return nil, nil, errors.New("integration type AWS: this node calls no AWS services")
	}
	e, err := p.c.opt.AWS.Endpoint(uri.Name)
	if err != nil {
		p.c.opt.Log.Warn("integration cannot be called", "api", p.id.api, "stage", p.id.name, "uri", str(in.Uri), "error", err)
		return integration.NewBroken(err), nil, nil
	}
	at, err := uri.At(e)
	if err != nil {
		return integration.NewBroken(err), nil, nil
	}
	cluster, err := p.clusterOf(e.Key, nil)
	if err != nil {
		return nil, nil, err
	}
	cfg := p.callConfig(in)
	cfg.URI, cfg.Cluster = at, cluster
	if p.callersOwn(in) {
		call, err := integration.NewServiceAsCaller(cfg, uri, e, p.id.Account)
		return call, at.Variables(), err
	}
	signer, err := p.signer(str(in.Credentials), uri.Name.Region)
	if err != nil {
		return nil, nil, err
	}
	call, err := integration.NewService(cfg, uri, e, signer)
	return call, at.Variables(), err
}

// callersOwn tells whether an integration is called with the credentials of who
// has signed the request.
func (p *planner) callersOwn(in *api.Integration) bool {
	return integration.ExpandVariables(str(in.Credentials), p.variables) == integration.CallersOwn
}

// signer gives what the requests of an integration are signed with: a role's
// credentials; nil: they are not signed.
//
// AWS: without credentials it is the service's resource policy that decides (API
// reference, Integration); here the service sees a stranger.
func (p *planner) signer(credentials, region string) (awsclient.Source, error) {
	credentials = integration.ExpandVariables(credentials, p.variables)
	switch {
	case credentials == "":
		return nil, nil
	case strings.Contains(credentials, ":user/"):
		return nil, errors.New("credentials are those of a role or the caller's own, " + integration.CallersOwn)
	}
	return p.c.opt.AWS.Role(credentials, p.id.Account, region)
}
