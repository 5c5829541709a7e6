package lambda

import (
	"context"
	"maps"
	"slices"
	"time"

	api "gatehouse/internal/awsapi/lambda"
)

// An eventChange is what PutFunctionEventInvokeConfig and its update bring.
type eventChange struct {
	retries, age *int32
	destinations *api.DestinationConfig
}

// check refuses what cannot be, or would not act.
//
// AWS: recorded.
func (s *Service) checkEvents(e *functionEdit, in eventChange) error {
	if in.retries == nil && in.age == nil && in.destinations == nil {
		return errParameter("You must specify at least one of error handling or destination setting.")
	}
	for _, d := range destinationsOf(in.destinations) {
		t, ok := functionTarget(d)
		if !ok {
			return noDestination.refuse(d)
		}
		if t.scope == e.scope && t.name == e.name {
			return errParameter("You can't specify the function as a destination for itself.")
		}
	}
	return nil
}

// destinationsOf are the ARNs that a configuration names.
func destinationsOf(d *api.DestinationConfig) []string {
	var list []string
	if d != nil && d.OnSuccess != nil && str(d.OnSuccess.Destination) != "" {
		list = append(list, *d.OnSuccess.Destination)
	}
	if d != nil && d.OnFailure != nil && str(d.OnFailure.Destination) != "" {
		list = append(list, *d.OnFailure.Destination)
	}
	return list
}

// editEvents changes the event settings of a qualifier that is there.
func (s *Service) editEvents(ctx context.Context, name, qualifier *string, in eventChange,
	edit func(old api.FunctionEventInvokeConfig, ok bool, t target) (api.FunctionEventInvokeConfig, error)) (*api.FunctionEventInvokeConfig, error) {
	t, err := locate(ctx, name, qualifier)
	if err != nil {
		return nil, err
	}
	missing := errNotFound("The function doesn't exist.")
	var out api.FunctionEventInvokeConfig
	err = s.editFunction(ctx, t, missing, func(e *functionEdit) error {
		if err := s.checkEvents(e, in); err != nil {
			return err
		}
		if _, ok := e.rec.Aliases[t.at()]; !ok && t.at() != latest {
			if _, _, err := e.tables.Versions.Find(ctx, missing, e.name, t.at()); err != nil {
				return err
			}
		}
		old, ok := e.rec.Events[t.at()]
		var err error
		if out, err = edit(old, ok, t); err != nil {
			return err
		}
		out.FunctionArn, out.LastModified = new(functionARN(t.scope, t.name, t.at())), new(time.Now().UTC().Truncate(time.Millisecond))
		e.rec.Events = with(e.rec.Events, t.at(), out)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// PutFunctionEventInvokeConfig sets how asynchronous calls are tried again.
func (s *Service) PutFunctionEventInvokeConfig(ctx context.Context, in *api.PutFunctionEventInvokeConfigInput) (*api.FunctionEventInvokeConfig, error) {
	c := eventChange{in.MaximumRetryAttempts, in.MaximumEventAgeInSeconds, in.DestinationConfig}
	return s.editEvents(ctx, in.FunctionName, in.Qualifier, c, func(api.FunctionEventInvokeConfig, bool, target) (api.FunctionEventInvokeConfig, error) {
		d := &api.DestinationConfig{OnSuccess: &api.OnSuccess{}, OnFailure: &api.OnFailure{}} // AWS: recorded, empty ones are shown
		if in.DestinationConfig != nil {
			set(&d.OnSuccess, in.DestinationConfig.OnSuccess)
			set(&d.OnFailure, in.DestinationConfig.OnFailure)
		}
		return api.FunctionEventInvokeConfig{MaximumRetryAttempts: c.retries, MaximumEventAgeInSeconds: c.age, DestinationConfig: d}, nil
	})
}

// UpdateFunctionEventInvokeConfig changes what the call names, and leaves the
// rest.
func (s *Service) UpdateFunctionEventInvokeConfig(ctx context.Context, in *api.UpdateFunctionEventInvokeConfigInput) (*api.FunctionEventInvokeConfig, error) {
	c := eventChange{in.MaximumRetryAttempts, in.MaximumEventAgeInSeconds, in.DestinationConfig}
	return s.editEvents(ctx, in.FunctionName, in.Qualifier, c, func(old api.FunctionEventInvokeConfig, ok bool, t target) (api.FunctionEventInvokeConfig, error) {
		if !ok {
			return old, errNoEvents(t)
		}
		set(&old.MaximumRetryAttempts, c.retries)
		set(&old.MaximumEventAgeInSeconds, c.age)
		if c.destinations != nil {
			d := *old.DestinationConfig
			set(&d.OnSuccess, c.destinations.OnSuccess)
			set(&d.OnFailure, c.destinations.OnFailure)
			old.DestinationConfig = &d
		}
		return old, nil
	})
}

// errNoEvents is the answer for a qualifier without event settings.
func errNoEvents(t target) error {
	return errNotFound("The function " + functionARN(t.scope, t.name, t.at()) + " doesn't have an EventInvokeConfig")
}

// GetFunctionEventInvokeConfig returns the event settings of a qualifier.
func (s *Service) GetFunctionEventInvokeConfig(ctx context.Context, in *api.GetFunctionEventInvokeConfigInput) (*api.FunctionEventInvokeConfig, error) {
	t, err := locate(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	rec, _, err := s.function(ctx, t, errNoEvents(t))
	if err != nil {
		return nil, err
	}
	out, ok := rec.Events[t.at()]
	if !ok {
		return nil, errNoEvents(t)
	}
	return &out, nil
}

// ListFunctionEventInvokeConfigs lists the event settings of a function.
func (s *Service) ListFunctionEventInvokeConfigs(ctx context.Context, in *api.ListFunctionEventInvokeConfigsInput) (*api.ListFunctionEventInvokeConfigsResponse, error) {
	t, err := locate(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	rec, _, err := s.function(ctx, t, errNotFound("The function doesn't exist."))
	if err != nil {
		return nil, err
	}
	var list []api.FunctionEventInvokeConfig
	for _, at := range slices.Sorted(maps.Keys(rec.Events)) {
		list = append(list, rec.Events[at])
	}
	items, next, err := page(list, func(c *api.FunctionEventInvokeConfig) string { return str(c.FunctionArn) }, in.Marker, in.MaxItems)
	return &api.ListFunctionEventInvokeConfigsResponse{FunctionEventInvokeConfigs: items, NextMarker: next}, err
}

// DeleteFunctionEventInvokeConfig removes the event settings of a qualifier.
func (s *Service) DeleteFunctionEventInvokeConfig(ctx context.Context, in *api.DeleteFunctionEventInvokeConfigInput) error {
	t, err := locate(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return err
	}
	return s.editFunction(ctx, t, errNoEvents(t), func(e *functionEdit) error {
		if _, ok := e.rec.Events[t.at()]; !ok {
			return errNoEvents(t)
		}
		e.rec.Events = without(e.rec.Events, t.at())
		return nil
	})
}
