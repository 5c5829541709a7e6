package apigateway

import (
	"context"
	"errors"
	"strings"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// account reads the settings of the caller's account. It shows the throttle
// that is in force, so none at all if the operator has set none.
//
// AWS: the others of a fresh account are recorded (CAP rest_websocket_logs).
func (s *Service) account(ctx context.Context, t record.Tables) (record.Account, store.Rev, error) {
	rec, rev, err := t.Accounts.Get(ctx, record.AccountID)
	if errors.Is(err, store.ErrNotFound) {
		rec, err = record.Account{Scope: t.Scope}, nil
	}
	rec.Account.ThrottleSettings = nil
	if s.opt.AccountRate > 0 {
		rec.Account.ThrottleSettings = &api.ThrottleSettings{BurstLimit: new(int32(s.opt.AccountBurst)), RateLimit: new(float64(s.opt.AccountRate))}
	}
	rec.Features, rec.ApiKeyVersion = []string{"UsagePlans"}, new("4")
	return rec, rev, err
}

// GetAccount returns the settings of the caller's account in this region.
func (s *Service) GetAccount(ctx context.Context, _ *api.GetAccountInput) (*api.Account, error) {
	rec, _, err := s.account(ctx, s.tables(ctx))
	return &rec.Account, err
}

// UpdateAccount changes the settings of the caller's account.
func (s *Service) UpdateAccount(ctx context.Context, in *api.UpdateAccountInput) (*api.Account, error) {
	t := s.tables(ctx)
	var rec record.Account
	err := s.commit(ctx, func(c *store.Change) (err error) {
		var rev store.Rev
		if rec, rev, err = s.account(ctx, t); err != nil {
			return err
		}
		if err := accountPatches.apply(&rec.Account, in.PatchOperations); err != nil {
			return err
		}
		c.Require(t.Accounts.Is(record.AccountID, rev))
		store.Add(c, t.Accounts, record.AccountID, record.Account{
			Account: api.Account{CloudwatchRoleArn: rec.CloudwatchRoleArn}, Scope: t.Scope})
		return nil
	})
	return &rec.Account, err
}

// accountPatches is UpdateAccount. The role is kept for those who set it with
// every API; Gatehouse needs none to write logs (see inert).
var accountPatches = patchTable[api.Account]{refuse: refuseListing[api.Account], rules: []patchRule[api.Account]{
	{path: "/cloudwatchRoleArn", replace: func(a *api.Account, o patchOp) error {
		if a, err := arn.Parse(o.value); o.value != "" && (err != nil || a.Service != "iam" || !strings.HasPrefix(a.Resource, "role/")) {
			return api.BadRequestException("Invalid ARN specified in the request") // AWS: as recorded for integrations; not for this one
		}
		patchString(&a.CloudwatchRoleArn, o)
		return nil
	}},
	{path: "/features", add: patchFeatures, remove: patchFeatures},
}}

// patchFeatures knows the one feature there is, which cannot be given up.
func patchFeatures(_ *api.Account, o patchOp) error {
	switch {
	case o.value == "BlockedForRoutingRules" && o.op == "remove":
		return nil // AWS: may be removed by those who have it
	case o.value != "UsagePlans":
		return api.BadRequestException("Invalid feature specified: " + o.value) // AWS: undocumented text
	case o.op == "remove":
		return api.BadRequestException("Usage Plans cannot be disabled once enabled") // AWS: not recorded
	}
	return nil
}
