package event

import "slices"

// Order puts the names of a JSON object into the order in which AWS writes
// them.
//
// AWS: the recorded orders of requestContext and identity (authorizers.md
// §1.1, mapping-templates.md §4) are those of a java.util.HashMap: by the
// hash of the name, in a table that doubles when it is three quarters full.
// Names that share a place keep the order they have.
func Order[T any](list []T, name func(*T) string) {
	size := uint32(16)
	for uint32(len(list))*4 > size*3 {
		size *= 2
	}
	slices.SortStableFunc(list, func(a, b T) int {
		return int(hash(name(&a))&(size-1)) - int(hash(name(&b))&(size-1))
	})
}

// hash is what a HashMap makes of String.hashCode. Names beyond ASCII have
// another there; they are no names that AWS accepts.
func hash(s string) uint32 {
	var h uint32
	for i := range len(s) {
		h = 31*h + uint32(s[i])
	}
	return h ^ h>>16
}
