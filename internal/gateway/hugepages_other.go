//go:build !linux

package gateway

// advise does nothing: there is no such advice here.
func advise[T any]([]T) {}
