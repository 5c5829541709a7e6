//go:build !linux

package robust_test

import "testing"

// chaosNetwork returns the loopback interface.
func chaosNetwork(*testing.T, int) network { return loopback{} }
