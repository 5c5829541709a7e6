package apigatewayv2

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// Gatehouse has no VPC: a VPC link is a name by which private integrations call
// through it, and what a listener's ARN means says the configuration. Subnets
// and security groups are kept as they were given, for AWS's clients compare
// them; on AWS, too, they say only where the gateway's own addresses lie.

func errVPCLink(id *string) error { return errUnknown("VpcLink", str(id)) }

// CreateVpcLink creates a VPC link. AWS takes minutes to make one; here it is
// ready with the answer, which says PENDING all the same.
func (s *Service) CreateVpcLink(ctx context.Context, in *api.CreateVpcLinkInput) (*api.CreateVpcLinkResponse, error) {
	t := s.tables(ctx)
	link := record.APIVPCLink{Scope: t.Scope, Created: time.Now().UTC(), VpcLink: api.VpcLink{
		Name: in.Name, SubnetIds: in.SubnetIds, SecurityGroupIds: in.SecurityGroupIds, Tags: in.Tags, CreatedDate: now(),
		VpcLinkStatus: new(api.VpcLinkStatusAvailable), VpcLinkStatusMessage: new("VPC link is ready to route traffic"), VpcLinkVersion: new(api.VpcLinkVersionV2),
	}}
	if link.SecurityGroupIds == nil {
		link.SecurityGroupIds = []string{}
	}
	if err := cmp.Or(checkVPCLink(&link.VpcLink), checkTags(in.Tags)); err != nil {
		return nil, err
	}
	err := answer(store.Update(ctx, s.st, func(c *store.Change) error {
		rows, err := t.APIVPCLinks.All(ctx)
		if err != nil {
			return err
		}
		if len(rows) >= s.limits.VPCLinks {
			return errLimit("VPC links")
		}
		link.VpcLinkId = new(record.NewID(shortIDLen))
		c.Require(t.APIVPCLinks.Absent(*link.VpcLinkId))
		store.Add(c, t.APIVPCLinks, *link.VpcLinkId, link)
		return nil
	}))
	out := shownLink(link)
	out.VpcLinkStatus, out.VpcLinkStatusMessage = new(api.VpcLinkStatusPending), new("VPC link is provisioning ENIs")
	return new(api.CreateVpcLinkResponse(out)), err
}

// shownLink is a link as it is returned: no tags are an empty map.
func shownLink(r record.APIVPCLink) api.VpcLink {
	if r.Tags == nil {
		r.Tags = map[string]string{}
	}
	return r.VpcLink
}

// checkVPCLink refuses what cannot be said of a link. The texts are ours.
//
// AWS: API reference, CreateVpcLink: a name of 1 to 128 characters, subnets.
func checkVPCLink(l *api.VpcLink) error {
	switch {
	case str(l.Name) == "" || utf8.RuneCountInString(*l.Name) > 128:
		return bad("VPC link name must have between 1 and 128 characters")
	case len(l.SubnetIds) == 0:
		return bad("At least one subnet is required for a VPC link")
	case len(l.SubnetIds) > 10 || len(l.SecurityGroupIds) > 10: // AWS: quotas
		return errLimit("subnets or security groups of a VPC link")
	}
	return nil
}

// GetVpcLink returns one link.
func (s *Service) GetVpcLink(ctx context.Context, in *api.GetVpcLinkInput) (*api.GetVpcLinkResponse, error) {
	link, _, err := s.tables(ctx).APIVPCLinks.Find(ctx, errVPCLink(in.VpcLinkId), str(in.VpcLinkId))
	return new(api.GetVpcLinkResponse(shownLink(link))), err
}

