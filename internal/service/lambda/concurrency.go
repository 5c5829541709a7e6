package lambda

import (
	"context"
	"strconv"

	api "gatehouse/internal/awsapi/lambda"
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
