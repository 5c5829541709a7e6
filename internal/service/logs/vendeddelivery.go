package logs

import (
	"context"
	"slices"
	"strings"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/logs"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// fieldNames are the fields that a record of execution logs has.
//
// AWS: which they are is told by DescribeConfigurationTemplates alone; these are
// ours, in the style of others.
func fieldNames() []string {
	return []string{fieldTime, fieldResource, fieldAPI, fieldStage, fieldRequest, fieldMessage}
}

const (
	fieldTime     = "event_timestamp"
	fieldResource = "resource_arn"
	fieldAPI      = "api_id"
	fieldStage    = "stage"
	fieldRequest  = "request_id"
	fieldMessage  = "message"
)

// suffixFields are what the path of objects in a bucket may name.
func suffixFields() []string {
	return []string{"accountid", "region", "yyyy", "MM", "dd", "HH", "mm"}
}

const (
	standardSuffix    = "{yyyy}/{MM}/{dd}/{HH}"
	standardDelimiter = "\t"
)

// shown is a delivery as it is told.
func (v *vendedDelivery) shown(scope record.Scope, kind string) *api.Delivery {
	d := &api.Delivery{
		Id: &v.ID, Arn: new(vendedARN(scope, arnDelivery, v.ID)), DeliverySourceName: &v.Source,
		DeliveryDestinationArn: new(vendedARN(scope, arnDestination, v.Destination)), DeliveryDestinationType: &kind,
		RecordFields: v.Fields, FieldDelimiter: &v.Delimiter, Tags: v.Tags,
	}
	if kind == toBucket {
		d.S3DeliveryConfiguration = &api.S3DeliveryConfiguration{SuffixPath: &v.Suffix, EnableHiveCompatiblePath: new(false)}
	}
	return d
}

// set takes over what a delivery is told; nil: as it was.
func (v *vendedDelivery) set(kind string, fields []string, delimiter *string, bucket *api.S3DeliveryConfiguration) error {
	if fields != nil {
		v.Fields = fields
	}
	for i, f := range v.Fields {
		if !slices.Contains(fieldNames(), f) || slices.Contains(v.Fields[:i], f) {
			return api.ValidationException("The record field " + f + " is unknown, or stands there twice. Possible are " + strings.Join(fieldNames(), ", ") + ".")
		}
	}
	if !slices.Contains(v.Fields, fieldMessage) {
		return api.ValidationException("The record field " + fieldMessage + " is mandatory.")
	}
	if delimiter != nil {
		v.Delimiter = *delimiter
	}
	if bucket == nil {
		return nil
	}
	switch {
	case kind != toBucket:
		return api.ValidationException("s3DeliveryConfiguration is for deliveries to buckets only.")
	case is(bucket.EnableHiveCompatiblePath):
		return noHive.refuse()
	case bucket.SuffixPath == nil:
		return nil
	}
	if rest := suffixPath(*bucket.SuffixPath, func(string) string { return "" }); strings.ContainsAny(rest, "{}") || strings.HasPrefix(rest, "/") {
		return api.ValidationException("The suffix path may have the fields {" + strings.Join(suffixFields(), "}, {") + "}, and does not begin with a slash.")
	}
	v.Suffix = *bucket.SuffixPath
	return nil
}

// suffixPath puts values in the place of fields.
func suffixPath(text string, value func(field string) string) string {
	for _, f := range suffixFields() {
		text = strings.ReplaceAll(text, "{"+f+"}", value(f))
	}
	return text
}

// CreateDelivery has the logs of a source go to a destination from now on.
func (s *Service) CreateDelivery(ctx context.Context, in *api.CreateDeliveryInput) (*api.CreateDeliveryResponse, error) {
	scope := scopeOf(ctx)
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	a, err := arn.Parse(*in.DeliveryDestinationArn)
	name, ok := strings.CutPrefix(a.Resource, arnDestination+":")
	if err != nil || !ok || a.Account != scope.Account || a.Region != scope.Region {
		return nil, api.ValidationException("The ARN of a delivery destination of this account and Region is needed.")
	}
	to, _, err := s.destinations(scope).Find(ctx, notThere("delivery destination", name), name)
	if err != nil {
		return nil, err
	}
	from, _, err := s.sources(scope).Find(ctx, notThere("delivery source", *in.DeliverySourceName), *in.DeliverySourceName)
	if err != nil {
		return nil, err
	}
	v := vendedDelivery{
		ID: record.NewID(16), Source: from.Name, Destination: name, Tags: in.Tags,
		Fields: fieldNames(), Delimiter: standardDelimiter, Suffix: standardSuffix,
	}
	if err := v.set(to.Kind, in.RecordFields, in.FieldDelimiter, in.S3DeliveryConfiguration); err != nil {
		return nil, err
	}
	s.following.Lock()
	defer s.following.Unlock()
	begun, err := s.beginHere(ctx, scope, &from, &v)
	if err != nil {
		return nil, err
	}
	if err := s.addDelivery(ctx, scope, &v); err != nil {
		begun.remove()
		s.deli.look() // at what is followed in vain
		return nil, err
	}
	s.deli.look()
	return &api.CreateDeliveryResponse{Delivery: v.shown(scope, to.Kind)}, nil
}

// addDelivery stores a new delivery, if both its ends are there still.
func (s *Service) addDelivery(ctx context.Context, scope record.Scope, v *vendedDelivery) error {
	t := s.deliveries(scope)
	return store.Update(ctx, s.st, func(c *store.Change) error {
		source, from, err := s.sources(scope).Find(ctx, notThere("delivery source", v.Source), v.Source)
		if err != nil {
			return err
		}
		destination, to, err := s.destinations(scope).Find(ctx, notThere("delivery destination", v.Destination), v.Destination)
		if err != nil {
			return err
		}
		rows, err := t.All(ctx)
		if err != nil {
			return err
		}
		for i := range rows {
			if o := &rows[i].Value; o.Source == v.Source && o.Destination == v.Destination {
				return api.ConflictException("The delivery " + o.ID + " joins this source and this destination already.")
			}
		}
		if len(rows) >= maxDeliveries {
			return api.ServiceQuotaExceededException("An account may have 1000 deliveries in a Region.")
		}
		c.Require(s.sources(scope).Is(store.ID(v.Source), from))
		c.Require(s.destinations(scope).Is(store.ID(v.Destination), to))
		// Written anew, so that who deletes an end meanwhile looks again.
		store.Add(c, s.sources(scope), store.ID(v.Source), source)
		store.Add(c, s.destinations(scope), store.ID(v.Destination), destination)
		c.Require(t.Absent(store.ID(v.ID)))
		store.Add(c, t, store.ID(v.ID), *v)
		return nil
	})
}

// kindOf is the kind of a delivery's destination.
func (s *Service) kindOf(ctx context.Context, scope record.Scope, v *vendedDelivery) (string, error) {
	to, _, err := s.destinations(scope).Find(ctx, notThere("delivery destination", v.Destination), v.Destination)
	return to.Kind, err
}

// GetDelivery returns a delivery.
func (s *Service) GetDelivery(ctx context.Context, in *api.GetDeliveryInput) (*api.GetDeliveryResponse, error) {
	scope := scopeOf(ctx)
	v, _, err := s.deliveries(scope).Find(ctx, notThere("delivery", *in.Id), *in.Id)
	if err != nil {
		return nil, err
	}
	kind, err := s.kindOf(ctx, scope, &v)
	return &api.GetDeliveryResponse{Delivery: v.shown(scope, kind)}, err
}

// DescribeDeliveries lists deliveries.
func (s *Service) DescribeDeliveries(ctx context.Context, in *api.DescribeDeliveriesInput) (*api.DescribeDeliveriesResponse, error) {
	scope := scopeOf(ctx)
	keep := func(v *vendedDelivery) bool {
		return in.DeliverySourceNames == nil || slices.Contains(in.DeliverySourceNames, v.Source)
	}
	page, next, err := vendedPage(ctx, s.deliveries(scope), func(v *vendedDelivery) string { return v.ID }, keep, in.NextToken, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeDeliveriesResponse{Deliveries: []api.Delivery{}, NextToken: next}
	for i := range page {
		kind, err := s.kindOf(ctx, scope, &page[i])
		if err != nil {
			return nil, err
		}
		out.Deliveries = append(out.Deliveries, *page[i].shown(scope, kind))
	}
	return out, nil
}

// UpdateDeliveryConfiguration changes what a delivery's records look like.
func (s *Service) UpdateDeliveryConfiguration(ctx context.Context, in *api.UpdateDeliveryConfigurationInput) (*api.UpdateDeliveryConfigurationResponse, error) {
	scope := scopeOf(ctx)
	t := s.deliveries(scope)
	err := store.Update(ctx, s.st, func(c *store.Change) error {
		v, rev, err := t.Find(ctx, notThere("delivery", *in.Id), *in.Id)
		if err != nil {
			return err
		}
		kind, err := s.kindOf(ctx, scope, &v)
		if err != nil {
			return err
		}
		if err := v.set(kind, in.RecordFields, in.FieldDelimiter, in.S3DeliveryConfiguration); err != nil {
			return err
		}
		c.Require(t.Is(store.ID(v.ID), rev))
		store.Add(c, t, store.ID(v.ID), v)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.deli.look()
	return &api.UpdateDeliveryConfigurationResponse{}, nil
}

// DeleteDelivery ends a delivery.
func (s *Service) DeleteDelivery(ctx context.Context, in *api.DeleteDeliveryInput) error {
	t := s.deliveries(scopeOf(ctx))
	err := store.Update(ctx, s.st, func(c *store.Change) error {
		_, rev, err := t.Find(ctx, notThere("delivery", *in.Id), *in.Id)
		if err != nil {
			return err
		}
		c.Require(t.Is(store.ID(*in.Id), rev))
		c.Do(t.Delete(store.ID(*in.Id)))
		return nil
	})
	s.deli.look() // its cursor goes with the group
	return err
}

// DescribeConfigurationTemplates tells what sources, destinations and deliveries
// may be.
func (s *Service) DescribeConfigurationTemplates(_ context.Context, in *api.DescribeConfigurationTemplatesInput) (*api.DescribeConfigurationTemplatesResponse, error) {
	out := &api.DescribeConfigurationTemplatesResponse{ConfigurationTemplates: []api.ConfigurationTemplate{}}
	const resource = "stage"
	other := in.Service != nil && *in.Service != vendedService || in.LogTypes != nil && !slices.Contains(in.LogTypes, logTypeExecution) ||
		in.ResourceTypes != nil && !slices.Contains(in.ResourceTypes, resource)
	if other {
		return out, nil
	}
	var fields []api.RecordField
	for _, f := range fieldNames() {
		fields = append(fields, api.RecordField{Name: &f, Mandatory: new(f == fieldMessage)})
	}
	for _, kind := range []string{toGroup, toBucket, toStream} {
		if in.DeliveryDestinationTypes != nil && !slices.Contains(in.DeliveryDestinationTypes, kind) {
			continue
		}
		t := api.ConfigurationTemplate{
			Service: new(vendedService), LogType: new(logTypeExecution), ResourceType: new(resource), DeliveryDestinationType: &kind,
			DefaultDeliveryConfigValues: &api.ConfigurationTemplateDeliveryConfigValues{RecordFields: fieldNames(), FieldDelimiter: new(standardDelimiter)},
			AllowedFields:               fields, AllowedOutputFormats: []string{"json", "plain"},
		}
		if kind == toBucket {
			t.AllowedSuffixPathFields = suffixFields()
			t.DefaultDeliveryConfigValues.S3DeliveryConfiguration = &api.S3DeliveryConfiguration{SuffixPath: new(standardSuffix), EnableHiveCompatiblePath: new(false)}
		}
		out.ConfigurationTemplates = append(out.ConfigurationTemplates, t)
	}
	return out, nil
}
