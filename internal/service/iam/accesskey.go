package iam

import (
	"context"
	"strings"

	api "gatehouse/internal/awsapi/iam"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// maxAccessKeys is AWS's quota of access keys of a user.
const maxAccessKeys = 2

func errNoKey(id string) error {
	return api.NoSuchEntity("The Access Key with id " + id + " cannot be found.")
}

// keysOf returns the access keys of a user.
func (s *Service) keysOf(ctx context.Context, t record.Identities, user string) ([]store.Row[record.AccessKey], error) {
	rows, err := t.Keys.List(ctx, "", "", 0)
	if err != nil {
		return nil, err
	}
	var own []store.Row[record.AccessKey]
	for _, row := range rows.Rows {
		if strings.EqualFold(str(row.Value.UserName), user) {
			own = append(own, row)
		}
	}
	return own, nil
}

// CreateAccessKey creates a key of a user, or of the caller. Its secret is
// shown this once.
func (s *Service) CreateAccessKey(ctx context.Context, in *api.CreateAccessKeyInput) (*api.CreateAccessKeyResponse, error) {
	name, err := userName(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	t := s.tables(ctx)
	key := record.AccessKey{Account: t.Account, Secret: record.Secret(newSecret()), AccessKeyMetadata: api.AccessKeyMetadata{
		AccessKeyId: new(newID("AKIA")[:20]), CreateDate: now(), Status: new(api.StatusTypeActive),
	}}
	err = s.commit(ctx, func(c *store.Change) error {
		user, rev, err := get(ctx, t.Users, name, errNoUser(name))
		if err != nil {
			return err
		}
		key.UserName = user.UserName
		keys, err := s.keysOf(ctx, t, name)
		if err != nil {
			return err
		}
		if len(keys) >= maxAccessKeys {
			return api.LimitExceeded("Cannot exceed quota for AccessKeysPerUser: 2")
		}
		// The user is put again so that two calls at once cannot both add
		// its last key.
		if err := replace(c, t.Users, record.IdentityID(name), user, rev); err != nil {
			return err
		}
		return create(c, t.Keys, record.IdentityID(*key.AccessKeyId), key)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateAccessKeyResponse{AccessKey: &api.AccessKey{
		AccessKeyId: key.AccessKeyId, SecretAccessKey: new(key.Secret.Reveal()), Status: key.Status, UserName: key.UserName, CreateDate: key.CreateDate,
	}}, nil
}

// ListAccessKeys lists the keys of a user, without secrets.
func (s *Service) ListAccessKeys(ctx context.Context, in *api.ListAccessKeysInput) (*api.ListAccessKeysResponse, error) {
	name, err := userName(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	t := s.tables(ctx)
	if _, _, err := get(ctx, t.Users, name, errNoUser(name)); err != nil {
		return nil, err
	}
	rows, err := s.keysOf(ctx, t, name)
	if err != nil {
		return nil, err
	}
	var keys []api.AccessKeyMetadata
	for _, row := range rows {
		keys = append(keys, row.Value.AccessKeyMetadata)
	}
	out := &api.ListAccessKeysResponse{}
	out.AccessKeyMetadata, out.IsTruncated, out.Marker, err = page(keys, func(k *api.AccessKeyMetadata) string { return strings.ToLower(*k.AccessKeyId) }, in.Marker, in.MaxItems)
	return out, err
}

// userKey reads a key and checks that it is the user's.
func (s *Service) userKey(ctx context.Context, t record.Identities, user, id *string) (record.AccessKey, store.Rev, error) {
	name, err := userName(ctx, user)
	if err != nil {
		return record.AccessKey{}, 0, err
	}
	if _, _, err := get(ctx, t.Users, name, errNoUser(name)); err != nil {
		return record.AccessKey{}, 0, err
	}
	key, rev, err := get(ctx, t.Keys, str(id), errNoKey(str(id)))
	if err == nil && !strings.EqualFold(str(key.UserName), name) {
		err = errNoKey(str(id))
	}
	return key, rev, err
}

// UpdateAccessKey turns a key on or off.
func (s *Service) UpdateAccessKey(ctx context.Context, in *api.UpdateAccessKeyInput) error {
	t := s.tables(ctx)
	return s.commit(ctx, func(c *store.Change) error {
		key, rev, err := s.userKey(ctx, t, in.UserName, in.AccessKeyId)
		if err != nil {
			return err
		}
		key.Status = in.Status
		return replace(c, t.Keys, record.IdentityID(*key.AccessKeyId), key, rev)
	})
}

// DeleteAccessKey deletes a key.
func (s *Service) DeleteAccessKey(ctx context.Context, in *api.DeleteAccessKeyInput) error {
	t := s.tables(ctx)
	return s.commit(ctx, func(c *store.Change) error {
		key, rev, err := s.userKey(ctx, t, in.UserName, in.AccessKeyId)
		if err != nil {
			return err
		}
		remove(c, t.Keys, record.IdentityID(*key.AccessKeyId), rev)
		return nil
	})
}
