package lambda

import (
	"context"
	"slices"
	"strconv"

	api "gatehouse/internal/awsapi/lambda"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// PublishVersion freezes $LATEST as a new version, or returns the newest one if
// nothing has changed since.
func (s *Service) PublishVersion(ctx context.Context, in *api.PublishVersionInput) (*api.FunctionConfiguration, error) {
	t, err := locate(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	if in.PublishTo != nil {
		return nil, noPublishTo.refuse("")
	}
	var out *api.FunctionConfiguration
	err = s.editFunction(ctx, t, nil, func(e *functionEdit) error {
		code := &e.rec.Latest
		if in.RevisionId != nil && *in.RevisionId != str(code.RevisionId) {
			return errRevision("GetFunction/GetAlias")
		}
		if in.CodeSha256 != nil && *in.CodeSha256 != "" && *in.CodeSha256 != str(code.CodeSha256) {
			return errParameter("CodeSHA256 (" + *in.CodeSha256 + ") is different from current CodeSHA256 in $LATEST (" + str(code.CodeSha256) +
				"). Please try again with the CodeSHA256 in $LATEST.")
		}
		out, err = s.publish(ctx, e, in.Description)
		return err
	})
	return out, err
}

// publish adds a version of $LATEST to the edit, and returns its configuration.
//
// AWS: recorded; a version that would be as the newest one is not made. The
// revision of $LATEST changes with each that is.
func (s *Service) publish(ctx context.Context, e *functionEdit, description *string) (*api.FunctionConfiguration, error) {
	last, _, err := e.tables.FunctionNumbers.Find(ctx, nil, e.name)
	if err != nil {
		return nil, err
	}
	newest, rev, err := e.tables.Versions.Find(ctx, nil, e.name, strconv.FormatInt(last.Last, 10))
	if err != nil {
		return nil, err
	}
	if rev != 0 && newest.Unpublished == e.rec.Latest.Unpublished {
		return &newest.FunctionConfiguration, nil
	}
	if err := s.checkStorage(ctx, sizeOf(&e.rec.Latest)); err != nil {
		return nil, err
	}
	n, err := nextNumber(ctx, e.change, e.tables.FunctionNumbers, e.name)
	if err != nil {
		return nil, err
	}
	number := strconv.FormatInt(n, 10)
	v := record.FunctionVersion{Scope: e.scope, Function: e.name, FunctionCode: e.rec.Latest}
	v.Version, v.FunctionArn = new(number), new(functionARN(e.scope, e.name, number))
	v.RevisionId = new(record.NewUUID())
	set(&v.Description, description)
	id := store.ID(e.name, number)
	e.change.Require(e.tables.Versions.Absent(id))
	store.Add(e.change, e.tables.Versions, id, v)
	e.rec.Latest.RevisionId = new(record.NewUUID())
	return &v.FunctionConfiguration, nil
}

// versions are the published versions of a function, oldest first.
func (s *Service) versions(ctx context.Context, tables record.FunctionTables, name string) ([]record.FunctionVersion, error) {
	rows, err := tables.Versions.All(ctx, name)
	if err != nil {
		return nil, err
	}
	list := make([]record.FunctionVersion, len(rows))
	for i, row := range rows {
		list[i] = row.Value
	}
	slices.SortFunc(list, func(a, b record.FunctionVersion) int { return int(number(str(a.Version)) - number(str(b.Version))) })
	return list, nil
}

// number is the number of a version; 0 for $LATEST.
func number(version string) int64 {
	n, _ := strconv.ParseInt(version, 10, 64) // a text that is none is $LATEST
	return n
}

// ListVersionsByFunction lists $LATEST and then the versions, oldest first.
func (s *Service) ListVersionsByFunction(ctx context.Context, in *api.ListVersionsByFunctionInput) (*api.ListVersionsByFunctionResponse, error) {
	t, err := locate(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	rec, _, err := s.function(ctx, t, nil)
	if err != nil {
		return nil, err
	}
	list, err := s.allVersions(ctx, rec)
	if err != nil {
		return nil, err
	}
	items, next, err := page(list, func(c *api.FunctionConfiguration) string { return str(c.Version) }, in.Marker, in.MaxItems)
	return &api.ListVersionsByFunctionResponse{Versions: items, NextMarker: next}, err
}

// allVersions are the configurations of $LATEST and of all versions, as lists
// show them.
func (s *Service) allVersions(ctx context.Context, rec record.Function) ([]api.FunctionConfiguration, error) {
	c := rec.Latest.FunctionConfiguration
	c.FunctionArn = new(functionARN(rec.Scope, rec.Name, latest))
	list := []api.FunctionConfiguration{listed(c)}
	versions, err := s.versions(ctx, s.tables(ctx), rec.Name)
	for _, v := range versions {
		list = append(list, listed(v.FunctionConfiguration))
	}
	return list, err
}

// listed is a configuration as lists show it. AWS: recorded, without states.
func listed(c api.FunctionConfiguration) api.FunctionConfiguration {
	c.State, c.StateReason, c.StateReasonCode = nil, nil, nil
	c.LastUpdateStatus, c.LastUpdateStatusReason, c.LastUpdateStatusReasonCode = nil, nil, nil
	return c
}
