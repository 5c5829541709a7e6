package lambda

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	api "gatehouse/internal/awsapi/lambda"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// A Configured is a function that stands in the configuration file.
type Configured struct {
	Region, Name, Dir, Runtime, Handler, Role string
	Environment                               map[string]string
	Memory, Timeout                           int32 // zero: the default
}

// configuredSid names the permission that configured functions have: every API
// of their account may call them.
const configuredSid = "gatehouse-configuration"

// Configure makes the functions of the caller's account that list names, and
// removes those that an earlier list named. What clients have added to one, such
// as aliases, stays.
func (s *Service) Configure(ctx context.Context, caller awsrpc.Caller, list []Configured) error {
	for i := range list {
		caller.Region = list[i].Region
		if err := s.configureOne(awsrpc.WithCaller(ctx, caller), &list[i]); err != nil {
			return fmt.Errorf("%s: %w", list[i].Name, err)
		}
	}
	named := map[string]bool{}
	for _, f := range list {
		named[f.Region+" "+f.Name] = true
	}
	return eachScope(ctx, s.st, func(scope record.Scope) error {
		if scope.Account != caller.Account {
			return nil
		}
		rows, err := record.FunctionsIn(s.st, s.blobs, scope).Functions.All(ctx)
		for _, row := range rows {
			if !row.Value.Configured || named[scope.Region+" "+row.Value.Name] {
				continue
			}
			caller.Region = scope.Region
			if _, err := s.DeleteFunction(awsrpc.WithCaller(ctx, caller), &api.DeleteFunctionInput{FunctionName: &row.Value.Name}); err != nil {
				return fmt.Errorf("remove %s: %w", row.Value.Name, err)
			}
		}
		return err
	})
}

func (s *Service) configureOne(ctx context.Context, f *Configured) error {
	in := &api.CreateFunctionInput{
		FunctionName: &f.Name, Runtime: &f.Runtime, Handler: &f.Handler, Role: &f.Role,
		Code: &api.FunctionCode{S3Bucket: new(localBucket), S3Key: &f.Dir},
	}
	if f.Environment != nil {
		in.Environment = &api.Environment{Variables: f.Environment}
	}
	if f.Memory != 0 {
		in.MemorySize = &f.Memory
	}
	if f.Timeout != 0 {
		in.Timeout = &f.Timeout
	}
	t, err := locateNew(ctx, in.FunctionName)
	if err != nil {
		return err
	}
	next := record.Function{Scope: t.scope, Name: t.name, Created: time.Now().UTC(), Configured: true}
	next.Latest.FunctionConfiguration = newConfiguration(t)
	next.Latest.Architectures = []string{machine()}
	if err := s.checkNew(ctx, in, &next); err != nil {
		return err
	}
	if _, err := s.takeCode(ctx, in.Code, &next.Latest); err != nil {
		return err
	}
	touch(&next.Latest)
	permission, err := s.newStatement(ctx, t, &api.AddPermissionInput{
		StatementId: new(configuredSid), Action: new("lambda:InvokeFunction"), Principal: new("apigateway.amazonaws.com"), SourceAccount: &t.scope.Account,
	})
	if err != nil {
		return err
	}
	next.Policies = map[string][]jsontext.Value{latest: {permission}}
	tables := s.tables(ctx)
	return s.commit(ctx, func(c *store.Change) error {
		old, rev, err := tables.Functions.Get(ctx, store.ID(t.name))
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return err
		case !old.Configured:
			return errors.New("a function of that name was made through the API: delete it, or give this one another name")
		default:
			latestOnly := next.Latest
			next = old
			next.Latest = latestOnly
		}
		c.Require(tables.Functions.Is(t.name, rev)) // revision 0 if it is new
		store.Add(c, tables.Functions, t.name, next)
		return nil
	})
}
