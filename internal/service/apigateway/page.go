package apigateway

import (
	"encoding/base64"
	"slices"

	api "gatehouse/internal/awsapi/apigateway"
)

// page cuts the piece out of all that a caller asked for: at most limit items,
// starting at the position a former answer gave. ids are in the order of all.
//
// AWS: positions are opaque, the default limit is 25 and the largest 500
// (API references of the Get operations).
func page[T any](all []T, id func(*T) string, position *string, limit *int32) (items []T, next *string, err error) {
	n := defaultPage
	if limit != nil && *limit > 0 {
		n = min(int(*limit), maxPage)
	}
	first := 0
	if p := str(position); p != "" {
		at, err := base64.RawURLEncoding.DecodeString(p)
		if err != nil {
			return nil, nil, errPosition()
		}
		first = slices.IndexFunc(all, func(t T) bool { return id(&t) == string(at) })
		if first < 0 {
			return nil, nil, errPosition()
		}
	}
	items = all[first:]
	if len(items) > n {
		next = new(base64.RawURLEncoding.EncodeToString([]byte(id(&items[n]))))
		items = items[:n]
	}
	if items == nil {
		items = []T{} // AWS: an empty list is sent (recorded: test_get_api_keys)
	}
	return items, next, nil
}

func errPosition() error {
	return api.BadRequestException("Invalid position parameter specified") // AWS: undocumented text
}
