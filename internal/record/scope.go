package record

import (
	"context"

	"gatehouse/internal/store"
)

// Regions lists the Regions in which an account has anything.
func Regions(ctx context.Context, st store.Store, account string) ([]string, error) {
	var list []string
	prefix := store.Prefix(account)
	for from := prefix; ; {
		page, err := st.List(ctx, prefix, from, 1)
		if err != nil || len(page.KVs) == 0 {
			return list, err
		}
		s, after, ok := ScopeOf(page.KVs[0].Key)
		if ok {
			list = append(list, s.Region)
		}
		from = after
	}
}

// ScopeOf tells in which account and Region a key stands, and the first key
// that could stand behind all of that scope. It reports false for a key that
// stands in none; after is then the key's own successor.
func ScopeOf(key string) (s Scope, after string, ok bool) {
	parts := store.Parts(key)
	if len(parts) < 3 {
		return Scope{}, key + "\x00", false
	}
	return Scope{parts[0], parts[1]}, store.Prefix(parts[0], parts[1]) + "\xff", true
}

// Prefixes are what the keys begin with of all kinds of records in s that the
// data plane is made of: not the blobs, and not what only the service reads,
// of which there is as much as there are API keys.
func (s Scope) Prefixes() []string {
	var prefixes []string
	for _, k := range kinds {
		if k != KindAccount && k != KindAPIKeyValue {
			prefixes = append(prefixes, s.prefix(k))
		}
	}
	return prefixes
}

// Scopes are the accounts and Regions that have keys.
func Scopes(ctx context.Context, st store.Store) ([]Scope, error) {
	var scopes []Scope
	from := ""
	for {
		page, err := st.List(ctx, store.Prefix(), from, 1)
		if err != nil || len(page.KVs) == 0 {
			return scopes, err
		}
		scope, after, ok := ScopeOf(page.KVs[0].Key)
		if ok {
			scopes = append(scopes, scope)
		}
		from = after
	}
}
