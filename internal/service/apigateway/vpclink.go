package apigateway

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// All texts are recorded (TestApiGatewayVpcLink) unless they say otherwise.

func errVPCLink() error {
	return api.NotFoundException("Invalid Vpc Link identifier specified")
}

// CreateVpcLink creates a VPC link. AWS takes minutes to make one; here it is
// ready with the answer, which says PENDING all the same.
func (s *Service) CreateVpcLink(ctx context.Context, in *api.CreateVpcLinkInput) (*api.VpcLink, error) {
	t := s.tables(ctx)
	link := record.VPCLink{Scope: t.Scope, Created: time.Now().UTC(), VpcLink: api.VpcLink{
		Name: in.Name, Description: text(in.Description), TargetArns: in.TargetArns, Tags: in.Tags,
		Status: new(api.VpcLinkStatusAvailable), StatusMessage: new("Your vpc link is ready for use"),
	}}
	if err := cmp.Or(checkVPCLink(&link.VpcLink), checkTags(link.Tags)); err != nil {
		return nil, err
	}
	if err := s.checkTarget(ctx, in.TargetArns); err != nil {
		return nil, err
	}
	err := s.commit(ctx, func(c *store.Change) error {
		if err := checkCount(ctx, s.st, t.VPCLinks, s.opt.Limits.VPCLinks, errLimit("VPC Links")); err != nil {
			return err
		}
		link.Id = new(newID(shortIDLen))
		c.Require(t.VPCLinks.Absent(*link.Id))
		store.Add(c, t.VPCLinks, *link.Id, link)
		return nil
	})
	if err != nil {
		return nil, err
	}
	link.Status, link.StatusMessage = new(api.VpcLinkStatusPending), nil
	return &link.VpcLink, nil
}

// checkVPCLink refuses what cannot be said of a link.
func checkVPCLink(link *api.VpcLink) error {
	if str(link.Name) == "" {
		return api.BadRequestException("Name cannot be empty")
	}
	if utf8.RuneCountInString(*link.Name) > maxBackendText || utf8.RuneCountInString(str(link.Description)) > maxBackendText {
		return api.BadRequestException("Name and description can be at most 1024 characters") // AWS: undocumented, limit and text
	}
	return nil
}

// checkTarget refuses a target that is none, or that nothing is known of.
//
// AWS: terraform-provider-aws pull request 2512 shows the text for two targets;
// that for none is ours.
func (s *Service) checkTarget(ctx context.Context, targets []string) error {
	switch len(targets) {
	case 0:
		return api.BadRequestException("No target arn specified for vpc link.")
	case 1:
	default:
		return api.BadRequestException("More than one target arn specified for vpc link.")
	}
	name, err := arn.Parse(targets[0])
	if err != nil {
		return api.BadRequestException("Invalid ARN. ARN is not well formed " + targets[0])
	}
	if name.Service != "elasticloadbalancing" || !strings.HasPrefix(name.Resource, "loadbalancer/net/") {
		return api.BadRequestException("NLB ARN is malformed.") // AWS: a link that FAILED says so
	}
	if c := awsrpc.CallerFrom(ctx); !record.OwnsBalancer(c.Account, targets[0]) {
		return api.BadRequestException("The load balancer of a VPC link is of the link's account, " + c.Account + ": " + targets[0] + " is not")
	}
	if s.opt.LoadBalancers[targets[0]] == "" {
		return api.BadRequestException("Gatehouse does not know where " + targets[0] + " is: start it with --load-balancer " + targets[0] + "=HOST:PORT")
	}
	return nil
}

// GetVpcLink returns one link.
func (s *Service) GetVpcLink(ctx context.Context, in *api.GetVpcLinkInput) (*api.VpcLink, error) {
	link, _, err := s.tables(ctx).VPCLinks.Find(ctx, errVPCLink(), str(in.VpcLinkId))
	if err != nil {
		return nil, err
	}
	link.Tags = shownTags(link.Tags)
	return &link.VpcLink, nil
}

