package apigatewayv2

import (
	"encoding/base64"
	"maps"
	"slices"
	"strconv"
)

// The sizes of pages.
//
// AWS: undocumented for these operations; as for REST APIs.
const (
	defaultPage = 25
	maxPage     = 500
)

// page cuts the piece out of all that a caller asked for. ids are in the order
// of all.
func page[T any](all []T, id func(*T) string, token, limit *string) (items []T, next *string, err error) {
	n := defaultPage
	if l := str(limit); l != "" {
		n, err = strconv.Atoi(l)
		if err != nil || n < 1 {
			return nil, nil, bad("Invalid value for maxResults")
		}
		n = min(n, maxPage)
	}
	first := 0
	if p := str(token); p != "" {
		at, err := base64.RawURLEncoding.DecodeString(p)
		if err == nil {
			first = slices.IndexFunc(all, func(t T) bool { return id(&t) == string(at) })
		}
		if err != nil || first < 0 {
			return nil, nil, bad("Invalid value for nextToken")
		}
	}
	items = all[first:]
	if len(items) > n {
		next = new(base64.RawURLEncoding.EncodeToString([]byte(id(&items[n]))))
		items = items[:n]
	}
	if items == nil {
		items = []T{}
	}
	return items, next, nil
}

// sorted are the values of m in the order of their keys.
func sorted[T any](m map[string]T) []T {
	list := make([]T, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		list = append(list, m[k])
	}
	return list
}
