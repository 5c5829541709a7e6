package wire

import "unsafe"

// String returns b as a string without copying it. The string is only valid as
// long as the bytes stay unchanged: it is for memory that belongs to an
// exchange. Whoever keeps the string longer clones it.
func String(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b))
}
