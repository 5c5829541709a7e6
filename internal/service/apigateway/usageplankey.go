package apigateway

import (
	"context"
	"slices"
	"strings"
	"time"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// usagePlanKeyType is the only type of keys that plans have.
const usagePlanKeyType = "API_KEY"

// CreateUsagePlanKey puts a key into a plan.
func (s *Service) CreateUsagePlanKey(ctx context.Context, in *api.CreateUsagePlanKeyInput) (*api.UsagePlanKey, error) {
	t := s.tables(ctx)
	if str(in.KeyType) != usagePlanKeyType {
		return nil, api.BadRequestException("Invalid key type specified. Valid options are API_KEY") // AWS: undocumented text
	}
	var out *api.UsagePlanKey
	err := s.commit(ctx, func(c *store.Change) error {
		plan, planRev, err := t.UsagePlans.Find(ctx, errUsagePlan(), str(in.UsagePlanId))
		if err != nil {
			return err
		}
		key, keyRev, err := t.APIKeys.Find(ctx, errAPIKey(), str(in.KeyId))
		if err != nil {
			return err
		}
		id := store.ID(*plan.Id, *key.Id)
		if _, rev, err := t.UsagePlanKeys.Find(ctx, nil, *plan.Id, *key.Id); err != nil || rev != 0 {
			if err == nil {
				err = api.ConflictException("Usage Plan Key " + *key.Id + " already exists in usage plan " + *plan.Id) // AWS: undocumented text
			}
			return err
		}
		if err := s.checkPlansOfKey(ctx, t, *key.Id, &plan); err != nil {
			return err
		}
		c.Require(t.UsagePlans.Is(*plan.Id, planRev))
		c.Require(t.APIKeys.Is(*key.Id, keyRev))
		c.Require(t.UsagePlanKeys.Absent(id))
		member := record.UsagePlanKey{UsagePlan: *plan.Id, APIKey: *key.Id, Type: usagePlanKeyType, Scope: t.Scope, Created: time.Now().UTC()}
		store.Add(c, t.UsagePlanKeys, id, member)
		out = new(shownUsagePlanKey(member, key))
		return nil
	})
	return out, err
}

// checkPlansOfKey refuses a key that is in too many plans, or in one that has
// a stage of this plan.
func (s *Service) checkPlansOfKey(ctx context.Context, t record.Tables, key string, plan *record.UsagePlan) error {
	plans, err := s.plansOfKey(ctx, t, key)
	if err != nil {
		return err
	}
	if len(plans) >= s.opt.Limits.UsagePlansPerKey {
		return errLimit("Usage Plans per API Key")
	}
	for _, other := range plans {
		if err := requireUnplanned(ctx, t, key, other, plan.ApiStages); err != nil {
			return err
		}
	}
	return nil
}

// plansOfKey are the ids of the plans a key is in.
func (s *Service) plansOfKey(ctx context.Context, t record.Tables, key string) ([]string, error) {
	members, err := ids(ctx, s.st, t.UsagePlanKeys)
	var plans []string
	for _, id := range members {
		if id[1] == key {
			plans = append(plans, id[0])
		}
	}
	return plans, err
}

// requireUnplanned refuses stages to a key if another plan of the key has one
// of them.
func requireUnplanned(ctx context.Context, t record.Tables, key, plan string, stages []api.ApiStage) error {
	other, _, err := t.UsagePlans.Find(ctx, nil, plan)
	if err != nil {
		return err
	}
	for _, stage := range stages {
		if slices.ContainsFunc(other.ApiStages, func(o api.ApiStage) bool { return sameStage(o, stage) }) {
			// AWS: refused too, with a text we do not know.
			return api.ConflictException("API Key " + key + " is already associated with API stage " + str(stage.ApiId) + ":" + str(stage.Stage) + " by usage plan " + plan)
		}
	}
	return nil
}

// shownUsagePlanKey is a membership as it is returned.
//
// AWS: with the key's value (recorded: test_get_usage_plan_api_keys).
func shownUsagePlanKey(member record.UsagePlanKey, key record.APIKey) api.UsagePlanKey {
	return api.UsagePlanKey{Id: new(member.APIKey), Type: new(member.Type), Name: key.Name, Value: key.Value}
}

// GetUsagePlanKey returns one key of a plan.
func (s *Service) GetUsagePlanKey(ctx context.Context, in *api.GetUsagePlanKeyInput) (*api.UsagePlanKey, error) {
	t := s.tables(ctx)
	if _, _, err := t.UsagePlans.Find(ctx, errUsagePlan(), str(in.UsagePlanId)); err != nil {
		return nil, err
	}
	member, _, err := t.UsagePlanKeys.Find(ctx, errAPIKey(), str(in.UsagePlanId), str(in.KeyId))
	if err != nil {
		return nil, err
	}
	key, _, err := t.APIKeys.Find(ctx, errAPIKey(), member.APIKey)
	if err != nil {
		return nil, err
	}
	return new(shownUsagePlanKey(member, key)), nil
}

// GetUsagePlanKeys lists the keys of a plan, the newest first. An unknown plan
// has none (recorded: test_get_usage_plan_api_keys).
func (s *Service) GetUsagePlanKeys(ctx context.Context, in *api.GetUsagePlanKeysInput) (*api.UsagePlanKeys, error) {
	t := s.tables(ctx)
	rows, err := t.UsagePlanKeys.All(ctx, str(in.UsagePlanId))
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(rows, func(a, b store.Row[record.UsagePlanKey]) int { return b.Value.Created.Compare(a.Value.Created) })
	var keys []api.UsagePlanKey
	for _, row := range rows {
		key, rev, err := t.APIKeys.Find(ctx, nil, row.Value.APIKey)
		if err != nil {
			return nil, err
		}
		if rev != 0 && strings.HasPrefix(str(key.Name), str(in.NameQuery)) {
			keys = append(keys, shownUsagePlanKey(row.Value, key))
		}
	}
	items, next, err := page(keys, func(k *api.UsagePlanKey) string { return *k.Id }, in.Position, in.Limit)
	if err != nil {
		return nil, err
	}
	return &api.UsagePlanKeys{Items: items, Position: next}, nil
}

// DeleteUsagePlanKey takes a key out of a plan.
func (s *Service) DeleteUsagePlanKey(ctx context.Context, in *api.DeleteUsagePlanKeyInput) error {
	t := s.tables(ctx)
	return s.commit(ctx, func(c *store.Change) error {
		if _, _, err := t.UsagePlans.Find(ctx, errUsagePlan(), str(in.UsagePlanId)); err != nil {
			return err
		}
		_, rev, err := t.UsagePlanKeys.Find(ctx, errAPIKey(), str(in.UsagePlanId), str(in.KeyId))
		if err != nil {
			return err
		}
		id := store.ID(str(in.UsagePlanId), str(in.KeyId))
		c.Require(t.UsagePlanKeys.Is(id, rev))
		c.Do(t.UsagePlanKeys.Delete(id))
		return nil
	})
}
