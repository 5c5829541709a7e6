package lambda

import (
	"context"
	"net/http"

	api "gatehouse/internal/awsapi/lambda"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// resolve reads the code that a target's qualifier leads to, as a caller sees it:
// under the alias if it names one.
//
// AWS: recorded; a missing alias or version is a missing function.
func (s *Service) resolve(ctx context.Context, t target) (rec record.Function, code record.FunctionCode, err error) {
	if rec, _, err = s.function(ctx, t, errFunction(t.arn())); err != nil {
		return rec, code, err
	}
	version := t.at()
	if alias, ok := rec.Aliases[version]; ok {
		version = str(alias.FunctionVersion)
	}
	if version == latest {
		code = rec.Latest
	} else {
		v, _, err := s.tables(ctx).Versions.Find(ctx, errFunction(t.arn()), t.name, version)
		if err != nil {
			return rec, code, err
		}
		code = v.FunctionCode
	}
	code.FunctionArn = new(t.arn())
	return rec, code, nil
}

// GetFunction returns a function's configuration and where its code is.
func (s *Service) GetFunction(ctx context.Context, in *api.GetFunctionInput) (*api.GetFunctionResponse, error) {
	t, err := locate(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	rec, code, err := s.resolve(ctx, t)
	if err != nil {
		return nil, err
	}
	out := &api.GetFunctionResponse{Configuration: &code.FunctionConfiguration, Code: s.location(ctx, &code)}
	if len(rec.Tags) > 0 {
		out.Tags = rec.Tags
	}
	if rec.Reserved != nil {
		out.Concurrency = &api.Concurrency{ReservedConcurrentExecutions: rec.Reserved}
	}
	return out, nil
}

// location is where the code of a function can be had.
func (s *Service) location(ctx context.Context, code *record.FunctionCode) *api.FunctionCodeLocation {
	if code.Dir != "" {
		return &api.FunctionCodeLocation{RepositoryType: new("Directory"), Location: new("file://" + code.Dir)}
	}
	return &api.FunctionCodeLocation{RepositoryType: new("S3"), Location: new(s.download(ctx, code.Zip))}
}

// GetFunctionConfiguration returns a function's configuration.
func (s *Service) GetFunctionConfiguration(ctx context.Context, in *api.GetFunctionConfigurationInput) (*api.FunctionConfiguration, error) {
	t, err := locate(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	_, code, err := s.resolve(ctx, t)
	if err != nil {
		return nil, err
	}
	return &code.FunctionConfiguration, nil
}

// ListFunctions lists the functions of a Region, or all their versions.
func (s *Service) ListFunctions(ctx context.Context, in *api.ListFunctionsInput) (*api.ListFunctionsResponse, error) {
	if in.MasterRegion != nil {
		return nil, noMasterRegion.refuse(*in.MasterRegion)
	}
	rows, err := s.tables(ctx).Functions.All(ctx)
	if err != nil {
		return nil, err
	}
	var list []api.FunctionConfiguration
	for _, row := range rows {
		if in.FunctionVersion == nil {
			list = append(list, listed(row.Value.Latest.FunctionConfiguration))
			continue
		}
		versions, err := s.allVersions(ctx, row.Value)
		if err != nil {
			return nil, err
		}
		list = append(list, versions...)
	}
	items, next, err := page(list, func(c *api.FunctionConfiguration) string { return str(c.FunctionArn) }, in.Marker, in.MaxItems)
	return &api.ListFunctionsResponse{Functions: items, NextMarker: next}, err
}

// DeleteFunction removes a function with all that belongs to it, or one of its
// versions.
//
// AWS: recorded; that a version with an alias stays is in its guide to versions,
// its text is undocumented.
func (s *Service) DeleteFunction(ctx context.Context, in *api.DeleteFunctionInput) (*api.DeleteFunctionResponse, error) {
	t, err := locate(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	out := &api.DeleteFunctionResponse{StatusCode: new(int32(http.StatusNoContent))}
	if t.qualifier == latest {
		return nil, errParameter("$LATEST version cannot be deleted without deleting the function.")
	}
	if t.qualifier != "" {
		return out, s.deleteVersion(ctx, t)
	}
	tables := s.tables(ctx)
	err = s.commit(ctx, func(c *store.Change) error {
		_, rev, err := s.function(ctx, t, nil)
		c.Require(tables.Functions.Is(t.name, rev))
		c.Do(tables.Functions.Delete(t.name))
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, s.dropVersions(ctx, tables, t.name)
}

func (s *Service) deleteVersion(ctx context.Context, t target) error {
	return s.editFunction(ctx, t, nil, func(e *functionEdit) error {
		if isAlias(t.qualifier) {
			return errParameter("Deletion of aliases is not currently supported.") // AWS: moto's text, from AWS
		}
		for _, alias := range e.rec.Aliases {
			weights := map[string]float64(nil)
			if alias.RoutingConfig != nil {
				weights = alias.RoutingConfig.AdditionalVersionWeights
			}
			if _, used := weights[t.qualifier]; used || str(alias.FunctionVersion) == t.qualifier {
				return errConflict("Cannot delete version " + t.qualifier + " of function " + t.name + ": an alias refers to it")
			}
		}
		e.change.Do(e.tables.Versions.Delete(store.ID(t.name, t.qualifier)))
		delete(e.rec.Policies, t.qualifier)
		delete(e.rec.Events, t.qualifier)
		return nil
	})
}

// dropVersions removes the versions of a function that is gone.
func (s *Service) dropVersions(ctx context.Context, tables record.FunctionTables, name string) error {
	for {
		rows, err := tables.Versions.List(ctx, store.ID(name)+"/", "", store.MaxOps)
		if err != nil || len(rows.Rows) == 0 {
			return err
		}
		var ops []store.Op
		for _, row := range rows.Rows {
			ops = append(ops, tables.Versions.Delete(row.ID))
		}
		if _, err := s.st.Commit(ctx, nil, ops); err != nil {
			return err
		}
	}
}

// GetFunctionCodeSigningConfig tells that a function has none.
func (s *Service) GetFunctionCodeSigningConfig(ctx context.Context, in *api.GetFunctionCodeSigningConfigInput) (*api.GetFunctionCodeSigningConfigResponse, error) {
	t, err := locate(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	if _, _, err := s.function(ctx, t, nil); err != nil {
		return nil, err
	}
	// AWS: recorded, an empty document.
	return &api.GetFunctionCodeSigningConfigResponse{}, nil
}

// GetRuntimeManagementConfig tells that a function runs on what the machine has.
func (s *Service) GetRuntimeManagementConfig(ctx context.Context, in *api.GetRuntimeManagementConfigInput) (*api.GetRuntimeManagementConfigResponse, error) {
	t, err := locate(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	if _, _, err := s.resolve(ctx, t); err != nil {
		return nil, err
	}
	return &api.GetRuntimeManagementConfigResponse{UpdateRuntimeOn: new(api.UpdateRuntimeOnAuto), FunctionArn: new(functionARN(t.scope, t.name, t.at()))}, nil
}

// GetFunctionRecursionConfig tells that nobody looks for recursive loops.
func (s *Service) GetFunctionRecursionConfig(ctx context.Context, in *api.GetFunctionRecursionConfigInput) (*api.GetFunctionRecursionConfigResponse, error) {
	t, err := locate(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	if _, _, err := s.function(ctx, t, nil); err != nil {
		return nil, err
	}
	return &api.GetFunctionRecursionConfigResponse{RecursiveLoop: new(api.RecursiveLoopAllow)}, nil
}

// endpoint is the address that the caller used.
func endpoint(ctx context.Context) string { return "http://" + awsrpc.CallerFrom(ctx).Host }