// GetVpcLinks lists links, the oldest first.
func (s *Service) GetVpcLinks(ctx context.Context, in *api.GetVpcLinksInput) (*api.VpcLinks, error) {
	rows, err := s.tables(ctx).VPCLinks.All(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(rows, func(a, b store.Row[record.VPCLink]) int { return a.Value.Created.Compare(b.Value.Created) })
	links := make([]api.VpcLink, 0, len(rows))
	for _, row := range rows {
		links = append(links, row.Value.VpcLink)
	}
	items, next, err := page(links, func(l *api.VpcLink) string { return *l.Id }, in.Position, in.Limit)
	if err != nil {
		return nil, err
	}
	return &api.VpcLinks{Items: items, Position: next}, nil
}

// UpdateVpcLink changes the name or the description of a link: where it leads
// never changes.
func (s *Service) UpdateVpcLink(ctx context.Context, in *api.UpdateVpcLinkInput) (*api.VpcLink, error) {
	t := s.tables(ctx)
	var link record.VPCLink
	err := s.commit(ctx, func(c *store.Change) (err error) {
		var rev store.Rev
		if link, rev, err = t.VPCLinks.Find(ctx, errVPCLink(), str(in.VpcLinkId)); err != nil {
			return err
		}
		if err := vpcLinkPatches.apply(&link.VpcLink, in.PatchOperations); err != nil {
			return err
		}
		if err := checkVPCLink(&link.VpcLink); err != nil {
			return err
		}
		c.Require(t.VPCLinks.Is(*link.Id, rev))
		store.Add(c, t.VPCLinks, *link.Id, link)
		return nil
	})
	link.Tags = shownTags(link.Tags)
	return &link.VpcLink, err
}

// vpcLinkPatches is UpdateVpcLink.
var vpcLinkPatches = patchTable[api.VpcLink]{refuse: refuseListing[api.VpcLink], rules: []patchRule[api.VpcLink]{
	{path: "/name", replace: func(l *api.VpcLink, o patchOp) error { patchString(&l.Name, o); return nil }},
	{path: "/description", replace: func(l *api.VpcLink, o patchOp) error { patchString(&l.Description, o); return nil }},
}}

// DeleteVpcLink removes a link that no stage calls through. What a stage
// variable comes to mean later is not looked after: such a call fails.
func (s *Service) DeleteVpcLink(ctx context.Context, in *api.DeleteVpcLinkInput) error {
	t := s.tables(ctx)
	return s.commit(ctx, func(c *store.Change) error {
		link, rev, err := t.VPCLinks.Find(ctx, errVPCLink(), str(in.VpcLinkId))
		if err != nil {
			return err
		}
		users, err := s.usersOfLink(ctx, t, *link.Id)
		if err != nil {
			return err
		}
		if len(users) > 0 {
			// AWS: klotho issue 202 shows the text.
			return api.BadRequestException("Cannot delete vpc link. Vpc link '" + *link.Id + "', is referenced in [" + strings.Join(users, ", ") +
				"] in format of [RESTApiId:Method:Resource:Stage].")
		}
		if users, err = t.IntegrationsThrough(ctx, *link.Id); err != nil {
			return err
		}
		if len(users) > 0 { // AWS: undocumented; as above
			return api.BadRequestException("Cannot delete vpc link. Vpc link '" + *link.Id + "', is referenced in [" + strings.Join(users, ", ") +
				"] in format of [ApiId:IntegrationId].")
		}
		c.Require(t.VPCLinks.Is(*link.Id, rev))
		c.Do(t.VPCLinks.Delete(*link.Id))
		return nil
	})
}

// usersOfLink lists the deployed methods that call through a link.
func (s *Service) usersOfLink(ctx context.Context, t record.Tables, link string) ([]string, error) {
	stages, err := t.Stages.All(ctx)
	if err != nil {
		return nil, err
	}
	var users []string
	for _, row := range stages {
		st := &row.Value
		deployments := []string{str(st.DeploymentId)}
		variables := []map[string]string{st.Variables}
		if canary := st.CanarySettings; canary != nil {
			merged := maps.Clone(st.Variables)
			for name, value := range canary.StageVariableOverrides {
				merged = setEntry(merged, name, value)
			}
			deployments, variables = append(deployments, str(canary.DeploymentId)), append(variables, merged)
		}
		for i, id := range deployments {
			dep, rev, err := t.Deployments.Find(ctx, nil, st.RestAPI, id)
			if err != nil {
				return nil, err
			}
			if rev == 0 {
				continue // it is being deleted
			}
			def, err := s.defs.load(ctx, t, dep.Definition)
			if err != nil {
				return nil, err
			}
			users = append(users, methodsThrough(def, link, variables[i], st)...)
		}
	}
	slices.Sort(users)
	return slices.Compact(users), nil
}

func methodsThrough(def *record.Definition, link string, variables map[string]string, st *record.Stage) []string {
	var users []string
	for id, res := range def.Resources {
		for verb, m := range res.ResourceMethods {
			in := m.MethodIntegration
			if in == nil || str(in.ConnectionType) != api.ConnectionTypeVpcLink {
				continue
			}
			expanded := stageVariable.ReplaceAllStringFunc(str(in.ConnectionId), func(v string) string {
				return variables[strings.TrimSuffix(strings.TrimPrefix(v, "${stageVariables."), "}")]
			})
			if expanded == link {
				users = append(users, strings.Join([]string{st.RestAPI, verb, id, *st.StageName}, ":"))
			}
		}
	}
	return users
}
