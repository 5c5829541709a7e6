package step

import (
	"fmt"

	"gatehouse/internal/gateway"
)

// The key of what serves where nothing has the key that was found.
const defaultKey = "$default"

// keyed are things of a WebSocket API of which a selection expression chooses
// one: templates or models.
type keyed[T any] struct {
	by    *Selection // nil: they are chosen by media type, as for REST APIs
	known map[string]T
}

// newKeyed makes what is chosen from by an expression, which may be empty.
func newKeyed[T any](expr string, answered bool, size int) (keyed[T], error) {
	k := keyed[T]{known: make(map[string]T, size)}
	if expr == "" {
		return k, nil
	}
	var err error
	if k.by, err = parseSelection(expr, answered); err != nil {
		return k, fmt.Errorf("selection expression: %w", err)
	}
	return k, nil
}

// choose returns what an exchange wants.
//
// AWS: websocket-execution.md §4; "WebSocket selection expression summary":
// $default serves for all other keys. Undocumented: where the expression itself
// comes to $default and nothing has that key, what is kept for application/json
// serves: the examples of the CDK count on it.
func (k *keyed[T]) choose(x *gateway.Exchange) (T, bool) {
	key := typeJSON
	if k.by != nil {
		key = k.by.key(x)
	}
	if v, ok := k.known[key]; ok {
		return v, true
	}
	v, ok := k.known[defaultKey]
	if !ok && key == defaultKey {
		v, ok = k.known[typeJSON]
	}
	return v, ok
}
