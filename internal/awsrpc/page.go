package awsrpc

import (
	"encoding/base64"
	"slices"
)

// Page cuts the piece out of all that a caller asked for: at most n items,
// beginning with the one that token, which an earlier answer gave, stands for.
// ids are in the order of all. ok is false if the token is none of ours, or its
// item is gone. Items is never nil: an empty list is sent.
func Page[T any](all []T, id func(*T) string, token *string, n int) (items []T, next *string, ok bool) {
	first := 0
	if token != nil && *token != "" {
		at, err := base64.RawURLEncoding.DecodeString(*token)
		if err != nil {
			return nil, nil, false
		}
		first = slices.IndexFunc(all, func(t T) bool { return id(&t) == string(at) })
		if first < 0 {
			return nil, nil, false
		}
	}
	items = all[first:]
	if len(items) > n {
		token := base64.RawURLEncoding.EncodeToString([]byte(id(&items[n])))
		items, next = items[:n], &token
	}
	if items == nil {
		items = []T{}
	}
	return items, next, true
}
