package apigateway

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// All texts are recorded (TestApigatewayApiKeysCrud) unless they say otherwise.

func errAPIKey() error {
	return api.NotFoundException("Invalid API Key identifier specified") // AWS: not recorded
}

// CreateApiKey creates an API key, with the value given or one of its own.
func (s *Service) CreateApiKey(ctx context.Context, in *api.CreateApiKeyInput) (*api.ApiKey, error) {
	t := s.tables(ctx)
	created := time.Now().UTC()
	shown := created.Truncate(time.Second)
	key := record.APIKey{Scope: t.Scope, Created: created, ApiKey: api.ApiKey{
		Name: text(in.Name), Description: text(in.Description), Enabled: new(is(in.Enabled)), Value: text(in.Value),
		CustomerId: text(in.CustomerId), CreatedDate: &shown, LastUpdatedDate: &shown, StageKeys: []string{},
	}}
	if len(in.Tags) > 0 {
		key.Tags = in.Tags
	}
	for _, k := range in.StageKeys {
		key.StageKeys = append(dropValue(key.StageKeys, stageKey(k)), stageKey(k))
	}
	if err := cmp.Or(checkAPIKey(&key.ApiKey), checkTags(key.Tags)); err != nil {
		return nil, err
	}
	if key.Value == nil {
		key.Value = new(newAPIKeyValue())
	}
	err := s.commit(ctx, func(c *store.Change) error {
		if err := s.checkStageKeys(ctx, t, key.StageKeys); err != nil {
			return err
		}
		if err := checkCount(ctx, s.st, t.APIKeys, s.opt.Limits.APIKeys, errLimit("API Keys")); err != nil {
			return err
		}
		key.Id = new(newID(apiIDLen))
		value := valueID(*key.Value)
		if _, rev, err := t.APIKeyValues.Find(ctx, nil, value); err != nil || rev != 0 {
			if err == nil {
				err = api.ConflictException("API Key already exists") // AWS: not recorded
			}
			return err
		}
		c.Require(t.APIKeyValues.Absent(value))
		c.Require(t.APIKeys.Absent(*key.Id))
		store.Add(c, t.APIKeyValues, value, record.APIKeyValue{APIKey: *key.Id})
		store.Add(c, t.APIKeys, *key.Id, key)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &key.ApiKey, nil
}

// valueID is the id under which a key's value is reserved.
func valueID(value string) string {
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:])
}

// checkAPIKey refuses what cannot be a key.
func checkAPIKey(key *api.ApiKey) error {
	if utf8.RuneCountInString(str(key.Name)) > maxAPIKeyName {
		return api.BadRequestException("Invalid API Key name, can be at most 1024 characters.")
	}
	if utf8.RuneCountInString(str(key.Description)) > maxDescription {
		return api.BadRequestException("Invalid API Key description specified.")
	}
	if key.Value != nil && len(*key.Value) < minAPIKeyValue {
		return api.BadRequestException("API Key value should be at least 20 characters")
	}
	if key.Value != nil && len(*key.Value) > maxAPIKeyValue {
		return api.BadRequestException("API Key value exceeds maximum size of 128 characters")
	}
	return nil
}

// shownAPIKey is a key as it is returned: with its value only to who asks.
func shownAPIKey(key record.APIKey, withValue bool) api.ApiKey {
	if !withValue {
		key.Value = nil
	}
	return key.ApiKey
}

// GetApiKey returns one key.
func (s *Service) GetApiKey(ctx context.Context, in *api.GetApiKeyInput) (*api.ApiKey, error) {
	key, _, err := s.tables(ctx).APIKeys.Find(ctx, errAPIKey(), str(in.ApiKey))
	if err != nil {
		return nil, err
	}
	key.Tags = shownTags(key.Tags)
	return new(shownAPIKey(key, is(in.IncludeValue))), nil
}

