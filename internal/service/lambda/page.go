package lambda

import "gatehouse/internal/awsrpc"

// defaultItems is how many items a page has if the call does not say.
//
// AWS: "50" for ListFunctions; the other lists have the same.
const defaultItems = 50

// page cuts a list at a marker, which names the first item that is to come. A
// marker whose item is gone is refused.
func page[T any](all []T, id func(*T) string, marker *string, max *int32) (items []T, next *string, err error) {
	n := defaultItems
	if max != nil {
		n = int(*max)
	}
	items, next, ok := awsrpc.Page(all, id, marker, n)
	if !ok {
		return nil, nil, errParameter("Invalid Marker") // AWS: undocumented text
	}
	return items, next, nil
}
