package apigatewayv2

import (
	"maps"
	"slices"
	"strconv"

	"gatehouse/internal/awsrpc"
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
	items, next, ok := awsrpc.Page(all, id, token, n)
	if !ok {
		return nil, nil, bad("Invalid value for nextToken")
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
