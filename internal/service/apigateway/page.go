package apigateway

import (
	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/awsrpc"
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
	items, next, ok := awsrpc.Page(all, id, position, n) // AWS: an empty list is sent (recorded: test_get_api_keys)
	if !ok {
		return nil, nil, errPosition()
	}
	return items, next, nil
}

func errPosition() error {
	return api.BadRequestException("Invalid position parameter specified") // AWS: undocumented text
}
