package openapi

import "slices"

// A kind is the JSON type of a node.
type kind uint8

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindText
	kindList
	kindObject
)

// String returns the name that parse warnings use for the type.
func (k kind) String() string {
	return [...]string{"null", "boolean", "number", "string", "array", "object"}[k]
}

// A node is one value of a document, whichever syntax it came in. Members keep
// their order and numbers their spelling. Nodes that stand for YAML aliases are
// shared, so a node is never changed after it was read.
type node struct {
	kind  kind
	text  string  // of scalars: the text, the digits, "true" or "false"
	items []*node // of a list; of an object its values, beside keys
	keys  []string
	index map[string]int // of objects with many members
}

// smallObject is the number of members up to which a scan beats a map.
const smallObject = 8

// get returns a member of an object, or nil. Anything but an object has none.
func (n *node) get(key string) *node {
	if n == nil || n.kind != kindObject {
		return nil
	}
	if n.index != nil {
		if i, ok := n.index[key]; ok {
			return n.items[i]
		}
		return nil
	}
	if i := slices.Index(n.keys, key); i >= 0 {
		return n.items[i]
	}
	return nil
}

// set adds a member, and reports false if the object already has the key.
func (n *node) set(key string, v *node) bool {
	if n.get(key) != nil {
		return false
	}
	n.keys = append(n.keys, key)
	n.items = append(n.items, v)
	if n.index != nil {
		n.index[key] = len(n.keys) - 1
		return true
	}
	if len(n.keys) > smallObject {
		n.index = make(map[string]int, 2*len(n.keys))
		for i, k := range n.keys {
			n.index[k] = i
		}
	}
	return true
}

// is reports whether n is present and of kind k.
func (n *node) is(k kind) bool { return n != nil && n.kind == k }

// scalar returns the text of a string, number or boolean. Those three are
// accepted for each other, as AWS's reader accepts them.
func (n *node) scalar() (string, bool) {
	if n == nil || n.kind == kindNull || n.kind >= kindList {
		return "", false
	}
	return n.text, true
}

// present reports whether n stands for a value: absent and null are the same.
func (n *node) present() bool { return n != nil && n.kind != kindNull }
