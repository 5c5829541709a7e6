package lambda

import (
	"context"
	"strconv"

	api "gatehouse/internal/awsapi/lambda"
	"gatehouse/internal/store"

	"gatehouse/internal/record"
)

// minUnreserved is how much of an account's concurrency functions without a
// reservation always have.
//
// AWS: "below its minimum value of [100]" is recorded.
const minUnreserved = 100

// PutFunctionConcurrency reserves concurrency for a function, and bounds it.
//
// AWS: texts recorded.
func (s *Service) PutFunctionConcurrency(ctx context.Context, in *api.PutFunctionConcurrencyInput) (*api.Concurrency, error) {
	t, err := locate(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	if t.qualifier != "" {
		return nil, errParameter("This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. " +
			"Please specify either a function name or an unqualified function ARN.")
	}
	if in.ReservedConcurrentExecutions == nil {
		return nil, violation("null", "reservedConcurrentExecutions", "Member must not be null")
	}
	err = s.editFunction(ctx, t, errFunction(functionARN(t.scope, t.name, latest)), func(e *functionEdit) error {
		rows, err := e.tables.Functions.All(ctx)
		if err != nil {
			return err
		}
		left := s.opt.Concurrency - int(*in.ReservedConcurrentExecutions)
		for _, row := range rows {
			if row.Value.Reserved != nil && row.Value.Name != t.name {
				left -= int(*row.Value.Reserved)
			}
		}
		if left < minUnreserved {
			return errParameter("Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [" +
				strconv.Itoa(minUnreserved) + "].")
		}
		e.rec.Reserved = in.ReservedConcurrentExecutions
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.Concurrency{ReservedConcurrentExecutions: in.ReservedConcurrentExecutions}, nil
}

// GetFunctionConcurrency returns what is reserved for a function.
func (s *Service) GetFunctionConcurrency(ctx context.Context, in *api.GetFunctionConcurrencyInput) (*api.GetFunctionConcurrencyResponse, error) {
	t, err := locate(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	rec, _, err := s.function(ctx, t, nil)
	if err != nil {
		return nil, err
	}
	return &api.GetFunctionConcurrencyResponse{ReservedConcurrentExecutions: rec.Reserved}, nil
}

// DeleteFunctionConcurrency gives a function's concurrency back.
func (s *Service) DeleteFunctionConcurrency(ctx context.Context, in *api.DeleteFunctionConcurrencyInput) error {
	t, err := locate(ctx, in.FunctionName, nil)
	if err != nil {
		return err
	}
	return s.editFunction(ctx, t, nil, func(e *functionEdit) error {
		e.rec.Reserved = nil
		return nil
	})
}

// totalCode is what AWS allows all code of an account in a Region together. Here
// the disk does.
const totalCode = 75 << 30

// GetAccountSettings returns limits and use of the account in the Region.
func (s *Service) GetAccountSettings(ctx context.Context, _ *api.GetAccountSettingsInput) (*api.GetAccountSettingsResponse, error) {
	t := s.tables(ctx)
	functions, err := t.Functions.All(ctx)
	if err != nil {
		return nil, err
	}
	var size, reserved int64
	for _, row := range functions {
		size += sizeOf(&row.Value.Latest)
		if row.Value.Reserved != nil {
			reserved += int64(*row.Value.Reserved)
		}
	}
	versions, err := t.Versions.All(ctx)
	if err != nil {
		return nil, err
	}
	for _, row := range versions {
		size += sizeOf(&row.Value.FunctionCode)
	}
	var layers []store.Row[record.LayerVersion]
	if layers, err = t.LayerVersions.All(ctx); err != nil {
		return nil, err
	}
	for _, row := range layers {
		size += *row.Value.Content.CodeSize
	}
	return &api.GetAccountSettingsResponse{
		AccountLimit: &api.AccountLimit{
			TotalCodeSize: new(int64(totalCode)), CodeSizeUnzipped: new(int64(maxUnpacked)), CodeSizeZipped: new(int64(maxZip)),
			ConcurrentExecutions: new(int32(s.opt.Concurrency)), UnreservedConcurrentExecutions: new(int32(int64(s.opt.Concurrency) - reserved)),
		},
		AccountUsage: &api.AccountUsage{TotalCodeSize: &size, FunctionCount: new(int64(len(functions)))},
	}, nil
}

// sizeOf is the size of a function's zip file.
func sizeOf(code *record.FunctionCode) int64 {
	if code.CodeSize == nil {
		return 0
	}
	return *code.CodeSize
}
