package lambda

import (
	"encoding/base64"
	"slices"
)

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
	first := 0
	if m := str(marker); m != "" {
		at, err := base64.RawURLEncoding.DecodeString(m)
		if err != nil {
			return nil, nil, errParameter("Invalid Marker") // AWS: undocumented text
		}
		first = slices.IndexFunc(all, func(t T) bool { return id(&t) == string(at) })
		if first < 0 {
			return nil, nil, errParameter("Invalid Marker")
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
