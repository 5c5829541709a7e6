package lambda

import (
	"context"
	"errors"
	"time"

	api "gatehouse/internal/awsapi/lambda"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// CreateFunction makes a function, and publishes its first version if the call
// says so. It can be called when CreateFunction returns: it is Active.
//
// AWS: recorded. AWS answers Pending and goes on in the background.
func (s *Service) CreateFunction(ctx context.Context, in *api.CreateFunctionInput) (*api.FunctionConfiguration, error) {
	t, err := locateNew(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	rec := record.Function{Scope: t.scope, Name: t.name, Created: time.Now().UTC(), Tags: in.Tags}
	rec.Latest.FunctionConfiguration = newConfiguration(t)
	if in.Architectures != nil {
		rec.Latest.Architectures = in.Architectures
	}
	if err := s.checkNew(ctx, in, &rec); err != nil {
		return nil, err
	}
	tables := s.tables(ctx)
	defer s.locks.Lock(tables.Functions.Key(t.name))()
	exists := errConflict("Function already exist: " + t.name)
	if _, rev, err := tables.Functions.Find(ctx, nil, t.name); err != nil || rev != 0 {
		if err == nil {
			err = exists
		}
		return nil, err
	}
	staged, err := s.takeCode(ctx, in.Code, &rec.Latest)
	if err != nil {
		return nil, err
	}
	more := sizeOf(&rec.Latest)
	if is(in.Publish) {
		more *= 2
	}
	if err := errors.Join(checkSize(&rec.Latest), s.checkStorage(ctx, more)); err != nil {
		return nil, err
	}
	touch(&rec.Latest)
	out := &rec.Latest.FunctionConfiguration
	err = s.commit(ctx, func(c *store.Change) error {
		_, rev, err := tables.Functions.Find(ctx, nil, t.name)
		if err != nil {
			return err
		}
		if rev != 0 {
			return exists
		}
		c.Do(staged...)
		if is(in.Publish) {
			e := &functionEdit{target: t, tables: tables, rec: rec, change: c}
			version, err := s.publish(ctx, e, nil)
			if err != nil {
				return err
			}
			out = version
			store.Add(c, tables.Functions, t.name, e.rec)
		} else {
			store.Add(c, tables.Functions, t.name, rec)
		}
		c.Require(tables.Functions.Absent(t.name))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// checkNew applies the settings of a new function, and refuses what cannot be.
func (s *Service) checkNew(ctx context.Context, in *api.CreateFunctionInput, rec *record.Function) error {
	err := firstRefusal([]refusal{
		{str(in.PackageType) == api.PackageTypeImage || str(in.Code.ImageUri) != "", noImage},
		{str(in.CodeSigningConfigArn) != "", noCodeSigning},
		{in.TenancyConfig != nil, noTenancy},
		{in.PublishTo != nil, noPublishTo},
	})
	if err != nil {
		return err
	}
	if err := checkTags(in.Tags); err != nil {
		return err
	}
	if in.Runtime != nil {
		if err := checkRuntime(*in.Runtime); err != nil {
			return err
		}
	}
	rec.Latest.Runtime, rec.Latest.Handler = in.Runtime, in.Handler
	if err := checkHandler(&rec.Latest); err != nil {
		return err
	}
	if err := s.passRole(ctx, in.Role); err != nil {
		return err
	}
	return s.configure(ctx, &rec.Latest, settingsOf(in))
}
