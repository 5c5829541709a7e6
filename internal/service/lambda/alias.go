package lambda

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	api "gatehouse/internal/awsapi/lambda"
	"gatehouse/internal/record"
)

// shownAlias is the pattern of an alias in AWS's messages.
const shownAlias = `(?!^[0-9]+$)([a-zA-Z0-9-_]+)`

// CreateAlias names a version.
func (s *Service) CreateAlias(ctx context.Context, in *api.CreateAliasInput) (*api.AliasConfiguration, error) {
	t, err := locate(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	name := str(in.Name)
	if !isAlias(name) {
		return nil, violation(name, "name", "Member must satisfy regular expression pattern: "+shownAlias)
	}
	alias := api.AliasConfiguration{
		AliasArn: new(functionARN(t.scope, t.name, name)), Name: in.Name, FunctionVersion: in.FunctionVersion,
		Description: new(str(in.Description)), RevisionId: new(record.NewUUID()),
	}
	missing := errFunction(functionARN(t.scope, t.name, str(in.FunctionVersion)))
	err = s.editFunction(ctx, t, missing, func(e *functionEdit) error {
		if err := s.checkVersion(ctx, e, str(in.FunctionVersion)); err != nil {
			return err
		}
		if _, ok := e.rec.Aliases[name]; ok {
			return errConflict("Alias already exists: " + *alias.AliasArn)
		}
		if alias.RoutingConfig, err = s.routing(ctx, e, str(in.FunctionVersion), in.RoutingConfig); err != nil {
			return err
		}
		e.rec.Aliases = with(e.rec.Aliases, name, alias)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &alias, nil
}

// with is m with one entry more; m itself stays.
func with[V any](m map[string]V, key string, value V) map[string]V {
	next := maps.Clone(m)
	if next == nil {
		next = map[string]V{}
	}
	next[key] = value
	return next
}

// without is m with one entry less; m itself stays.
func without[V any](m map[string]V, key string) map[string]V {
	next := maps.Clone(m)
	delete(next, key)
	return next
}

// checkVersion refuses a version that is not there, and demands that it stays.
func (s *Service) checkVersion(ctx context.Context, e *functionEdit, version string) error {
	if version == latest {
		return nil
	}
	missing := errFunction(functionARN(e.scope, e.name, version))
	if !isVersion(version) {
		return missing
	}
	_, _, err := e.tables.Versions.Find(ctx, missing, e.name, version)
	return err
}

// routing checks how an alias shares its calls out.
//
// AWS: texts recorded.
func (s *Service) routing(ctx context.Context, e *functionEdit, version string, in *api.AliasRoutingConfiguration) (*api.AliasRoutingConfiguration, error) {
	if in == nil || len(in.AdditionalVersionWeights) == 0 {
		return nil, nil
	}
	if len(in.AdditionalVersionWeights) > 1 {
		return nil, errParameter("Number of items in AdditionalVersionWeights cannot be greater than 1")
	}
	for other, share := range in.AdditionalVersionWeights {
		shown := fmt.Sprintf("{%s=%v}", other, strconv.FormatFloat(share, 'f', -1, 64))
		switch {
		case share < 0 || share > 1:
			return nil, violation(shown, "routingConfig.additionalVersionWeights", "Map value must satisfy constraint: "+
				"[Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]")
		case other == version:
			return nil, errParameter("Invalid function version " + version + ". Function version " + version + " is already included in routing configuration.")
		case version == latest:
			return nil, errParameter("$LATEST is not supported for an alias pointing to more than 1 version")
		case !isVersion(other):
			return nil, violation(shown, "routingConfig.additionalVersionWeights", "Map keys must satisfy constraint: "+
				"[Member must have length less than or equal to 1024, Member must have length greater than or equal to 1, "+
				"Member must satisfy regular expression pattern: [0-9]+, Member must not be null]")
		}
		if err := s.checkVersion(ctx, e, other); err != nil {
			return nil, err
		}
	}
	return in, nil
}

// GetAlias returns an alias.
func (s *Service) GetAlias(ctx context.Context, in *api.GetAliasInput) (*api.AliasConfiguration, error) {
	t, err := locate(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	missing := errAlias(functionARN(t.scope, t.name, str(in.Name)))
	rec, _, err := s.function(ctx, t, missing)
	if err != nil {
		return nil, err
	}
	alias, ok := rec.Aliases[str(in.Name)]
	if !ok {
		return nil, missing
	}
	return &alias, nil
}

// ListAliases lists the aliases of a function, or of one of its versions.
func (s *Service) ListAliases(ctx context.Context, in *api.ListAliasesInput) (*api.ListAliasesResponse, error) {
	t, err := locate(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	rec, _, err := s.function(ctx, t, nil)
	if err != nil {
		return nil, err
	}
	var list []api.AliasConfiguration
	for _, name := range slices.Sorted(maps.Keys(rec.Aliases)) {
		if alias := rec.Aliases[name]; in.FunctionVersion == nil || str(alias.FunctionVersion) == *in.FunctionVersion {
			list = append(list, alias)
		}
	}
	items, next, err := page(list, func(a *api.AliasConfiguration) string { return str(a.Name) }, in.Marker, in.MaxItems)
	return &api.ListAliasesResponse{Aliases: items, NextMarker: next}, err
}

// UpdateAlias changes what an alias points at.
func (s *Service) UpdateAlias(ctx context.Context, in *api.UpdateAliasInput) (*api.AliasConfiguration, error) {
	t, err := locate(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	var alias api.AliasConfiguration
	missing := errAlias(functionARN(t.scope, t.name, str(in.Name)))
	err = s.editFunction(ctx, t, missing, func(e *functionEdit) error {
		var ok bool
		if alias, ok = e.rec.Aliases[str(in.Name)]; !ok {
			return missing
		}
		if in.RevisionId != nil && *in.RevisionId != str(alias.RevisionId) {
			return errRevision("GetFunction/GetAlias")
		}
		if in.FunctionVersion != nil {
			if err := s.checkVersion(ctx, e, *in.FunctionVersion); err != nil {
				return err
			}
			alias.FunctionVersion = in.FunctionVersion
		}
		set(&alias.Description, in.Description)
		routing := alias.RoutingConfig
		if in.RoutingConfig != nil {
			routing = in.RoutingConfig
		}
		if alias.RoutingConfig, err = s.routing(ctx, e, str(alias.FunctionVersion), routing); err != nil {
			return err
		}
		alias.RevisionId = new(record.NewUUID())
		e.rec.Aliases = with(e.rec.Aliases, str(in.Name), alias)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &alias, nil
}

// DeleteAlias removes an alias with its policy. One that is not there is no
// error.
//
// AWS: recorded.
func (s *Service) DeleteAlias(ctx context.Context, in *api.DeleteAliasInput) error {
	t, err := locate(ctx, in.FunctionName, nil)
	if err != nil {
		return err
	}
	return s.editFunction(ctx, t, nil, func(e *functionEdit) error {
		e.rec.Aliases = without(e.rec.Aliases, str(in.Name))
		e.rec.Policies = without(e.rec.Policies, str(in.Name))
		e.rec.Events = without(e.rec.Events, str(in.Name))
		return nil
	})
}
