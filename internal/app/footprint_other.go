//go:build !linux

package app

// forgetStart does nothing where there is no way.
func forgetStart() {}
