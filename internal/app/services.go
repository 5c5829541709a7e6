package app

import (
	"context"
	"fmt"
	"strings"

	acmapi "gatehouse/internal/awsapi/acm"
	"gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/awsapi/apigatewayv2"
	cfnapi "gatehouse/internal/awsapi/cloudformation"
	cloudtrailapi "gatehouse/internal/awsapi/cloudtrail"
	cloudwatchapi "gatehouse/internal/awsapi/cloudwatch"
	iamapi "gatehouse/internal/awsapi/iam"
	"gatehouse/internal/awsapi/lambda"
	logsapi "gatehouse/internal/awsapi/logs"
	discoveryapi "gatehouse/internal/awsapi/servicediscovery"
	ssmapi "gatehouse/internal/awsapi/ssm"
	stsapi "gatehouse/internal/awsapi/sts"
	xrayapi "gatehouse/internal/awsapi/xray"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/identity"
	"gatehouse/internal/seal"
	"gatehouse/internal/service/acm"
	rest "gatehouse/internal/service/apigateway"
	management "gatehouse/internal/service/apigatewaymanagementapi"
	httpapi "gatehouse/internal/service/apigatewayv2"
	"gatehouse/internal/service/cloudformation"
	"gatehouse/internal/service/cloudtrail"
	"gatehouse/internal/service/cloudwatch"
	"gatehouse/internal/service/clusters"
	"gatehouse/internal/service/iam"
	"gatehouse/internal/service/s3"
	"gatehouse/internal/service/servicediscovery"
	"gatehouse/internal/service/ssm"
	"gatehouse/internal/service/sts"
	"gatehouse/internal/service/wafv2"
	"gatehouse/internal/service/xray"
	"gatehouse/internal/store"
)

// parts are what services stand on.
type parts struct {
	st        store.Store
	blobs     *store.Blobs
	data      dataPlane
	meter     rest.Meter
	who       *identity.Registry
	roles     rest.RolePasser
	functions lambda.Server
	trust     rest.TruststoreReader
	sockets   management.Connections
	stacks    *cloudformation.Service // made over the others
	buckets   *s3.Service
	seal      *seal.Sealer
	cloudMap  *servicediscovery.Service
	certs     *acm.Service
	groups    logsapi.Server
	changes   *clusters.Service
	watch     *cloudwatch.Service
	trail     *cloudtrail.Service
	traces    *xray.Service
}

// services are the AWS APIs this server answers, each with what answers it. A
// new one is a line here. COVERAGE.md is made from this list.
func services(cfg *Config, p *parts) []awsrpc.Mount {
	identities := iam.New(p.st)
	restAPIs := rest.New(p.st, p.blobs, restOptions(cfg, p))
	return []awsrpc.Mount{
		apigateway.Mount(restAPIs),
		apigatewayv2.Mount(httpapi.New(p.st, p.blobs, httpapi.Options{
			Limits: httpapi.Limits{Routes: cfg.RoutesPerAPI, Integrations: cfg.IntegrationsPerAPI, Stages: cfg.StagesPerAPI, Authorizers: cfg.AuthorizersPerAPI, Mappings: cfg.MappingsPerDomain, Millis: int(cfg.IntegrationTimeout.Milliseconds())},
			Keys:   cfg.HTTPAPIKeys, Logs: cfg.HTTPAPIExecutionLogs, Caches: p.data, Roles: p.roles, Domains: restAPIs, LoadBalancers: cfg.LoadBalancers,
		})),
		management.Mount(management.New(p.sockets, int(cfg.WebSocketMessage))),
		acmapi.Mount(p.certs),
		iamapi.Mount(identities),
		discoveryapi.Mount(p.cloudMap),
		clusters.Mount(p.changes),
		stsapi.Mount(sts.New(p.who, identities.Document)),
		lambda.Mount(p.functions),
		logsapi.Mount(p.groups),
		cfnapi.Mount(p.stacks),
		s3.Mount(p.buckets),
		cloudwatchapi.Mount(p.watch),
		cloudtrailapi.Mount(p.trail),
		xrayapi.Mount(p.traces),
		wafv2.Mount(), // refused by name
		ssmapi.Mount(ssm.New(p.st, p.seal)),
	}
}

// late is an API that is known after the services that call it.
type late struct{ calls *awsrpc.Handler }

// Call makes a call to a service.
func (l *late) Call(ctx context.Context, service, operation string, in map[string]any) (map[string]any, error) {
	return l.calls.Call(ctx, service, operation, in)
}

// A dataPlane is what services ask of the running data plane.
type dataPlane interface {
	rest.CacheFlusher
	rest.MethodInvoker
}

// restOptions are what the operator says about REST APIs, and what they ask.
func restOptions(cfg *Config, p *parts) rest.Options {
	return rest.Options{
		HTTPKeys: cfg.HTTPAPIKeys,
		Limits: rest.Limits{
			RestAPIs: cfg.RestAPIs, ResourcesPerAPI: cfg.ResourcesPerAPI, StagesPerAPI: cfg.StagesPerAPI,
			APIKeys: cfg.APIKeys, UsagePlans: cfg.UsagePlans, DomainNames: cfg.DomainNames,
			EdgeAPIs: cfg.EdgeAPIs, ModelsPerAPI: cfg.ModelsPerAPI, DocumentationPartsPerAPI: cfg.DocumentationParts,
			StageVariables: cfg.StageVariables, UsagePlansPerKey: cfg.UsagePlansPerKey, VPCLinks: cfg.VPCLinks,
			DocumentationVersionsPerAPI: cfg.DocumentationVersions, DeploymentsPerAPI: cfg.DeploymentsPerAPI, ValidatorsPerAPI: cfg.ValidatorsPerAPI,
			MappingsPerDomain: cfg.MappingsPerDomain, PolicyBytes: int(cfg.PolicySize), AccessAssociations: cfg.AccessAssociations,
			AuthorizersPerAPI: cfg.AuthorizersPerAPI, ClientCertificates: cfg.ClientCertificates, IntegrationMillis: int(cfg.IntegrationTimeout.Milliseconds()),
		},
		AccountRate: cfg.AccountRate, AccountBurst: cfg.AccountBurst,
		LoadBalancers: cfg.LoadBalancers,
		Caches:        p.data, Methods: p.data, Usage: p.meter, Roles: p.roles, Directory: iam.NewPrincipals(p.st), Truststores: p.trust, DeliveryStreams: cfg.hasStream,
	}
}

// inertTypes are the types that a setting lists.
func inertTypes(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

// workOnStacks runs what stacks are worked on by, once it is known who may do
// what.
func (n *node) workOnStacks(ctx context.Context) error {
	rev, err := n.revision(ctx)
	if err != nil {
		return fmt.Errorf("read the store: %w", err)
	}
	if n.follower.Wait(ctx, rev) != nil {
		return nil // the end was asked for before the start was done
	}
	return n.stacks.Run(ctx)
}
