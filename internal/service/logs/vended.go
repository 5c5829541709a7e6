package logs

import (
	"context"
	"errors"
	"slices"
	"strings"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/logs"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// Deliveries take the logs that a service writes of a resource to where their
// owner wants them. A source is the resource, a destination the place, a delivery
// joins the two; what passes along is in vendedfeed.go.
//
// AWS: "Logging that requires additional permissions [V2]" (CloudWatch Logs user
// guide); "Create a log delivery for REST API execution logs" (API Gateway
// developer guide): sources are stages of REST APIs.

const (
	keySource      = "deliverysource"
	keyDestination = "deliverydestination"
	keyDelivery    = "delivery"

	logTypeExecution = "EXECUTION_LOGS"
	vendedService    = "apigateway"

	// maxDeliveries is AWS's quota of sources, of destinations and of deliveries.
	maxDeliveries = 1000
)

// The kinds of destinations.
const (
	toGroup  = "CWL"
	toBucket = "S3"
	toStream = "FH"
)

// Stages is what sources are.
type Stages interface {
	// ExecutionLogs tells whether a stage of a REST API is there, and whether it
	// writes execution logs.
	ExecutionLogs(ctx context.Context, scope record.Scope, restAPI, stage string) (exists, on bool, err error)
}

// A vendedSource is a delivery source as it is stored.
type vendedSource struct {
	Name, Resource string
	RestAPI, Stage string
	Tags           map[string]string
}

// A vendedDestination is a delivery destination as it is stored.
type vendedDestination struct {
	Name, Kind, Resource, Format string
	Tags                         map[string]string
}

// A vendedDelivery is a delivery as it is stored.
type vendedDelivery struct {
	ID, Source, Destination string // names
	Fields                  []string
	Delimiter               string
	Suffix                  string // of the path in a bucket
	Tags                    map[string]string
}

func (s *Service) sources(scope record.Scope) store.Table[vendedSource] {
	return store.NewTable[vendedSource](s.st, store.Prefix(scope.Account, scope.Region, keyService, keySource))
}

func (s *Service) destinations(scope record.Scope) store.Table[vendedDestination] {
	return store.NewTable[vendedDestination](s.st, store.Prefix(scope.Account, scope.Region, keyService, keyDestination))
}

func (s *Service) deliveries(scope record.Scope) store.Table[vendedDelivery] {
	return store.NewTable[vendedDelivery](s.st, store.Prefix(scope.Account, scope.Region, keyService, keyDelivery))
}

func vendedARN(scope record.Scope, kind, name string) string {
	return arn.ARN{Partition: arn.Partition(scope.Region), Service: "logs", Region: scope.Region, Account: scope.Account, Resource: kind + ":" + name}.String()
}

const (
	arnSource      = "delivery-source"
	arnDestination = "delivery-destination"
	arnDelivery    = "delivery"
)

// group is the log group that a source's logs stand in.
//
// AWS: logging-metrics.md §2.
func (v *vendedSource) group() string { return executionPrefix + v.RestAPI + "/" + v.Stage }

// executionPrefix begins the names of the groups that sources are.
const executionPrefix = "API-Gateway-Execution-Logs_"

func (v *vendedSource) shown(scope record.Scope) *api.DeliverySource {
	return &api.DeliverySource{
		Name: &v.Name, Arn: new(vendedARN(scope, arnSource, v.Name)), ResourceArns: []string{v.Resource}, Service: new(vendedService),
		LogType: new(logTypeExecution), Tags: v.Tags,
	}
}

func (v *vendedDestination) shown(scope record.Scope) *api.DeliveryDestination {
	return &api.DeliveryDestination{
		Name: &v.Name, Arn: new(vendedARN(scope, arnDestination, v.Name)), DeliveryDestinationType: &v.Kind, OutputFormat: &v.Format,
		DeliveryDestinationConfiguration: &api.DeliveryDestinationConfiguration{DestinationResourceArn: &v.Resource}, Tags: v.Tags,
	}
}

func notThere(kind, name string) error {
	return api.ResourceNotFoundException("The specified " + kind + " does not exist: " + name)
}

// parseStage reads the ARN of a stage of a REST API.
//
// AWS: "Create a log delivery for REST API execution logs": with the account in
// it; ARNs of API Gateway have none elsewhere.
func parseStage(text string, scope record.Scope) (restAPI, stage string, err error) {
	a, err := arn.Parse(text)
	parts := strings.Split(a.Resource, "/")
	if err != nil || a.Service != vendedService || a.Region != scope.Region || a.Account != "" && a.Account != scope.Account ||
		len(parts) != 5 || parts[0] != "" || parts[1] != "restapis" || parts[3] != "stages" || parts[2] == "" || parts[4] == "" {
		return "", "", api.ValidationException("The resource ARN must be that of a stage of a REST API of this account and Region: arn:aws:apigateway:" +
			scope.Region + ":" + scope.Account + ":/restapis/{rest-api-id}/stages/{stage-name}")
	}
	return parts[2], parts[4], nil
}

// PutDeliverySource makes a stage a source, or changes which stage one is.
func (s *Service) PutDeliverySource(ctx context.Context, in *api.PutDeliverySourceInput) (*api.PutDeliverySourceResponse, error) {
	if *in.LogType != logTypeExecution || s.opt.Stages == nil {
		return nil, noLogType.refuse()
	}
	if len(in.DeliverySourceConfiguration) > 0 {
		return nil, noSourceConfiguration.refuse()
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	scope := scopeOf(ctx)
	v := vendedSource{Name: *in.Name, Resource: *in.ResourceArn, Tags: in.Tags}
	var err error
	if v.RestAPI, v.Stage, err = parseStage(*in.ResourceArn, scope); err != nil {
		return nil, err
	}
	exists, on, err := s.opt.Stages.ExecutionLogs(ctx, scope, v.RestAPI, v.Stage)
	switch {
	case err != nil:
		return nil, err
	case !exists:
		return nil, api.ResourceNotFoundException("The stage does not exist: " + *in.ResourceArn)
	case !on:
		// AWS: "If logging is not enabled, the delivery source creation fails".
		return nil, api.ValidationException("Execution logging is not enabled on the stage: set its loggingLevel to ERROR or INFO first.")
	}
	t := s.sources(scope)
	err = store.Update(ctx, s.st, func(c *store.Change) error {
		rows, err := t.All(ctx)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if o := &row.Value; o.Name != v.Name && o.RestAPI == v.RestAPI && o.Stage == v.Stage {
				return api.ConflictException("The stage is the delivery source " + o.Name + " already.")
			}
		}
		return putVended(ctx, c, t, v.Name, v, len(rows))
	})
	if err != nil {
		return nil, err
	}
	s.deli.look()
	return &api.PutDeliverySourceResponse{DeliverySource: v.shown(scope)}, nil
}

// putVended puts a record, whether there is one of the name or not.
func putVended[T any](ctx context.Context, c *store.Change, t store.Table[T], name string, rec T, there int) error {
	_, rev, err := t.Get(ctx, store.ID(name))
	switch {
	case err == nil:
		c.Require(t.Is(store.ID(name), rev))
	case !errors.Is(err, store.ErrNotFound):
		return err
	case there >= maxDeliveries:
		return api.ServiceQuotaExceededException("An account may have 1000 of them in a Region.")
	default:
		c.Require(t.Absent(store.ID(name)))
	}
	store.Add(c, t, store.ID(name), rec)
	return nil
}

// PutDeliveryDestination makes a log group, a bucket or a delivery stream a
// destination.
func (s *Service) PutDeliveryDestination(ctx context.Context, in *api.PutDeliveryDestinationInput) (*api.PutDeliveryDestinationResponse, error) {
	scope := scopeOf(ctx)
	v := vendedDestination{Name: *in.Name, Format: "json", Tags: in.Tags}
	if in.OutputFormat != nil {
		v.Format = *in.OutputFormat
	}
	switch {
	case v.Format != "json" && v.Format != "plain":
		return nil, noFormat.refuse()
	case in.RoleArn != nil:
		return nil, noDestinationRole.refuse()
	case in.DeliveryDestinationConfiguration == nil:
		return nil, noTraces.refuse()
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	v.Resource = *in.DeliveryDestinationConfiguration.DestinationResourceArn
	var err error
	if v.Kind, err = s.reach(ctx, scope, v.Resource); err != nil {
		return nil, err
	}
	if in.DeliveryDestinationType != nil && *in.DeliveryDestinationType != v.Kind {
		return nil, api.ValidationException("The delivery destination type is " + v.Kind + ", as its ARN says.")
	}
	t := s.destinations(scope)
	err = store.Update(ctx, s.st, func(c *store.Change) error {
		rows, err := t.All(ctx)
		if err != nil {
			return err
		}
		return putVended(ctx, c, t, v.Name, v, len(rows))
	})
	if err != nil {
		return nil, err
	}
	s.deli.look()
	return &api.PutDeliveryDestinationResponse{DeliveryDestination: v.shown(scope)}, nil
}

// reach tells what kind of destination an ARN is, if there is one.
func (s *Service) reach(ctx context.Context, scope record.Scope, resource string) (string, error) {
	a, err := arn.Parse(resource)
	if err != nil {
		return "", api.ValidationException("The destination must be the ARN of a log group, a bucket or a delivery stream.")
	}
	switch group, isGroup := strings.CutPrefix(a.Resource, "log-group:"); {
	case a.Service == "logs" && isGroup && a.Account == scope.Account && a.Region == scope.Region:
		if strings.HasPrefix(group, executionPrefix) {
			// What is delivered there could be delivered again, without an end.
			return "", api.ValidationException("The log group holds execution logs: these come from there.")
		}
		if _, err := s.find(ctx, strings.TrimSuffix(group, ":*")); err != nil {
			return "", err
		}
		return toGroup, nil
	case a.Service == "s3" && s.opt.Buckets != nil:
		bucket, _, _ := strings.Cut(a.Resource, "/")
		if s.opt.Buckets.CheckBucket(ctx, scope.Account, bucket) != nil {
			return "", api.ResourceNotFoundException("The specified bucket does not exist: " + bucket)
		}
		return toBucket, nil
	case a.Service == "firehose" && s.opt.Streams != nil:
		if name, ok := strings.CutPrefix(a.Resource, "deliverystream/"); ok && s.opt.Streams(name) != nil {
			return toStream, nil
		}
		return "", api.ResourceNotFoundException("No delivery-stream of the configuration says where " + a.Resource + " is.")
	}
	return "", noPlace.refuse()
}

// GetDeliverySource returns a source.
func (s *Service) GetDeliverySource(ctx context.Context, in *api.GetDeliverySourceInput) (*api.GetDeliverySourceResponse, error) {
	scope := scopeOf(ctx)
	v, _, err := s.sources(scope).Find(ctx, notThere("delivery source", *in.Name), *in.Name)
	return &api.GetDeliverySourceResponse{DeliverySource: v.shown(scope)}, err
}

// GetDeliveryDestination returns a destination.
func (s *Service) GetDeliveryDestination(ctx context.Context, in *api.GetDeliveryDestinationInput) (*api.GetDeliveryDestinationResponse, error) {
	scope := scopeOf(ctx)
	v, _, err := s.destinations(scope).Find(ctx, notThere("delivery destination", *in.Name), *in.Name)
	return &api.GetDeliveryDestinationResponse{DeliveryDestination: v.shown(scope)}, err
}

// vendedPage is a page of what stands in a table.
func vendedPage[T any](ctx context.Context, t store.Table[T], name func(v *T) string, keep func(v *T) bool, token *string, most *int32) ([]T, *string, error) {
	rows, err := t.All(ctx)
	if err != nil {
		return nil, nil, err
	}
	var list []T
	for i := range rows {
		if keep(&rows[i].Value) {
			list = append(list, rows[i].Value)
		}
	}
	slices.SortFunc(list, func(a, b T) int { return strings.Compare(name(&a), name(&b)) })
	page, next, ok := awsrpc.Page(list, name, token, limit(most, 50))
	if !ok {
		return nil, nil, errToken()
	}
	return page, next, nil
}

// DescribeDeliverySources lists sources.
func (s *Service) DescribeDeliverySources(ctx context.Context, in *api.DescribeDeliverySourcesInput) (*api.DescribeDeliverySourcesResponse, error) {
	scope := scopeOf(ctx)
	keep := func(v *vendedSource) bool {
		return in.ResourceArns == nil || slices.Contains(in.ResourceArns, v.Resource)
	}
	page, next, err := vendedPage(ctx, s.sources(scope), func(v *vendedSource) string { return v.Name }, keep, in.NextToken, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeDeliverySourcesResponse{DeliverySources: []api.DeliverySource{}, NextToken: next}
	for i := range page {
		out.DeliverySources = append(out.DeliverySources, *page[i].shown(scope))
	}
	return out, nil
}

// DescribeDeliveryDestinations lists destinations.
func (s *Service) DescribeDeliveryDestinations(ctx context.Context, in *api.DescribeDeliveryDestinationsInput) (*api.DescribeDeliveryDestinationsResponse, error) {
	scope := scopeOf(ctx)
	keep := func(v *vendedDestination) bool { return in.Names == nil || slices.Contains(in.Names, v.Name) }
	page, next, err := vendedPage(ctx, s.destinations(scope), func(v *vendedDestination) string { return v.Name }, keep, in.NextToken, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeDeliveryDestinationsResponse{DeliveryDestinations: []api.DeliveryDestination{}, NextToken: next}
	for i := range page {
		out.DeliveryDestinations = append(out.DeliveryDestinations, *page[i].shown(scope))
	}
	return out, nil
}

// DeleteDeliverySource deletes a source that no delivery uses.
func (s *Service) DeleteDeliverySource(ctx context.Context, in *api.DeleteDeliverySourceInput) error {
	scope := scopeOf(ctx)
	return store.Update(ctx, s.st, func(c *store.Change) error {
		if err := s.checkUnused(ctx, scope, func(d *vendedDelivery) bool { return d.Source == *in.Name }); err != nil {
			return err
		}
		return deleteVended(ctx, c, s.sources(scope), "delivery source", *in.Name)
	})
}

// DeleteDeliveryDestination deletes a destination that no delivery uses.
func (s *Service) DeleteDeliveryDestination(ctx context.Context, in *api.DeleteDeliveryDestinationInput) error {
	scope := scopeOf(ctx)
	return store.Update(ctx, s.st, func(c *store.Change) error {
		if err := s.checkUnused(ctx, scope, func(d *vendedDelivery) bool { return d.Destination == *in.Name }); err != nil {
			return err
		}
		return deleteVended(ctx, c, s.destinations(scope), "delivery destination", *in.Name)
	})
}

// checkUnused refuses to delete what a delivery uses.
//
// AWS: DeleteDeliverySource: "You can't delete a delivery source if any current
// deliveries are associated with it."
func (s *Service) checkUnused(ctx context.Context, scope record.Scope, used func(d *vendedDelivery) bool) error {
	rows, err := s.deliveries(scope).All(ctx)
	if err != nil {
		return err
	}
	for i := range rows {
		if used(&rows[i].Value) {
			return api.ConflictException("It is used by the delivery " + rows[i].Value.ID + ".")
		}
	}
	return nil
}

// deleteVended deletes one end of deliveries. A delivery that is made at the same
// time requires that it is there.
func deleteVended[T any](ctx context.Context, c *store.Change, t store.Table[T], kind, name string) error {
	_, rev, err := t.Find(ctx, notThere(kind, name), name)
	if err != nil {
		return err
	}
	c.Require(t.Is(store.ID(name), rev))
	c.Do(t.Delete(store.ID(name)))
	return nil
}
