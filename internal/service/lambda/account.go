package lambda

import (
	"context"

	api "gatehouse/internal/awsapi/lambda"
	"gatehouse/internal/record"
)

// totalCode is what all code of an account in a Region may have together, unless
// the configuration says otherwise.
//
// AWS: Lambda quotas, 75 GB of zip files, versions and layers counted one by
// one.
const totalCode = 75 << 30

// An accountUse is what an account has in a Region.
type accountUse struct {
	functions      int64
	code, reserved int64
}

// use counts what the caller's account has in its Region.
func (s *Service) use(ctx context.Context) (accountUse, error) {
	var u accountUse
	t := s.tables(ctx)
	functions, err := t.Functions.All(ctx)
	if err != nil {
		return u, err
	}
	for _, row := range functions {
		u.functions++
		u.code += sizeOf(&row.Value.Latest)
		if row.Value.Reserved != nil {
			u.reserved += int64(*row.Value.Reserved)
		}
	}
	versions, err := t.Versions.All(ctx)
	if err != nil {
		return u, err
	}
	for _, row := range versions {
		u.code += sizeOf(&row.Value.FunctionCode)
	}
	layers, err := t.LayerVersions.All(ctx)
	for _, row := range layers {
		u.code += *row.Value.Content.CodeSize
	}
	return u, err
}

// checkStorage refuses code for which the account has no room left. Calls that
// come at once may take what there is room for but once.
//
// AWS: the text is widely reported, as by serverless-nextjs/serverless-next.js
// issue 1801.
func (s *Service) checkStorage(ctx context.Context, more int64) error {
	if more <= 0 {
		return nil
	}
	u, err := s.use(ctx)
	if err == nil && u.code+more > s.opt.CodeStorage {
		return user(api.CodeStorageExceededException("Code storage limit exceeded."))
	}
	return err
}

// GetAccountSettings returns limits and use of the account in the Region.
func (s *Service) GetAccountSettings(ctx context.Context, _ *api.GetAccountSettingsInput) (*api.GetAccountSettingsResponse, error) {
	u, err := s.use(ctx)
	if err != nil {
		return nil, err
	}
	return &api.GetAccountSettingsResponse{
		AccountLimit: &api.AccountLimit{
			TotalCodeSize: &s.opt.CodeStorage, CodeSizeUnzipped: new(int64(maxUnpacked)), CodeSizeZipped: new(int64(maxZip)),
			ConcurrentExecutions: new(int32(s.opt.Concurrency)), UnreservedConcurrentExecutions: new(int32(int64(s.opt.Concurrency) - u.reserved)),
		},
		AccountUsage: &api.AccountUsage{TotalCodeSize: &u.code, FunctionCount: &u.functions},
	}, nil
}

// sizeOf is the size of a function's zip file.
func sizeOf(code *record.FunctionCode) int64 {
	if code.CodeSize == nil {
		return 0
	}
	return *code.CodeSize
}
