package iam

import (
	"encoding/base64"
	"strconv"
	"strings"

	"gatehouse/internal/awsrpc"
)

func itoa(n int) string { return strconv.Itoa(n) }

// page cuts out of a list, in the order of its keys, what a caller asked for.
//
// AWS: 100 items unless MaxItems says otherwise, at most 1,000.
func page[T any](list []T, key func(*T) string, marker *string, limit *int32) (items []T, truncated *bool, next *string, err error) {
	n := 100
	if limit != nil {
		if n = int(*limit); n < 1 || n > 1000 {
			return nil, nil, nil, awsrpc.Validation("1 validation error detected: Value '" + itoa(n) +
				"' at 'maxItems' failed to satisfy constraint: Member must have value between 1 and 1000")
		}
	}
	first := 0
	if str(marker) != "" {
		at, err := base64.RawURLEncoding.DecodeString(*marker)
		if err != nil {
			return nil, nil, nil, awsrpc.Validation("Invalid Marker.")
		}
		for first < len(list) && key(&list[first]) < string(at) {
			first++
		}
	}
	items = list[first:]
	if len(items) > n {
		next = new(base64.RawURLEncoding.EncodeToString([]byte(key(&items[n]))))
		items = items[:n]
	}
	if items == nil {
		items = []T{}
	}
	return items, new(next != nil), next, nil
}

// below reports whether a path lies under a prefix that may be missing.
func below(path, prefix *string) bool { return strings.HasPrefix(str(path), str(prefix)) }