// GetVpcLinks lists links, the oldest first.
func (s *Service) GetVpcLinks(ctx context.Context, in *api.GetVpcLinksInput) (*api.GetVpcLinksResponse, error) {
	rows, err := s.tables(ctx).APIVPCLinks.All(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(rows, func(a, b store.Row[record.APIVPCLink]) int { return a.Value.Created.Compare(b.Value.Created) })
	links := make([]api.VpcLink, len(rows))
	for i := range rows {
		links[i] = shownLink(rows[i].Value)
	}
	items, next, err := page(links, func(l *api.VpcLink) string { return *l.VpcLinkId }, in.NextToken, in.MaxResults)
	return &api.GetVpcLinksResponse{Items: items, NextToken: next}, err
}

// UpdateVpcLink changes the name of a link: nothing else ever changes.
func (s *Service) UpdateVpcLink(ctx context.Context, in *api.UpdateVpcLinkInput) (*api.UpdateVpcLinkResponse, error) {
	t := s.tables(ctx)
	var link record.APIVPCLink
	err := answer(store.Update(ctx, s.st, func(c *store.Change) (err error) {
		var rev store.Rev
		if link, rev, err = t.APIVPCLinks.Find(ctx, errVPCLink(in.VpcLinkId), str(in.VpcLinkId)); err != nil {
			return err
		}
		overlay(&link.VpcLink, in)
		c.Require(t.APIVPCLinks.Is(*link.VpcLinkId, rev))
		store.Add(c, t.APIVPCLinks, *link.VpcLinkId, link)
		return checkVPCLink(&link.VpcLink)
	}))
	return new(api.UpdateVpcLinkResponse(shownLink(link))), err
}

// DeleteVpcLink removes a link that no integration calls through, neither as
// an API is now nor as a stage shows it.
func (s *Service) DeleteVpcLink(ctx context.Context, in *api.DeleteVpcLinkInput) (*api.DeleteVpcLinkResponse, error) {
	t, id := s.tables(ctx), str(in.VpcLinkId)
	err := answer(store.Update(ctx, s.st, func(c *store.Change) error {
		_, rev, err := t.APIVPCLinks.Find(ctx, errVPCLink(in.VpcLinkId), id)
		if err != nil {
			return err
		}
		users, err := t.IntegrationsThrough(ctx, id)
		if err != nil {
			return err
		}
		if len(users) > 0 {
			// AWS: undocumented text; after that of REST APIs.
			return bad("Cannot delete vpc link. Vpc link '" + id + "', is referenced in [" + strings.Join(users, ", ") + "] in format of [ApiId:IntegrationId].")
		}
		// An integration that comes to use it meanwhile writes the link's record.
		c.Require(t.APIVPCLinks.Is(id, rev))
		c.Do(t.APIVPCLinks.Delete(id))
		return nil
	}))
	return &api.DeleteVpcLinkResponse{}, err
}

// afterQuestionMark is the query of an ARN: attributes that instances must have.
func afterQuestionMark(uri string) string {
	_, query, _ := strings.Cut(uri, "?")
	return query
}

// checkListener refuses what is neither the ARN of a load balancer's listener
// nor of a service of Cloud Map.
//
// AWS: http-api-execution.md §5; the texts are ours.
func checkListener(uri string) error {
	if strings.Contains(uri, "${stageVariables.") {
		return nil
	}
	a, err := arn.Parse(uri)
	switch {
	case err == nil && a.Service == "servicediscovery" && strings.HasPrefix(a.Resource, "service/srv-"):
		if _, err := url.ParseQuery(afterQuestionMark(uri)); err != nil {
			return bad("The query parameters of the Cloud Map service ARN are not valid")
		}
	case err != nil || a.Service != "elasticloadbalancing" || !strings.HasPrefix(a.Resource, "listener/app/") && !strings.HasPrefix(a.Resource, "listener/net/"):
		return bad("For VpcLink V2, integration uri should be a valid ELB listener ARN or a valid Cloud Map service ARN.")
	}
	return nil
}

// checkSocketLink demands of a private integration of a WebSocket API that its
// link is there: one of version 1.
//
// AWS: websocket-execution.md §4.
func (s *Service) checkSocketLink(ctx context.Context, c *store.Change, i *api.Integration) error {
	id := str(i.ConnectionId)
	if str(i.ConnectionType) != api.ConnectionTypeVpcLink || strings.Contains(id, "${stageVariables.") {
		return nil
	}
	t := s.tables(ctx)
	link, rev, err := t.VPCLinks.Find(ctx, bad("Invalid VpcLink identifier specified "+id), id)
	if err != nil {
		return err
	}
	c.Require(t.VPCLinks.Is(id, rev))
	store.Add(c, t.VPCLinks, id, link) // so that who deletes it notices
	return nil
}

// checkPrivate demands of private integrations that their links are there, and
// that somebody said where their listeners are.
func (s *Service) checkPrivate(ctx context.Context, c *store.Change, integrations ...api.Integration) error {
	t, seen := s.tables(ctx), map[string]bool{}
	for n := range integrations {
		i := &integrations[n]
		if str(i.ConnectionType) != api.ConnectionTypeVpcLink {
			continue
		}
		uri, id := str(i.IntegrationUri), str(i.ConnectionId)
		a, err := arn.Parse(uri)
		cloudMap := err == nil && a.Service == "servicediscovery"
		switch c := awsrpc.CallerFrom(ctx); {
		case cloudMap && (a.Account != c.Account || a.Region != c.Region):
			return bad("Gatehouse supports Cloud Map services of the API's own account and Region only")
		case cloudMap, strings.Contains(uri, "${stageVariables."): // the latter is looked at when the stage is known
		case !record.OwnsBalancer(c.Account, uri):
			return bad("The load balancer of a private integration is of the API's account, " + c.Account + ": " + uri + " is not")
		case record.LoadBalancerOf(s.opt.LoadBalancers, uri) == "":
			return bad("Gatehouse does not know where " + uri + " is: start it with --load-balancer " + uri + "=HOST:PORT")
		}
		if seen[id] {
			continue
		}
		seen[id] = true
		link, rev, err := t.APIVPCLinks.Find(ctx, bad("Invalid VpcLink identifier specified "+id), id)
		if err != nil {
			return err
		}
		c.Require(t.APIVPCLinks.Is(id, rev))
		store.Add(c, t.APIVPCLinks, id, link) // so that who deletes it notices
	}
	return nil
}