// GetApiKeys lists keys, the newest first; those of a name query by name.
//
// AWS: captured in September 2026 (stackd, api_keys: names ascend, of the same
// name the newer came first; a key without a name answers no query).
func (s *Service) GetApiKeys(ctx context.Context, in *api.GetApiKeysInput) (*api.ApiKeys, error) {
	rows, err := s.tables(ctx).APIKeys.All(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(rows, func(a, b store.Row[record.APIKey]) int {
		newer := b.Value.Created.Compare(a.Value.Created)
		if in.NameQuery != nil {
			return cmp.Or(strings.Compare(str(a.Value.Name), str(b.Value.Name)), newer)
		}
		return newer
	})
	var keys []api.ApiKey
	for _, row := range rows {
		// AWS: names are compared from their beginning, with case.
		if strings.HasPrefix(str(row.Value.Name), str(in.NameQuery)) &&
			(in.CustomerId == nil || str(row.Value.CustomerId) == *in.CustomerId) {
			keys = append(keys, shownAPIKey(row.Value, is(in.IncludeValues)))
		}
	}
	items, next, err := page(keys, func(k *api.ApiKey) string { return *k.Id }, in.Position, in.Limit)
	if err != nil {
		return nil, err
	}
	return &api.ApiKeys{Items: items, Position: next}, nil
}

// UpdateApiKey changes a key.
func (s *Service) UpdateApiKey(ctx context.Context, in *api.UpdateApiKeyInput) (*api.ApiKey, error) {
	t := s.tables(ctx)
	var key record.APIKey
	err := s.commit(ctx, func(c *store.Change) (err error) {
		var rev store.Rev
		if key, rev, err = t.APIKeys.Find(ctx, errAPIKey(), str(in.ApiKey)); err != nil {
			return err
		}
		before := slices.Clone(key.StageKeys)
		if err := apiKeyPatches.apply(&key.ApiKey, in.PatchOperations); err != nil {
			return err
		}
		fresh := slices.DeleteFunc(slices.Clone(key.StageKeys), func(k string) bool { return slices.Contains(before, k) })
		if err := s.checkStageKeys(ctx, t, fresh); err != nil {
			return err
		}
		if err := checkAPIKey(&key.ApiKey); err != nil {
			return err
		}
		key.LastUpdatedDate = now()
		c.Require(t.APIKeys.Is(*key.Id, rev))
		store.Add(c, t.APIKeys, *key.Id, key)
		return nil
	})
	key.Tags = shownTags(key.Tags)
	return new(shownAPIKey(key, false)), err
}

// apiKeyPatches is UpdateApiKey, in the order of AWS's list.
var apiKeyPatches = patchTable[api.ApiKey]{refuse: refuseListing[api.ApiKey], rules: []patchRule[api.ApiKey]{
	{path: "/description", replace: func(k *api.ApiKey, o patchOp) error { patchString(&k.Description, o); return nil }},
	{path: "/enabled", replace: func(k *api.ApiKey, o patchOp) error { k.Enabled = patchBool(o); return nil }},
	{path: "/name", replace: func(k *api.ApiKey, o patchOp) error { patchString(&k.Name, o); return nil }},
	{path: "/customerId", replace: func(k *api.ApiKey, o patchOp) error { patchString(&k.CustomerId, o); return nil }},
	{path: "/labels", add: refusePatch[api.ApiKey](noLabels), remove: refusePatch[api.ApiKey](noLabels)},
	{path: "/stages", add: func(k *api.ApiKey, o patchOp) error {
		k.StageKeys = append(dropValue(k.StageKeys, o.value), o.value)
		return nil
	}, remove: func(k *api.ApiKey, o patchOp) error {
		if !slices.Contains(k.StageKeys, o.value) {
			return errStage()
		}
		k.StageKeys = slices.DeleteFunc(k.StageKeys, func(s string) bool { return s == o.value }) // an empty list is shown
		return nil
	}},
}}

// maxStageKeys bounds the stages that a key names; AWS: undocumented.
const maxStageKeys = 100

// stageKey is how a key names a stage.
func stageKey(k api.StageKey) string { return str(k.RestApiId) + "/" + str(k.StageName) }

// checkStageKeys refuses stages that are not there. A key is kept with the
// stages that it names and is shown with them; nothing else comes of it.
//
// AWS: CAP api_key_runtime: they do not admit a key since there are usage plans.
func (s *Service) checkStageKeys(ctx context.Context, t record.Tables, keys []string) error {
	if len(keys) > maxStageKeys {
		return api.LimitExceededException("An API Key can name at most 100 stages") // AWS: undocumented text
	}
	for _, k := range keys {
		restAPI, stage, ok := strings.Cut(k, "/")
		if !ok {
			return errStage()
		}
		if _, _, err := s.liveStage(ctx, t, &restAPI, &stage); err != nil {
			return err
		}
	}
	return nil
}

// DeleteApiKey removes a key, also from its usage plans.
func (s *Service) DeleteApiKey(ctx context.Context, in *api.DeleteApiKeyInput) error {
	t := s.tables(ctx)
	return s.commit(ctx, func(c *store.Change) error {
		key, rev, err := t.APIKeys.Find(ctx, errAPIKey(), str(in.ApiKey))
		if err != nil {
			return err
		}
		c.Require(t.APIKeys.Is(*key.Id, rev))
		c.Do(t.APIKeys.Delete(*key.Id), t.APIKeyValues.Delete(valueID(*key.Value)))
		plans, err := s.plansOfKey(ctx, t, *key.Id)
		for _, plan := range plans {
			c.Do(t.UsagePlanKeys.Delete(store.ID(plan, *key.Id)))
		}
		return err
	})
}
